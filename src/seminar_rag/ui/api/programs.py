"""What programs and assistants may ask: the same as a student, with answers as JSON.

Gradio endpoints offer it by HTTP, `mcp_server` as tools.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seminar_rag.errors import SeminarError
from seminar_rag.types import AnswerEvent, Document, Scope
from seminar_rag.types.as_json import answer_json, passage_json, report_json, study_json, table_json
from seminar_rag.ui.shared.browser import scope_of
from seminar_rag.ui.shared.limits import (
    CRASHED,
    LONGEST_CHECK,
    TOO_MANY_WAIT,
    Limits,
    Turns,
    address_of,
    question_problem,
    text_problem,
    too_often,
    within,
)
from seminar_rag.ui.shared.logs import safe_traceback

if TYPE_CHECKING:
    from seminar_rag.course import Course

log = logging.getLogger(__name__)

MOST_PASSAGES = 50
MOST_CELLS = 120
"""Cells of a table that are filled at once."""
PATIENCE = 0.1
"""Seconds between two looks at the place in the queue."""
BLANK = "Nothing was asked: the text is empty."
KINDS = {"": [], "readings": ["paper", "abstract"], "notes": ["notes"]}

T = TypeVar("T")


class DeclinedError(SeminarError):
    """A request that cannot be answered as it is, or not now; the message says what to do."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Programs:
    """Asks a course on behalf of programs, which share the limits and the queue of the pages."""

    def __init__(self, course: Course, limits: Limits, turns: Turns) -> None:
        self.course = course
        self._limits = limits
        self._turns = turns
        self._checks = Turns(slots=1)

    async def run(self, client: str, text: str, work: Callable[[], T], *, check: bool = False) -> T:
        """Do blocking work in a thread once its turn has come.

        The turn is held until the work has ended, also where who asked is gone before.

        Args:
            text: what was asked, or the text that is checked; it is not logged.
            check: the work checks a text, which is done for one at a time.

        Raises:
            DeclinedError: too often, too many, too long or blank; or the work fails.
            SeminarError: as the course raises.
        """
        if not text.strip():
            raise DeclinedError(BLANK)
        if problem := (text_problem if check else question_problem)(text):
            raise DeclinedError(problem)
        if wait := self._limits.admit(f"program {client}", client):
            raise DeclinedError(too_often(wait), 429)
        turns, key = self._checks if check else self._turns, f"program {secrets.token_hex(8)}"
        if not turns.join(key, client):
            raise DeclinedError(TOO_MANY_WAIT, 503)
        try:
            while turns.place(key)[0]:
                await asyncio.sleep(PATIENCE)
        except BaseException:
            turns.leave(key)
            raise
        turns.begin(key)
        working = asyncio.ensure_future(asyncio.to_thread(work))
        working.add_done_callback(lambda _: turns.leave(key))
        try:
            return await asyncio.shield(working)  # a thread cannot be cancelled
        except SeminarError:
            raise
        except Exception as error:  # noqa: BLE001 - logged below, without what was asked
            log.error("a program could not be answered: %s", safe_traceback(error, text))
            raise DeclinedError(CRASHED, 500) from None


def _answer(course: Course, question: str, scope: Scope) -> dict[str, Any]:
    for event in course.ask(question, scope=scope):
        if isinstance(event, AnswerEvent):
            return answer_json(event.answer)
    raise DeclinedError(CRASHED)


def _passages(course: Course, question: str, most: int, scope: Scope) -> list[dict[str, Any]]:
    hits = course.search(question, max(1, min(most, MOST_PASSAGES)), scope)
    return [
        {"score": round(hit.score, 4), **passage_json(hit.document, hit.passage)} for hit in hits
    ]


def _report(course: Course, text: str) -> dict[str, Any]:
    checking = course.check(text)
    for _ in within(LONGEST_CHECK, checking):
        pass
    return report_json(checking.report())


