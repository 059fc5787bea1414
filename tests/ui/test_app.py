"""The chat without a browser: conversation, stopping, failures, headers, and the port."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fake_course import ANSWERS, BROKEN, CRASH, ENDLESS, RAG, SLOW, STEPS, UNKNOWN, FakeCourse
from serving import SERVE, own_process

from seminar_rag.course import Course
from seminar_rag.errors import SeminarError, ServeError
from seminar_rag.types import AnswerEvent, Event, Scope, TokenEvent
from seminar_rag.ui.app import build_app, serve
from seminar_rag.ui.chat.chat import BUSY, RATINGS, Chat, listen, signed
from seminar_rag.ui.shared.browser import CUT_OFF, from_record, to_record
from seminar_rag.ui.shared.conversation import Conversation
from seminar_rag.ui.shared.gradio_pages import LOOKED
from seminar_rag.ui.shared.limits import CRASHED, LONGEST_QUESTION, TOO_MANY_WAIT

pytestmark = pytest.mark.slow

PAGE = "a page"
ALL = Scope()
EMPTY = Conversation()


@pytest.fixture
def course() -> FakeCourse:
    return FakeCourse(pace=0.0)


@pytest.fixture
def chat(course: FakeCourse) -> Chat:
    return Chat(course)


def ask(chat: Chat, question: str, before: Conversation = EMPTY, scope: Scope = ALL):
    """A whole question: the conversation after it, and the exchanges seen on the way."""
    begun, problem = chat.begin(PAGE, question, scope, before)
    assert begun is not None
    assert problem == ""
    seen = list(chat.answer(PAGE, begun))
    return chat.finish(PAGE, seen[-1][0]), [view for _, view in seen]


# Asking -------------------------------------------------------------------------------------


def test_the_fake_has_only_what_the_course_has(course):
    assert {name for name in vars(FakeCourse) if not name.startswith("_")} <= {
        *dir(Course),
        *("name", "journal", "asked", "checked", "gone", "pace", "stopped"),
    }


def test_an_answer_grows_and_ends_in_the_conversation():
    course = FakeCourse(pace=0.01)
    conversation, seen = ask(Chat(course), STEPS)
    (exchange,) = conversation.exchanges
    assert exchange.state == "done"
    assert [c.number for c in exchange.citations] == [1, 1, 1, 2]
    lengths = [len(view.text) for view in seen if view.running]
    assert len(set(lengths)) > 3
    assert lengths == sorted(lengths)
    assert conversation.pending is None


def test_the_scope_and_the_earlier_turns_reach_the_course(chat, course):
    scope = Scope(sessions=frozenset({15}), kinds=frozenset({"notes"}))
    first, _ = ask(chat, STEPS)
    ask(chat, f"  {UNKNOWN}\n", first, scope)
    last = course.asked[-1]
    assert last.question == UNKNOWN
    assert last.scope == scope
    assert [(turn.role, turn.text) for turn in last.history] == [
        ("user", STEPS),
        ("assistant", first.exchanges[0].text),
    ]
    assert course.asked[0].history == ()


def test_failed_and_stopped_exchanges_are_no_history(chat, course):
    failed, _ = ask(chat, BROKEN)
    ask(chat, STEPS, failed)
    assert course.asked[-1].history == ()


def test_exchanges_are_numbered_through(chat):
    first, _ = ask(chat, STEPS)
    second, _ = ask(chat, UNKNOWN, first)
    assert [exchange.number for exchange in second.exchanges] == [1, 2]


def test_only_the_text_of_a_language_model_is_markdown(course):
    assert not ask(Chat(course), STEPS)[0].exchanges[0].markdown
    course.answerer = "llama.cpp: tiny.gguf"
    assert ask(Chat(course), STEPS)[0].exchanges[0].markdown


def test_an_empty_question_is_not_asked(chat):
    assert chat.begin(PAGE, " \n ", ALL, Conversation()) == (None, "")


def test_a_long_question_is_refused_with_its_length(chat, course):
    conversation, problem = chat.begin(PAGE, "x" * (LONGEST_QUESTION + 1), ALL, Conversation())
    assert conversation is None
    assert "2,001 characters" in problem
    assert "2,000" in problem
    assert chat.begin(PAGE, "x" * LONGEST_QUESTION, ALL, EMPTY)[1] == ""


def test_a_page_asks_one_question_at_a_time_and_pages_do_not_wait_for_each_other(chat):
    begun, _ = chat.begin(PAGE, STEPS, ALL, Conversation())
    assert chat.begin(PAGE, UNKNOWN, ALL, begun) == (None, BUSY)
    assert chat.begin("another page", UNKNOWN, ALL, Conversation())[1] == ""
    ended = chat.finish(PAGE, begun)
    assert chat.begin(PAGE, UNKNOWN, ALL, ended)[1] == ""


def test_a_question_is_answered_once(chat, course):
    begun, _ = chat.begin(PAGE, STEPS, ALL, EMPTY)
    assert len(list(chat.answer(PAGE, begun))) > 1
    assert list(chat.answer(PAGE, begun)) == []
    assert len(course.asked) == 1


def test_a_blank_question_while_one_is_answered_changes_nothing(chat):
    begun, _ = chat.begin(PAGE, STEPS, ALL, EMPTY)
    assert chat.begin(PAGE, "", ALL, begun) == (None, "")
    assert list(chat.answer(PAGE, begun))[-1][0].exchanges[0].state == "done"


def test_nothing_is_answered_without_a_question(chat, course):
    assert list(chat.answer(PAGE, Conversation())) == []
    assert course.asked == []


def test_an_answer_event_alone_is_an_answer(chat):
    class Short(FakeCourse):
        def ask(self, question, history=(), scope=ALL, stop=lambda: False):
            yield AnswerEvent(ANSWERS[question])

    conversation, _ = ask(Chat(Short()), STEPS)
    assert conversation.exchanges[0].state == "done"


def test_a_greeting_is_not_recorded_as_a_question():
    class Polite(FakeCourse):
        def ask(self, question, history=(), scope=ALL, stop=lambda: False):
            kind = "talk" if question == "hi" else "readings"
            yield AnswerEvent(replace(ANSWERS[STEPS], question=question, kind=kind))

    course = Polite()
    chat = Chat(course)
    for question in ("hi", STEPS):
        begun, _ = chat.begin(PAGE, question, ALL, EMPTY, share=True)
        chat.finish(PAGE, list(chat.answer(PAGE, begun))[-1][0])
    assert [answer.question for answer in course.journal.recorded] == [STEPS]


# Failing ------------------------------------------------------------------------------------


def test_a_failure_that_a_person_can_mend_is_told(chat):
    conversation, _ = ask(chat, BROKEN)
    (exchange,) = conversation.exchanges
    assert exchange.state == "failed"
    assert exchange.note == "The index is being rebuilt — ask again in a minute."


def test_an_unexpected_failure_is_logged_and_not_shown(chat, caplog):
    with caplog.at_level(logging.ERROR):
        conversation, _ = ask(chat, CRASH)
    assert conversation.exchanges[0].note == CRASHED
    assert "secret detail" in caplog.text


def test_a_question_that_never_got_its_turn_has_failed(chat):
    begun, _ = chat.begin(PAGE, STEPS, ALL, Conversation())
    ended = chat.finish(PAGE, begun)
    (exchange,) = ended.exchanges
    assert (exchange.state, exchange.note) == ("failed", TOO_MANY_WAIT)
    assert exchange.question == STEPS
    assert ended.pending is None


def test_a_question_whose_reader_left_while_it_was_answered_is_not_said_to_have_waited(chat):
    begun, _ = chat.begin(PAGE, STEPS, ALL, Conversation())
    next(chat.answer(PAGE, begun))  # its stream breaks here
    assert chat.finish(PAGE, begun).exchanges[0].note == CUT_OFF


def test_what_came_before_a_failure_is_kept():
    class Halfway(FakeCourse):
        def ask(self, question, history=(), scope=ALL, stop=lambda: False):
            yield TokenEvent("Half a")
            raise SeminarError("Gone.")

    conversation, _ = ask(Chat(Halfway()), STEPS)
    (exchange,) = conversation.exchanges
    assert (exchange.state, exchange.text, exchange.note) == ("failed", "Half a", "Gone.")


# Stopping -----------------------------------------------------------------------------------


def test_stop_ends_a_silent_answer_at_once_and_tells_the_course(chat, course):
    begun, _ = chat.begin(PAGE, SLOW, ALL, Conversation())
    stream = chat.answer(PAGE, begun)
    next(stream)
    chat.stop(PAGE)
    started = time.monotonic()
    *_, (ended, exchange) = stream
    assert time.monotonic() - started < 20  # the answer itself takes minutes
    assert exchange.state == "stopped"
    assert ended.exchanges == (exchange,)
    assert course.stopped.wait(20)


def test_stop_keeps_what_was_written(chat):
    begun, _ = chat.begin(PAGE, ENDLESS, ALL, Conversation())
    stream = chat.answer(PAGE, begun)
    while not next(stream)[1].text:
        pass
    chat.stop(PAGE)
    *_, (_, exchange) = stream
    assert exchange.state == "stopped"
    assert exchange.text.startswith("word0")


def test_a_closed_page_stops_the_course(chat, course):
    begun, _ = chat.begin(PAGE, SLOW, ALL, Conversation())
    stream = chat.answer(PAGE, begun)
    next(stream)
    stream.close()
    assert course.stopped.wait(20)


def test_leaving_the_page_stops_the_course(chat, course):
    begun, _ = chat.begin(PAGE, SLOW, ALL, Conversation())
    stream = chat.answer(PAGE, begun)
    next(stream)
    chat.finish(PAGE, Conversation())
    assert course.stopped.wait(20)


def test_stop_before_the_turn_ends_the_question_when_it_comes(chat, course):
    begun, _ = chat.begin(PAGE, SLOW, ALL, Conversation())
    chat.stop(PAGE)
    ((_, exchange),) = chat.answer(PAGE, begun)
    assert exchange.state == "stopped"
    assert course.asked == []


def test_stop_of_a_page_without_a_question_does_nothing(chat):
    chat.stop("unknown")
    assert chat.begin("unknown", STEPS, ALL, Conversation())[1] == ""


# Feedback -----------------------------------------------------------------------------------


def reopened(conversation: Conversation, course: FakeCourse, **forged: object) -> Conversation:
    """The conversation as a browser sends it back, with changes to its answer."""
    record = json.loads(to_record(conversation))
    record["exchanges"][0] |= forged
    return from_record(json.dumps(record), course)


def test_feedback_counts_on_an_answer_that_was_given_also_after_a_restart(course):
    conversation, _ = ask(Chat(course, key=b"k" * 32), STEPS)
    again = Chat(course, key=b"k" * 32)
    again.give_feedback(reopened(conversation, course), 1, "helpful")
    assert len(course.journal.opinions) == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"text": "All is well."},
        {"question": "Who?"},
        {"signed": ""},
        {"signed": "é.x"},
        {"citations": []},
    ],
    ids=str,
)
def test_no_feedback_is_kept_on_what_the_server_did_not_say(chat, course, forged):
    conversation, _ = ask(chat, STEPS)
    chat.give_feedback(reopened(conversation, course, **forged), 1, "helpful")
    assert not course.journal.opinions


def test_what_the_readings_lack_is_not_recorded_as_cited(chat, course):
    conversation, _ = ask(chat, STEPS)
    course.gone = {"rag", "survey"}
    forged = [
        {"number": 1, "quote": one.quote, "document": {"title": "A forged title"}, "passage": "x"}
        for one in conversation.exchanges[0].citations
    ]
    chat.give_feedback(reopened(conversation, course, citations=forged), 1, "helpful")
    ((answer, *_),) = course.journal.opinions
    assert answer.citations == ()


def test_an_answer_is_rated_once_however_often_it_is_sent(chat, course):
    conversation, _ = ask(chat, STEPS)
    for _ in range(60):
        chat.give_feedback(reopened(conversation, course), 1, "helpful")
    assert len(course.journal.opinions) == 1


def test_everybody_together_rates_only_so_often(chat, course):
    conversation, _ = ask(chat, STEPS)
    (view,) = conversation.exchanges
    for _ in range(RATINGS + 20):
        chat.give_feedback(Conversation((signed(view, chat._key),)), 1, "helpful")
    assert RATINGS <= len(course.journal.opinions) <= RATINGS + 2


# The thread between -------------------------------------------------------------------------


def test_a_silent_stream_still_hands_something_over():
    silence = threading.Event()

    def events() -> Iterator[Event]:
        silence.wait(60)
        yield TokenEvent("late")

    stream = listen(events, threading.Event())
    started = time.monotonic()
    assert next(stream) == []
    assert time.monotonic() - started < 20
    silence.set()
    assert [event for batch in stream for event in batch] == [TokenEvent("late")]


def test_quick_events_are_gathered_in_few_batches():
    def events() -> Iterator[Event]:
        yield from (TokenEvent(str(n)) for n in range(500))

    batches = list(listen(events, threading.Event()))
    assert [event.text for batch in batches for event in batch] == [str(n) for n in range(500)]
    assert len(batches) < 20


def test_an_error_comes_after_the_events_before_it():
    def events() -> Iterator[Event]:
        yield TokenEvent("a")
        raise SeminarError("b")

    stream = listen(events, threading.Event())
    assert next(stream) == [TokenEvent("a")]
    with pytest.raises(SeminarError, match="b"):
        next(stream)


# The application ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    from fastapi.testclient import TestClient

    with TestClient(build_app(FakeCourse())) as running:
        yield running


def test_the_queue_of_the_page_rests_between_two_looks_and_keeps_no_account(client):
    apps = [route.app for route in client.app.routes if hasattr(route, "app")]
    (page,) = (one for one in apps if hasattr(one, "get_blocks"))
    queue = page.get_blocks()._queue
    assert queue.sleep_when_free == LOOKED
    queue.events_recorded += 1
    event = {"function": "ask", "status": "success", "process_time": 1.0}
    assert queue.compute_analytics_summary([event]) == {"functions": {}}


def test_gradio_is_told_to_stay_off_the_network(client):
    import gradio

    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert gradio.analytics.analytics_enabled() is False
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False


def test_the_page_answers_with_a_policy_that_keeps_it_at_home(client):
    response = client.get("/")
    assert response.status_code == 200
    policy = dict(
        part.split(" ", 1) for part in response.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"
    assert "http" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/upload", "/gradio_api/upload/", "/gradio_api/upload?upload_id=x"],
)
def test_nothing_can_be_uploaded(client, path):
    response = client.post(path, files={"files": ("a.txt", b"hello")})
    assert response.status_code == 404
    assert response.content == b""


@pytest.mark.parametrize("path", ["/etc/passwd", __file__, "https://example.org/x"])
def test_no_file_is_served_by_path(client, path):
    assert client.get(f"/gradio_api/file={path}").status_code == 404


def test_what_the_page_does_not_ask_is_turned_away_without_a_traceback(client, caplog):
    def sent(path: str, **body: object) -> int:
        return client.post(f"/gradio_api/{path}", json={"data": [], **body}).status_code

    for path in ("queue/join", "run/predict", "api/nothing", "call/nothing"):
        assert sent(path, fn_index=9999, session_hash="abc") == 400, path
        assert sent(path, session_hash="abc") == 400, path
    assert not [one for one in caplog.records if one.exc_info]


PROGRAMS = {"ask", "sources", "check", "readings", "table", "study", "differences"}


def test_no_event_of_the_page_is_offered_to_programs(client):
    info = client.get("/gradio_api/info").json()
    assert set(info["named_endpoints"]) == {f"/{name}" for name in PROGRAMS}
    assert info["unnamed_endpoints"] == {}
    public = [
        dependency["api_name"]
        for dependency in client.get("/config").json()["dependencies"]
        if dependency["api_visibility"] != "private"
    ]
    assert set(public) == PROGRAMS


def test_only_what_takes_long_is_queued(client):
    # Gradio closes a page's stream when nothing of it is queued; what joins just then is lost, as
    # was an answer whose question had been queued a moment before.
    dependencies = client.get("/config").json()["dependencies"]
    queued = {one["api_name"] for one in dependencies if one["queue"] and one["backend_fn"]}
    private = {name for name in queued if str(name).startswith("_")}
    assert private == {"_answer", "_check", "_leave"}  # the browser never asks for the last


def test_a_hostile_course_name_stays_text():
    from fastapi.testclient import TestClient

    with TestClient(build_app(FakeCourse(name="</script></title><script>evil()</script>"))) as page:
        assert "<script>evil()" not in page.get("/").text


def test_the_page_names_no_path_of_the_machine(client):
    assert str(os.path.dirname(__file__)) not in client.get("/config").text
    assert RAG.title not in client.get("/config").text


def test_the_log_of_a_server_has_neither_questions_nor_keys():
    """In a process of its own, as `serve` runs, with a course that fails and tells too much."""
    from gradio_client import Client

    spilling = SERVE.replace(
        "serve(FakeCourse()",
        "from seminar_rag.ui.shared.logs import scrub_logs\n"
        "scrub_logs(['swordfish'])\n"
        "class Spilling(FakeCourse):\n"
        "    def ask(self, question, *rest, **more):\n"
        "        raise OSError(f'{question} with swordfish and sk-abcdefghijklmnop')\n"
        "serve(Spilling()",
    )
    with own_process(script=spilling) as (url, process):
        with pytest.raises(Exception, match="Something went wrong"):
            Client(url, verbose=False).predict("What do I fear most?", api_name="/ask")
        process.send_signal(signal.SIGINT)
        _, log_lines = process.communicate(timeout=30)
    assert "OSError: [question] with [hidden] and [hidden]" in log_lines
    for private in ("fear", "swordfish", "abcdefghijklmnop"):
        assert private not in log_lines


# The port -----------------------------------------------------------------------------------


def test_a_port_in_use_is_named_with_the_mend():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*--port"):
            serve(FakeCourse(), "127.0.0.1", port, on_ready=lambda url: None)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 7860), ("127.0.0.1", 70_000)])
def test_an_address_that_cannot_be_used_is_named(host, port):
    with pytest.raises(ServeError, match=rf"Cannot serve on {host}:{port}: "):
        serve(FakeCourse(), host, port, on_ready=lambda url: None)


def test_an_interrupt_ends_it_quietly_though_a_page_is_open():
    import httpx

    with own_process() as (url, process):
        assert url.startswith("http://127.0.0.1:")
        with httpx.stream("GET", f"{url}/gradio_api/heartbeat/page", timeout=30) as page:
            assert page.status_code == 200
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=30)
    assert process.returncode == 0
    assert complaints == ""
