"""What of a passage can be quoted: sentences that stand alone, and lists with their lead. Pure.

Notes are mostly nested lists, where an item says little without the line it hangs under. So an
item comes with its short parent, a parent with its children, and what stands above a unit in the
outline is kept beside it as its context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from seminar_rag.types import Hit, Passage, Sentence

ITEMS = 9
"""Items of a list that are quoted with the line that introduces it."""
_LABEL, _SHORT_LABEL = 12, 6
"""An item, or a paragraph, of so many words at most can be a label: quoted along with what it
introduces."""
_TERSE, _LONG = 12, 40
"""Words an item has on average, at most, where its list is quoted under a heading or a line."""
_SENTENCE = 10
"""Words from which the last line of a paragraph needs no full stop to be a sentence."""
_EXPLAINED = 3
"""Sentences of a paragraph that are quoted with its label."""
_WORDS = 90
"""A sentence of more words is a wall; a list may be half as long again."""

_ENDED = re.compile(r"[.!?…:;][\"'”’)\]*]*$|[)\]”\"]$")
_OPENED = re.compile(r"^[\"'“‘(\[]*[^\W_]")
_ANAPHORIC = re.compile(
    r"^(?:this|these|those|it|its|they|their|he|she|such|here|there|however|moreover"
    r"|furthermore|therefore|thus|hence|additionally|in addition|in contrast|similarly|also|but"
    r"|and|so|then|the (?:former|latter|first|second|third|other|same)|both|instead"
    r"|for (?:example|instance))\b"
    r"|^(?:(?:to \w+|because of|as a result of|due to|despite|for|with|by|from|of|after|before)"
    r" (?:this|these|those|such))\b(?! (?:papers?|work|study|survey|review|article|blog|section"
    r"|chapter|lecture|session|course|post|notes?))",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:this|these|those|it|its|they|their)\b", re.IGNORECASE)
_ADDS_ON = re.compile(
    r"^(?:moreover|furthermore|additionally|in addition|also|and)\b", re.IGNORECASE
)
"""Opens a sentence that stands alone all the same."""
_BULLET = re.compile(r"^(?:[+*•·–-]\s+\**|\*{2,})(?=\S)")
_MARKED = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_NAMES = re.compile(r"[^.:!?]{2,40}:\s")
_NUMBERED = re.compile(r"(?<![\w.])\(?(\d{1,2})[.)]$")
_ASIDE = re.compile(
    r"^(?:(?:figure|fig\.?|table|image|source|link|photo|slide|video|credit)s?\b\W{0,3}"
    r"(?:\d|:|credit|from)"
    r"|https?://|!?\[\[|!\[|(?:see|refer to|as shown in|image source)\b|\[?\d+\]?\W*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Neighbouring sentences that are quoted together."""

    hit: int
    """1-based index of its passage among the offered."""
    sentences: tuple[Sentence, ...]
    text: str
    context: str
    """The lines above it in the outline, outermost first."""
    listed: bool
    """The first sentence introduces the others."""
    label: str = ""
    """Of a listed unit the first sentence."""
    counted: bool = False
    """Its sentences end with the number of the next: "There are two ways: 1.", "Prompts 2."."""

    items: int = 0
    """How many items follow the first sentence."""

    @property
    def said(self) -> str:
        """The text without a label of one sentence."""
        alone = self.listed and len(self.sentences) == 2
        return self.text[len(self.label) :].lstrip() if alone else self.text

    @property
    def words(self) -> int:
        """Length."""
        return len(self.text.split())


def units(index: int, hit: Hit) -> Iterator[Unit]:
    """The units of one offered passage, in order; they overlap.

    Args:
        index: 1-based index of the hit among the offered.
    """
    passage = _itemised(hit.passage)
    sentences = passage.sentences
    counted = 0
    for at, sentence in enumerate(sentences):
        text = tidy(passage.quote(sentence))
        if at < counted or sentence.kind in ("table", "code"):
            continue
        counted = _counted(passage, at)
        if counted:
            own = sentences[at:counted]
            one = _unit(index, passage, own, _above(passage, at), True)
            yield replace(one, counted=True, items=len(own) - 1)
            continue
        below = _below(passage, at)
        if below:
            yield from _list(index, passage, at, below)
        last = at + 1 == len(sentences) or opens(passage, sentences[at + 1])
        if sentence.kind != "heading" and quotable(text, sentence.kind == "item", last):
            yield _single(index, passage, at)