def _table(course: Course, questions: list[str], scope: Scope) -> dict[str, Any]:
    if len(questions) * len(course.rows(scope)) > MOST_CELLS:
        raise DeclinedError(f"more than {MOST_CELLS} cells — name a session, or ask less at once")
    found = [one for number in scope.sessions for one in course.differences(number)]
    return table_json(course.compare(questions, scope)) | {"differences": [*map(asdict, found)]}


def _differences(course: Course, session: int | None) -> list[dict[str, Any]]:
    return [*map(asdict, course.differences(session or None))]


def _study(course: Course, session: int) -> dict[str, Any]:
    guide = course.guide(session) if session in course.guides() else None
    return study_json(guide, course.study(session))


def _reading(document: Document) -> dict[str, Any]:
    return {
        "reading_id": document.reading,
        "title": document.title,
        "authors": document.authors,
        "kind": document.kind,
        "sessions": list(document.sessions),
        "required": document.section == "required",
        "url": document.url,
    }


def scope_given(sessions: object, readings: object, kind: object, required: object) -> Scope:
    """Read the scope that a program names. Raises DeclinedError: `kind` is none of "readings" and
    "notes"."""
    if kind not in KINDS:
        raise DeclinedError(f'kind is {kind!r} — give "readings", "notes", or "" for both')
    return scope_of(
        {"sessions": sessions, "readings": readings, "kinds": KINDS[kind], "required": required}
    )


# As functions of a protocol -------------------------------------------------------------------


