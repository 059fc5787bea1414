"""The reading list, the text of its documents, and a document as it is shown.

Reading list:  Syllabus ▸ Session ▸ Reading
Text:          Document ▸ Block ▸ Passage ▸ Sentence
Shown:         View ▸ Spot ▸ Box: drawn pages with boxes, or text by sections
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Section = Literal["required", "more"]
Kind = Literal["paper", "abstract", "notes"]
READINGS: frozenset[Kind] = frozenset({"paper", "abstract"})
NOTES: frozenset[Kind] = frozenset({"notes"})
WorkKind = Literal["paper", "book", "chapter", "article", "video", "podcast", "web page"]
"""What kind of work a reading is. An article is one of a newspaper, a magazine, a blog or an
encyclopedia; a paper any other text of researchers, whether it was published or not."""
WORK_KINDS: tuple[WorkKind, ...] = get_args(WorkKind)
BlockKind = Literal["heading", "paragraph", "item", "table", "code"]
CourseEventKind = Literal["exam", "due", "no class", "presentations"]
Unit = Literal["page", "slide", "cell", "paragraph"]
"""What the numbers in a document count; paragraphs are counted anew under each heading."""
_SHORT: Mapping[Unit, str] = {"page": "p.", "slide": "slide", "cell": "cell", "paragraph": "¶"}


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph-sized piece of a document, in reading order. `text` is clean: no markup, white
    space folded (tables and code keep their lines). `offsets` has for every character of `text` its
    index in the source text the block was read from; None means that they are contiguous from
    `start`."""

    text: str
    kind: BlockKind = "paragraph"
    level: int = 0
    """Headings: 1 to 6. Items: nesting depth from 0."""
    page: int | None = None
    """1-based page, slide, cell or paragraph, as the document's unit says."""
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
    """An entry of a session's reading list, as it stands on the course page."""

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
    confidence: float = 1.0
    """How sure the reader of course pages is, from 0 to 1, that this is a reading."""
    kind: WorkKind | None = None
    """None where nobody has said it."""
    doubts: tuple[str, ...] = ()
    """What someone should look at in this entry of the list, as questions to the instructor."""

    @property
    def doubtful(self) -> bool:
        """Whether someone should look at this entry of the list."""
        return bool(self.doubts)

    @property
    def label(self) -> str:
        """The title, or something to show where it is missing."""
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
    date: str | None = None
    """When it meets, in the words of the page."""
    part: str | None = None
    """The part or unit of the course that it stands in, as the page prints it."""


@dataclass(frozen=True, slots=True)
class CourseEvent:
    """Something on a course page that is no reading: an exam, what is due, a week without class."""

    title: str
    """In the words of the page."""
    kind: CourseEventKind
    date: str | None = None
    """When it is, in the words of the page: a day, some days, or "Week 14"."""
    session: int | None = None
    """The session that it is, or stands in or behind; None where it stands before all of them or
    apart from them."""
    alone: bool = False
    """Whether that session is nothing else, and so has no readings."""

    @property
    def shown(self) -> str:
        """In a line: its words, and its day where they do not say it."""
        new = self.date and self.date not in self.title
        return f"{self.title} ({self.date})" if new else self.title


@dataclass(frozen=True, slots=True)
class Syllabus:
    """The content of a course page."""

    title: str | None
    sessions: tuple[Session, ...]
    events: tuple[CourseEvent, ...] = ()
    """In the order of the page."""

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
    """The file it was read from, relative to its source."""
    unit: Unit = "page"
    """What the `page` of its passages and sentences counts."""

    def place(self, numbers: Iterable[int | None]) -> str:
        """Places in order, "p. 3, 5" or "slide 4"; empty where none is known."""
        known = sorted({number for number in numbers if number is not None})
        return f"{_SHORT[self.unit]} {', '.join(map(str, known))}" if known else ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, list item or table inside a passage: `passage.text[start:end]`."""

    start: int
    end: int
    kind: BlockKind = "paragraph"
    page: int | None = None
    level: int = 0
    """The level of its block: the nesting depth of an item, from 0."""


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

    @property
    def own_heading(self) -> str:
        """The last part of the heading path: what stands right above the text."""
        return self.heading.rpartition(" › ")[2]

    def quote(self, sentence: Sentence) -> str:
        """The sentence's text."""
        return self.text[sentence.start : sentence.end]


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the course that a question is about. Empty sets do not restrict."""

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
    """Notes are not an assigned reading, whatever section they stand in."""
    return document.section == "required" and document.kind in READINGS


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The content of a file: its blocks in order, with offsets into its source text."""

    title: str | None
    blocks: tuple[Block, ...]
    pages: int | None = None
    """How many pages can be drawn; None where the file has none."""
    unit: Unit = "page"
    partial: bool = False
    """Some of the file could not be read."""
    notes: tuple[str, ...] = ()
    """What is odd about the file, in words for the instructor."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    authors: str | None = None
    """As far as they are sure, by commas."""
    scans: tuple[int, ...] = ()
    """Pages that are images without text, from 1."""


Box = tuple[float, float, float, float]
"""Left, top, width and height as shares of the page as it is shown, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The boxes of a quote on one page, a box per line."""

    quote: int
    """Index among the quotes that were asked for."""
    page: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A document, opened."""

    document: Document
    quotes: tuple[str, ...] = ()
    remark: str = ""
    """What the reader should know: the passage is gone, the sentence cannot be marked."""
    page: int = 1
    """The drawn page to begin with."""
    sizes: tuple[tuple[float, float], ...] = ()
    """Width and height of every drawn page, in points; empty for a view of text."""
    version: str = ""
    """Changes with the file."""
    spots: tuple[Spot, ...] = ()
    section: int = 0
    """Index of the section shown, of a view of text."""
    sections: int = 0
    passages: tuple[Passage, ...] = ()
    """Those of the section, in order."""
