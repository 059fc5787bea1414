"""Reading lists kept as references: BibTeX, RIS, CSL-JSON (what Zotero exports), and `@key`.

Such a list has no sessions, unless its keywords name them ("week 3"); a keyword such as "optional"
says that a reading is not required. In Markdown for Quarto, R or pandoc, `@key` stands for a
reference of the file beside it, and is read as that reference written out.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from seminar_rag.errors import SourceError
from seminar_rag.guard import refusal
from seminar_rag.syllabus.days import spans_in
from seminar_rag.syllabus.kinds import kind_of_type, kind_told
from seminar_rag.syllabus.marks import date_in, mark_of, title_of
from seminar_rag.syllabus.markup import front_values
from seminar_rag.syllabus.markup_text import Item, Link
from seminar_rag.syllabus.sections import named_section
from seminar_rag.syllabus.words import arxiv_id
from seminar_rag.types import Block, Reading, Session, Syllabus, WorkKind

SUFFIXES = frozenset({".bib", ".bibtex", ".ris", ".json"})
_KEY = re.compile(r"(?<![\w.])-?@(?:\{(?P<braced>[^{}\s]+)\}|(?P<key>\w(?:[\w:.#$%&+?<>~/-]*\w)?))")
_COUNTED = re.compile(r"(?P<number>\d{1,2})[\s_.-]+(?P<title>[^\W\d_].*)")
"""What a collection is called so that it is sorted: "03 Memory"."""
_BRACKETED = re.compile(r"\[(?=[^\[\]]*@)([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """An entry of a list of references."""

    key: str
    title: str
    authors: tuple[str, ...] = ()
    year: str = ""
    container: str = ""
    """The journal, proceedings or book that it stands in."""
    urls: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    abstract: str = ""
    kind: WorkKind | None = None
    """What kind of work it is, by the type that the list states; None where that says nothing."""
    session: str = ""
    """What its session is called, where the list is divided into some."""


def read_references(path: Path, text: str) -> Syllabus:
    """The syllabus that a list of references makes.

    Raises:
        SourceError: the list cannot be read, or has no entry with a title.
    """
    sessions: dict[str, list[Reading]] = {}
    found = references_in(path, text)
    for one in found:
        named = (word for word in one.keywords if _names_session(word))
        sessions.setdefault(one.session or next(named, ""), []).append(_reading(one, text))
    if not sessions:
        raise SourceError(f"{path} has no entry with a title; export the list again, or add one.")
    divided = any(one.session for one in found)
    order = list(sessions) if divided else in_order(sessions)
    return Syllabus(
        None,
        tuple(
            Session(
                number,
                _title(name) or ("General" if len(order) > 1 else path.stem),
                readings=tuple(sessions[name]),
                file=path.name,
                date=date_in(name),
            )
            for name, number in zip(order, _numbers(order), strict=True)
        ),
    )


def in_order(names: Iterable[str]) -> list[str]:
    """Names of sessions by their numbers, else by their days, else as a file manager has them."""
    found = [name for name in names if name]
    days = {name: span[0] for name in found for span in spans_in(name)[:1]}
    if len(days) < len(found) or any(map(_number, found)):
        found.sort(key=lambda name: (_number(name) or 1000, natural(name)))
    elif found:
        found.sort(key=lambda name: days[name])
        # A course over the turn of the year begins after the longest time without a session.
        months = [days[name][0] for name in found]
        before = [months[-1], *months[:-1]]
        gaps = [(month - last) % 12 for last, month in zip(before, months, strict=True)]
        first = gaps.index(max(gaps)) if max(gaps) > 2 else 0
        found = found[first:] + found[:first]
    return [name for name in names if not name][:1] + found


def natural(name: str) -> list[tuple[int, int, str]]:
    """What names are sorted by so that "Week 10" comes after "Week 9"."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part.casefold()) for part in parts]


def _title(name: str) -> str:
    counted = None if mark_of(name) else _COUNTED.match(name)
    return counted["title"] if counted else title_of(name)


def _names_session(keyword: str) -> bool:
    mark = mark_of(keyword)
    return mark is not None and mark.kind == "named"


def _number(name: str) -> int:
    mark, counted = mark_of(name), _COUNTED.match(name)
    return (mark.number or 0) if mark else int(counted["number"]) if counted else 0


def _numbers(order: Sequence[str]) -> list[int]:
    """The numbers of sessions as printed, those of the others after them; by their order where
    none or several have the same one. Readings of no session are those of session 0."""
    printed = [_number(name) for name in order]
    given = [number for number in printed if number]
    if not given or len(set(given)) < len(given):
        return list(range(1, len(order) + 1))
    free = count(max(given) + 1)
    return [one or (next(free) if name else 0) for name, one in zip(order, printed, strict=True)]


