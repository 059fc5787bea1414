"""What one reading says on a question: rows of a scope, and cells over scripted passages."""

from __future__ import annotations

from seminar_rag.compare.table import fitted, rows
from seminar_rag.types import Scope
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from ui.fake_course import NOTES, RAG, RAG_PASSAGE, SURVEY


def catalogue() -> Catalogue:
    listed = (
        ListedReading("rag", RAG.title, "Ada"),
        ListedReading("gone", "No text", None, None, (), "more"),
        ListedReading("survey", SURVEY.title, None, None, (), "more"),
    )
    sessions = (ListedSession(3, "Other"), ListedSession(15, "RAG", readings=listed))
    records = {one.id: Record(one, "s", "", passages=3) for one in (NOTES, RAG, SURVEY)}
    return Catalogue("Course", (), sessions, records)


def test_rows_are_the_readings_as_listed_then_the_notes():
    found = rows(catalogue(), Scope(sessions=frozenset({15})))
    assert [(one.reading, one.kind) for one in found] == [
        ("rag", "paper"),
        ("gone", None),
        ("survey", "abstract"),
        ("notes15", "notes"),
    ]


def test_a_scope_leaves_rows_out():
    def ids(scope: Scope) -> list[str]:
        return [one.reading for one in rows(catalogue(), scope)]

    assert ids(Scope(sessions=frozenset({3}))) == []
    assert ids(Scope(readings=frozenset({"rag"}))) == ["rag"]
    assert ids(Scope(required_only=True)) == ["rag"]
    assert ids(Scope(kinds=frozenset({"notes"}))) == ["notes15"]


def test_the_nearer_a_quotation_comes_the_likelier_it_answers():
    model, says, perhaps = fitted()
    assert 0 < perhaps < says < 1
    near = dict.fromkeys(model.features, 1.0)
    far = {**near, "cosine": 0.0, "word similarity": 0.0, "score": 0.0}
    assert model.score(near) > model.score(far)
    assert RAG_PASSAGE.sentences
