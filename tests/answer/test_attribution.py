"""Citations by evidence: what is cited, and what a stream of text becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passages import hit

from seminar_rag.answer.attribution import Attribution, attributed
from seminar_rag.check.support import BuiltinVerifier, Verifier
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Passage, Verdict

BEES = "A honey bee visits 50 to 100 flowers on one trip. It lives for about 40 days in summer."
MOTHS = "Moths carry pollen over greater distances than bees. Moths fly at night."
CHECK = BuiltinVerifier(HashEmbedder().embed)
EVIDENCE = Attribution(CHECK, (hit(MOTHS, "Moths"), hit(BEES, "Bees")))


def written(text: str, piece: int = 3, limit: int = 10_000) -> str:
    chunks = [text[i : i + piece] for i in range(0, len(text), piece)]
    return "".join(attributed(iter(chunks), EVIDENCE, limit))


def test_a_sentence_cites_what_says_it_whatever_number_it_was_given() -> None:
    text = "A honey bee visits 50 to 100 flowers on one trip [1]. Moths fly at night [2]."
    assert written(text) == (
        "A honey bee visits 50 to 100 flowers on one trip. [2] Moths fly at night. [1]"
    )


def test_what_no_passage_says_cites_nothing() -> None:
    assert "[" not in written("A honey bee visits 300 flowers on one trip [2].")


def test_a_later_sentence_that_no_passage_says_is_left_out() -> None:
    text = "Moths fly at night. Wasps build their nests of paper [1]. It lives for about 40 days."
    evidence = Attribution(CHECK, (hit(MOTHS, "Moths"), hit(BEES, "Bees")))
    said = "".join(attributed(iter(text), evidence, 999))
    assert said == "Moths fly at night. [1] It lives for about 40 days. [2]"
    assert evidence.left_out == ["Wasps build their nests of paper."]
    assert written(evidence.left_out[0]) == evidence.left_out[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Bienen leben lang [2]. Wespen bauen aus Papier. Falter fliegen nachts [1].", 1),
        ("Bienen leben lang. Wespen bauen aus Papier. Falter fliegen nachts [1].", 0),
    ],
)
def test_where_passages_are_named_for_each_sentence_one_without_is_left_out(
    text: str, left: int
) -> None:
    foreign = Attribution(CHECK, (hit(MOTHS), hit(BEES)), trusting=True)
    said = "".join(attributed(iter(text), foreign, 999))
    assert foreign.left_out == ["Wespen bauen aus Papier."][:left]
    assert said.endswith("Falter fliegen nachts. [1]")


def test_words_of_two_passages_make_no_sentence_that_cites_both() -> None:
    said = "Over greater distances moths that live for about 40 days visit 100 flowers."
    both = CHECK.verify(said, [hit(MOTHS).passage, hit(BEES).passage])
    assert (both.label, written(said)) == ("supported", said)


def test_a_sentence_made_of_two_passages_cites_both() -> None:
    text = "A honey bee visits 50 to 100 flowers on one trip, and moths fly at night."
    assert written(text).endswith("night. [2] [1]") or written(text).endswith("night. [1] [2]")


class Unsure(Verifier):
    """Calls everything supported, but not for sure."""

    name, while_writing, quick = "unsure", True, None

    def verify(self, claim: str, passages: Sequence[Passage], known: str = "") -> Verdict:
        return Verdict("supported", 0.7, "")


def test_beside_what_may_be_supported_the_passage_is_quoted_once() -> None:
    unsure = Attribution(Unsure(), (hit(MOTHS + " Moths are shy by day [3]."),))
    text = "Moths are night fliers. They do fly at night. They may be shy moths."
    assert "".join(attributed(iter([text]), unsure, 99)) == (
        "Moths are night fliers. – “Moths fly at night.” [1] They do fly at night."
        " They may be shy moths. – “Moths are shy by day.” [1]"
    )


def test_beside_a_sentence_over_several_items_their_list_is_quoted() -> None:
    kilns = hit("There are two kinds:\n- Updraught: fire below\n- Downdraught: fire above")
    unsure = Attribution(Unsure(), (kilns,))
    assert "".join(attributed(iter(["Kinds are updraught and downdraught."]), unsure, 99)) == (
        "Kinds are updraught and downdraught. – “There are two kinds: / Updraught: fire below"
        " / Downdraught: fire above” [1]"
    )
    assert [one.is_list for one in unsure.beside] == [True]


def test_what_holds_less_than_half_of_a_sentence_is_not_quoted_beside_it() -> None:
    unsure = Attribution(Unsure(), (hit(MOTHS, "Moths"), hit(BEES, "Bees")))
    assert unsure.nearest("Wasps at night build nests of paper in old roofs.") is None
    # The title need not be said again, and another passage may hold it.
    assert unsure.nearest("Bees live for 40 days.") == unsure.nearest("It lives for 40 days.")


def test_a_bare_number_cites_nothing_but_what_is_quoted_beside_it() -> None:
    asked = Attribution(
        CHECK, (hit(MOTHS), hit(BEES)), question="For how many days does it live in summer?"
    )
    assert "".join(attributed(iter(["About 40."]), asked, 99)) == (
        "About 40. – “It lives for about 40 days in summer.” [2]"
    )
    assert "[" not in "".join(attributed(iter(["300."]), asked, 99))


def test_lists_leads_formulas_and_what_is_left_open() -> None:
    text = (
        "Two things are said:\n\n- Moths carry pollen over greater distances than bees\n"
        "- A honey bee visits 50 to 100 flowers, e.g. on one trip\n\n"
        "The readings do not say what wasps eat."
    )
    assert written(text) == (
        "Two things are said:\n\n- Moths carry pollen over greater distances than bees [1]\n"
        "- A honey bee visits 50 to 100 flowers, e.g. on one trip [2]\n\n"
        "The readings do not say what wasps eat."
    )
    formula = "$8.64 \\times 10^{19}$"
    assert written(formula) == formula


def test_a_sentence_said_again_ends_the_answer() -> None:
    assert written("Moths fly at night. Moths fly at night. Moths fly at night.") == (
        "Moths fly at night. [1]"
    )


def test_past_the_limit_the_sentence_is_finished() -> None:
    text = "Moths fly at night over greater distances. A honey bee visits 50 flowers. More."
    assert written(text, piece=5, limit=2) == "Moths fly at night over greater distances. [1]"


def test_a_heading_that_nothing_follows_is_left_out() -> None:
    text = "Moths fly at night.\n\nBeside each other:"
    assert written(text, piece=5, limit=1) == "Moths fly at night. [1]"
    followed = f"{text}\n\nA honey bee visits 50 flowers. More."
    assert written(followed, piece=5, limit=5).endswith(
        "Beside each other:\n\nA honey bee visits 50 flowers. [2]"
    )


@pytest.mark.parametrize("limit", range(4, 14))
def test_no_sentence_is_cut_where_the_writer_is(limit: int) -> None:
    text = "Moths fly at night. They are seldom seen by those who sleep, and so on and so on and so"
    chunks = [text[i : i + 6] for i in range(0, len(text), 6)][: limit + 1]  # no room for more
    said = "".join(attributed(iter(chunks), EVIDENCE, limit))
    assert said.startswith("Moths fly at night. [1]")
    assert said.rstrip().endswith("[1]")


def test_a_writer_that_goes_round_in_circles_is_stopped() -> None:
    given = []

    def chunks() -> Iterator[str]:
        yield "They fly over "
        while True:
            given.append(1)
            yield "a hill and a dale, over "

    said = "".join(attributed(chunks(), EVIDENCE, 400))
    assert said.startswith("They fly over a hill and a dale, over a hill")
    assert said.endswith("…")
    assert len(given) == 3


def test_a_title_is_no_sentence_of_an_answer_that_says_more() -> None:
    titled = Attribution(CHECK, (hit(MOTHS, "A life of moths: an essay"),))
    said = "".join(
        attributed(iter(["A life of moths: an essay. ", "Moths fly at night."]), titled, 99)
    )
    assert said.strip() == "Moths fly at night. [1]"
    alone = "".join(attributed(iter(["A life of moths: ", "an essay."]), titled, 99))
    assert alone.startswith("A life of moths: an essay.")


def test_the_writer_is_stopped_with_the_answer() -> None:
    closed = []

    def chunks() -> Iterator[str]:
        try:
            while True:
                yield "Moths fly at night. "
        finally:
            closed.append(True)

    assert "".join(attributed(chunks(), EVIDENCE, 100)) == "Moths fly at night. [1]"
    assert closed == [True]


def test_answers_in_another_language_cite_what_the_writer_named() -> None:
    foreign = Attribution(CHECK, (hit(MOTHS), hit(BEES)), trusting=True)
    chunks = iter(["Nachtfalter fliegen nachts [1]. Bienen besuchen 50 Blüten [2]."])
    assert "".join(attributed(chunks, foreign, 99)) == (
        "Nachtfalter fliegen nachts. [1] Bienen besuchen 50 Blüten. [2]"
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Moths fly at night", ". ", "e.g. so", "\n- ", " [1]", "!", " 3.5 ", "Is it?", "\n\n"]
        ),
        max_size=12,
    ),
    st.integers(1, 7),
)
def test_no_text_changes_however_it_is_cut(parts: list[str], piece: int) -> None:
    text = "".join(parts)
    whole = written(text, piece=len(text) or 1)
    assert written(text, piece).split() == whole.split()
    whole = re.sub(r" – “[^”]*”", "", whole)
    kept = "".join(whole.replace(" [1]", "").replace(" [2]", "").split())
    rest = iter("".join(text.replace(" [1]", "").split()))
    assert all(character in rest for character in kept)


@pytest.mark.parametrize("text", ["", " ", "\n", "- ", "[", "1."])
def test_scraps_of_text_are_no_sentences(text: str) -> None:
    assert "[1]" not in written(text)


def test_a_passage_that_names_nothing_of_what_is_asked_about_is_no_evidence() -> None:
    said = "They hang from branches by day and see badly."
    offered = (hit(said, "Of bats"), hit(MOTHS, "Moths"))
    assert Attribution(CHECK, offered).cites(said) == [1]
    asked = Attribution(CHECK, offered, named=["Moths"])
    assert (asked.cites(said), asked.nearest(said)) == ([], None)
    assert asked.cites("Moths carry pollen over greater distances than bees.") == [2]
    assert Attribution(CHECK, offered, named=["Wasps"]).cites(said) == [1]
