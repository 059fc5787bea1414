"""What the desk shows of the job, the course and the settings, as HTML.

Pure: frozen values are grouped and worded here, and the templates of `desk.html` escape them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.ingest import Need, Suggestion
from seminar_rag.types.settings import Setting
from seminar_rag.ui.desk.jobs import Job

PAGE = Template("ui/templates/desk.html")
"""The templates of the whole desk."""

Values = dict[str, Any]
"""The values of one entry, for the template."""
AVAILABLE = {
    "paper": "Full text.",
    "page": "A page about it.",
    "abstract": "Abstract only.",
    "earlier version": "An earlier version.",
    "nothing": "No text.",
}
KINDS = {"paper": "full text", "abstract": "abstract only", "notes": "notes", "": "no text"}
STAGES = {
    "reading": "Reading the course page",
    "fetching": "Searching for",
    "found": "Searched for",
    "parsing": "Reading",
    "embedding": "Embedding",
    "indexed": "Indexed",
    "failed": "Failed",
    "removed": "Removed",
    "downloading": "Downloading",
}
MANY = 3
"""Readings with the same remedy that have a card each; more share one."""


def toast(said: object, *, bad: bool = False) -> str:
    """What came of the last action, in sight wherever the page is scrolled to.

    Args:
        said: a text, or one with the act that undoes what was done: `Said`.
    """
    # What is said twice is shown twice, so the HTML must differ.
    return str(PAGE.toast(said, bad, time.monotonic_ns()))


def begin(sessions: Sequence[ListedSession], *, begun: bool, sample: bool = False) -> str:
    """Where files are given and, until the course has a page, its address.

    Args:
        sample: the course is the bundled one, of which files do not become a part.
    """
    listed = () if sample else [(one.number, one.title) for one in sessions]
    return str(PAGE.begin(listed, begun, sample))


# --- the job -------------------------------------------------------------------------------------


def job_state(job: Job | None) -> str:
    """The running job with its bar, or how the last one ended; nothing before the first."""
    if job is None:
        return ""
    seconds = job.seconds
    took = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    if not job.running:
        return str(PAGE.job_ended(job, took))
    stage = "Stopping" if job.state == "stopping" else STAGES.get(job.stage, "Starting")
    return str(PAGE.job_running(job, stage, took))


def job_log(job: Job | None) -> str:
    """The lines of the job's log, oldest first."""
    lines = job.log if job else ()
    return str(
        PAGE.job_log(
            [
                {"time": f"{one.at.astimezone():%H:%M:%S}", "text": one.text, "bad": one.bad}
                for one in lines
            ]
        )
    )


# --- what needs attention ------------------------------------------------------------------------


def attention(
    suggestions: Sequence[Suggestion], needs: Sequence[Need], not_searched: int = 0
) -> str:
    """What waits for the instructor: links to decide on, and readings that need attention.

    Args:
        not_searched: readings that were never searched for online.
    """
    by_remedy: dict[str, list[Values]] = {}
    for need in needs:
        if need.remedy:
            by_remedy.setdefault(_sentence(need.remedy), []).append(_card(need))
    groups = [(remedy if len(cards) > MANY else "", cards) for remedy, cards in by_remedy.items()]
    known = [_card(need) for need in needs if not need.remedy]
    needing = sum(len(cards) for _, cards in groups)
    return str(PAGE.attention(suggestions, groups, needing, known, not_searched))


def _card(need: Need) -> Values:
    return {
        "reading": need.reading,
        "title": need.title,
        "sessions": need.sessions,
        "problem": _sentence(need.problem),
        "remedy": _sentence(need.remedy),
        "available": AVAILABLE.get(need.state, need.state),
        # A file that no session lists can be looked for nowhere.
        "again": need.remedy and need.sessions,
        "attach": need.sessions and need.state != "paper",
    }


def not_searched(catalogue: Catalogue) -> int:
    """How many listed readings have no text of their own and were never searched for online."""
    lookups = {one.reading for one in catalogue.lookups}
    papers = {r.document.reading for r in catalogue.records.values() if r.document.kind == "paper"}
    listed = {one.id: one for each in catalogue.sessions for one in each.readings}
    return sum(
        id_ not in papers and not lookups & {id_, *one.listed} for id_, one in listed.items()
    )


