"""The tab of the desk where the reading list is confirmed and corrected: entry by entry, beside the
page's own text.

Imports Gradio at the top, as `page` does. The templates of `reading_list.html` escape all values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gradio as gr

from seminar_rag.html import Template
from seminar_rag.text import plural
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, PageText
from seminar_rag.ui.desk.actions import Desk, Entry, Said, form_of
from seminar_rag.ui.desk.view import Values
from seminar_rag.ui.shared.gradio_pages import html_part

LIST = Template("ui/templates/reading_list.html")
# A form sends what it holds, and which of its buttons was pressed: an `Entry`.
ENTRIES = """
const send = (button, form) => trigger("submit", {
  act: button.dataset.act,
  what: form?.dataset.reading ?? "",
  other: button.dataset.other ?? "",
  ...(form ? Object.fromEntries(new FormData(form)) : {}),
});
element.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const splits = document.activeElement?.name === "second";
  send(splits ? form.querySelector("[data-act='split']") : event.submitter, form);
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act='confirm-all']");
  if (button) send(button, null);
});
"""
LINE = """
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) element.querySelector("dialog").close();
});
element.addEventListener("submit", (event) => {
  trigger("submit", { act: "add", ...Object.fromEntries(new FormData(event.target)) });
});
"""


class ReadingListTab:
    """The components, and what they show and do. Make it where the tab is laid out."""

    def __init__(self, desk: Desk, acts: str) -> None:
        """Args:
        acts: the script that sends what the buttons of a message say.
        """
        self._desk = desk
        self._pages: tuple[PageText, ...] = ()
        """The course pages, as they were when the tab was opened last."""
        # The list may be long, so its HTML is made anew only when it is of something else.
        self._catalogue: Catalogue | None = None
        self._shown: tuple[PageText, ...] = self._pages
        self._html: dict[Any, str] = {}
        self.message = html_part("list-said", on_load=acts)
        self._dialog = html_part("add-line", on_load=LINE)
        with gr.Row(elem_id="list-parts"):
            with gr.Column(scale=3, min_width=0):
                self._entries = html_part("entries", on_load=ENTRIES)
            with gr.Column(scale=2, min_width=0):
                self._text = html_part("page-text")
        self.drawn = [self._dialog, self._entries, self._text]
        """The components that `html` changes."""
        self.submits = [self._entries.submit, self._dialog.submit]
        """The events that `revise` answers."""

    def read_pages(self) -> None:
        """Read the course pages again."""
        self._pages = self._desk.course.page_texts()

    def html(self, catalogue: Catalogue) -> dict[Any, str]:
        """Every part as it is now."""
        if catalogue is not self._catalogue or self._pages is not self._shown:
            self._catalogue, self._shown = catalogue, self._pages
            self._html = {
                self._dialog: LIST.line_dialog(_sessions(catalogue)),
                self._entries: entries(catalogue),
                self._text: page_text(self._pages, catalogue),
            }
        return self._html

    def revise(self, sent: object) -> str | Said:
        """Do what a form says; a message of what was done.

        Raises:
            SeminarError: it cannot be done.
        """
        return self._desk.revise(form_of(Entry, sent))


# As HTML --------------------------------------------------------------------------------------


def entries(catalogue: Catalogue) -> str:
    """Every listed reading by session, with a form to correct it and what is doubtful of it."""
    groups = [_group(one) for one in catalogue.sessions]
    listed = [one for session in catalogue.sessions for one in session.readings]
    view = {
        "groups": groups if listed else [],
        "sessions": _sessions(catalogue),
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


def _sessions(catalogue: Catalogue) -> list[tuple[int, str]]:
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
