from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from passages import hit

from seminar_rag.answer.candidates import candidates, unread
from seminar_rag.answer.extractive import Extractive
from seminar_rag.models.embed import HashEmbedder, Side, Words
from seminar_rag.question.query import understand
from seminar_rag.types import Hit, Turn

CACHE = """# Caches
A rolling cache keeps the latest keys and values only. Older ones are overwritten in turn.
The weather was fine on that day. Nobody remembers the lunch that was served there."""


def rarity(terms: Sequence[str]) -> Mapping[str, float]:
    return dict.fromkeys(terms, 3.0)


def answer(question: str, *hits: Hit, history: Sequence[Turn] = ()) -> str:
    writer = Extractive(HashEmbedder().read, rarity)
    query = understand(question, history)
    return "".join(writer.draft(query, hits, history, lambda: False).chunks)


def quotes(text: str) -> list[str]:
    return re.findall(r"“([^”]*)”", text)


def test_the_sentence_that_answers_comes_first() -> None:
    said = quotes(answer("What does a rolling cache keep?", hit(CACHE)))
    assert said[0] == "A rolling cache keeps the latest keys and values only."


def test_the_lead_names_each_source_once() -> None:
    text = answer(
        "What is it that a rolling cache keeps?",
        hit(CACHE, "On Caches", session=4),
        hit(
            "A rolling cache keeps its window of the prompt in a ring of slots.",
            "Rings",
            session=7,
        ),
    )
    assert text.startswith("From On Caches (session 4) and Rings (session 7):\n\n")


def test_every_line_but_the_lead_carries_a_mark() -> None:
    text = answer("Which measures judge editing?", hit("Measures of editing:\n- reach\n- fit"))
    assert all("[1]" in line for line in text.split("\n")[1:] if line)


def test_a_list_is_given_as_a_list() -> None:
    text = answer(
        "Which measures judge model editing?",
        hit("Model editing is judged by these measures:\n- reliability\n- locality"),
    )
    assert text.endswith(
        "“Model editing is judged by these measures:” [1]\n- “reliability” [1]\n- “locality” [1]"
    )


def test_no_sentence_is_quoted_twice_and_no_echo_of_it() -> None:
    same = "A rolling cache keeps the latest keys and values only."
    said = quotes(answer("What does a rolling cache keep?", hit(same), hit(same, "Copy")))
    assert said == [same]


def test_a_sentence_is_read_below_its_title_and_heading() -> None:
    read: list[str] = []
    embedder = HashEmbedder()

    def reading(texts: Sequence[str], side: Side) -> tuple[Any, list[Words]]:
        read.extend(texts)
        return embedder.read(texts, side)

    text = "# Rolling caches\nThey overwrite old keys in a ring."
    writer = Extractive(reading, rarity)
    query = understand("Which ring do keys go to?")
    draft = writer.draft(query, (hit(text, "On Caches"),), (), lambda: False)
    said = quotes("".join(draft.chunks))
    assert "On Caches › Rolling caches: They overwrite old keys in a ring." in read
    assert said == ["They overwrite old keys in a ring."]


def test_reference_numbers_of_the_paper_are_not_taken_for_marks() -> None:
    text = answer("What did earlier caches keep?", hit("Earlier caches kept all keys [12, 3]."))
    assert re.findall(r"\[\d+\]", text) == ["[1]"]
    assert quotes(text) == ["Earlier caches kept all keys."]


def test_no_more_is_embedded_than_a_small_machine_can_bear() -> None:
    embedder = HashEmbedder()
    many = [hit(CACHE.replace("cache", f"cache{i}"), f"T{i}") for i in range(40)]
    query = understand("rolling cache?")
    list(Extractive(embedder.read, rarity).draft(query, many, (), lambda: False).chunks)
    assert embedder.embedded <= 29


def test_nothing_quotable_gives_an_empty_answer() -> None:
    assert answer("What is it?", hit("x = 1")) == ""


def test_stopping_ends_the_answer() -> None:
    writer = Extractive(HashEmbedder().read, rarity)
    query = understand("rolling cache?")
    assert list(writer.draft(query, [hit(CACHE)], (), lambda: True).chunks) == []


def test_the_last_question_of_a_conversation_decides() -> None:
    hits = (hit("A rolling cache keeps the latest keys."), hit("A paged cache keeps tables."))
    history = (Turn("user", "What does a rolling cache keep?"), Turn("assistant", "Keys."))
    question = "And the paged one with its tables?"
    said = quotes(answer(question, *hits, history=history))
    assert said[0] == "A paged cache keeps tables."