def _is_more(keyword: str) -> bool:
    """Whether a keyword says that a reading is not required, and nothing of its subject."""
    mark = mark_of(keyword)
    return named_section(keyword[mark.end :] if mark else keyword) == "more"


def _reading(one: Reference, text: str) -> Reading:
    authors = ", ".join(one.authors) or None
    begin = max(text.find(one.title[:20]), 0)
    parts = [(one.title, "heading"), (authors, "paragraph"), (one.abstract, "paragraph")]
    return Reading(
        one.title,
        "more" if any(map(_is_more, one.keywords)) else "required",
        one.urls,
        arxiv_id(one.urls),
        authors,
        one.abstract or None,
        tuple(
            Block(part, "heading" if kind == "heading" else "paragraph", 3, None, begin)
            for part, kind in parts
            if part
        ),
        kind=one.kind or kind_told(one.title, one.urls, authors, one.container),
    )


def references_in(path: Path, text: str) -> list[Reference]:
    """The entries of a file in its order.

    Raises:
        SourceError: it is no list of the form that its name says.
    """
    suffix = path.suffix.lower()
    read = {".ris": _ris, ".json": _csl}.get(suffix, _bibtex)
    try:
        return [one for one in read(text) if one.title]
    except (ValueError, OSError, RecursionError) as error:
        form = {".ris": "RIS", ".json": "CSL-JSON"}.get(suffix, "BibTeX")
        reason = str(error).splitlines()[0]
        raise SourceError(
            f"{path} is no list of references in {form} ({reason}); export it once more."
        ) from error


def _bibtex(text: str) -> Iterator[Reference]:
    import bibtexparser
    from bibtexparser import middlewares

    stack = [middlewares.NormalizeFieldKeys(), middlewares.LatexDecodingMiddleware()]
    library = bibtexparser.parse_string(text, append_middleware=stack)
    if library.failed_blocks and not library.entries:
        raise ValueError(f"line {library.failed_blocks[0].start_line + 1} breaks its rules")
    for entry in library.entries:
        fields = {name: " ".join(str(f.value).split()) for name, f in entry.fields_dict.items()}
        names = re.split(r"(?<!\s)\s+and\s+", fields.get("author") or fields.get("editor") or "")
        yield Reference(
            entry.key,
            fields.get("title", ""),
            tuple(_turned(name) for name in names if name),
            (fields.get("year") or fields.get("date", ""))[:4],
            fields.get("journal") or fields.get("journaltitle") or fields.get("booktitle", ""),
            addresses(fields.get("url"), fields.get("doi"), fields.get("eprint")),
            _keywords(fields.get("keywords", "")),
            fields.get("abstract", ""),
            kind_of_type(entry.entry_type),
        )


def _turned(name: str) -> str:
    """A name with the first name first."""
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma else name


def addresses(url: str | None, doi: str | None, eprint: str | None = None) -> tuple[str, ...]:
    found = [url] if url else []
    if doi and not any(doi in one for one in found):
        found.append(doi if doi.startswith("http") else f"https://doi.org/{doi}")
    if eprint and re.fullmatch(r"\d{4}\.\d{4,5}(?:v\d+)?", eprint) and not arxiv_id(tuple(found)):
        found.append(f"https://arxiv.org/abs/{eprint}")
    return tuple(found)


def _keywords(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in re.split(r"[,;]", text) if word.strip())


def _ris(text: str) -> Iterator[Reference]:
    import rispy

    for entry in rispy.loads(text):
        urls = entry.get("urls") or ([entry["url"]] if entry.get("url") else [])
        yield Reference(
            str(entry.get("id", "")),
            entry.get("title") or entry.get("primary_title") or "",
            tuple(_turned(name) for name in entry.get("authors") or entry.get("first_authors", [])),
            str(entry.get("year") or entry.get("publication_year") or "")[:4],
            entry.get("journal_name") or entry.get("secondary_title") or "",
            addresses(urls[0] if urls else None, entry.get("doi")),
            tuple(entry.get("keywords", ())),
            entry.get("abstract") or "",
            kind_of_type(entry.get("type_of_reference", "")),
        )


def plain(title: str) -> str:
    """A title without the marks of italics and the like that Zotero keeps in it."""
    return re.sub(r"</?(?:i|b|sub|sup|sc|span)\b[^<>]*>", "", title)


class _Name(BaseModel):
    family: str = ""
    given: str = ""
    literal: str = ""


