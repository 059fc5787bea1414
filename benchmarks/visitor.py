"""A browser's side of the chat page, without the browser: what its scripts send and keep.

Speaks the protocol of Gradio's client (queue/join, the stream queue/data, run/predict) and keeps
what the page keeps: the conversation's record, which it sends back after a reload or a restart.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE = 120.0
"""Seconds without a word from the server after which an act has failed."""


class FailedError(Exception):
    """The page did not do what it was asked for."""


@dataclass(frozen=True)
class Event:
    """An event of the page, as its configuration describes it."""

    number: int
    outputs: tuple[str, ...]
    """What it changes, by the ids of the elements; "state" for what stays on the server."""


class Form:
    """The events of a page by the names of their functions."""

    def __init__(self, config: dict[str, Any]) -> None:
        names = {
            one["id"]: one["props"].get("elem_id") or one["type"] for one in config["components"]
        }
        self.initial = {names[one["id"]]: one["props"].get("value") for one in config["components"]}
        """What the page's fields hold when it opens."""
        self.events = {
            one["api_name"]: Event(one["id"], tuple(names[at] for at in one["outputs"]))
            for one in config["dependencies"]
        }


class Visitor:
    """One open page after another in one browser; use it as a context manager while open."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=PATIENCE)
        self._session = ""
        self._form: Form | None = None
        self._beat: httpx.Response | None = None
        self.record = ""
        """The conversation as the browser keeps it, JSON."""

    def close(self) -> None:
        """Shut the browser."""
        self.leave()
        self._client.close()

    def open(self) -> None:
        """Load the page, with the conversation that was kept."""
        self.leave()
        self._session = secrets.token_hex(6)
        self._get("/")
        self._form = Form(self._get("/config").json())
        beat = self._client.build_request("GET", f"/gradio_api/heartbeat/{self._session}")
        self._beat = self._client.send(beat, stream=True)
        self._changed(self._run("_open", [json.dumps({"record": self.record})]))

    def leave(self) -> None:
        """Close the page; the server notices that nobody listens any more."""
        if self._beat is not None:
            self._beat.close()
            self._beat = None

    def new_conversation(self) -> None:
        """Press “New conversation”."""
        self._changed(self._run("_fulfil", [json.dumps({"do": "new"}), None]))

    def ask(self, question: str) -> dict[str, Any]:
        """Ask, read the answer while it is written; the exchange as the record has it."""
        assert self._form is not None, "the page is not open"
        kind = self._form.initial["kind"]
        given = [question, [], [], kind, False, None, None, self.record, False]
        changes = self._run("_begin", given)
        self._changed(changes)
        if not isinstance(changes.get("ticket"), str):
            raise FailedError(f"refused: {changes.get('message')}")
        self._queued("_answer", [None])
        self._changed(self._run("_finish", ["", None]))
        exchange: dict[str, Any] = self.exchanges()[-1]
        if exchange.get("state") != "done":
            raise FailedError(f"{exchange.get('state')}: {exchange.get('note')}")
        return exchange

    def exchanges(self) -> list[dict[str, Any]]:
        """The questions with their answers."""
        return json.loads(self.record).get("exchanges", []) if self.record else []

    def rate(self, exchange: int) -> None:
        """Press thumb up."""
        wish = {"do": "feedback", "exchange": exchange, "says": "helpful", "record": self.record}
        self._changed(self._run("_fulfil", [json.dumps(wish), None]))

    def look(self, document: str, passage: str, quote: str) -> int:
        """Open a citation's page, and its picture where it has one; requests made."""
        view = self._get(f"/view/{document}", passage=passage, quote=quote).json()
        if not view["pages"]:
            return 1
        page = view["pages"]["page"]
        self._get(f"/view/{view['document']}/{page}.jpg", width="1200")
        return 2

    def course(self) -> None:
        """Open the tab “Course”."""
        self._run("_show", [])

    def check(self, text: str) -> None:
        """Check a text and wait for its report."""
        self._queued("_check", [text])

    def export(self, kind: str) -> None:
        """Save the conversation as "md" or "pdf"."""
        body = {"record": self.record, "title": "What I asked"}
        _ok(self._client.post(f"/export.{kind}", json=body))

    # The protocol ---------------------------------------------------------------------------

    def _get(self, path: str, **query: str) -> httpx.Response:
        return _ok(self._client.get(path, params=query))

    def _event(self, name: str) -> Event:
        assert self._form is not None, "the page is not open"
        return self._form.events[name]

    def _body(self, event: Event, data: list[Any]) -> dict[str, Any]:
        target = {"fn_index": event.number, "trigger_id": None, "event_data": None}
        return {**target, "data": data, "session_hash": self._session}

    def _run(self, name: str, data: list[Any]) -> dict[str, Any]:
        """An event that is not queued; what it changed."""
        event = self._event(name)
        sent = self._client.post("/gradio_api/run/predict", json=self._body(event, data))
        return dict(zip(event.outputs, _ok(sent).json()["data"], strict=False))

    def _queued(self, name: str, data: list[Any]) -> dict[str, Any]:
        """An event that is queued; what it changed in the end."""
        event = self._event(name)
        joined = self._client.post("/gradio_api/queue/join", json=self._body(event, data))
        id_ = _ok(joined).json()["event_id"]
        query = {"session_hash": self._session}
        with self._client.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            _ok(stream)
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                kind = message.get("msg")
                if kind in ("unexpected_error", "server_stopped"):
                    raise FailedError(str(message.get("message")))
                if kind == "process_completed" and message.get("event_id") == id_:
                    output = message["output"]
                    if not message["success"]:
                        raise FailedError(f"{name}: {output.get('error')}")
                    return dict(zip(event.outputs, output.get("data") or (), strict=False))
        raise FailedError(f"{name}: the stream ended")

    def _changed(self, changes: dict[str, Any]) -> None:
        if isinstance(record := changes.get("record"), str):
            self.record = record


def _ok(response: httpx.Response) -> httpx.Response:
    if response.status_code != 200:
        response.read()
        raise FailedError(f"{response.request.url.path}: {response.status_code} {response.text}")
    return response
