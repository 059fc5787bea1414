from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seminar_rag.documents.chunk import LIMIT, PREFIX, split
from seminar_rag.types import Block, Document

DOCUMENT = Document("d", "paper", "r", "A Paper on Passages")


def count(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def prose(sentences: int, length: int = 12) -> str:
    return " ".join(
        f"Sentence {i} has " + " ".join(["words"] * (length - 4)) + "." for i in range(sentences)
    )


def test_a_section_becomes_passages_on_sentence_bounds() -> None:
    blocks = [Block("Method", "heading", 1), Block(prose(60))]
    chunks = split(DOCUMENT, blocks, count, "Session title")
    assert len(chunks) > 2
    for chunk in chunks:
        passage = chunk.passage
        assert count(passage.text) <= LIMIT
        assert passage.text.endswith("words.")
        assert passage.heading == "Method"
    sizes = [count(chunk.passage.text) for chunk in chunks]
    assert min(sizes) > 0.6 * max(sizes), "no scrap at the end of a section"


def test_never_across_a_section_and_the_heading_leads() -> None:
    blocks = [
        Block("Intro", "heading", 1),
        Block("First things."),
        Block("Deeper", "heading", 2),
        Block("Second things."),
        Block("Empty", "heading", 2),
        Block("Next", "heading", 1),
        Block("Third things."),
    ]
    passages = [chunk.passage for chunk in split(DOCUMENT, blocks, count)]
    assert [p.heading for p in passages] == ["Intro", "Intro › Deeper", "Next"]
    assert passages[1].text == "Deeper\nSecond things."
    assert [s.kind for s in passages[1].sentences] == ["heading", "paragraph"]


def test_the_prefix_is_embedded_and_not_shown() -> None:
    blocks = [Block("Method", "heading", 1), Block("It works.")]
    (chunk,) = split(DOCUMENT, blocks, count, "Week 3")
    assert chunk.prefix == "Week 3 › A Paper on Passages"
    assert chunk.embedded == "Week 3 › A Paper on Passages\nMethod\nIt works."
    assert "Week 3" not in chunk.passage.text


def test_a_long_prefix_is_cut_to_its_budget() -> None:
    long = Document("d", "paper", "r", "very " * 60 + "long title")
    blocks = [Block("H" + "ead " * 50, "heading", 1), Block(prose(40))]
    for chunk in split(long, blocks, count, "context " * 40):
        assert count(chunk.prefix) <= PREFIX
        assert count(chunk.embedded) <= LIMIT + PREFIX


def test_a_sentence_over_the_limit_is_cut_not_dropped() -> None:
    text = "one, " * 400 + "end."
    passages = [chunk.passage for chunk in split(DOCUMENT, [Block(text)], count)]
    assert all(count(p.text) <= LIMIT for p in passages)
    assert "".join(p.text for p in passages).replace(" ", "") == text.replace(" ", "")


def test_spans_point_into_the_source() -> None:
    source = "intro\n**Bold** words here. More of it.\n"
    raw = [i for i in range(6, len(source) - 1) if source[i] != "*"]
    text = "".join(source[i] for i in raw)
    block = Block(text, "paragraph", start=6, offsets=tuple(raw))
    (chunk,) = split(DOCUMENT, [block], count)
    passage = chunk.passage
    assert source[passage.start : passage.end] == "Bold** words here. More of it."
    assert [passage.quote(s) for s in passage.sentences] == ["Bold words here.", "More of it."]


def test_pages_follow_the_sentences() -> None:
    blocks = [Block("On page one.", page=1), Block("On page two.", page=2)]
    (chunk,) = split(DOCUMENT, blocks, count)
    assert [s.page for s in chunk.passage.sentences] == [1, 2]
    assert chunk.passage.page == 1


def test_ids_are_stable_and_local() -> None:
    blocks = [
        Block("A", "heading", 1),
        Block("Alpha."),
        Block("B", "heading", 1),
        Block("Beta."),
    ]
    before = {c.passage.text: c.passage.id for c in split(DOCUMENT, blocks, count)}
    changed = [blocks[0], Block("Alpha, changed."), *blocks[2:]]
    after = {c.passage.text: c.passage.id for c in split(DOCUMENT, changed, count)}
    assert before["B\nBeta."] == after["B\nBeta."]
    assert before["A\nAlpha."] not in after.values()


def test_the_same_text_twice_has_two_ids() -> None:
    blocks = [Block("A", "heading", 1), Block("Same.")] * 2
    ids = [chunk.passage.id for chunk in split(DOCUMENT, blocks, count)]
    assert len(set(ids)) == 2


WORDS = st.text(alphabet="abcdefghij .,;:-()ABCé\n", min_size=0, max_size=600)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["paragraph", "item", "table", "heading"]), WORDS)))
def test_nothing_is_lost_and_nothing_is_too_long(parts: list[tuple[str, str]]) -> None:
    blocks = [Block(text, kind, 1) for kind, text in parts]  # type: ignore[arg-type]
    chunks = split(DOCUMENT, blocks, count)
    for chunk in chunks:
        passage = chunk.passage
        assert count(chunk.embedded) <= LIMIT + PREFIX or not passage.text
        assert all(0 <= s.start < s.end <= len(passage.text) for s in passage.sentences)
        assert all(a.end <= b.start for a, b in pairwise(passage.sentences))
    kept = re.sub(r"\s", "", "".join(c.passage.text for c in chunks))
    body = [b.text for b in blocks if b.kind not in ("heading", "table")]
    body += [row for b in blocks if b.kind == "table" for row in b.text.split("\n")]
    for text in body:
        assert re.sub(r"\s", "", text) in kept


def test_a_table_that_goes_on_in_another_passage_names_its_columns_again() -> None:
    rows = [f"Glaze {n} | {n} | a colour of many words that fills the passage" for n in range(40)]
    table = Block("\n".join(["Glaze | Cone | Colour", *rows]), "table", start=100)
    passages = [chunk.passage for chunk in split(DOCUMENT, [table], count)]
    assert len(passages) > 1
    assert all(one.quote(one.sentences[0]) == "Glaze | Cone | Colour" for one in passages)
    assert all(count(one.text) <= LIMIT for one in passages)
    # The row that is said again is no part of the passage's span.
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert passages[1].start > table.start


@pytest.mark.parametrize("text", ["a" * 50_000, "a" * 50_000 + " b.", ";" * 50_000])
def test_a_run_of_letters_without_end_is_cut_whatever_the_model_counts(text: str) -> None:
    def unknown(text: str) -> int:
        return len(text.split())  # a model has one WordPiece for a word that it cannot read

    chunks = split(DOCUMENT, [Block("Method", "heading", 1), Block(text)], unknown)
    assert max(len(chunk.passage.text) for chunk in chunks) <= 5_000
    assert "".join("".join(chunk.passage.text.split()) for chunk in chunks).endswith(
        text[-1_000:].replace(" ", "")
    )


def test_a_title_of_many_words_leads_no_passage_for_long() -> None:
    document = replace(DOCUMENT, title="a " * 20_000)
    counted: list[int] = []

    def watched(text: str) -> int:
        counted.append(len(text))
        return count(text)

    (chunk,) = split(document, [Block("It works.")], watched, "Week 3")
    assert count(chunk.prefix) <= PREFIX
    assert sum(counted) < 10_000_000
