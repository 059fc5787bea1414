"""What the instructor sees of the course and of a running job, as HTML.

Pure, as `render` is: values in, escaped HTML out. A button carries what it does in `data-act` and
to what in `data-what`; the page hands both to the server, which believes neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Protocol

from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.ingest import Need
from seminar_rag.ui.desk.jobs import Job

THERE = {
    "paper": "the paper",
    "page": "a page about it",
    "abstract": "its description on the course page",
    "earlier version": "an earlier version",
    "nothing": "nothing",
}
HAD = {"paper": "full text", "abstract": "description only", "notes": "notes", "": "nothing"}
STAGES = {
    "reading": "Reading the course page",
    "fetching": "Looking for",
    "found": "Looked for",
    "parsing": "Reading",
    "embedding": "Embedding",
    "indexed": "Indexed",
    "failed": "Failed",
    "removed": "Removed",
}
MANY = 8
"""Readings that want the same and are listed one by one."""
ENDED = {"done": "Done", "failed": "Failed", "stopped": "Stopped"}


class Suggested(Protocol):
    """A suggestion about a reading's link, to accept or to reject."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def sessions(self) -> tuple[int, ...]: ...
    @property
    def url(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def if_accepted(self) -> str: ...
    @property
    def if_rejected(self) -> str: ...


class Removed(Protocol):
    """Something taken out by hand."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...


def masthead(course: str) -> str:
    """The head of the desk, with the way back and out."""
    return (
        f'<header class="masthead desk-head"><h1>{escape(course)}</h1><p>Desk</p>'
        '<nav><a href="/">To the readings</a><form method="post" action="/desk/logout">'
        '<button class="plain">Log out</button></form></nav></header>'
    )


def button(act: str, what: str, text: str, *, says: str = "", strong: bool = False) -> str:
    """A button that the server hears of."""
    cls = "act strong" if strong else "act"
    told = f' aria-label="{escape(says)}" title="{escape(says)}"' if says else ""
    return (
        f'<button type="button" class="{cls}" data-act="{escape(act)}" data-what="{escape(what)}"'
        f"{told}>{escape(text)}</button>"
    )


# --- the job -------------------------------------------------------------------------------------


def job_state(job: Job | None) -> str:
    """The running job with its bar, or how the last one ended; nothing before the first."""
    if job is None:
        return ""
    if not job.running:
        return (
            f'<p class="job {job.state}" role="status"><b>{ENDED[job.state]}: {escape(job.title)}'
            f"</b> <span>{escape(job.note)}</span> <span>{_took(job.seconds)}</span></p>"
        )
    stage = "Stopping" if job.state == "stopping" else STAGES.get(job.stage, "Starting")
    share = f' value="{min(job.done, job.total)}" max="{job.total}"' if job.total > 1 else ""
    at = f": {escape(job.label)}" if job.label else ""
    detail = f'<p class="meta">{escape(job.detail)}</p>' if job.detail else ""
    return (
        f'<div class="job running"><p><b>{escape(job.title)}</b> <span>{_took(job.seconds)}</span>'
        f'</p><progress aria-label="{escape(job.title)}"{share}></progress>'
        f'<p class="meta at">{stage}{at}</p>{detail}</div>'
    )


def job_log(job: Job | None) -> str:
    """What the job said, oldest first."""
    if job is None or not job.log:
        return '<p class="meta">Nothing yet.</p>'
    rows = "".join(
        f"<li{' class=bad' if line.bad else ''}><time>{line.at.astimezone():%H:%M:%S}</time> "
        f"{escape(line.text)}</li>"
        for line in job.log
    )
    return f'<ol class="log">{rows}</ol>'


def _took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


# --- what needs attention ------------------------------------------------------------------------


def not_looked_up(catalogue: Catalogue) -> int:
    """How many listed readings have no text of their own and were never looked for."""
    lookups = {one.reading for one in catalogue.lookups}
    papers = {r.document.reading for r in catalogue.records.values() if r.document.kind == "paper"}
    listed = {one.id: one for each in catalogue.sessions for one in each.readings}
    return sum(
        id_ not in papers and not lookups & {id_, *one.listed} for id_, one in listed.items()
    )


def hand(suggestions: Sequence[Suggested], needs: Sequence[Need], not_looked_up: int = 0) -> str:
    """What waits for the instructor: links to decide on, and readings that need attention."""
    mending = [need for need in needs if need.remedy]
    knowing = [need for need in needs if not need.remedy]
    parts = []
    if suggestions:
        rows = "".join(map(_suggestion, suggestions))
        parts.append(f'<h3>Links to decide on</h3><ul class="cards">{rows}</ul>')
    if mending:
        rows = _needs(mending)
        head = _count(len(mending), "reading") + (" needs" if len(mending) == 1 else " need")
        parts.append(
            f'<details class="fold" data-key="needs"{" open" if len(mending) <= 5 else ""}>'
            f'<summary>{head} attention</summary><ul class="cards">{rows}</ul></details>'
        )
    if knowing:
        rows = "".join(map(_need, knowing))
        parts.append(
            f'<details class="fold" data-key="known"><summary>Only to know: '
            f'{_count(len(knowing), "reading")}</summary><ul class="cards">{rows}</ul></details>'
        )
    if not_looked_up:
        noun = "reading was" if not_looked_up == 1 else "readings were"
        parts.append(
            f'<p class="hint">{not_looked_up} {noun} never looked for. Tick “look for readings'
            " on the network” above and ingest again.</p>"
        )
    if not suggestions and not mending and not not_looked_up:
        parts.insert(0, '<p class="fine">Nothing needs attention.</p>')
    return f'<section class="hand"><h2>To do</h2>{"".join(parts)}</section>'


def _suggestion(one: Suggested) -> str:
    return (
        f'<li class="card"><p class="title">{escape(one.title)}{_place(one.sessions)}</p>'
        f"<p>{escape(one.says)}</p><p class=acts>"
        f"{button('accept', one.id, 'Accept', says=f'Accept: {one.if_accepted}', strong=True)}"
        f"{button('reject', one.id, 'Reject', says=f'Reject: {one.if_rejected}')}"
        f"{link(one.url, 'Open the link')}</p>"
        f'<p class="meta">Accept: {escape(one.if_accepted)}. Reject: {escape(one.if_rejected)}.</p>'
        "</li>"
    )


def _needs(mending: Sequence[Need]) -> str:
    """A card each; one for all where many want the same, as when the network is down."""
    by_remedy: dict[str, list[Need]] = {}
    for need in mending:
        by_remedy.setdefault(need.remedy, []).append(need)
    rows: list[str] = []
    for remedy, some in by_remedy.items():
        if len(some) <= MANY:
            rows += map(_need, some)
            continue
        titles = "".join(
            f"<li>{escape(need.title)}{_place(need.sessions)}:"
            f" {escape(_sentence(need.problem))}</li>"
            for need in some
        )
        rows.append(
            f'<li class="card"><p class="title">{len(some)} readings</p>'
            f'<p class="mend">{escape(_sentence(remedy))}</p><details data-key="{escape(remedy)}">'
            f'<summary>Which</summary><ul class="plain-list">{titles}</ul></details></li>'
        )
    return "".join(rows)


def _need(need: Need) -> str:
    remedy = f'<p class="mend">{escape(_sentence(need.remedy))}</p>' if need.remedy else ""
    # A file that no session lists can be looked for nowhere.
    again = need.remedy and need.sessions
    acts = button("reingest", need.reading, "Try again") if again else ""
    return (
        f'<li class="card"><p class="title">{escape(need.title)}{_place(need.sessions)}</p>'
        f"<p>{escape(_sentence(need.problem))}</p>{remedy}"
        f'<p class="meta">There is {THERE.get(need.state, escape(need.state))}.</p>'
        f"<p class=acts>{acts}</p></li>"
    )


def _sentence(text: str) -> str:
    text = text.strip()
    if re.match(r"[a-z]+\s", text):  # a word, and no address or file name
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


# --- the course ----------------------------------------------------------------------------------


def summary(catalogue: Catalogue) -> str:
    """The course in one line."""
    records = [record for record in catalogue.records.values() if record.passages]
    had: dict[str, set[str]] = {}
    for record in records:
        had.setdefault(record.document.kind, set()).add(record.document.reading)
    papers = had.get("paper", set())
    described = had.get("abstract", set()) - papers
    listed = {one.id for session in catalogue.sessions for one in session.readings}
    parts = [
        _count(len(catalogue.sessions), "session"),
        f"{len(papers)} of {_count(len(listed | papers | described), 'reading')} with a text",
        f"{len(described)} as described on the course page" if described else "",
        _count(sum(record.passages for record in records), "passage"),
    ]
    latest = max((record.at for record in catalogue.records.values()), default="")
    if latest:
        parts.append(f"last change {_when(latest)}")
    return f'<p class="meta summary">{" · ".join(part for part in parts if part)}</p>'


def sessions(catalogue: Catalogue, needs: Sequence[Need]) -> str:
    """Every session with its readings and what is there of each."""
    records: dict[str, list[Record]] = {}
    for record in catalogue.records.values():
        records.setdefault(record.document.reading, []).append(record)
    wanting = {need.reading for need in needs if need.remedy}
    shown: set[str] = set()
    parts = []
    for session in catalogue.sessions:
        parts.append(_session(session, records, wanting))
        shown |= {one.id for one in session.readings} | {f"notes-{session.number}"}
    loose = [id_ for id_ in records if id_ not in shown]
    if loose:
        rows = "".join(_row(id_, records[id_][0].document.title, records[id_]) for id_ in loose)
        parts.append(
            f'<details class="fold session" data-key="loose"><summary>In no session '
            f"<span>{_count(len(loose), 'document')}</span></summary>"
            f'<ul class="rows">{rows}</ul></details>'
        )
    body = "".join(parts) or '<p class="meta">Nothing is ingested yet.</p>'
    return f"<section><h2>Sessions</h2>{summary(catalogue)}{body}</section>"


def _session(
    session: ListedSession, records: Mapping[str, Sequence[Record]], wanting: set[str]
) -> str:
    notes = f"notes-{session.number}"
    rows = "".join(
        _row(one.id, one.title, records.get(one.id, ()), listed=one, wanting=one.id in wanting)
        for one in session.readings
    )
    if notes in records:
        rows += _row(notes, "Student notes", records[notes])
    mine = [record for one in session.readings for record in records.get(one.id, ())]
    full = {r.document.reading for r in mine if r.passages and r.document.kind == "paper"}
    told = {r.document.reading for r in mine if r.passages} - full
    passages = sum(record.passages for record in (*mine, *records.get(notes, ())))
    missing = sum(one.id in wanting for one in session.readings)
    parts = [
        _count(len(session.readings), "reading"),
        f"{len(full)} in full" if full else "",
        f"{len(told)} described" if told else "",
        _count(passages, "passage"),
    ]
    says = " · ".join(part for part in parts if part)
    flag = f'<span class="flag">{_count(missing, "problem")}</span>' if missing else ""
    return (
        f'<details class="fold session" data-key="session-{session.number}"><summary>'
        f"<b>{session.number}</b> {escape(session.title)} <span>{says}</span>{flag}</summary>"
        f'<ul class="rows">{rows}</ul></details>'
    )


def _row(
    id_: str,
    title: str,
    records: Sequence[Record],
    *,
    listed: ListedReading | None = None,
    wanting: bool = False,
) -> str:
    had = {record.document.kind for record in records if record.passages}
    kind = next((one for one in ("paper", "notes", "abstract") if one in had), "")
    passages = sum(record.passages for record in records)
    pages = max((record.pages or 0 for record in records), default=0)
    facts = [
        HAD[kind],
        f"{pages} pages" if pages else "",
        _count(passages, "passage") if passages else "",
        "more" if listed is not None and listed.section == "more" else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    failed = "".join(
        f'<p class="problem">{escape(_sentence(record.detail))}</p>'
        for record in records
        if record.outcome != "indexed"
    )
    rename = (
        f'<button type="button" class="act" data-rename="{escape(id_)}"'
        f' data-title="{escape(title)}" aria-label="Rename: {escape(title)}">Rename</button>'
    )
    again = button("reingest", id_, "Read again", says=f"Read again: {title}")
    acts = (again + rename if listed is not None else "") + button(
        "remove", id_, "Remove", says=f"Remove: {title}"
    )
    cls = "entry wanting" if wanting or not passages else "entry"
    return (
        f'<li class="{cls}"><div><p class="title">{escape(title or id_)}</p>'
        f'<p class="meta">{told}</p>{failed}</div><p class="acts">{acts}</p></li>'
    )


def removed(removals: Sequence[Removed]) -> str:
    """What was taken out by hand, to bring back."""
    if not removals:
        return ""
    rows = "".join(
        f'<li class="entry"><p class="title">{escape(one.title or one.id)}</p><p class="acts">'
        f"{button('restore', one.id, 'Undo', says=f'Bring back: {one.title}')}</p></li>"
        for one in reversed(removals)
    )
    return (
        f'<details class="fold" data-key="removed"><summary>Removed by hand '
        f'<span>{len(removals)}</span></summary><ul class="rows">{rows}</ul></details>'
    )


def message(text: str, *, bad: bool = False) -> str:
    """A word about what was just done."""
    if not text:
        return ""
    cls, role = ("problem", "alert") if bad else ("fine", "status")
    return f'<p class="{cls}" role="{role}">{escape(text)}</p>'


def link(url: str, text: str) -> str:
    """A link to a web address; nothing for any other."""
    if not url.startswith(("https://", "http://")):
        return ""
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{text}</a>'


def _place(numbers: Iterable[int]) -> str:
    told = ", ".join(map(str, numbers))
    return f' <span class="meta">session {told}</span>' if told else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _when(at: str) -> str:
    try:
        time = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return escape(at)
    return f"{time.day} {time:%b %Y, %H:%M}"
