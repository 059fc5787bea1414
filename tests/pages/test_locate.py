from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seminar_rag.pages.locate import Keyed, PageMatch, find, key, keyed

HEAD = "Proceedings of the Guild of Weavers 12"
ONE = "Looms read a chain of punched cards. The first card decides the colour of the border."
TWO = "It is kept apart from the others. A weaver who loses one repeats the card before it."


def page(text: str) -> Keyed:
    return keyed(map(ord, text))


def shown(match: PageMatch | None, *texts: str) -> list[str]:
    assert match is not None
    return [texts[run.page][run.first : run.last + 1] for run in match.runs]


def test_case_spaces_hyphens_ligatures_and_accents_do_not_matter() -> None:
    text = "The na\u00efve classi\ufb01er is de-\r\nscribed  in  FIGURE 2."
    match = find("the naive classifier is described in Figure 2", [page(text)])
    assert shown(match, text) == [text[:-1]]
    assert match is not None
    assert match.how == "exact"


def test_letters_beyond_the_first_plane_come_as_two_surrogates() -> None:
    units = "let \U0001d465 be small".encode("utf-16-le")
    codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
    assert keyed(codes).text == "letxbesmall"
    assert key("\U0001d465") == "x"


def test_of_several_occurrences_the_one_after_its_context_is_meant() -> None:
    text = "In Rome it rains a lot. Elsewhere, in Oslo, it rains a lot. It rains a lot."
    match = find("it rains a lot", [page(text)], before="Elsewhere, in Oslo,")
    assert match is not None
    assert match.runs[0].first == text.index("it rains", 30)


def test_a_single_letter_is_not_found_just_anywhere() -> None:
    assert find("C", [page("A cat can catch a cold")]) is None
    assert find("§", [page("§ 3")]) is None


def test_a_quote_goes_on_after_a_page_break_with_its_running_head() -> None:
    first, second = f"{ONE} A weaver who loses", f"{HEAD} one card repeats the one before it. {TWO}"
    quote = "A weaver who loses one card repeats the one before it."
    match = find(quote, [page(first), page(second)])
    assert shown(match, first, second) == [
        "A weaver who loses",
        "one card repeats the one before it",
    ]


def test_a_few_letters_before_the_break_are_found_too() -> None:
    first = f"{ONE} We say 1 A footnote stands here."
    second = f"{HEAD} that nothing in the machine knows the finished cloth. {TWO}"
    quote = "We say that nothing in the machine knows the finished cloth."
    found = shown(find(quote, [page(first), page(second)]), first, second)
    assert found == ["We say", "that nothing in the machine knows the finished cloth"]


def test_a_figure_that_floats_into_a_sentence_is_left_out() -> None:
    figure = " Figure 4: The loom of 1801, drawn by hand, with all of its parts named. " * 3
    text = f"{ONE} A weaver who loses one card{figure}repeats the pattern of the card before it."
    quote = "A weaver who loses one card repeats the pattern of the card before it."
    found = shown(find(quote, [page(text)]), text)
    assert found == ["A weaver who loses one card", "repeats the pattern of the card before it"]


def test_glyphs_that_the_page_names_otherwise_do_not_tear_the_box() -> None:
    text = f"{ONE} The sum xq over all weavers zz equals the number of the cards. {TWO}"
    quote = "The sum over all weavers Σαβ equals the number of the cards."
    match = find(quote, [page(text)])
    assert shown(match, text) == ["The sum xq over all weavers zz equals the number of the cards"]
    assert match is not None
    assert match.how == "parts"


def test_a_sentence_that_is_not_there_is_not_found() -> None:
    assert (
        find("Quantum computers factor integers in polynomial time.", [page(ONE), page(TWO)])
        is None
    )


@pytest.mark.slow
@given(st.text(max_size=60), st.lists(st.text(max_size=200), max_size=3))
def test_runs_stay_on_their_pages(quote: str, texts: list[str]) -> None:
    pages = [keyed(map(ord, text)) for text in texts]
    match = find(quote, pages)
    for run in match.runs if match else ():
        assert 0 <= run.first <= run.last < len(texts[run.page])


@pytest.mark.slow
@given(st.text(alphabet="abcdefgh ", min_size=30, max_size=200), st.data())
def test_what_stands_on_a_page_is_found_there(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 20))
    quote = text[start : start + 20]
    if len(key(quote)) < 8:
        return
    (found,) = shown(find(quote, [page(text)]), text)
    assert key(found) == key(quote)
