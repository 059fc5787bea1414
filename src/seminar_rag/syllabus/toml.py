"""`readings.toml`: a reading list that an instructor writes by hand.

    [course]
    title = "Generative AI: a seminar"

    [[session]]
    number = 1                      # optional; counts up from the session before
    title = "Attention"
    part = "Part I: Basics"         # optional: the part of the course that it stands in
    tags = ["architecture"]         # optional

    [[session.reading]]
    title = "Attention Is All You Need"
    section = "required"            # or "more"; required when left out
    arxiv = "1706.03762"            # or urls, or files, or none of them
    urls = ["https://example.org/talk"]
    authors = "Ashish Vaswani, Noam Shazeer, and others"
    kind = "paper"                  # or book, chapter, article, video, podcast, "web page"
    abstract = "What the paper is about."
    files = ["papers/attention.pdf"]  # local files, relative to this TOML

A reading needs a title, an arXiv id, a URL or a file. Unknown keys are errors that name the key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seminar_rag.errors import SourceError
from seminar_rag.ids import arxiv_alone
from seminar_rag.syllabus.kinds import kind_told
from seminar_rag.syllabus.words import arxiv_id
from seminar_rag.types import WORK_KINDS, Block, BlockKind, Reading, Session, Syllabus

_TOP: Mapping[str, type] = {"course": dict, "session": list}
_COURSE: Mapping[str, type] = {"title": str}
_SESSION: Mapping[str, type] = {
    "number": int,
    "title": str,
    "part": str,
    "tags": list,
    "reading": list,
}
_READING: Mapping[str, type] = {
    "title": str,
    "section": str,
    "urls": list,
    "arxiv": str,
    "authors": str,
    "kind": str,
    "abstract": str,
    "files": list,
}
_KINDS = {str: "text in quotes", int: "a whole number", list: "a list", dict: "a table"}


def read_toml(text: str, path: Path) -> Syllabus:
    """The syllabus in the text of a `readings.toml`; `path` names it in errors.

    Raises SourceError for what is no TOML, for unknown keys and wrong kinds of values, for a
    local file that does not exist, and for a list without readings.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    except RecursionError as error:
        raise SourceError(f"{path} is no reading list: its brackets never close.") from error
    _check(values, _TOP, str(path), "the top level")
    course = values.get("course", {})
    _check(course, _COURSE, str(path), "[course]")
    sessions: list[Session] = []
    for order, value in enumerate(_tables(values.get("session", []), path, "session"), 1):
        where = f"session {order}"
        _check(value, _SESSION, str(path), where)
        number = value.get("number", sessions[-1].number + 1 if sessions else 1)
        if any(number == session.number for session in sessions):
            raise SourceError(f"{path}: two sessions have the number {number}; give each its own.")
        sessions.append(_session(value, number, text, path))
    if not any(session.readings for session in sessions):
        raise SourceError(f"{path} holds no readings; add a [[session.reading]] table.")
    return Syllabus(course.get("title"), tuple(sessions))


def _session(value: Mapping[str, Any], number: int, text: str, path: Path) -> Session:
    where = f"session {number}"
    return Session(
        number=number,
        title=value.get("title", f"Session {number}"),
        tags=_strings(value.get("tags", []), path, f"{where}: tags"),
        readings=tuple(
            _reading(table, text, path, f"{where}, reading {order}")
            for order, table in enumerate(_tables(value.get("reading", []), path, "reading"), 1)
        ),
        file=path.name,
        part=value.get("part"),
    )


def _reading(value: Mapping[str, Any], text: str, path: Path, where: str) -> Reading:
    _check(value, _READING, str(path), where)
    section = value.get("section", "required")
    if section not in {"required", "more"}:
        raise SourceError(f'{path}: {where}: section is "{section}"; write "required" or "more".')
    kind = value.get("kind")
    if kind is not None and kind not in WORK_KINDS:
        known = ", ".join(WORK_KINDS)
        raise SourceError(f'{path}: {where}: kind is "{kind}"; write one of {known}.')
    urls = _strings(value.get("urls", []), path, f"{where}: urls")
    given = value.get("arxiv")
    arxiv = arxiv_alone(given) if given is not None else None
    if given is not None and arxiv is None:
        raise SourceError(f'{path}: {where}: arxiv is "{given}"; write an id like "1706.03762".')
    if arxiv and arxiv_id(urls) != arxiv:
        urls = (f"https://arxiv.org/abs/{arxiv}", *urls)
    files = _strings(value.get("files", []), path, f"{where}: files")
    for file in files:
        if not (path.parent / file).is_file():
            raise SourceError(f"{path}: {where}: the file {file} does not exist; correct its path.")
    title = value.get("title")
    if not (title or urls or files):
        raise SourceError(f"{path}: {where} is empty; give it a title, arxiv, urls or files.")
    parts: list[tuple[str | None, BlockKind]] = [
        (title, "heading"),
        (value.get("authors"), "paragraph"),
        (value.get("abstract"), "paragraph"),
    ]
    return Reading(
        title=title,
        section=section,
        urls=urls,
        arxiv_id=arxiv or arxiv_id(urls),
        authors=value.get("authors"),
        abstract=_folded(value.get("abstract")),
        blocks=tuple(_block(part, kind, text) for part, kind in parts if part and part.strip()),
        files=files,
        kind=kind or kind_told(title, urls, value.get("authors")),
    )


def _folded(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text else None


def _block(part: str, kind: BlockKind, text: str) -> Block:
    """A value as a block, placed where it first stands in the TOML as written."""
    begin = max(text.find(part.strip()), 0)
    stripped = part.strip()
    chars: list[str] = []
    offsets: list[int] = []
    for at, char in enumerate(stripped):
        if char.isspace() and chars[-1] == " ":
            continue
        chars.append(" " if char.isspace() else char)
        offsets.append(begin + at)
    level = 3 if kind == "heading" else 0
    return Block("".join(chars), kind, level, None, begin, tuple(offsets))


def _check(value: Any, known: Mapping[str, type], path: str, where: str) -> None:
    for key, entry in value.items():
        if key not in known:
            raise SourceError(
                f'{path}: unknown key "{key}" in {where}; known are {", ".join(known)}.'
            )
        if not isinstance(entry, known[key]) or isinstance(entry, bool):
            raise SourceError(f"{path}: {key} in {where} must be {_KINDS[known[key]]}.")


def _tables(value: Any, path: Path, name: str) -> list[Mapping[str, Any]]:
    if not all(isinstance(entry, dict) for entry in value):
        raise SourceError(f"{path}: {name} must be tables; write [[{name}]] above each.")
    return list(value)


def _strings(value: Any, path: Path, where: str) -> tuple[str, ...]:
    if not all(isinstance(entry, str) for entry in value):
        raise SourceError(f"{path}: {where} must be a list of texts in quotes.")
    return tuple(value)
