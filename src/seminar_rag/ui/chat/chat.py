"""A conversation with a course, without a page: what is asked, what comes back, how it stops.

Knows neither Gradio nor HTML. A worker thread runs the course's blocking `ask`; whoever reads the
stream is handed something at least every `TICK` seconds, so that Stop and a closed page act at
once even while the answerer is silent.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seminar_rag.errors import SeminarError
from seminar_rag.files import write
from seminar_rag.types import Answer, AnswerEvent, Event, Scope
from seminar_rag.types.catalogue import ListedSession
from seminar_rag.types.serving import REASONS, Common, Reason
from seminar_rag.ui.shared.browser import CUT_OFF
from seminar_rag.ui.shared.conversation import HELPFUL, Conversation, Exchange, Pending
from seminar_rag.ui.shared.limits import (
    CRASHED,
    TOO_MANY_WAIT,
    Limits,
    Rate,
    Turns,
    question_problem,
    too_often,
)
from seminar_rag.ui.shared.logs import safe_traceback

if TYPE_CHECKING:
    from seminar_rag.course import Course

log = logging.getLogger(__name__)

EXAMPLES = 6
"""Questions to begin with."""
MOST_PAGES = 1_000
"""Pages whose questions are remembered before those that never came back are forgotten."""
RATINGS = 120
"""Ratings a minute of everybody together."""
TICK = 0.2
"""Seconds after which the reader of a stream is handed something, be it nothing new."""
PACE = 0.08
"""Seconds that events are gathered before they are handed on together."""

KEY_FILE = "answers.key"
BUSY = "An answer is being written. Press Stop first, or wait."


class Stop(threading.Event):
    """An event that stops a question. `take` succeeds once, so that only one reader answers it."""

    def __init__(self) -> None:
        super().__init__()
        self._untaken = threading.Lock()

    def take(self) -> bool:
        """Claim the question; False where somebody else answers it."""
        return self._untaken.acquire(blocking=False)

    @property
    def taken(self) -> bool:
        """Whether a thread is answering this question already."""
        return self._untaken.locked()


class Chat:
    """Asks a course on behalf of open pages, each known by a key; one question per page at a time.

    The steps of a question are `begin`, `answer` in its turn, and `finish`; `stop` may come
    between. `stream` waits for the turn and answers.
    """

    def __init__(
        self,
        course: Course,
        limits: Limits | None = None,
        turns: Turns | None = None,
        key: bytes = b"",
    ) -> None:
        """Args:
        turns: who is answered at a time; given when others are answered beside the pages.
        key: signs answers; without one, those of this object alone can be rated.
        """
        self._key = key or secrets.token_bytes(32)
        self._ratings = Rate(RATINGS)
        self.course = course
        self.turns = turns or Turns()
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._stops: dict[str, Stop] = {}

    def first_screen(self) -> tuple[tuple[str, ...], ListedSession | None, bool]:
        """What an empty conversation shows: questions to begin with, the session that meets now,
        and whether the course has no document."""
        try:
            now, catalogue = self.course.current_session(), self.course.catalogue()
            session = next((one for one in catalogue.sessions if one.number == now), None)
            return self.course.examples(EXAMPLES), session, not catalogue.records
        except SeminarError:  # told where the page opens; a question can be typed all the same
            return (), None, False

    def begin(
        self,
        page: str,
        question: str,
        scope: Scope,
        conversation: Conversation,
        address: str = "",
        asked: str = "",
        share: bool = False,
    ) -> tuple[Conversation | None, str]:
        """Take a question.

        Args:
            asked: its scope in words.

        Returns:
            The conversation with the question pending; or None and what is wrong, "" if blank.
        """
        question = question.strip()
        if not question:
            return None, ""
        if problem := question_problem(question):
            return None, problem
        with self._lock:
            if page in self._stops:
                return None, BUSY
            if wait := self.limits.admit(page, address):
                return None, too_often(wait)
            if not self.turns.join(page, address):
                return None, TOO_MANY_WAIT
            if len(self._stops) > MOST_PAGES:  # pages that went without a word
                self._stops = {one: stop for one, stop in self._stops.items() if stop.taken}
            self._stops[page] = Stop()
        named = conversation.id or secrets.token_hex(8)
        return replace(conversation, pending=Pending(question, scope, asked, share), id=named), ""

    def waiting(self, conversation: Conversation) -> Exchange:
        """The exchange of the pending question while nothing of its answer is known."""
        pending = conversation.pending
        assert pending is not None
        by_model = not self.course.answerer.startswith("extractive")
        return Exchange(
            conversation.next,
            pending.question,
            markdown=by_model,
            scope=pending.scope,
            asked=pending.asked,
        )

    async def stream(
        self, page: str, conversation: Conversation
    ) -> AsyncIterator[tuple[Conversation, Exchange]]:
        """Yield the page's place in the queue until its turn comes, then as `answer` does."""
        shown = (0, 0)
        try:
            while (place := self.turns.place(page))[0] and not self._stopped(page):
                if place != shown:
                    shown = place
                    note = f"In line, place {place[0]} of {place[1]}"
                    yield conversation, replace(self.waiting(conversation), note=note)
                await asyncio.sleep(TICK / 2)
            if not self.turns.begin(page) and not self._stopped(page):
                return  # passed over; `finish` says so
            answers = self.answer(page, conversation)
            while (pair := await asyncio.to_thread(next, answers, None)) is not None:
                yield pair
        finally:
            self.stop(page)
            self.turns.leave(page)

    def _stopped(self, page: str) -> bool:
        stop = self._stops.get(page)
        return stop is None or stop.is_set()

    def answer(
        self, page: str, conversation: Conversation
    ) -> Iterator[tuple[Conversation, Exchange]]:
        """Ask the pending question, yielding the conversation and the exchange as it grows.

        In the last pair the exchange is part of the conversation. Never raises: a failure is part
        of the exchange. Closing the generator stops the course.
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
                    if pending.share and isinstance(event, AnswerEvent):
                        self._record(event.answer)
                yield conversation, view
            if view.running:
                view = replace(view, state="stopped")
        except SeminarError as error:
            view = replace(view, state="failed", note=str(error))
        except Exception as error:  # noqa: BLE001 - logged below, without what was asked
            log.error(
                "a question could not be answered: %s", safe_traceback(error, pending.question)
            )
            view = replace(view, state="failed", note=CRASHED)
        finally:
            stop.set()
        view = signed(view, self._key) if view.state == "done" else view
        yield conversation.ended(view), view

    def _record(self, answer: Answer) -> None:
        if answer.kind != "talk":  # a greeting is no question
            self.course.journal.record(answer)

    def stop(self, page: str) -> None:
        """Stop the page's question, if it has one."""
        stop = self._stops.get(page)
        if stop is not None:
            stop.set()

    def give_feedback(
        self, conversation: Conversation, number: int, says: str, comment: str = ""
    ) -> Conversation:
        """Record what the reader thinks of an answer, once: "helpful", or the reason why not.

        Args:
            says: empty takes back what was said of it.

        Feedback on what the server did not say, or on the same answer again, is not recorded.

        Raises StoreError: it could not be written.
        """
        view = next((one for one in conversation.exchanges if one.number == number), None)
        reason: Reason | Literal[""] = next((one for one in REASONS if one == says), "")
        if view is None or view.state != "done" or bool(view.feedback) == bool(says):
            return conversation
        if not (reason or says in (HELPFUL, "")) or not is_signed(view, self._key):
            return conversation
        if self._ratings.wait("all"):
            return conversation
        # What the readings lack is known from the browser alone, its title and id too.
        known = tuple(one for one in view.citations if one.passage.id not in view.gone)
        answer, good = replace(view, citations=known).answer(self.course.answerer), says == HELPFUL
        if not says:
            self.course.journal.withdraw(nonce_of(view))
        elif self.course.journal.feedback(answer, good, reason, comment, nonce_of(view)):
            self._ratings.take("all")
        rated = replace(view, feedback=says)
        views = tuple(rated if one is view else one for one in conversation.exchanges)
        return replace(conversation, exchanges=views)

    def finish(self, page: str, conversation: Conversation) -> Conversation:
        """Let the page ask again; a question that never got its turn, or whose answer had nobody to
        read it, has failed."""
        with self._lock:
            stop = self._stops.pop(page, None)
            self.turns.leave(page)
        if stop is not None:
            stop.set()
        if conversation.pending is None:
            return conversation
        note = CUT_OFF if stop is not None and stop.taken else TOO_MANY_WAIT
        failed = replace(self.waiting(conversation), state="failed", note=note)
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
    """Yield what arrives: wait `TICK` for the first item, then `PACE` for more."""
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


