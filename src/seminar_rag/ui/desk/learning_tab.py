"""The tab of the desk for what students learn by: tables that are kept for them.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, StringConstraints, ValidationError

from seminar_rag.errors import SourceError
from seminar_rag.html import Template
from seminar_rag.types.compare import COLUMNS, LONGEST_COLUMN, MOST_COLUMNS
from seminar_rag.ui.desk.actions import Said
from seminar_rag.ui.desk.list_tab import html_part

if TYPE_CHECKING:
    from seminar_rag.course import Course

HTML = Template("ui/templates/learning.html")
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
    questions: Annotated[str, StringConstraints(max_length=MOST_COLUMNS * (LONGEST_COLUMN + 2))] = (
        ""
    )
    """One a line."""


class LearningTab:
    """The components, and what they show and do. Make it where the tab is laid out."""

    def __init__(self, course: Course, acts: str) -> None:
        """Args:
        acts: the script that sends what the buttons of a message say.
        """
        self._course = course
        self.message = html_part("learning-said", acts)
        self.tables = html_part("kept-tables", FORMS)
        self.submits = [self.tables.submit]
        """The events that `choose` answers."""

    def html(self) -> dict[Any, str]:
        """Every part as it is now."""
        course = self._course
        sessions = [(one.number, one.shown) for one in course.catalogue().sessions]
        kept = [(one.id, one.session, " · ".join(one.questions)) for one in course.tables()]
        return {self.tables: str(HTML.tables(sessions, kept, "\n".join(COLUMNS)))}

    def choose(self, sent: object) -> str | Said:
        """Do what a form says; a message of what was done.

        Raises:
            SeminarError: it cannot be done.
        """
        try:
            one = Choice.model_validate(sent)
        except ValidationError as error:
            raise SourceError("that was not understood — load the page again") from error
        if one.act == "keep table":
            if one.session is None:
                raise SourceError("choose a session")
            asked = [line for line in one.questions.splitlines() if line.strip()]
            kept = self._course.keep_table(one.session, asked)
            return f"Students find the table of session {kept.session} under “Compare”."
        if one.act == "drop table":
            self._course.drop_table(one.what)
            return "The table is kept no longer."
        raise SourceError("that was not understood — load the page again")
