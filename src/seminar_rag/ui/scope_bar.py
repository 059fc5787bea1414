"""What part of the course is asked: sessions, readings, kind, required only; and it in words.

Imports Gradio at the top, as `page` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from seminar_rag.types import NOTES, READINGS, Document, Kind, Scope
from seminar_rag.ui.conversations import scope_of

KINDS: Mapping[str, frozenset[Kind]] = {
    "Readings and notes": frozenset(),
    "Readings": READINGS,
    "Student notes": NOTES,
}
ANY_KIND = next(iter(KINDS))
WHOLE_COURSE = "Ask the whole course"
LONGEST_TITLE = 48
"""Characters of a reading's title in the question bar."""


class ScopeBar:
    """Builds its components where it is made: `inputs` are what a scope is made of."""

    def __init__(self) -> None:
        # Gradio keeps choices per open page in the server's memory. A server that was started anew
        # knows none, and would refuse what the page offers; so only `choices` makes it strict.
        free: dict[str, Any] = {"multiselect": True, "allow_custom_value": True, "min_width": 0}
        self.titles: Mapping[str, str] = {}
        with gr.Accordion(WHOLE_COURSE, open=False, elem_id="scope") as self.bar:
            with gr.Row(elem_id="scope-lists"):
                self.sessions = gr.Dropdown([], label="Sessions", elem_id="sessions", **free)
                self.readings = gr.Dropdown([], label="Readings", elem_id="readings", **free)
            with gr.Row(elem_id="scope-kinds"):
                self.kind = gr.Radio(
                    list(KINDS), value=ANY_KIND, label="Search in", elem_id="kind", min_width=0
                )
                self.required = gr.Checkbox(
                    label="Only required readings", elem_id="required", min_width=0
                )
        self.inputs = [self.sessions, self.readings, self.kind, self.required]

    def wire(self, quick: Mapping[str, Any]) -> None:
        """Keep the label true. `quick`: how an event that only changes the page is run."""
        gr.on([one.change for one in self.inputs], self._name, self.inputs, self.bar, **quick)

    def choices(
        self, sessions: Sequence[tuple[int, str, int, int]], documents: Mapping[str, Document]
    ) -> dict[Any, Any]:
        """What can be chosen, as an update; the readings by session, each with its number."""
        self.titles = titles(documents)
        offered = {
            self.sessions: [(f"{n} · {title}", n) for n, title, *_ in sessions],
            self.readings: [(label, id_) for id_, label in _listed(documents)],
        }
        return {
            one: gr.update(choices=choices, allow_custom_value=False)
            for one, choices in offered.items()
        }

    def show(self, scope: Scope) -> dict[Any, Any]:
        """The scope chosen, as an update."""
        kind = next((word for word, kinds in KINDS.items() if kinds == scope.kinds), ANY_KIND)
        return {
            self.sessions: gr.update(value=sorted(scope.sessions)),
            self.readings: gr.update(value=sorted(scope.readings)),
            self.kind: kind,
            self.required: scope.required_only,
        }

    def _name(self, sessions: Any, readings: Any, kind: Any, required: Any) -> Any:
        scope = chosen(sessions, readings, kind, required)
        return gr.update(label=label(scope, self.titles))


def chosen(sessions: Any, readings: Any, kind: Any, required: Any) -> Scope:
    """The scope that the components say, whatever a browser sent in their name."""
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


def label(scope: Scope, titles: Mapping[str, str]) -> str:
    """What is asked, in words: "Ask sessions 3, 15 · student notes"."""
    return f"Ask {words}" if (words := in_words(scope, titles)) else WHOLE_COURSE


def in_words(scope: Scope, titles: Mapping[str, str]) -> str:
    """The scope in words, "session 3 · required readings"; "" for the whole course."""
    if scope == Scope():
        return ""
    parts = []
    if scope.sessions:
        numbers = ", ".join(map(str, sorted(scope.sessions)))
        parts.append(f"session{'s' if len(scope.sessions) > 1 else ''} {numbers}")
    elif not scope.readings:
        parts.append("all sessions")
    names = [_short(titles.get(one, "a reading that is gone")) for one in sorted(scope.readings)]
    parts.append(names[0] if len(names) == 1 else f"{len(names)} readings" if names else "")
    kind = next((word.lower() for word, kinds in KINDS.items() if kinds == scope.kinds), "")
    parts.append(kind if scope.kinds else "")
    parts.append("only required" if scope.required_only else "")
    return " · ".join(part for part in parts if part)


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"
