"""A conversation with a course, without a page: what is asked, what comes back, how it stops.

Knows neither Gradio nor HTML. A worker thread runs the course's blocking `ask`; whoever reads the
stream is handed something at least every `TICK` seconds, so that Stop and a closed page act at
once even while the answerer is silent.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from seminar_rag.check.report import Checking
from seminar_rag.errors import SeminarError
from seminar_rag.types import Event, Scope, Turn
from seminar_rag.ui.render import Exchange

log = logging.getLogger(__name__)

LONGEST_QUESTION = 2_000
"""Characters."""
TICK = 0.2
"""Seconds after which the reader of a stream is handed something, be it nothing new."""
PACE = 0.08
"""Seconds that events are gathered before they are handed on together."""

TOO_LONG = "The question has {length:,} characters, at most {limit:,} can be asked. Shorten it."
BUSY = "An answer is being written. Press Stop first, or wait."
CRASHED = "Something went wrong while answering; the server's log says what. Ask again."
LEAVES_LINE = "Stopped. The question leaves the line when its turn comes."
NOT_TAKEN = "Too many questions are waiting. Ask again in a moment."


class ChatCourse(Protocol):
    """What the chat needs of a course."""

    @property
    def name(self) -> str:
        """What to call the course."""

    @property
    def answerer(self) -> str:
        """Who writes the answers: "extractive (quotes only)", or a model and where it runs."""

    @property
    def answerer_notice(self) -> str:
        """The same as a sentence for the reader."""

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        scope: Scope = ...,
        stop: Callable[[], bool] = ...,
    ) -> Iterator[Event]:
        """The answer as blocking events; the last is an AnswerEvent unless stopped."""

    def check(self, text: str) -> Checking:
        """A text, to be held against the readings as the result is iterated."""

    def sessions(self) -> tuple[tuple[int, str, int, int], ...]:
        """Number, title, readings indexed and passages of every session."""

    def examples(self, n: int) -> tuple[str, ...]:
        """At most `n` questions that the index can answer."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that was sent and has no answer yet."""

    question: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one open page has asked, oldest first."""

    exchanges: tuple[Exchange, ...] = ()
    pending: Pending | None = None

    @property
    def next(self) -> int:
        """The number of the next exchange."""
        return self.exchanges[-1].number + 1 if self.exchanges else 1

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The finished exchanges, as history for a follow-up question."""
        return tuple(
            turn
            for each in self.exchanges
            if each.state == "done"
            for turn in (Turn("user", each.question), Turn("assistant", each.text))
        )

    def ended(self, exchange: Exchange) -> Conversation:
        """With the pending question answered, stopped or failed as `exchange` says."""
        return Conversation((*self.exchanges, exchange))


class Stop(threading.Event):
    """Set to stop a question. `take` is true once: a question is answered by one reader only."""

    def __init__(self) -> None:
        super().__init__()
        self._untaken = threading.Lock()

    def take(self) -> bool:
        """Whether the question is the caller's to answer."""
        return self._untaken.acquire(blocking=False)

    @property
    def taken(self) -> bool:
        """Whether somebody answers the question already."""
        return self._untaken.locked()


class Chat:
    """Asks a course on behalf of open pages, each known by a key; one question per page at a time.

    The three steps of a question are `begin`, `answer` and `finish`; `stop` may come between.
    """

    def __init__(self, course: ChatCourse) -> None:
        self.course = course
        self._lock = threading.Lock()
        self._stops: dict[str, Stop] = {}

    def begin(
        self, page: str, question: str, scope: Scope, conversation: Conversation
    ) -> tuple[Conversation | None, str]:
        """The conversation with the question pending; or None and what is wrong, "" if blank."""
        question = question.strip()
        if not question:
            return None, ""
        if len(question) > LONGEST_QUESTION:
            return None, TOO_LONG.format(length=len(question), limit=LONGEST_QUESTION)
        with self._lock:
            if page in self._stops:
                return None, BUSY
            self._stops[page] = Stop()
        return replace(conversation, pending=Pending(question, scope)), ""

    def waiting(self, conversation: Conversation) -> Exchange:
        """The exchange of the pending question before anything of its answer is known."""
        assert conversation.pending is not None
        by_model = not self.course.answerer.startswith("extractive")
        return Exchange(conversation.next, conversation.pending.question, markdown=by_model)

    def answer(
        self, page: str, conversation: Conversation
    ) -> Iterator[tuple[Conversation, Exchange]]:
        """Ask; yields the conversation and the exchange as it grows.

        In the last pair the exchange is part of the conversation. Never raises: a failure is told
        in the exchange. Closing the generator stops the course.
        """
        pending = conversation.pending
        stop = self._stops.get(page)
        if pending is None or stop is None or not stop.take():
            return
        view = self.waiting(conversation)

        def events() -> Iterator[Event]:
            return self.course.ask(
                pending.question, history=conversation.turns, scope=pending.scope, stop=stop.is_set
            )

        try:
            for batch in listen(events, stop):
                for event in batch:
                    view = view.advanced(event)
                yield conversation, view
            if view.running:
                view = replace(view, state="stopped")
        except SeminarError as error:
            view = replace(view, state="failed", note=str(error))
        except Exception:
            log.exception("a question could not be answered")
            view = replace(view, state="failed", note=CRASHED)
        finally:
            stop.set()
        yield conversation.ended(view), view

    def stop(self, page: str) -> str:
        """Stop the page's question, if it has one. Returns what to say when it still waits."""
        stop = self._stops.get(page)
        if stop is None:
            return ""
        stop.set()
        return "" if stop.taken else LEAVES_LINE

    def finish(self, page: str, conversation: Conversation) -> Conversation:
        """Let the page ask again; a question that never got its turn has failed."""
        with self._lock:
            stop = self._stops.pop(page, None)
        if stop is not None:
            stop.set()
        if conversation.pending is None:
            return conversation
        failed = replace(self.waiting(conversation), state="failed", note=NOT_TAKEN)
        return conversation.ended(failed)


def listen(events: Callable[[], Iterator[Event]], stop: threading.Event) -> Iterator[list[Event]]:
    """Run a blocking stream in a thread and yield its events in batches, at times empty ones.

    Ends with the stream, or at the next batch once `stop` is set; the thread then ends by itself.
    Raises what the stream raised, after the batch before it.
    """
    if stop.is_set():
        return
    inbox: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            for event in events():
                inbox.put(event)
                if stop.is_set():
                    break
            inbox.put(None)
        except Exception as error:  # noqa: BLE001 - raised again by the reader of the stream
            inbox.put(error)

    threading.Thread(target=work, name="answer", daemon=True).start()
    while not stop.is_set():
        batch: list[Event] = []
        for item in _arriving(inbox):
            if isinstance(item, Exception):
                yield batch
                raise item
            if item is None:
                yield batch
                return
            batch.append(item)
        yield batch


def _arriving(
    inbox: queue.SimpleQueue[Event | Exception | None],
) -> Iterator[Event | Exception | None]:
    """What arrives: waits `TICK` for the first item, then `PACE` for more."""
    until = time.monotonic() + TICK
    first = True
    while True:
        try:
            item = inbox.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return
        if first:
            first, until = False, time.monotonic() + PACE
        yield item
