from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from seminar_rag.answer.catalogue import AboutCourse, CatalogueAnswer
from seminar_rag.answer.engine import NOTHING, Draft, Engine
from seminar_rag.errors import NotFoundError
from seminar_rag.question.query import Query, understand
from seminar_rag.types import (
    NOTES,
    Answer,
    AnswerEvent,
    Citation,
    Document,
    Hit,
    HitsEvent,
    Passage,
    Scope,
    Sentence,
)
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record

RYE = ListedReading("rye", "On Rye: Dark Breads", "Ada Brown", urls=("https://bread.example/rye",))
OATS = ListedReading("oats", "Porridge and Oats", "Bo Grey", section="more")
CRUMBS = ListedReading("crumbs", "Crumbs", None)
COURSE = Catalogue(
    "Breads",
    (),
    (
        ListedSession(1, "Dark grains", ("rye",), "https://bread.example/1", (RYE, OATS)),
        ListedSession(2, "Left over", (), None, (CRUMBS,)),
    ),
    {
        "rye": Record(
            Document("rye", "abstract", "rye", RYE.title, "Ada Brown", (1,), "required"),
            "s",
            "h",
            passages=1,
        ),
        "notes": Record(
            Document("notes", "notes", "notes", "Notes", None, (1,)), "s", "h", passages=1
        ),
    },
)
LINES = (RYE.title, "Ada Brown", "Rye needs sourdough to rise.")


def hit(document: Document, *lines: str) -> Hit:
    text = "\n".join(lines)
    spans = tuple(Sentence(text.index(line), text.index(line) + len(line)) for line in lines)
    return Hit(
        Passage(document.id, document.id, 0, text, "", 0, 1, None, spans), document, 1.0, 0.3
    )


HITS = (hit(COURSE.documents["rye"], *LINES), hit(COURSE.documents["notes"], "Rye is filling."))


