"""The door of the desk, over plain HTTP: nothing behind it answers without the password."""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fake_desk import HASH, PASSWORD, FakeDeskCourse
from serving import served

from fakes import Clock
from seminar_rag.errors import ConfigError, StoreError
from seminar_rag.ui.app import build_app
from seminar_rag.ui.desk.auth import COOKIE, LASTS, Door, Sessions
from seminar_rag.ui.desk.files import LARGEST_UPLOAD
from seminar_rag.ui.desk.password import Attempts, hashed
from seminar_rag.ui.shared.limits import client_of

pytestmark = pytest.mark.slow


# The door alone ------------------------------------------------------------------------------


class Inside:
    """What lies behind the door; counts who came in."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        self.seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


class Keys:
    """The configured hash, which may change."""

    def __init__(self) -> None:
        self.hash: str | ConfigError = HASH

    def __call__(self) -> str:
        if isinstance(self.hash, ConfigError):
            raise self.hash
        return self.hash


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def door(inside: Inside, keys: Keys, clock: Clock) -> Door:
    return Door(inside, "/desk", keys, title="<Course>", clock=clock)


def visitor(door: Door, host: str = "203.0.113.7", scheme: str = "http") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(door, client=(host, 5))
    return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://desk.test")


async def login(client: httpx.AsyncClient, password: str = PASSWORD, **headers: str):
    return await client.post("/desk/login", data={"password": password}, headers=headers)


def run(coroutine):
    import asyncio

    return asyncio.run(coroutine)


def test_without_the_password_nobody_comes_in(door, inside):
    async def go():
        async with visitor(door) as client:
            first = await client.get("/desk/")
            assert (first.status_code, first.headers["location"]) == (303, "/desk/login")
            for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
                for path in ("/desk/config", "/desk/gradio_api/queue/join", "/desk/logout"):
                    refused = await client.request(method, path)
                    assert refused.status_code == 401, (method, path)
            client.cookies.set(COOKIE, "guessed")
            assert (await client.get("/desk/config")).status_code == 401

    run(go())
    assert inside.seen == []


def test_the_right_password_opens_and_logout_shuts(door, inside):
    async def go():
        async with visitor(door) as client:
            page = await client.get("/desk/login")
            assert "&lt;Course&gt;" in page.text
            assert 'type="password"' in page.text
            assert page.headers["cache-control"] == "no-store"
            wrong = await login(client, PASSWORD + "x")
            assert wrong.status_code == 401
            assert "not the password" in wrong.text
            assert "set-cookie" not in wrong.headers
            right = await login(client)
            assert (right.status_code, right.headers["location"]) == (303, "/desk/")
            cookie = right.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert "Path=/desk" in cookie
            assert "Secure" not in cookie
            assert PASSWORD not in cookie
            assert (await client.get("/desk/config")).text == "inside"
            token = client.cookies[COOKIE]
            assert (await client.get("/desk/logout")).status_code == 405
            out = await client.post("/desk/logout")
            assert out.headers["location"] == "/desk/login"
            assert "Max-Age=0" in out.headers["set-cookie"]
            client.cookies.set(COOKIE, token)
            assert (await client.get("/desk/config")).status_code == 401

    run(go())
    assert inside.seen == ["/desk/config"]


def test_odd_cookies_of_other_programs_do_not_shut_anybody_out(door):
    async def go():
        async with visitor(door) as client:
            await login(client)
            cookie = f'odd thing; a"b=[1]; é=ü;{COOKIE}={client.cookies[COOKIE]}; b=2'
        async with visitor(door) as other:
            header = {"cookie": cookie.encode()}
            assert (await other.get("/desk/config", headers=header)).status_code == 200

    run(go())


def test_over_https_the_cookie_is_secure(door):
    async def go():
        async with visitor(door, scheme="https") as client:
            assert "Secure" in (await login(client)).headers["set-cookie"]

    run(go())


def test_in_a_frame_the_cookie_is_sent_back_from_that_frame_alone(door):
    async def go():
        async with visitor(door, scheme="https") as client:
            cookie = (await login(client, **{"sec-fetch-dest": "iframe"})).headers["set-cookie"]
            for attribute in ("SameSite=none", "Secure", "Partitioned", "HttpOnly", "Path=/desk"):
                assert f"; {attribute}" in cookie

    run(go())


def test_a_session_ends_by_itself_and_with_a_new_password(door, keys, clock):
    async def go():
        async with visitor(door) as client:
            await login(client)
            clock.now += LASTS - 1
            assert (await client.get("/desk/config")).status_code == 200
            clock.now += 2
            assert (await client.get("/desk/config")).status_code == 401
            await login(client)
            keys.hash = hashed("another password", cost=10)
            assert (await client.get("/desk/config")).status_code == 401
            keys.hash = HASH
            assert (await client.get("/desk/config")).status_code == 200

    run(go())


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.test"},
        {"origin": "http://desk.test:8080"},
        {"origin": "null"},
    ],
)
def test_other_sites_cannot_send_requests(door, inside, headers):
    async def go():
        async with visitor(door) as client:
            assert (await login(client, **headers)).status_code == 403
            await login(client)
            sent = await client.post("/desk/gradio_api/queue/join", headers=headers)
            assert sent.status_code == 403
            own = {"origin": "http://desk.test", "sec-fetch-site": "same-origin"}
            assert (await client.post("/desk/x", headers=own)).status_code == 200

    run(go())
    assert inside.seen == ["/desk/x"]


def test_guessing_has_to_wait_longer_and_longer(door, clock):
    async def go():
        async with visitor(door) as client:
            for _ in range(Attempts.FREE):
                assert (await login(client, "wrong")).status_code == 401
            blocked = await login(client)
            assert blocked.status_code == 429, "even the right password has to wait"
            assert blocked.headers["retry-after"] == "2"
            clock.now += 1.1
            assert (await login(client, "wrong")).status_code == 401
            assert (await login(client)).headers["retry-after"] == "3"
            async with visitor(door, "203.0.113.8") as other:
                assert (await login(other)).status_code == 303
            clock.now += 2.1
            assert (await login(client)).status_code == 303
            assert (await login(client, "wrong")).status_code == 401, "forgiven by success"

    run(go())


def test_a_large_form_is_refused(door):
    async def go():
        async with visitor(door) as client:
            assert (await login(client, "x" * 10_000)).status_code == 413

    run(go())


def test_a_shut_desk_says_how_to_open_it(door, keys, inside):
    async def go():
        async with visitor(door) as client:
            keys.hash = ""
            for password in ("", PASSWORD):
                shut = await login(client, password)
                assert shut.status_code == 403
                assert "seminar-rag passwd" in shut.text
            assert 'type="password"' not in (await client.get("/desk/")).text
            keys.hash = ConfigError("seminar.toml cannot be read — correct it")
            broken = await client.get("/desk/")
            assert broken.status_code == 503
            assert "correct it" in broken.text
            keys.hash = "no hash at all"
            odd = await login(client)
            assert odd.status_code == 503
            assert "seminar-rag passwd" in odd.text

    run(go())
    assert inside.seen == []


def test_websockets_are_closed(door, inside):
    sent: list[dict] = []

    async def go():
        async def send(message):
            sent.append(message)

        await door({"type": "websocket", "path": "/desk/x", "headers": []}, None, send)

    run(go())
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert inside.seen == []


def test_attempts_over_all_clients_are_bounded_but_the_owner_gets_in(clock):
    attempts = Attempts(clock)
    attempts.begin("owner")
    attempts.succeeded("owner")
    for number in range(Attempts.FREE_OF_ALL + 40):
        attempts.begin(f"10.0.0.{number}")
    assert attempts.wait("10.0.1.1") == Attempts.LONGEST / 10
    assert attempts.wait("owner") == 0
    clock.now += Attempts.LONGEST / 10
    assert attempts.wait("10.0.1.1") == 0
    for _ in range(50):
        attempts.begin("mallory")
    assert attempts.wait("mallory") == Attempts.LONGEST
    clock.now += Attempts.FORGOTTEN + 1
    assert attempts.wait("mallory") == 0


def test_memory_is_bounded(clock):
    attempts, sessions = Attempts(clock), Sessions(clock)
    for number in range(3_000):
        attempts.begin(str(number))
    assert len(attempts._clients) <= 1_000
    tokens = [sessions.begin("h") for _ in range(150)]
    assert sum(sessions.valid(token, "h") for token in tokens) == 100
    assert sessions.valid(tokens[-1], "h")


def test_a_login_outlives_the_server_until_logout_a_new_password_or_its_end(tmp_path, clock):
    file = tmp_path / "sessions.json"
    first = Sessions(clock, file)
    token, other = first.begin("h"), first.begin("h")
    assert token not in file.read_text()
    again = Sessions(clock, file)
    assert again.valid(token, "h")
    assert not again.valid(token, "another password's")
    again.end(token, "h")
    assert [Sessions(clock, file).valid(one, "h") for one in (token, other)] == [False, True]
    clock.now += LASTS + 1
    assert not Sessions(clock, file).valid(other, "h")
    file.write_text('[["broken"]]')
    assert not Sessions(clock, file).valid(other, "h")
    assert Sessions(clock, tmp_path).begin("h"), "who cannot be remembered is let in all the same"


def test_a_login_and_a_logout_hold_in_every_server_of_the_course(tmp_path, clock):
    one, two = (Sessions(clock, tmp_path / "sessions.json") for _ in range(2))
    first, second = one.begin("h"), two.begin("h")
    assert [two.valid(token, "h") for token in (first, second)] == [True, True]
    assert one.valid(second, "h")
    two.end(first, "h")
    assert [one.valid(token, "h") for token in (first, second)] == [False, True]


def test_an_ipv6_network_is_one_client():
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff")
    assert client_of("2001:db8::1") != client_of("2001:db8:0:1::1")
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") != client_of("::ffff:192.0.2.2")
    assert client_of("192.0.2.1") != client_of("192.0.2.2")
    assert client_of("testclient") == "testclient"


# The served desk -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> FakeDeskCourse:
    return FakeDeskCourse(folder=tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def address(course: FakeDeskCourse) -> str:
    return served(course, desk=course)


@pytest.fixture
def stranger(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def instructor(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        assert client.post("/desk/login", data={"password": PASSWORD}).status_code == 303
        yield client


def functions(client: httpx.Client) -> list[dict]:
    """The desk's events, as its own page learns of them."""
    return client.get("/desk/config").json()["dependencies"]


