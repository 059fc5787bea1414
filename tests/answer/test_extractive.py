from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from passages import hit

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


def test_a_definition_is_preferred() -> None:
    text = (
        "Nobody knew at that time how much retrieval augmentation would cost."
        " Retrieval augmentation means that passages are put before a question."
    )
    said = quotes(answer("What is retrieval augmentation?", hit(text)))
    assert said[0].startswith("Retrieval augmentation means")


def test_what_a_label_introduces_defines_it() -> None:
    text = """# Editing
- Locality side effects of an edit are measured with locality data.
- Locality
  - Facts that were not asked to change stay as they are."""
    for question in ("What is locality?", "And what about locality?"):
        assert answer(question, hit(text)).split("\n\n")[1] == (
            "Locality:\n- “Facts that were not asked to change stay as they are.” [1]"
        )


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


def test_a_number_is_preferred_where_one_is_asked_for() -> None:
    text = """# Data
English makes up most of the corpus and is cleaned well.
English makes up 97.4% of the corpus by weight."""
    said = quotes(answer("What percentage of the corpus is English?", hit(text)))
    assert said[0] == "English makes up 97.4% of the corpus by weight."


def test_authors_are_quoted_only_when_asked_for() -> None:
    one = hit(
        "# Quiet Caches\n- Ada Byron, Alan Mathison\n- Caches are quiet when nobody asks them.",
        "Quiet Caches",
        authors="Ada Byron, Alan Mathison",
    )
    assert quotes(answer("Who wrote Quiet Caches?", one)) == [
        "Quiet Caches",
        "Ada Byron, Alan Mathison",
    ]
    assert "Ada Byron" not in answer("When are caches quiet?", one)


def test_both_sides_of_a_comparison_are_quoted() -> None:
    mistral = hit(
        "# Mistral\nIt keeps memory small by a rolling cache of keys and values. Memory is kept"
        " small this way. Memory stays flat over time as keys leave the cache.",
        "Mistral",
    )
    paged = hit("# PagedAttention\nMemory is kept in pages of keys and values.", "Paged", score=0)
    text = answer("How do Mistral and PagedAttention each keep memory small?", mistral, paged)
    assert {"[1]", "[2]"} <= set(re.findall(r"\[\d\]", text))


def test_each_side_is_quoted_though_one_of_them_says_more() -> None:
    # All of it stands in one passage: no document is about one side alone.
    text = """# Compression of long prompts
Hard compression deletes the words of long prompts.
Hard compression makes long prompts shorter at once.
Hard compression leaves long prompts readable to people.
Hard compression of long prompts needs a small model.
Soft compression learns vectors that stand for many words at the same time."""
    said = " ".join(quotes(answer("soft vs hard compression of long prompts?", hit(text))))
    assert "Soft compression learns" in said
    assert "Hard compression" in said


def test_a_side_that_another_one_only_mentions_is_still_to_be_told() -> None:
    text = """# Bias tests
SEAT compares whole sentences by applying WEAT to them.
The weather of that day was fine.
WEAT measures associations of groups with neutral attributes in a static space."""
    said = quotes(answer("SEAT vs WEAT?", hit(text)))
    assert [one.split()[0] for one in said] == ["SEAT", "WEAT"]


def test_a_list_of_as_many_items_as_are_asked_for_is_preferred() -> None:
    text = """# Attack methods
Attack methods for words in the paper:
- greedy search in candidates
- genetic search in candidates
- gradient search in candidates

Attack methods in the paper for tokens:
- words of prompts
- words of answers
- words of users
- words of tools"""
    assert "greedy" in quotes(answer("Which three attack methods has the paper?", hit(text)))[1]
    assert "prompts" in quotes(answer("Which four attack methods has the paper?", hit(text)))[1]


def test_what_stands_elsewhere_and_adds_nothing_is_left_out() -> None:
    first = hit("# Caches\nA rolling cache keeps the latest keys of the window only.", "A")
    second = hit("# Rings\nThe weather of that day was fine and nobody was ill.", "B")
    third = hit("# Noon\nA rolling cache keeps silence when nobody is at work in summer.", "C")
    said = quotes(answer("What does a rolling cache keep?", first, second, third))
    assert said == ["A rolling cache keeps the latest keys of the window only."]


