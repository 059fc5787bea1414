from __future__ import annotations

import json
from pathlib import Path

import pytest

from seminar_rag.errors import SourceError
from seminar_rag.evaluation.questions import Question, read_questions
from seminar_rag.types import Turn
from shared_data import SHARED

FINE = {"id": "q", "question": "What is it?", "type": "why", "doc": "a.md", "evidence": "said"}


def read(tmp_path: Path, *lines: str | dict[str, object]) -> list[Question]:
    path = tmp_path / "q.jsonl"
    rows = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(rows), encoding="utf-8")
    return read_questions(path)


def test_a_question_is_read_with_its_history_and_group(tmp_path: Path) -> None:
    row = {
        "id": 1,
        "question": "and?",
        "type": "factoid",
        "doc": "notes.md",
        "evidence": ["a", "b"],
        "history": [{"role": "user", "content": "What is it?"}],
    }
    (one,) = read(tmp_path, "", row, "")
    assert one.evidence == (("notes.md", "a"), ("notes.md", "b"))
    assert one.history == (Turn("user", "What is it?"),)
    assert one.group == "follow-up"
    assert one.place == "line 2 (question 1)"


@pytest.mark.parametrize(
    ("more", "group"),
    [
        ({}, "plainly worded"),
        ({"paraphrase": True}, "paraphrased"),
        ({"type": "numeric", "paraphrase": True}, "numeric"),
        ({"type": "multi", "doc": ["a", "b"], "evidence": ["x", "y"]}, "multi-document"),
    ],
)
def test_groups(tmp_path: Path, more: dict[str, object], group: str) -> None:
    (one,) = read(tmp_path, FINE | more)
    assert one.group == group
    assert one.unanswerable is None


def test_quotes_of_several_files(tmp_path: Path) -> None:
    row = FINE | {"doc": ["a", "b"], "evidence": ["x", "y", "z"], "evidence_docs": ["a", "b", "a"]}
    assert read(tmp_path, row)[0].evidence == (("a", "x"), ("b", "y"), ("a", "z"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ({"id": "x"}, "question: Field required"),
        (FINE | {"question": " "}, "question: String should have at least 1 character"),
        ({"id": 1, "question": "?"}, "type: Field required"),
        (FINE | {"paraphrase": "no"}, "paraphrase: Input should be a valid boolean"),
        (FINE | {"evidence": []}, 'quote the sentences that answer it as "evidence"'),
        (FINE | {"evidence": [None]}, "evidence: 0: Input should be a valid string"),
        (FINE | {"doc": None}, 'name in "doc" the file'),
        (FINE | {"doc": ["a", "b"]}, "or one for each quote"),
        (FINE | {"history": "no"}, "history: Input should be a valid"),
        (FINE | {"history": [{"role": "system", "content": "x"}]}, "history: 0: role: Input"),
        (FINE | {"unanswerable_kind": "off_topic"}, 'belongs to the type "unanswerable"'),
        ({"id": 1, "question": "?", "type": "unanswerable"}, '"unanswerable_kind" belongs'),
        (
            {"id": 1, "question": "?", "type": "unanswerable", "unanswerable_kind": "odd"},
            "unanswerable_kind: Input should be 'on_topic', 'off_topic' or 'injection'",
        ),
        (
            FINE | {"type": "unanswerable", "unanswerable_kind": "on_topic"},
            "an unanswerable question has no evidence",
        ),
        (FINE | {"id": "first"}, 'has the id "first" of line 1 — give it another'),
    ],
)
def test_a_line_that_is_no_question_is_named_with_the_remedy(
    tmp_path: Path, line: str | dict[str, object], message: str
) -> None:
    with pytest.raises(SourceError, match=rf"q\.jsonl, line 2 .*{message}") as caught:
        read(tmp_path, FINE | {"id": "first"}, line)
    assert "\n" not in str(caught.value)


def test_a_file_without_questions_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nothing\.jsonl cannot be read"):
        read_questions(tmp_path / "nothing.jsonl")
    with pytest.raises(SourceError, match="holds no questions"):
        read(tmp_path, "")


@pytest.mark.skipif(
    not (SHARED / "questions/dev.jsonl").exists(), reason="no shared questions beside the checkout"
)
def test_the_labelled_questions_can_be_read() -> None:
    questions = read_questions(SHARED / "questions/dev.jsonl")
    kinds = [one.unanswerable for one in questions]
    assert [kinds.count(kind) for kind in ("on_topic", "off_topic", "injection")] == [15, 10, 5]
