"""The tab of the desk where the reading list is confirmed and corrected, as Gradio components.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from pydantic import ValidationError

from seminar_rag.errors import SourceError
from seminar_rag.types.catalogue import Catalogue, PageText
from seminar_rag.ui.desk import reading_list
from seminar_rag.ui.desk.actions import Desk, Entry, Said

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


def html_part(elem_id: str, on_load: str | None = None) -> Any:
    """A part of the desk that is drawn as HTML, with the script that runs when it is loaded."""
    return gr.HTML(apply_default_css=False, elem_id=elem_id, js_on_load=on_load)


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
        self.message = html_part("list-said", acts)
        self._dialog = html_part("add-line", LINE)
        with gr.Row(elem_id="list-parts"):
            with gr.Column(scale=3, min_width=0):
                self._entries = html_part("entries", ENTRIES)
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
                self._dialog: reading_list.line_dialog(catalogue),
                self._entries: reading_list.entries(catalogue),
                self._text: reading_list.page_text(self._pages, catalogue),
            }
        return self._html

    def revise(self, sent: object) -> str | Said:
        """Do what a form says; a message of what was done.

        Raises:
            SeminarError: it cannot be done.
        """
        try:
            entry = Entry.model_validate(sent)
        except ValidationError as error:
            raise SourceError("that was not understood — load the page again") from error
        return self._desk.revise(entry)