def test_no_event_of_the_desk_answers_a_stranger(stranger, instructor, course):
    """Every event, through every way to call one, with the numbers that only the page knows."""
    known = functions(instructor)
    assert len(known) > 8
    before = list(course.acts)
    for one in known:
        body = {"fn_index": one["id"], "data": [], "session_hash": "abc", "event_data": None}
        for path in ("run/predict", "api/predict", "queue/join", f"call/{one['api_name']}"):
            for root in ("/desk/gradio_api", "/desk//gradio_api", "/desk/%67radio_api"):
                answer = stranger.post(f"{root}/{path}", json=body)
                assert answer.status_code == 401, (root, path)
    assert course.acts == before


def test_nothing_else_of_the_desk_answers_a_stranger(stranger):
    for path in (
        *("config", "theme.css", "gradio_api/info", "gradio_api/startup-events", "robots.txt"),
        *("gradio_api/file=/etc/passwd", "gradio_api/queue/data?session_hash=abc", "monitoring"),
        *("gradio_api/heartbeat/abc", "static/x", "assets/x", "svelte/x", "gradio_api/app_id"),
        *("export/questions.csv", "export/feedback.csv", "export/readings.csv", "manifest.json"),
        "export/backup.zip",
        *("../desk/config", "./config", "%2e%2e/desk/config"),
    ):
        assert stranger.get(f"/desk/{path}").status_code == 401, path
    upload = stranger.post("/desk/gradio_api/upload", files={"files": ("a.pdf", b"%PDF-1.4")})
    assert upload.status_code == 401
    for path in ("/desk", "/desk/"):
        assert stranger.get(path, follow_redirects=True).url.path == "/desk/login"


