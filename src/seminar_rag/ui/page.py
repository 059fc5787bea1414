"""The page as Gradio Blocks: components, and which event does what. Imports Gradio at the top,
so import it only where the page is built.

Two pairs of HTML components hold the conversation and its sources: the finished part, sent when
an answer is complete, and the one that is growing, sent while it streams.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.types import Kind, Scope
from seminar_rag.ui import render
from seminar_rag.ui.chat import Chat, Conversation
from seminar_rag.ui.check_view import CheckView

EXAMPLES = 6
KINDS: Mapping[str, frozenset[Kind]] = {
    "Readings and notes": frozenset(),
    "Readings": frozenset({"paper", "abstract"}),
    "Student notes": frozenset({"notes"}),
}
ANY_KIND = next(iter(KINDS))
WHOLE_COURSE = "Ask the whole course"

Update = dict[Any, Any]
"""Component → its new value; components left out stay as they are."""


class Page:
    """The student's page over a `Chat`; `blocks` is what to mount."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        with gr.Blocks(
            title=chat.course.name, analytics_enabled=False, fill_width=True
        ) as self.blocks:
            self._lay_out()
            self._wire()
        # One question may embed, search and run a model: two at a time, the rest wait in line.
        self.blocks.queue(max_size=64, default_concurrency_limit=16, api_open=False)

    def _lay_out(self) -> None:
        self._conversation = gr.State(Conversation())
        self._ticket = gr.State("")  # changes with every question taken, which starts its answer
        self._head = gr.HTML(apply_default_css=False, elem_id="head")
        with gr.Tabs(elem_id="views"):
            with gr.Tab("Ask"), gr.Row(elem_id="desk", equal_height=False):
                self._lay_out_desk()
            with gr.Tab("Check a text"):
                self._check_view = CheckView(self._chat.course)

    def _lay_out_desk(self) -> None:
        with gr.Column(elem_id="reading", scale=3, min_width=0):
            with gr.Column(elem_id="conversation", min_width=0):
                self._past = gr.HTML(apply_default_css=False, elem_id="past")
                self._now = gr.HTML(apply_default_css=False, elem_id="now")
            with gr.Column(elem_id="composer", min_width=0):
                self._lay_out_composer()
        with gr.Column(elem_id="sources", scale=2, min_width=0):
            gr.HTML(render.panel_head(), apply_default_css=False, elem_id="sources-head")
            self._sources_past = gr.HTML(apply_default_css=False, elem_id="sources-past")
            self._sources_now = gr.HTML(apply_default_css=False, elem_id="sources-now")

    def _lay_out_composer(self) -> None:
        self._message = gr.HTML(apply_default_css=False, elem_id="message")
        with gr.Row(elem_id="bar"):
            self._box = gr.Textbox(
                elem_id="question",
                label="Question",
                show_label=False,
                container=False,
                placeholder="Ask about the readings",
                lines=1,
                max_lines=6,
                scale=1,
                min_width=0,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", enterkeyhint="send"),
            )
            self._send = gr.Button("Ask", variant="primary", elem_id="send", scale=0, min_width=72)
            self._stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=72, visible=False)
        with gr.Row(elem_id="below"):
            with gr.Accordion(WHOLE_COURSE, open=False, elem_id="scope") as self._scope:
                self._sessions = gr.Dropdown(
                    [], label="Sessions", multiselect=True, elem_id="sessions", min_width=0
                )
                self._kind = gr.Radio(
                    list(KINDS), value=ANY_KIND, label="Search in", elem_id="kind"
                )
            with gr.Row(elem_id="more", visible=False) as self._more:
                self._retry = gr.Button("Retry", size="sm", elem_id="retry", min_width=0)
                self._new = gr.Button("New conversation", size="sm", elem_id="new", min_width=0)
        gr.HTML(
            render.notice(self._chat.course.answerer_notice),
            apply_default_css=False,
            elem_id="notice",
        )

    def _wire(self) -> None:
        asked = [self._box, self._sessions, self._kind, self._conversation]
        begun = [
            *(self._box, self._message, self._past, self._now, self._sources_past),
            *(self._conversation, self._send, self._stop, self._more),
        ]
        growing = [self._past, self._now, self._sources_past, self._sources_now]
        quick: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        whole = [*begun, self._sources_now]
        asks = [self._box.submit, self._send.click, self._retry.click]
        # Queued, since Gradio tells of a changed State only there; with room for everybody.
        queued = {**quick, "queue": True, "concurrency_limit": None}
        gr.on(asks, self._begin, asked, [*begun, self._ticket], **queued)
        self._ticket.change(
            self._answer,
            self._conversation,
            [*growing, self._conversation],
            show_progress="minimal",
            show_progress_on=self._now,
            concurrency_limit=2,
            concurrency_id="answers",
            api_visibility="private",
        ).then(self._finish, [self._box, self._conversation], whole, **quick)
        self._stop.click(self._halt, None, self._message, **quick)
        self._new.click(self._clear, None, whole, **quick)
        gr.on(
            [self._sessions.change, self._kind.change],
            self._name_scope,
            [self._sessions, self._kind],
            self._scope,
            **quick,
        )
        opened = [self._head, self._past, self._sessions, self._message]
        self.blocks.load(self._open, None, opened, **quick)
        self.blocks.unload(self._leave)
        self._check_view.wire()

    # Events ---------------------------------------------------------------------------------

    def _open(self) -> Update:
        try:
            sessions = self._chat.course.sessions()
        except SeminarError as error:
            return {
                self._head: render.masthead(self._chat.course.name, ()),
                self._past: self._welcome(),
                self._message: render.message(str(error)),
            }
        choices = [(f"{number} · {title}", number) for number, title, *_ in sessions]
        return {
            self._head: render.masthead(self._chat.course.name, sessions),
            self._past: self._welcome(),
            self._sessions: gr.update(choices=choices),
        }

    def _begin(
        self,
        typed: str,
        sessions: Sequence[int],
        kind: str,
        conversation: Conversation,
        event: gr.EventData,
        request: gr.Request,
    ) -> Update:
        """Take the question that was typed, or the last one again in the scope chosen now."""
        question, again = typed or "", event.target is self._retry
        if again and conversation.exchanges:
            question = conversation.exchanges[-1].question
            conversation = Conversation(conversation.exchanges[:-1])
        scope = Scope(sessions=frozenset(sessions or ()), kinds=KINDS[kind])
        begun, problem = self._chat.begin(_key(request), question, scope, conversation)
        if begun is None:
            return {self._message: render.message(problem)}
        return {
            self._box: gr.skip() if again else "",
            self._message: "",
            self._past: render.transcript(begun.exchanges),
            self._now: render.exchange(self._chat.waiting(begun)),
            self._sources_past: "".join(map(render.sources, begun.exchanges)),
            self._conversation: begun,
            self._ticket: secrets.token_hex(8),
            **self._buttons(running=True, begun=True),
        }

    def _answer(self, conversation: Conversation, request: gr.Request) -> Iterator[Update]:
        before = conversation
        sent = ""
        for conversation, view in self._chat.answer(_key(request), before):
            if conversation is not before:
                yield {
                    self._past: render.transcript(conversation.exchanges),
                    self._now: "",
                    self._sources_past: "".join(map(render.sources, conversation.exchanges)),
                    self._sources_now: "",
                    self._conversation: conversation,
                }
                return
            sources = render.sources(view)
            changed = {self._sources_now: sources} if sources != sent else {}
            sent = sources
            yield {self._now: render.exchange(view), **changed}

    def _finish(self, typed: str, conversation: Conversation, request: gr.Request) -> Update:
        ended = self._chat.finish(_key(request), conversation)
        last = ended.exchanges[-1] if ended.exchanges else None
        update: Update = {
            self._conversation: ended,
            **self._buttons(running=False, begun=last is not None),
        }
        if last is not None and last.state == "stopped":
            update[self._message] = ""
        if last is not None and last.state == "failed":
            update[self._box] = typed or last.question
        if ended is not conversation:
            update[self._past] = render.transcript(ended.exchanges)
            update[self._now] = update[self._sources_now] = ""
        return update

    def _halt(self, request: gr.Request) -> str:
        return render.message(self._chat.stop(_key(request)))

    def _leave(self, request: gr.Request) -> None:
        self._chat.finish(_key(request), Conversation())

    def _clear(self) -> Update:
        return {
            self._conversation: Conversation(),
            self._past: self._welcome(),
            **dict.fromkeys((self._now, self._sources_past, self._sources_now, self._message), ""),
            **self._buttons(running=False, begun=False),
        }

    def _name_scope(self, sessions: Sequence[int], kind: str) -> Any:
        return gr.update(label=scope_label(sessions or (), kind))

    # Parts ----------------------------------------------------------------------------------

    def _welcome(self) -> str:
        try:
            return render.welcome(self._chat.course.examples(EXAMPLES))
        except SeminarError:  # told by `_open`; a question can be typed all the same
            return render.welcome(())

    def _buttons(self, *, running: bool, begun: bool) -> Update:
        return {
            self._send: gr.update(visible=not running),
            self._stop: gr.update(visible=running),
            self._more: gr.update(visible=begun and not running),
        }


def scope_label(sessions: Sequence[int], kind: str) -> str:
    """What is asked, in words: "Ask sessions 3, 15 · student notes"."""
    if not sessions and kind == ANY_KIND:
        return WHOLE_COURSE
    numbers = ", ".join(map(str, sorted(sessions)))
    where = f"session{'s' if len(sessions) > 1 else ''} {numbers}" if sessions else "all sessions"
    return f"Ask {where}" + ("" if kind == ANY_KIND else f" · {kind.lower()}")


def _key(request: gr.Request) -> str:
    return str(request.session_hash)
