"""What the desk shows of the course, its reading list and its settings, as HTML.

Pure: frozen values are grouped and worded here, and the templates escape them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types import WORK_KINDS
from seminar_rag.types.beside import owners
from seminar_rag.types.catalogue import (
    Catalogue,
    ListedReading,
    ListedSession,
    Opinion,
    PageText,
    Record,
)
from seminar_rag.types.ingest import Need, Suggestion
from seminar_rag.types.serving import Setting

if TYPE_CHECKING:
    from seminar_rag.ui.desk.jobs import Job

PAGE = Template("ui/templates/desk.html")
"""The templates of the whole desk, those of the reading list excepted."""
LIST = Template("ui/templates/reading_list.html")

KINDS = {"paper": "full text", "abstract": "abstract only", "notes": "notes", "": "no text"}
MANY = 3
"""Readings with the same remedy that have a card each; more share one."""


def toast(said: object, *, bad: bool = False) -> str:
    """What came of the last action, in sight wherever the page is scrolled to.

    Args:
        said: a text, or one with the act that undoes what was done: `ActionResult`.
    """
    # What is said twice is shown twice, so the HTML must differ.
    return PAGE.toast(said, bad, time.monotonic_ns())


def begin(
    sessions: Sequence[ListedSession], *, begun: bool, sample: bool = False, uploaded: bool = False
) -> str:
    """Where files are given and, until the course has a page, its address or file.

    Args:
        uploaded: the course's page is a file, which a newer one can replace.
        sample: the course is the bundled one, of which files do not become a part.
    """
    listed = () if sample else [(one.number, one.title) for one in sessions]
    return PAGE.begin(listed, begun, sample, uploaded)


# What needs attention -------------------------------------------------------------------------


def attention(
    suggestions: Sequence[Suggestion],
    needs: Sequence[Need],
    not_searched: int = 0,
    listed: Sequence[ListedReading] = (),
) -> str:
    """What waits for the instructor: links to decide on, and readings that need attention.

    Args:
        not_searched: readings that were never searched for online.
        listed: the reading list, each reading once.
    """
    doubtful = sum(bool(one.doubt) for one in listed)
    lines = [
        replace(one, problem=sentence(one.problem), remedy=sentence(one.remedy)) for one in needs
    ]
    by_remedy: dict[str, list[Need]] = {}
    for one in lines:
        by_remedy.setdefault(one.remedy, []).append(one)
    known = by_remedy.pop("", [])
    return PAGE.attention(
        *(suggestions, list(by_remedy.items()), known, MANY, not_searched, doubtful, len(listed))
    )


def not_searched(catalogue: Catalogue, busy: Set[str] = frozenset()) -> int:
    """How many listed readings have no text of their own and were never searched for online; not
    those that are being read just now."""
    lookups = {one.reading for one in catalogue.lookups}
    papers = {r.document.reading for r in catalogue.records.values() if r.document.kind == "paper"}
    listed = {one.id: one for each in catalogue.sessions for one in each.readings}
    return sum(
        id_ not in papers | busy and not lookups & {id_, *one.listed} for id_, one in listed.items()
    )


def sentence(text: str) -> str:
    """A fragment as a sentence; an address or a file name at its beginning stays as it is."""
    text = text.strip()
    if re.match(r"[a-z]+\s", text):
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


# The course -----------------------------------------------------------------------------------


def sessions(catalogue: Catalogue, needs: Sequence[Need], busy: Set[str] = frozenset()) -> str:
    """Every session with its readings and what there is of each.

    Args:
        busy: readings that are being read, of which no text is nothing to attend to.
    """
    records = catalogue.by_reading
    wanting = {need.reading for need in needs if need.remedy}
    groups = [_session(session, records, wanting, busy) for session in catalogue.sessions]
    shown = {one.id for session in catalogue.sessions for one in session.readings}
    shown |= {_notes(session) for session in catalogue.sessions}
    loose = [
        _row(id_, own[0].document.title, own) for id_, own in records.items() if id_ not in shown
    ]
    if loose:
        facts = plural(len(loose), "document")
        groups.append(PAGE.session("loose", None, "In no session", facts, loose, 0))
    return PAGE.sessions(_summary(catalogue), groups)


def _summary(catalogue: Catalogue) -> str:
    """The course in one line."""
    had: dict[str, set[str]] = {}
    for record in catalogue.records.values():
        if record.passages:
            had.setdefault(record.document.kind, set()).add(record.document.reading)
    papers = had.get("paper", set())
    described = had.get("abstract", set()) - papers
    latest = max((record.at for record in catalogue.records.values()), default="")
    return _joined(
        plural(len(catalogue.sessions), "session"),
        f"{len(papers)} of {plural(len(catalogue.reading_ids), 'reading')} with full text",
        f"{len(described)} abstract only" if described else "",
        plural(catalogue.passages, "passage"),
        f"last change {_when(latest)}" if latest else "",
    )


def _notes(session: ListedSession) -> str:
    """The id of a session's student notes."""
    return f"notes-{session.number}"


def _session(
    session: ListedSession,
    records: Mapping[str, Sequence[Record]],
    wanting: set[str],
    busy: Set[str],
) -> str:
    notes = records.get(_notes(session), ())
    rows = [
        _row(one.id, one.title, records.get(one.id, ()), one, one.id in wanting, one.id in busy)
        for one in session.readings
    ]
    if notes:
        rows.append(_row(_notes(session), "Student notes", notes))
    mine = [record for one in session.readings for record in records.get(one.id, ())]
    full = {r.document.reading for r in mine if r.passages and r.document.kind == "paper"}
    described = {r.document.reading for r in mine if r.passages} - full
    facts = _joined(
        plural(len(session.readings), "reading"),
        f"{len(full)} with full text" if full else "",
        f"{len(described)} abstract only" if described else "",
        plural(sum(record.passages for record in (*mine, *notes)), "passage"),
    )
    problems = sum(one.id in wanting for one in session.readings)
    key = f"session-{session.number}"
    return PAGE.session(key, session.number, session.shown, facts, rows, problems)


