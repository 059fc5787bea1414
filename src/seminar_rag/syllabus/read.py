"""A course page → its sessions and readings, from the page's own words. No network.

Forms: a folder of Markdown posts (one session each), a single post, a saved HTML page with the
session pages it links to, DOCX, PDF, plain text, what pandoc reads (org, reStructuredText, …),
lists of references (see `references`), and a `readings.toml` that an instructor writes by hand (see
`toml`). Every other form becomes blocks, blocks become pieces, a trained model says what each
piece is, and the pieces become sessions and readings (see `pieces`, `features`, `assemble`).
Pages that a page links to come through a `load_page` function, so that a fetching version can use
them too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.guard import refusal
from seminar_rag.syllabus import references
from seminar_rag.syllabus.assemble import entry_reading, read_pieces, session_name, shown_text
from seminar_rag.syllabus.course_parts import with_parts
from seminar_rag.syllabus.events import events_of_sessions, events_on, moved
from seminar_rag.syllabus.marks import date_in, mark_of
from seminar_rag.syllabus.markup import Item, front_matter, html_items, html_title, markdown_items
from seminar_rag.syllabus.markup_office import PANDOC, office_items
from seminar_rag.syllabus.markup_text import text_items
from seminar_rag.syllabus.meetings import Entry, numbers_of
from seminar_rag.syllabus.pieces import Piece, page_pieces
from seminar_rag.syllabus.structure import (
    Found,
    LoadPage,
    as_told,
    count,
    headed,
    in_posted_parts,
    is_divided,
    is_exact,
    is_list_of_links,
    is_post,
    numbered,
    once,
    posted_days,
    posted_number,
    structural_post,
    structural_sessions,
    with_kinds,
    with_page,
    with_places,
)
from seminar_rag.syllabus.toml import read_toml
from seminar_rag.text import decoded
from seminar_rag.types import CourseEvent, Reading, Session, Syllabus

_MARKDOWN = {".md", ".markdown", ".qmd", ".rmd", ".mdx", ".mkd"}
_HTML = {".html", ".htm"}
_MAX_PAGE_BYTES = 32 * 2**20


def read_syllabus(path: Path) -> Syllabus:
    """The syllabus in a local file or folder.

    Raises SourceError when the path is missing or unreadable, or holds no readings.
    """
    if not path.exists():
        raise SourceError(
            f"{path} does not exist; give a course page, a folder of posts or a readings.toml."
        )
    suffix = path.suffix.lower()
    if path.is_dir():
        syllabus = _folder(path)
    elif suffix == ".toml":
        return read_toml(_read(path), path)
    elif suffix in references.SUFFIXES:
        return references.read_references(path, _read(path))
    elif suffix in {".docx", ".pdf", *PANDOC}:
        items = office_items(path)
        form = "html" if suffix in PANDOC else suffix[1:]
        syllabus = _from_items(items, form, path.name, _page_title(items))
    elif suffix in _MARKDOWN:
        text = _read(path)
        cited = references.cited_beside(path, front_matter(text)[0]) if "@" in text else {}
        syllabus = syllabus_from_markdown(text, path.name, cited)
    elif suffix in _HTML or _looks_like_html(path):
        syllabus = syllabus_from_html(_read(path), path.name, _neighbours(path))
    else:
        syllabus = syllabus_from_text(_read(path), path.name)
    if not syllabus.readings:
        raise SourceError(
            f"{path} holds no readings; give the page that lists them, or write a readings.toml."
        )
    return syllabus


def page_lines(path: Path, name: str = "") -> tuple[str, ...]:
    """The text of a course page, a post or a folder of posts, block by block.

    Args:
        name: a name whose ending tells the form, where the file's own does not.

    Raises:
        SourceError: it cannot be read.
    """
    if path.is_dir():
        posts = [file for file in sorted(path.iterdir(), key=_natural) if file.is_file()]
        posts = [file for file in posts if not refusal(file, path)]
        pages = [file for file in posts if file.suffix.lower() in _MARKDOWN]
        pages = pages or [file for file in posts if file.name in ("readings.toml", "index.html")]
        return tuple(line for file in pages for line in page_lines(file))
    suffix = Path(name or path.name).suffix.lower()
    if suffix in {".docx", ".pdf"}:
        items = office_items(path)
    elif suffix in _MARKDOWN:
        items = markdown_items(_read(path))
    elif suffix in _HTML or _looks_like_html(path):
        items = html_items(_read(path))
    else:
        items = text_items(_read(path))
    lines = (" ".join(line.split()) for item in items for line in item.text.split("\n"))
    return tuple(line for line in lines if line)


def schedule_in(path: Path) -> Syllabus | None:
    """The syllabus in a PDF that is a course's schedule and no paper; None for all others."""
    try:
        pieces = page_pieces(office_items(path), "pdf")
    except SourceError:
        return None
    dated = [m for m in read_pieces(pieces) if m.entries and any(map(_is_dated, m.heads))]
    return read_syllabus(path) if len(dated) > 2 else None


