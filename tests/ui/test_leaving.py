"""Programs that leave, or stop reading, hold nothing up and free no turn too early."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from fake_course import STEPS, FakeCourse
from fastapi import FastAPI
from serving import http_scope

from seminar_rag.types import Event, TokenEvent
from seminar_rag.ui.api.openai_api import add_api
from seminar_rag.ui.api.programs import Programs
from seminar_rag.ui.shared.limits import Limits, Turns

BODY = {"model": "course", "messages": [{"role": "user", "content": STEPS}], "stream": True}
Send = Callable[[dict[str, Any]], Awaitable[None]]


class OneWriter(FakeCourse):
    """Answers word by word as one local model does, and is slow to see that it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.begun = self.ended = 0
        self.held = threading.Event()
        self.held.set()

    def ask(self, *_: object) -> Iterator[Event]:
        self.begun += 1
        try:
            self.held.wait(5)
            with self.lock:
                for word in range(9):
                    yield TokenEvent(f"word{word} ")
        finally:
            self.ended += 1

    def has_begun(self, times: int) -> bool:
        """Whether it was asked so often."""
        return self.begun >= times


@pytest.fixture
def course() -> OneWriter:
    return OneWriter()


@pytest.fixture
def turns() -> Turns:
    return Turns(slots=2)


@pytest.fixture
def programs(course: OneWriter, turns: Turns) -> Programs:
    return Programs(course, Limits(0, 0), turns)


async def completion(programs: Programs, send: Send, address: str = "192.0.2.1") -> None:
    """A streamed request to OpenAI's address, whose client never hangs up by itself."""
    app = FastAPI()
    add_api(app, programs)
    body = json.dumps(BODY).encode()
    told = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return told.pop() if told else await asyncio.Future()

    await app(http_scope("POST", "/v1/chat/completions", address), receive, send)


def test_a_client_that_stops_reading_holds_neither_the_turn_nor_the_model(
    course: OneWriter, turns: Turns, programs: Programs
) -> None:
    async def go() -> None:
        read = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message.get("body"):
                read.set()
                await asyncio.Future()

        reading = asyncio.create_task(completion(programs, send))
        await read.wait()
        await until(lambda: course.ended == 1)
        assert course.lock.acquire(blocking=False)
        await until(lambda: not turns._serving)
        reading.cancel()

    asyncio.run(go())


def test_clients_that_leave_free_their_turns_when_their_threads_have_ended(
    course: OneWriter, turns: Turns, programs: Programs
) -> None:
    async def go() -> None:
        async def send(_: dict[str, Any]) -> None:
            return

        course.held.clear()
        for client in range(10):
            asking = asyncio.create_task(completion(programs, send, f"192.0.2.{client}"))
            await until(partial(course.has_begun, min(client + 1, 2)))
            await asyncio.sleep(0.02)
            asking.cancel()
        await until(lambda: not turns._waiting)  # who waits leaves the line at once
        assert course.begun == len(turns._serving) == 2
        course.held.set()
        await until(lambda: not turns._serving)
        assert course.begun == course.ended == 2

    asyncio.run(go())


def test_work_that_nobody_waits_for_any_more_keeps_its_turn(
    turns: Turns, programs: Programs
) -> None:
    done = threading.Event()

    async def go() -> None:
        asking = asyncio.create_task(programs.run("client", STEPS, lambda: done.wait(5)))
        await until(lambda: bool(turns._serving))
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        assert turns._serving
        done.set()
        await until(lambda: not turns._serving)

    asyncio.run(go())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what other threads bring about."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)
