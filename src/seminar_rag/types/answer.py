"""Answering: Scope + question → Hit → Citation → Answer, as a stream of Events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seminar_rag.text import plural
from seminar_rag.types.reading import Document, Passage, Section, WorkKind


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage with its document. Scores are comparable within one query only."""

    passage: Passage
    document: Document
    score: float
    cosine: float | None = None
    """Cosine similarity to the question, -1 to 1; None where only full text found it."""

    @property
    def whole(self) -> str:
        """The passage's text below its document's title and its headings."""
        return f"{self.document.title} {self.passage.heading} {self.passage.text}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark [number] resolved: the passage, and the one sentence of it that supports. Several
    citations may share a number: they quote different sentences of one passage."""

    number: int
    document: Document
    passage: Passage
    quote: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of an answer about the course itself: a reading, or a session."""

    title: str
    sessions: tuple[int, ...] = ()
    section: Section | None = None
    """None for a session."""
    url: str | None = None
    authors: str | None = None
    document: str = ""
    """Id of the reading's main text; empty where the course has none."""
    kind: WorkKind | None = None
    """What kind of work a reading is; None of a session, and where it is not known."""


AnswerKind = Literal["readings", "course", "talk"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question. Abstaining is an answer, not an error."""

    question: str
    text: str
    """With marks like [1]; without any when `abstained`."""
    answerer: str
    abstained: bool = False
    citations: tuple[Citation, ...] = ()
    nearest: tuple[Document, ...] = ()
    """When abstained: what the course has that comes nearest. Links, not sources."""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    """What the reader should know: a mark that was dropped, a sentence without citation."""
    verdicts: tuple[SentenceVerdict, ...] = ()
    """One for each sentence, in order; empty where answers are not checked."""
    reason: str = ""
    """When abstained: why, as a sentence without its full stop, "nothing found mentions “X”".
    Empty where the text says so."""
    kind: AnswerKind = "readings"
    """From the readings' text, from the course's own list of sessions and readings, or small talk;
    the last two are never checked."""
    listed: tuple[Listed, ...] = ()
    """Of an answer about the course: the rows that stand as items in `text`."""
    restricted: str = ""
    """What the question itself restricted the search to, in words: "the notes of session 4"."""

    @property
    def checked(self) -> str:
        """The verdicts in words, "4 of 5 sentences supported"; empty without any."""
        return tally(self.verdicts)


VerdictLabel = Literal["supported", "partly", "unsupported", "contradicted", "uncheckable"]
BUILT_IN = "built-in"
"""The name of the verifier that compares words and does not reason. Its "supported" says that a
similar sentence was found, and is shown to readers as that."""
WORDS_ONLY = (
    "The built-in check compares words and does not reason: read the quotations. On claims of six"
    " other sources it was right in 47 to 73 of 100 cases, where guessing is right in 50."
)
JUDGED = (
    "A language model judges: read the sentence beside each verdict. On 80 claims of other sources"
    " a small one (1.5 billion parameters) was right in three of four cases, and no better than"
    " guessing where the evidence is long."
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a passage that is evidence for or against a claim."""

    passage: str
    """Passage id."""
    sentence: int
    """Index into the passage's sentences."""
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of a verifier on a claim, with its reason."""

    label: VerdictLabel
    score: float
    """0 to 1, for supported; comparable within one verifier only."""
    reason: str
    """In words, for the reader."""
    evidence: tuple[Evidence, ...] = ()
    """Best first, at most three."""
    verifier: str = ""
    """The verifier's name."""


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """The verdict on the sentence `answer.text[start:end]`, marks included."""

    index: int
    """Among the answer's sentences, from 0."""
    start: int
    end: int
    verdict: Verdict
    """"uncheckable" for a sentence that needs no check: a lead-in, a heading, a question."""


def tally(verdicts: Sequence[SentenceVerdict]) -> str:
    """How many of the sentences that can be checked are supported, in words; "" for none."""
    labels = [one.verdict.label for one in verdicts if one.verdict.label != "uncheckable"]
    if not labels:
        return ""
    return f"{labels.count('supported')} of {plural(len(labels), 'sentence')} supported"


@dataclass(frozen=True, slots=True)
class HitsEvent:
    """Retrieval is done: these passages are offered to the answerer, in this order."""

    query: str
    """The question as searched, after follow-up rewriting."""
    hits: tuple[Hit, ...]
    restricted: str = ""
    """What the question restricted the search to, in words; empty where it did not."""
    quotations: tuple[Citation, ...] = ()
    """What of the passages comes nearest to an answer, to be read while the answer is written. The
    numbers are those of `hits`, from 1; the answer's own marks may differ."""


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """More text of the answer. Marks arrive whole."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationEvent:
    """A mark that just streamed, resolved."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class VerdictEvent:
    """A sentence that is written to its end was checked against the passages it cites."""

    verdict: SentenceVerdict


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """The last event."""

    answer: Answer


Event = HitsEvent | TokenEvent | CitationEvent | VerdictEvent | AnswerEvent
