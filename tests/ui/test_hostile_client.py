"""Every request that the whole application answers, and what hostile clients get from each.

python -m pytest tests/ui/test_hostile_client.py -s     prints the list
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from course_site import new_key
from fake_course import STEPS, FakeCourse
from fake_desk import FakeDeskCourse
from fastapi.testclient import TestClient
from serving import http_scope

from seminar_rag.types import Scope
from seminar_rag.ui.app import build_app
from seminar_rag.ui.chat.chat import Chat
from seminar_rag.ui.lti.claims import Platform
from seminar_rag.ui.lti.launch import Launches
from seminar_rag.ui.shared.browser import to_record
from seminar_rag.ui.shared.conversation import Conversation
from seminar_rag.ui.shared.gate import (
    ANYONE,
    COURSES_OPEN,
    DESK_OPEN,
    KEY,
    OPEN,
    SESSION,
    Gate,
    Opening,
)
from seminar_rag.ui.shared.limits import Limits

pytest.importorskip("mcp", reason="the mcp extra is not installed")
pytestmark = pytest.mark.slow

SIGNING = b"k" * 32
ELSEWHERE = Platform("", "", frozenset(), "", "http://127.0.0.1:1/keys", frozenset())
DESK = "/desk"
IN_FRONT = (("GET", "/login"), ("POST", "/login"), ("POST", "/logout"))
"""What stands in front of the desk's routes and answers by itself."""
ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")

