"""The view in which students test themselves: a session's guide, its quiz and its cards.

    GET /study/sessions                the sessions for which there is something
    GET /study/session/{number}        guide and items of one, as JSON with escaped HTML
    GET /study/{number}.md, .pdf       the same as a file; .apkg is a deck for Anki

Students see what the instructor has approved, and of that what still stands in the readings.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from seminar_rag.html import Template
from seminar_rag.types.study import Guide, Item
from seminar_rag.ui.chat.render import opener, opener_at
from seminar_rag.ui.export.study import TYPES, to_file
from seminar_rag.ui.shared.answering import add_handler, attachment
from seminar_rag.ui.shared.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course

HTML = Template("ui/templates/study.html")
NOTHING = "The instructor has not opened anything to study for this session."


def guide_html(guide: Guide) -> str:
    """A guide as HTML: sentences with the way to their pages."""
    told = {one.title: (one.answer, opener_at(one)) for one in guide.told}
    claims = [(title, told.get(title), [(one.quote, opener([one])) for one in found])
              for title, found in guide.claims]  # fmt: skip
    terms = [(one.name, one.citation.quote, opener([one.citation])) for one in guide.terms]
    return str(HTML.guide(guide.title, claims, terms))


def item_html(item: Item, number: int) -> str:
    """A question with its options, and the answer with its sentence, which the script unfolds."""
    return str(HTML.item(item, number, opener_at(item)))


# The addresses --------------------------------------------------------------------------------


def add_study(app: FastAPI, course: Course, limits: Limits) -> None:
    """Add the addresses above to the application."""
    one = CapacityLimiter(1)
    handlers = {"/study/sessions": _sessions, "/study/session/{number:int}": _session}
    handlers |= {f"/study/{{number:int}}.{kind}": _file for kind in TYPES}
    for path, handler in handlers.items():
        add_handler(app, path, partial(handler, course), one, limits.look)


def _sessions(course: Course, _request: Request) -> Response:
    guides = course.guides()
    found = [
        (one.number, one.shown)
        for one in course.catalogue().sessions
        if one.number in guides or course.study(one.number)
    ]
    return JSONResponse({"sessions": found, "now": course.current_session()})


def _session(course: Course, request: Request) -> Response:
    guide, items = _opened(course, request)
    return JSONResponse(
        {
            "guide": guide_html(guide) if guide else "",
            "items": [item_html(one, number) for number, one in enumerate(items, 1)],
            "remark": "" if guide or items else NOTHING,
        }
    )


def _file(course: Course, request: Request) -> Response:
    kind = request.url.path.rpartition(".")[2]
    guide, items = _opened(course, request)
    number = request.path_params["number"]
    content = to_file(guide, items, f"Session {number}", kind, course.name)
    return attachment(content, f"session-{number}.{kind}", TYPES[kind])


def _opened(course: Course, request: Request) -> tuple[Guide | None, tuple[Item, ...]]:
    number = request.path_params["number"]
    guide = course.guide(number) if number in course.guides() else None
    return guide, course.study(number)
