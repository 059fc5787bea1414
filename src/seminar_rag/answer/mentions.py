"""Whether a passage mentions a name: in any spelling of spaces and case, in short or in full.

A passage has what its work's title, its authors and its headings say, too. What stands inside
another word is no name: "exploration" does not mention LoRA, nor does QLoRA; ChatGPT mentions GPT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from string import ascii_lowercase, digits

from seminar_rag.text import FUNCTION_WORDS, content_words, stems
from seminar_rag.types import Hit

_WORD = re.compile(r"[^\W_]+")
_LEFT_OUT = re.compile(r"[^a-z0-9]+")
_KEPT = frozenset(ascii_lowercase + digits)
_DISTINCT = re.compile(r"[A-Z].*[A-Z]|[a-z][A-Z]")
"""What no ordinary word looks like, and no number."""
_FRACTION = re.compile(r"\d\.\d")
_SAID = {"2": "to", "4": "for"}
"""Words that a digit stands for in an abbreviation, such as LLM4SE."""
_BETWEEN = "\0"
_STOP = re.compile(r"[.!?;:]")
_FAR = 100
"""Characters before an abbreviation in which what it is short for stands."""
_LEAST = 3
"""Letters of an abbreviation, at least: two begin the words of many a heading by chance."""


class Mentions:
    """A hit's text, in the spellings that names are looked up in."""

    def __init__(self, hit: Hit) -> None:
        # A name does not begin in a heading and go on in the text.
        said = _said(hit)
        self._text = _BETWEEN.join(said)
        self._squeezed = _BETWEEN.join(map(_squeeze, said))
        self._stems = _BETWEEN.join(f" {' '.join(stems(one))} " for one in said)

    def of(self, name: str) -> bool:
        """Whether the hit mentions a name; of three words or more, or of such as are names by
        themselves ("2019-nCoV RNA"), all of them."""
        if self._spells(_squeeze(name)) or f" {' '.join(stems(name))} " in self._stems:
            return True
        parts = name.split()
        distinct = len(parts) > 1 and all(map(_DISTINCT.search, parts))
        return (distinct or len(parts) > 2) and all(map(self.of, parts))

    def has_words(self, phrase: str) -> bool:
        """Whether the hit has the words of a phrase that is no name, wherever they stand."""
        wanted = stems(" ".join(content_words(phrase))) if phrase.islower() else []
        return bool(wanted) and all(f" {one} " in self._stems for one in wanted)

    def in_any_form(self, name: str) -> bool:
        """Whether the hit mentions a name, what it is short for, or what is short for it."""
        return self.of(name) or has_other_form(name, self._text)

    def _spells(self, name: str) -> bool:
        """Whether a name without spaces and case stands in the text and not inside a word."""
        at = self._squeezed.find(name)
        while name and at >= 0:
            first, last = self._places[at], self._places[at + len(name) - 1]
            if _begins_here(self._text, first) and _ends_here(self._text, last):
                return True
            at = self._squeezed.find(name, at + 1)
        return not name

    @cached_property
    def _places(self) -> list[int]:
        """Where the letters and digits without spaces and case stand in the text."""
        kept = _KEPT | {_BETWEEN}
        return [at for at, one in enumerate(self._text) for low in one.lower() if low in kept]


def all_said(hit: Hit) -> str:
    """What a passage and its work say: title, authors, headings, text."""
    return " ".join(_said(hit))


def _said(hit: Hit) -> list[str]:
    document, passage = hit.document, hit.passage
    said = (document.title, document.authors or "", *passage.heading.split(" › "), passage.text)
    return [one.replace(_BETWEEN, " ") for one in said]


def has_other_form(name: str, text: str) -> bool:
    """Whether a text has what a name is short for, or a word that is short for the name."""
    if abbreviates(name, text):
        return True
    long = len(name.split()) >= _LEAST or "-" in name
    return long and any(abbreviates(word, name) for word in set(_WORD.findall(text)))


def abbreviates(name: str, text: str) -> bool:
    """Whether a name has the first letters of words that follow one another in a text, in order;
    a small word, such as "of", has none in it or a small one."""
    letters = [letter for letter in name.removesuffix("s") if letter.isalnum()]
    if len(letters) < _LEAST or sum(map(str.isupper, letters)) < 2:
        return False
    words = _WORD.findall(text.lower())
    return any(_begins(letters, words[at:]) for at in range(len(words)))


def spelled_out(name: str, texts: Iterable[str]) -> str:
    """What a name is short for, as written where a text gives both: "retrieval-augmented
    generation, RAG for short", "Retrieval-Augmented Generation (RAG)"; empty where none does."""
    letters = [letter for letter in name.removesuffix("s") if letter.isalnum()]
    if len(letters) < _LEAST or sum(map(str.isupper, letters)) < 2:
        return ""
    for text in texts:
        at = text.find(name)
        while at >= 0:
            before = text[max(0, at - _FAR) : at].rstrip(" (,")
            if found := _long_at_end(letters, before):
                return found
            at = text.find(name, at + 1)
    return ""


def _long_at_end(letters: Sequence[str], text: str) -> str:
    """The last words of a text that an abbreviation of these letters is short for."""
    words = list(_WORD.finditer(text))
    said = [one[0].lower() for one in words]
    for at in range(len(words) - 1, -1, -1):
        if _begins(letters, said[at:]):
            return "" if _STOP.search(text, words[at].start()) else text[words[at].start() :]
    return ""


def _begins(letters: Sequence[str], words: Iterable[str]) -> bool:
    left = iter(words)
    for letter in letters:
        for word in left:
            small = word in FUNCTION_WORDS
            if word == _SAID.get(letter) or (
                word[0] == letter.lower() and not (small and letter.isupper())
            ):
                break
            if not small:
                return False
        else:
            return False
    return True


def _squeeze(text: str) -> str:
    return _LEFT_OUT.sub("", text.lower())


def _begins_here(text: str, at: int) -> bool:
    """Whether a name may begin with this character: with a word, or a capital inside one."""
    before = text[at - 1 : at]
    return not before.isalnum() or (text[at].isupper() and not before.isupper())


def _ends_here(text: str, at: int) -> bool:
    """Whether a name may end with this character: with a word, its plural, or before a capital or a
    number."""
    after = text[at + 1 : at + 2]
    if _FRACTION.match(text, at):
        return False  # "GPT-3.5" is no GPT-3
    if after == "s":
        after = text[at + 2 : at + 3]
        return not after.isalnum()
    if not after.isalnum() or text[at].isdigit() != after.isdigit():
        return True
    return after.isupper() and not text[at].isupper()
