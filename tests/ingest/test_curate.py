"""The instructor's decisions about the reading list, which later ingests of the page heed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local_web import Page, Web, pdf
from memory import MemoryVectors
from played_course import (
    BLOG,
    CARDS,
    COURSE,
    FIRST,
    FUZZ,
    LOOMS,
    QUOTED,
    SECOND,
    SURVEY,
    PlainParser,
    entry,
    put_course,
)
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.ingest.pipeline import Network
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types.catalogue import ListedReading
from seminar_rag.types.ingest import IngestReport, Options, Suggestion

pytestmark = pytest.mark.slow

WALLED = "Paywalled Threads and Their Many Uses"


@pytest.fixture
def course(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """A course whose page is ingested, on a web that is played."""
    config = Config(folder=tmp_path)
    monkeypatch.setattr("seminar_rag.documents.parse.Parser", PlainParser)
    network = Network(lambda: web.fetcher(config.data / "web"))
    one = Course(config, embedder=HashEmbedder(), vectors=MemoryVectors(), network=network)
    ingest(one)
    yield one
    assert one.store.findings() == []
    one.close()


def ingest(course: Course, **options: bool) -> IngestReport:
    return next(iter([*course.ingest([COURSE], options=Options(**options))]))


def texts(course: Course) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Title → reading and sessions of what has passages."""
    return {d.title: (d.reading, d.sessions) for d in course.catalogue().documents.values()}


def by_kind(course: Course) -> dict[str, Suggestion]:
    return {f"{one.kind} {one.title}": one for one in course.suggestions()}


def needs(report: IngestReport) -> set[str]:
    return {need.title for need in report.needs}


def test_a_wrong_link_and_a_paper_found_by_its_title_are_to_be_decided(course: Course) -> None:
    found = by_kind(course)
    assert set(found) == {f"replace {SURVEY.title}", f"keep {SURVEY.title}", f"add {CARDS.title}"}
    replace = found[f"replace {SURVEY.title}"]
    assert (replace.reading, replace.sessions, replace.taken) == ("2310.10844", (1,), True)
    assert replace.url == "https://arxiv.org/abs/2310.10844"
    assert replace.instead == "https://arxiv.org/abs/2212.14834"
    assert replace.summary == (
        "The page's link https://arxiv.org/abs/2212.14834 leads elsewhere;"
        f" https://arxiv.org/abs/2310.10844 has the title “{SURVEY.title}” and was taken."
    )
    keep = found[f"keep {SURVEY.title}"]
    assert FUZZ.title in keep.summary
    assert {one.id for one in course.suggestions()} == {one.id for one in course.suggestions()}
    with pytest.raises(NotFoundError, match="seminar-rag suggestions lists"):
        course.accept("nonsense")


def test_an_accepted_link_replaces_the_pages(course: Course, web: Web) -> None:
    before = texts(course)
    reading = course.accept(by_kind(course)[f"replace {SURVEY.title}"].id)
    assert not any(SURVEY.title in one for one in by_kind(course)), "both are decided"
    assert SURVEY.title not in needs(course.ingest_reading(reading))
    assert texts(course) == before
    assert SURVEY.title not in needs(ingest(course)), "the page still has the wrong link"
    (listed,) = [
        one for s in course.catalogue().sessions for one in s.readings if one.id == reading
    ]
    assert listed.urls == ("https://arxiv.org/abs/2310.10844",)
    assert not any(SURVEY.title in one for one in by_kind(course))


def test_a_rejected_paper_is_neither_taken_nor_suggested_again(course: Course, web: Web) -> None:
    course.reject(by_kind(course)[f"replace {SURVEY.title}"].id)
    report = ingest(course)
    assert texts(course)[SURVEY.title][0] == "2212.14834"
    kinds = {
        r.document.kind
        for r in course.catalogue().records.values()
        if r.document.title == SURVEY.title
    }
    assert kinds == {"abstract"}
    assert SURVEY.title in needs(report), "its link leads elsewhere all the same"
    assert set(by_kind(course)) == {f"keep {SURVEY.title}", f"add {CARDS.title}"}


def test_a_doubted_link_can_be_vouched_for(course: Course) -> None:
    reading = course.accept(by_kind(course)[f"keep {SURVEY.title}"].id)
    assert course.ingest_reading(reading).count("failed") == 0
    assert texts(course)[SURVEY.title] == ("2212.14834", (1,))
    assert FUZZ.title not in texts(course), "by the instructor's word it has the listed title"
    passages = " ".join(
        passage.text
        for id_, one in course.catalogue().documents.items()
        if one.title == SURVEY.title
        for passage in course.store.passages_of(id_)
    )
    assert FUZZ.title in passages
    report = ingest(course)
    assert (report.fetched, report.embedded) == (0, 0)
    assert set(by_kind(course)) == {f"add {CARDS.title}"}


