from __future__ import annotations

from passages import hit

from seminar_rag.answer.choice import Speaks, speak_of
from seminar_rag.answer.units import units
from seminar_rag.types import Hit


def spoken(compared: tuple[str, ...], *hits: Hit) -> list[Speaks]:
    offered = dict(enumerate(hits, 1))
    found = [one for i, each in offered.items() for one in units(i, each)]
    return speak_of(found, offered, compared)


def test_a_unit_speaks_of_the_side_that_it_begins_with() -> None:
    found = spoken(("SEAT", "WEAT"), hit("SEAT compares whole sentences by applying WEAT to them."))
    assert found == [Speaks(frozenset({0}), frozenset(), names_all=True, opens=True)]


def test_only_a_name_at_the_beginning_opens_a_unit() -> None:
    later = hit("In the tests that were made of it SEAT finds less than others.")
    assert [one.opens for one in spoken(("SEAT", "WEAT"), later)] == [False]


def test_a_name_is_known_without_its_version() -> None:
    text = "Mixtral has eight experts in each of its layers."
    assert spoken(("Mixtral 8x7B", "MM1"), hit(text))[0].of == {0}


def test_a_title_tells_sides_apart_only_where_titles_differ() -> None:
    text = "It keeps all keys of the window in memory."
    both = (hit(text, "Mistral"), hit(text, "PagedAttention"))
    assert [one.of for one in spoken(("Mistral", "PagedAttention"), *both)] == [{0}, {1}]
    same = (hit(text, "Mistral"), hit(text, "Mistral"))
    assert [one.of for one in spoken(("Mistral", "Paged"), *same)] == [set(), set()]


def test_one_side_is_no_comparison() -> None:
    assert spoken(("Mistral",), hit("Mistral keeps all the keys it has.")) == [Speaks()]
