"""What a browser or program sends is read by models: what does not fit counts as left out."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from seminar_rag.types import Scope
from seminar_rag.ui.shared.browser import (
    CitationRecord,
    ConversationRecord,
    ExchangeRecord,
    ExportRequest,
    ScopeRecord,
    Wish,
)


def test_a_field_that_does_not_fit_is_taken_for_one_that_is_missing():
    wish = Wish.model_validate(
        {"do": "feedback", "exchange": "2", "says": "helpful", "comment": 7, "share": "yes"}
    )
    assert (wish.do, wish.says) == ("feedback", "helpful")
    assert (wish.exchange, wish.comment, wish.share) == (0, "", False)


def test_a_wish_names_a_scope_of_which_only_what_is_understood_counts():
    sent = {"do": "scope", "scope": {"sessions": [3, "x", True], "kinds": ["notes", {}]}}
    assert Wish.model_validate(sent).scope.scope() == Scope(
        frozenset({3}), kinds=frozenset({"notes"})
    )


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '"x"', "{", "[" * 9999, None, 7])
def test_what_is_no_wish_is_none(text):
    assert Wish.read(text) is None


def test_unknown_fields_are_ignored():
    assert Wish.read('{"do": "new", "more": {"deep": [1]}}') == Wish(do="new")


def test_what_cannot_be_left_out_makes_the_whole_invalid():
    with pytest.raises(ValidationError):
        CitationRecord.model_validate({"number": 0, "quote": "x", "document": {}})
    with pytest.raises(ValidationError):
        ExchangeRecord.model_validate({"question": "", "state": "done"})
    assert ExportRequest.read('{"title": "x"}') is None


def test_rows_that_do_not_fit_are_left_out_and_lists_and_texts_are_cut():
    row = {"question": "Q", "state": "done", "text": "x" * 30_000, "warnings": ["w"] * 500}
    sent = {"v": 1, "id": "a", "exchanges": [row, {"state": "done"}, 7, {**row, "state": "odd"}]}
    record = ConversationRecord.read(json.dumps(sent))
    assert record is not None
    (exchange,) = record.exchanges
    assert len(exchange.text) == 20_000
    assert len(exchange.warnings) == 100


def test_half_a_character_does_not_reach_what_is_written():
    record = ExportRequest.read('{"record": "{}", "title": "half \\ud83d"}')
    assert record is not None
    assert record.title.encode() == b"half ?"


def test_a_record_says_only_what_is_not_the_default():
    scope = ScopeRecord.model_validate(Scope(sessions=frozenset({15, 3})))
    assert scope.model_dump(exclude_defaults=True) == {"sessions": (3, 15)}