def test_a_rejected_link_is_left_out(course: Course) -> None:
    course.reject(by_kind(course)[f"keep {SURVEY.title}"].id)
    assert SURVEY.title not in needs(ingest(course))
    assert texts(course)[SURVEY.title] == ("2310.10844", (1,))
    assert set(by_kind(course)) == {f"add {CARDS.title}", f"add {SURVEY.title}"}


def test_a_document_that_calls_itself_otherwise_can_be_confirmed_or_left_out(
    course: Course, web: Web
) -> None:
    label = "Week seven"
    put_course(web, FIRST, SECOND + entry(label, "https://arxiv.org/abs/2310.10844"))
    assert label in needs(ingest(course))
    odd = by_kind(course)[f"keep {label}"]
    assert (odd.taken, "has the title" in odd.summary) == (True, True)
    course.accept(odd.id)
    assert label not in needs(ingest(course))
    assert f"keep {label}" not in by_kind(course)
    (decision,) = course.catalogue().corrections
    assert (decision.kind, decision.url) == ("keep", odd.url)
    decided = course.catalogue()
    course.take_back(replace(decided, corrections=()))
    assert course.catalogue().corrections == ()
    course.ingest_reading(decision.target)
    course.reject(by_kind(course)[f"keep {label}"].id)
    report = ingest(course)
    assert "it has no link" in next(need.problem for need in report.needs if need.title == label)


def test_a_reading_keeps_its_new_name(course: Course) -> None:
    assert course.rename("2301.00001", " Looms,  renamed ") == "2301.00001"
    assert "Looms, renamed" in [r.title for s in course.catalogue().sessions for r in s.readings]
    report = course.ingest_reading("Looms, renamed")
    assert {one.change for one in report.outcomes} <= {"changed", "unchanged"}
    for _ in range(2):
        assert texts(course)["Looms, renamed"][0] == "2301.00001"
        assert LOOMS.title not in texts(course)
        assert ingest(course).embedded == 0
    assert "Looms, renamed" in [r.title for s in course.catalogue().sessions for r in s.readings]
    with pytest.raises(NotFoundError, match="did you mean"):
        course.rename("On Looms That Wove", "X")
    with pytest.raises(SourceError, match="needs a title"):
        course.rename("2301.00001", "  ")


def test_one_reading_is_looked_for_again_and_no_other(course: Course, web: Web) -> None:
    asked = len(web.seen)
    web.put("https://wall.test/doc/1", Page(pdf(WALLED, (), BLOG)))
    report = course.ingest_reading(WALLED)
    assert {(one.host, one.path) for one in web.seen[asked:]} == {("wall.test", "/doc/1")}
    assert sorted(one.change for one in report.outcomes) == ["new", "removed"]
    assert report.fetched == 1
    assert WALLED not in needs(report)
    before = texts(course)
    assert ingest(course).embedded == 0
    assert texts(course) == before
    with pytest.raises(NotFoundError, match="did you mean"):
        course.ingest_reading("Paywalled Thread and Its Use")


def test_a_file_added_under_a_listed_title_becomes_its_text(course: Course, tmp_path: Path) -> None:
    file = tmp_path / "My scan (1).pdf"
    file.write_bytes(pdf("Scanned", (), BLOG))
    reading = course.add(1, WALLED, file=file)
    file.unlink()
    report = course.ingest_reading(reading)
    assert report.count("new") == 1
    assert texts(course)[WALLED] == (reading, (1,))
    assert WALLED not in needs(ingest(course))
    assert "paper" in {
        d.kind for d in course.catalogue().documents.values() if d.reading == reading
    }


