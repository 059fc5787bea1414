"""The form of a cited answer, as a grammar in llama.cpp's GBNF notation. Pure.

The grammar guarantees form, not truth: either the refusal sentence alone, or sentences of which
each ends in one to three marks [n] with n among the passages that were given.
"""

from __future__ import annotations

REFUSAL = "The readings do not say."
"""The whole answer when the passages hold none."""
SENTENCE_CHARACTERS = 320
"""The longest sentence that the grammar admits."""
TOKENS_PER_SENTENCE = 80
"""What that takes, in tokens of a language model, about."""
MOST_SENTENCES = 8

# A full stop inside a sentence is one that the splitter of answers does not take for its end:
# in a number or name, before a small letter, after an initial or an abbreviation.
_RULES = r"""
sent ::= first rest{1,LIMIT} (end " "? cites | " "? cites end)
cites ::= cite (" "? cite){0,2}
cite ::= "[" num "]"
end ::= [.!?。！？] ["”»’)]?
first ::= [A-Z] ". " | [^ .,;:!?。！？\[\]【】<>|{}\U00000000-\U0000001F\U0000007F-\U000000A0]
rest ::= char | "." tight | [.?!] " " lower | [ (] short ". " [A-Z]
short ::= [A-Z] | "al" | "cf" | "e.g" | "i.e" | "vs" | "Dr" | "Prof" | "St"
tight ::= [^ .!?。！？\[\]【】<|\U00000000-\U0000001F\U0000007F-\U000000A0]
lower ::= [a-z0-9(]
char ::= [^.!?。！？\[\]【】\U00000000-\U0000001F\U0000007F-\U000000A0]
"""


def citation_grammar(passages: int, *, max_tokens: int) -> str:
    """GBNF for an answer over `passages` numbered passages.

    The number of sentences follows `max_tokens`, so that the last one is finished within it.

    Raises:
        ValueError: when there is no passage to cite.
    """
    if passages < 1:
        raise ValueError("a citation grammar needs at least one passage")
    more = max(1, min(MOST_SENTENCES, max_tokens // TOKENS_PER_SENTENCE)) - 1
    numbers = " | ".join(f'"{number}"' for number in range(1, passages + 1))
    return (
        f'root ::= " "? ("{_escaped(REFUSAL)}" | item (break item){{0,{more}}})\n'
        'item ::= ("- " | [1-9] ". ")? sent\n'
        'break ::= " " | "\\n" "\\n"?\n'
        f"num ::= {numbers}" + _RULES.replace("LIMIT", str(SENTENCE_CHARACTERS))
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
