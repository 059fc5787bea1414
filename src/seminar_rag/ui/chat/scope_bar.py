"""The scope of a question: components that choose it, and the scope in words.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.types import NOTES, READINGS, Document, Kind, Scope
from seminar_rag.ui.shared.browser import scope_of
from seminar_rag.ui.shared.conversation import WHOLE_COURSE
from seminar_rag.ui.shared.wording import scope_in_words

if TYPE_CHECKING:
    from seminar_rag.course import Course

HTML = Template("ui/templates/chat.html")
KINDS: Mapping[str, frozenset[Kind]] = {
    "Readings and notes": frozenset(),
    "Readings": READINGS,
    "Student notes": NOTES,
}
ANY_KIND = next(iter(KINDS))
ASK_EVERYTHING = "Ask the whole course"
REQUIRED = "Only required readings"
NONE_REQUIRED = "Only required readings (there are none here)"


class ScopeBar:
    """The components that choose a scope, built where the bar is made.

    `inputs` are those that a scope is made of, `parts` those that `show` changes.
    """

    def __init__(self, course: Course, chip: gr.HTML) -> None:
        """Args:
        chip: shows above the question what part of the course it is asked of.
        """
        self._course = course
        self._chip = chip
        # Gradio keeps choices per open page in the server's memory. A server that was started anew
        # knows none, and would refuse what the page offers; so only `show` makes it strict.
        free: dict[str, Any] = {"multiselect": True, "allow_custom_value": True, "min_width": 0}
        self.titles: Mapping[str, str] = {}
        with gr.Accordion(ASK_EVERYTHING, open=False, elem_id="scope") as self.bar:
            with gr.Row(elem_id="scope-lists"):
                self.sessions = gr.Dropdown([], label="Sessions", elem_id="sessions", **free)
                self.readings = gr.Dropdown([], label="Readings", elem_id="readings", **free)
            with gr.Row(elem_id="scope-kinds"):
                self.kind = gr.Radio(
                    list(KINDS), value=ANY_KIND, label="Search in", elem_id="kind", min_width=0
                )
                self.required = gr.Checkbox(label=REQUIRED, elem_id="required", min_width=0)
        self._read = gr.Button("Read the scope", elem_id="read-scope", visible="hidden")
        self.inputs = [self.sessions, self.readings, self.kind, self.required]
        self.parts = [*self.inputs, self.bar, chip]

    def wire(self, quick: Mapping[str, Any]) -> None:
        """Keep the label up to date.

        Args:
            quick: how an event that only changes the page is run.
        """
        # Of what a person does only: `show` names its scope itself, and its several changes at once
        # would be answered in any order. A list that its Clear button empties tells of no input, so
        # the page's script presses `read`.
        gr.on(
            [*(one.input for one in self.inputs), self._read.click],
            self._name,
            self.inputs,
            [self.required, self.bar, self._chip],
            trigger_mode="always_last",
            **quick,
        )

    def show(self, scope: Scope = WHOLE_COURSE) -> dict[Any, Any]:
        """Offer what the course has now, with `scope` chosen, as an update.

        Sessions and readings that the course has no longer are left out; `lost` names them.

        Raises:
            StoreError: the index cannot be read.
        """
        documents = self._course.documents()
        self.titles = titles(documents)
        sessions = [(f"{n} · {title}", n) for n, title, *_ in self._course.sessions()]
        readings = [(label, id_) for id_, label in _listed(documents)]
        kind = next((word for word, kinds in KINDS.items() if kinds == scope.kinds), ANY_KIND)
        known = replace(
            scope,
            sessions=scope.sessions & {number for _, number in sessions},
            readings=scope.readings & set(self.titles),
            kinds=KINDS[kind],
        )
        any_required = has_required(documents.values(), known)
        known = replace(known, required_only=known.required_only and any_required)
        return {
            self.sessions: _offered(sessions, known.sessions),
            self.readings: _offered(readings, known.readings),
            self.kind: kind,
            self.required: _required(known.required_only, any_required),
            **self._named(known),
        }

    def lost(self, scope: Scope) -> bool:
        """Whether `scope` names a session or reading that the course has no longer."""
        sessions = {number for number, *_ in self._course.sessions()}
        return not (scope.sessions <= sessions and scope.readings <= set(self.titles))

    def _named(self, scope: Scope) -> dict[Any, Any]:
        """The scope in words, in the bar's label and above the question."""
        words = scope_in_words(scope, self.titles)
        return {
            self.bar: gr.update(label=f"Ask {words}" if words else ASK_EVERYTHING),
            self._chip: HTML.scope_chip(words),
        }

    def _name(self, sessions: Any, readings: Any, kind: Any, required: Any) -> dict[Any, Any]:
        scope = chosen(sessions, readings, kind, required)
        try:
            any_required = has_required(self._course.documents().values(), scope)
        except SeminarError:  # shown when the question is asked
            any_required = True
        scope = replace(scope, required_only=scope.required_only and any_required)
        # The box keeps its tick where it can: by now another scope may have been shown.
        ticked = None if any_required else False
        return {self.required: _required(ticked, any_required), **self._named(scope)}


def has_required(documents: Iterable[Document], scope: Scope) -> bool:
    """Whether anything that `scope` allows is a required reading."""
    asked = replace(scope, required_only=True)
    return any(asked.admits(one) for one in documents)


def _required(value: bool | None, possible: bool) -> Any:
    """The box of required readings, as an update; its tick stays for None."""
    said = {"label": REQUIRED if possible else NONE_REQUIRED, "interactive": possible}
    return gr.update(**said) if value is None else gr.update(value=value, **said)


def _offered(choices: Sequence[tuple[str, Any]], wanted: Collection[Any]) -> Any:
    values = [value for _, value in choices if value in wanted]
    return gr.update(choices=list(choices), value=values, allow_custom_value=False)


def chosen(sessions: Any, readings: Any, kind: Any, required: Any) -> Scope:
    """Read the scope from the components' values, whatever a browser sent as those."""
    kinds = KINDS.get(kind, frozenset()) if isinstance(kind, str) else ()
    return scope_of(
        {"sessions": sessions, "readings": readings, "kinds": [*kinds], "required": required}
    )


def titles(documents: Mapping[str, Document]) -> dict[str, str]:
    """Reading id → title; that of the paper where there are several documents."""
    out: dict[str, str] = {}
    for one in documents.values():
        if one.kind != "notes" and (one.reading not in out or one.kind == "paper"):
            out[one.reading] = one.title
    return out


def _listed(documents: Mapping[str, Document]) -> list[tuple[str, str]]:
    where = {one.reading: one.sessions for one in documents.values()}
    rows = sorted(titles(documents).items(), key=lambda row: (where[row[0]][:1] or (9999,), row[1]))
    return [(id_, f"{where[id_][0]} · {title}" if where[id_] else title) for id_, title in rows]
