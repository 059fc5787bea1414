from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import Reply, StubServer
from memory import MemoryVectors
from seminar_rag import course, learning
from seminar_rag.answer.examples import answerable
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import NotFoundError, StoreError
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Answer, AnswerEvent, HitsEvent, Scope, Turn


def answered(course: Course, question: str, **kwargs: object) -> Answer:
    *_, last = course.ask(question, **kwargs)  # type: ignore[arg-type]
    assert isinstance(last, AnswerEvent)
    return last.answer


def test_a_question_is_answered_from_the_right_reading(tiny_course: Course) -> None:
    answer = answered(tiny_course, "What does reranking do with the useful passages?")
    assert not answer.abstained
    assert {c.document.sessions for c in answer.citations} <= {(2,)}
    for citation in answer.citations:
        assert citation.quote in citation.passage.text
        assert f"[{citation.number}]" in answer.text


def test_what_the_readings_lack_is_not_answered(tiny_course: Course) -> None:
    answer = answered(tiny_course, "Who won the football world cup in Qatar?")
    assert answer.abstained
    assert answer.citations == ()


def test_a_scope_keeps_to_its_session(tiny_course: Course) -> None:
    scope = Scope(sessions=frozenset({1}))
    hits = tiny_course.search("retrieval passages generator", 10, scope)
    assert hits
    assert {hit.document.sessions for hit in hits} == {(1,)}


def test_a_follow_up_leans_on_the_question_before(tiny_course: Course) -> None:
    history = [Turn("user", "What is layer normalization?"), Turn("assistant", "A method. [1]")]
    answer = answered(tiny_course, "and does it need batches?", history=history)
    assert {c.document.title for c in answer.citations} == {"Layer Normalization"}


@pytest.mark.slow
def test_a_model_at_hand_words_the_follow_up(tiny_course: Course) -> None:
    worded = "How is attention computed?"
    answer = "Attention weighs every token of the input against every other token [1]."
    history = (Turn("user", "What is attention?"), Turn("assistant", "It weighs tokens [1]."))
    with StubServer(Reply(worded), Reply(answer)) as server:
        config = replace(tiny_course.config, llm_url=server.url)
        course = Course(config, embedder=tiny_course.embedder, vectors=tiny_course.store.vectors)
        hits, *_, last = course.ask("how is it computed?", history)
        asked = [str(request.body["messages"]) for request in server.requests]
        course.close()
    assert isinstance(hits, HitsEvent)
    assert hits.query == worded
    assert isinstance(last, AnswerEvent)
    assert last.answer.question == "how is it computed?"
    assert last.answer.citations
    assert last.answer.warnings[0] == f"Understood as: “{worded}”"
    assert "Last question: how is it computed?" in asked[0]
    assert f"Question: {worded}" in asked[1]


@pytest.mark.slow
def test_a_model_at_hand_reads_a_question_in_another_language(tiny_course: Course) -> None:
    answer = "Attention wägt jedes Wort der Eingabe gegen jedes andere [1]."
    with StubServer(Reply("How is attention computed?"), Reply(answer)) as server:
        config = replace(tiny_course.config, llm_url=server.url)
        course = Course(config, embedder=tiny_course.embedder, vectors=tiny_course.store.vectors)
        hits, *_, last = course.ask("Wie wird die Attention eigentlich berechnet?")
        asked = [str(request.body["messages"]) for request in server.requests]
        course.close()
    assert isinstance(hits, HitsEvent)
    assert hits.query == "How is attention computed?"
    assert isinstance(last, AnswerEvent)
    assert last.answer.question == "Wie wird die Attention eigentlich berechnet?"
    assert last.answer.text.startswith("Attention wägt")
    assert "Question: Wie wird die Attention eigentlich berechnet?" in asked[1]
    assert "in German" in asked[1]


def test_sessions_and_name(tiny_course: Course) -> None:
    (one, two) = tiny_course.sessions()
    assert (one[:3], two[:3]) == ((1, "Attention", 2), (2, "Retrieval", 1))
    assert one[3] > 0
    assert tiny_course.name


