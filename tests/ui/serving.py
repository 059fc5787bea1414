"""The chat, and the desk where one is given, served in a thread of the tests or in a process of its
own; and one request to it as ASGI has it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from fake_course import FakeCourse

from seminar_rag.ui.app import serve
from seminar_rag.ui.shared.limits import Limits

_THREADS: list[threading.Thread] = []
_SERVERS: list[uvicorn.Server] = []


class _Noted(uvicorn.Server):
    """A server that can be stopped from outside of its thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        if threading.current_thread() in _THREADS:
            _SERVERS.append(self)


uvicorn.Server = _Noted  # type: ignore[misc]


def served(course: FakeCourse, **options: object) -> str:
    """Serve on a free port until the tests of the file end; the address once it answers.

    Args:
        options: what `serve` takes.
    """
    return started(serve, course, **options)


def stop() -> None:
    """Stop what `started` serves, which would go on taking time from the tests that follow."""
    for server in _SERVERS:
        server.should_exit = server.force_exit = True
    for thread in _THREADS:
        thread.join(30)
    assert not any(thread.is_alive() for thread in _THREADS)
    _SERVERS.clear()
    _THREADS.clear()


def started(serving: Callable[..., None], what: object, **options: object) -> str:
    """Serve something with this function; as `served`."""
    ready, urls = threading.Event(), []

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    thread = threading.Thread(
        target=serving,
        args=(what, "127.0.0.1", 0),
        kwargs={"on_ready": on_ready, **options},
        daemon=True,
    )
    _THREADS.append(thread)
    thread.start()
    assert ready.wait(180), "the server did not start"
    return urls[0]


SERVE = """
import signal, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
signal.signal(signal.SIGINT, signal.default_int_handler)
from fake_course import FakeCourse
from seminar_rag.ui.app import serve
serve(FakeCourse(), "127.0.0.1", int(sys.argv[2]), on_ready=lambda url: print(url, flush=True))
"""


@contextmanager
def own_process(port: int = 0, script: str = SERVE) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server in a process of its own, and that process."""
    command = [sys.executable, "-c", script, os.path.dirname(__file__), str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stderr is not None
            url = running.stdout.readline().strip()
            assert url, running.stderr.read()
            yield url, running
        finally:
            running.kill()


def client_of(add: Callable[[Any, FakeCourse, Limits], None], course: FakeCourse) -> Any:
    """A client of the addresses that `add` adds to an application, without limits."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    add(app, course, Limits(0, 0))
    return TestClient(app)


def http_scope(
    method: str,
    path: str,
    address: str = "192.0.2.1",
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> dict[str, Any]:
    """The ASGI scope of a request from an address."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers),
        "client": (address, 1),
        "server": ("seminar.test", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
    }
