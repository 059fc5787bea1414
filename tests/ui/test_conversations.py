"""Conversations to the browser and back: intact, honest about what is gone, whatever comes."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import replace

import pytest
from fake_course import (
    ANSWERS,
    GENERATIONS,
    JUDGED,
    NOTES,
    RAG,
    STEPS,
    SURVEY,
    SURVEY_PASSAGE,
    UNKNOWN,
    FakeCourse,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_render import assert_inert

from seminar_rag.types import AnswerEvent, Passage, Scope
from seminar_rag.ui.chat import render
from seminar_rag.ui.shared.browser import CUT_OFF, ScopeRecord, from_record, scope_of, to_record
from seminar_rag.ui.shared.conversation import Conversation, Exchange, Pending

SCOPE = Scope(frozenset({15}), frozenset({"rag"}), frozenset({"paper"}), True)


def told(*questions: str, **changes: object) -> Conversation:
    views = (
        Exchange(n, q, scope=SCOPE, asked="session 15").advanced(AnswerEvent(ANSWERS[q]))
        for n, q in enumerate(questions, 1)
    )
    return Conversation(tuple(replace(one, **changes) for one in views), id="abc")


@pytest.fixture
def course() -> FakeCourse:
    return FakeCourse()


@pytest.mark.parametrize("question", [STEPS, GENERATIONS, JUDGED, UNKNOWN])
def test_a_conversation_comes_back_as_it_was(course, question):
    before = told(question)
    after = from_record(to_record(before), course)
    assert after is not None
    shown = [render.transcript(one.exchanges) for one in (before, after)]
    assert shown[0] == shown[1]
    assert [render.sources(v) for v in before.exchanges] == [
        render.sources(v) for v in after.exchanges
    ]
    assert after.scope == SCOPE
    assert after.id == "abc"
    assert to_record(after) == to_record(before)


def test_no_passage_is_written_down():
    assert SURVEY_PASSAGE.quote(SURVEY_PASSAGE.sentences[0]) not in to_record(told(STEPS))


def test_a_passage_that_is_gone_is_said_to_be_and_its_quotation_kept(course):
    record = to_record(told(GENERATIONS))
    course.gone = {"survey"}
    after = from_record(record, course)
    assert after is not None
    (view,) = after.exchanges
    sources = render.sources(view)
    assert "This passage is no longer in the readings" in sources
    assert sources.count("gone-note") == 1
    assert "The article sorts retrieval methods into three generations." in sources
    assert SURVEY.title in sources
    assert SURVEY.url not in sources
    assert 'class="mark gone"' in render.exchange(view)
    assert NOTES.title in sources


def test_a_passage_that_was_split_anew_is_found_by_its_quotation(course, monkeypatch):
    record = to_record(told(GENERATIONS))
    anew = replace(
        SURVEY_PASSAGE, id="other", text=f"New words. {SURVEY_PASSAGE.text}", page=9, sentences=()
    )

    def passages(ids):
        return {}

    def passages_of(document: str) -> tuple[Passage, ...]:
        return (anew,) if document == "survey" else ()

    monkeypatch.setattr(course, "passages", passages)
    monkeypatch.setattr(course, "passages_of", passages_of)
    after = from_record(record, course)
    assert after is not None
    found = [one for one in after.exchanges[0].citations if one.document == SURVEY]
    assert {one.passage.id for one in found} == {"other"}
    assert {one.page for one in found} == {9}
    assert "other" not in after.exchanges[0].gone


def test_a_document_with_another_id_is_found_by_its_reading(course, monkeypatch):
    record = to_record(told(STEPS))
    moved = {"new": replace(RAG, id="new"), "survey": SURVEY}
    monkeypatch.setattr(course, "documents", lambda: moved)
    asked = []
    monkeypatch.setattr(course, "passages_of", lambda document: asked.append(document) or ())
    from_record(record, course)
    assert asked == ["new"]


def test_a_forged_quotation_is_not_shown_as_one_of_the_passage(course):
    forged = json.loads(to_record(told(STEPS)))
    forged["exchanges"][0]["citations"][0]["quote"] = "The passage never said this."
    after = from_record(json.dumps(forged), course)
    assert after is not None
    assert after.exchanges[0].gone


def test_a_pending_question_has_failed(course):
    asked = replace(told(STEPS), pending=Pending(UNKNOWN, SCOPE, "session 15"))
    after = from_record(to_record(asked), course)
    assert after is not None
    last = after.exchanges[-1]
    assert (last.question, last.state, last.note) == (UNKNOWN, "failed", CUT_OFF)
    assert last.scope == SCOPE
    assert after.pending is None


def test_a_huge_record_is_read_in_little_time(course):
    record = json.loads(to_record(told(GENERATIONS)))
    one = record["exchanges"][0]
    like = one["citations"][0]
    one["citations"] = [{**like, "passage": str(n), "quote": f"word {n} " * 9} for n in range(100)]
    record["exchanges"] = [one] * 30
    started = time.monotonic()
    after = from_record(json.dumps(record), course)
    assert time.monotonic() - started < 5
    assert after is not None
    assert sum(len(view.citations) for view in after.exchanges) <= 2000


@pytest.mark.parametrize(
    "record", ["", None, 7, "null", "[]", "{", '{"v": 2, "id": "a"}', "[" * 9999]
)
def test_what_is_no_conversation_is_none(course, record):
    assert from_record(record, course) is None


def test_nothing_is_kept_before_the_first_question():
    assert to_record(Conversation()) == ""


EVIL = '<img src=x onerror="window.pwned=1">'


def forged_at(value: object, path: tuple[object, ...], junk: object) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = junk


def paths(value: object, at: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    out = []
    for key, inner in rows:
        out.append((*at, key))
        if isinstance(inner, (dict, list)):
            out += paths(inner, (*at, key))
    return out


RECORD = json.loads(to_record(told(JUDGED, GENERATIONS, UNKNOWN)))


@pytest.mark.slow
@pytest.mark.no_cover
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(paths(RECORD)),
    st.one_of(
        st.sampled_from([EVIL, "\ud800", "\ue0000\ue001", -1, 10**30, 1e308, True, None, [], {}]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    ),
)
def test_a_tampered_record_never_crashes_and_never_becomes_markup(path, junk):
    forged = copy.deepcopy(RECORD)
    forged_at(forged, path, junk)
    after = from_record(json.dumps(forged), FakeCourse())
    if after is None:
        return
    for view in after.exchanges:
        for html in (render.exchange(view), render.sources(view)):
            assert_inert(html)
            html.encode("utf-8")
    assert from_record(to_record(after), FakeCourse()) == after


@given(
    st.builds(
        Scope,
        st.frozensets(st.integers(0, 99)),
        st.frozensets(st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable())),
        st.frozensets(st.sampled_from(["paper", "abstract", "notes"])),
        st.booleans(),
    )
)
def test_a_scope_survives_json(scope):
    assert scope_of(json.loads(ScopeRecord.model_validate(scope).model_dump_json())) == scope


def test_a_scope_of_anything_restricts_to_what_is_understood():
    assert scope_of({"sessions": ["3", 3, True, 1e9], "kinds": ["notes", "x"], "required": 1}) == (
        Scope(sessions=frozenset({3}), kinds=frozenset({"notes"}))
    )
    assert scope_of("x") == Scope()


def test_citations_outlive_a_real_re_ingest(tiny_course, posts):
    """What was only moved is found again, what was taken away is said to be gone."""
    for question in ("What does attention weigh?", "What may a retriever return?"):
        *_, last = tiny_course.ask(question)
        view = Exchange(1, question).advanced(last)
        assert view.citations, question
        record = to_record(Conversation((view,), id="x"))
        before = {one.quote for one in view.citations}
        path = posts / ("S01.md" if "attention" in question else "S02.md")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("# Blog:", "# Blog anew:\n\nSome words before.\n\n#"), "utf-8")
        list(tiny_course.ingest([posts]))
        after = from_record(record, tiny_course)
        assert after is not None
        assert not after.exchanges[0].gone
        assert {one.quote for one in after.exchanges[0].citations} == before
        for one in after.exchanges[0].citations:
            assert tiny_course.passages([one.passage.id])
        path.write_text(text.split("<!--excerpt")[0].replace(" is a", " was a"), "utf-8")
        list(tiny_course.ingest([posts]))
        lost = from_record(record, tiny_course)
        assert lost is not None
        assert lost.exchanges[0].gone
        assert "no longer in the readings" in render.sources(lost.exchanges[0])
        path.write_text(text, "utf-8")
        list(tiny_course.ingest([posts]))


def test_a_question_asked_again_edited_or_failed_takes_the_place_of_the_last():
    before = told(STEPS, UNKNOWN)
    assert Conversation().continued("x", again=True, editing=True) == ("x", Conversation())
    assert before.continued("x", again=False, editing=False) == ("x", before)
    first = replace(before, exchanges=before.exchanges[:1])
    assert before.continued("", again=True, editing=False) == (UNKNOWN, first)
    assert before.continued("x", again=False, editing=True) == ("x", first)
    failed = told(STEPS, UNKNOWN, state="failed")
    assert failed.continued(f" {UNKNOWN}", again=False, editing=False)[1] == replace(
        failed, exchanges=failed.exchanges[:1]
    )