EXPECTED = """
GET    /                                                           600  anyone
GET    /assets/{path}                                            20000  anyone
POST   /check/text                                  8 MB 60 s      600  anyone
GET    /config                                                     600  anyone
GET    /config/                                                    600  anyone
GET    /desk                                                     20000  the desk's login
GET    /desk/                                                      600  the desk's login
GET    /desk/assets/{path}                                       20000  the desk's login
GET    /desk/config                                                600  the desk's login
GET    /desk/config/                                               600  the desk's login
GET    /desk/export/backup.zip                                     600  the desk's login
GET    /desk/export/{name}                                         600  the desk's login
GET    /desk/favicon.ico                                           600  the desk's login
POST   /desk/files                                  256 MB         600  the desk's login
POST   /desk/gradio_api/api/{api_name}              4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/api/{api_name}/             4 MB 20 s     3000  the desk's login
GET    /desk/gradio_api/app_id                                     600  the desk's login
GET    /desk/gradio_api/app_id/                                    600  the desk's login
POST   /desk/gradio_api/call/{api_name}             4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/call/{api_name}/            4 MB 20 s     3000  the desk's login
GET    /desk/gradio_api/call/{api_name}/{event_id}                3000  the desk's login
POST   /desk/gradio_api/cancel                      4 MB 20 s     3000  the desk's login
GET    /desk/gradio_api/heartbeat/{session_hash}                  3000  the desk's login
GET    /desk/gradio_api/info                                       600  the desk's login
GET    /desk/gradio_api/info/                                      600  the desk's login
GET    /desk/gradio_api/queue/data                                3000  the desk's login
POST   /desk/gradio_api/queue/join                  4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/reset                       4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/reset/                      4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/run/{api_name}              4 MB 20 s     3000  the desk's login
POST   /desk/gradio_api/run/{api_name}/             4 MB 20 s     3000  the desk's login
GET    /desk/gradio_api/startup-events                             600  the desk's login
GET    /desk/gradio_api/theme.css                                  600  the desk's login
POST   /desk/gradio_api/upload                      64 MB          600  the desk's login
GET    /desk/gradio_api/upload_progress                            600  the desk's login
GET    /desk/login                                                 600  anyone
POST   /desk/login                                  4 KB 20 s      600  anyone
POST   /desk/logout                                 4 KB 20 s      600  the desk's login
GET    /desk/manifest.json                                         600  the desk's login
POST   /desk/page                                   256 MB         600  the desk's login
POST   /desk/place                                  64 KB 20 s     600  the desk's login
GET    /desk/pwa_icon                                              600  the desk's login
GET    /desk/pwa_icon/{size}                                       600  the desk's login
GET    /desk/robots.txt                                            600  the desk's login
GET    /desk/static/{path}                                       20000  the desk's login
GET    /desk/svelte/{path}                                       20000  the desk's login
GET    /desk/theme.css                                             600  the desk's login
POST   /desk/undo                                   64 KB 20 s     600  the desk's login
POST   /export.md                                   4 MB 20 s      600  anyone
POST   /export.pdf                                  4 MB 20 s      600  anyone
GET    /favicon.ico                                                600  anyone
GET    /find                                                      3000  anyone
POST   /gradio_api/api/{api_name}                   4 MB 20 s     3000  anyone
POST   /gradio_api/api/{api_name}/                  4 MB 20 s     3000  anyone
GET    /gradio_api/app_id                                          600  anyone
GET    /gradio_api/app_id/                                         600  anyone
POST   /gradio_api/call/{api_name}                  4 MB 20 s     3000  anyone
POST   /gradio_api/call/{api_name}/                 4 MB 20 s     3000  anyone
GET    /gradio_api/call/{api_name}/{event_id}                     3000  anyone
POST   /gradio_api/cancel                           4 MB 20 s     3000  anyone
GET    /gradio_api/heartbeat/{session_hash}                       3000  anyone
GET    /gradio_api/info                                            600  anyone
GET    /gradio_api/info/                                           600  anyone
GET    /gradio_api/queue/data                                     3000  anyone
POST   /gradio_api/queue/join                       4 MB 20 s     3000  anyone
POST   /gradio_api/reset                            4 MB 20 s     3000  anyone
POST   /gradio_api/reset/                           4 MB 20 s     3000  anyone
POST   /gradio_api/run/{api_name}                   4 MB 20 s     3000  anyone
POST   /gradio_api/run/{api_name}/                  4 MB 20 s     3000  anyone
GET    /gradio_api/startup-events                                  600  anyone
GET    /gradio_api/theme.css                                       600  anyone
GET    /health                                                     600  anyone
GET    /key/{reading}                                             3000  anyone
GET    /lti/keys                                                   600  anyone
POST   /lti/launch                                  64 KB 20 s    3000  anyone
GET    /lti/login                                                 3000  anyone
POST   /lti/login                                   64 KB 20 s    3000  anyone
GET    /manifest.json                                              600  anyone
DELETE /mcp                                         4 MB 20 s      600  anyone
GET    /mcp                                                        600  anyone
POST   /mcp                                         4 MB 20 s      600  anyone
GET    /pwa_icon                                                   600  anyone
GET    /pwa_icon/{size}                                            600  anyone
GET    /readings.bib                                               600  anyone
GET    /readings.json                                              600  anyone
GET    /readings.ris                                               600  anyone
GET    /robots.txt                                                 600  anyone
GET    /static/{path}                                            20000  anyone
GET    /study/session/{number}                                     600  anyone
GET    /study/sessions                                             600  anyone
GET    /study/{number}.apkg                                        600  anyone
GET    /study/{number}.md                                          600  anyone
GET    /study/{number}.pdf                                         600  anyone
GET    /svelte/{path}                                            20000  anyone
GET    /table.csv                                                  600  anyone
GET    /table.docx                                                 600  anyone
GET    /table.md                                                   600  anyone
GET    /table/cell                                                3000  anyone
GET    /table/rows                                                3000  anyone
GET    /theme.css                                                  600  anyone
POST   /v1/chat/completions                         4 MB 20 s      600  [serve] api_key, if set
GET    /v1/models                                                  600  [serve] api_key, if set
GET    /view/{document}                                           3000  anyone
GET    /view/{document}/{page}.jpg                                3000  anyone
GET    /view/{document}/{page}.json                               3000  anyone
"""
"""What is open. Whoever adds a line says why it has to be.

Method, path, bytes and seconds of a body, requests a minute of one address, what they need."""
Endpoint = tuple[str, str]


# The list -------------------------------------------------------------------------------------


def routes(app: Any, root: str = "") -> Iterator[Endpoint]:
    """Every method and path that an application and those mounted in it have."""
    while not hasattr(app, "routes") and hasattr(app, "_app"):  # the desk's door, its gate
        app = app._app
    for one in getattr(app, "routes", ()):
        router = getattr(one, "original_router", None) or getattr(one, "router", None)
        path = root + (getattr(one, "path", "") or "")
        if methods := getattr(one, "methods", None):
            yield from ((method, path) for method in methods if method != "HEAD")
        elif hasattr(one, "endpoint"):  # of any method
            yield from ((method, path) for method in ANY)
        elif getattr(one, "app", None) is not None:
            yield from routes(one.app, path)
        elif router is not None:
            context = getattr(one, "include_context", None)
            yield from routes(router, path + str(getattr(context, "prefix", "")))
    if hasattr(behind := getattr(app, "default", None), "routes"):
        yield from routes(behind, root)