class _Date(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    parts: list[list[str]] = Field([], alias="date-parts")


class _Entry(BaseModel):
    """An item of CSL-JSON, as far as a reading list needs it."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str = ""
    title: str = ""
    author: list[_Name] = []
    issued: _Date | None = None
    container: str = Field("", alias="container-title")
    url: str | None = Field(None, alias="URL")
    doi: str | None = Field(None, alias="DOI")
    keyword: str = ""
    abstract: str = ""
    type: str = ""


def _csl(text: str) -> Iterator[Reference]:
    from seminar_rag.syllabus.zotero import is_zotero, zotero_references

    values = json.loads(text)
    if is_zotero(values):
        yield from zotero_references(values)
        return
    if isinstance(values, dict):
        values = values.get("items", values.get("references", []))
    try:
        entries = TypeAdapter(list[_Entry]).validate_python(values)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"])) from error
    for entry in entries:
        names = [one.literal or f"{one.given} {one.family}".strip() for one in entry.author]
        dates = entry.issued.parts if entry.issued else []
        yield Reference(
            entry.id,
            plain(entry.title),
            tuple(names),
            next((part for parts in dates for part in parts), ""),
            entry.container,
            addresses(entry.url, entry.doi),
            _keywords(entry.keyword),
            entry.abstract,
            kind_of_type(entry.type, ".json"),
        )


# ---------------------------------------------------------------- `@key` in Markdown


def cited_beside(path: Path, matter: str) -> dict[str, Reference]:
    """The references that a Markdown file may cite, by key: of the files that its front matter
    names as its bibliography, else of the BibTeX files beside it.

    Raises:
        SourceError: one of them cannot be read.
    """
    named = front_values(matter).get("bibliography")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    files = [path.parent / name for name in names if isinstance(name, str)]
    files = [file for file in files if file.suffix.lower() in SUFFIXES]
    allowed = [file for file in files if not refusal(file, path.parent)]
    beside = (file for file in path.parent.glob("*.bib") if not refusal(file, path.parent))
    found: dict[str, Reference] = {}
    for file in allowed or sorted(beside):
        text = file.read_text(encoding="utf-8", errors="replace")
        found |= {one.key: one for one in references_in(file, text)}
    return found


def as_listed(cited: Mapping[str, Reference]) -> list[Session]:
    """References as the readings of one session, with the kinds that their list states."""
    stated = (_reading(one, "") for one in cited.values() if one.kind)
    return [Session(1, "", readings=tuple(stated))]


def with_references(items: Sequence[Item], cited: Mapping[str, Reference]) -> list[Item]:
    """Items in which `@key` is its reference, written out and linked."""
    return [_written_out(item, cited) if "@" in item.text else item for item in items]


def _written_out(item: Item, cited: Mapping[str, Reference]) -> Item:
    edits: list[tuple[int, int, Reference | None]] = []
    for bracket in _BRACKETED.finditer(item.text):
        keys = _keys(bracket[1])
        if keys and all(one in cited for one in keys):
            edits += [(at, at + 1, None) for at in (bracket.start(), bracket.end() - 1)]
    for match in _KEY.finditer(item.text):
        if one := cited.get(match["braced"] or match["key"]):
            edits.append((*match.span(), one))
    return _edited(item, sorted(edits, key=lambda edit: edit[0]))


def _keys(text: str) -> list[str]:
    return [match["braced"] or match["key"] for match in _KEY.finditer(text)]


def _edited(item: Item, edits: Sequence[tuple[int, int, Reference | None]]) -> Item:
    """An item with references, or nothing, for parts of its text; they stand where those did.

    Args:
        edits: in the order of the text, none reaching into the next.
    """
    block, text, links = item.block, "", list[Link]()
    places: list[int] = []
    starts, shifts = [0], [0]
    at = 0
    for start, end, one in [*edits, (len(block.text), len(block.text), None)]:
        if start < at:
            continue
        text += block.text[at:start]
        places += [block.source(n) for n in range(at, start)]
        starts += [start, end]
        shifts.append(len(text) - start)
        if one is not None:
            by = ", ".join(one.authors)
            year = f" ({one.year})" if one.year else ""
            title = len(text) + len(lead := f"{by}{year}. " if by else "")
            links += [Link(url, title, title + len(one.title)) for url in one.urls]
            text += f"{lead}{one.title}{f'. {one.container}' if one.container else ''}"
            places += [block.source(start)] * (len(text) - len(places))
        shifts.append(len(text) - end)
        at = end

    def moved(at: int) -> int:
        part = min(bisect_right(starts, at), len(starts) - 1) - 1
        return min(at + shifts[part], starts[part + 1] + shifts[part + 1])

    spans = [
        [Link(one.url, moved(one.start), moved(one.end)) for one in group]
        for group in (item.links, item.emphasis)
    ]
    return replace(
        item,
        block=replace(block, text=text, offsets=tuple(places)),
        links=tuple(sorted((*spans[0], *links), key=lambda link: link.start)),
        emphasis=tuple(spans[1]),
        bold=moved(item.bold),
        breaks=tuple(map(moved, item.breaks)),
        hard=tuple(map(moved, item.hard)),
        cells=tuple(map(moved, item.cells)),
    )
