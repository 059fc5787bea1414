"""Labelled questions → outcomes. `questions` describes the format of a question.

Evidence is matched by place, not by wording: a passage holds a quote when it covers at least half
of the quote's characters in the source file, white space folded on both sides. A question counts
as answered by k passages when they hold every one of its quotes together, and as answered with
evidence when the sentences that the answer cites do. `report` makes figures of it.
"""

from __future__ import annotations

import bisect
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.answer.citations import introduces, split_answer
from seminar_rag.errors import SourceError
from seminar_rag.evaluation.questions import Question
from seminar_rag.evaluation.report import CUTS, QuestionResult, Ruling
from seminar_rag.question.followup import standalone
from seminar_rag.text import stems
from seminar_rag.types import Answer, AnswerEvent, Citation, Event, Hit, Passage, TokenEvent, Turn

if TYPE_CHECKING:
    from seminar_rag.check.support import Verifier

SEARCHED = 50
"""Passages asked of retrieval; an evidence further down counts as not found."""
CONTEXT = 1500
"""Tokens of context within which recall is also told."""

Ask = Callable[[str, Sequence[Turn]], Iterator[Event]]
Search = Callable[[str, int], Sequence[Hit]]
Supports = Callable[[str, Sequence[Citation]], bool]
"""Whether cited passages together support a sentence."""


class SourceText:
    """A source file in which quotes are looked up with white space folded."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        out: list[str] = []
        at: list[int] = []
        for match in re.finditer(r"(\s+)|\S", self.text.replace("\u00a0", " ")):
            out.append(" " if match[1] else match[0])
            at.append(match.start())
        return "".join(out), at

    def find(self, quote: str) -> tuple[int, int]:
        """The folded span of a quote. Raises SourceError: it is not there."""
        text, _ = self._folded
        folded = " ".join(quote.replace("\u00a0", " ").split())
        start = text.find(folded)
        if start < 0:
            raise SourceError(
                f"the quote “{folded[:60]}{'…' if len(folded) > 60 else ''}” is not in its document"
                " — copy it from there, markup included"
            )
        return start, start + len(folded)

    def fold(self, start: int, end: int) -> tuple[int, int]:
        """A span of the file as a folded span."""
        _, at = self._folded
        return bisect.bisect_left(at, start), bisect.bisect_left(at, end)


class QuoteMatcher:
    """Decides which passages and which cited sentences hold which quotes."""

    def __init__(self, docs: Path) -> None:
        self._docs = docs
        self._sources: dict[str, SourceText] = {}

    def require(self, questions: Iterable[Question]) -> None:
        """See that every quote stands in its document. Raises SourceError: a document cannot be
        read, or lacks a quote; names the question's line."""
        for question in questions:
            for name, quote in question.evidence:
                try:
                    self._source(name).find(quote)
                except SourceError as error:
                    raise SourceError(f"{question.place}: {error}") from error

    def held(self, question: Question, passage: Passage, path: str) -> set[int]:
        """Indices of the question's quotes that a passage of the file `path` holds."""
        return self._covered(question, [(path, passage.start, passage.end)])

    def ranks(self, question: Question, hits: Sequence[Hit]) -> tuple[int | None, int | None]:
        """The first hit that holds a quote, and the first hits that hold all of them, counted
        from 1; None where none does."""
        missing = set(range(len(question.evidence)))
        first = None
        for rank, hit in enumerate(hits, 1):
            held = self.held(question, hit.passage, hit.document.path)
            if held and first is None:
                first = rank
            missing -= held
            if not missing:
                return first, rank
        return first, None

    def quoted(self, question: Question, citations: Iterable[Citation]) -> set[int]:
        """Indices of the question's quotes that the cited sentences hold together."""
        names = {name for name, _ in question.evidence}
        spans = []
        for one in citations:
            path = one.document.path
            if Path(path).name in names:
                text = self._source(Path(path).name).text
                start, end = place(text, one.passage.start, one.passage.end, one.quote)
                spans.append((path, start, end))
        return self._covered(question, spans)

    def _covered(self, question: Question, spans: Sequence[tuple[str, int, int]]) -> set[int]:
        """Quotes of which spans (path, start, end) hold half, each character counted once."""
        out: set[int] = set()
        for index, (name, quote) in enumerate(question.evidence):
            within = [(a, b) for path, a, b in spans if Path(path).name == name]
            if not within:
                continue
            source = self._source(name)
            start, end = source.find(quote)
            covered: set[int] = set()
            for a, b in (source.fold(*span) for span in within):
                covered.update(range(max(a, start), min(b, end)))
            if 2 * len(covered) >= end - start:
                out.add(index)
        return out

    def _source(self, name: str) -> SourceText:
        if name not in self._sources:
            try:
                self._sources[name] = SourceText((self._docs / name).read_text(encoding="utf-8"))
            except OSError as error:
                raise SourceError(
                    f"{self._docs / name} cannot be read — give the folder of the documents"
                    " that the questions name"
                ) from error
        return self._sources[name]


def place(text: str, start: int, end: int, quote: str) -> tuple[int, int]:
    """The span of `text` within [start, end) that a cleaned sentence of it came from.

    Letters and digits are compared alone, since cleaning takes out markup. Where markup stood
    inside the sentence (a link's address), its first and last letters place it; where the first
    are not found either, the span is empty.
    """
    at = [i for i in range(start, min(end, len(text))) if text[i].isalnum()]
    body = "".join(text[i].lower() for i in at)
    wanted = "".join(c.lower() for c in quote if c.isalnum())
    if not wanted or len(body) != len(at):  # a letter whose lower case is two: none known in use
        return start, start
    lengths = [length for length in (len(wanted), 24, 14, 8, 4) if length <= len(wanted)]
    first = next((i for n in lengths if (i := body.find(wanted[:n])) >= 0), -1)
    if first < 0:
        return start, start
    half = first + len(wanted) // 2
    for length in lengths:
        # The whole begins where it begins; an ending is looked for in the second half.
        last = body.find(wanted[-length:], first if length == len(wanted) else half)
        if last >= 0:
            return at[first], at[last + length - 1] + 1
    return at[first], at[min(first + len(wanted), len(at)) - 1] + 1


