"""The course view's HTML and its address, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from fake_course import EVIL, FakeCourse

from seminar_rag.answer.catalogue import AboutCourse
from seminar_rag.course import Course
from seminar_rag.ingest.attention import needs
from seminar_rag.question.query import understand
from seminar_rag.types import CourseEvent, Document
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Lookup, Record
from seminar_rag.ui.chat import render
from seminar_rag.ui.chat.tabs import EMPTY, NO_KEY, add_keys, key_list, reading_list
from seminar_rag.ui.desk import view
from seminar_rag.ui.shared.limits import Limits


def record(
    id_: str, reading: str, kind: Any = "paper", pages: int | None = None, path: str = ""
) -> Record:
    document = Document(id_, kind, reading, f"Title of {id_}", None, (1,), path=path)
    return Record(document, "s", "", pages=pages, passages=1 if id_ == "a2" else 3)


def entries(html: str) -> list[str]:
    return re.findall(r'(?s)<li class="entry".*?</li>', html)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


UNKNOWN = (
    "https://api.example.org/query?q=a has a host that is not known ([Errno -2] Name or service"
    " not known); another reason"
)
READINGS = (
    ListedReading("a", "A paper", "Ada", None, ("https://x.test/a",)),
    ListedReading(
        "b", "A page", None, None, ("https://x.test/b", "javascript:alert(1)"), "more", kind="video"
    ),
    ListedReading("c", "A description", None, None, ()),
    ListedReading("d", "A gap", None, None, ("https://x.test/d",)),
)
CATALOGUE = Catalogue(
    "Course",
    (),
    (ListedSession(1, "One", readings=READINGS), ListedSession(2, "Two")),
    {
        one.document.id: one
        for one in (
            record("a1", "a", pages=12),
            record("a2", "a"),
            record("b1", "b", path="web/objects/b"),
            record("c1", "c", "abstract"),
            record("n", "notes-1", "notes"),
            Record(Document("l", "paper", "loose", "Loose paper"), "s", "", passages=2, pages=4),
        )
    },
    (
        Lookup("s", "b", "A page", (), "page", problem="behind a paywall", remedy="buy"),
        Lookup(
            "s",
            "c",
            "A description",
            (),
            "nothing",
            problem="its link is gone",
            remedy="correct it",
        ),
        Lookup("s", "d", "A gap", (), "nothing", problem=UNKNOWN),
    ),
)


def test_the_course_shows_exams_and_deadlines_between_its_readings() -> None:
    events = (
        CourseEvent("Syllabus quiz", "due", "Sep 1"),
        CourseEvent("Essay 1", "due", "Sep 8", 1),
        CourseEvent("Two", "no class", "Sep 15", 2, alone=True),
    )
    html = text(reading_list(replace(CATALOGUE, events=events), ()))
    assert "Dates of the course Due : Syllabus quiz (Sep 1)" in html
    assert html.index("A gap") < html.index("Due : Essay 1 (Sep 8)") < html.index("2 Two No class")


def test_sessions_stand_under_the_parts_of_the_course() -> None:
    one, two = CATALOGUE.sessions
    sessions = tuple(replace(each, part="Part <I>") for each in (one, two))
    sessions = (*sessions, ListedSession(3, "Three", part="Part II"), ListedSession(4, "Four"))
    html = reading_list(replace(CATALOGUE, sessions=sessions), ())
    assert html.count('<p class="course-part">Part &lt;I&gt;</p>') == 1
    places = [html.index("Part &lt;I&gt;</p>"), html.index('id="session-1"')]
    places += [
        html.index('id="session-2"'),
        html.index("Part II</p>"),
        html.index('id="session-3"'),
    ]
    assert places == sorted(places)


def test_every_reading_says_what_there_is_of_it_and_why_not_more() -> None:
    html = reading_list(CATALOGUE, needs(CATALOGUE))
    told = [text(one) for one in entries(html)]
    assert "full text, 12 pages" in told[0]
    assert "Also: Title of a2" in told[0]
    assert "text of its page · video · further reading" in told[1]
    assert 'data-words="a page video"' in html, "the search box finds videos"
    assert "behind a paywall" in told[1]
    assert "abstract only" in told[2]
    assert "its link is gone" in told[2]
    assert "correct" not in html, "what the instructor can do is not for students"
    assert "no text yet" in told[3]
    assert "api.example.org has a host that is not known" in told[3]
    assert "Errno" not in html
    assert "/query" not in html
    assert "another reason" not in html
    assert "student notes" in told[4]
    assert "Loose paper" in told[5]
    assert "In no session" in text(html)
    assert "5 readings · 3 with their text · 1 abstract only · 1 without text" in text(html)


def test_readings_and_passages_are_counted_alike_wherever_the_size_is_given() -> None:
    twice = (*CATALOGUE.sessions, ListedSession(3, "Three", readings=READINGS[:1]))
    course = replace(CATALOGUE, sessions=twice)
    asked = AboutCourse(lambda: course, FakeCourse()).answer(understand("What can you do?"))
    heads = (
        render.masthead("Course", course),
        reading_list(course, ()),
        view.sessions(course, ()),
        asked.text,
    )
    for html in heads:
        assert "5 readings" in text(html), html
    for html in (heads[0], heads[2]):
        assert "15 passages" in text(html)


def test_what_is_there_can_be_read_asked_and_condensed() -> None:
    rows = entries(reading_list(CATALOGUE, needs(CATALOGUE)))
    assert 'data-view="view/a1"' in rows[0]
    assert 'data-about="a"' in rows[0]
    assert 'data-key="a"' in rows[0]
    assert 'href="https://x.test/a"' in rows[0]
    assert "javascript:" not in rows[1]
    assert "data-key" not in rows[2], "a description is its own summary"
    assert "Read the description" in rows[2]
    assert "data-about" not in rows[3]
    assert "data-view" not in rows[3]


def test_the_words_that_are_searched_fold_case() -> None:
    assert 'data-words="a paper ada"' in reading_list(CATALOGUE, needs(CATALOGUE))
    assert 'data-words="1 one"' in reading_list(CATALOGUE, needs(CATALOGUE))


def test_an_empty_course_says_so() -> None:
    assert EMPTY in reading_list(Catalogue(None, (), ()), ())


def test_hostile_titles_are_text() -> None:
    html = reading_list(FakeCourse().catalogue(), ()) + key_list(FakeCourse().key_sentences("evil"))
    assert "<img" not in html
    assert "<svg" not in html
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "&lt;img src=x onerror=" in html
    assert EVIL.title not in html


def test_the_posts_of_a_real_course_are_listed(tiny_course: Course) -> None:
    html = reading_list(tiny_course.catalogue(), tiny_course.needs())
    told = text(html)
    assert "1 Attention" in told
    assert "Layer Normalization" in told
    assert "Student notes: Retrieval" in told
    assert len(entries(html)) == 5


def test_key_sentences_are_found_once_for_every_state_of_the_course() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    asked_for: list[str] = []

    class Counted(FakeCourse):
        state = Catalogue(None, (), ())

        def catalogue(self) -> Catalogue:
            return self.state

        def key_sentences(self, reading: str, n: int = 5) -> Any:
            asked_for.append(reading)
            return super().key_sentences(reading, n)

    course, app = Counted(), FastAPI()
    add_keys(app, course, Limits(0, 0))
    with TestClient(app) as client:
        first = client.get("/key/rag")
        assert first.status_code == 200
        assert first.json()["html"].count("data-view=") == 2
        assert 'data-view="view/rag?passage=rag%3A4' in first.json()["html"]
        assert client.get("/key/rag").json() == first.json()
        assert asked_for == ["rag"]
        course.state = Catalogue("changed", (), ())
        client.get("/key/rag")
        assert asked_for == ["rag", "rag"]
        assert client.get("/key/no/such%20thing").status_code == 404
    assert NO_KEY in key_list(())


def test_the_sessions_have_an_index_and_the_current_one_is_named() -> None:
    html = reading_list(CATALOGUE, (), now=2)
    assert re.findall(r'data-session="(\d+)"', html) == ["1", "2"]
    assert html.count("this week") == 1
    assert html.count("aria-current") == 1
    assert "this week" not in reading_list(CATALOGUE, ())


def test_a_reading_has_questions_and_words_are_found_in_texts() -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()
    add_keys(app, FakeCourse(), Limits(0, 0))
    with TestClient(app) as client:
        html = client.get("/key/rag").json()["html"]
        assert 'data-of="rag"' in html
        assert html.count("data-question=") == 2
        assert "data-question" not in client.get("/key/evil").json()["html"]
        found = client.get("/find", params={"words": "passage"}).json()["found"]
        assert set(found) == {"rag", "notes15"}
        assert all(len(text) <= 240 for text in found.values())
        assert client.get("/find").status_code == 200