def _itemised(passage: Passage) -> Passage:
    """The passage with paragraphs that begin with a bullet as the items they were meant to be."""
    out: list[Sentence] = []
    for sentence in passage.sentences:
        if sentence.kind == "paragraph":
            first = opens(passage, sentence)
            bullet = first and bool(_BULLET.match(passage.quote(sentence)))
            if bullet or (not first and out and out[-1].kind == "item"):
                out.append(replace(sentence, kind="item"))
                continue
        out.append(sentence)
    return replace(passage, sentences=tuple(out))


def _counted(passage: Passage, at: int) -> int:
    """Where an enumeration inside a paragraph ends that begins with sentence `at`; else 0."""
    sentences = passage.sentences
    if sentences[at].kind == "heading":
        return 0
    first = _NUMBERED.search(passage.quote(sentences[at]))
    if not first:
        return 0
    number, end = int(first[1]), at + 1
    begun = number == 1 or f" {number - 1}. " in passage.quote(sentences[at])
    while end < len(sentences) and not opens(passage, sentences[end]):
        following = _NUMBERED.search(passage.quote(sentences[end]))
        end += 1
        if not following or int(following[1]) != number + 1:
            break
        number += 1
    items = end - at - 1
    return end if begun and items and (items > 1 or number > 1) else 0


def _single(index: int, passage: Passage, at: int) -> Unit:
    """A sentence, with its label where it hangs under one, or the sentence it points back to."""
    sentences = passage.sentences
    sentence = sentences[at]
    above = _above(passage, at)
    own: tuple[Sentence, ...] = (sentence,)
    listed = False
    parent = above[-1] if above else None
    named = _named_above(passage, at)
    if at and _points_back(passage, at):
        own = (sentences[at - 1], sentence)
    elif named is not None:
        own = (named, sentence)
    elif parent is not None and parent.kind != "heading" and _leads(passage, parent, sentence):
        own, listed, above = (parent, sentence), True, above[:-1]
    return _unit(index, passage, own, above, listed)


def _leads(passage: Passage, parent: Sentence, item: Sentence) -> bool:
    """Whether an item is quoted with the line above it: a label, or one that the item goes on."""
    goes_on = passage.quote(item)[:1].islower() and opens(passage, item)
    return _label(passage, parent) or (
        goes_on and len(passage.quote(parent).split()) <= _WORDS // 2
    )


def _named_above(passage: Passage, at: int) -> Sentence | None:
    """The opening of the item that sentence `at` goes on, if it names what the item is about."""
    if passage.sentences[at].kind != "item" or opens(passage, passage.sentences[at]):
        return None
    for sentence in reversed(passage.sentences[:at]):
        if sentence.kind != "item":
            return None
        if opens(passage, sentence):
            text = tidy(passage.quote(sentence))
            return sentence if _NAMES.match(text) and quotable(text, item=True) else None
    return None


def _points_back(passage: Passage, at: int) -> bool:
    """Whether sentence `at` needs the one before it, and that one can be quoted."""
    sentence, before = passage.sentences[at], passage.sentences[at - 1]
    text = passage.quote(sentence)
    if before.kind != sentence.kind or not _ANAPHORIC.match(text) or _ADDS_ON.match(text):
        return False
    if sentence.kind == "item" and opens(passage, sentence):
        return False
    return quotable(tidy(passage.quote(before)), before.kind == "item")


def _list(index: int, passage: Passage, at: int, below: Sequence[Sentence]) -> Iterator[Unit]:
    lead = passage.sentences[at]
    words = sum(len(passage.quote(one).split()) for one in below)
    # An abstract set as items under its title is no list, and a title is no label.
    most = _TERSE if lead.kind == "heading" else _LONG
    if lead.kind == "heading" and any(tidy(passage.quote(one)).endswith(":") for one in below):
        return
    if words <= min(1.5 * _WORDS, most * len(below)) and any(
        _worded(passage.quote(one)) for one in below
    ):
        own = (lead, *below[:ITEMS])
        if at and _PRONOUN.match(passage.quote(lead)) and _points_back(passage, at):
            own = (passage.sentences[at - 1], *own)
        yield _unit(index, passage, own, _above(passage, at), True)