def test_each_of_three_things_is_quoted() -> None:
    passage = hit(
        "A chain needs a total of three passes. A tree reduces these from three to two passes."
        " The weather was fine. Graphs want to get along with one and give out something else."
    )
    said = quotes(answer("How many passes do chains, trees and graphs need?", passage))
    assert [one.split()[1] for one in said if "weather" not in one] == ["chain", "tree", "want"]


def test_both_sides_of_a_comparison_are_quoted() -> None:
    mistral = hit("# Mistral\nMistral keeps a ring of the latest keys and values only.", "Mistral")
    paged = hit("# Paged\nPagedAttention keeps pages of all keys and values.", "Paged", score=0)
    text = answer("Mistral or PagedAttention?", mistral, paged)
    assert {"[1]", "[2]"} <= set(re.findall(r"\[\d\]", text))


def test_the_best_quotation_of_a_passage_stands_before_the_others() -> None:
    text = """# Rolling caches
Rolling caches overwrite the oldest keys of the window.
The weather was fine on that day in the town.
A rolling cache keeps the latest keys and values of the window only."""
    said = quotes(answer("Which keys does a rolling cache keep and overwrite?", hit(text)))
    assert [one.split()[0] for one in said] == ["A", "Rolling"]


def test_rows_of_a_table_stand_below_its_name_and_its_columns_once() -> None:
    table = hit(
        "Table 1. Glazes\nGlaze | Cone | Colour\nCeladon | 10 | green\nTenmoku | 9 | brown\n"
        "Raku | 06 | black",
        "On Glazes",
    )
    text = answer("Which colour has the Raku glaze?", table)
    assert text == (
        "From On Glazes (session 1):\n\nTable 1. Glazes:\nGlaze | Cone | Colour:\n"
        "- “Raku | 06 | black” [1]"
    )
    both = answer("Which colour do Raku and Celadon have?", table)
    assert quotes(both) == ["Celadon | 10 | green", "Raku | 06 | black"]
    assert both.count("Glaze | Cone | Colour") == 1


def after(*questions: str, of: Hit) -> list[str]:
    """The answer to each of some questions that go on from one another."""
    history: list[Turn] = []
    said = []
    for question in questions:
        said.append(answer(question, of, history=history))
        history += [Turn("user", question), Turn("assistant", said[-1])]
    return said


def test_a_follow_up_quotes_nothing_that_was_just_quoted() -> None:
    first, second = after("What does a rolling cache keep?", "and what about it?", of=hit(CACHE))
    assert quotes(first)
    assert not set(quotes(first)) & set(quotes(second))


def test_nothing_is_quoted_where_all_was_quoted_before() -> None:
    only = hit("A rolling cache keeps the latest keys and values only.")
    assert after("What does a rolling cache keep?", "and what about it?", of=only)[1] == ""


def test_what_is_left_has_to_come_near_what_was_quoted() -> None:
    far = (
        "A rolling cache keeps the latest keys.\nNobody remembers the lunch that was served there."
    )
    assert after("What does a rolling cache keep?", "and what about it?", of=hit(far))[1] == ""


def test_what_was_quoted_is_quoted_again_for_whoever_asks_for_it() -> None:
    first, again = after("What does a rolling cache keep?", "say that again", of=hit(CACHE))
    assert again == first


def test_of_a_list_the_items_that_were_not_quoted_yet_are_quoted_below_its_lead() -> None:
    measures = hit("Model editing is judged by these measures:\n- reliability\n- locality")
    (one,) = (one for one in candidates(1, measures) if one.is_list and len(one.sentences) == 3)
    left = unread(one, measures.passage, "… “reliability” …")
    assert left
    assert [measures.passage.quote(each) for each in left.sentences] == [
        "Model editing is judged by these measures:",
        "locality",
    ]
    assert unread(one, measures.passage, "“reliability” “locality”") is None


def test_a_sentence_about_its_document_comes_after_what_answers() -> None:
    kilns = hit(
        "This primer states why kilns save wood and what it costs to build one.\n"
        "Kilns save wood because their thick walls keep the heat for two days."
    )
    said = quotes(answer("Why do kilns save wood?", kilns))
    assert said == ["Kilns save wood because their thick walls keep the heat for two days."]


def test_what_a_name_is_short_for_is_defined_too() -> None:
    told = hit(
        "Wet-heat firing, WHF for short, is an old craft. Cold WHF can be seen in two valleys."
        " Wet-heat firing is a way to harden clay in steam."
    )
    assert quotes(answer("What is WHF?", told))[0].startswith("Wet-heat firing")
