"""Three courses in one server: what each answers, and two of them in a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from serving import started
from tabs import BOX, TIMEOUT, Tab

from seminar_rag.course import Course
from seminar_rag.courses import Courses
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.ui.courses import serve_courses
from seminar_rag.ui.desk.password import hashed
from seminar_rag.upkeep import set_password_hash
from shared_data import POST_ONE, POST_TWO

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("mcp", reason="the mcp extra is not installed")

POSTS = {"attention": POST_ONE, "retrieval": POST_TWO}
PASSWORDS = {"attention": "the password of attention", "retrieval": "the password of retrieval"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two courses of one title with a post each, an empty one, and one that cannot be opened."""
    folder = tmp_path_factory.mktemp("courses")
    for name, post in POSTS.items():
        (folder / name / "posts").mkdir(parents=True)
        (folder / name / "posts" / "S01.md").write_text(post, encoding="utf-8")
        rate = 1 if name == "retrieval" else 100
        (folder / name / "seminar.toml").write_text(
            f'[course]\nname = "Seminar"\n[serve]\nrate_address = {rate}\n', encoding="utf-8"
        )
        set_password_hash(folder / name, hashed(PASSWORDS[name], cost=10))
        course = Course.open(folder / name, embedder=HashEmbedder())
        list(course.ingest([folder / name / "posts"]))
        course.close()
    for name, toml in (("empty", '[course]\nname = "Empty"\n'), ("broken", "[nonsense]\n")):
        (folder / name).mkdir()
        (folder / name / "seminar.toml").write_text(toml, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> str:
    courses = Courses(folder, embedder=HashEmbedder())
    courses.refresh()
    return started(serve_courses, courses, mcp=True)


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as running:
        yield running


def asked(client: httpx.Client, name: str, question: str) -> httpx.Response:
    sent = {"model": "course", "messages": [{"role": "user", "content": question}]}
    return client.post(f"/c/{name}/v1/chat/completions", json=sent)


def becomes(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    return true()


def test_the_entrance_lists_the_courses_and_tells_which_is_broken(client):
    page = client.get("/")
    assert 'href="c/attention/"' in page.text
    assert 'href="c/empty/"' in page.text
    assert "broken cannot be opened" in page.text
    assert "nonsense" not in page.text, "settings are for the log"
    assert "frame-ancestors" in page.headers["content-security-policy"]
    assert client.get("/c/attention").headers["location"] == "/c/attention/"
    assert client.get("/c/broken/").status_code == 503
    assert client.get("/c/none/").status_code == 404
    assert client.get("/c/../c/none/").status_code == 404
    state = client.get("/health").json()
    assert (state["status"], state["courses"]["broken"]) == ("ok", "cannot be opened")


def test_each_course_answers_from_its_own_readings_within_its_own_limits(client):
    first = asked(client, "attention", "What is layer normalization?").json()
    assert "mean and the variance" in first["choices"][0]["message"]["content"]
    assert "/c/attention/#open=" in first["choices"][0]["message"]["content"]
    assert asked(client, "retrieval", "What is reranking?").status_code == 200
    assert asked(client, "retrieval", "What is reranking?").status_code == 429
    assert asked(client, "attention", "What is attention?").status_code == 200
    names = [one["name"] for one in client.get("/c/retrieval/v1/models").json()["data"]]
    assert names == ["Seminar", "Session 1: Retrieval"]
    assert "Layer Normalization" in client.get("/c/attention/readings.bib").text
    assert client.get("/c/empty/health").json()["status"] == "empty"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"accept": "application/json, text/event-stream"}
    tools = client.post("/c/attention/mcp", json=message, headers=accept)
    assert "ask_readings" in tools.text


def test_a_password_opens_the_desk_of_its_course_alone(client):
    login = {"password": PASSWORDS["attention"]}
    assert client.post("/c/retrieval/desk/login", data=login).status_code == 401
    answer = client.post("/c/attention/desk/login", data=login)
    assert answer.headers["location"] == "/c/attention/desk/"
    assert "path=/c/attention/desk" in answer.headers["set-cookie"].lower()
    (cookie,) = client.cookies.jar
    mine = {"cookie": f"{cookie.name}={cookie.value}"}
    assert client.get("/c/attention/desk/config", headers=mine).status_code == 200
    assert client.get("/c/retrieval/desk/config", headers=mine).status_code == 401
    export = client.get("/c/attention/desk/export/backup.zip", headers=mine)
    assert export.content.startswith(b"PK")
    assert client.get("/c/empty/desk/").status_code == 403, "it has no password yet"


def test_courses_come_go_and_are_ingested_while_they_are_served(client, folder, tmp_path):
    def listed() -> bool:
        return "new" in client.get("/health").json()["courses"]

    shutil.copytree(folder / "attention", tmp_path / "new")
    (tmp_path / "new").rename(folder / "new")
    assert becomes(listed)
    assert client.get("/c/new").headers["location"] == "/c/new/"
    shutil.rmtree(folder / "new")
    assert becomes(lambda: not listed())
    assert client.get("/c/new/").status_code == 404
    # Another process ingests.
    (folder / "attention" / "posts" / "S02.md").write_text(POST_TWO, encoding="utf-8")
    course = Course.open(folder / "attention", embedder=HashEmbedder())
    list(course.ingest([folder / "attention" / "posts"]))
    course.close()
    assert client.get("/c/attention/health").json()["sessions"] == 2


def test_a_student_and_an_instructor_in_a_browser(browser, address):
    context = browser.new_context(base_url=address, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    tab = Tab(page)
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    page.on("response", lambda answer: tab.requests.append(f"{answer.status} {answer.url}"))

    page.goto("/")
    page.click("a[href='c/attention/']")
    page.wait_for_selector(".welcome")
    tab.ask_and_wait("What is layer normalization?")
    page.locator("#past #exchange-1 a.mark").first.click()
    page.locator("#viewer", has_text="mean and the variance").wait_for()
    page.locator("#conversations .talk").wait_for(state="attached")

    page.goto("/c/retrieval/")
    page.wait_for_selector(BOX)
    assert page.locator("#conversations .talk").count() == 0, "the other course's is not shown"

    page.goto("/c/empty/")  # the third, which waits for its first ingest
    page.wait_for_selector(BOX)
    assert page.title().startswith("Empty")
    assert page.locator("#conversations .talk").count() == 0

    page.goto("/c/attention/desk/")
    page.fill("[type=password]", PASSWORDS["attention"])
    page.press("[type=password]", "Enter")
    page.locator("#sessions-list .entry").first.wait_for(state="attached")
    page.click("#preview")
    page.locator("#job", has_text="Preview").wait_for()
    page.click("text=Log out")
    page.locator("[type=password]").wait_for()
    page.click("text=Back to the chat")
    page.wait_for_selector(BOX)
    assert page.url == f"{address}/c/attention/"
    context.close()
    assert tab.complaints == []
    assert [one for one in tab.requests if not one.startswith(("200", "30"))] == []
    assert all(f"{address}/c/" in one or one.endswith(f"{address}/") for one in tab.requests)