class Found:
    """Finds the hits that the scope allows, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Scope]] = []

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        text = query if isinstance(query, str) else query.search_text
        self.asked.append((text, scope or Scope()))
        within = COURSE.within(scope or Scope())
        return tuple(one for one in HITS if within is None or one.document.id in within)[:k]


def ask_of(question: str) -> Query:
    return understand(question, titles=COURSE.titles)


def answered(question: str, course: Catalogue = COURSE) -> CatalogueAnswer:
    found = AboutCourse(lambda: course, Found()).answer(ask_of(question))
    assert found is not None
    return found


def test_small_talk_says_what_the_course_is() -> None:
    found = answered("hello")
    assert found.kind == "talk"
    assert "“Breads” (2 sessions, 3 readings)" in found.text
    assert answered("thank you!").text == "You are welcome."


def test_a_sessions_readings_are_listed_with_their_links() -> None:
    found = answered("which papers are in session 1?")
    assert found.text == (
        "Session 1 (Dark grains) has 1 required and 1 further reading:\n"
        "\n- On Rye: Dark Breads (required)"
        "\n- Porridge and Oats (further reading)"
    )
    assert [row.url for row in found.listed] == ["https://bread.example/rye", None]


def test_only_the_section_asked_for_is_listed() -> None:
    assert [row.title for row in answered("list the required readings of week 1").listed] == [
        RYE.title
    ]
    assert "has no further readings" in answered("the optional readings of session 2?").text


def test_the_whole_reading_list_can_be_asked_for() -> None:
    found = answered("what are the required readings?")
    assert found.text.startswith("The course lists 2 required readings:")
    assert [row.section for row in found.listed] == ["required"] * 2
    assert len(answered("show me the reading list").listed) == 3


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("session 9?", "There is no session 9; they go from 1 to 2."),
        ("how many sessions are there?", "The course has 2 sessions."),
        ("how many papers are in session 2?", "Session 2 (Left over) has 1 required reading."),
        (
            "how many readings are there?",
            "The course lists 2 required and 1 further reading in 2 sessions.",
        ),
        (
            "how many optional papers are in session 2?",
            "Session 2 (Left over) has no further readings.",
        ),
        (
            "how many required papers are there?",
            "The course lists 2 required readings in 2 sessions.",
        ),
        (
            "papers by Smith",
            "The course page lists no reading by “Smith”; of 1 reading it names no author.",
        ),
        ("link to the Crumbs paper", "The course page gives no link for “Crumbs”."),
        ("who wrote Crumbs?", "The course page does not say who wrote “Crumbs”."),
        ("who wrote Porridge and Oats?", "“Porridge and Oats” is by Bo Grey."),
    ],
)
def test_facts(question: str, text: str) -> None:
    assert answered(question).text == text


def test_sessions_can_be_named_by_their_order_and_several_at_once() -> None:
    assert answered("what is the last session about?").text.startswith("Session 2 (Left over) has")
    both = answered("readings of sessions 1 and 2")
    assert both.text.splitlines()[0] == (
        "Session 1 (Dark grains) has 1 required and 1 further reading."
        " Session 2 (Left over) has 1 required reading."
    )
    assert [row.title for row in both.listed] == [RYE.title, OATS.title, "Crumbs"]


def test_a_session_without_text_is_not_summed_up_and_says_so() -> None:
    about = AboutCourse(lambda: COURSE, Found(), key_sentences)
    found = about.answer(ask_of("can you summarise session 2?"))
    assert found is not None
    assert found.text == "Session 2 (Left over) lists Crumbs. There is no text of them here."


def key_sentences(reading: str, n: int) -> list[Citation]:
    if reading != "rye":
        raise NotFoundError("No text of this reading is in the course.")
    passage = HITS[0].passage
    document = HITS[0].document
    return [Citation(1, document, passage, LINES[2], None)][:n]


@pytest.mark.parametrize(
    ("question", "scope"),
    [
        ("Summarise the On Rye paper", Scope()),
        ("What are the key points of On Rye?", Scope()),
        ("what is this paper about?", Scope(readings=frozenset({"rye"}))),
        ("What is the main contribution?", Scope(readings=frozenset({"rye"}))),
    ],
)
def test_a_summary_of_one_reading_is_its_key_sentences(question: str, scope: Scope) -> None:
    found = AboutCourse(lambda: COURSE, Found(), key_sentences).answer(ask_of(question), scope)
    assert found is not None
    assert found.kind == "readings"
    assert found.text == f"“{RYE.title}” in its own words:\n\n- “{LINES[2]}” [1]"
    assert [one.quote for one in found.citations] == [LINES[2]]


@pytest.mark.parametrize(
    "question",
    ["what is this paper about?", "summarise Porridge and Oats", "summarise grains"],
)
def test_without_one_reading_with_text_there_is_no_summary(question: str) -> None:
    assert AboutCourse(lambda: COURSE, Found(), key_sentences).answer(ask_of(question)) is None


def test_readings_of_an_author_and_their_links() -> None:
    assert [row.title for row in answered("papers by Ada Brown").listed] == [RYE.title]
    found = answered("give me the link to the On Rye paper")
    assert found.text.endswith("- On Rye: Dark Breads: https://bread.example/rye")
    assert found.listed[0].url == "https://bread.example/rye"
    assert AboutCourse(lambda: COURSE, Found()).answer(ask_of("link to the oven manual")) is None


def test_who_looks_for_papers_on_a_subject_is_told_where_each_is() -> None:
    found = answered("Where can I find the papers on sourdough?")
    assert f"- {RYE.title}: https://bread.example/rye" in found.text
    assert found.listed[0].url == "https://bread.example/rye"


def test_authors_are_cited_from_the_text_that_names_them() -> None:
    found = answered("who wrote the On Rye paper?")
    assert found.text == "“On Rye: Dark Breads” is by Ada Brown. [1]"
    assert [one.quote for one in found.citations] == [RYE.title, "Ada Brown"]


def test_a_subject_is_found_in_titles_tags_and_texts() -> None:
    assert [row.title for row in answered("when do we discuss rye?").listed] == [
        "Session 1 (Dark grains)"
    ]
    assert [row.title for row in answered("what should I read on sourdough?").listed] == [RYE.title]


def test_an_unknown_subject_gets_the_nearest_and_says_so() -> None:
    found = answered("any papers on submarines?")
    assert found.text.startswith("No reading of the course names “submarines”; the nearest:")


def test_without_a_syllabus_the_readings_are_asked() -> None:
    empty = replace(COURSE, sessions=())
    assert (
        AboutCourse(lambda: empty, Found()).answer(ask_of("which papers are in session 1?")) is None
    )
    assert (
        AboutCourse(lambda: COURSE, Found()).answer(ask_of("Why does rye need sourdough?")) is None
    )


def test_a_part_that_the_question_names_becomes_the_scope() -> None:
    about = AboutCourse(lambda: COURSE, Found())
    query = ask_of("According to the notes of session 1, what is rye?")
    found = about.narrow(query, Scope())
    assert found is not None
    assert found.scope == Scope(frozenset({1}), kinds=NOTES)
    assert (query.search_text, found.words) == ("what is rye?", "the notes of session 1")
    # What the reader chose on the page is not overruled, nor is an empty part searched.
    assert about.narrow(ask_of("In session 1, what is rye?"), Scope(frozenset({2}))) is None
    assert about.narrow(ask_of("In session 2, what is rye?"), Scope()) is None


def test_a_work_called_by_its_title_is_searched_with_the_notes_on_it() -> None:
    found = AboutCourse(lambda: COURSE, Found()).narrow(
        ask_of("In the On Rye paper, what rises?"), Scope()
    )
    assert found is not None
    assert found.scope.readings == {"rye", "notes"}
    assert found.words == "“On Rye: Dark Breads” and the notes on its session"


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("What do we read on February 20?", ["Crumbs"]),
        ("What do we read this week?", ["On Rye: Dark Breads", "Porridge and Oats"]),
        ("readings for Feb 13 and Feb 20", ["On Rye: Dark Breads", "Porridge and Oats", "Crumbs"]),
        ("What do we read on May 1?", []),
    ],
)
def test_what_is_read_on_a_day_is_listed(question: str, titles: list[str]) -> None:
    days = ("Feb 13", "Tue, 20 February")
    sessions = [replace(s, date=day) for s, day in zip(COURSE.sessions, days, strict=True)]
    dated = replace(COURSE, sessions=tuple(sessions))
    about = AboutCourse(lambda: dated, Found(), today=lambda: date(2024, 2, 15))
    found = about.answer(ask_of(question))
    assert found is not None
    assert [row.title for row in found.listed] == titles
    assert titles or found.text == "The course page names no session at that time."
    assert about.answer(ask_of("What does Brown say of bread baked in February?")) is None


# In the engine


class Quoting:
    name, notice = "quoting", ""

    def draft(self, query: Query, hits: object, history: object, stop: object) -> Draft:
        assert isinstance(hits, tuple)
        return Draft(hits, iter(["Rye is filling. [1]"]))


class Wants:
    """Finds an answer only in hits of enough documents."""

    def __init__(self, least: int) -> None:
        self.least = least

    def reason(self, query: Query, hits: object) -> str | None:
        assert isinstance(hits, tuple)
        return None if len(hits) >= self.least else "nothing was found"


def ask(question: str, least: int = 1) -> tuple[list[object], Answer]:
    search = Found()
    about = AboutCourse(lambda: COURSE, search)
    engine = Engine(
        search, Wants(least), Quoting(), about=about, understand=lambda text, *_: ask_of(text)
    )
    events: list[object] = list(engine.ask(question))
    last = events[-1]
    assert isinstance(last, AnswerEvent)
    return events, last.answer


def test_a_question_about_the_course_is_answered_without_a_search() -> None:
    events, answer = ask("how many sessions are there?")
    assert (answer.kind, answer.abstained, answer.verdicts) == ("course", False, ())
    assert not any(isinstance(event, HitsEvent) for event in events)


def test_what_the_list_cannot_say_is_refused_with_the_reason() -> None:
    events, answer = ask("who teaches this?")
    assert (answer.kind, answer.abstained, answer.text) == ("course", True, NOTHING)
    assert "no dates, people or rules" in answer.reason
    assert len(events) == 1


def test_the_restriction_is_told() -> None:
    events, answer = ask("According to the notes, what is rye?")
    assert answer.restricted == "the notes"
    assert isinstance(events[0], HitsEvent)
    assert events[0].restricted == "the notes"
    assert [hit.document.id for hit in events[0].hits] == ["notes"]


def test_what_the_part_does_not_answer_is_searched_for_in_all() -> None:
    _, answer = ask("According to the notes, what is rye?", least=2)
    assert not answer.abstained
    assert answer.restricted == ""
    assert answer.warnings[0] == (
        "Nothing in the notes answers this, so the whole course was searched."
    )


def test_a_refusal_says_why() -> None:
    _, answer = ask("What is rye?", least=3)
    assert answer.abstained
    assert answer.reason == "nothing was found"
    assert [one.id for one in answer.nearest] == ["rye", "notes"]


def test_two_questions_about_the_course_are_both_answered() -> None:
    found = answered("Who wrote On Rye and when do we read it?")
    assert found.text.startswith("“On Rye: Dark Breads” is by Ada Brown. “On Rye”")
    assert "- Session 1 (Dark grains)" in found.text
    assert [row.title for row in found.listed] == ["Session 1 (Dark grains)", RYE.title]
    assert not found.citations


def test_two_questions_about_readings_list_both() -> None:
    found = answered("Who wrote On Rye and who wrote Porridge and Oats?")
    assert "is by Ada Brown. [1] “Porridge and Oats” is by Bo Grey." in found.text
    assert [row.title for row in found.listed] == [RYE.title, OATS.title]


@pytest.mark.parametrize("names", [("On Rye", "Plato"), ("Plato", "On Rye")])
def test_of_two_questions_the_list_answers_the_one_that_it_knows(names: tuple[str, str]) -> None:
    found = answered("who wrote {} and who wrote {}?".format(*names))
    assert "“On Rye: Dark Breads” is by Ada Brown. [1]" in found.text
    assert (
        "The course page does not answer “who wrote Plato?”; asked alone, the readings are"
        " searched." in found.text
    )
    assert [row.title for row in found.listed] == [RYE.title]


def test_two_questions_of_which_the_list_answers_none_are_searched_for() -> None:
    asked = ask_of("Who wrote Plato and who wrote Kant?")
    assert AboutCourse(lambda: COURSE, Found()).answer(asked) is None


def test_two_questions_that_the_list_does_not_answer_are_one() -> None:
    assert "no dates" in answered("who is the instructor and when is the exam?").unknown


def test_a_session_of_two_questions_is_not_lost() -> None:
    found = answered("Which readings are in session 1 and which readings are in session 2?")
    assert found.text.startswith("Session 1 (Dark grains) has 1 required and 1 further reading.")


class Alike(Found):
    """Finds texts that are as alike as texts on the subject."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        return tuple(replace(one, cosine=0.6) for one in super().search(query, k, scope))


