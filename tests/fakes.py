"""Scripted stand-ins: a language model, and an OpenAI-compatible server on the loopback.

Answers are put in a queue beforehand, and everything that was asked is kept.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
from llama_index.core.base.llms.types import ChatMessage

from loopback import Handler, LocalServer
from seminar_rag.errors import ModelError


@dataclass(frozen=True)
class Asked:
    """One request to the scripted model."""

    messages: tuple[ChatMessage, ...]
    max_tokens: int

    @property
    def text(self) -> str:
        """All the messages, one after another."""
        return "\n".join(message.content or "" for message in self.messages)


class ScriptedLLM:
    """Gives the enqueued answers, one per request, a few characters at a time.

    An exception in the queue is raised; so is one after the first words, as ("words", error).
    """

    def __init__(
        self,
        *answers: str | Exception | tuple[str, Exception],
        name: str = "scripted",
        context: int = 4096,
        piece: int = 5,
        count: Callable[[str], int] | None = None,
    ) -> None:
        self.name = name
        self.context = context
        self.speed: float | None = None
        self.asked: list[Asked] = []
        self.stopped = 0
        self._answers = deque(answers)
        self._piece = piece
        self._count = count or (lambda text: len(text.split()))

    def enqueue(self, *answers: str | Exception | tuple[str, Exception]) -> None:
        """Add answers to the end of the script."""
        self._answers.extend(answers)

    def count(self, text: str) -> int:
        """One token per word, if not told otherwise."""
        return self._count(text)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        stop: Callable[[], bool],
    ) -> Iterator[str]:
        """The next answer of the script."""
        self.asked.append(Asked(tuple(messages), max_tokens))
        if not self._answers:
            raise ModelError("The script has no answer left - enqueue one.")
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        text, error = answer if isinstance(answer, tuple) else (answer, None)
        for start in range(0, len(text), self._piece):
            if stop():
                self.stopped += 1
                return
            yield text[start : start + self._piece]
        if error:
            raise error


class ScriptedChooser:
    """Finds the same answers as likely for every question that is put to it."""

    name = "scripted"

    def __init__(self, *likely: float, error: str = "") -> None:
        """Args:
        error: raised instead, as what a model says that fails.
        """
        self._likely = likely
        self._error = error
        self.questions: list[str] = []
        self.examples: Sequence[tuple[str, str]] = ()
        """Those of the last request."""

    def choose(
        self,
        system: str,
        examples: Sequence[tuple[str, str]],
        questions: Sequence[str],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
    ) -> Any:
        """The probability of each answer to each question."""
        assert system
        self.questions += questions
        self.examples = examples
        if stop() or self._error:
            raise ModelError(self._error or "stopped")
        return np.array([self._likely] * len(questions)).reshape(-1, len(answers))


class Clock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


@dataclass(frozen=True)
class Reply:
    """What the stub server does with one request."""

    text: str = ""
    status: int = 200
    body: str | None = None
    """Sent as it is, instead of a stream."""
    events: tuple[str, ...] = ()
    """Raw lines after the text's events."""
    done: bool = True
    """Finish the stream as the protocol asks."""
    drop: bool = False
    """Close the connection without finishing the chunked body."""
    before: float = 0.0
    """Seconds of silence before the headers."""
    pause: float = 0.0
    """Seconds between events."""
    piece: int = 4
    """Characters per event."""


@dataclass
class Request:
    """What the stub server was asked."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)


class StubServer(LocalServer):
    """An OpenAI-compatible chat server that replays a script; use it as a context manager."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[Request] = []
        self.broken_pipes = 0
        """How many replies could not be finished because the client went away."""
        self._replies = deque(replies)
        stub = self

        class ToStub(Handler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                stub.requests.append(Request(self.path, dict(self.headers), body))
                try:
                    stub._answer(self, stub._replies.popleft())
                except (BrokenPipeError, ConnectionResetError):
                    stub.broken_pipes += 1
                    self.close_connection = True

        super().__init__(ToStub)
        self.url += "/v1"

    def enqueue(self, *replies: Reply) -> None:
        """Add replies to the end of the script."""
        self._replies.extend(replies)

    def _answer(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        time.sleep(reply.before)
        if reply.body is not None:
            data = reply.body.encode()
            handler.send_response(reply.status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
            return
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for line in (*_events(reply), *reply.events):
            data = f"{line}\n\n".encode()
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            handler.wfile.flush()
            time.sleep(reply.pause)
        if reply.drop:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")


def _events(reply: Reply) -> Iterator[str]:
    pieces = range(0, len(reply.text), reply.piece)
    for text in (reply.text[start : start + reply.piece] for start in pieces):
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        yield "data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice]})
    if reply.done and not reply.drop:
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield "data: " + json.dumps({"choices": [end]})
        yield "data: [DONE]"