def example(path: str) -> str:
    """An address that a route's path stands for."""
    path = re.sub(r"\{(?:page|size|number)(?::\w+)?\}", "7", path)
    return re.sub(r"\{[^}]*\}", "x.csv" if "/export/" in path else "x", path)


def found(openings: tuple[Opening, ...], method: str, path: str) -> Opening | None:
    """The first of the openings that lets a request through."""
    fits = (one for one in openings if method in one.method.split("|"))
    return next((one for one in fits if one.path.fullmatch(path)), None)


def opening(method: str, path: str) -> Opening | None:
    """What lets a request through: of the desk, what its own list says."""
    outer = found(OPEN, method, path)
    below = path.removeprefix(DESK)
    if outer is None or not outer.stream or not below:
        return outer
    return found(DESK_OPEN, method, below)


@pytest.fixture(scope="module")
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture(scope="module")
def app(course, tmp_path_factory):
    desk = FakeDeskCourse(folder=tmp_path_factory.mktemp("desk"))
    return build_app(
        *(course, Limits(0, 0), desk),
        mcp=True,
        host="0.0.0.0",
        key=SIGNING,
        api_key="the key",
        launches=Launches(ELSEWHERE, new_key()),
    )


@pytest.fixture(scope="module")
def client(app) -> Iterator[TestClient]:
    with TestClient(app) as running:
        yield running


@pytest.fixture(scope="module")
def answered(app) -> dict[Endpoint, Opening]:
    """What lets each request through that the application answers."""
    inside = {(method, DESK + path) for method, path in IN_FRONT}
    found = sorted(set(routes(app)) | inside, key=lambda one: (one[1], one[0]))
    return {
        (method, re.sub(r":\w+\}", "}", path)): lets
        for method, path in found
        if (lets := opening(method, example(path))) is not None
    }


def told(endpoints: dict[Endpoint, Opening]) -> str:
    """The list: method, path, bytes and seconds of a body, requests a minute of one address, and
    who may make them."""
    rows = []
    for (method, path), lets in endpoints.items():
        size = f"{lets.largest >> 10} KB" if lets.largest < 1 << 20 else f"{lets.largest >> 20} MB"
        streamed = "256 MB" if path in ("/desk/files", "/desk/page") else "64 MB"
        body = (
            "" if method == "GET" else streamed if lets.stream else f"{size} {lets.seconds:.0f} s"
        )
        rows.append(f"{method:7}{path:45}{body:12}{lets.rate:>6}  {lets.who}")
    return "\n".join(rows)


def test_what_is_open_is_what_is_listed_here_with_its_limits(app, answered):
    every = set(routes(app))
    assert ("POST", "/gradio_api/upload") in every, "Gradio's routes are found"
    assert ("POST", "/desk/gradio_api/upload") in every, "the desk's routes are found"
    assert len(every) > 140
    print(f"\n{told(answered)}")
    assert told(answered) == EXPECTED.strip("\n")


def test_beside_other_courses_a_course_answers_the_same_and_the_entrance_little(app):
    for method, path in sorted(set(routes(app))):
        alone = found(OPEN, method, example(path))
        beside = found(COURSES_OPEN, method, f"/c/one{example(path)}")
        assert alone == (beside and replace(beside, path=alone and alone.path)), (method, path)
    every = {one for one in set(routes(app)) if found(COURSES_OPEN, one[0], example(one[1]))}
    assert every == {("GET", "/"), ("GET", "/health")}


def test_every_other_route_is_not_found(app, client):
    closed = [(m, example(path)) for m, path in routes(app)]
    closed = [one for one in closed if opening(*one) is None and not one[1].startswith(DESK)]
    assert len(closed) > 20
    for method, path in closed:
        answer = client.request(method, path)
        assert (answer.status_code, answer.content) == (404, b""), (method, path)


def test_who_is_nobody_reaches_what_is_for_anyone_alone(client, answered):
    for (method, path), lets in answered.items():
        if lets.who != ANYONE:
            answer = client.request(method, example(path), follow_redirects=False)
            to = answer.headers.get("location", "").removeprefix("http://testserver")
            login = lets.who == SESSION and to in ("/desk/", "/desk/login")
            assert answer.status_code == 401 or login, (path, answer.status_code, to)
    assert {lets.who for lets in answered.values()} == {ANYONE, KEY, SESSION}


# Bodies ---------------------------------------------------------------------------------------