def test_a_name_that_no_text_has_comes_up_in_no_session() -> None:
    course = AboutCourse(lambda: COURSE, Alike())
    alike = course.answer(ask_of("when do we talk about grains in loaves?"))
    assert alike is not None
    assert "comes up in 1 session" in alike.text
    named = course.answer(ask_of("when do we read the RyeNet-2 paper?"))
    assert named is not None
    assert "comes up in" not in named.text


@pytest.mark.parametrize("where", ["in session 1", "for the session on dark grains"])
def test_which_ones_are_optional_is_asked_of_the_session_before(where: str) -> None:
    found = answered(f"Which readings are required {where} and which ones are optional?")
    assert {row.title for row in found.listed} == {RYE.title, OATS.title}
    assert "2 further readings" not in found.text


def test_what_the_list_cannot_say_of_two_questions_is_said_beside_the_other() -> None:
    found = answered("Who wrote On Rye and who is the instructor?")
    assert "is by Ada Brown." in found.text
    assert "no dates, people or rules;" in found.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "is On Rye required?",
            "“On Rye: Dark Breads” is required reading of session 1 (Dark grains).",
        ),
        (
            "in which session is Porridge and Oats and is it mandatory?",
            "“Porridge and Oats” is further reading of session 1 (Dark grains).",
        ),
        (
            "which session comes right after the dark grains one, whats it on?",
            "After session 1 (Dark grains) comes session 2 (Left over).",
        ),
        (
            "what comes before session 2?",
            "Before session 2 (Left over) comes session 1 (Dark grains).",
        ),
        ("what comes after session 2?", "Session 2 (Left over) is the last one."),
        ("what comes before session 1?", "Session 1 (Dark grains) is the first one."),
        ("what comes after session 9?", "There is no session 9; they go from 1 to 2."),
    ],
)
def test_where_a_reading_or_a_session_stands_is_told(asked: str, said: str) -> None:
    assert answered(asked).text == said


