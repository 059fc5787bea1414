"""Marks in a streamed answer, the sentences they stand in, and the sentences that support them."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seminar_rag.answer.citations import Mark, MarkFilter, split_answer, supporting_sentence
from seminar_rag.types import BlockKind, Passage, Sentence


class Recorded(MarkFilter):
    """A filter with the marks that came out of it."""

    marks: tuple[Mark, ...] = ()


def through(text: str, offered: int = 3, cuts: list[int] | None = None) -> Recorded:
    """The filter after the text went through it; checks that its output is its text."""
    marks = Recorded(offered)
    bounds = [0, *sorted(cuts or []), len(text)]
    chunks = [text[a:b] for a, b in pairwise(bounds)]
    out = [piece for chunk in chunks for piece in marks.feed(chunk)] + marks.finish()
    assert "".join(p.text if isinstance(p, Mark) else p for p in out) == marks.text
    marks.marks = tuple(piece for piece in out if isinstance(piece, Mark))
    return marks


@pytest.mark.parametrize(
    ("said", "shown", "offered"),
    [
        ("A is b [1].", "A is b [1].", {1: 1}),
        ("A [3]. B [1]. C [3].", "A [1]. B [2]. C [1].", {1: 3, 2: 1}),
        ("A [1, 2].", "A [1][2].", {1: 1, 2: 2}),
        ("A [2;1].", "A [1][2].", {1: 2, 2: 1}),
        ("A [1 and 3].", "A [1][2].", {1: 1, 2: 3}),
        ("A [1][2].", "A [1][2].", {1: 1, 2: 2}),
        ("A [1] [2].", "A [1] [2].", {1: 1, 2: 2}),
        ("A [1-3].", "A [1][2][3].", {1: 1, 2: 2, 3: 3}),
        ("A [2–3].", "A [1][2].", {1: 2, 2: 3}),
        ("A [1-900000000].", "A [1].", {1: 1}),
        ("A [Passage 2] [source 3] [^1].", "A [1] [2] [3].", {1: 2, 2: 3, 3: 1}),
        ("A 【2】 【1†lines】.", "A [1] [2].", {1: 2, 2: 1}),
        ("A [1][1] and [1].", "A [1] and [1].", {1: 1}),
        ("A [1] [1].", "A [1].", {1: 1}),
        ("A [9].", "A.", {}),
        ("A [4, 2].", "A [1].", {1: 2}),
        ("[7] A", " A", {}),
        ("A [0].", "A.", {}),
        ("A [2017].", "A.", {}),
        ("A [1", "A", {}),
        ("A [Passage 1,", "A", {}),
        ("A [", "A", {}),
        ("A [see", "A [see", {}),
        ("x in [0, 1], [MASK] and [sic]", "x in [0, 1], [MASK] and [sic]", {}),
        ("[the words of this bracket are many more than would ever fit into a mark] [1]",
         "[the words of this bracket are many more than would ever fit into a mark] [1]", {1: 1}),
        ("a[i] = b[1]", "a[i] = b[1]", {1: 1}),
        ("[[1]]", "[[1]]", {1: 1}),
        ("[[9]2]", "[2 ]", {}),
        ("A. \n\n- b [2]\n- c", "A. \n\n- b [1]\n- c", {1: 2}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_marks(said: str, shown: str, offered: dict[int, int]) -> None:
    marks = through(said)
    assert marks.text == shown
    assert marks.numbers == offered


def test_text_is_held_back_only_while_it_may_be_a_mark() -> None:
    marks = MarkFilter(2)
    assert marks.feed("Attention is ") == ["Attention is"]
    assert marks.feed("all [") == [" all"]
    assert marks.feed("2") == []
    assert [type(piece) for piece in marks.feed("]. You")] == [str, Mark, str]
    assert marks.finish() == []
    assert marks.text == "Attention is all [1]. You"


def test_a_mark_knows_its_sentence() -> None:
    marks = through("It was built in 2017 [2]. It weighs tokens. [1] It adds [3] and maps [1].")
    assert [(m.number, m.offered, m.sentence) for m in marks.marks] == [
        (1, 2, "It was built in 2017"),
        (2, 1, "It weighs tokens."),
        (3, 3, "It adds"),
        (2, 1, "It adds and maps"),
    ]
    assert marks.marks[0].text == "[1]"


def test_a_mark_before_any_word_and_one_in_a_list_item() -> None:
    marks = through("[2] First it is read [1]. Nothing here. Then it is\n- cut [1].\n\nDone. [3]")
    said = [mark.sentence for mark in marks.marks]
    assert said == ["", "First it is read", "cut", "Done."]


def test_warnings_name_what_was_taken_out_and_what_has_no_source() -> None:
    marks = through("A is b [7, 1]. C is d [8]. E is f.")
    unknown, first, second = marks.warnings()
    assert "cited [7], [8]," in unknown
    assert "“C is d.”" in first
    assert "“E is f.”" in second
    assert through("A is b [1]. C is d [2].").warnings() == ()


def test_a_long_uncited_sentence_is_shortened_in_its_warning() -> None:
    (warning,) = through("word " * 100).warnings()
    assert len(warning) < 130
    assert warning.endswith("word…”")


answers = st.lists(
    st.sampled_from(
        ["[", "]", "[1]", "[2]", "[9]", "[1, 2]", "[1-3]", "【3】", "[passage 2]", "0", "1", "2",
         ", ", "-", " ", "\n", ". ", "A sentence", "é", "注意。", "[MASK]", "x" * 70, "[1 ", "and"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(answers | st.text(alphabet="[]0123 ,-.aB\n【】", max_size=60), st.data())
def test_the_cutting_into_chunks_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=len(text) + 1))
    whole, cut = through(text), through(text, cuts=cuts)
    assert cut.text == whole.text
    assert cut.marks == whole.marks
    assert cut.warnings() == whole.warnings()


@settings(max_examples=200, deadline=None)
@given(answers | st.text(alphabet="[]0123 ,-.aB\n【】", max_size=60), st.integers(0, 3))
def test_only_offered_numbers_come_out(text: str, offered: int) -> None:
    marks = through(text, offered=offered, cuts=list(range(len(text))))
    seen = [int(n) for n in re.findall(r"\[(\d{1,3})\]", marks.text)]
    assert seen == [mark.number for mark in marks.marks]
    assert all(1 <= mark.offered <= offered for mark in marks.marks)
    assert list(dict.fromkeys(seen)) == list(range(1, len(marks.numbers) + 1))


@settings(max_examples=200, deadline=None)
@given(answers | st.text(alphabet="[]0123 ,-.aB\n【】", max_size=60))
def test_nothing_comes_out_beside_marks_that_was_not_written(text: str) -> None:
    written = iter(text)
    out = re.sub(r"\[\d{1,3}\]|\s", "", through(text).text)
    assert all(char in written for char in out)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="[]【】"), max_size=80))
def test_text_without_brackets_is_left_alone(text: str) -> None:
    assert through(text, cuts=list(range(len(text)))).text == text


def test_a_very_long_answer_takes_no_time() -> None:
    started = time.perf_counter()
    marks = through("The model weighs every token against all the others [1]. " * 1000)
    assert len(marks.marks) == 1000
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        ("A is b [1]. C is d.", [("A is b.", (1,)), ("C is d.", ())]),
        ("A is b. [1][2] C is d! [2]", [("A is b.", (1, 2)), ("C is d!", (2,))]),
        ("A is b.[1] C is d", [("A is b.", (1,)), ("C is d", ())]),
        ("Vaswani et al. (2017) use 3.5 layers, e.g. six [1].",
         [("Vaswani et al. (2017) use 3.5 layers, e.g. six.", (1,))]),
        ("See Fig. 3 of J. Smith [2].", [("See Fig. 3 of J. Smith.", (2,))]),
        ("Two:\n- one [1]\n- two [2]\n\n1. three [1]",
         [("Two:", ()), ("one", (1,)), ("two", (2,)), ("three", (1,))]),
        ("He said “yes.” [1] Then “no!”", [("He said “yes.”", (1,)), ("Then “no!”", ())]),
        ("Why? Because [1]. 注意力[1]。好。[2]",
         [("Why?", ()), ("Because.", (1,)), ("注意力。", (1,)), ("好。", (2,))]),
        ("A is b.\n[1]", [("A is b.", (1,))]),
        ("It is it [1]... And more [2].", [("It is it...", (1,)), ("And more.", (2,))]),
        ("--- \n ***", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_of_an_answer(answer: str, sentences: list[tuple[str, tuple[int, ...]]]) -> None:
    found = split_answer(answer)
    assert [(s.text, s.numbers) for s in found] == sentences


@settings(max_examples=150, deadline=None)
@given(answers)
def test_sentences_are_in_order_and_hold_every_mark(text: str) -> None:
    answer = through(text).text
    sentences = split_answer(answer)
    assert all(a.end <= b.start for a, b in pairwise(sentences))
    assert all(s.text and answer[s.start : s.end].strip() for s in sentences)
    if sentences:
        inside = {n for s in sentences for n in s.numbers}
        later = answer[sentences[0].start :]
        assert inside == {int(n) for n in re.findall(r"\[(\d{1,3})\]", later)} or not inside


def passage(*sentences: str, kinds: tuple[BlockKind, ...] = ()) -> Passage:
    text, spans = "", []
    for index, sentence in enumerate(sentences):
        start = len(text) + bool(text)
        text = f"{text} {sentence}".strip()
        kind = kinds[index] if kinds else "paragraph"
        spans.append(Sentence(start, start + len(sentence), kind))
    return Passage("p", "d", 0, text, "", 0, len(text), None, tuple(spans))


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("The Transformer relies on attention alone.", 1),
        ("Transformers rely on attentions.", 1),
        ("Training took 3.5 days on eight GPUs [1].", 2),
        ("It has 213,000,000 parameters.", 3),
        ("Recurrent models read tokens one after another.", 0),
        ("Nothing here matches zebras.", 0),
        ("的注意力", 0),
    ],
)
def test_the_supporting_sentence(claim: str, expected: int) -> None:
    source = passage(
        "Recurrent models process tokens one after another, which forbids parallel training.",
        "We propose the Transformer, which relies entirely on attention and on no recurrence.",
        "Training took 3.5 days on eight P100 GPUs for the big model and 12 hours for the base.",
        "The big model has 213000000 parameters.",
    )
    assert source.sentences.index(supporting_sentence(claim, source)) == expected


def test_of_equals_the_earlier_supports() -> None:
    source = passage("Attention helps translation.", "Attention helps translation.")
    assert supporting_sentence("Attention helps translation", source) == source.sentences[0]


def test_a_whole_sentence_beats_a_fragment_and_a_heading() -> None:
    source = passage(
        "Self-attention",
        "Self-attention relates the positions of one sequence to each other to represent it.",
        kinds=("heading", "paragraph"),
    )
    claim = "Self-attention relates positions of a sequence."
    assert supporting_sentence(claim, source) == source.sentences[1]
    assert supporting_sentence("Self-attention", source).kind in ("heading", "paragraph")


def test_a_passage_without_sentences_supports_as_a_whole() -> None:
    source = Passage("p", "d", 0, "some text", "", 0, 9, 4, ())
    assert supporting_sentence("text", source) == Sentence(0, 9, page=4)


def test_a_quotation_beside_a_sentence_stands_for_its_mark() -> None:
    marks = MarkFilter(1)
    marks.feed("Moths are fliers. – “They fly at night.” [1] They sing.")
    marks.finish()
    assert marks.warnings() == ("No passage is cited for: “They sing.”",)
