"""One client fills no queue, and who left is dropped from it."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from fake_course import FakeCourse
from serving import served

from seminar_rag.ui.shared.gradio_pages import OF_ADDRESS, OF_CONVERSATION, share_queue
from seminar_rag.ui.shared.limits import GRACE, Limits

pytestmark = pytest.mark.slow


class Request:
    def __init__(self, address: str) -> None:
        self.client = self
        self.host = address


class Body:
    def __init__(self, session: str) -> None:
        self.session_hash = session
        self.fn_index = 0


def queue_of(clock):
    """A queue of Gradio's with one event that is run one at a time, and does not run."""
    import gradio as gr

    with gr.Blocks() as blocks:
        gr.Button().click(lambda: None, concurrency_limit=1, concurrency_id="one")
    blocks.queue(max_size=512)
    share_queue(blocks._queue, clock)
    return blocks._queue


def push(queue, address: str, session: str) -> str:
    return asyncio.run(queue.push(Body(session), Request(address), None))[2]


def test_an_address_and_a_conversation_have_a_share():
    queue = queue_of(lambda: 0.0)
    asked = [push(queue, "192.0.2.1", f"s{n}") for n in range(560)]
    assert asked.count("success") == OF_ADDRESS
    assert push(queue, "192.0.2.2", "other") == "success"
    asked = [push(queue, "192.0.2.3", "same") for _ in range(50)]
    assert asked.count("success") == OF_CONVERSATION


def test_who_reads_nothing_is_dropped_and_who_reads_is_kept():
    now = [0.0]
    queue = queue_of(lambda: now[0])
    for session in ("gone", "here"):
        push(queue, "192.0.2.1", session)
    for _ in range(4):
        now[0] += GRACE / 2
        messages = queue.pending_messages_per_session["here"]
        while not messages.empty():
            messages.get_nowait()
        push(queue, "192.0.2.2", f"new {now[0]}")
    left = [one.session_hash for some in queue.event_queue_per_concurrency_id.values()
            for one in some.queue]  # fmt: skip
    assert "here" in left
    assert "gone" not in left
    assert "gone" not in queue.pending_messages_per_session


def test_a_flood_of_checks_leaves_room_for_others():
    """More checks than the queue has room for; a student at another address gets in."""
    going = threading.Event()

    class Slow(FakeCourse):
        def check(self, text):
            going.wait(60)
            return super().check(text)

    url = served(Slow(), limits=Limits(0, 0), trusted_proxies="127.0.0.1")
    config = httpx.get(f"{url}/config").json()
    check = next(one["id"] for one in config["dependencies"] if one["api_name"] == "_check")
    with httpx.Client(base_url=url, timeout=60) as client:

        def join(address: str, session: str) -> int:
            body = {"fn_index": check, "data": ["A text."], "session_hash": session}
            headers = {"x-forwarded-for": address}
            return client.post("/gradio_api/queue/join", json=body, headers=headers).status_code

        flood = [join("198.51.100.1", f"f{n}") for n in range(OF_ADDRESS + 10)]
        assert set(flood) == {200, 503}
        assert join("198.51.100.2", "student") == 200
    going.set()