def test_the_students_mount_knows_nothing_of_the_desk(stranger, instructor, course):
    """Neither its events nor its uploads are reachable through the page that is open to all."""
    uploaded = instructor.post(
        "/desk/gradio_api/upload", files={"files": ("a.pdf", b"%PDF-1.4 secret")}
    )
    assert uploaded.status_code == 200
    (path,) = uploaded.json()
    assert stranger.get(f"/gradio_api/file={path}").status_code in (403, 404)
    names = json.dumps(stranger.get("/config").json())
    assert "ingest-all" not in names
    assert "job-stop" not in names
    before = list(course.acts)
    for one in functions(instructor):
        with suppress(httpx.TransportError):  # an unknown number ends the connection
            stranger.post(
                "/gradio_api/run/predict",
                json={"fn_index": one["id"], "data": [], "session_hash": "abc"},
            )
    assert course.acts == before


def test_files_are_taken_from_the_instructor_alone(stranger, instructor):
    file = {"files": ("../../etc/p.pdf", b"<html>")}
    assert stranger.post("/desk/files", files=file).status_code == 401
    refused = instructor.post("/desk/files", files=file, data={"session": "15"})
    assert refused.json()["bad"] is True
    assert refused.json()["said"].startswith("p.pdf is not what its name says")
    many = [("files", (f"{n}.pdf", b"%PDF-")) for n in range(61)]
    assert "at most 60 files" in instructor.post("/desk/files", files=many).json()["said"]
    chunked = instructor.post("/desk/files", content=iter([b"x"]))
    assert chunked.status_code == 413
    placed = instructor.post("/desk/place", data={"reading": "rag"}).json()
    assert placed == {"said": "Choose the session that it belongs to.", "bad": True, "undo": ""}
    assert stranger.post("/desk/undo", data={"what": "x"}).status_code == 401
    assert "correct it by hand" in instructor.post("/desk/undo", data={"what": "x"}).json()["said"]


