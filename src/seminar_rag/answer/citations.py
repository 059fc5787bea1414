"""Turns the marks [n] of a streamed answer into citations of passages. Pure.

An answerer's numbers are claims, not facts. Only the numbers of offered passages come through,
renumbered in the order in which the reader meets them; all others are removed and reported.
The module also splits answers into sentences and finds the one sentence of a passage that
supports a sentence of the answer. It knows neither models nor retrieval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from seminar_rag.answer.unsaid import leaves_open
from seminar_rag.text import FUNCTION_WORDS, stem, unmarked
from seminar_rag.types import Passage, Sentence

MARK = re.compile(r"\[(\d{1,3})\]")
"""A mark as it leaves this module."""

BESIDE = "– “"
"""Opens a quotation that stands beside the sentence before it, in place of a mark."""

# The text is of unknown origin: no two repetitions side by side may take the same characters, and
# none begins inside a run of what it takes, so that a match takes time in proportion to its length.
_ITEM = r"(?:[\^#]\s*+)?\d{1,9}"
_LISTED = rf"{_ITEM}(?:\s*(?:[,;&]|and|-|–|—|to)\s*{_ITEM})*"
_WORD_BEFORE = r"\s*+(?:(?:passages?|sources?|refs?\.?)\s*+)?"
_BRACKET = re.compile(rf"{_WORD_BEFORE}({_LISTED})\s*(?:†\w*\s*)?", re.IGNORECASE)
_INNER = re.compile(r"[\w\s,;&^#.†–—-]{0,60}")
_UNFINISHED = re.compile(rf"{_WORD_BEFORE}[\^#\d\s,;&–—-]*", re.IGNORECASE)
_LOOKALIKE = re.compile(r"(\[\d{1,3})\]")
_WIDEST_RANGE = 20
_MOST_BLANKS = 60
"""Blanks that go with the mark behind them, at most: so many are held back."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that has just come out of the stream."""

    number: int
    """As the reader sees it: 1, 2, … in order of first appearance."""
    offered: int
    """1-based index of the passage among those offered."""
    sentence: str
    """The sentence it stands in, without marks, as far as it was written; "" before any word."""

    @property
    def text(self) -> str:
        """The mark as it stands in the answer."""
        return f"[{self.number}]"


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of an answer: `text[start:end]`, marks included."""

    start: int
    end: int
    text: str
    """Without marks."""
    numbers: tuple[int, ...]
    """The marks it carries, each once."""


class MarkFilter:
    """Takes an answer in chunks and gives back clean text and marks, in order.

    How the answer is cut into chunks makes no difference to the result. Text is held back only
    while it may still become a mark: from a bracket to its end, at most 60 characters.

    The filter understands [1], [1, 2], [1][2], [1-3], [Passage 2], [^1] and 【1】. It removes
    numbers that were not offered, a mark that repeats its neighbour, and a mark cut off by the
    end of the answer.
    """

    def __init__(self, offered: int) -> None:
        self.offered = offered
        self._held = ""
        self._text = ""
        self._current = 0  # where the sentence of the last mark begins
        self._numbers: dict[int, int] = {}
        self._cluster: set[int] = set()
        self._unknown: dict[str, None] = {}

    @property
    def text(self) -> str:
        """The clean answer so far."""
        return self._text

    @property
    def numbers(self) -> dict[int, int]:
        """The reader's number → the offered number."""
        return {new: offered for offered, new in self._numbers.items()}

    def feed(self, chunk: str) -> list[str | Mark]:
        """Return the pieces of text and the marks that this chunk completes."""
        self._held += chunk
        return list(self._settle(final=False))

    def finish(self) -> list[str | Mark]:
        """Return what was still held back. Call it once, at the end of the answer."""
        return list(self._settle(final=True))

    def warnings(self) -> tuple[str, ...]:
        """Say in words what the reader should know about the citations of this answer."""
        found = []
        if self._unknown:
            found.append(
                f"The answer cited {', '.join(self._unknown)}, which is none of the passages "
                "it was given; such marks were removed."
            )
        found.extend(
            f"No passage is cited for: “{_short(sentence.text)}”"
            for sentence in split_answer(self._text)
            if not sentence.numbers
            and not introduces(self._text, sentence)
            and not leaves_open(sentence.text)
            and not self._text[sentence.end :].lstrip().startswith(BESIDE)
        )
        return tuple(found)

    def _settle(self, *, final: bool) -> Iterator[str | Mark]:
        while self._held:
            at = _first(self._held, "[【")
            if at < 0:
                keep = 0 if final else _trailing_blanks(self._held)
                yield from self._write(self._take(len(self._held) - keep))
                return
            blanks = _trailing_blanks(self._held[:at])
            yield from self._write(self._take(at - blanks))
            inner = _INNER.match(self._held, blanks + 1)
            end = inner.end() if inner else blanks + 1
            if end < len(self._held):
                yield from self._bracket(blanks, end)
            elif final:
                yield from self._cut_off(blanks)
            else:
                return

    def _bracket(self, blanks: int, end: int) -> Iterator[str | Mark]:
        """A bracket whose inside is known: a mark if it closes and lists numbers, else text."""
        inside = self._held[blanks + 1 : end]
        listed = _BRACKET.fullmatch(inside) if self._held[end : end + 1] in ("]", "】") else None
        numbers = _listed_numbers(listed[1]) if listed else []
        if not listed or (0 in numbers and len(numbers) > 1):  # [0, 1] is an interval
            yield from self._write(self._take(blanks + 1))
            return
        space = self._take(blanks)
        self._take(end + 1 - blanks)
        fresh = [n for n in numbers if self._accept(n)]
        if fresh:
            yield from self._write(space, keeps_cluster=True)
        for number in fresh:
            yield self._mark(number)

    def _accept(self, number: int) -> bool:
        if not 1 <= number <= self.offered:
            self._unknown[f"[{number}]"] = None
            return False
        fresh = number not in self._cluster
        self._cluster.add(number)
        return fresh

    def _cut_off(self, blanks: int) -> Iterator[str | Mark]:
        """The answer ended inside a bracket: the beginning of a mark is dropped."""
        unfinished = _UNFINISHED.fullmatch(self._held, blanks + 1)
        rest = self._take(len(self._held))
        if not unfinished:
            yield from self._write(rest)

    def _mark(self, offered: int) -> Mark:
        number = self._numbers.setdefault(offered, len(self._numbers) + 1)
        self._text += f"[{number}]"
        latest = split_answer(self._text[self._current :])
        if latest:
            self._current += latest[-1].start
        return Mark(number, offered, latest[-1].text if latest else "")

    def _write(self, text: str, *, keeps_cluster: bool = False) -> Iterator[str]:
        if not text:
            return
        if not keeps_cluster and text.strip():
            self._cluster = set()
        # Taking the mark out of "[[9]1]" must not leave something that reads as one.
        tail = self._text[-4:]
        text = _LOOKALIKE.sub(lambda m: m[0] if m.end() <= len(tail) else f"{m[1]} ]", tail + text)[
            len(tail) :
        ]
        self._text += text
        yield text

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken


def _listed_numbers(listed: str) -> list[int]:
    """The numbers of "1, 3-5", each once, in order; absurd ranges give their ends only."""
    numbers: list[int] = []
    joined = re.split(r"[,;&]|and", re.sub(r"[\^#\s]", "", listed), flags=re.IGNORECASE)
    for part in joined:
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] <= _WIDEST_RANGE:
            ends = list(range(ends[0], ends[1] + 1))
        numbers.extend(ends)
    return list(dict.fromkeys(numbers))


def _first(text: str, characters: str) -> int:
    return next((i for i, c in enumerate(text) if c in characters), -1)


def _trailing_blanks(text: str) -> int:
    tail = text[-_MOST_BLANKS:]
    return len(tail) - len(tail.rstrip(" \t"))


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"


# Sentences of an answer

_MARKS = r"(?:[ \t]*\[\d{1,3}\])"
_FIRST = r"(?<![ \t])(?<!\[\d\])(?<!\[\d\d\])(?<!\[\d\d\d\])"
_CLOSE = r"[\"'”’»)」』）]*"
_END = re.compile(
    rf"(?:(?<![.!?…])[.!?…]++{_CLOSE}{_MARKS}*[.!?]?|{_FIRST}{_MARKS}+[.!?…]++{_CLOSE})(?=\s|$)"
    rf"|[。！？]+{_CLOSE}{_MARKS}*|{_FIRST}{_MARKS}+[。！？]+{_CLOSE}"
    rf"|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[A-Z]|al|e\.g|i\.e|cf|vs|etc|ca|approx|Fig|Figs|Eq|Eqs|Sec|Tab|Ch|No|Nos"
    r"|pp?|Dr|Prof|Mr|Mrs|Ms|St|resp|ed|eds|Vol)\.$"
)
_BULLET = re.compile(r"[ \t]*(?:[-*•–]|\d{1,2}[.)])[ \t]+")