def functions(
    programs: Programs,
    request_type: type,
    client_of: Callable[[Any], str],
    refusal: Callable[[str], Exception],
) -> list[Callable[..., Any]]:
    """Make the functions that a protocol offers: ask, sources, check, table, differences, study,
    readings.

    Their docstrings and parameters are what a program or assistant is shown.

    Args:
        request_type: of the parameter `request`, which the protocol fills in.
        client_of: the address of who sent a request.
        refusal: makes the protocol's error of a message that says what to do.
    """

    async def answered(
        request: Any,
        text: str,
        work: Callable[..., T],
        *given: Any,
        scope: tuple[object, ...] = (),
        check: bool = False,
    ) -> T:
        """What `work` gives for the course and these arguments, for who asked with this text.

        Args:
            scope: as `scope_given` takes it, the last argument where there is one; a wrong one is
                refused before it counts or waits.
        """
        with _refusing(refusal):
            scopes = [scope_given(*scope)] if scope else []
            done = partial(work, programs.course, *given, *scopes)
            return await programs.run(client_of(request), text, done, check=check)

    async def ask(
        question: str,
        request: Any,
        sessions: list[int] = [],  # noqa: B006 - never changed; protocols show the default
        readings: list[str] = [],  # noqa: B006
        kind: str = "",
        required: bool = False,
    ) -> dict[str, Any]:
        """Answer a question from the assigned readings of the seminar.

        Every sentence of the answer carries marks like [1] that stand for entries of "citations":
        reading, session, page, the quoted sentence and the whole passage. When "abstained" is
        true the readings don't say; an assistant must not answer from memory then.

        Args:
            question: One question in words, at most 2,000 characters.
            sessions: Numbers of the sessions to search; none searches all.
            readings: Ids of the readings to search, as the list of readings gives them; none
                searches all.
            kind: "readings", "notes" (written by students), or "" for both.
            required: Only readings that the course requires.
        """
        scope = sessions, readings, kind, required
        return await answered(request, question, _answer, question, scope=scope)

    async def sources(
        question: str,
        request: Any,
        most: int = 8,
        sessions: list[int] = [],  # noqa: B006
        readings: list[str] = [],  # noqa: B006
        kind: str = "",
        required: bool = False,
    ) -> list[dict[str, Any]]:
        """Find the passages of the readings that fit a question or topic best, best first.

        Each comes with its score, reading, session, page and section; nothing is written.

        Args:
            question: A question or some keywords.
            most: How many passages, 1 to 50.
            sessions: Numbers of the sessions to search; none searches all.
            readings: Ids of the readings to search; none searches all.
            kind: "readings", "notes" (written by students), or "" for both.
            required: Only readings that the course requires.
        """
        scope = sessions, readings, kind, required
        return await answered(request, question, _passages, question, most, scope=scope)

    async def check(text: str, request: Any) -> dict[str, Any]:
        """Check every claim of a text, and every source that it cites, against the readings.

        Each item is supported, partly, contradicted, not found, or not a claim, with the reason
        and the evidence, and what its own citations are worth. "complete" is false where the
        check ended early, after ten minutes.

        Args:
            text: Plain text or Markdown, with its reference list if it has one; at most 200,000
                characters.
        """
        return await answered(request, text, _report, text, check=True)

    async def table(
        questions: list[str],
        request: Any,
        sessions: list[int] = [],  # noqa: B006
        readings: list[str] = [],  # noqa: B006
        kind: str = "",
        required: bool = False,
    ) -> dict[str, Any]:
        """Put questions to every reading of a part of the course, one reading at a time.

        A row for each reading, in it a cell for each question: "says" or "perhaps" with the quoted
        sentences and their page, or "silent", or "no text". "perhaps" may miss the question. A
        question that begins with "Says that: " is a statement, of which each reading "supports",
        "contradicts" or "qualifies" it, or "speaks" of it. "differences" are sentences of two
        readings that differ, which the instructor chose.

        Args:
            questions: Up to 8 questions, each at most 300 characters.
            sessions: Numbers of the sessions; none takes all, at most 120 cells at once.
            readings: Ids of the readings; none takes all.
            kind: "readings", "notes" (written by students), or "" for both.
            required: Only readings that the course requires.
        """
        text, scope = "\n".join(questions)[:2_000], (sessions, readings, kind, required)
        return await answered(request, text, _table, questions, scope=scope)

    async def differences(request: Any, session: int = 0) -> list[dict[str, Any]]:
        """Where readings differ, as far as the instructor has looked and keeps it for students.

        Each has "said" ("contradicts", or "differs" where the sentences are less alike), the
        reason, and "one" and "other", each a sentence of a reading, word for word, with its place.

        Args:
            session: The number of a session; 0 takes all.
        """
        return await answered(request, f"session {session}", _differences, session)

    async def study(session: int, request: Any) -> dict[str, Any]:
        """What students learn a session by: its guide, and questions with their answers.

        Only what the instructor has approved, and of that what still stands in the readings. Every
        answer comes with the sentence of the reading that holds it.

        Args:
            session: The number of the session.
        """
        return await answered(request, f"session {session}", _study, session)

    async def readings() -> list[dict[str, Any]]:
        """List what can be asked: every document with its title, authors, sessions and id."""
        with _refusing(refusal):
            return [_reading(one) for one in programs.course.documents().values()]

    return [*_requested(request_type, ask, sources, check, table, differences, study), readings]


@contextmanager
def _refusing(refusal: Callable[[str], Exception]) -> Iterator[None]:
    try:
        yield
    except SeminarError as error:
        raise refusal(str(error)) from None


def _requested(request_type: type, *found: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    for one in found:
        one.__annotations__["request"] = request_type
    return found


def add_endpoints(programs: Programs) -> None:
    """Add the endpoints /ask, /sources, /check, /table, /differences, /study, /readings.

    from gradio_client import Client

    seminar = Client("http://127.0.0.1:7860")
    answer = seminar.predict("How does LoRA save memory?", api_name="/ask")
    print(answer["answer"], [one["reading"] for one in answer["citations"]])
    """
    import gradio as gr

    refusal = partial(gr.Error, print_exception=False)
    # The queue is kept by `Programs`; Gradio's own limits would only put everybody into one more.
    for one in functions(programs, gr.Request, address_of, refusal):
        gr.api(one, api_name=one.__name__, concurrency_limit=None)
