"""A recorded model server, good and bad, from the wire to what the reader sees in the chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import served
from tabs import Tab

from fakes import Reply, StubServer
from memory import MemoryVectors
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.ui.shared.limits import Limits
from shared_data import POST_ONE, POST_TWO

pytestmark = pytest.mark.browser

ASKED = "How does attention weigh every token of the input?"
GOOD = "Attention weighs every token of the input against every other token [1]."


@pytest.fixture(scope="module")
def server() -> Iterator[StubServer]:
    with StubServer() as running:
        yield running


@pytest.fixture(scope="module")
def address(server: StubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("course")
    posts = folder / "posts"
    posts.mkdir()
    (posts / "S01.md").write_text(POST_ONE, encoding="utf-8")
    (posts / "S02.md").write_text(POST_TWO, encoding="utf-8")
    course = Course(
        Config(folder=folder, data_dir="data", llm_url=server.url, llm_max_tokens=300),
        embedder=HashEmbedder(),
        vectors=MemoryVectors(),
    )
    list(course.ingest([posts]))
    yield served(course, limits=Limits(0, 0))
    course.close()


def ask(tab: Tab, server: StubServer, *replies: Reply) -> None:
    server.enqueue(*replies)
    tab.ask_and_wait(ASKED)


def test_a_good_answer_has_its_sources(tab: Tab, server: StubServer) -> None:
    ask(tab, server, Reply(GOOD))
    assert tab.page.locator("#exchange-1 .mark").count() == 1
    assert tab.page.locator("#exchange-1 .problem").count() == 0


@pytest.mark.parametrize(
    "text",
    [
        "Attention is a clever thing, believe me.",
        "It weighs tokens [12] and reads them [99].",
        "La atención pondera cada palabra.",
        "",
    ],
    ids=["no citations", "invented numbers", "foreign and uncited", "nothing"],
)
def test_what_cites_nothing_is_not_shown_as_an_answer(
    tab: Tab, server: StubServer, text: str
) -> None:
    ask(tab, server, Reply(text))
    said = tab.page.inner_text("#exchange-1")
    assert "The readings don’t say." in said
    assert not text or text not in said
    assert tab.page.locator("#exchange-1 .mark").count() == 0
    assert tab.page.locator("#exchange-1 .nearest li").count() > 0


def test_an_answer_in_another_language_than_question_and_readings_is_not_shown(
    tab: Tab, server: StubServer
) -> None:
    """Its sentences cannot be compared with the passages, and the reader did not ask for it."""
    ask(tab, server, Reply("La atención 注意力 pondera cada palabra [1]. La luna es de queso [8]."))
    said = tab.page.inner_text("#exchange-1")
    assert "La luna" not in said
    assert "do not bear out" in said
    assert tab.page.locator("#exchange-1 .nearest li").count() > 0


def test_a_server_that_fails_is_replaced_by_quotations(tab: Tab, server: StubServer) -> None:
    ask(tab, server, Reply(status=500, body='{"error": {"message": "out of memory"}}'))
    said = tab.page.inner_text("#exchange-1")
    assert "The language model does not answer, so these are quotations." in said
    assert "“" in said
    assert tab.page.locator("#exchange-1 .mark").count() > 0
    assert tab.page.locator("#exchange-1 .problem").count() == 0


def test_an_endless_answer_ends_where_it_says_the_same_again(tab: Tab, server: StubServer) -> None:
    ask(tab, server, Reply(f"{GOOD} " * 700, piece=100))
    assert tab.page.inner_text("#exchange-1").count("Attention weighs") <= 3
    assert tab.page.locator("#exchange-1 .problem").count() == 0
    assert tab.page.locator("#exchange-1 .mark").count() == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(" ".join(f"word{n}" for n in range(10_000)), piece=100),
        Reply(f"{GOOD} And", drop=True),
        Reply(f"{GOOD} And", done=False),
        Reply(
            GOOD,
            done=False,
            events=('data: {"error": {"code": 500, "message": "worker died"}}',),
        ),
    ],
    ids=["10,000 words", "dropped", "without end", "500 in the middle"],
)
def test_what_breaks_gives_a_plain_message_and_can_be_tried_again(
    tab: Tab, server: StubServer, reply: Reply
) -> None:
    ask(tab, server, reply)
    message = tab.page.inner_text("#exchange-1 .problem")
    assert message.startswith("The ")
    assert "ask again" in message
    assert "\n" not in message
    assert tab.page.locator("#exchange-1").inner_text().count("word") < 2000
    server.enqueue(Reply(GOOD))
    tab.page.click("#exchange-1 [data-retry]")
    tab.page.wait_for_selector("#exchange-1 .problem", state="detached")
    tab.answered()
    assert tab.page.locator(".exchange").count() == 1
    assert tab.page.locator("#exchange-1 .mark").count() == 1
    assert tab.page.locator("#exchange-1 .problem").count() == 0