def test_a_list_that_has_nothing_is_no_example(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tiny_course._is_listed("Which readings are in session 1?")
    nothing = Answer("q", "No reading of the course is about “q”.", "listing")
    monkeypatch.setattr(tiny_course, "ask", lambda _question: [AnswerEvent(nothing)])
    assert not tiny_course._is_listed("What should I read on it?")


def test_examples_are_answered(tiny_course: Course) -> None:
    examples = tiny_course.examples(2)
    assert examples
    for question in examples:
        assert not answered(tiny_course, question).abstained


def test_examples_are_kept_for_the_next_start_of_the_same_course(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(*given: Any) -> tuple[str, ...]:
        made.append(1)
        return answerable(*given)

    def again() -> tuple[str, ...]:
        tiny_course._examples = None  # as at the next start
        return tiny_course.examples(2)

    monkeypatch.setattr(learning, "answerable", counted)
    first = tiny_course.examples(2)
    assert (again(), len(made)) == (first, 1)
    file = tiny_course.config.data / learning.EXAMPLES
    for damage in (b"", b"[]", file.read_bytes().replace(b'"questions": [', b'"questions": [3, ')):
        file.write_bytes(damage)
        assert again() == first
    assert len(made) == 4
    tiny_course.parts.config = replace(tiny_course.config, retrieve_reranker="another")
    again()
    assert len(made) == 5
    tiny_course.remove("1607.06450")
    again()
    assert len(made) == 6


def test_removing_by_id_title_and_source(tiny_course: Course, posts: Path) -> None:
    assert tiny_course.remove("1607.06450") == ["Layer Normalization"]
    assert tiny_course.remove("student notes: attention") == ["Student notes: Attention"]
    with pytest.raises(NotFoundError, match="did you mean Attention Is All You Need"):
        tiny_course.remove("attention is all you ned")
    assert len(tiny_course.remove(str(posts))) == 3
    with pytest.raises(NotFoundError, match="nothing is ingested yet"):
        tiny_course.ask("What is attention?")


def test_a_reading_list_without_any_text_is_looked_at_and_asked_about(tmp_path: Path) -> None:
    list_ = tmp_path / "coast.bib"
    list_.write_text(
        "@book{a, title={Harbours that Remember}, keywords={week 1}}\n"
        "@book{b, title={What a Lighthouse Measures}, keywords={week 2}}\n"
    )
    config = Config(folder=tmp_path, data_dir="data")
    made = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    with contextlib.closing(made) as course:
        list(course.ingest([list_]))
        assert [one.title for s in course.catalogue().sessions for one in s.readings] == [
            "Harbours that Remember",
            "What a Lighthouse Measures",
        ]
        assert "What a Lighthouse Measures" in [
            row.title for row in answered(course, "Which papers are in week 2?").listed
        ]
        assert answered(course, "How bright is the lamp of a lighthouse?").abstained
        with pytest.raises(NotFoundError, match="nothing is ingested yet"):
            course.check("Lighthouses measure the fog.")


def test_doctor_finds_the_index_sound_and_says_what_is_missing(tiny_course: Course) -> None:
    findings = tiny_course.doctor()
    assert not [f for f in findings if f.level == "bad"]
    assert any("5 documents" in f.what for f in findings)
    note = next(f for f in findings if "language model: none" in f.what)
    assert " GB of memory and " in note.what
    assert any(way in note.remedy for way in ("make llm", "seminar-rag models", "[llm] url"))


def test_doctor_sees_that_an_address_of_a_model_server_is_none(tiny_course: Course) -> None:
    config = replace(tiny_course.config, llm_url="localhost:11434", llm_enabled=True)
    course = Course(config, embedder=HashEmbedder(), vectors=tiny_course.store.vectors)
    (said,) = (f.what for f in course.doctor() if f.level == "bad")
    assert said.startswith("language model: 'localhost:11434' is not the URL of a model server")
    course.close()


def test_the_chat_answers_what_the_course_consists_of(tiny_course: Course) -> None:
    answer = answered(tiny_course, "Which papers are in session 2?")
    assert (answer.kind, answer.abstained) == ("course", False)
    assert answer.listed
    assert all(2 in row.sessions for row in answer.listed)


def test_an_index_of_another_model_is_not_searched(tiny_course: Course) -> None:
    other = HashEmbedder()
    other.name = "other"
    course = Course(tiny_course.config, embedder=other, vectors=tiny_course.store.vectors)
    with pytest.raises(StoreError, match=r"made with hash .* set \[embed\] back"):
        course.search("attention")
    assert [f.remedy for f in course.doctor() if f.level == "bad" and "made with" in f.what]
    course.close()


def test_a_model_folder_that_is_gone_is_found_by_the_doctor(tmp_path: Path) -> None:
    course = Course(Config(folder=tmp_path, embed_model=str(tmp_path / "gone")))
    (finding,) = [f for f in course.doctor() if "embedding model" in f.what]
    assert (finding.level, "no such folder" in finding.what) == ("bad", True)
    course.close()


def test_the_sample_leaves_once_a_course_is_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, posts: Path
) -> None:
    config = Config(folder=tmp_path, data_dir="data")
    own = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors())
    before, now = (sample_in(tmp_path / version) for version in ("3.11", "3.12"))
    monkeypatch.setattr("seminar_rag.course.SAMPLE", before)
    list(own.ingest([before]))
    monkeypatch.setattr("seminar_rag.course.SAMPLE", now)
    before.unlink()  # the program was installed anew
    list(own.ingest([id_ for id_, _ in own.catalogue().sources]))
    assert [id_ for id_, _ in own.catalogue().sources] == [str(now)]
    assert "Sampled reading on looms" in own.catalogue().titles.values()
    list(own.ingest([posts]))
    assert "Sampled reading on looms" not in own.catalogue().every_title.values()
    own.close()


