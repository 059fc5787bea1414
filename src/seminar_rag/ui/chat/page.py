"""The page as Gradio Blocks: components, and which event does what. Imports Gradio at the top,
so import it only where the page is built.

Two pairs of HTML components hold the conversation and its sources: the finished part, sent when
an answer is complete, and the one that is growing, sent while it streams. The conversation as the
browser keeps it goes to a hidden text, from which the page's script stores it; what the script
wants of the server (open a conversation, set a scope) comes as a wish through a hidden button.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import gradio as gr

from seminar_rag.errors import SeminarError
from seminar_rag.types import Scope
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.study import COLUMNS, LONGEST_COLUMN, MOST_COLUMNS, STATED
from seminar_rag.ui.chat import render, tabs
from seminar_rag.ui.chat.chat import Chat
from seminar_rag.ui.chat.components import CheckView, ScopeBar, chosen
from seminar_rag.ui.chat.render import HTML, PARTS
from seminar_rag.ui.shared.browser import CUT_OFF, Wish, from_record, parse_link, to_record
from seminar_rag.ui.shared.conversation import Conversation
from seminar_rag.ui.shared.gradio_pages import HIDDEN, html_part, spare_work
from seminar_rag.ui.shared.limits import address_of
from seminar_rag.ui.shared.wording import scope_in_words, titles

SHARE = "Share my questions with the instructor, anonymously"
LOST = "A session or reading that was chosen is no longer in the course; look at what is asked."
UNREADABLE = "This conversation cannot be read any more."
Update = dict[Any, Any]
"""Component → its new value; components left out stay as they are."""


class ChatPage:
    """The student's page over a `Chat`; `blocks` is what to mount."""

    def __init__(
        self, chat: Chat, add_endpoints: Callable[[], None], *, desk: bool = False
    ) -> None:
        """Args:
        add_endpoints: adds what programs may call to the Blocks that are being built.
        """
        self._chat = chat
        self._desk = desk
        with gr.Blocks(
            title=chat.course.name, analytics_enabled=False, fill_width=True
        ) as self.blocks:
            self._lay_out()
            self._wire()
            add_endpoints()
        # `Chat` itself keeps the line, so Gradio's queue only has to have room for everybody.
        self.blocks.queue(max_size=512, default_concurrency_limit=16, api_open=False)
        spare_work(self.blocks._queue)

    def _lay_out(self) -> None:
        self._conversation = gr.State(Conversation())
        self._editing = gr.State(False)  # the next question takes the place of the last
        hidden: dict[str, Any] = {"visible": "hidden", "show_label": False}
        # Changes with every question taken, which starts its answer.
        self._ticket = gr.Textbox(elem_id="ticket", **hidden)
        self._record = gr.Textbox(elem_id="record", **hidden)
        self._wish = gr.Textbox(elem_id="wish", **hidden)
        self._act = gr.Button("Act", elem_id="act", visible="hidden")
        self._head = html_part("head")
        with gr.Tabs(elem_id="views"):
            with gr.Tab("Ask", elem_id="ask-tab"), gr.Row(elem_id="desk", equal_height=False):
                self._lay_out_desk()
            with gr.Tab("Course") as self._course_tab:
                self._listing = html_part("course")
            with gr.Tab("Compare") as self._table_tab:
                html_part(
                    "compare",
                    tabs.COMPARE.table_view(COLUMNS, LONGEST_COLUMN, MOST_COLUMNS, STATED),
                )
            with gr.Tab("Study") as self._study_tab:
                html_part("study", tabs.STUDY.study_view())
            with gr.Tab("Check a text"):
                self._check_view = CheckView(self._chat.course, self._chat.limits)

    def _lay_out_desk(self) -> None:
        html_part("rail", HTML.rail())
        with gr.Column(elem_id="reading", scale=3, min_width=0):
            with gr.Column(elem_id="conversation", min_width=0):
                self._past = html_part("past")
                self._now = html_part("now")
            with gr.Column(elem_id="composer", min_width=0):
                self._lay_out_composer()
        with gr.Column(elem_id="sources", scale=2, min_width=0):
            html_part("sources-head", HTML.panel_head())
            self._sources_past = html_part("sources-past")
            self._sources_now = html_part("sources-now")

    def _lay_out_composer(self) -> None:
        self._message = html_part("message")
        chip = html_part("scope-chip")
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
            self._scope = ScopeBar(self._chat.course, chip)
            with gr.Row(elem_id="more", visible=False) as self._more:
                small: dict[str, Any] = {"size": "sm", "min_width": 0}
                self._retry = gr.Button("Retry", elem_id="retry", **small)
                self._edit = gr.Button("Edit", elem_id="edit", **small)
                html_part("export", HTML.export_menu())
        self._share = gr.Checkbox(
            label=SHARE, elem_id="share", container=False, visible=self._chat.course.journal.enabled
        )
        self._notice = html_part("notice", HTML.notice(self._chat.course.answerer_notice))

    def _wire(self) -> None:
        begun = [
            *(self._box, self._message, self._past, self._now, self._sources_past),
            *(self._conversation, self._record, self._editing),
            *(self._send, self._stop, self._more),
        ]
        whole = [*begun, self._sources_now]
        everything = [*whole, *self._scope.parts]
        asked = [
            *(self._box, *self._scope.inputs),
            *(self._conversation, self._editing, self._record, self._share),
        ]
        asks = [self._box.submit, self._send.click, self._retry.click]
        # Taking a question is not queued: Gradio closes the stream of a page that has nothing
        # queued, and what is queued in that moment is never heard of again.
        queued = {**HIDDEN, "queue": True, "concurrency_limit": None}
        started = [*begun, self._ticket, self._scope.bar]
        after = "(...values) => seminar.question(...values)"  # what opens the page would undo it
        gr.on(asks, self._begin, asked, started, js=after, **HIDDEN)
        self._ticket.change(
            self._answer,
            self._conversation,
            [self._past, self._now, self._sources_past, self._sources_now, self._conversation],
            **queued,
        ).then(self._finish, [self._box, self._conversation], whole, **HIDDEN)
        self._stop.click(self._halt, None, None, **HIDDEN)
        self._edit.click(self._start_editing, self._conversation, everything, **HIDDEN)
        self._act.click(
            self._fulfil,
            [self._wish, self._conversation],
            everything,
            js="() => [seminar.wish(), null]",
            trigger_mode="multiple",
            **HIDDEN,
        )
        self._record.change(
            None, self._record, None, js="(record) => { seminar.keep(record); }", **HIDDEN
        )
        self._share.input(None, self._share, None, js="(yes) => { seminar.share(yes); }", **HIDDEN)
        self._scope.wire(HIDDEN)
        opened = [self._head, self._share, self._notice, *everything]
        arrival = "() => [seminar.arrival()]"
        self.blocks.load(self._open, self._wish, opened, js=arrival, **HIDDEN).then(
            None, None, None, js="() => { seminar.opened(); }", **HIDDEN
        )
        self.blocks.unload(self._leave)
        shown = partial(tabs.course_html, self._chat.course)
        self._course_tab.select(shown, None, self._listing, **HIDDEN)
        self._table_tab.select(None, None, None, js="() => seminar.openTable()", **HIDDEN)
        self._study_tab.select(None, None, None, js="() => seminar.openStudy()", **HIDDEN)
        self._check_view.wire()

    # Events ---------------------------------------------------------------------------------

    def _open(self, arrival: str) -> Update:
        """Show the page as it was left in this browser, or as a link describes it."""
        wish = Wish.read(arrival) or Wish()
        try:
            update: Update = {
                self._head: self._masthead(self._chat.course.catalogue()),
                self._share: gr.update(value=wish.share, visible=self._chat.course.journal.enabled),
                self._notice: HTML.notice(self._chat.course.answerer_notice),
                **self._scope.show(),
                **self._restored(wish.record),
                **self._linked(wish.hash),
            }
        except SeminarError as error:
            return {
                self._head: self._masthead(None),
                self._past: self._welcome(),
                self._message: PARTS.message(str(error)),
            }
        if wish.draft and not parse_link(wish.hash):
            update[self._box] = wish.draft
        return update

    def _fulfil(self, text: str, conversation: Conversation) -> Update:
        """Do what the page's script asks for."""
        wish = Wish.read(text) or Wish()
        try:
            match wish.do:
                case "new":
                    return {**self._shown(Conversation()), **self._scope.show()}
                case "open":
                    return self._restored(wish.record)
                case "scope":
                    return self._narrowed(wish.scope.scope())
                case "link":
                    return self._linked(wish.hash) or {self._message: gr.skip()}
                case "feedback":
                    return self._rated(conversation, wish)
                case "leave editing":
                    return {self._editing: False, self._message: ""}
        except SeminarError as error:
            return {self._message: PARTS.message(str(error))}
        return {self._message: gr.skip()}

    def _rated(self, conversation: Conversation, wish: Wish) -> Update:
        known = self._caught_up(conversation, wish.record)
        rated = self._chat.give_feedback(known, wish.exchange, wish.says, wish.comment)
        return {
            self._conversation: rated,
            self._record: to_record(rated),
            self._past: render.transcript(rated.exchanges),
        }

    def _restored(self, record: str) -> Update:
        if not record:
            return self._shown(Conversation())
        found = from_record(record, self._chat.course)
        if found is None:
            return {**self._shown(Conversation()), self._message: PARTS.message(UNREADABLE)}
        update = {**self._shown(found), **self._narrowed(found.scope)}
        if found.exchanges and found.exchanges[-1].note == CUT_OFF:
            update[self._box] = found.exchanges[-1].question
        return update

    def _linked(self, fragment: str) -> Update:
        link = parse_link(fragment)
        if link is None:
            return {}
        question, scope = link
        return {**({self._box: question} if question else {}), **self._narrowed(scope)}

    def _narrowed(self, scope: Scope) -> Update:
        """Choose a scope; a message says where the course has some of it no longer."""
        update = self._scope.show(scope)
        return update | {self._message: PARTS.message(LOST if self._scope.lost(scope) else "")}

    def _shown(self, conversation: Conversation) -> Update:
        """Show a whole conversation in which no answer is being written."""
        views = conversation.exchanges
        return {
            self._conversation: conversation,
            self._record: to_record(conversation),
            self._editing: False,
            **self._finished(conversation),
            **({} if views else {self._past: self._welcome()}),
            **dict.fromkeys((self._now, self._sources_now, self._message), ""),
            **self._buttons(running=False, begun=bool(views)),
        }

    def _begin(
        self,
        typed: str,
        sessions: Any,
        readings: Any,
        kind: Any,
        required: Any,
        conversation: Conversation,
        editing: bool,
        record: str,
        share: bool,
        event: gr.EventData,
        request: gr.Request,
    ) -> Update:
        """Take the question that was typed, or the last one again in the scope chosen now."""
        question, again = typed or "", event.target is self._retry
        try:
            conversation = self._caught_up(conversation, record)
            known = titles(self._chat.course.documents())
        except SeminarError as error:
            return {self._message: PARTS.message(str(error))}
        question, kept = conversation.continued(question, again=again, editing=editing)
        scope = chosen(sessions, readings, kind, required)
        begun, problem = self._chat.begin(
            *(request.session_hash, question, scope, kept),
            address=address_of(request),
            asked=scope_in_words(scope, known),
            share=share is True,
        )
        if begun is None:
            return {self._message: PARTS.message(problem)}
        return {
            **({} if again and typed.strip() != question.strip() else {self._box: ""}),
            self._message: "",
            self._editing: False,
            **self._finished(begun),
            self._now: render.exchange(self._chat.waiting(begun)),
            self._conversation: begun,
            self._record: to_record(begun),
            self._ticket: secrets.token_hex(8),
            self._scope.bar: gr.update(open=False),
            **self._buttons(running=True, begun=True),
        }

    def _caught_up(self, conversation: Conversation, record: str) -> Conversation:
        """The conversation that the page shows, even when the server was restarted since."""
        if record and not conversation.id:
            return from_record(record, self._chat.course) or conversation
        return conversation

    async def _answer(
        self, conversation: Conversation, request: gr.Request
    ) -> AsyncIterator[Update]:
        before, sent = conversation, ""
        async for conversation, view in self._chat.stream(request.session_hash, before):
            if conversation is not before:
                yield {
                    **self._finished(conversation),
                    **dict.fromkeys((self._now, self._sources_now), ""),
                    self._conversation: conversation,
                }
                return
            sources = render.sources(view)
            changed = {self._sources_now: sources} if sources != sent else {}
            sent = sources
            yield {self._now: render.exchange(view), **changed}

    def _finish(self, typed: str, conversation: Conversation, request: gr.Request) -> Update:
        if not conversation.id:  # the page was another server's, which is gone; it asks again
            return {self._message: gr.skip()}
        ended = self._chat.finish(request.session_hash, conversation)
        last = ended.exchanges[-1] if ended.exchanges else None
        update: Update = {
            self._conversation: ended,
            self._record: to_record(ended),
            **self._buttons(running=False, begun=last is not None),
        }
        if last is not None and last.state == "failed":
            update[self._box] = typed or last.question
        if ended is not conversation:
            update[self._past] = render.transcript(ended.exchanges)
            update[self._now] = update[self._sources_now] = ""
        return update

    def _start_editing(self, conversation: Conversation) -> Update:
        if not conversation.exchanges:
            return {self._message: gr.skip()}
        last = conversation.exchanges[-1]
        return {
            self._editing: True,
            self._box: last.question,
            **self._scope.show(last.scope),
            self._message: HTML.editing(),
        }

    def _halt(self, request: gr.Request) -> None:
        self._chat.stop(request.session_hash)

    def _leave(self, request: gr.Request) -> None:
        self._chat.finish(request.session_hash, Conversation())

    # Parts ----------------------------------------------------------------------------------

    def _masthead(self, catalogue: Catalogue | None) -> str:
        return render.masthead(self._chat.course.name, catalogue, desk=self._desk)

    def _welcome(self) -> str:
        return HTML.welcome(*self._chat.first_screen())

    def _finished(self, conversation: Conversation) -> Update:
        """The finished exchanges with their sources."""
        views = conversation.exchanges
        return {
            self._past: render.transcript(views),
            self._sources_past: "".join(map(render.sources, views)),
        }

    def _buttons(self, *, running: bool, begun: bool) -> Update:
        return {
            self._send: gr.update(visible=not running),
            self._stop: gr.update(visible=running),
            self._more: gr.update(visible=begun and not running),
        }