def _sentence(text: str) -> str:
    """A fragment as a sentence; an address or a file name at its beginning stays as it is."""
    text = text.strip()
    if re.match(r"[a-z]+\s", text):
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


# --- the course ----------------------------------------------------------------------------------


def sessions(catalogue: Catalogue, needs: Sequence[Need]) -> str:
    """Every session with its readings and what there is of each."""
    records = catalogue.by_reading
    wanting = {need.reading for need in needs if need.remedy}
    groups = [_session(session, records, wanting) for session in catalogue.sessions]
    shown = {row["id"] for group in groups for row in group["rows"]}
    loose = tuple(
        _row(id_, records[id_][0].document.title, records[id_])
        for id_ in records
        if id_ not in shown
    )
    if loose:
        facts = plural(len(loose), "document")
        groups.append(_group("loose", None, "In no session", facts, loose))
    return str(PAGE.sessions(_summary(catalogue), groups))


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


def _session(
    session: ListedSession, records: Mapping[str, Sequence[Record]], wanting: set[str]
) -> Values:
    notes = f"notes-{session.number}"
    rows = [
        _row(one.id, one.title, records.get(one.id, ()), one, one.id in wanting)
        for one in session.readings
    ]
    if notes in records:
        rows.append(_row(notes, "Student notes", records[notes]))
    mine = [record for one in session.readings for record in records.get(one.id, ())]
    full = {r.document.reading for r in mine if r.passages and r.document.kind == "paper"}
    described = {r.document.reading for r in mine if r.passages} - full
    passages = sum(record.passages for record in (*mine, *records.get(notes, ())))
    facts = _joined(
        plural(len(session.readings), "reading"),
        f"{len(full)} with full text" if full else "",
        f"{len(described)} abstract only" if described else "",
        plural(passages, "passage"),
    )
    problems = sum(one.id in wanting for one in session.readings)
    key = f"session-{session.number}"
    return _group(key, session.number, session.shown, facts, rows, problems)


def _group(
    key: str,
    number: int | None,
    title: str,
    facts: str,
    rows: Sequence[Values],
    problems: int = 0,
) -> Values:
    return {
        "key": key,
        "number": number,
        "title": title,
        "facts": facts,
        "rows": rows,
        "problems": problems,
    }


def _row(
    id_: str,
    title: str,
    records: Sequence[Record],
    listed: ListedReading | None = None,
    wanting: bool = False,
) -> Values:
    had = {record.document.kind for record in records if record.passages}
    kind = next((one for one in ("paper", "notes", "abstract") if one in had), "")
    passages = sum(record.passages for record in records)
    pages = max((record.pages or 0 for record in records), default=0)
    facts = _joined(
        KINDS[kind],
        f"{pages} pages" if pages else "",
        plural(passages, "passage") if passages else "",
        "further reading" if listed is not None and listed.section == "more" else "",
    )
    return {
        "id": id_,
        "title": title or id_,
        "facts": facts,
        "problems": [_sentence(one.detail) for one in records if one.outcome != "indexed"],
        "listed": listed is not None,
        "attach": listed is not None and kind != "paper",
        "loose": listed is None and kind == "paper",
        "wanting": wanting or not passages,
    }


def _joined(*facts: str) -> str:
    return " · ".join(fact for fact in facts if fact)


def _when(at: str) -> str:
    try:
        time = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at
    return f"{time.day} {time:%b %Y, %H:%M}"


# --- settings ------------------------------------------------------------------------------------

SETTINGS: dict[tuple[str, str], tuple[str, str]] = {
    ("course", "name"): (
        "Name of the course",
        "Shown on pages that are opened from now on. Empty takes the course page’s title.",
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
    rows = [
        (f"[{one.section}] {one.key}", _value(one.value))
        for one in settings
        if not one.live or (one.section, one.key) not in SETTINGS
    ]
    return str(PAGE.settings(rows))


def _value(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "–"
