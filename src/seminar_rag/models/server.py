"""A language model behind an OpenAI-compatible server: vLLM, llama-server, Ollama.

Speaks `POST …/v1/chat/completions` with `stream: true` and nothing else. Nothing is contacted
before the first question is asked.
"""

from __future__ import annotations

import asyncio
import json
import math
import queue
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from seminar_rag.errors import ModelError
from seminar_rag.models.choice import STOPPED, Probabilities, conversation

if TYPE_CHECKING:
    import httpx
    from llama_index.core.base.llms.types import ChatMessage

POLL_SECONDS = 0.05
BYTES_PER_TOKEN = 3
"""UTF-8 bytes per token, low on purpose: the tokenizer is the server's. English has about 4.3."""
_MOST_BYTES_PER_TOKEN = 12
_KEY = "the API key is missing or wrong: set [llm] key"
_TOO_LONG = "it refused the request: is the prompt longer than its context window?"
_REMEDIES = {
    0: "is [llm] url that of an OpenAI-compatible server?",
    400: _TOO_LONG,
    401: _KEY,
    403: _KEY,
    404: "it knows no model {model!r}, or the URL is wrong: correct [llm] name or url",
    413: _TOO_LONG,
    422: _TOO_LONG,
    429: "it is busy: ask again in a moment",
    500: "it failed: ask again, and look into its log if it stays so",
}
"""By status code; 500 stands for all above it, 0 for all others."""
_CONTROL_TOKEN = re.compile(
    r"<[|｜]|<</?SYS>>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|</?(?:s|think|tool_call|tool_response)>"
    r"|<(?:bos|eos|pad|unk|(?:start|end)_of_turn|end_of_utterance|(?:unused|extra_id_)\d{1,4})>",
    re.IGNORECASE,
)
_TOP = 10
"""Likeliest tokens that are asked for with their probabilities; servers allow 20 at most."""
_THINK, _THOUGHT = "<think>", "</think>"


