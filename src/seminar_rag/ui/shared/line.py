"""Shares of Gradio's queue: no address or conversation fills it, and who left is dropped from it.

Gradio's queue has one length for everybody, and keeps the events of clients that never come to
fetch what is made for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from seminar_rag.ui.shared.limits import GRACE, TOO_MANY_WAIT, address_of

OF_ADDRESS = 96
"""Events of one address that wait or run; a class may share it behind one router."""
OF_CONVERSATION = 6
"""Events of one page that wait or run."""
RUNNING = 256
"""Events that run at once. Most of them wait for their turn, which costs little."""


def share_queue(queue: Any, clock: Callable[[], float] = time.monotonic) -> None:
    """Give every address and conversation a share of the queue of Gradio's Blocks.

    Args:
        queue: a `gradio.queueing.Queue` that does not run yet.
        clock: seconds, for tests.
    """
    push, get_events = queue.push, queue.get_events
    unread_since: dict[str, float] = {}
    queue.max_thread_count = RUNNING

    async def push_shared(body: Any, request: Any, username: Any) -> Any:
        drop_the_gone()
        events = [*_waiting(queue), *_running(queue)]
        address = address_of(request)
        mine = sum(address_of(one.request) == address for one in events)
        same = sum(one.session_hash == body.session_hash for one in events)
        if mine >= OF_ADDRESS or same >= OF_CONVERSATION:
            return False, TOO_MANY_WAIT, "queue_full"
        return await push(body=body, request=request, username=username)

    def get_events_of_those_here() -> Any:
        drop_the_gone()
        return get_events()

    def drop_the_gone() -> None:
        now = clock()
        waiting = list(_waiting(queue))
        for session in {one.session_hash for one in waiting} | set(unread_since):
            messages = queue.pending_messages_per_session.get(session)
            if messages is None or messages.empty():
                unread_since.pop(session, None)  # somebody reads them
            else:
                unread_since.setdefault(session, now)
        for one in waiting:
            # Its place in line was sent to the page, and nobody has read it since.
            if now - unread_since.get(one.session_hash, now) > GRACE:
                _drop(queue, one)

    queue.push = push_shared
    queue.get_events = get_events_of_those_here


def _waiting(queue: Any) -> Iterable[Any]:
    return (one for some in queue.event_queue_per_concurrency_id.values() for one in some.queue)


def _running(queue: Any) -> Iterable[Any]:
    return (one for some in queue.active_jobs if some for one in some)


def _drop(queue: Any, event: Any) -> None:
    queue.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
    queue.event_ids_to_events.pop(event._id, None)
    left = queue.pending_event_ids_session.get(event.session_hash, set())
    left.discard(event._id)
    if not left:
        queue.pending_event_ids_session.pop(event.session_hash, None)
        queue.pending_messages_per_session.pop(event.session_hash, None)
