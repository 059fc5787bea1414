"""Splits a text into the claims it makes, each with the citations that it carries.

Markdown and plain text are read alike: headings, lists, tables, code and the reference list are
kept apart from prose, prose is cut into sentences, and each sentence keeps its exact place in the
text. The module knows no readings and decides nothing about truth.

A text of unknown origin is cut in a worker process: what makes a pattern or a parser slow would
hold the whole interpreter, and with it every page that the server answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING

from seminar_rag.check.references import (
    NOTE,
    NOTE_LABEL,
    entry,
    is_sure,
    marks,
    resolve,
    without_marks,
)
from seminar_rag.errors import SourceError
from seminar_rag.guard import WorkerError, WorkerPool
from seminar_rag.text import FUNCTION_WORDS, sentence_spans
from seminar_rag.types import Cited, Claim, ClaimKind

if TYPE_CHECKING:
    from seminar_rag.syllabus.markup_text import Item


@dataclass(frozen=True, slots=True)
class Extract:
    """The claims of a text, and the works in its reference list."""

    claims: tuple[Claim, ...]
    """Every sentence, heading, table row, code block and reference, in order, with its kind."""
    references: tuple[Cited, ...]
    """The entries of the reference list."""


@dataclass(frozen=True, slots=True)
class _Block:
    kind: ClaimKind
    text: str
    """Clean: marks of Markdown gone, lines joined."""
    places: tuple[int, ...]
    """For every character of `text`, its index in the source."""
    mark: str
    """Of an item of a list: "- ", "1. "."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.places[start], self.places[end - 1] + 1

    def entry(self, source: str) -> Cited:
        """The block as an entry of a reference list; the targets of its links may have its ids."""
        start, stop = self.span(0, len(self.text))
        written = source[start : _past_link(source, stop)]
        number = self.mark if self.mark[:1].isdigit() else ""
        return entry(number + self.text, start, stop, written)


def extract(text: str) -> Extract:
    """The claims and references of `text`; `text[claim.start:claim.end]` is each one's source."""
    blocks = list(_blocks(text))
    entries = {index: blocks[index].entry(text) for index in _reference_blocks(blocks)}
    references = tuple(entries.values())
    claims: list[Claim] = []
    for index, block in enumerate(blocks):
        if index in entries:
            claims.append(_whole(block, "reference", (entries[index],)))
        elif block.kind != "claim":
            claims.append(_whole(block, block.kind))
        else:
            claims.extend(_sentences(block, text, references))
    return Extract(tuple(claims), references)


# Blocks