MALFORMED = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"3",
    b'"x"',
    b"\x00" * 100,
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"data": null}',
    b'{"data": {}, "session_hash": []}',
    b'{"data": [1e999], "fn_index": "a"}',
    b'{"data": ["\\ud800"], "session_hash": "\\ud800"}',
    b'{"data": [["a"]], "fn_index": -1, "session_hash": "x"}',
    b'{"data": [], "fn_index": 99999, "session_hash": "x"}',
    b'{"event_id": 5, "session_hash": null, "fn_index": null}',
    b'{"model": 5, "messages": []}',
    b'{"model": "session-\xd9\xa1", "messages": [{"role": "user", "content": "a"}]}',
    b'{"model": "course", "messages": [{"role": "user", "content": "\\ud800"}]}',
    b'{"jsonrpc": "2.0", "id": {}, "method": 5}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask_readings",'
    b' "arguments": {"question": ["x"], "sessions": "a"}}}',
    b'{"record": 5}',
    b'{"record": "{}", "title": 5}',
    b'{"record": "{\\"v\\":1,\\"id\\":\\"x\\",\\"exchanges\\":[{\\"question\\":\\"\\\\u0000\\",'
    b'\\"state\\":\\"done\\",\\"text\\":\\"a\\\\u0000\\\\ud800\\"}]}"}',
)
JSON = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "authorization": "Bearer the key",
}


def test_a_malformed_body_is_refused_and_breaks_nothing(client, answered):
    for method, path in answered:
        if method != "GET":
            for body in MALFORMED:
                answer = client.request(method, example(path), content=body, headers=JSON)
                assert answer.status_code < 500, (path, body[:80], answer.text[:200])
    assert client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    "path",
    [
        "/view/%00",
        "/view/..%2f..%2fetc%2fpasswd",
        "/view/x/99999999999999999999.jpg",
        "/view/rag/1.jpg?width=-5",
        "/view/rag?section=%ff&quote=" + "a" * 9_000,
        "/key/%00",
        "/key/" + "a" * 9_000,
        "/table/cell?reading=%00&question=%ff",
        "/table/cell?reading=rag&question=" + "a" * 9_000,
        "/study/session/99999",
        "/study/00000.apkg",
        "/table/rows?session=99999999999999999999",
        "/table.docx?question=a&reading=" + "&reading=rag" * 500,
        "/static/..%2f..%2fapp.py",
        "/assets/%00",
        "/svelte/..%2f..%2f..%2fetc%2fpasswd",
        "/pwa_icon/9999",
        "/gradio_api/call/ask/nobody",
        "/gradio_api/queue/data?session_hash=nobody",
        "/?__theme=%ff",
    ],
    ids=lambda path: path[:30],
)
def test_a_strange_address_is_answered(client, path):
    assert client.get(path).status_code < 500


CHUNK = 1 << 16


def test_a_large_body_is_refused_before_it_is_read_whole(app, answered):
    """Also when the client does not say how large it is."""
    for (method, path), lets in answered.items():
        if method == "GET" or lets.who == SESSION:
            continue
        for said in (True, False):
            read, status = large(app, method, example(path), lets.largest * 10, said=said)
            assert status == 413, path
            assert read <= (0 if said else lets.largest + CHUNK), path


def large(app: Any, method: str, path: str, size: int, *, said: bool) -> tuple[int, int]:
    """Send a body; returns how much of it was read, and the status of the answer."""
    read, statuses = 0, []

    async def receive():
        nonlocal read
        read += CHUNK
        return {"type": "http.request", "body": b" " * CHUNK, "more_body": read < size}

    async def answer(message):
        statuses.append(message.get("status"))

    headers = [(b"content-length", str(size).encode())] if said else []
    asyncio.run(app(http_scope(method, path, headers=headers), receive, answer))
    return read, statuses[0]


