"""The nouns of the product, all frozen. No module of the project is imported here but errors.

Reading list:  Syllabus ▸ Session ▸ Reading
Text:          Document ▸ Block ▸ Passage ▸ Sentence
Answering:     Scope + question → Hit → Citation → Answer, told as a stream of Events
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Section = Literal["required", "more"]
Kind = Literal["paper", "abstract", "notes"]
READINGS: frozenset[Kind] = frozenset({"paper", "abstract"})
NOTES: frozenset[Kind] = frozenset({"notes"})
BlockKind = Literal["heading", "paragraph", "item", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph-sized piece of a document, in reading order.

    `text` is clean: no markup, white space folded (tables and code keep their lines).
    `offsets` has for every character of `text` its index in the source text the block was
    read from; None means that they are contiguous from `start`.
    """

    text: str
    kind: BlockKind = "paragraph"
    level: int = 0
    """Headings: 1 to 6. Items: nesting depth from 0."""
    page: int | None = None
    """1-based page of a paged document."""
    start: int = 0
    """Index of the block's first character in the source text."""
    offsets: tuple[int, ...] | None = None

    def source(self, index: int) -> int:
        """The source index of character `index` of `text` (`len(text)` gives one past the last)."""
        if self.offsets is None:
            return self.start + index
        if index < len(self.offsets):
            return self.offsets[index]
        return (self.offsets[-1] if self.offsets else self.start) + 1


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of a session's reading list, as the course page gives it."""

    title: str | None
    section: Section = "required"
    urls: tuple[str, ...] = ()
    arxiv_id: str | None = None
    """Without version, only from a URL of the entry."""
    authors: str | None = None
    abstract: str | None = None
    """The description on the course page, as text."""
    blocks: tuple[Block, ...] = ()
    """The entry as blocks (title, authors, abstract), with their place in the source."""
    files: tuple[str, ...] = ()
    """Local files of this reading, relative to the source (readings.toml only)."""

    @property
    def label(self) -> str:
        """What to call the reading where its title is missing."""
        return self.title or self.arxiv_id or (self.urls[0] if self.urls else "untitled reading")


@dataclass(frozen=True, slots=True)
class Session:
    """One meeting of the seminar: its readings and the students' notes."""

    number: int
    title: str
    tags: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    notes: tuple[Block, ...] = ()
    file: str = ""
    """The file or page the blocks' offsets refer to, relative to the source."""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Syllabus:
    """A course page, read."""

    title: str | None
    sessions: tuple[Session, ...]

    @property
    def readings(self) -> int:
        """The number of readings over all sessions."""
        return sum(len(session.readings) for session in self.sessions)


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the course: a paper, a course-page description, or a session's notes."""

    id: str
    kind: Kind
    reading: str
    """Id of the reading it belongs to; for notes, the id of the notes themselves."""
    title: str
    authors: str | None = None
    sessions: tuple[int, ...] = ()
    section: Section | None = None
    """None for notes, and for a document that no session lists."""
    url: str | None = None
    path: str = ""
    """Where it was read from, relative to its source."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, list item or table inside a passage: `passage.text[start:end]`."""

    start: int
    end: int
    kind: BlockKind = "paragraph"
    page: int | None = None
    level: int = 0
    """That of its block: the nesting depth of an item, from 0."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval and citation: about 180, at most 220 WordPieces of one section."""

    id: str
    document: str
    ordinal: int
    """Position in the document, from 0."""
    text: str
    heading: str
    """The heading path, "3 Method › 3.1 Attention"; empty before the first heading."""
    start: int
    end: int
    """Span in the document's source text."""
    page: int | None
    sentences: tuple[Sentence, ...]

    def quote(self, sentence: Sentence) -> str:
        """The sentence's text."""
        return self.text[sentence.start : sentence.end]


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of the course a question is about. Empty sets do not restrict."""

    sessions: frozenset[int] = frozenset()
    readings: frozenset[str] = frozenset()
    """Reading ids."""
    kinds: frozenset[Kind] = frozenset()
    required_only: bool = False

    def admits(self, document: Document) -> bool:
        """Whether the document may be searched."""
        return (
            (not self.sessions or bool(self.sessions & set(document.sessions)))
            and (not self.readings or document.reading in self.readings)
            and (not self.kinds or document.kind in self.kinds)
            and (not self.required_only or _is_required(document))
        )


def _is_required(document: Document) -> bool:
    """Notes are nobody's assigned reading, whatever section they stand in."""
    return document.section == "required" and document.kind in READINGS


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
    """Cosine similarity to the question, -1 to 1; None where only the lexical side found it."""
    bm25: float | None = None
    """Positive BM25 score; None where only the dense side found it."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark [number] resolved: the passage, and the one sentence of it that supports.

    Several citations may share a number: they quote different sentences of one passage.
    """

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


AnswerKind = Literal["readings", "course", "talk"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader gets. Abstaining is an answer, not an error."""

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
    """When abstained: why, as a sentence without its full stop, "nothing found mentions “X”"."""
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


@dataclass(frozen=True, slots=True)
class SentenceVerdict:
    """What the check makes of the sentence `answer.text[start:end]`, marks included."""

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
    noun = "sentence" if len(labels) == 1 else "sentences"
    return f"{labels.count('supported')} of {len(labels)} {noun} supported"


@dataclass(frozen=True, slots=True)
class HitsEvent:
    """Retrieval is done: these passages are offered to the answerer, in this order."""

    query: str
    """The question as searched, after follow-up rewriting."""
    hits: tuple[Hit, ...]
    restricted: str = ""
    """What the question restricted the search to, in words; empty for what was asked to search."""


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


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file, read: its blocks in order, and the source text that their offsets point into."""

    title: str | None
    blocks: tuple[Block, ...]
    pages: int | None = None
    partial: bool = False
    """Some of the file could not be read."""
    notes: tuple[str, ...] = ()
    """What was odd about the file, in words for the instructor."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    scans: tuple[int, ...] = ()
    """Pages that are images without text, from 1."""


ClaimKind = Literal[
    "claim", "opinion", "question", "instruction", "heading", "code", "table", "reference"
]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a text to be checked: `source[start:end]`."""

    text: str
    """As written, citations included, Markdown marks and line breaks taken out."""
    start: int
    end: int
    kind: ClaimKind = "claim"
    bare: str = ""
    """The text without its citations."""
    standalone: str = ""
    """`bare` with an opening pronoun replaced by its subject, where that was simple."""
    cites: tuple[Cited, ...] = ()
    """The works that the text gives as sources for this sentence."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A source as a text gives it: a mark in a sentence, or an entry of its reference list."""

    text: str
    """The mark or entry as written: "(Wei et al., 2022)", "[3]"."""
    start: int
    end: int
    authors: tuple[str, ...] = ()
    """Family names, as far as the mark or entry gives them."""
    year: int | None = None
    title: str | None = None
    arxiv_id: str | None = None
    """Without version."""
    doi: str | None = None
    number: int | None = None
    """Of a numbered mark or entry."""


VerdictLabel = Literal["supported", "partly", "unsupported", "contradicted", "uncheckable"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a passage that speaks to a claim."""

    passage: str
    """Passage id."""
    sentence: int
    """Index into the passage's sentences."""
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier makes of a claim, and why."""

    label: VerdictLabel
    score: float
    """0 to 1, for supported; comparable within one verifier only."""
    reason: str
    """In words, for the reader."""
    evidence: tuple[Evidence, ...] = ()
    """Best first, at most three."""
    verifier: str = ""
    """Who says so: a verifier's name."""
