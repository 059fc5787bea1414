"""What programs and assistants may ask: the same as a student, as JSON. Knows no protocol.

`api` offers it as endpoints, `mcp_server` as tools. Programs stand in the same line and have the
same limits as pages.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from seminar_rag.errors import SeminarError
from seminar_rag.types import AnswerEvent, Scope
from seminar_rag.types.as_json import answer_json, passage_json, report_json
from seminar_rag.ui.api.logs import told_of
from seminar_rag.ui.chat.chat import (
    CRASHED,
    LONGEST_QUESTION,
    LONGEST_TEXT,
    NOT_TAKEN,
    TEXT_TOO_LONG,
    TOO_LONG,
    Chat,
    too_often,
)
from seminar_rag.ui.chat.conversations import scope_of
from seminar_rag.ui.limits import Turns

log = logging.getLogger(__name__)

MOST_PASSAGES = 50
PATIENCE = 0.1
"""Seconds between two looks at the line."""
BLANK = "Nothing was asked: the text is empty."
KINDS = {"": [], "readings": ["paper", "abstract"], "notes": ["notes"]}

T = TypeVar("T")


class RefusedError(SeminarError):
    """What was asked cannot be done now, or not so; the message says what to do."""


class Programs:
    """A course for programs. Every method may wait for its turn; none blocks the event loop."""

    def __init__(self, chat: Chat) -> None:
        """Args:
        chat: of the pages, whose line and limits are shared.
        """
        self._chat = chat
        self._course = chat.course
        self._checks = Turns(slots=1)

    async def ask(self, client: str, question: str, scope: Scope) -> dict[str, Any]:
        """The answer with its citations, as `seminar-rag ask --json` prints it.

        Args:
            client: the asker's address.

        Raises:
            RefusedError: too often, too many, too long or blank.
            SeminarError: as the course raises.
        """

        def work() -> dict[str, Any]:
            for event in self._course.ask(question, scope=scope):
                if isinstance(event, AnswerEvent):
                    return answer_json(event.answer)
            raise RefusedError(CRASHED)

        _fitting(question, LONGEST_QUESTION)
        return await self._in_turn(self._chat.turns, client, question, work)

    async def sources(
        self, client: str, question: str, scope: Scope, most: int
    ) -> list[dict[str, Any]]:
        """The passages that fit a question best, best first. Raises as `ask`."""
        _fitting(question, LONGEST_QUESTION)
        count = max(1, min(most, MOST_PASSAGES))

        def work() -> list[dict[str, Any]]:
            hits = self._course.search(question, count, scope)
            return [
                {"score": round(hit.score, 4), **passage_json(hit.document, hit.passage)}
                for hit in hits
            ]

        return await self._in_turn(self._chat.turns, client, question, work)

    async def check(self, client: str, text: str) -> dict[str, Any]:
        """The claims of a text against the readings, as `seminar-rag check --json` prints it.

        Raises as `ask`. One text at a time is checked.
        """
        _fitting(text, LONGEST_TEXT, TEXT_TOO_LONG)

        def work() -> dict[str, Any]:
            checking = self._course.check(text)
            for _ in checking:
                pass
            return report_json(checking.report())

        return await self._in_turn(self._checks, client, text, work)

    async def readings(self) -> list[dict[str, Any]]:
        """Every document that can be asked, with the ids that narrow a question to it."""
        return [
            {
                "reading_id": one.reading,
                "title": one.title,
                "authors": one.authors,
                "kind": one.kind,
                "sessions": list(one.sessions),
                "required": one.section == "required",
                "url": one.url,
            }
            for one in self._course.documents().values()
        ]

    async def _in_turn(self, turns: Turns, client: str, private: str, work: Callable[[], T]) -> T:
        key = f"program {secrets.token_hex(8)}"
        if wait := self._chat.limits.admit(f"program {client}", client):
            raise RefusedError(too_often(wait))
        if not turns.join(key, client):
            raise RefusedError(NOT_TAKEN)
        try:
            while turns.place(key)[0]:
                await asyncio.sleep(PATIENCE)
            turns.begin(key)
            return await asyncio.to_thread(work)
        except SeminarError:
            raise
        except Exception as error:  # noqa: BLE001 - told below, without what was asked
            log.error("a program could not be answered: %s", told_of(error, private))
            raise RefusedError(CRASHED) from None
        finally:
            turns.leave(key)


def scope_given(sessions: object, readings: object, kind: object, required: object) -> Scope:
    """The scope that a program names.

    Raises:
        RefusedError: `kind` is none of "readings" and "notes".
    """
    if kind not in KINDS:
        raise RefusedError(f'kind is {kind!r} — give "readings", "notes", or "" for both')
    return scope_of(
        {"sessions": sessions, "readings": readings, "kinds": KINDS[kind], "required": required}
    )


def _fitting(text: str, most: int, too_long: str = TOO_LONG) -> None:
    if not text.strip():
        raise RefusedError(BLANK)
    if len(text) > most:
        raise RefusedError(too_long.format(length=len(text), limit=most))
