"""What programs and assistants may ask: the same as a student, as JSON. Knows no protocol.

`endpoints` offers it by HTTP, `mcp_server` as tools. Programs share the queue and the limits with
the students' pages.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from seminar_rag.errors import SeminarError
from seminar_rag.types import AnswerEvent, Scope
from seminar_rag.types.as_json import answer_json, passage_json, report_json
from seminar_rag.ui.shared.browser import scope_of
from seminar_rag.ui.shared.limits import (
    CRASHED,
    TOO_MANY_WAIT,
    Limits,
    Turns,
    question_problem,
    text_problem,
    too_often,
)
from seminar_rag.ui.shared.logs import told_of

if TYPE_CHECKING:
    from seminar_rag.course import Course

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

    def __init__(self, course: Course, limits: Limits, turns: Turns) -> None:
        """Args:
        limits, turns: those of the pages, which programs share.
        """
        self._course = course
        self._limits = limits
        self._turns = turns
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

        _fitting(question, question_problem)
        return await self._in_turn(self._turns, client, question, work)

    async def sources(
        self, client: str, question: str, scope: Scope, most: int
    ) -> list[dict[str, Any]]:
        """The passages that fit a question best, best first. Raises as `ask`."""
        _fitting(question, question_problem)
        count = max(1, min(most, MOST_PASSAGES))

        def work() -> list[dict[str, Any]]:
            hits = self._course.search(question, count, scope)
            return [
                {"score": round(hit.score, 4), **passage_json(hit.document, hit.passage)}
                for hit in hits
            ]

        return await self._in_turn(self._turns, client, question, work)

    async def check(self, client: str, text: str) -> dict[str, Any]:
        """The claims of a text against the readings, as `seminar-rag check --json` prints it.

        Raises as `ask`. One text at a time is checked.
        """
        _fitting(text, text_problem)

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
        if wait := self._limits.admit(f"program {client}", client):
            raise RefusedError(too_often(wait))
        if not turns.join(key, client):
            raise RefusedError(TOO_MANY_WAIT)
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


def _fitting(text: str, problem: Callable[[str], str]) -> None:
    if not text.strip():
        raise RefusedError(BLANK)
    if problem(text):
        raise RefusedError(problem(text))


@contextmanager
def refusing(kind: Callable[[str], Exception]) -> Iterator[None]:
    """Turns an error whose message says what to do into one of a protocol; hides all others."""
    try:
        yield
    except SeminarError as error:
        raise kind(str(error)) from None
