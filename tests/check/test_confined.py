"""A text is cut into claims in a process that ends where the text makes it slow."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial

import pytest

from check.scripted import ScriptedVerifier, Shelf
from seminar_rag.check import claims
from seminar_rag.check.claims import ConfinedExtract, extract
from seminar_rag.check.report import LONGEST_CLAIM, Checker
from seminar_rag.errors import SourceError
from seminar_rag.types import Hit, Scope

TEXT = "# Essay\n\nLoRA freezes the weights [1]. It is small.\n\n[1] E. J. Hu. LoRA. 2021."


@pytest.fixture(scope="module")
def reader() -> Iterator[ConfinedExtract]:
    one = ConfinedExtract()
    yield one
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize("text", [TEXT, "", "The model of " + "Xx-" * 1000 + " works."])
def test_the_claims_are_those_of_the_same_process(reader: ConfinedExtract, text: str) -> None:
    assert reader(text) == extract(text)


@pytest.mark.slow
def test_a_text_that_makes_the_reader_slow_ends_its_process_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "SECONDS", 1.0)
    reader = ConfinedExtract(partial(re.search, "(a+)+$"))
    started = time.monotonic()
    try:
        with pytest.raises(SourceError, match="within 1 seconds — check it in parts"):
            reader("a" * 40 + "b")
        assert time.monotonic() - started < 60
        with pytest.raises(SourceError, match="check it in parts"):
            reader("b")  # the next process answers: nothing is found
    finally:
        reader.close()
    with pytest.raises(SourceError, match="the server is stopping"):
        reader("b")


def test_what_is_too_long_to_be_one_statement_is_not_compared() -> None:
    searched: list[str] = []

    class Watched(Shelf):
        def __call__(self, query: str, k: int, scope: Scope | None) -> tuple[Hit, ...]:
            searched.append(query)
            return super().__call__(query, k, scope)

    text = f"LoRA is small. A protein is {'Ala-Gly-Ser-' * 400} and so on."
    items = list(Checker(Watched(), ScriptedVerifier({}), ()).check(text))
    assert [item.label for item in items] == ["not found", "not a claim"]
    assert f"more than {LONGEST_CLAIM:,} characters" in items[1].reason
    assert searched == ["LoRA is small."]
