"""Whether a passage mentions a name."""

from __future__ import annotations

import pytest
from passages import hit

from seminar_rag.answer.mentions import Mentions, abbreviates, spelled_out


@pytest.mark.parametrize(
    ("name", "text", "short"),
    [
        ("BCC4SE", "Boat Crew Costs for Sea Explorers: a survey", True),
        ("BCCs", "A survey of boat crew costs", True),
        ("CoB", "The crew of a boat, and the crew of boats", True),
        ("CIB", "The crew in boats", False),
        ("BC", "Boat crews", False),
        ("Boat", "Boat over all tides", False),
        ("BCD", "Boat crew costs", False),
    ],
)
def test_a_name_is_short_for_words_that_follow_one_another(
    name: str, text: str, short: bool
) -> None:
    assert abbreviates(name, text) is short


@pytest.mark.parametrize(
    ("name", "text", "there"),
    [
        ("LoRA", "An exploration of boats.", False),
        ("LoRA", "We explore a lake.", False),
        ("LoRA", "Of QLoRA we say nothing.", False),
        ("LoRA", "LoRAs and LORA-2 are small.", True),
        ("lora", "Lo-RA is small.", True),
        ("Llama 2", "The LLaMA-2-Chat model.", True),
        ("Llama", "Llama2 and Llama3.", True),
        ("GPT", "ChatGPT is a chatbot.", True),
        ("HBoV", "HBoV1 was found.", True),
        ("HBoV1", "HBoV12 was found.", False),
        ("GPT-3", "GPT-3.5 and GPT 3.5 are chatbots.", False),
        ("GPT-3", "Of GPT-3. 5 are left.", True),
        ("GPT-3.5", "gpt3.5 is a chatbot.", True),
        ("Zoë's Law", "zoë's law", True),
        ("北京", "No such sign.", True),
    ],
)
def test_a_name_is_mentioned_in_any_spelling_but_not_inside_a_word(
    name: str, text: str, there: bool
) -> None:
    assert Mentions(hit(text)).of(name) is there


def test_a_name_is_mentioned_in_short_or_in_full() -> None:
    assert Mentions(hit("Boat crew costs are high.")).in_any_form("BCC")
    assert Mentions(hit("BCCs are high.")).in_any_form("Boat Crew Costs")
    assert not Mentions(hit("BCCs are high.")).of("Boat Crew Costs")
    assert not Mentions(hit("Costs are high.")).in_any_form("Boat")


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("Their boat-crew costs, BCC for short, are high.", "boat-crew costs"),
        ("We count Boat Crew Costs (BCC) of each tide.", "Boat Crew Costs"),
        ("Boat crews cost much. The BCC rose.", ""),
        ("The BCC is high.", ""),
    ],
)
def test_what_a_name_is_short_for_stands_right_before_it(text: str, long: str) -> None:
    assert spelled_out("BCC", [text]) == long
