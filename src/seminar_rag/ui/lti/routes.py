"""What a course site asks for by LTI 1.3, as addresses of the application.

    GET, POST /lti/login     the first step of a launch: on to the course site's login
    POST      /lti/launch    the second: the chat, the desk, or what to place on a course page
    GET       /lti/keys      the public key of what is placed

A student needs no account and gets no cookie but that of the launch. What was verified decides
where the browser goes and whether it may enter the desk; nothing of it is kept or logged but ids of
courses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from seminar_rag.errors import SeminarError
from seminar_rag.html import Template
from seminar_rag.ui.lti.claims import DESK, LaunchError, Placement
from seminar_rag.ui.lti.launch import STATE_SECONDS, Launch, Launches
from seminar_rag.ui.shared.gate import policy, set_cookie

if TYPE_CHECKING:
    from fastapi import FastAPI

    from seminar_rag.course import Course

log = logging.getLogger(__name__)

Answering = Callable[[Request], Awaitable[Response]]

PAGE = Template("ui/templates/lti.html")
PATH = "/lti"
MOST_FIELDS = 50
RULES = ("default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'")
"""The policy of the page from which a form goes to the course site; it runs no script."""
NOBODY = "The course site lets nobody in. It says: {said}"
NO_DESK = "This course has no desk here."
NOT_AN_INSTRUCTOR = "The desk is for the instructors of the course."
NOT_LISTED = (
    "The desk opens for the instructors of the courses that [lti] courses lists. Add {course!r}"
    " there and restart, or log in at the desk with its password."
)
NO_COOKIE = (
    "Your browser keeps no cookies in this frame, so the desk cannot open in it. Set the course"
    " site to open this link in a new window, or log in at the desk with its password."
)


class Site:
    """The course site's way in."""

    def __init__(
        self,
        launches: Launches,
        course: Course,
        framed_by: str = "",
        let_in: Callable[[Response], None] | None = None,
        root: str = "",
    ) -> None:
        """Args:
        root: the path at which the application lies on its server.
        let_in: opens the desk for whoever gets the response; None where there is no desk.
        """
        self._launches = launches
        self._course = course
        self._rules = {"content-security-policy": policy(framed_by, RULES)}
        self._let_in = let_in
        self._cookie_path = root + PATH
        self._one_at_a_time = asyncio.Semaphore()

    def add_to(self, app: FastAPI) -> None:
        """Add the addresses above to the application."""
        app.add_route(f"{PATH}/login", self._answering(self._login), methods=["GET", "POST"])
        app.add_route(f"{PATH}/launch", self._answering(self._launch), methods=["POST"])
        app.add_route(f"{PATH}/keys", lambda _request: JSONResponse(self._launches.keys))

    def _answering(self, work: Answering) -> Answering:
        async def answer(request: Request) -> Response:
            try:
                response = await work(request)
            except LaunchError as refusal:
                log.warning("a launch from the course site was refused: %s", refusal)
                response = self._refused(str(refusal))
            except SeminarError as error:
                response = self._refused(str(error), 503)
            response.headers["cache-control"] = "no-store"
            return response

        return answer

    def _refused(self, problem: str, status: int = 403) -> Response:
        return HTMLResponse(PAGE.refused(self._course.name, problem), status)

    async def _login(self, request: Request) -> Response:
        sent = await _fields(request)
        to, cookie, value = self._launches.begin(sent, _launch_url(request))
        response = RedirectResponse(to, 303)
        set_cookie(response, cookie, value, STATE_SECONDS, self._cookie_path)
        return response

    async def _launch(self, request: Request) -> Response:
        sent = await _fields(request)
        if "error" in sent:
            reason = sent.get("error_description") or sent["error"]
            return self._refused(NOBODY.format(said=reason[:200]))
        state, token = sent.get("state", ""), sent.get("id_token", "")
        async with self._one_at_a_time:  # it may wait for the course site
            launch = await asyncio.to_thread(self._launches.finish, state, token, request.cookies)
        if launch.placement is not None:
            where = launch.placement, _launch_url(request)
            page = await asyncio.to_thread(self._choices, launch, *where)
            return HTMLResponse(page, headers=self._rules)
        if launch.claims.wanted == DESK and (problem := self._desk_problem(launch)):
            raise LaunchError(problem)
        if self._let_in is None or not (launch.opens_desk and launch.same_browser):
            return RedirectResponse(_address(launch.claims.wanted), 303)
        response = RedirectResponse(_address(launch.claims.wanted, "?desk"), 303)
        self._let_in(response)
        return response

    def _desk_problem(self, launch: Launch) -> str:
        """Why a launch does not open the desk; "" where it does."""
        if self._let_in is None:
            return NO_DESK
        if not launch.claims.teaches:
            return NOT_AN_INSTRUCTOR
        if not launch.opens_desk:
            return NOT_LISTED.format(course=launch.claims.course)
        return "" if launch.same_browser else NO_COOKIE

    def _choices(self, launch: Launch, placement: Placement, launch_url: str) -> str:
        """The page on which an instructor chooses what to place."""
        name = self._course.name
        links = [(f"Ask the readings of {name}", "")]
        links += [
            (f"Ask the readings of session {number}{title and f': {title}'}", f"session:{number}")
            for number, title, readings, _ in self._course.sessions()
            if readings
        ]
        if launch.opens_desk:
            links.append((f"The desk of {name}", DESK))
        signed = [
            (title, self._launches.placed(placement, title, wanted, launch_url))
            for title, wanted in links
        ]
        note = "" if launch.opens_desk else NOT_LISTED.format(course=launch.claims.course)
        return str(PAGE.choices(name, placement.return_url, signed, note))


async def _fields(request: Request) -> dict[str, str]:
    """The values of a form, or of the address. Raises LaunchError."""
    sent = (
        request.url.query if request.method == "GET" else (await request.body()).decode("latin-1")
    )
    try:
        return dict(parse_qsl(sent, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise LaunchError("The course site's request has too many values.") from error


def _launch_url(request: Request) -> str:
    return f"{request.base_url}lti/launch"


def _address(wanted: str, query: str = "") -> str:
    """Where a launch leads, from where it is; the chat shows the way to the desk for "?desk"."""
    if wanted == DESK:
        return "../desk/"
    return f"../{query}#scope={wanted}" if wanted else f"../{query}"
