"""The reading list as the instructor confirms it: entry by entry, beside the page's own text.

Pure: frozen values are grouped and worded here, and the templates of `reading_list.html` escape
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, PageText

LIST = Template("ui/templates/reading_list.html")
Values = dict[str, Any]


def entries(catalogue: Catalogue) -> str:
    """Every listed reading by session, with a form to correct it and what is doubtful of it."""
    groups = [_group(one) for one in catalogue.sessions]
    listed = [one for session in catalogue.sessions for one in session.readings]
    view = {
        "groups": groups if listed else [],
        "sessions": sessions(catalogue),
        "doubtful": len({one.id for one in listed if one.doubt}),
        "summary": f"{plural(len(listed), 'entry', 'entries')} in"
        f" {plural(len(catalogue.sessions), 'session')}, as the course page was read.",
    }
    return str(LIST.entries(view))


def page_text(pages: Iterable[PageText], catalogue: Catalogue) -> str:
    """The lines of the course pages; those that belong to an entry are marked."""
    listed = [
        _plain(part)
        for session in catalogue.sessions
        for one in session.readings
        for part in (one.title, *one.shown.split(" · "))
        if part
    ]
    shown = [
        {
            "name": page.source,
            "problem": page.problem,
            "lines": [{"text": line, "listed": _holds(line, listed)} for line in page.lines],
        }
        for page in pages
    ]
    return str(LIST.page_text(shown))


def line_dialog(catalogue: Catalogue) -> str:
    """The dialog that adds a line of the page as a reading."""
    return str(LIST.line_dialog(sessions(catalogue)))


def sessions(catalogue: Catalogue) -> list[tuple[int, str]]:
    """The sessions to choose from."""
    return [(one.number, one.title) for one in catalogue.sessions]


def _group(session: ListedSession) -> Values:
    above = (None, *session.readings)
    return {
        "number": session.number,
        "title": session.title,
        "rows": [
            _row(one, session, before) for one, before in zip(session.readings, above, strict=False)
        ],
    }


def _row(one: ListedReading, session: ListedSession, above: ListedReading | None) -> Values:
    facts = [one.authors or "", "" if one.section == "required" else "further reading"]
    return {
        "id": one.id,
        "session": session.number,
        "session_title": session.title,
        "title": one.title,
        "authors": one.authors or "",
        "section": one.section,
        "urls": one.urls,
        "doubt": one.doubt,
        "shown": one.shown,
        "facts": " · ".join(fact for fact in facts if fact),
        "above": above,
    }


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _holds(line: str, listed: Sequence[str]) -> bool:
    """Whether a line of the page is, or holds, a part of an entry."""
    plain = _plain(line)
    return any(part in plain or (len(plain) > 3 and plain in part) for part in listed)
