"""The course as a chat model, asked by OpenAI's own client."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fake_course import ANSWERS, BROKEN, RAG, STEPS, UNKNOWN, FakeCourse
from serving import served

from seminar_rag.errors import StoreError
from seminar_rag.ui.api.openai_api import _annotations
from seminar_rag.ui.shared.limits import Limits

pytestmark = pytest.mark.slow

openai = pytest.importorskip("openai", reason="the dev extra is not installed")
KEY = "a key of the course"


@pytest.fixture(scope="module")
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture(scope="module")
def address(course: FakeCourse) -> str:
    return served(course, limits=Limits(0, 0), api_key=KEY)


@pytest.fixture(scope="module")
def client(address: str):
    return openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_the_course_and_its_sessions_are_models(client):
    models = {one.id: one for one in client.models.list()}
    assert set(models) == {"course", "session-3", "session-15", "session-16"}
    assert models["session-15"].name == "Session 15: Retrieval-augmented generation"


def test_an_answer_has_its_sources_as_annotations_and_as_links(client, course, address):
    done = client.chat.completions.create(model="session-15", messages=user(STEPS))
    message = done.choices[0].message
    assert done.choices[0].finish_reason == "stop"
    assert course.asked[-1].scope.sessions == {15}
    marked = {message.content[a.url_citation.start_index : a.url_citation.end_index]
              for a in message.annotations}  # fmt: skip
    assert marked >= {"[1]", "[2]"}
    cited = message.annotations[0].url_citation
    assert cited.title == f"{RAG.title}, session 15, p. 3"
    assert cited.url.startswith(f"{address}/#open=view%2Frag%3Fpassage%3D")
    assert f"1. [{cited.title}]({cited.url}): “" in message.content
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens > 9


def test_only_the_marks_that_an_answer_writes_have_a_source():
    one = ANSWERS[STEPS]
    answer = replace(one, text="So it is [1]. Not so: [01], [١], [0], [1000].")
    (found,) = _annotations(answer, "http://here")
    place = found["url_citation"]
    assert answer.text[place["start_index"] : place["end_index"]] == "[1]"


def test_a_streamed_answer_is_the_same(client):
    whole = client.chat.completions.create(model="course", messages=user(STEPS))
    stream = client.chat.completions.create(
        model="course", messages=user(STEPS), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text == whole.choices[0].message.content
    assert len([one for one in chunks if one.choices and one.choices[0].delta.content]) > 3
    last = [one for one in chunks if one.choices and hasattr(one.choices[0].delta, "annotations")]
    assert len(last[-1].choices[0].delta.annotations) == len(whole.choices[0].message.annotations)
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_llama_index_asks_it_as_a_model_like_openais(client, course, address):
    like = pytest.importorskip(
        "llama_index.llms.openai_like", reason="the dev extra is not installed"
    )
    from llama_index.core.llms import ChatMessage

    llm = like.OpenAILike(
        model="session-15", api_base=f"{address}/v1", api_key=KEY, is_chat_model=True, max_retries=0
    )
    sent = [ChatMessage(role="user", content=STEPS)]
    whole = llm.chat(sent).message.content
    assert course.asked[-1].scope.sessions == {15}
    assert f"1. [{RAG.title}, session 15, p. 3]({address}/#open=" in whole
    pieces = list(llm.stream_chat(sent))
    assert "".join(one.delta for one in pieces) == pieces[-1].message.content == whole
    assert len(pieces) > 3
    assert llm.complete(STEPS).text == whole


def test_the_conversation_comes_along_without_the_lists_of_sources(client, course):
    first = client.chat.completions.create(model="course", messages=user(STEPS))
    answer = first.choices[0].message.content
    assert "Sources:" in answer
    parts = [{"type": "text", "text": "And why?"}]
    sent = [
        {"role": "system", "content": "Be brief."},
        *user(STEPS),
        {"role": "assistant", "content": answer},
        {"role": "user", "content": parts},
    ]
    client.chat.completions.create(model="course", messages=sent, temperature=0.2)
    assert course.asked[-1].question == "And why?"
    history = course.asked[-1].history
    assert [turn.role for turn in history] == ["user", "assistant"]
    assert history[1].text == answer.partition("\n\nSources:")[0]


def test_what_the_readings_do_not_say_is_an_answer_without_sources(client):
    done = client.chat.completions.create(model="course", messages=user(UNKNOWN))
    assert done.choices[0].message.annotations == []
    assert "Sources:" not in done.choices[0].message.content


def test_errors_have_the_form_that_the_client_knows(client, address):
    with pytest.raises(openai.NotFoundError, match=r"no model .gpt-9.\. Take course"):
        client.chat.completions.create(model="gpt-9", messages=user("x"))
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model="course", messages=[])
    with pytest.raises(openai.BadRequestError, match="has to be a question"):
        client.chat.completions.create(
            model="course", messages=[{"role": "assistant", "content": "x"}]
        )
    with pytest.raises(openai.BadRequestError, match="Nothing was asked"):
        client.chat.completions.create(model="course", messages=user(" "))
    with pytest.raises(openai.BadRequestError, match="2,001 characters"):
        client.chat.completions.create(model="course", messages=user("x" * 2_001), stream=True)
    with pytest.raises(openai.InternalServerError, match="The index is being rebuilt"):
        client.chat.completions.create(model="course", messages=user(BROKEN))
    stranger = openai.OpenAI(base_url=f"{address}/v1", api_key="guessed", max_retries=0)
    for ask in (
        stranger.models.list,
        lambda: stranger.chat.completions.create(model="course", messages=user("x")),
    ):
        with pytest.raises(openai.AuthenticationError, match="API key is wrong"):
            ask()


def test_malformed_bodies_and_other_sites_are_refused(address):
    url, sent = f"{address}/v1/chat/completions", {"authorization": f"Bearer {KEY}"}
    for body in (b"", b"[]", b"{", b'{"model": 3}', b'{"model":"course","messages":"x"}'):
        answer = httpx.post(url, content=body, headers=sent)
        assert answer.status_code == 400, body
        assert answer.json()["error"]["type"] == "invalid_request_error"
    other = httpx.post(url, content=b"{}", headers={**sent, "origin": "https://evil.example"})
    assert other.status_code == 403


def test_who_asks_too_often_is_told_by_the_status():
    address = served(FakeCourse(pace=0.0), limits=Limits(per_page=1, per_address=100))
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    client.chat.completions.create(model="course", messages=user(STEPS))
    with pytest.raises(openai.RateLimitError, match="Ask again in"):
        client.chat.completions.create(model="course", messages=user(STEPS), stream=True)


def test_a_course_that_cannot_be_read_is_told_with_the_remedy(client, course, monkeypatch):
    def broken():
        raise StoreError("the database is away — start the server")

    monkeypatch.setattr(course, "sessions", broken)
    for ask in (
        client.models.list,
        lambda: client.chat.completions.create(model="course", messages=user(STEPS)),
    ):
        with pytest.raises(openai.InternalServerError, match="start the server") as raised:
            ask()
        assert raised.value.status_code == 503