def test_files_are_taken_for_the_readings_that_they_are(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reading they were given for, by the id in their name, or by their title; a file that
    is there already, or is none of the listed readings, is refused."""
    monkeypatch.setattr("seminar_rag.documents.parse.Parser", lambda **_: PlainParser())
    given, titled, other = (tmp_path / f"{name}.pdf" for name in ("scan 1", "download", "stray"))
    walled = next(
        one.id for each in course.catalogue().sessions for one in each.readings
        if one.title == WALLED
    )  # fmt: skip
    given.write_bytes(pdf("Scanned", (), BLOG))
    assert course.take(given, reading=walled) == walled
    course.ingest_reading(walled)
    assert texts(course)[WALLED] == (walled, (1,))
    with pytest.raises(SourceError, match=f"in the course already, as “{WALLED}”"):
        course.take(given)
    titled.write_bytes(pdf(CARDS.title, (), BLOG, "So it is."))
    cards = course.take(titled)
    course.ingest_reading(cards)
    assert texts(course)[CARDS.title] == (cards, (2,))
    other.write_bytes(pdf("A Paper Nobody Listed", (), BLOG, "Nobody."))
    with pytest.raises(SourceError, match="“A Paper Nobody Listed”, is none of the listed"):
        course.take(other)
    stray = course.take(other, session=2)
    course.ingest_reading(stray)
    assert texts(course)["A Paper Nobody Listed"] == (stray, (2,)), "the title is the file's own"
    with pytest.raises(NotFoundError, match="load the page again"):
        course.take(other, reading="unheard-of")


def test_a_paper_of_no_session_is_put_into_one_and_stays_there(
    course: Course, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "stray.pdf").write_bytes(pdf("A Paper Nobody Listed", (), BLOG))
    list(course.ingest([folder]))
    assert texts(course)["A Paper Nobody Listed"] == ("a-paper-nobody-listed", ())
    reading = course.place("a-paper-nobody-listed", 2)
    course.ingest_reading(reading)
    for _ in range(2):
        found = [d for d in course.catalogue().documents.values() if "Nobody" in d.title]
        assert [(one.reading, one.sessions) for one in found] == [(reading, (2,))]
        list(course.ingest([folder]))
    assert course.removals() == (), "nothing was taken out by hand"
    with pytest.raises(NotFoundError, match="load the page again"):
        course.place("a-paper-nobody-listed", 2)


def test_a_link_added_to_a_session_stays_there(course: Course, web: Web) -> None:
    web.put("https://blog.test/extra.pdf", Page(pdf("Some Working Title", (), BLOG)))
    reading = course.add(2, "What the Guest Spoke Of", url="https://blog.test/extra.pdf")
    course.ingest_reading(reading)
    for _ in range(2):
        assert texts(course)["What the Guest Spoke Of"] == (reading, (2,))
        (second,) = [one for one in course.catalogue().sessions if one.number == 2]
        assert second.title == "Cards"
        assert reading in [one.id for one in second.readings]
        assert ingest(course).embedded == 0
    course.remove(reading)
    assert "What the Guest Spoke Of" not in texts(course)
    ingest(course)
    assert "What the Guest Spoke Of" not in texts(course)


def test_a_paper_added_to_another_session_is_not_stored_twice(course: Course) -> None:
    reading = course.add(2, "Looms again", url="https://arxiv.org/abs/2301.00001")
    report = course.ingest_reading(reading)
    assert report.embedded == 0
    assert texts(course)[LOOMS.title] == ("2301.00001", (1, 2))


@pytest.mark.parametrize(
    ("session", "title", "url", "file", "error"),
    [
        (7, "T", "https://x.test/", None, "there is no session 7 — the course has 1, 2"),
        (1, " ", "https://x.test/", None, "give a title"),
        (1, "T", "https://x.test/", "a.pdf", "not both"),
        (1, "T", "ftp://x.test/", None, "no web address"),
        (1, "T", "", "nowhere.pdf", "cannot be found"),
        (1, "T", "", "a.exe", "save it as PDF"),
    ],
)
def test_what_cannot_be_added_is_told(
    course: Course,
    tmp_path: Path,
    session: int,
    title: str,
    url: str,
    file: str | None,
    error: str,
) -> None:
    (tmp_path / "a.exe").write_text("x")
    with pytest.raises((SourceError, NotFoundError), match=error):
        course.add(session, title, url, tmp_path / file if file else None)
    assert course.catalogue().corrections == ()


def test_a_removed_reading_stays_out_until_it_is_restored(course: Course) -> None:
    before = texts(course)
    assert sorted(course.remove("2301.00001")) == ["Looms explained", LOOMS.title]
    for _ in range(2):
        assert LOOMS.title not in texts(course)
        assert LOOMS.title not in [r.title for s in course.catalogue().sessions for r in s.readings]
        assert LOOMS.title not in needs(ingest(course))
    (removal,) = course.removals()
    assert (removal.id, removal.title) == ("2301.00001", LOOMS.title)
    for id_ in course.restore(removal.title):
        assert course.ingest_reading(id_).count("new") == 2
    assert texts(course) == before
    assert course.removals() == ()
    with pytest.raises(NotFoundError, match="nothing called 'x' was removed"):
        course.restore("x")


def test_a_removed_document_stays_out_until_it_is_restored(course: Course) -> None:
    notes = next(
        r.document for r in course.catalogue().records.values() if r.document.kind == "notes"
    )
    course.remove(notes.id)
    course.remove("Looms explained")
    ingest(course)
    assert {notes.title, "Looms explained"} & set(texts(course)) == set()
    assert LOOMS.title in texts(course)
    for removal in course.removals():
        for id_ in course.restore(removal.id):
            assert course.ingest_reading(id_).count("new") == 1
    assert {notes.title, "Looms explained"} <= set(texts(course))


def test_a_removed_file_comes_back_when_it_is_given_by_name(course: Course, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "stray.pdf").write_bytes(pdf("A Paper Nobody Listed", (), BLOG))
    (folder / "other.pdf").write_bytes(pdf("Another Paper", (), BLOG + "More."))
    list(course.ingest([folder]))
    course.remove("A Paper Nobody Listed")
    list(course.ingest([folder]))
    assert "A Paper Nobody Listed" not in texts(course)
    list(course.ingest([folder / "stray.pdf"]))
    assert "A Paper Nobody Listed" in texts(course)


def test_a_file_that_no_page_lists_is_ingested_again_by_its_reading(
    course: Course, tmp_path: Path
) -> None:
    file = tmp_path / "stray.pdf"
    file.write_bytes(pdf("A Paper Nobody Listed", (), BLOG))
    list(course.ingest([file]))
    file.write_bytes(pdf("A Paper Nobody Listed", (), BLOG + "More was written since."))
    report = course.ingest_reading("a-paper-nobody-listed")
    assert [(one.change, one.document.title) for one in report.outcomes] == [
        ("changed", "A Paper Nobody Listed")
    ]
    course.remove("a-paper-nobody-listed")
    list(course.ingest([file], options=Options(dry_run=True)))
    assert [one.title for one in course.removals()] == ["A Paper Nobody Listed"]


def test_corrections_survive_a_page_that_changes_and_another_run(
    course: Course, web: Web, tmp_path: Path
) -> None:
    course.rename(CARDS.title, "Cards, renamed")
    course.remove(LOOMS.title)
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf("Scanned", (), BLOG))
    course.add(2, "Handout", file=file)
    put_course(web, FIRST, SECOND + entry("Another Reading, Described", abstract=QUOTED))
    reports = [*course.ingest([COURSE])]
    assert [report.source for report in reports] == [COURSE, "added by hand"]
    titles = [r.title for s in course.catalogue().sessions for r in s.readings]
    assert {"Cards, renamed", "Handout", "Another Reading, Described"} <= set(titles)
    assert LOOMS.title not in titles
    again = Course(course.config, embedder=HashEmbedder(), vectors=course.store.vectors)
    assert again.catalogue().corrections == course.catalogue().corrections
    assert {one.kind for one in again.catalogue().corrections} == {"rename", "remove", "add"}
    again.close()


def test_the_same_doi_under_two_titles_is_one_reading(course: Course, web: Web) -> None:
    doi = "https://doi.org/10.1145/1234.5678"
    web.put("https://doi.org/10.1145/1234.5678", Page(status=403))
    first = FIRST + entry("The Looms of Lyon, and What They Wove", doi, abstract=QUOTED)
    second = SECOND + entry("The Looms of Lyon and what they wove (2023)", doi, abstract=QUOTED)
    put_course(web, first, second)
    ingest(course)
    found = [o for o in texts(course).values() if o[0].startswith("the-looms-of-lyon")]
    assert {sessions for _, sessions in found} == {(1, 2)}
    assert len({reading for reading, _ in found}) == 1


# The reading list, corrected entry by entry ------------------------------------------------------


def row(course: Course, title: str) -> tuple[int, ListedReading]:
    """The session and the entry of that title."""
    (found,) = [
        (session.number, one)
        for session in course.catalogue().sessions
        for one in session.readings
        if one.title == title
    ]
    return found


def test_an_edit_holds_at_once_and_after_later_ingests(course: Course) -> None:
    before, unedited = texts(course), course.catalogue()
    assert row(course, LOOMS.title)[0] == 1
    course.edit(LOOMS.title, session=2)
    course.edit(LOOMS.title, authors="A. Weaver  and B. Dyer", section="more")
    course.edit(LOOMS.title, kind="podcast")
    for _ in range(2):
        number, entry = row(course, LOOMS.title)
        assert (number, entry.authors, entry.section) == (2, "A. Weaver and B. Dyer", "more")
        assert entry.kind == "podcast"
        assert texts(course)[LOOMS.title] == (entry.id, (2,))
        ingest(course)
    course.take_back(unedited)
    assert texts(course) == before
    ingest(course)
    assert texts(course) == before
    with pytest.raises(NotFoundError, match="no session 9"):
        course.edit(LOOMS.title, session=9)


def test_an_entry_that_holds_two_readings_is_split_and_two_entries_are_joined(
    course: Course,
) -> None:
    number, entry = row(course, LOOMS.title)
    second = course.split(LOOMS.title, "The Second Half", entry.urls[1])
    for _ in range(2):
        place, part = row(course, "The Second Half")
        assert (place, part.urls) == (number, entry.urls[1:])
        assert row(course, LOOMS.title)[1].urls == entry.urls[:1]
        ingest(course)
    whole = course.merge(second, LOOMS.title)
    for _ in range(2):
        assert set(row(course, LOOMS.title)[1].urls) == set(entry.urls)
        assert row(course, LOOMS.title)[1].id == whole
        assert "The Second Half" not in course.catalogue().titles.values()
        assert not [d for d in course.documents().values() if d.reading == second]
        ingest(course)


def test_every_decision_can_be_taken_back(course: Course, tmp_path: Path) -> None:
    file = tmp_path / "notes on dyes.pdf"
    file.write_bytes(pdf("Notes on Dyes"))
    acts: tuple[Callable[[], object], ...] = (
        lambda: course.rename(LOOMS.title, "Other"),
        lambda: course.edit(LOOMS.title, "A. Weaver", "more", 2),
        lambda: course.confirm(LOOMS.title),
        lambda: course.split(LOOMS.title, "The Second Half", row(course, LOOMS.title)[1].urls[1]),
        lambda: course.merge(SURVEY.title, LOOMS.title),
        lambda: course.remove(LOOMS.title),
        lambda: course.reject(by_kind(course)[f"add {CARDS.title}"].id),
        lambda: course.add(2, "A Book on the Shelf"),
        lambda: course.ingest_reading(course.add(2, "Notes on Dyes", file=file)),
        lambda: course.ingest_reading(course.take(file, row(course, LOOMS.title)[1].id)),
    )
    for act in acts:
        before, listed, there = course.catalogue(), lists(course), texts(course)
        act()
        assert (lists(course), texts(course), course.catalogue().corrections) != (listed, there, ())
        for reading in course.take_back(before):
            course.ingest_reading(reading)
        assert (lists(course), texts(course)) == (listed, there)
        assert course.catalogue().corrections == ()


def lists(course: Course) -> list[tuple[int, tuple[ListedReading, ...]]]:
    return [(one.number, one.readings) for one in course.catalogue().sessions]


def test_a_doubtful_entry_is_confirmed_for_good(course: Course) -> None:
    reading = row(course, LOOMS.title)[1].id
    course.store.revise(
        lambda sessions: [
            replace(one, readings=tuple(replace(r, doubt="Why?") for r in one.readings))
            for one in sessions
        ]
    )
    course.confirm(reading)
    assert row(course, LOOMS.title)[1].doubt == ""
    assert row(course, SURVEY.title)[1].doubt == "Why?"
    assert [one.kind for one in course.catalogue().corrections] == ["confirm"]


def test_a_paper_at_arxiv_is_added_by_its_link_alone(course: Course) -> None:
    id_ = course.add(1, "", "https://arxiv.org/abs/2302.00002")
    course.ingest_reading(id_)
    assert texts(course)[CARDS.title] == (id_, (1, 2))


def test_a_reading_is_added_by_its_title_alone(course: Course) -> None:
    course.ingest_reading(course.add(2, "A Book on the Shelf"))
    for _ in range(2):
        assert row(course, "A Book on the Shelf")[0] == 2
        ingest(course)


@pytest.mark.parametrize(
    ("act", "given", "error"),
    [
        ("split", (LOOMS.title, " "), "needs a title"),
        ("split", (LOOMS.title, "Other", "https://x.test/"), "is no link of"),
        ("split", (LOOMS.title, "Other", "https://arxiv.org/abs/2301.00001"), "known by"),
        ("merge", (LOOMS.title, LOOMS.title), "joined with itself"),
    ],
)
def test_what_cannot_be_corrected_is_said(
    course: Course, act: str, given: tuple[str, ...], error: str
) -> None:
    with pytest.raises(SourceError, match=error):
        getattr(course, act)(*given)
    assert course.catalogue().corrections == ()