def split_answer(text: str) -> tuple[AnswerSentence, ...]:
    """Split an answer into sentences; marks after the full stop belong to the sentence before.

    A line break ends a sentence too, so that list items stand for themselves.
    """
    sentences: list[AnswerSentence] = []
    start = seen = 0
    for end in (*_ends(text), len(text)):
        new, seen = text[seen:end], end
        if not re.search(r"\w", new):  # joins what follows; not looked at again each time
            continue
        piece = text[start:end]
        bare = MARK.sub("", piece).lstrip("\n")
        bullet = _BULLET.match(bare)
        body = bare[bullet.end() :] if bullet else bare
        if re.search(r"\w", body):
            numbers = tuple(dict.fromkeys(int(n) for n in MARK.findall(piece)))
            lead = len(piece) - len(piece.lstrip())
            stop = start + len(piece.rstrip())
            sentences.append(AnswerSentence(start + lead, stop, _tidy(body), numbers))
            start = end
        elif sentences and MARK.search(piece):  # marks on their own belong to what they follow
            last = sentences[-1]
            added = tuple(int(n) for n in MARK.findall(piece))
            numbers = tuple(dict.fromkeys(last.numbers + added))
            stop = start + len(piece.rstrip())
            sentences[-1] = AnswerSentence(last.start, stop, last.text, numbers)
            start = end
    return tuple(sentences)


def introduces(text: str, sentence: AnswerSentence) -> bool:
    """Whether a sentence only introduces what follows: its line ends in a colon, without marks."""
    start = text.rfind("\n", 0, sentence.start) + 1
    stop = text.find("\n", sentence.end)
    line = text[start : stop if stop >= 0 else len(text)]
    return line.rstrip().endswith(":") and not MARK.search(line)


def _quoting(text: str, end: int) -> bool:
    """Whether `end` is inside a quotation that was opened in its line."""
    line = text[text.rfind("\n", 0, end) + 1 : end]
    closed = text.find("”", end)
    newline = text.find("\n", end)
    return line.count("“") > line.count("”") and closed >= 0 and not 0 <= newline < closed


def _ends(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        end = match.end()
        if match[0] == "." and _ABBREVIATION.search(text[max(0, end - 12) : end]):
            continue
        if match[0][0] != "\n" and _quoting(text, end):
            continue
        line = text[max(text.rfind("\n", 0, end) + 1, end - 12) : end]
        if match[0] == "." and _BULLET.fullmatch(line + " "):
            continue
        if match[0][0] in ".?!" and text[end : end + 8].lstrip()[:1].islower():
            continue
        yield end


def _tidy(text: str) -> str:
    return re.sub(r" ([.,;:!?])", r"\1", " ".join(text.split()))


def is_refusal(text: str, *, parts: bool = True) -> bool:
    """Whether a model says that the passages hold no answer, however it is marked, and no more.

    True too for the refusal followed by text without any citation.

    Args:
        parts: the question has parts of which one may be left open. Where it has none, an answer
            that begins so is a refusal whatever follows.
    """
    sentences = split_answer(text)
    if not sentences or not leaves_open(sentences[0].text):
        return False
    return not parts or all(leaves_open(one.text) for one in sentences) or unmarked(text) == text


# The supporting sentence

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NUMBER_WEIGHT = 3.0
_PAIR_WEIGHT = 0.5
_SPARE_WEIGHT = 0.1


def supporting_sentence(sentence: str, passage: Passage) -> Sentence:
    """Find the sentence of the passage that best supports `sentence`; of equals, the earlier one.

    The measure is lexical: a Tversky index (1977) over word stems, pairs of neighbouring stems, and
    numbers, the last counting three times. What the answer says beyond the passage's sentence costs
    in full, what the passage's sentence says beyond the answer a tenth: a long sentence that holds
    the whole claim beats a short one that holds a part. No counts over the corpus are used.
    """
    if not passage.sentences:
        return Sentence(0, len(passage.text), page=passage.page)
    bare = _letters(sentence)
    candidates = [
        one
        for one in passage.sentences
        if one.kind != "heading" or _letters(passage.quote(one)) == bare
    ]
    return max(
        candidates or passage.sentences,
        key=lambda one: likeness(sentence, passage.quote(one)),
    )


def likeness(sentence: str, text: str) -> float:
    """How much of a sentence a text holds, and how little else; see `supporting_sentence`."""
    return round(_tversky(_features(sentence), _features(text)), 9)


def _letters(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _tversky(claim: dict[str, float], candidate: dict[str, float]) -> float:
    shared = sum(weight for key, weight in claim.items() if key in candidate)
    if not shared:
        return 0.0
    lacking = sum(claim.values()) - shared
    spare = sum(candidate.values()) - shared
    return shared / (shared + lacking + _SPARE_WEIGHT * spare)


@lru_cache(maxsize=4096)
def _features(text: str) -> dict[str, float]:
    """Weights of a text's stems, numbers and pairs of neighbouring stems."""
    weights: dict[str, float] = {}
    before = ""
    for word in _WORD.findall(MARK.sub(" ", text)):
        lower = word.casefold().replace("’", "'")
        if lower in FUNCTION_WORDS:
            before = ""
            continue
        number = word[0].isdigit()
        key = re.sub(r",(?=\d{3}(?:\D|$))", "", word) if number else stem(lower)
        weights[key] = _NUMBER_WEIGHT if number else 1.0
        if before:
            weights[f"{before} {key}"] = _PAIR_WEIGHT
        before = key
    return weights
