"""Where the training finds that a page's sessions begin, given what its key says of them."""

from __future__ import annotations

import pytest

from bench import benchmark
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.model import SESSION, TITLE
from seminar_rag.syllabus.pieces import page_pieces

training = benchmark("train_syllabus")
DAYS = {"1/12": "Sand", "1/19": "Salt", "1/26": "Dunes", "2/2": "Wind"}


def _labelled(text: str, days: dict[str, str]) -> list[tuple[str, int]]:
    sessions = [
        {
            "number": number,
            "title": topic,
            "date": day,
            "readings": [{"title": f"A study of {topic}", "urls": [], "authors": []}],
        }
        for number, (day, topic) in enumerate(days.items(), 1)
    ]
    page = training.Page("page", sessions, page_pieces(markdown_items(text), "markdown"))
    training.align(page)
    kinds = zip(page.pieces, page.labels.tolist(), strict=True)
    return [(piece.text, label) for piece, label in kinds if label in (SESSION, TITLE)]


@pytest.mark.parametrize(
    ("before", "head", "between"),
    [
        ("", "### {day}\n\nTopics\n\n{topic}", ""),  # a date, and its topic further below
        ("## {topic}\n\n", "### {day}: {topic}", ""),  # a unit that is called as a session is
        ("", "### {day}: {topic}", "- Essay on {topic} due {next}\n\n"),  # what is due next
    ],
)
def test_sessions_begin_with_what_looks_alike(before: str, head: str, between: str) -> None:
    text = ""
    following = [*list(DAYS)[1:], "2/9"]
    for (day, topic), later in zip(DAYS.items(), following, strict=True):
        unit = before if topic == "Salt" else ""
        entry = f"{unit}{head}\n\n- A study of {topic}\n\n{between if topic == 'Salt' else ''}"
        text += entry.format(day=day, topic=topic, next=later)
    found = _labelled(text, DAYS)
    begun = [text for text, label in found if label == SESSION]
    assert [text.strip(":") for text in begun] == list(DAYS)
    assert [text for text, label in found if label == TITLE] == list(DAYS.values())