def _is_dated(head: Piece) -> bool:
    mark = mark_of(head.text)
    return mark is not None and mark.kind in {"named", "dated"}


# ---------------------------------------------------------------- from text


def syllabus_from_text(text: str, name: str) -> Syllabus:
    """The syllabus in a plain-text copy of a course page."""
    items = text_items(text)
    first = items[0] if items else None
    end = first.breaks[0] if first is not None and first.breaks else None
    return _from_items(items, "text", name, first.text[:end] if first is not None else None)


def syllabus_from_markdown(
    text: str, name: str, cited: Mapping[str, references.Reference] | None = None
) -> Syllabus:
    """The syllabus in one Markdown page: several sessions, or one post.

    Args:
        cited: the references that `@key` on the page may stand for.
    """
    items: Sequence[Item] = markdown_items(text)
    if cited:
        items = references.with_references(items, cited)
    title = _page_title(items)
    structural = structural_sessions(items, name, title)
    number = posted_number(text)
    post = structural_post(text, items, name, 1 if number is None else number)
    learned, events = _learned(items, "markdown", name, title)
    if cited:
        learned = with_kinds(learned, references.as_listed(cited))
    if is_post(text, items, structural, post) and not is_divided(structural, learned):
        structural = [post]
    if is_exact(structural, learned, items):
        own = None if structural == [post] else title
        dated = with_places(as_told(structural, learned), learned)
        return Syllabus(own, dated, tuple(moved(events, learned, dated)))
    if len(learned) < 2 and all(session.number for session in learned):
        return Syllabus(None, (session_from_post(text, name, 1),))
    return Syllabus(title, tuple(learned), events)


def session_from_post(text: str, name: str, number: int) -> Session:
    """The session that one Markdown post describes."""
    return _sessions_of_posts(((text, name, number),))[0]


@lru_cache(maxsize=2)  # a desk ingests its posts again and again, and hardly one has changed
def _sessions_of_posts(given: tuple[tuple[str, str, int], ...]) -> tuple[Session, ...]:
    """The sessions of posts, given as text, name and number; all are read in the same way."""
    posts = numbered(given)
    paged = [markdown_items(text) for text, _, _ in posts]
    every = [item for items in paged for item in items]
    structural = in_posted_parts(
        structural_post(text, items, name, number)
        for (text, name, number), items in zip(posts, paged, strict=True)
    )
    if headed(structural, every) > _REGULAR:
        return tuple(structural)
    learned = []
    for session, items in zip(structural, paged, strict=True):
        readings, notes = _post(items, whole=True)
        learned.append(replace(session, readings=readings, notes=notes))
    exact = is_exact(structural, learned, every) or is_list_of_links(structural, learned, every)
    return tuple(as_told(structural, learned) if exact else learned)


_REGULAR = 0.75
"""The share of readings with a heading of their own from which session pages need no model."""


def post_entries(items: Sequence[Item]) -> tuple[list[Entry], Sequence[Piece]]:
    """The readings that a text about one session lists, and the pieces that it was cut into."""
    pieces = page_pieces(items, "post")
    return [entry for meeting in read_pieces(pieces) for entry in meeting.entries], pieces


MOSTLY = 0.5
"""Share of a text's letters that name readings from which it is a list of them."""


def share_named(entries: Sequence[Entry], items: Sequence[Item]) -> float:
    """Of a text's letters, how many name readings."""
    named = sum(len(piece.text) for entry in entries for piece in entry.pieces)
    return named / max(1, sum(len(item.text) for item in items))


def _post(items: Sequence[Item], _title: str = "", whole: bool = False) -> Found:
    """The readings of a page that is about one session, and the notes that follow them.

    Args:
        whole: the page is nothing but its author's text: unless it is mostly a list, all that
            describes no reading is a note.
    """
    entries, pieces = post_entries(items)
    readings, taken = readings_of(entries, pieces)
    if not readings and not whole:
        return (), ()
    follows = 0 if whole and share_named(entries, items) < MOSTLY else max(taken, default=-1) + 1
    notes = (item for n, item in enumerate(items) if n >= follows and n not in taken)
    return readings, tuple(one.block for one in notes if one.text and one.comment is None)


def readings_of(
    entries: Sequence[Entry], pieces: Sequence[Piece]
) -> tuple[tuple[Reading, ...], set[int]]:
    """Readings of entries, and the items that name and describe them."""
    found: list[Reading] = []
    taken: set[int] = set()
    for entry in entries:
        reading, end = entry_reading(entry, pieces)
        found.append(reading)
        taken |= {piece.block for piece in pieces[entry.first : end]}
    return once(found), taken


def syllabus_from_html(html: str, name: str, load_page: LoadPage | None = None) -> Syllabus:
    """The syllabus on an HTML page; session pages that `load_page` can have are read as well."""
    items = html_items(html)
    return _from_items(items, "html", name, _page_title(items) or html_title(html), load_page)