def _unit(
    index: int,
    passage: Passage,
    own: tuple[Sentence, ...],
    above: Sequence[Sentence],
    listed: bool,
) -> Unit:
    text = " ".join(tidy(passage.quote(one)) for one in own)
    context = [tidy(passage.quote(one)) for one in above if one not in own]
    heading = passage.heading.rsplit(" › ", 1)[-1]
    if heading and heading not in context and not text.startswith(heading):
        context.insert(0, heading)
    label = tidy(passage.quote(own[0])) if listed else ""
    items = sum(one.kind == "item" and opens(passage, one) for one in own[1:]) if listed else 0
    return Unit(index, own, text, " › ".join(context), listed, label, items=items)


def _below(passage: Passage, at: int) -> tuple[Sentence, ...]:
    """What a line introduces: the items nested in it, or those after a line with a colon."""
    sentences = passage.sentences
    lead = sentences[at]
    text = tidy(passage.quote(lead))
    found: list[Sentence] = []
    for sentence in sentences[at + 1 :]:
        if sentence.kind != "item" or (lead.kind == "item" and sentence.level <= lead.level):
            break
        found.append(sentence)
    if not found and _label(passage, lead) and lead.kind != "heading":
        return _explained(passage, at)
    introduces = text.endswith(":") or lead.kind == "item" or _label(passage, lead)
    if lead.kind == "paragraph" and opens(passage, lead) and not _ENDED.search(text):
        introduces = introduces or len(text.split()) <= _LABEL
    if lead.kind == "item" and not opens(passage, lead):
        introduces = text.endswith(":")
    return tuple(found) if introduces else ()


def _explained(passage: Passage, at: int) -> tuple[Sentence, ...]:
    """The sentences of the paragraph right below a label."""
    found: list[Sentence] = []
    for sentence in passage.sentences[at + 1 :]:
        if sentence.kind != "paragraph" or len(found) == _EXPLAINED:
            break
        if opens(passage, sentence) == bool(found):
            break
        found.append(sentence)
    return tuple(found)


def _above(passage: Passage, at: int) -> list[Sentence]:
    """The lines of the passage that sentence `at` hangs under, outermost first."""
    sentences = passage.sentences
    level = sentences[at].level if sentences[at].kind == "item" else -1
    out: list[Sentence] = []
    for sentence in reversed(sentences[:at]):
        if sentence.kind == "heading":
            out.append(sentence)
            break
        if sentence.kind == "item" and sentence.level < level:
            out.append(sentence)
            level = sentence.level
        elif sentence.kind == "paragraph" and level >= 0:
            if tidy(passage.quote(sentence)).endswith(":") or _label(passage, sentence):
                out.append(sentence)
            level = -1
    return out[::-1]


def opens(passage: Passage, sentence: Sentence) -> bool:
    """Whether a sentence is the first of its paragraph or item."""
    return passage.text[: sentence.start].endswith("\n") or not sentence.start


def _label(passage: Passage, sentence: Sentence) -> bool:
    text = tidy(passage.quote(sentence))
    if _ANAPHORIC.match(text):
        return False
    most = _LABEL if sentence.kind == "item" or text.endswith(":") else _SHORT_LABEL
    return len(text.split()) <= most and not text.endswith((".", "!", ";")) and _worded(text)


def _worded(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2}", text))


def quotable(text: str, item: bool = False, last: bool = False) -> bool:
    """Whether a sentence reads well on its own: whole, of words, neither a scrap nor a wall.

    Args:
        last: it ends its paragraph.
    """
    tokens = text.split()
    letters = sum(character.isalpha() for character in text)
    if not (3 if item else 4) <= len(tokens) <= _WORDS or _ASIDE.match(text):
        return False
    if letters < 0.6 * len(text.replace(" ", "")):
        return False
    if item:
        return True
    if not _OPENED.match(text) or text[0].islower():
        return False
    return bool(_ENDED.search(text)) or (last and len(tokens) >= _SENTENCE)


def unnumbered(text: str) -> str:
    """A sentence of an enumeration without the number of the next."""
    return re.sub(r"[,;]?(?:\s+and)?\s*$", "", _NUMBERED.sub("", text))


def tidy(text: str) -> str:
    """White space folded, and markup taken off that was left standing in the text."""
    bare = _BULLET.sub("", _MARKED.sub(r"\2", text))
    return " ".join(bare.split())
