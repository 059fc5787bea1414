"""A course page → its sessions and readings, from the page's own words. No network.

Forms: a folder of Markdown posts (one session each), a single post, a saved HTML page with the
session pages it links to, plain text, and a `readings.toml` that an instructor writes by hand
(see `syllabus_toml`). The functions that take text know nothing of files; pages that a page links
to come through a `load_page` function, so that a fetching version can use them too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from seminar_rag.errors import SourceError
from seminar_rag.guard import refusal
from seminar_rag.syllabus.entries import has_sections, read_entries
from seminar_rag.syllabus.items import opens_with_work
from seminar_rag.syllabus.marks import title_of
from seminar_rag.syllabus.markup import Item, front_matter, html_items, html_title, markdown_items
from seminar_rag.syllabus.page import Part, split_sessions
from seminar_rag.syllabus.plain import text_items
from seminar_rag.syllabus.tables import table_sessions
from seminar_rag.syllabus.toml import read_toml
from seminar_rag.types import Block, Reading, Session, Syllabus

LoadPage = Callable[[str], "tuple[str, str] | None"]
"""Address of a linked page, as written → its name and HTML; None when it cannot be had."""

_MARKDOWN = {".md", ".markdown"}
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
    if path.is_dir():
        syllabus = _folder(path)
    elif path.suffix.lower() == ".toml":
        return read_toml(_read(path), path)
    elif path.suffix.lower() in _MARKDOWN:
        syllabus = syllabus_from_markdown(_read(path), path.name)
    elif path.suffix.lower() in _HTML or _looks_like_html(path):
        syllabus = syllabus_from_html(_read(path), path.name, _neighbours(path))
    else:
        syllabus = syllabus_from_text(_read(path), path.name)
    if not syllabus.readings:
        raise SourceError(
            f"{path} holds no readings; give the page that lists them, or write a readings.toml."
        )
    return syllabus


# ---------------------------------------------------------------- from text


def syllabus_from_text(text: str, name: str) -> Syllabus:
    """The syllabus in a plain-text copy of a course page."""
    items = text_items(text)
    first = items[0] if items else None
    end = first.breaks[0] if first is not None and first.breaks else None
    return _from_items(items, name, first.text[:end] if first is not None else None)


def syllabus_from_markdown(text: str, name: str) -> Syllabus:
    """The syllabus in one Markdown page: several sessions, or one post."""
    items = markdown_items(text)
    post = session_from_post(text, name, 1)
    page = _from_items(items, name, _page_title(items))
    if front_matter(text)[0]:
        # A Jekyll page is a post, unless more is read from it as a page of several sessions.
        sure = all(part.sure for part in split_sessions(items))
        several = sure and sum(bool(session.readings) for session in page.sessions) > 2
        if not several or _count(page.sessions) < len(post.readings):
            return Syllabus(None, (post,))
    elif post.readings and len(page.sessions) < 2 and not split_sessions(items):
        return Syllabus(None, (post,))
    return page


def session_from_post(text: str, name: str, number: int) -> Session:
    """The session that one Markdown post describes."""
    matter, begin = front_matter(text)
    values = _yaml(matter)
    items = markdown_items(text)
    title = str(values.get("title") or "").strip()
    if not title and not begin and items and items[0].block.kind == "heading":
        title, items = title_of(items[0].text), items[1:]
    title = title or Path(name).stem
    readings, notes = read_entries(items, title)
    return Session(number, title, _tags(values.get("tags")), readings, notes, file=name)


def syllabus_from_html(html: str, name: str, load_page: LoadPage | None = None) -> Syllabus:
    """The syllabus on an HTML page; session pages that `load_page` can have are read as well."""
    items = html_items(html)
    return _from_items(items, name, _page_title(items) or html_title(html), load_page)


def _from_items(
    items: tuple[Item, ...], name: str, title: str | None, load_page: LoadPage | None = None
) -> Syllabus:
    parts = split_sessions(items)
    if parts:
        bare = not any(has_sections(part.items) for part in parts)
        sessions = tuple(_session(part, name, load_page, bare) for part in parts)
    else:
        readings, notes = read_entries(items, title)
        sessions = (Session(1, title or Path(name).stem, (), readings, notes, name),)
    scheduled = tuple(_session(part, name, None, False) for part in table_sessions(items))
    if _count(scheduled) and _count(scheduled) >= _count(sessions):
        sessions = scheduled
    return Syllabus(title, sessions)


def _count(sessions: Sequence[Session]) -> int:
    return sum(len(session.readings) for session in sessions)


def _page_title(items: tuple[Item, ...]) -> str | None:
    """The last heading of the first level before the page's sessions or readings begin."""
    title = None
    for item in items:
        if item.block.kind == "heading" and item.block.level == 1:
            if re.match(r"\d+\s*[.):]", item.text):
                break
            title = item.text
        elif item.block.kind == "heading" and title:
            break
    return title


