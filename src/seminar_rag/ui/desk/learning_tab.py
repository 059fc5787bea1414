"""The tab of the desk for what students learn by: tables, items to test oneself, guides.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from seminar_rag.errors import SourceError
from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.compare import COLUMNS, LONGEST_COLUMN, MOST_COLUMNS
from seminar_rag.types.study import KINDS
from seminar_rag.ui.desk.actions import NOT_UNDERSTOOD, Desk, Said, form_of
from seminar_rag.ui.desk.jobs import StoppedError
from seminar_rag.ui.shared.gradio_pages import html_part

HTML = Template("ui/templates/learning.html")
TUTOR = {
    "": "an answer",
    "first": "the place to read, and an answer on request",
    "only": "the place to read alone",
}
"""How questions are met, by the value of the form."""
# A form sends its fields and which of its buttons was pressed: a `Choice`.
FORMS = """
element.addEventListener("submit", (event) => {
  event.preventDefault();
  const { act, what = "" } = event.submitter?.dataset ?? {};
  if (act) trigger("submit", { ...Object.fromEntries(new FormData(event.target)), act, what });
});
"""


class Choice(BaseModel, frozen=True):
    """What a form sends."""

    act: Annotated[str, StringConstraints(max_length=40)]
    what: Annotated[str, StringConstraints(max_length=400)] = ""
    session: int | None = None
    mode: Literal["", "first", "only"] = ""
    """With "tutor"."""
    questions: Annotated[str, StringConstraints(max_length=MOST_COLUMNS * (LONGEST_COLUMN + 2))] = (
        ""
    )
    """One a line."""


class LearningTab:
    """The components, and what they show and do. Make it where the tab is laid out."""

    def __init__(self, desk: Desk, acts: str) -> None:
        """Args:
        acts: the script that sends what the buttons of a message say.
        """
        self._desk = desk
        self._course = desk.course
        self.message = html_part("learning-said", on_load=acts)
        self.tables = html_part("kept-tables", on_load=FORMS)
        self.items = html_part("study-items", on_load=FORMS)
        self.differences = html_part("differences", on_load=FORMS)
        self.tutor = html_part("tutor", on_load=FORMS)
        self.drawn = [self.tutor, self.tables, self.items, self.differences]
        """The components that `html` changes."""
        self.submits = [part.submit for part in self.drawn]
        """The events that `choose` answers."""
        self._differing: int | None = None
        self._session: int | None = None
        """The session whose items are shown, on every open page."""
        self._drawn: tuple[object, dict[Any, str]] = (None, {})
        """The parts, and what they were drawn of."""

    def html(self) -> dict[Any, str]:
        """Every part as it is now, drawn anew where something has changed since."""
        course, job = self._course, self._desk.jobs.current
        chosen = (course.decided, self._session, self._differing)
        of = (course.catalogue(), chosen, job and (job.started, job.state))
        if of != self._drawn[0]:
            self._drawn = (of, self._draw())
        return self._drawn[1]

    def _draw(self) -> dict[Any, str]:
        course = self._course
        sessions = [(one.number, one.shown) for one in course.catalogue().sessions]
        kept = [(one.id, one.session, " · ".join(one.questions)) for one in course.tables()]
        number = self._session
        found = course.proposed(number) if number is not None else ()
        open_ = number in course.guides()
        return {
            self.tutor: str(HTML.tutor(sessions, sorted(course.tutoring().items()))),
            self.tables: str(HTML.tables(sessions, kept, "\n".join(COLUMNS))),
            self.differences: str(
                HTML.differences(
                    sessions,
                    self._differing,
                    course.differing(self._differing) if self._differing is not None else (),
                )
            ),
            self.items: str(HTML.items(sessions, number, found, open_, KINDS)),
        }

    def choose(self, sent: object) -> str | Said:
        """Do what a form says; a message of what was done.

        Raises:
            SeminarError: it cannot be done.
        """
        one = form_of(Choice, sent)
        acts: dict[str, Callable[[Choice], str]] = {
            "tutor": self._tutor,
            "keep table": self._keep,
            "drop table": self._drop,
            "propose": self._propose,
            "differ": self._differ,
            **dict.fromkeys(("guide", "no guide"), self._guide),
            **dict.fromkeys(("approved", "dropped", "new"), self._decide),
            **dict.fromkeys(("keep pair", "drop pair", "undo pair"), self._decide_pair),
        }
        if one.act not in acts:
            raise SourceError(NOT_UNDERSTOOD)
        return acts[one.act](one)

    def _tutor(self, one: Choice) -> str:
        session, mode = _number(one), one.mode or None
        self._course.tutor(session, mode)
        where = f"to session {session}" if session else "to the whole course"
        return f"Questions {where} are met with {TUTOR[one.mode]}."

    def _keep(self, one: Choice) -> str:
        asked = [line for line in one.questions.splitlines() if line.strip()]
        kept = self._course.keep_table(_number(one), asked)
        return f"Students find the table of session {kept.session} under “Compare”."

    def _drop(self, one: Choice) -> str:
        self._course.drop_table(one.what)
        return "The table is kept no longer."

    def _propose(self, one: Choice) -> str:
        self._session = _number(one)
        titles = ("Making study items", "Made study items")
        self._start(self._session, self._course.propose, "item", titles)
        return "Making items. They appear here when they are ready."

    def _differ(self, one: Choice) -> str:
        self._differing = _number(one)
        titles = ("Looking for differences", "Looked for differences")
        self._start(self._differing, self._course.differ, "difference", titles)
        return "Looking for differences. They appear here when they are found."

    def _start(
        self,
        session: int,
        make: Callable[..., Sequence[object]],
        noun: str,
        titles: tuple[str, str],
    ) -> None:
        """Make items or differences in the background; a stopped job keeps what it has."""
        jobs = self._desk.jobs

        def work() -> str:
            def told(done: int, total: int) -> None:
                jobs.progress("reading", done, total)

            found = make(session, jobs.stopping, told)
            if jobs.stopping():
                raise StoppedError("Stopped before its end.")
            return f"{plural(len(found), noun)} for session {session}, under “For students”."

        jobs.start(*titles, work)

    def _decide_pair(self, one: Choice) -> str:
        state = {"keep pair": "kept", "drop pair": "dropped", "undo pair": "new"}[one.act]
        self._course.decide_difference(one.what, _number(one), state)
        return {"kept": "Students see it.", "dropped": "Dropped.", "new": "Undecided again."}[state]

    def _guide(self, one: Choice) -> str:
        session, shown = _number(one), one.act == "guide"
        self._course.show_guide(session, shown=shown)
        return f"Students see the guide of session {session}{'' if shown else ' no longer'}."

    def _decide(self, one: Choice) -> str:
        """Decide on one item, or on all that are new."""
        session = _number(one)
        found = self._course.proposed(session)
        ids = [one.what] if one.what else [each.item.id for each in found if each.state == "new"]
        self._course.decide(ids, session, one.act)
        said = {"approved": "Students see", "dropped": "Dropped", "new": "Undecided again:"}
        return f"{said[one.act]} {plural(len(ids), 'item')}."


def _number(one: Choice) -> int:
    if one.session is None:
        raise SourceError("choose a session")
    return one.session