_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|\(\w\))\s+")
_NUMBERED = re.compile(r"\s*(?:\[\d{1,3}\]|\[\^[\w-]{1,30}\]:|[¹²³⁰⁴-⁹]{1,3}(?=\s))\s+\S")
_MARK_BEFORE = re.compile(r"([-*+•]|\d{1,3}[.)])\s{1,4}[\[*_`]{0,4}$")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_CITED_BEHIND = re.compile(
    r"[.?!;,”\"]\s{0,3}(?:(?:\[[^\[\]]{1,80}+\]|\([^()]{1,80}+\))\s{0,3}){1,9}$"
)
"""A full stop, and citations behind it."""
_TITLE_WORDS = 10
_FORMULA = re.compile(r"\s*(?:\$\$.*\$\$|\\\[.*\\\]|\\begin\{.*\})[.,]?\s*", re.DOTALL)
_NOTES_BEHIND = re.compile(rf"(?:\s?{NOTE.pattern}){{1,9}}")
_MARKS_BEHIND = re.compile(
    r"(?:(?:\[\d[\d,;\s–-]{0,80}\]"
    r"|\([^()]{0,200}\b(?:19|20)\d\d[a-z]?(?:[,;:][^()]{0,200})?\))\.?\s{0,3}){1,9}"
)


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks of `text` as CommonMark and its tables have them; plain text is one of its forms,
    in which a paragraph may be several blocks."""
    from seminar_rag.syllabus.markup import front_matter, front_values, markdown_items

    matter, body = front_matter(text)
    body = body if front_values(matter) else 0
    items = markdown_items(text, prose=True)
    listed = False
    for item, following in zip_longest(items, items[1:]):
        if item is None or not item.block.offsets or item.block.offsets[0] < body:
            continue
        begin = item.block.offsets[0]
        quoted = ">" in text[text.rfind("\n", 0, begin) + 1 : begin]
        for start, stop in _parts(item, listed):
            kind, mark = _kind_of(item, not quoted and following is not None), None
            if kind == "claim":
                kind = _kind_of_line(item.text[start:stop])
                mark = _ITEM.match(item.text[start:stop]) if kind in ("claim", "heading") else None
            own = slice(start + (mark.end() if mark else 0), stop)
            line, places = item.text[own], item.block.offsets[own]
            if kind == "heading":
                listed = bool(_LIST_TITLE.match(line.strip()))
            if re.search(r"\w", line):
                before = _MARK_BEFORE.search(text, text.rfind("\n", 0, places[0]) + 1, places[0])
                yield _Block(kind, line, places, f"{before[1]} " if before else "")


def _kind_of_line(line: str) -> ClaimKind:
    """What a line of prose is: a heading too where it only says what follows, as "Pros:" does."""
    if _ROW.match(line) or _FORMULA.fullmatch(line):
        return "table" if _ROW.match(line) else "code"
    text = _ITEM.sub("", line, count=1).strip()
    announces = text.endswith(":") and len(text.split()) <= _TITLE_WORDS
    return "heading" if announces or _LIST_TITLE.match(text) else "claim"


def _parts(item: Item, listed: bool) -> Iterator[tuple[int, int]]:
    """A table by its rows, a paragraph by its lines that open a block of their own.

    Args:
        listed: it is of the reference list, where lines are entries if each has a name and a year.
    """
    text, table, start = item.text, item.block.kind == "table", 0
    ends = [at for at, char in enumerate(text) if char == "\n"] if table else item.breaks
    places = zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)
    first, *lines = [text[at:end] for at, end in places]
    titled = bool(lines and _LIST_TITLE.match(first))
    entries = (titled or (listed and _ENTRY_LINE.match(first))) and all(
        map(_ENTRY_LINE.match, lines)
    )
    for end, following in zip(ends, lines, strict=True):
        opens = entries or any(one.match(following) for one in (_ITEM, _NUMBERED, _ROW))
        if table or opens or _ROW.match(text[start:end]) or (titled and not start):
            yield start, end
            start = end + 1
    yield start, len(text)


def _kind_of(item: Item, alone: bool) -> ClaimKind:
    """What a block is.

    Args:
        alone: it stands in no quotation, and something follows it.
    """
    kind = item.block.kind
    if kind in ("table", "code"):
        return kind
    if item.breaks or kind == "item":
        return "claim"
    return "heading" if kind == "heading" or (alone and _titled(item)) else "claim"


def _titled(item: Item) -> bool:
    """Whether a line is bold, or short, capitalised and without a full stop."""
    line = item.text
    if item.depth or _NUMBERED.match(line) or len(line.split()) > _TITLE_WORDS:
        return False
    bold = item.bold >= len(line.rstrip(":"))
    end = NOTE.sub("", line).rstrip() or line
    stops = end[-1] in '.?!;,”"' or _CITED_BEHIND.search(end)
    return bold or (not stops and (line[0].isupper() or line[0].isdigit()))


# The reference list

_DATED = re.compile(r"\b(?:19|20)\d\d[a-z]?\b|arxiv|doi|https?://", re.IGNORECASE)
_LIST_TITLE = re.compile(
    r"^(?:\d+[.)]?\s*)?(?:references|bibliography|works cited|literature|sources|citations"
    r"|(?P<notes>(?:end|foot)?notes)|literatur(?:verzeichnis|angaben)?|quellen(?:verzeichnis)?|bibliogra(?:ph|f)ie|références"
    r"|referencias|bibliografía|bibliografia|riferimenti)\s*:?$",
    re.I,
)
_ENTRY_LINE = re.compile(r"[^\W\d_a-z].{4,400}\b(?:19|20)\d\d[a-z]?\b")


def _reference_blocks(blocks: Sequence[_Block]) -> list[int]:
    """Indices of the blocks that are entries of a reference list.

    Those under the last heading that says so, up to the next one, of which half give a year, an id
    or a number, or which end the text; numbered ones under another such heading, since notes may
    stand before the list; and the texts of footnotes. Without a heading, the blocks at the end that
    start with "[n]" and give a year or an id.
    """
    headings = [at for at, block in enumerate(blocks) if block.kind == "heading"]
    dated = {at for at, block in enumerate(blocks) if _DATED.search(block.text)}
    listed, numbered = list[int](), list[int]()
    for begin, end in zip_longest(headings, headings[1:], fillvalue=len(blocks)):
        title, under = _LIST_TITLE.match(blocks[begin].text), range(begin + 1, end)
        if not title or not under:
            continue
        items = [at for at in under if blocks[at].mark]
        if items:  # what stands below the last is of the text again
            under = range(begin + 1, max(items[-1], *dated.intersection(under), begin) + 1)
        own = [at for at in items if blocks[at].mark[0].isdigit()]
        own += [at for at in under if _NUMBERED.match(blocks[at].text)]
        if len(own) == len(under) and dated.intersection(own):
            numbered += own
        elif not title["notes"]:
            told = dated.intersection(under).union(own)
            listed = [*under] if end == len(blocks) or 2 * len(told) >= len(under) else listed
    if not (listed or numbered):
        last = takewhile(lambda at: _NUMBERED.match(blocks[at].text), reversed(range(len(blocks))))
        numbered = [at for at in last if at in dated]
    return sorted({*listed, *numbered, *(at for at in dated if NOTE_LABEL.match(blocks[at].text))})


# Sentences


def _whole(block: _Block, kind: ClaimKind, cites: tuple[Cited, ...] = ()) -> Claim:
    start, end = block.span(0, len(block.text))
    return Claim(block.text, start, end, kind, block.text, block.text, cites)


def _sentences(block: _Block, source: str, references: Sequence[Cited]) -> Iterator[Claim]:
    last, before = "", tuple[Cited, ...]()
    for start, end in _spans(block.text):
        text = block.text[start:end]
        begin, stop = block.span(start, end)
        found = marks(source[begin : _past_link(source, stop)], begin)
        known = (resolve(cited, references) for cited in found)
        cites = tuple(one for one in known if is_sure(one) or one.entry or one.arxiv_id or one.doi)
        if not cites and _CARRIES_ON.match(text):
            cites = before  # "They also show …" goes on about the work cited before
        bare = without_marks(text)
        for one in cites:
            bare = bare if is_sure(one) else without_marks(bare.replace(f" {one.text}", ""))
        last, before = _stand_alone(bare, last), cites
        yield Claim(text, begin, stop, _kind(bare), bare, last, cites)


def _spans(text: str) -> list[tuple[int, int]]:
    """Sentence spans; a mark behind the full stop ("… 61%. [3] Later …") goes with its sentence."""
    # A number of a note behind the full stop hides it: the note is taken out, and put back behind.
    plain = sentence_spans(NOTE.sub(lambda note: " " * len(note[0]), text))
    notes = [_NOTES_BEHIND.match(text, end) for _, end in plain]
    spans = [(at, one.end() if one else end) for (at, end), one in zip(plain, notes, strict=True)]
    for i in range(1, len(spans)):
        start, end = spans[i]
        mark = _MARKS_BEHIND.match(text[start:end])
        if mark and marks(mark[0]):
            spans[i - 1] = (spans[i - 1][0], start + len(mark[0].rstrip()))
            spans[i] = (start + mark.end(), end)
    return [(start, end) for start, end in spans if start < end]


def _past_link(source: str, stop: int) -> int:
    """The end of a Markdown link's target, where the sentence ends in its text."""
    target = re.match(r"\]\([^()\s]*\)", source[stop:])
    return stop + (target.end() if target else 0)