def test_an_upload_is_bounded(instructor):
    large = b"%PDF-1.4" + bytes(LARGEST_UPLOAD)
    answer = instructor.post("/desk/gradio_api/upload", files={"files": ("a.pdf", large)})
    assert answer.status_code == 413


def test_behind_the_door_the_same_calls_work(instructor, course):
    dry = next(
        one
        for one in functions(instructor)
        if any(target == [_id(instructor, "preview"), "click"] for target in one["targets"])
    )
    answer = instructor.post(
        "/desk/gradio_api/run/predict",
        json={"fn_index": dry["id"], "data": [None], "session_hash": "abc"},
    )
    assert answer.status_code == 200
    assert ("ingest", ("/course/index.html",), True, None, False) in course.acts


def test_a_backup_is_downloaded_and_not_kept(instructor, course, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = instructor.get("/desk/export/backup.zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="backup.zip"'
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "decisions/current.json" in archive.namelist()
    for _ in range(100):  # removed once it is sent
        if not list(tmp_path.iterdir()):
            break
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())
    assert "export/backup.zip" in instructor.get("/desk/config").text

    def full(_target):
        raise StoreError("the disk is full — free some space")

    monkeypatch.setattr(course, "backup", full)
    answer = instructor.get("/desk/export/backup.zip")
    assert (answer.status_code, answer.text) == (503, "the disk is full — free some space")
    assert not list(tmp_path.iterdir())


def _id(client: httpx.Client, elem_id: str) -> int:
    components = client.get("/desk/config").json()["components"]
    return next(one["id"] for one in components if one["props"].get("elem_id") == elem_id)


def test_without_a_desk_there_is_none(course):
    routes = [getattr(route, "path", "") for route in build_app(course).routes]
    assert "/desk" not in routes


def test_responses_of_the_desk_carry_the_headers(stranger):
    answer = stranger.get("/desk/login")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_cache_keeps_the_desk(instructor):
    page = instructor.get("/desk/")
    assert page.headers["cache-control"] == "no-store"
    assert instructor.get("/desk/config").headers["cache-control"] == "no-store"
    assert instructor.get("/desk/export/questions.csv").headers["cache-control"] == "no-store"
    asset = re.search(r"\./(assets/[\w.-]+\.js)", page.text)
    assert asset is not None
    assert instructor.get(f"/desk/{asset[1]}").headers.get("cache-control") != "no-store"


def test_the_password_stays_out_of_the_log(stranger, caplog):
    stranger.post("/desk/login", data={"password": "my secret guess"})
    assert "failed" in caplog.text
    assert "my secret guess" not in caplog.text


def test_the_hash_is_on_no_page(instructor):
    assert HASH not in instructor.get("/desk/config").text
    assert Path(__file__).name not in instructor.get("/desk/config").text