def test_the_readings_of_a_session_that_is_called_by_its_subject_are_listed() -> None:
    found = answered("what do I have to read for the dark grains session, only the required stuff")
    assert [row.title for row in found.listed] == [RYE.title]
    both = answered("what do we have to read for the session on dark grains?")
    assert [row.title for row in both.listed] == [RYE.title, OATS.title]


@pytest.mark.parametrize(
    "asked", ["is sourdough required?", "which session comes after barley?", "is yeast mandatory?"]
)
def test_what_no_reading_or_session_is_called_is_searched_for(asked: str) -> None:
    assert AboutCourse(lambda: COURSE, Found()).answer(ask_of(asked)) is None


def test_a_name_in_several_titles_lists_them() -> None:
    twice = replace(OATS, id="rye2", title="On Rye: Light Breads", section="more")
    session = replace(COURSE.sessions[0], readings=(RYE, twice))
    course = replace(COURSE, sessions=(session,))
    asked = understand("is On Rye required?", titles=course.titles)
    found = AboutCourse(lambda: course, Found()).answer(asked)
    assert found is not None
    assert [row.section for row in found.listed] == ["required", "more"]


def test_where_no_session_is_about_a_subject_that_is_said() -> None:
    class Nothing(Found):
        def search(self, *_: object, **__: object) -> tuple[Hit, ...]:
            return ()

    asked = ask_of("what do we have to read for the session on barley?")
    found = AboutCourse(lambda: COURSE, Nothing()).answer(asked)
    assert found is not None
    assert found.text == "No session of the course is about “barley”."
