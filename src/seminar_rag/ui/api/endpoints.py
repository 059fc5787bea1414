"""Gradio endpoints for programs: /ask, /sources, /check and /readings. Imports Gradio at the top.

    from gradio_client import Client

    seminar = Client("http://127.0.0.1:7860")
    answer = seminar.predict("How does LoRA save memory?", api_name="/ask")
    print(answer["answer"], [one["reading"] for one in answer["citations"]])

The descriptions are those of the functions' docstrings; `Client.view_api()` prints them. A refusal
comes as an error whose message says what to do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from seminar_rag.ui.api.programs import Programs, refusing, scope_given
from seminar_rag.ui.shared.limits import address_of

_refusing = partial(refusing, partial(gr.Error, print_exception=False))


def add_endpoints(programs: Programs) -> None:
    """Add the endpoints to the Blocks that are being built."""

    async def ask(
        question: str,
        request: gr.Request,
        sessions: list[int] = [],  # noqa: B006 - never changed; Gradio reads the default
        readings: list[str] = [],  # noqa: B006
        kind: str = "",
        required: bool = False,
    ) -> dict[str, Any]:
        """Answer a question from the assigned readings, with a citation for every sentence.

        Args:
            question: in words, at most 2,000 characters.
            sessions: numbers of the sessions to ask; none asks all.
            readings: ids of the readings to ask, as /readings lists them; none asks all.
            kind: "readings", "notes" (by students), or "" for both.
            required: only required readings.

        Returns:
            question, answer with marks like [1], answerer, abstained (the readings don't say),
            citations (number, reading, session, page, quote, passage, url), verdicts, seconds.
        """
        with _refusing():
            scope = scope_given(sessions, readings, kind, required)
            return await programs.ask(address_of(request), question, scope)

    async def sources(
        question: str,
        request: gr.Request,
        most: int = 8,
        sessions: list[int] = [],  # noqa: B006
        readings: list[str] = [],  # noqa: B006
        kind: str = "",
        required: bool = False,
    ) -> list[dict[str, Any]]:
        """The passages of the readings that fit a question best, best first; nothing is written.

        Args:
            question: in words, at most 2,000 characters.
            most: how many passages, 1 to 50.
            sessions, readings, kind, required: as for /ask.

        Returns:
            For each passage: score, reading, kind, session, page, section, passage, url and ids.
        """
        with _refusing():
            scope = scope_given(sessions, readings, kind, required)
            return await programs.sources(address_of(request), question, scope, most)

    async def check(text: str, request: gr.Request) -> dict[str, Any]:
        """Hold every claim of a text, and every source that it cites, against the readings.

        Args:
            text: plain text or Markdown, at most 200,000 characters.

        Returns:
            summary, counts, and items: each claim with its label (supported, partly, contradicted,
            not found, not a claim), reason, evidence, and what its own citations are worth.
        """
        with _refusing():
            return await programs.check(address_of(request), text)

    async def readings() -> list[dict[str, Any]]:
        """What can be asked: every document with its title, sessions, kind, address and id."""
        with _refusing():
            return await programs.readings()

    # The line is kept by `Programs`; Gradio's own limits only would put everybody into one more.
    for one in (ask, sources, check, readings):
        gr.api(one, api_name=one.__name__, concurrency_limit=None)