_CARRIES_ON = re.compile(
    r"(?:They|(?:The|These) authors|(?:The|This) (?:paper|study|work|survey|article))\b"
)
_OPINION = re.compile(
    r"\b(?:I|we) (?:\w+ly )?(?:think|believe|feel|hope|find (?:it|this|these)|prefer|doubt"
    r"|wonder|suspect|would argue)\b|\bI find that\b|\bin (?:my|our) (?:opinion|view)\b|\bto me\b"
    r"|\b(?:arguably|personally)\b"
    r"|^(?:perhaps|maybe)\b"
    r"|^it (?:is|seems|would be) (?:\w+ )?(?:interesting|surprising|nice|fascinating|a pity)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:Please|Let me|Consider|Notice|See|Read|Explain|Discuss|Compare|Write|Describe|Summari[sz]e"
    r"|Give|Use|Let us|Let's|Remember|Imagine|Suppose|Answer|Think about|Recall|Do not|Don't|Try"
    r"|Look|List|Name|Make sure|Ask|Tell|Find|Click|Install|Run|Open)\b"
    r"(?! (?:is|are|was|were|of)\b)"
)


def _kind(sentence: str) -> ClaimKind:
    if sentence.rstrip("\"”’')] ").endswith("?"):
        return "question"
    if _OPINION.search(sentence):
        return "opinion"
    if _INSTRUCTION.match(sentence):
        return "instruction"
    return "claim"


