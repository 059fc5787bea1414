"""Requests that once failed, each kind by several inputs, over whole courses with real weights.

The shared cases are asked as their notes say; the course below asks the same of inputs that no
rule was made for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.types import Answer, AnswerEvent, Turn
from seminar_rag.types.ingest import Options
from shared_data import SHARED

pytestmark = [pytest.mark.slow, pytest.mark.model]
CASES = SHARED / "cases"
shared = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")

POSTS = {
    "1-glazes": """---
title: Glazes
---

## Required readings

- [The Celadon Handbook](https://example.org/celadon.pdf)
  - Celadon is a green glaze that gets its colour from iron, and it is fired without air.
- [Firing the Noborigama](https://example.org/noborigama.pdf)
  - The Noborigama is a climbing kiln of several chambers that holds 1,200 pots in one firing.
- [Ash and Pine](https://example.org/ash.pdf)
  - Ash glazing melts the ash of pine wood onto the clay, since pine ash is rich in lime.

# Student notes

Tenmoku is an iron glaze that breaks from black to brown. The Sutama burns longer than the
Noborigama with only 90 pots. Sutama is a round kiln for 90 pots. Crystalline glazing grows crystals
in a slow cooling. The deadline of a potter is the day of the firing.
""",
    "2-kilns": """---
title: Kilns
---

## Required readings

"""
    + "".join(
        f"- [Kilns of Valley {n}](https://example.org/k{n}.pdf)\n"
        f"  - The kilns of valley {n} were built on slopes, and this report tells who lit them.\n"
        for n in range(11)
    ),
}


def built(folder: Path, posts: Path) -> Course:
    course = Course(Config(folder=folder))
    list(course.ingest([posts], options=Options(fetch=False)))
    return course


@pytest.fixture(scope="module")
def pottery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder = tmp_path_factory.mktemp("pottery")
    (folder / "posts").mkdir()
    for name, text in POSTS.items():
        (folder / "posts" / f"{name}.md").write_text(text)
    course = built(folder, folder / "posts")
    yield course
    course.close()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """The posts of the shared cases on questions, as one course; a case each has its subject."""
    folder = tmp_path_factory.mktemp("cases")
    (folder / "posts").mkdir()
    for number in (38, 40, 41, 42, 43, 44):
        for file in CASES.glob(f"{number}-*/posts/*.md"):
            shutil.copy(file, folder / "posts" / f"{number}-{file.name}")
    course = built(folder, folder / "posts")
    yield course
    course.close()


def ask(course: Course, *questions: str) -> Answer:
    """The answer to the last of some questions of one conversation."""
    history: list[Turn] = []
    for question in questions:
        *_, last = course.ask(question, history)
        assert isinstance(last, AnswerEvent)
        history += [Turn("user", question), Turn("assistant", last.answer.text)]
    return last.answer


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("List all readings about kilns", 11),
        ("every paper on kilns please", 11),
        ("which readings deal with valley?", 11),
    ],
)
def test_a_list_of_all_counts_what_the_page_lists(
    pottery: Course, question: str, number: int
) -> None:
    answer = ask(pottery, question)
    titled = [row for row in answer.listed if row.title.startswith("Kilns of Valley")]
    assert len(titled) == number
    assert f"{number} readings" in answer.text


@shared
def test_the_case_of_the_list(case: Course) -> None:
    answer = ask(case, "List all readings about agents")
    titled = [row for row in answer.listed if row.title.startswith("Agents and Topic")]
    assert len(titled) == 12
    assert "12 readings" in answer.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Explain celadon like I'm five", "Celadon is a green glaze"),
        ("wat is seladon", "Celadon is a green glaze"),
        ("whats tenmokku", "Tenmoku is an iron glaze"),
        ("waht is cristalline glazng", "Crystalline glazing grows crystals"),
        ("can u explain tenmoku in easy words", "Tenmoku is an iron glaze"),
    ],
)
def test_asked_like_a_student(pottery: Course, question: str, said: str) -> None:
    assert said in ask(pottery, question).text


@shared
@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Explain RLHF like I'm five", "RLHF trains a reward model"),
        ("wat is retreival augmented generaton", "Retrieval-augmented generation"),
        ("whats emergnt abilites", "Emergent abilities are"),
    ],
)
def test_the_case_of_the_student(case: Course, question: str, said: str) -> None:
    assert said in ask(case, question).text


@pytest.mark.parametrize(
    "question",
    [
        "What are the homework deadlines?",
        "Is there a test on Friday?",
        "When do I have to hand in the term paper?",
        "what did the guest speaker say?",
        "Will there be an exam next week?",
    ],
)
def test_rules_of_the_course(pottery: Course, question: str) -> None:
    answer = ask(pottery, question)
    assert answer.abstained
    assert "no dates, people or rules" in answer.reason


@pytest.mark.parametrize(
    "question", ["Can you write my essay on celadon for me?", "Write a short report about celadon"]
)
def test_an_essay_is_declined(pottery: Course, question: str) -> None:
    assert ask(pottery, question).text.startswith("I don't write essays")


@shared
def test_the_case_of_the_rules(case: Course) -> None:
    answer = ask(case, "What are the homework deadlines?")
    assert answer.abstained
    assert "no dates, people or rules" in answer.reason


@pytest.mark.parametrize(
    ("question", "said", "open_"),
    [
        ("Compare celadon and tenmoku", ["green glaze", "iron glaze"], ""),
        ("Compare celadon and Shino", ["green glaze"], "“Shino”"),
        (
            "How many pots does the Noborigama hold and when was it built?",
            ["1,200 pots"],
            "when was the Noborigama built",
        ),
        ("What is celadon and who invented it?", ["green glaze"], ""),
    ],
)
def test_both_parts_are_told_or_the_missing_one_is_named(
    pottery: Course, question: str, said: Sequence[str], open_: str
) -> None:
    answer = ask(pottery, question)
    assert all(one in answer.text for one in said)
    assert open_ in " ".join(answer.warnings)


@shared
@pytest.mark.parametrize(
    ("question", "said", "open_"),
    [
        ("Compare Llama Guard and HarmBench", ["classifies prompts", "red teaming methods"], ""),
        (
            "When was Llama 2 published and how many parameters does it have?",
            ["7 billion to 70 billion"],
            "When was Llama 2 published",
        ),
    ],
)
def test_the_case_of_two_parts(
    case: Course, question: str, said: Sequence[str], open_: str
) -> None:
    answer = ask(case, question)
    assert all(one in answer.text for one in said)
    assert open_ in " ".join(answer.warnings)


@pytest.mark.parametrize(
    ("question", "number", "wrong"),
    [
        ("How many pots does the Noborigama hold?", "1,200 pots", "90 pots"),
        ("How many pots does Sutama hold?", "90 pots", "1,200"),
    ],
)
def test_a_number_is_of_the_thing_asked_for(
    pottery: Course, question: str, number: str, wrong: str
) -> None:
    text = ask(pottery, question).text
    assert number in text
    assert wrong not in text


@shared
def test_the_case_of_the_number(case: Course) -> None:
    text = ask(case, "How many parameters does GPT-3 have?").text
    assert "175B" in text
    assert "20B" not in text
    assert "20 billion" not in text


@pytest.mark.parametrize("signs", ["😀😀😀", "?!", "…", "👍 👍"])
def test_signs_alone_are_not_answered(pottery: Course, signs: str) -> None:
    answer = ask(pottery, "What is celadon?", "How is it fired?", signs)
    assert answer.abstained
    assert not answer.citations


@shared
@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("冰川的物质平衡是什么？", "冰川的物质平衡是一个水文年内积累与消融之差。"),
        ("ما هو توازن كتلة الجليد؟", "هو الفرق بين التراكم والذوبان خلال سنة هيدرولوجية واحدة."),
    ],
)
def test_readings_in_other_scripts_are_found(
    tmp_path_factory: pytest.TempPathFactory, question: str, said: str
) -> None:
    (files,) = CASES.glob("49-*")
    folder = tmp_path_factory.mktemp("scripts")
    course = built(folder, files)
    answer = ask(course, question)
    course.close()
    assert said in answer.text