def _session(part: Part, name: str, load_page: LoadPage | None, bare: bool) -> Session:
    bare = bare or any(map(opens_with_work, part.items))
    readings, notes = read_entries(part.items, part.title, bare)
    session = Session(part.number, part.title, part.tags, readings, notes, name, part.link)
    page = load_page(part.link) if load_page is not None and part.link else None
    if page is None:
        return session
    page_name, html = page
    items = html_items(html)
    own_readings, own_notes = read_entries(items, part.title)
    if len(own_readings) >= len(readings):
        return replace(session, readings=own_readings, notes=own_notes, file=page_name)
    # The page lists less than the overview: its notes, then the overview's entries after its end.
    length = sum(len(item.text) + 1 for item in items if item.text)
    return replace(
        session,
        readings=tuple(_shifted(reading, length) for reading in readings),
        notes=own_notes or tuple(item.block for item in items if item.text),
        file=page_name,
    )


def _shifted(reading: Reading, by: int) -> Reading:
    def move(block: Block) -> Block:
        return replace(block, start=block.start + by)

    return replace(reading, blocks=tuple(move(block) for block in reading.blocks))


def _yaml(matter: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(matter) if matter else None
    except yaml.YAMLError:
        return {}
    return values if isinstance(values, dict) else {}


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(tag).strip() for tag in value) if isinstance(value, list) else ()


# ---------------------------------------------------------------- from files


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_PAGE_BYTES:
            raise SourceError(f"{path} is larger than 32 MB; give the course page itself.")
        return path.read_bytes().decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError:
        return _read_foreign(path)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from error


def _read_foreign(path: Path) -> str:
    data = path.read_bytes()
    if b"\x00" in data[:4096] or data[:4] == b"%PDF":
        raise SourceError(f"{path} is not text; save the course page as HTML, Markdown or text.")
    return data.decode("cp1252", errors="replace")


def _looks_like_html(path: Path) -> bool:
    return bool(
        re.match(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html)\b", _read(path)[:4096], re.I | re.S)
    )


def _folder(path: Path) -> Syllabus:
    posts = sorted(
        (f for f in path.iterdir() if f.suffix.lower() in _MARKDOWN and not refusal(f, path)),
        key=_natural,
    )
    posts = [file for file in posts if file.stem.lower() not in {"readme", "license", "index"}]
    if not posts:
        page = path / "index.html"
        if page.is_file():
            return syllabus_from_html(_read(page), page.name, _neighbours(page))
        raise SourceError(f"{path} has no Markdown posts; give the folder that holds them.")
    sessions = tuple(
        session_from_post(_read(file), file.name, number) for number, file in enumerate(posts, 1)
    )
    return Syllabus(None, sessions)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part.casefold()) for part in parts]


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
                    if found.is_file() and found.resolve() != here:
                        return found.relative_to(root).as_posix(), _read(found)
        return None

    return load


def _page_files(path: Path) -> list[Path]:
    if path.suffix.lower() in _HTML:
        return [path]
    return [path / "index.html", path.with_name(path.name + ".html")]
