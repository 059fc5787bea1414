"""The course's own wording: abbreviations that its texts explain, and misspelt words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from seminar_rag.text import STOPWORDS

_SHORT = re.compile(r"\(([A-Z][A-Za-z0-9-]{1,9}?)s?\)")
_BOUND = re.compile(r"[.;:!?,()\[\]\"“”][\s\"“”]")
_PLAIN = re.compile(r"[^\W\d_]{5,}")


def abbreviations(text: str) -> Iterator[tuple[str, str]]:
    """Pairs (short, long) that the text explains: "retrieval-augmented generation (RAG)".

    The short form's characters stand in the long form in order, the first at the start of a word
    (Schwartz & Hearst 2003). Short forms with one capital are names more often and are left out.
    """
    for match in _SHORT.finditer(text):
        short = match[1]
        if sum(c.isupper() for c in short) < 2:
            continue
        before = _BOUND.split(text[: match.start()])[-1].split()
        long = _explained(short, " ".join(before[-min(len(short) + 5, 2 * len(short)) :]))
        if " " in long or "-" in long:
            yield short, long.lower()


def _explained(short: str, before: str) -> str:
    """The shortest end of `before` that holds the characters of `short`; empty if none does."""
    at = len(before)
    wanted = [c for c in reversed(short.lower()) if c.isalnum()]
    for i, character in enumerate(wanted):
        at -= 1
        opens = i == len(wanted) - 1
        while at >= 0 and (
            before[at].lower() != character or (opens and at > 0 and before[at - 1].isalnum())
        ):
            at -= 1
        if at < 0:
            return ""
    long = before[at:]
    # Letters scattered over few words explain nothing ("OpenAI" in any long sentence).
    words = re.findall(r"\w+", long)
    return long if len(long) > len(short) + 2 and len(words) <= len(short) + 2 else ""


def misspelt(word: str) -> bool:
    """Whether an unknown word may be a misspelling: letters alone, and long enough to tell."""
    return bool(_PLAIN.fullmatch(word)) and word not in STOPWORDS


def meant(word: str, vocabulary: Iterable[str]) -> list[str]:
    """Words of the vocabulary that `word` may be a misspelling of, nearest first.

    One slip of the pen, two in words of eight letters or more (Damerau 1964: a letter wrong,
    missing, too many, or two swapped); the first letter is taken to be right.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    slips = 1 if len(word) < 8 else 2
    near = process.extract(
        word,
        [one for one in vocabulary if one[:1] == word[:1]],
        scorer=OSA.distance,
        score_cutoff=slips,
        limit=5,
    )
    return [one for one, distance, _ in near if distance]