def test_a_work_may_be_called_by_some_words_of_its_title() -> None:
    one = hit("It takes steps that are small.", "A Pilot Study of Query-Free Attacks on Models")
    other = hit("The steps that an attack takes are small, as all the steps of attacks.", "Notes")
    assert quotes(answer("Which steps does the query-free attack paper take?", other, one)) == [
        "It takes steps that are small."
    ]


def test_an_enumeration_is_given_as_a_list_without_its_numbers() -> None:
    text = "Unlearning has three reasons: 1. Keep users private; 2. Make bias small; 3. Obey it."
    assert answer("Which reasons has unlearning?", hit(text)).endswith(
        "“Unlearning has three reasons:” [1]\n"
        "- “Keep users private” [1]\n- “Make bias small” [1]\n- “Obey it.” [1]"
    )


def test_a_number_beside_what_is_counted_is_preferred() -> None:
    text = """# Training
The model with its 40 layers was trained on GPUs for a very long time.
The model with its long layers was trained on 512 GPUs for a time."""
    said = quotes(answer("How many GPUs was the model trained on?", hit(text)))
    assert "512 GPUs" in said[0]


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


def test_a_follow_up_is_not_answered_with_what_was_just_quoted() -> None:
    question = "And the older keys and values?"
    first = answer("What does a rolling cache keep?", hit(CACHE))
    history = (Turn("user", "What does a rolling cache keep?"), Turn("assistant", first))
    said = quotes(answer(question, hit(CACHE), history=history))
    assert not set(said) & set(quotes(first))


def test_the_last_question_of_a_conversation_decides() -> None:
    text = "# Caches\nA rolling cache keeps the latest keys only. A paged cache keeps tables."
    history = (Turn("user", "What does a rolling cache keep?"), Turn("assistant", "Keys."))
    question = "And the paged one with its tables?"
    said = quotes(answer(question, hit(text), history=history))
    assert said[0] == "A paged cache keeps tables."


def test_sentences_that_point_to_a_figure_give_way() -> None:
    text = """# Caches
The four kinds of a rolling cache are shown in the figure.
The kinds of a rolling cache are rings and queues."""
    said = quotes(answer("Which kinds of a rolling cache exist?", hit(text)))
    assert said[0] == "The kinds of a rolling cache are rings and queues."


def test_what_was_quoted_is_quoted_again_where_it_is_asked_for() -> None:
    first, slower = "A cache keeps the latest keys.", "A ring is slower than a cache of pages."
    passage = hit(f"{first} {slower} All the keys of a window are held by them.")
    history = (Turn("user", "Cache or ring?"), Turn("assistant", f"{first} {slower}"))

    def said(question: str) -> list[str]:
        return quotes(answer(question, passage, history=history))

    assert said("and which one is slower?")[0] == slower
    assert slower not in said("what else?")


def test_a_question_asked_again_has_the_same_answer() -> None:
    question = "What does a rolling cache keep?"
    first = answer(question, hit(CACHE))
    history = (Turn("user", question), Turn("assistant", first))
    assert answer(question, hit(CACHE), history=history) == first


def test_each_of_three_things_is_told_of() -> None:
    passage = hit(
        "A chain needs a total of three passes. A tree reduces these from three to two passes."
        " The weather was fine. Graphs want to get along with one and give out something else."
    )
    said = quotes(answer("How many passes do chains, trees and graphs need?", passage))
    assert {one.split()[0] for one in said} >= {"A", "Graphs"}
    assert len(said) == 3


def test_a_difference_begins_with_what_the_sides_are() -> None:
    later = "Later studies of LoRA and others find that it forgets less of what was learnt before."
    passage = hit(
        f"{later} QLoRA is a method that stores the weights in four bits."
        " LoRA is a method that learns a small correction to the weights."
    )
    said = quotes(answer("What is the difference between LoRA and QLoRA?", passage))
    assert {one.split()[0] for one in said[:2]} == {"LoRA", "QLoRA"}


def test_a_work_named_earlier_does_not_restrict_a_follow_up() -> None:
    hits = (
        hit("The title paper is about rolling.", "Rings"),
        hit("A paged cache keeps tables.", "Notes"),
    )
    first = 'What does a rolling cache keep in the "Rings" paper?'
    history = (Turn("user", first), Turn("assistant", "Keys."))
    question = "And the paged cache with its tables?"
    said = quotes(answer(question, *hits, history=history))
    assert said[0] == "A paged cache keeps tables."