def sample_in(folder: Path) -> Path:
    page = folder / "seminar_rag" / "sample" / "index.html"
    page.parent.mkdir(parents=True)
    link = '<a href="https://arxiv.org/abs/1706.03762">Sampled reading on looms</a>'
    page.write_text(
        "<html><head><title>Sample</title></head><body><h2>Session 9: Looms</h2>"
        f"<h3>Required Readings</h3><ul><li>{link}, by A. Author, 2020</li></ul></body></html>"
    )
    return page


@pytest.mark.model
def test_the_sample_course_for_real(sample_course: Course) -> None:
    """The first thing a new user sees: real weights, real Chroma, real PDFs."""
    answer = answered(sample_course, "What is the difference between LoRA and QLoRA?")
    assert not answer.abstained
    assert any("LoRA" in citation.document.title for citation in answer.citations)
    paged = answered(sample_course, "How does PagedAttention store the key-value cache?")
    assert any(citation.page for citation in paged.citations)
    assert answered(sample_course, "Who won the 2022 football world cup?").abstained
    assert len(sample_course.examples(6)) >= 4
    assert not [f for f in sample_course.doctor() if f.level == "bad"]


@pytest.mark.model
def test_no_passage_is_longer_than_the_model_reads(sample_course: Course) -> None:
    store, embedder = sample_course.store, sample_course.embedder
    ids = list(sample_course.catalogue().documents)
    for id_ in random.Random(1).sample(ids, 20):
        for passage in store.passages_of(id_):
            assert embedder.count(passage.text) <= 220


@pytest.mark.model
def test_a_gguf_in_place_writes_the_answers(sample_course: Course, tiny_gguf: Path) -> None:
    """A random model says nothing sensible, but only in the form and with the numbers offered."""
    config = Config(
        folder=sample_course.config.folder,
        data_dir=str(sample_course.config.data),
        llm_model=str(tiny_gguf),
        llm_max_tokens=150,
    )
    course = Course(config)
    assert course.answerer_notice.startswith("Answers are written by")
    answer = answered(course, "What is the difference between LoRA and QLoRA?")
    assert answer.abstained or answer.citations
    for citation in answer.citations:
        assert citation.quote in citation.passage.text
        assert f"[{citation.number}]" in answer.text
    course.close()


@pytest.mark.slow
def test_a_server_answers_with_citations(tiny_course: Course) -> None:
    with StubServer(Reply("Attention weighs every token [1].")) as server:
        tiny_course.parts.config = replace(tiny_course.config, llm_url=server.url)
        *_, last = tiny_course.ask("How does attention weigh every token of the input?")
        assert isinstance(last, AnswerEvent)
        assert not last.answer.abstained
        assert last.answer.citations


def test_a_course_opens_from_a_path_written_as_text(tmp_path: Path) -> None:
    (tmp_path / "seminar.toml").write_text('[course]\nname = "Tides"\n')
    course = Course.open(str(tmp_path), str(tmp_path / "kept"))
    with contextlib.closing(course):
        assert (course.name, course.config.data) == ("Tides", tmp_path / "kept")


def test_a_course_page_is_read_with_the_settings_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seminar.toml").write_text("[fetch]\nmax_mib = 3\n")
    page = tmp_path / "page.md"
    page.write_text("# Week 1: Attention\n\n- [A reading](https://example.org/a.pdf)\n")
    found: list[Config] = []
    network_of = course.network_of

    def seen(config: Config) -> object:
        found.append(config)
        return network_of(config)

    monkeypatch.setattr(course, "network_of", seen)
    read = course.read_course_page(page, tmp_path, data=tmp_path / "data")
    assert [one.title for one in read.sessions[0].readings] == ["A reading"]
    assert (found[0].fetch_max_mib, found[0].data) == (3, tmp_path / "data")