def _row(
    id_: str,
    title: str,
    records: Sequence[Record],
    listed: ListedReading | None = None,
    wanting: bool = False,
    busy: bool = False,
) -> str:
    had = {record.document.kind for record in records if record.passages}
    kind = next((one for one in ("paper", "notes", "abstract") if one in had), "")
    passages = sum(record.passages for record in records)
    pages = max((record.pages or 0 for record in records), default=0)
    facts = _joined(
        "being read" if busy and not records else KINDS[kind],
        plural(pages, "page") if pages else "",
        plural(passages, "passage") if passages else "",
        "further reading" if listed is not None and listed.section == "more" else "",
    )
    problems = [sentence(one.detail) for one in records if one.outcome != "indexed"]
    wanting = wanting or not (passages or (busy and not records))
    return PAGE.row(id_, title or id_, facts, problems, kind, listed is not None, wanting)


def _joined(*facts: str) -> str:
    return " · ".join(fact for fact in facts if fact)


def _when(at: str) -> str:
    try:
        time = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at
    return f"{time.day} {time:%b %Y, %H:%M}"


# The reading list -----------------------------------------------------------------------------


class ReadingList:
    """Every listed reading with a form to correct it, beside the page's own text.

    The list may be long, so its HTML is made anew only when it is of something else. What a
    language model thinks of entries is drawn once it was asked of all: a list that is drawn anew
    takes what is being typed with it.
    """

    def __init__(self) -> None:
        self.pages: tuple[PageText, ...] = ()
        """The course pages, as they were when the tab was opened last."""
        self._of: tuple[object, ...] = ()
        self._html: dict[str, str] = {}

    def html(
        self, catalogue: Catalogue, job: Job | None, can_ask: bool, opinions: Mapping[str, Opinion]
    ) -> dict[str, str]:
        """Every part by its id.

        Args:
            job: the one that asks the language model, while it runs.
            can_ask: whether there is a language model.
            opinions: what it thinks, by the ids of entries.
        """
        changed = not self._of or self._of[0] is not catalogue
        if changed or (job is None and opinions != self._of[2]):
            self._of = (catalogue, None, dict(opinions))
            self._html = {
                "add-line": LIST.line_dialog(catalogue.sessions),
                "entries": entries(catalogue, opinions),
            }
        if self._of[1] is not self.pages:
            self._of = (catalogue, self.pages, self._of[2])
            self._html["page-text"] = page_text(self.pages, catalogue)
        listed = distinct(catalogue)
        doubtful = sum(bool(one.doubt) for one in listed)
        asking = LIST.asking(len(listed), len(catalogue.sessions), doubtful, can_ask, job)
        return self._html | {"asking": asking}


def distinct(catalogue: Catalogue) -> list[ListedReading]:
    """The listed readings, each once."""
    listed = [one for session in catalogue.sessions for one in session.readings]
    return list({one.id: one for one in listed}.values())


def entries(catalogue: Catalogue, opinions: Mapping[str, Opinion] = {}) -> str:
    """Every listed reading by session, with a form to correct it and what is doubtful of it.

    Args:
        opinions: what a language model thinks of some, by their ids.
    """
    return LIST.entries(catalogue.sessions, WORK_KINDS, opinions)


def page_text(pages: Iterable[PageText], catalogue: Catalogue) -> str:
    """The lines of the course pages, each with the entries that it belongs to."""
    listed = [one for session in catalogue.sessions for one in session.readings]
    return LIST.page_text(
        [(page, list(zip(page.lines, owners(page.lines, listed), strict=True))) for page in pages]
    )


# Settings -------------------------------------------------------------------------------------

SETTINGS: dict[tuple[str, str], tuple[str, str]] = {
    ("course", "name"): (
        "Name of the course",
        "Shown on pages that are opened from now on. Empty takes the course page’s title.",
    ),
    ("zotero", "key"): (
        "Zotero key",
        "For a collection that not everybody may see, at zotero.org: a key that may read it, made"
        " at https://www.zotero.org/settings/keys. It is kept in seminar.toml and never shown.",
    ),
    ("answer", "passages"): (
        "Passages per answer",
        "More passages find more. A language model reads every one before it writes, so the wait"
        " for an answer grows with them; quotations hardly take longer.",
    ),
    ("llm", "enabled"): (
        "Let the language model write",
        "Off, answers are quotations at once. On, a local model is loaded with the next question:"
        " some seconds, and its size in memory. Without a model nothing changes.",
    ),
    ("llm", "max_tokens"): (
        "Longest answer, in tokens",
        "The time for an answer grows with its length; too few tokens cut it off.",
    ),
    ("journal", "enabled"): (
        "Record what students ask",
        "Students then see a box and decide each for themselves. Kept are the question, the answer,"
        " what it cites and the day; never who. Feedback is kept in any case.",
    ),
    ("journal", "days"): (
        "Days that entries are kept",
        "A lower number applies at once: what is older is removed for good.",
    ),
}
"""Section and key → (label, what it does and costs), in the order shown."""


def changeable(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings that can be changed at the desk, in the order of `SETTINGS`."""
    by_key = {(one.section, one.key): one for one in settings if one.live}
    return tuple(by_key[key] for key in SETTINGS if key in by_key)


def other_settings(settings: Sequence[Setting]) -> str:
    """The rest as a table, with where to change it."""
    shown = changeable(settings)
    return PAGE.settings([one for one in settings if one not in shown])
