"""Whether a word is an English word."""

from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag import english


def test_words_are_known_and_misspellings_and_most_names_are_not() -> None:
    assert all(map(english.is_english, ("multiply", "Cache", "language")))
    assert not any(map(english.is_english, ("multipel", "cahce", "Dettmers", "of course", "", "x")))


def test_without_the_list_no_word_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(english, "_LIST", Path("nowhere"))
    assert not english._known.__wrapped__()
