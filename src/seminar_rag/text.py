"""Words and sentences: the few text operations that several rooms share. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_ABBREVIATIONS = frozenset(
    "al e.g i.e cf vs fig figs eq eqs sec secs tab tabs ref refs ch chap app approx resp etc no nos"
    " vol pp p ed eds prof dr mr mrs ms st w.r.t ca viz incl def thm prop lem cor alg".split()
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:al|e\.g|i\.e|cf|vs|[Ff]igs?|[Ee]qs?|[Ss]ecs?|[Tt]abs?|[Rr]efs?|[Cc]hap|[Aa]pp"
    r"|w\.r\.t|approx|resp|Dr|Prof|No)\.|\b[A-Z]\.)$"
)
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_CITATION_MARK = re.compile(r" ?\[\d{1,3}\]")
STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    had has have having he her here hers him his how i if in into is it its itself just me more
    most my no nor not of off on once only or other our out over own same she should so some such
    than that the their them then there these they this those through to too under until up very
    was we were what when where which while who whom why will with would you your
    s t m re ve ll d don isn doesn didn aren wasn won ok okay please tell according say says said
    paper papers""".split()
)
"""Dropped from lexical queries: they match everything and cost most of the search."""


def words(text: str) -> list[str]:
    """The words of `text` in lower case; inner hyphens, dots and apostrophes kept together."""
    return [word.lower() for word in _WORD.findall(text)]


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, repeats kept."""
    return [word for word in words(text) if word not in STOPWORDS]


def unmarked(text: str) -> str:
    """An answer without its citation marks [n]."""
    return _CITATION_MARK.sub("", text)


@cache
def stem(word: str) -> str:
    """The word's English Snowball stem (Porter 2)."""
    return str(_stemmer().stemWord(word.removesuffix("'s").removesuffix("’s")))


def porter(word: str) -> str:
    """The word's stem by Porter's first algorithm, which SQLite's full text uses."""
    import snowballstemmer

    return str(snowballstemmer.stemmer("porter").stemWord(word))


def stems(text: str) -> list[str]:
    """Stems of the content words; compounds ("state-of-the-art") give their parts."""
    out: list[str] = []
    for word in content_words(text):
        parts = [part for part in re.split(r"[-'’]", word) if part and part not in STOPWORDS]
        out.extend(stem(part) for part in parts)
    return out


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, white space trimmed, in order, none empty.

    Punkt (Kiss & Strunk 2006) with the abbreviations of scientific prose; a break after
    "et al." or before a lower-case word or a bracket is mended.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _punkt().span_tokenize(text):
        if spans and _continues(text[spans[-1][0] : spans[-1][1]], text[start:end]):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _continues(before: str, after: str) -> bool:
    if _ABBREVIATED.search(before):
        return True
    return after[:1].islower() or after[:1] in ")]},;:" or not re.search(r"\w", after)


@cache
def _punkt() -> Any:
    import copy

    from llama_index.core.utils import globals_helper  # bundles the model, so nothing is fetched

    tokenizer = copy.deepcopy(globals_helper.punkt_tokenizer)
    tokenizer._params.abbrev_types.update(_ABBREVIATIONS)
    return tokenizer


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