def _from_items(
    items: Sequence[Item],
    form: str,
    name: str,
    title: str | None,
    load_page: LoadPage | None = None,
) -> Syllabus:
    load = cache(partial(_loaded, load_page)) if load_page is not None else None
    structural = structural_sessions(items, name, title, load)
    learned, events = _learned(items, form, name, title)
    paged = [session for session in structural if session.file != name]
    linked = (load(session.url) for session in paged if load is not None and session.url)
    own = [item for page in linked if page is not None for item in page[1]]
    if len(paged) >= max(1, len(learned) // 2) and headed(paged, own) > _REGULAR:
        placed = with_places(structural, learned)
        return Syllabus(title, placed, tuple(moved(events, learned, placed)))
    learned = [with_page(session, load, _post) for session in learned]
    exact = bool(paged) and count(structural) >= count(learned)
    exact = exact or is_exact(structural, learned, items)
    exactly = with_places(as_told(structural, learned), learned) if exact else learned
    return Syllabus(title, tuple(exactly), tuple(moved(events, learned, exactly)))


def _loaded(load_page: LoadPage, address: str) -> tuple[str, Sequence[Item]] | None:
    page = load_page(address)
    return (page[0], html_items(page[1])) if page is not None else None


def _learned(
    items: Sequence[Item], form: str, name: str, title: str | None
) -> tuple[list[Session], tuple[CourseEvent, ...]]:
    """The sessions of any page, as the model reads it, and what it names beside readings."""
    pieces = page_pieces(items, form)
    divided = with_parts(pieces, read_pieces(pieces))
    meetings = [meeting for meeting, _ in divided]
    if not any(meeting.heads for meeting in meetings):
        entries = [entry for meeting in meetings for entry in meeting.entries]
        readings, _ = readings_of(entries, pieces)
        return [Session(1, title or Path(name).stem, (), readings, (), name)], ()
    sessions = []
    for (meeting, part), number in zip(divided, numbers_of(meetings), strict=True):
        readings, _ = readings_of(meeting.entries, pieces)
        shown = session_name(meeting.heads, readings)
        links = (link.url for head in meeting.heads for link in head.item.links)
        link = next((url for url in links if not url.startswith("#")), None)
        date = next((day for head in meeting.heads if (day := date_in(head.text))), None)
        sessions.append(Session(number, shown, (), readings, (), name, link, date, part))
    return sessions, events_on(pieces, meetings, sessions)


def _page_title(items: Sequence[Item]) -> str | None:
    """The last heading of the first level before the page's sessions or readings begin."""
    title = None
    for item in items:
        if item.block.kind == "heading" and item.block.level == 1:
            if re.match(r"\d+\s*[.):]", item.text):
                break
            title = shown_text(item)
        elif item.block.kind == "heading" and title:
            break
    return title


# ---------------------------------------------------------------- from files


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_PAGE_BYTES:
            raise SourceError(f"{path} is larger than 32 MB; give the course page itself.")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from error
    text = decoded(data)
    if "\x00" in text[:4096] or data[:4] == b"%PDF":
        raise SourceError(f"{path} is not text; save the course page as HTML, Markdown or text.")
    return text


def _looks_like_html(path: Path) -> bool:
    return bool(
        re.match(r"\s*+(?:<!--.*?-->\s*+)*+<(?:!doctype|html)\b", _read(path)[:4096], re.I | re.S)
    )


def _folder(path: Path) -> Syllabus:
    posts = sorted(
        (f for f in path.iterdir() if f.suffix.lower() in _MARKDOWN and not refusal(f, path)),
        key=_natural,
    )
    posts = [file for file in posts if file.stem.lower() not in {"readme", "license", "index"}]
    if not posts:
        page = path / "index.html"
        if page.is_file() and not refusal(page, path):
            return syllabus_from_html(_read(page), page.name, _neighbours(page))
        raise SourceError(f"{path} has no Markdown posts; give the folder that holds them.")
    read = [(_read(file), file.name, number) for number, file in enumerate(posts, 1)]
    days = posted_days([text for text, _, _ in read])
    posted = zip(_sessions_of_posts(tuple(read)), days, strict=True)
    sessions = tuple(replace(one, date=one.date or day) for one, day in posted)
    return Syllabus(None, sessions, tuple(events_of_sessions(sessions)))


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return references.natural(path.name)


def _neighbours(page: Path) -> LoadPage:
    """Pages saved beside `page`, found by the end of their address below a parent folder."""

    def load(address: str) -> tuple[str, str] | None:
        path = re.sub(r"[?#].*$", "", re.sub(r"^(?:[a-z]+:)?//[^/]+", "", address, flags=re.I))
        segments = [part for part in path.split("/") if part not in {"", "."}]
        if not segments or ".." in segments:
            return None
        here = page.resolve()
        for root in here.parents[:3]:
            for skip in range(len(segments)):
                for found in _page_files(root.joinpath(*segments[skip:])):
                    if found.is_file() and found.resolve() != here and not refusal(found, root):
                        return found.relative_to(root).as_posix(), _read(found)
        return None

    return load


def _page_files(path: Path) -> list[Path]:
    if path.suffix.lower() in _HTML:
        return [path]
    return [path / "index.html", path.with_name(path.name + ".html")]
