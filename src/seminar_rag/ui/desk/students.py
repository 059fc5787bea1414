"""The desk's tabs about students: what they learn by, as the instructor sets it, and what they ask.

The first are acts with their forms: tables, items, guides, the tutor. The second is a view of the
journal, with tables to download. The templates escape all values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.serving import CitedText, Day, Feedback, Insights, RecordedQuestion
from seminar_rag.types.study import COLUMNS, KINDS
from seminar_rag.ui.export.learning import csv_of

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.ui.desk.form import DeskForm
    from seminar_rag.ui.desk.jobs import Jobs, JobWithTask

HTML = Template("ui/templates/learning.html")
INSIGHTS = Template("ui/templates/insights.html")
TUTOR = {
    "": "an answer",
    "first": "the place to read, and an answer on request",
    "only": "the place to read alone",
}
"""How questions are met, by the value of the form."""
SHOWN = 12
"""Entries of a list that are shown; the tables to download have all."""
VERDICTS = {
    "supported": "supported",
    "partly": "partly supported",
    "unsupported": "not supported",
    "contradicted": "contradicted",
}
EXPORTS = {
    "questions.csv": "Questions",
    "feedback.csv": "Feedback",
    "readings.csv": "Use of the readings",
}
_PLOT = 640, 120
"""Width and height of the plot of questions a day, in its own units."""


class StudentsTab:
    """The actions of the tab “For students”, each of which returns a message, and its HTML."""

    def __init__(self, course: Course, jobs: Jobs) -> None:
        self._course = course
        self._jobs = jobs
        self._session: int | None = None
        """The session whose items are shown, on every open page."""
        self._differing: int | None = None
        """The same for differences."""
        self._drawn: tuple[object, dict[str, str]] = (None, {})
        """The parts, and what they were drawn of."""
        self.actions: dict[str, Callable[[DeskForm], str]] = {
            "tutor": self._tutor,
            "keep table": self._keep,
            "drop table": self._drop,
            "propose": self._propose,
            "differ": self._differ,
            **dict.fromkeys(("guide", "no guide"), self._guide),
            **dict.fromkeys(("approved", "dropped", "new"), self._decide),
            **dict.fromkeys(("keep pair", "drop pair", "undo pair"), self._decide_pair),
        }

    def html(self) -> dict[str, str]:
        """Every part of the tab by its id, drawn anew where something has changed since."""
        course, known = self._course, self._jobs.with_task
        if known:
            self._choose(known)
        job = known and known.job
        chosen = (course.decided, self._session, self._differing)
        of = (course.catalogue(), chosen, job and (job.started, job.state))
        if of != self._drawn[0]:
            self._drawn = (of, self._draw())
        return self._drawn[1]

    def _choose(self, known: JobWithTask) -> None:
        """Show what the last job was about, which another server may have begun."""
        match known.task:
            case {"do": "propose", "of": {"session": int(session)}}:
                self._session = session
            case {"do": "differ", "of": {"session": int(session)}}:
                self._differing = session

    def _draw(self) -> dict[str, str]:
        course, number, other = self._course, self._session, self._differing
        sessions = [(one.number, one.shown) for one in course.catalogue().sessions]
        kept = [(one.id, one.session, " · ".join(one.questions)) for one in course.tables()]
        items = course.proposed(number) if number is not None else ()
        differing = course.differing(other) if other is not None else ()
        return {
            "tutor": HTML.tutor(sessions, sorted(course.tutoring().items())),
            "kept-tables": HTML.tables(sessions, kept, "\n".join(COLUMNS)),
            "study-items": HTML.items(sessions, number, items, number in course.guides(), KINDS),
            "differences": HTML.differences(sessions, other, differing),
        }

    def _tutor(self, form: DeskForm) -> str:
        session = form.number
        self._course.tutor(session, form.mode or None)
        where = f"to session {session}" if session else "to the whole course"
        return f"Questions {where} are met with {TUTOR[form.mode]}."

    def _keep(self, form: DeskForm) -> str:
        asked = [line for line in form.questions.splitlines() if line.strip()]
        kept = self._course.keep_table(form.number, asked)
        return f"Students find the table of session {kept.session} under “Compare”."

    def _drop(self, form: DeskForm) -> str:
        self._course.drop_table(form.what)
        return "The table is kept no longer."

    def _propose(self, form: DeskForm) -> str:
        session = form.number
        self._jobs.start("Making study items", "Made study items", "propose", session=session)
        return "Making items. They appear here when they are ready."

    def _differ(self, form: DeskForm) -> str:
        session = form.number
        titles = ("Looking for differences", "Looked for differences")
        self._jobs.start(*titles, "differ", session=session)
        return "Looking for differences. They appear here when they are found."

    def _decide_pair(self, form: DeskForm) -> str:
        state = {"keep pair": "kept", "drop pair": "dropped", "undo pair": "new"}[form.act]
        self._course.decide_difference(form.what, form.number, state)
        return {"kept": "Students see it.", "dropped": "Dropped.", "new": "Undecided again."}[state]

    def _guide(self, form: DeskForm) -> str:
        session, shown = form.number, form.act == "guide"
        self._course.show_guide(session, shown=shown)
        return f"Students see the guide of session {session}{'' if shown else ' no longer'}."

    def _decide(self, form: DeskForm) -> str:
        """Decide on one item, or on all that are new."""
        session, found = form.number, self._course.proposed(form.number)
        new = [each.item.id for each in found if each.state == "new"]
        ids = [form.what] if form.what else new
        self._course.decide(ids, session, form.act)
        labels = {"approved": "Students see", "dropped": "Dropped", "new": "Undecided again:"}
        return f"{labels[form.act]} {plural(len(ids), 'item')}."


# What they ask --------------------------------------------------------------------------------


def insights(found: Insights, *, enabled: bool, days: int) -> str:
    """The view of what students ask."""
    view = {
        "figures": _figures(found) if found.asked else (),
        "plot": _plot(found.days) if found.asked else None,
        "doubtful": _doubtful(found.doubtful),
        "reasons": sorted(found.reasons.items(), key=lambda pair: -pair[1]),
        "exports": EXPORTS.items(),
        "shown": SHOWN,
    }
    return INSIGHTS.insights(found, view, enabled, days)


def _figures(found: Insights) -> tuple[tuple[str, str], ...]:
    share = 100 * (found.asked - found.abstained) / found.asked
    rows = [(f"{found.asked:,}", "questions"), (f"{share:.0f}%", "answered")]
    checked = sum(found.verdicts.get(label, 0) for label in VERDICTS)
    if checked:
        supported = 100 * found.verdicts.get("supported", 0) / checked
        rows.append((f"{supported:.0f}%", f"of {checked:,} sentences supported"))
    if found.good or found.flagged:
        rows.append((f"{found.good} / {len(found.flagged)}", "thumbs up / down"))
    return tuple(rows)


def _plot(days: Sequence[Day]) -> dict[str, Any]:
    """Bars of questions a day, or a week where there are many days."""
    width, height = _PLOT
    size = 1 if len(days) <= 60 else 7
    parts = [days[start : start + size] for start in range(0, len(days), size)]
    step = width / max(len(parts), 14)
    bars = [
        {
            "label": ("" if size == 1 else "week of ") + _day(some[0].day),
            "answered": sum(day.answered for day in some),
            "abstained": sum(day.abstained for day in some),
            "x": round(index * step + 1, 1),
        }
        for index, some in enumerate(parts)
    ]
    answered = sum(day.answered for day in days)
    abstained = sum(day.abstained for day in days)
    return {
        "label": f"{answered} answered, {abstained} not, in {len(days)} days",
        "bars": bars,
        "most": max(sum(day.answered + day.abstained for day in some) for some in parts),
        "wide": round(max(2.0, min(step - 2, 40)), 1),
        "width": width,
        "height": height,
    }


def _doubtful(found: Sequence[RecordedQuestion]) -> list[dict[str, Any]]:
    """Each question once with the same failed sentences; the newest answer stands for all."""
    same: dict[tuple[str, ...], list[RecordedQuestion]] = {}
    for one in found:
        failed = (flaw.sentence for flaw in one.flaws if flaw.label != "partly")
        same.setdefault((one.question.casefold(), *failed), []).append(one)
    return [
        {
            "newest": newest,
            "times": 1 + len(others),
            "flaws": [
                (VERDICTS.get(flaw.label, flaw.label), flaw)
                for flaw in newest.flaws
                if flaw.label != "partly"
            ],
        }
        for newest, *others in same.values()
    ]


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def table(name: str, course: Course) -> str | None:
    """The CSV file of this name; None if there is none."""
    if name == "questions.csv":
        head = ("day", "question", "answered", "answer", "cites", "supported", "checked", "failed")
        return csv_of(head, map(_question, course.journal.questions()))
    if name == "feedback.csv":
        columns = ("day", "thumb", "reason", "comment", "question", "answer", "cites")
        return csv_of(columns, map(_opinion, course.journal.opinions()))
    if name == "readings.csv":
        rows = (
            (use.reading, use.title, " ".join(map(str, use.sessions)), use.answers)
            for use in course.insights().used
        )
        return csv_of(("reading", "title", "sessions", "answers"), rows)
    return None


def _question(one: RecordedQuestion) -> Sequence[object]:
    supported = dict(one.verdicts).get("supported", 0)
    checked = sum(n for label, n in one.verdicts if label != "uncheckable")
    failed = "; ".join(f"{flaw.label}: {flaw.sentence}" for flaw in one.flaws)
    answered = "no" if one.abstained else "yes"
    cites = _places(one.cited)
    return one.day, one.question, answered, one.answer, cites, supported, checked, failed


def _opinion(one: Feedback) -> Sequence[object]:
    thumb = "up" if one.good else "down"
    cites = _places(one.cited)
    return one.day, thumb, one.reason, one.comment, one.question, one.answer, cites


def _places(cited: Iterable[CitedText]) -> str:
    places = (
        f"[{one.number}] {one.title}" + (f", p. {one.page}" if one.page else "") for one in cited
    )
    return "; ".join(dict.fromkeys(places))