# Signatures -----------------------------------------------------------------------------------
#
# A browser may send back what it likes. An answer carries a nonce and an HMAC of its question, text
# and quotations, so that only those that the server gave can be rated; the key stays here.


def key_in(folder: Path, common: Common | None = None) -> bytes:
    """The key that all servers of a course have in common, or that is kept in a folder, made where
    there is none; one for this run if that fails. Raises StoreError: what they have in common
    cannot be reached."""
    if common is not None:
        return bytes.fromhex(common.first("key", "answers", secrets.token_hex(32)))
    path = folder / KEY_FILE
    try:
        if not path.exists():
            write(path, secrets.token_bytes(32))
        key = path.read_bytes()
    except OSError:
        key = b""
    return key if len(key) == 32 else secrets.token_bytes(32)


def signed(view: Exchange, key: bytes) -> Exchange:
    """The exchange with its signature."""
    nonce = secrets.token_hex(8)
    return replace(view, signed=f"{nonce}.{_digest(view, nonce, key)}")


def is_signed(view: Exchange, key: bytes) -> bool:
    """Whether the server gave this answer to this question with these quotations."""
    nonce, _, digest = view.signed.partition(".")
    return hmac.compare_digest(digest.encode(), _digest(view, nonce, key).encode())


def nonce_of(view: Exchange) -> str:
    """The part of the signature that no other answer has: a name that says nothing of who asked."""
    return view.signed.partition(".")[0]


def _digest(view: Exchange, nonce: str, key: bytes) -> str:
    quotes = [one.quote for one in view.citations]
    content = json.dumps([nonce, view.question, view.text, quotes])
    return hmac.new(key, content.encode(), "sha256").hexdigest()