def verified(verifier: Verifier) -> Supports:
    """Support as a verifier sees it, the one that marks the answers; in part is not enough.

    What a passage says in these very words it supports, also where it is too short to be a claim
    ("Tool quality", an item of a list) or asks.
    """

    def supported(sentence: str, cited: Sequence[Citation]) -> bool:
        if _verbatim(sentence, cited):
            return True
        known = " ".join(f"{one.document.title} {one.document.authors or ''}" for one in cited)
        passages = [one.passage for one in cited]
        return verifier.verify(sentence, passages, known).label == "supported"

    return supported


def supports(sentence: str, cited: Sequence[Citation]) -> bool:
    """Whether passages hold a sentence verbatim, or nearly all its words and all its numbers.

    The plain default, without a model.
    """
    if _verbatim(sentence, cited):
        return True
    whole = " ".join(one.passage.text for one in cited)
    said, there = set(stems(sentence)), set(stems(whole))
    numbers = set(re.findall(r"\d+(?:[.,]\d+)*", sentence))
    return (
        bool(said)
        and len(said & there) >= 0.85 * len(said)
        and numbers <= set(re.findall(r"\d+(?:[.,]\d+)*", whole))
    )


def _verbatim(sentence: str, cited: Sequence[Citation]) -> bool:
    return any(_letters(sentence) in _letters(one.passage.text) for one in cited)


def _letters(text: str) -> str:
    return "".join(c.lower() for c in text if c.isalnum())


def judge_citations(answer: Answer, supported: Supports = supports) -> list[Ruling]:
    """Citation recall and precision of each sentence, as in ALCE (Gao et al., arXiv 2305.14627).

    A sentence has recall when its citations together support it. A citation is precise when its
    sentence has recall, and it supports it alone or the others would not without it. Leads that
    end in a colon say nothing and are left out.
    """
    known = {one.number: one for one in answer.citations}
    out = []
    for sentence in split_answer(answer.text):
        if introduces(answer.text, sentence):
            continue
        cited = [known[number] for number in sentence.numbers if number in known]
        bare = sentence.text.strip('“”"- ')
        recall = bool(cited) and supported(bare, cited)
        precise = 0
        for one in cited if recall else ():
            others = [other for other in cited if other is not one]
            precise += supported(bare, [one]) or not (others and supported(bare, others))
        out.append(Ruling(recall, len(cited), precise))
    return out


def outcomes(
    ask: Ask,
    search: Search,
    questions: Sequence[Question],
    docs: Path,
    *,
    confidence: Callable[[str, Sequence[Hit]], float] | None = None,
    supported: Supports = supports,
    count: Callable[[str], int] = lambda text: len(re.findall(r"\w+|[^\w\s]", text)),
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[QuestionResult]:
    """Search and ask every question, and judge what comes, one outcome after the other.

    Args:
        ask: (question, earlier turns) → events, the last an AnswerEvent.
        search: (query, k) → the k best passages.
        confidence: (query, hits) → 0 to 1, for the risk-coverage curve; without it there is none.
        supported: what citation recall and precision go by (see `verified`).

    Raises:
        SourceError: a document is missing, or lacks a quote; before the first question is asked.
        StoreError, ModelError: what searching and asking raise.
    """
    evidence = QuoteMatcher(docs)
    evidence.require(questions)
    search(questions[0].text, 1)  # loads the model, which is no part of a question's latency
    for question in questions:
        query = standalone(question.text, question.history)
        began = clock()
        hits = tuple(search(query, SEARCHED))
        searched = clock() - began
        answer, begun, whole = _asked(ask, question, clock)
        first, rank = evidence.ranks(question, hits) if question.evidence else (None, None)
        sizes = list(accumulate(count(hit.passage.text) for hit in hits[:rank]))
        shown = hits[: CUTS[-1]]
        yield QuestionResult(
            id=question.id,
            text=question.text,
            group=question.group,
            unanswerable=question.unanswerable,
            wanted=question.evidence,
            query=query,
            hits=shown,
            held=tuple(
                bool(evidence.held(question, hit.passage, hit.document.path)) for hit in shown
            ),
            first=first,
            rank=rank,
            within=rank is not None and sizes[-1] <= CONTEXT,
            answer=answer,
            evidence=_held(evidence, question, answer),
            rulings=() if answer.abstained else tuple(judge_citations(answer, supported)),
            tokens=count(answer.text),
            confidence=confidence(query, hits) if confidence else None,
            latency=(searched, begun, whole),
        )


def _asked(ask: Ask, question: Question, clock: Callable[[], float]) -> tuple[Answer, float, float]:
    """The answer, seconds to its first text, and seconds in all."""
    began = clock()
    first: float | None = None
    for event in ask(question.text, question.history):
        if isinstance(event, TokenEvent) and first is None:
            first = clock() - began
        if isinstance(event, AnswerEvent):
            whole = clock() - began
            return event.answer, whole if first is None else first, whole
    raise ValueError("the events ended without an answer")


def _held(evidence: QuoteMatcher, question: Question, answer: Answer) -> bool | None:
    if not question.evidence:
        return None
    return len(evidence.quoted(question, answer.citations)) == len(question.evidence)