class OpenAICompatible:
    """One chat model of one server. The request runs in a thread of its own, so that `stop` ends it
    at once, even while the server is still reading the prompt: the connection is closed, which
    makes the servers named above give the work up."""

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        context: int = 8192,
        timeout: float = 120.0,
    ) -> None:
        """Args:
        url: "http://127.0.0.1:8080", with or without "/v1" or "/v1/chat/completions".
        api_key: sent as a bearer token; appears in no message.
        context: the server's window in tokens; it does not tell.
        timeout: longest silence in seconds, the reading of the prompt included.

        Raises:
            ModelError: the URL is not one of http or https.
        """
        self.url = endpoint(url)
        self.model = model
        self.name = model
        self.context = context
        self.speed: float | None = None
        self._key = api_key
        self._timeout = timeout

    def count(self, text: str) -> int:
        """An upper estimate of the number of tokens of a text."""
        return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)

    def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The answer in pieces; see `LLM.stream`. What a model thinks aloud is left out."""
        body = self._body(messages, max_tokens) | {"stream": True}
        room = max_tokens * _MOST_BYTES_PER_TOKEN
        for piece in _without_thoughts(_pumped(self._ask(body), stop)):
            room -= len(piece.encode("utf-8", "replace"))
            if room < 0:
                raise ModelError(
                    f"The model server at {self.url} wrote on beyond the limit of {max_tokens} "
                    "tokens - ask again, or choose another model in [llm] name."
                )
            yield piece

    def choose(
        self,
        system: str,
        examples: Sequence[tuple[str, str]],
        questions: Sequence[str],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
    ) -> Probabilities:
        """How likely each answer is, one request a question; see `Chooser.choose`. Where the server
        gives no probabilities, the answer that the model writes is certain."""
        out = [
            self.weigh(conversation(system, examples, question), answers, stop)
            for question in questions
        ]
        return np.array(out).reshape(len(out), len(answers))

    def weigh(
        self,
        messages: Sequence[ChatMessage],
        answers: Sequence[str],
        stop: Callable[[], bool] = lambda: False,
        then: Sequence[ChatMessage] = (),  # noqa: ARG002 - an answer ends what a server reads
    ) -> Probabilities:
        """How likely each answer is to the last message; see `Chooser.weigh`."""
        body = self._body(messages, 1) | {"logprobs": True, "top_logprobs": _TOP}
        reply = "".join(_pumped(self._ask(body, _whole), stop))
        if stop():
            raise ModelError(STOPPED)
        return np.array(self._likely(reply, answers))

    def _body(self, messages: Sequence[ChatMessage], max_tokens: int) -> dict[str, Any]:
        """A request. What llama-server and vLLM have read of a prompt they keep by themselves for
        one that begins alike."""
        return {
            "model": self.model,
            "messages": [
                {"role": m.role.value, "content": as_plain_text(m.content or "")} for m in messages
            ],
            "max_tokens": max_tokens,
            "temperature": 0,
        }

    def _likely(self, body: str, answers: Sequence[str]) -> list[float]:
        """The probabilities of the answers in a chat completion."""
        try:
            choice = json.loads(body)["choices"][0]
            given = (choice.get("logprobs") or {}).get("content") or []
            likely = (
                [(str(one["token"]), float(one["logprob"])) for one in given[0]["top_logprobs"]]
                if given
                else []
            )
            text = str((choice.get("message") or {}).get("content") or "")
        except (ValueError, AttributeError, LookupError, TypeError) as error:
            raise self._broken("it sent something that is not a chat completion") from error
        likely = likely or [(text, 0.0)]
        found = [
            sum(math.exp(min(0.0, weight)) for token, weight in likely if _begun(token, answer))
            for answer in answers
        ]
        return [one / sum(found) for one in found] if sum(found) else found

    async def _ask(
        self,
        body: dict[str, Any],
        read: Callable[[httpx.Response], AsyncIterator[str]] | None = None,
    ) -> AsyncIterator[str]:
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        limits = httpx.Timeout(self._timeout, connect=min(10.0, self._timeout))
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        try:
            async with (
                httpx.AsyncClient(timeout=limits, trust_env=not local) as client,
                client.stream("POST", self.url, json=body, headers=headers) as response,
            ):
                await self._require_success(response)
                async for piece in (read or self._pieces)(response):
                    yield piece
        except httpx.ConnectError as error:
            raise ModelError(
                f"The model server at {self.url} does not answer - start it, or correct [llm] url."
            ) from error
        except httpx.TimeoutException as error:
            raise ModelError(
                f"The model server at {self.url} was silent for {self._timeout:g} s - ask again, "
                "or choose a smaller model."
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._broken("the connection was lost") from error

    async def _pieces(self, response: httpx.Response) -> AsyncIterator[str]:
        """The text of the stream's events, up to its declared end."""
        ended = False
        async for line in response.aiter_lines():
            field, _, value = line.partition(":")
            if field != "data" or not value.strip():
                continue
            if value.strip() == "[DONE]":
                return
            text, finished = self._delta(value)
            ended = ended or finished
            if text:
                yield text
        if not ended:
            raise self._broken("the stream has no end")

    def _delta(self, data: str) -> tuple[str, bool]:
        """(text, whether the answer is finished) of one event."""
        try:
            event = json.loads(data)
            if error := event.get("error"):
                raise self._broken(_reason(error))
            choices = event.get("choices") or [{}]
            delta = choices[0].get("delta") or {}
            return str(delta.get("content") or ""), bool(choices[0].get("finish_reason"))
        except (ValueError, AttributeError, LookupError, TypeError) as error:
            raise self._broken("it sent something that is not a chat completion") from error

    async def _require_success(self, response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        reason = _reason_of((await response.aread()).decode("utf-8", "replace"))
        remedy = _REMEDIES.get(status, _REMEDIES[500] if status >= 500 else _REMEDIES[0])
        remedy = remedy.format(model=self.model)
        raise ModelError(f"The model server at {self.url} answered {status}{reason} - {remedy}.")

    def _broken(self, why: str) -> ModelError:
        return ModelError(
            f"The answer from the model server at {self.url} broke off ({why}) - ask again."
        )


async def _whole(response: httpx.Response) -> AsyncIterator[str]:
    """The body of an answer that is no stream."""
    yield (await response.aread()).decode("utf-8", "replace")


def as_plain_text(text: str) -> str:
    """Break the control tokens of chat templates, which some servers take out of any text. A
    reading that holds "<|im_start|>" would otherwise speak as the system."""
    return _CONTROL_TOKEN.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def _begun(token: str, answer: str) -> bool:
    """Whether a token is an answer or begins it, as "Draw" does "Drawback", which is two tokens to
    many models. One letter may as well be the article before another answer."""
    word = token.strip()
    return word == answer or (len(word) > 1 and answer.startswith(word))


def endpoint(url: str) -> str:
    """Where a model server takes messages, of its address. Raises ModelError: it is none."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelError(
            f"{url!r} is not the URL of a model server - write it like http://127.0.0.1:8080/v1 "
            "in [llm] url."
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = (path or "/v1") + "/chat/completions"
    return parts._replace(path=path, fragment="").geturl()


def _reason_of(body: str) -> str:
    """ " (what an error page says)", or nothing."""
    try:
        found = json.loads(body)
        found = _reason(found.get("error") or found.get("detail") or found.get("message") or "")
    except (ValueError, AttributeError):
        return ""
    return f" ({found})" if found else ""


def _reason(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(text or "no reason given").split())[:200]


def _pumped(pieces: AsyncIterator[str], stop: Callable[[], bool]) -> Iterator[str]:
    """An asynchronous stream, read in a thread that is cancelled as soon as `stop` says so."""
    arrived: queue.Queue[str | BaseException | None] = queue.Queue()
    loop = asyncio.new_event_loop()

    async def pump() -> None:
        async for piece in pieces:
            arrived.put(piece)

    task = loop.create_task(pump())

    def work() -> None:
        loop.run_until_complete(asyncio.wait([task]))
        arrived.put(None if task.cancelled() else task.exception())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    worker = threading.Thread(target=work, name="model-server", daemon=True)
    worker.start()
    try:
        yield from _arriving(arrived, stop)
    finally:
        with suppress(RuntimeError):  # the loop has ended by itself meanwhile
            loop.call_soon_threadsafe(task.cancel)
        worker.join(timeout=5)


def _arriving(
    arrived: queue.Queue[str | BaseException | None], stop: Callable[[], bool]
) -> Iterator[str]:
    """The pieces as they arrive, until None; an error is raised here."""
    while not stop():
        try:
            item = arrived.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        if isinstance(item, BaseException):
            raise item
        if item is None:
            return
        yield item


def _without_thoughts(pieces: Iterator[str]) -> Iterator[str]:
    """Leaves out a <think> block at the beginning, and white space before the answer."""
    held: str | None = ""
    for piece in pieces:
        if held is None:
            yield piece
            continue
        held = (held + piece).lstrip()
        if held.startswith(_THINK):
            if _THOUGHT not in held:
                continue
            held = held.split(_THOUGHT, 1)[1].lstrip()
        if held and not _THINK.startswith(held):
            yield held
            held = None
    if held and not held.startswith(_THINK):
        yield held
