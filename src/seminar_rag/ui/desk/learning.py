"""What students learn by, as the instructor sets it at the desk: tables, items, guides, tutor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.study import COLUMNS, KINDS

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.ui.desk.actions import Form
    from seminar_rag.ui.desk.jobs import Jobs

HTML = Template("ui/templates/learning.html")
TUTOR = {
    "": "an answer",
    "first": "the place to read, and an answer on request",
    "only": "the place to read alone",
}
"""How questions are met, by the value of the form."""


class Learning:
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
        self.actions: dict[str, Callable[[Form], str]] = {
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
        course, job = self._course, self._jobs.current
        chosen = (course.decided, self._session, self._differing)
        of = (course.catalogue(), chosen, job and (job.started, job.state))
        if of != self._drawn[0]:
            self._drawn = (of, self._draw())
        return self._drawn[1]

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

    def _tutor(self, form: Form) -> str:
        session = form.number
        self._course.tutor(session, form.mode or None)
        where = f"to session {session}" if session else "to the whole course"
        return f"Questions {where} are met with {TUTOR[form.mode]}."

    def _keep(self, form: Form) -> str:
        asked = [line for line in form.questions.splitlines() if line.strip()]
        kept = self._course.keep_table(form.number, asked)
        return f"Students find the table of session {kept.session} under “Compare”."

    def _drop(self, form: Form) -> str:
        self._course.drop_table(form.what)
        return "The table is kept no longer."

    def _propose(self, form: Form) -> str:
        self._session = session = form.number
        self._jobs.start("Making study items", "Made study items", "propose", session=session)
        return "Making items. They appear here when they are ready."

    def _differ(self, form: Form) -> str:
        self._differing = session = form.number
        titles = ("Looking for differences", "Looked for differences")
        self._jobs.start(*titles, "differ", session=session)
        return "Looking for differences. They appear here when they are found."

    def _decide_pair(self, form: Form) -> str:
        state = {"keep pair": "kept", "drop pair": "dropped", "undo pair": "new"}[form.act]
        self._course.decide_difference(form.what, form.number, state)
        return {"kept": "Students see it.", "dropped": "Dropped.", "new": "Undecided again."}[state]

    def _guide(self, form: Form) -> str:
        session, shown = form.number, form.act == "guide"
        self._course.show_guide(session, shown=shown)
        return f"Students see the guide of session {session}{'' if shown else ' no longer'}."

    def _decide(self, form: Form) -> str:
        """Decide on one item, or on all that are new."""
        session, found = form.number, self._course.proposed(form.number)
        new = [each.item.id for each in found if each.state == "new"]
        ids = [form.what] if form.what else new
        self._course.decide(ids, session, form.act)
        said = {"approved": "Students see", "dropped": "Dropped", "new": "Undecided again:"}
        return f"{said[form.act]} {plural(len(ids), 'item')}."