# Standing alone

_NAMED = re.compile(
    r"((?:[A-Z][\w-]{0,30}\s){0,3}[A-Z][\w-]{0,30}(?P<many>\set al\.|\sand\s[A-Z][\w-]{0,30})?)"
    r"(?:\s\([^()]{1,60}\))?\s"
    r"(?:is|are|was|were|has|have|had|does|do|did|can|could|may|might|must|will|would|should|use"
    r"|\w{1,20}ed|\w{1,20}[^\Ws]s)\s"
)
"""A name that opens a sentence, with what looks like its verb."""
_PRONOUN = re.compile(
    r"(?:It(?! (?:is|was|seems|remains) [^.,;]{0,40}?\b(?:that|to|how|whether|what)\b)|He|She"
    r"|(?P<many>They|Their)|Its|His|Her)(?=\s)"
)


def _stand_alone(sentence: str, before: str) -> str:
    """`sentence` with an opening pronoun replaced by the name that opens the sentence before.

    What a pronoun means after any other sentence is not guessed: of 24 subjects that were found by
    their verbs, 10 were meant.
    """
    pronoun, named = _PRONOUN.match(sentence), _NAMED.match(before)
    if not pronoun or not named or named[1].split()[0].lower() in FUNCTION_WORDS:
        return sentence
    if bool(pronoun["many"]) != bool(named["many"]):
        return sentence
    owner = "’s" if pronoun[0] in ("Its", "Their", "His", "Her") else ""
    return f"{named[1]}{owner}{sentence[pronoun.end() :]}"


# In a process of its own

SECONDS = 60.0
"""For a text of any length, the start of the process included; as many again for every `PAGES`
characters."""
PAGES = 200_000
MEMORY = 2 << 30
"""Bytes of address space; a text of `PAGES` characters needs a tenth of it."""
_TEXTS = 100
"""Texts after which the process is replaced."""
_SAYS = {
    "limit": "the text could not be cut into statements within {seconds:.0f} seconds — check it in"
    " parts, or leave out what is no prose",
    "closed": "the server is stopping — check the text again later",
    "unavailable": "no process can be started to read the text — close other programs, try again",
    "failed": "the text could not be cut into statements — check it in parts",
}


class ConfinedExtract:
    """`extract` in a process with limits, which starts with the first text and waits for more."""

    def __init__(self, work: Callable[[str], Extract | None] | None = None) -> None:
        """Args:
        work: what the process does, for tests.
        """
        self._work = work or _extract
        self._pool = WorkerPool(1, MEMORY, _TEXTS)

    def __call__(self, text: str) -> Extract:
        """The claims of a text.

        Raises:
            SourceError: the text cannot be cut within the limits, or the course was closed.
        """
        seconds = SECONDS * (1 + len(text) / PAGES)
        try:
            found = self._pool.run(seconds, self._work, text)
        except WorkerError as error:
            raise SourceError(_SAYS[error.reason].format(seconds=seconds)) from error
        if found is None:
            raise SourceError(_SAYS["failed"])
        return found

    def close(self) -> None:
        """Stop the process; a text that it is reading is given up."""
        self._pool.close()


def _extract(text: str) -> Extract | None:
    """The claims; None where the text makes the reader fail, which no exception may tell."""
    try:
        return extract(text)
    except Exception:  # noqa: BLE001 - not every exception survives the way between processes
        return None
