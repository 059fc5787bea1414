"""The course as a chat model, for clients that speak OpenAI's API.

    GET  /v1/models             the course, and each of its sessions, as models
    POST /v1/chat/completions   an answer with its sources, whole or streamed

The forms are those of OpenAI's API reference, "Chat Completions": sources are `url_citation`
annotations of the message, and Markdown links at its end for clients that show text alone. What a
language model's client may set besides (temperature, tools and so on) has no meaning here and is
ignored.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from seminar_rag.errors import SeminarError
from seminar_rag.text import numbered
from seminar_rag.types import Answer, AnswerEvent, Citation, Event, Scope, TokenEvent, Turn
from seminar_rag.ui.api.programs import DeclinedError, Programs
from seminar_rag.ui.shared.limits import address_of, from_own_page
from seminar_rag.ui.shared.wording import shortened, view_address

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from seminar_rag.course import Course

COURSE = "course"
"""The model that answers from the whole course."""
SESSION = "session-"
"""Begins the name of a model that answers from one session."""
SOURCES = "\n\nSources:\n"
"""Begins the list of sources at the end of an answer."""
MOST_MESSAGES = 400
SHOWN_QUOTE = 160
"""Characters of a quotation in the list of sources."""
_MARK = re.compile(r"\[([1-9][0-9]{0,2})\]")


class _Part(BaseModel):
    type: str
    text: str = ""


class _Message(BaseModel):
    role: str
    content: str | Annotated[list[_Part], Field(max_length=100)] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Request(BaseModel):
    model: str
    messages: Annotated[list[_Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool = False
    stream_options: _StreamOptions | None = None


class _ApiError(Exception):
    """An error in OpenAI's form."""

    def __init__(self, status: int, message: str, kind: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.code = status, kind, code

    def json(self) -> dict[str, Any]:
        error = {"message": str(self), "type": self.kind, "param": None, "code": self.code}
        return {"error": error}


@dataclass(frozen=True)
class _Asked:
    """A request that was read."""

    question: str
    history: tuple[Turn, ...]
    scope: Scope
    model: str
    base: str
    """The address of the page, to which links are made."""
    prompt: str
    """All that was sent, to count its words."""


def add_api(app: FastAPI, programs: Programs, key: str = "") -> None:
    """Add the addresses above to the application.

    Args:
        key: what a client must send as its API key; empty asks for none.
    """
    from starlette.responses import JSONResponse, StreamingResponse

    async def answered(request: Request, work: Callable[[], Any]) -> Response:
        try:
            _admit(request, key)
            return await work()  # type: ignore[no-any-return]
        except _ApiError as error:
            return JSONResponse(error.json(), error.status)
        except SeminarError as error:  # the course cannot be read now
            return JSONResponse(_ApiError(503, str(error), "server_error").json(), 503)

    async def models(request: Request) -> Response:
        async def work() -> Response:
            listed = await asyncio.to_thread(partial(_models, programs.course))
            return JSONResponse({"object": "list", "data": listed})

        return await answered(request, work)

    async def completions(request: Request) -> Response:
        async def work() -> Response:
            sent = _read(await request.body())
            asked = await asyncio.to_thread(_asked, programs.course, sent, str(request.base_url))
            events = _events(programs, address_of(request), asked)
            if not sent.stream:
                return JSONResponse(_whole(asked, await _last(events)))
            first = await anext(events)  # what is refused is refused by its status
            with_usage = sent.stream_options is not None and sent.stream_options.include_usage
            chunks = _chunks(asked, first, events, with_usage)
            return StreamingResponse(chunks, media_type="text/event-stream")

        return await answered(request, work)

    app.add_route("/v1/models", models)
    app.add_route("/v1/chat/completions", completions, methods=["POST"])


# --- requests ------------------------------------------------------------------------------------


def _admit(request: Request, key: str) -> None:
    if not from_own_page(request.headers.get):
        raise _ApiError(403, "Another site's page sent this.", "permission_error")
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key and not hmac.compare_digest(given.encode(), key.encode()):
        message = "The API key is wrong or missing. The instructor of the course has it."
        raise _ApiError(401, message, "invalid_request_error", "invalid_api_key")


def _read(body: bytes) -> _Request:
    try:
        return _Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        message = f"{where}: {first['msg']}"
        raise _ApiError(400, message, "invalid_request_error") from None


def _asked(course: Course, sent: _Request, base: str) -> _Asked:
    scope = _scope(course, sent.model)
    turns = [one for one in sent.messages if one.role in ("user", "assistant")]
    if not turns or turns[-1].role != "user":
        message = "The last message has to be a question of the user."
        raise _ApiError(400, message, "invalid_request_error")
    history = tuple(map(_turn, turns[:-1]))
    prompt = " ".join(one.text for one in sent.messages)
    return _Asked(turns[-1].text, history, scope, sent.model, base, prompt)


def _turn(message: _Message) -> Turn:
    role: Literal["user", "assistant"] = "user" if message.role == "user" else "assistant"
    return Turn(role, message.text.partition(SOURCES)[0])


def _scope(course: Course, model: str) -> Scope:
    number = model.removeprefix(SESSION)
    known = {one for one, *_ in course.sessions()}
    if model == COURSE:
        return Scope()
    if model.startswith(SESSION) and number.isdecimal() and int(number) in known:
        return Scope(sessions=frozenset({int(number)}))
    message = f"There is no model {model!r}. Take {COURSE}, or {SESSION}N with the number N."
    raise _ApiError(404, message, "invalid_request_error", "model_not_found")


def _models(course: Course) -> list[dict[str, Any]]:
    names = [(COURSE, course.name)]
    names += [(f"{SESSION}{n}", f"Session {n}: {title}") for n, title, *_ in course.sessions()]
    shared = {"object": "model", "created": 0, "owned_by": "seminar_rag"}
    return [{"id": id_, "name": name, **shared} for id_, name in names]


# --- answers -------------------------------------------------------------------------------------


async def _events(programs: Programs, client: str, asked: _Asked) -> AsyncIterator[Event]:
    """The events of an answer; who stops listening stops it, or leaves the line before its turn.
    Raises _ApiError: it cannot be answered."""
    run = partial(programs.run, client, asked.question)
    answer = programs.course.aask(asked.question, asked.history, asked.scope, run=run)
    try:
        async with aclosing(answer) as events:
            async for event in events:
                yield event
    except DeclinedError as error:
        kind = "rate_limit_exceeded" if error.status == 429 else "invalid_request_error"
        raise _ApiError(error.status, str(error), kind) from None
    except SeminarError as error:
        raise _ApiError(503, str(error), "server_error") from None


async def _last(events: AsyncIterator[Event]) -> Answer:
    answer = None
    async for event in events:
        if isinstance(event, AnswerEvent):
            answer = event.answer
    if answer is None:
        raise _ApiError(500, "The answer broke off. Ask again.", "server_error")
    return answer


def _whole(asked: _Asked, answer: Answer) -> dict[str, Any]:
    text = answer.text.rstrip() + _sources(answer.citations, asked.base)
    annotations = _annotations(answer, asked.base)
    message = {"role": "assistant", "content": text, "annotations": annotations}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {**_head(asked, "chat.completion"), "choices": [choice], "usage": _usage(asked, text)}


async def _chunks(
    asked: _Asked, first: Event, events: AsyncIterator[Event], with_usage: bool
) -> AsyncIterator[str]:
    """The lines of a streamed answer (server-sent events, one JSON chunk each)."""
    head = _head(asked, "chat.completion.chunk")

    def line(delta: dict[str, Any], ended: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": ended, "logprobs": None}
        return _line({**head, "choices": [choice]})

    yield line({"role": "assistant", "content": ""})
    written = held = ""
    event: Event | None = first
    try:
        while event is not None:
            if isinstance(event, TokenEvent):
                # White space waits for what follows it: at the end the sources do, not the answer.
                text = held + event.text
                held = text[len(text.rstrip()) :]
                if shown := text.rstrip():
                    written += shown
                    yield line({"content": shown})
            elif isinstance(event, AnswerEvent):
                answer = event.answer
                rest = "" if written else answer.text.rstrip()
                rest += _sources(answer.citations, asked.base)
                written += rest
                yield line({"content": rest, "annotations": _annotations(answer, asked.base)})
            event = await anext(events, None)
        yield line({}, "stop")
        if with_usage:
            yield _line({**head, "choices": [], "usage": _usage(asked, written)})
    except _ApiError as error:
        yield _line(error.json())
    yield "data: [DONE]\n\n"


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _head(asked: _Asked, kind: str) -> dict[str, Any]:
    id_ = f"chatcmpl-{secrets.token_hex(12)}"
    return {"id": id_, "object": kind, "created": int(time.time()), "model": asked.model}


def _usage(asked: _Asked, text: str) -> dict[str, int]:
    """Words in place of tokens: which tokens there would be depends on who writes."""
    prompt, completion = len(asked.prompt.split()), len(text.split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _address(citation: Citation, base: str) -> str:
    """Where the page opens with the sentence in its place."""
    view = view_address(citation.document.id, citation.passage.id, [citation.quote])
    return f"{base}#open={quote(view, safe='')}"


def _title(citation: Citation) -> str:
    document = citation.document
    sessions = numbered("session", document.sessions)
    # Paragraphs are counted under their heading, so that the number says nothing without it.
    heading = citation.passage.own_heading if document.unit == "paragraph" else ""
    under = f"“{heading}”" if heading and heading != document.title else ""
    facts = (document.title, sessions, under, document.place([citation.page]))
    return ", ".join(fact for fact in facts if fact)


def _sources(citations: Sequence[Citation], base: str) -> str:
    """The list of sources in Markdown, one for each number."""
    first = {one.number: one for one in reversed(citations)}
    lines = []
    for number, one in sorted(first.items()):
        quote = shortened(" ".join(one.quote.split()), SHOWN_QUOTE)
        lines.append(f"{number}. [{_plain(_title(one))}]({_address(one, base)}): “{quote}”")
    return SOURCES + "\n".join(lines) if lines else ""


def _annotations(answer: Answer, base: str) -> list[dict[str, Any]]:
    """Every mark of the text with the address of its source."""
    cited, out = {one.number: one for one in reversed(answer.citations)}, []
    for number, start, end in sorted((int(m[1]), *m.span()) for m in _MARK.finditer(answer.text)):
        if one := cited.get(number):
            place = {"start_index": start, "end_index": end}
            source = {**place, "title": _title(one), "url": _address(one, base)}
            out.append({"type": "url_citation", "url_citation": source})
    return out


def _plain(text: str) -> str:
    """A title that cannot break the Markdown link around it."""
    return text.replace("[", "(").replace("]", ")").replace("\n", " ")