async def behind(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads what comes and says that all is well."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def asked(gated: Gate, endpoint: Endpoint, address: str, *, half: bool = False) -> int:
    statuses: list[int] = []

    async def receive():
        if half and statuses == []:
            statuses.append(0)
            return {"type": "http.request", "body": b"{", "more_body": True}
        await asyncio.sleep(60 if half else 0)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def answer(message):
        statuses.append(message.get("status"))

    method, path = endpoint
    await gated(http_scope(method, example(path), address), receive, answer)
    return statuses[1 if half else 0]


def gates(**changed: Any) -> Callable[[str], tuple[Gate, str]]:
    """The gates of the page and of the desk with other limits: which one guards a path."""
    page, desk = (
        Gate(behind, tuple(replace(one, **changed) for one in some), root)
        for some, root in ((OPEN, ""), (DESK_OPEN, DESK))
    )

    def of(path: str) -> tuple[Gate, str]:
        inside = path.startswith(f"{DESK}/") and not path.endswith(("/login", "/logout"))
        return (desk, DESK) if inside else (page, "")

    return of


def test_a_slow_body_is_given_up_and_keeps_nobody_waiting(answered):
    of = gates(seconds=0.3)
    slow = [one for one, lets in answered.items() if one[0] != "GET" and not lets.stream]
    assert len(slow) > 20

    async def go() -> None:
        halves = [asked(of(path)[0], (m, path), "192.0.2.1", half=True) for m, path in slow]
        others = [asked(of(path)[0], (m, path), "192.0.2.2") for m, path in slow]
        found = await asyncio.gather(*halves, *others)
        assert found == [408] * len(slow) + [200] * len(slow)

    asyncio.run(go())


def test_one_address_asks_only_so_often_and_others_go_on(answered):
    async def go() -> None:
        for method, path in answered:
            gated, _ = gates(rate=3)(path)
            often = [await asked(gated, (method, path), "192.0.2.1") for _ in range(5)]
            assert often == [200, 200, 200, 429, 429], path
            assert await asked(gated, (method, path), "192.0.2.2") == 200

    asyncio.run(go())


# Records --------------------------------------------------------------------------------------


@pytest.fixture
def wish(client) -> Callable[..., int]:
    """Sends what the page's script sends for an act; returns the status of the answer."""
    events = client.get("/config").json()["dependencies"]
    act = next(one["id"] for one in events if "seminar.wish()" in str(one["js"]))

    def send(page: str, **wanted: Any) -> int:
        body = {"data": [json.dumps(wanted), None], "fn_index": act, "session_hash": page}
        return client.post("/gradio_api/run/predict", json=body).status_code

    return send


@pytest.fixture
def record() -> dict[str, Any]:
    """A conversation with an answer that the server gave, as a browser keeps it."""
    chat = Chat(FakeCourse(pace=0.0), Limits(0, 0), key=SIGNING)
    begun, _ = chat.begin("page", STEPS, Scope(), Conversation())
    assert begun is not None
    *_, (ended, _view) = chat.answer("page", begun)
    return json.loads(to_record(ended))


def test_forged_answers_are_not_rated_and_a_given_one_once(wish, record, course):
    rate = {"do": "feedback", "exchange": 1, "says": "other", "comment": "c" * 100_000}
    (given,) = record["exchanges"]
    forged = [
        {"text": "The teacher is wrong."},
        {"question": "Is the teacher wrong?"},
        {"signed": "0" * 16 + "." + "0" * 64},
        {"citations": []},
    ]
    for number, change in enumerate(forged):
        changed = json.dumps(record | {"exchanges": [given | change]})
        assert wish(f"forger {number}", record=changed, **rate) == 200
    assert course.journal.opinions == []
    for number in range(20):
        assert wish(f"page {number}", record=json.dumps(record), **rate) == 200
    assert [answer.text for answer, *_ in course.journal.opinions] == [given["text"]]


def test_records_of_all_shapes_are_opened_or_said_to_be_unreadable(wish, record):
    (given,) = record["exchanges"]
    shapes = [
        "",
        "{}",
        "[" * 100_000,
        json.dumps(record | {"v": 2}),
        json.dumps(record | {"exchanges": [given] * 500}),
        json.dumps(record | {"exchanges": [given | {"citations": given["citations"] * 900}]}),
        json.dumps(record | {"exchanges": [given | {"text": "<script>x</script>\ud800\0" * 999}]}),
        json.dumps(record | {"exchanges": [given | {"verdicts": [{"start": 9, "end": 1}] * 99}]}),
        json.dumps(record | {"pending": {"question": STEPS, "scope": {"sessions": [10**30]}}}),
        json.dumps(record | {"exchanges": [{**given, name: {"a": []}} for name in given]}),
    ]
    assert [wish(f"shape {n}", do="open", record=one) for n, one in enumerate(shapes)] == [200] * 10


def test_what_strangers_send_is_not_printed(client, capfd):
    """Gradio prints the values of an event that fails."""
    sent = client.post("/gradio_api/call/ask", json={"data": ["my private words"] * 9})
    told = client.get(f"/gradio_api/call/ask/{sent.json()['event_id']}").text
    client.post("/gradio_api/run/ask", json={"data": ["my private words"] * 9})
    assert "error" in told
    printed = "".join(capfd.readouterr())
    assert "private" not in printed
    assert "Traceback" not in printed
