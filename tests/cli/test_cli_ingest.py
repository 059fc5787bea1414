"""Ingest and syllabus on the command line, from a course page on a real server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_web import Page, Web, pdf
from memory import MemoryVectors
from played_course import FIRST, NOTES, entry, put_course
from seminar_rag.cli.main import main
from seminar_rag.config import load
from seminar_rag.course import Course
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.web.fetch import Fetcher

pytestmark = pytest.mark.slow

SITE = "https://127.0.0.1"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as one:
        put_course(one, site=SITE)
        yield one


@pytest.fixture
def page(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The course page's address, in a folder whose configuration allows the host."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seminar.toml").write_text('[fetch]\nallow_hosts = "localhost, 127.0.0.1"\n')
    vectors = MemoryVectors()

    def opened(folder: Path | None = None, data: Path | None = None) -> Course:
        return Course(load(folder, data=data), embedder=HashEmbedder(), vectors=vectors)

    monkeypatch.setattr(Course, "open", opened)
    return f"http://127.0.0.1:{web.port}/2026/ByDate/"


def arxiv_at(where: str, folder: Path) -> None:
    """Let the course in the folder take papers from there, too."""
    settings = f'allow_hosts = "127.0.0.1"\narxiv = "{where}"\narxiv_api = "{where}/api/query"\n'
    (folder / "seminar.toml").write_text(f"[fetch]\n{settings}")


def test_syllabus_prints_a_page_and_ingests_nothing(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["syllabus", page, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(one["readings"]) for one in told["sessions"]] == [3, 3]
    assert told["sessions"][0]["readings"][1]["arxiv_id"] == "2212.14834"
    assert main(["syllabus", page]) == 0
    said = capsys.readouterr().out
    assert "1. Looms" in said
    assert "no link" in said
    assert not (tmp_path / ".seminar" / "course.db").exists()


def test_syllabus_prints_the_kinds_of_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["[[session]]", "[[session.reading]]", 'title = "Looms"', 'kind = "podcast"']
    lines += ["[[session.reading]]", 'title = "Yarn"', 'kind = "paper"', 'section = "more"']
    (tmp_path / "readings.toml").write_text("\n".join(lines), encoding="utf-8")
    assert main(["syllabus", str(tmp_path / "readings.toml")]) == 0
    said = capsys.readouterr().out
    assert "[required, podcast] Looms" in said
    assert "[more] Yarn" in said


def test_syllabus_prints_what_is_due_and_when_there_is_no_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "breads.md"
    weeks = [
        "# Breads",
        '## Week 1, Sep 3: Grains\n\n- Brown, Ada. "A History of Rye". Journal of Bread, 2019.',
        "Essay 1 due Sep 5",
        '## Week 2, Sep 10: Ovens\n\n- Grey, Bo. "The Wood-Fired Oven". Journal of Bread, 2018.',
        "## Week 3, Sep 17: No class",
        '## Week 4, Sep 24: Crumbs\n\n- White, Di. "What Crumbs Tell Us". Journal of Bread, 2020.',
    ]
    page.write_text("\n\n".join(weeks))
    assert main(["syllabus", str(page)]) == 0
    said = capsys.readouterr().out
    assert "(due) Essay 1 due Sep 5" in said
    assert "No class (Sep 17)\n  (no class)" in said
    assert main(["syllabus", str(page), "--json"]) == 0
    events = json.loads(capsys.readouterr().out)["events"]
    assert [(one["kind"], one["session"], one["alone"]) for one in events] == [
        ("due", 1, False),
        ("no class", 3, True),
    ]


def test_sessions_are_printed_under_the_parts_of_the_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_by_hand = tmp_path / "readings.toml"
    session = '[[session]]\ntitle = "{}"\npart = "{}"\n[[session.reading]]\ntitle = "On {}"\n'
    given = [("Rye", "Part I: Grains"), ("Oats", "Part I: Grains"), ("Ovens", "Part II: Heat")]
    list_by_hand.write_text("\n".join(session.format(*one, one[0]) for one in given))
    assert main(["syllabus", str(list_by_hand)]) == 0
    said = capsys.readouterr().out
    order = ["Part I: Grains", "1. Rye", "2. Oats", "Part II: Heat", "3. Ovens"]
    assert [said.count(one) for one in order] == [1] * 5
    assert sorted(order, key=said.index) == order
    assert main(["syllabus", str(list_by_hand), "--json"]) == 0
    sessions = json.loads(capsys.readouterr().out)["sessions"]
    assert [one["part"] for one in sessions] == [part for _, part in given]
    data = str(tmp_path / "data")
    assert main(["ingest", str(list_by_hand), "--offline", "--data", data]) == 0
    capsys.readouterr()
    assert main(["status", "--data", data]) == 0
    said = capsys.readouterr().out
    assert sorted(order, key=said.index) == order
    assert main(["status", "--json", "--data", data]) == 0
    sessions = json.loads(capsys.readouterr().out)["sessions"]
    assert [one["part"] for one in sessions] == [part for _, part in given]


def test_syllabus_of_local_forms_needs_no_network(
    posts: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["syllabus", str(posts), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["title"] for one in told["sessions"]] == ["Attention", "Retrieval"]
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    assert main(["syllabus", str(tmp_path / "a.pdf")]) == 3
    assert "lists no readings" in capsys.readouterr().err


def test_a_private_page_must_be_allowed(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seminar.toml").write_text("")
    assert main(["ingest", page]) == 3
    assert 'add "127.0.0.1" to [fetch] allow_hosts' in capsys.readouterr().err


def test_ingest_plans_does_and_tells(
    page: str, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", "--offline", "--dry-run", page]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "2 sessions, 6 readings; would add 6 documents" in said
    assert "6 readings have not been searched for online" in said
    assert main(["status"]) == 7, "nothing was ingested"
    capsys.readouterr()
    assert main(["ingest", "--offline", "--json-lines", page]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"progress", "outcome", "report"} <= {one["event"] for one in events}
    assert events[-1]["documents"]["new"] == 6
    web.put("https://127.0.0.1/2026/contents/2/", Page(status=404))
    assert main(["ingest", "--offline", "--quiet", page]) == 0
    said = capsys.readouterr()
    assert "an earlier copy was taken" in said.err
    assert "documents:" not in said.err


def test_what_needs_a_hand_is_told_now_and_later(
    page: str, capsys: pytest.CaptureFixture[str], web: Web, tmp_path: Path
) -> None:
    where = f"http://127.0.0.1:{web.port}"
    arxiv_at(where, tmp_path)
    link = f"{where}/gone.pdf"
    readings = FIRST.replace("https://wall.test/doc/1", link).replace(
        "https://blog.test/looms", link
    )
    put_course(web, readings, readings.replace("Paywalled", "Other"), SITE)
    assert main(["ingest", page]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "need attention" in said
    assert said.endswith("seminar-rag ask asks from here."), "what comes next"
    assert "gone.pdf is gone (404)" in said
    assert "abstract only — correct the link" in said
    assert main(["status"]) == 0
    assert "gone.pdf is gone (404)" in " ".join(capsys.readouterr().out.split())
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"reading", "title", "sessions", "state", "problem", "remedy"} <= set(told["needs"][0])
    assert any(one["attempts"] for one in told["lookups"])


def test_a_network_that_is_down_is_told_in_one_line(
    page: str,
    capsys: pytest.CaptureFixture[str],
    web: Web,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What fails is asked for again, after seconds.
    monkeypatch.setitem(Fetcher.__init__.__kwdefaults__, "sleep", lambda _: None)
    closed = "http://127.0.0.1:9"
    arxiv_at(closed, tmp_path)
    named = "".join(
        entry(f"Paper Number {n} of a Long List", f"{closed}/{n}.pdf") for n in range(8)
    )
    put_course(web, named, named, SITE)
    assert main(["ingest", page]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "8 readings could not be downloaded just now — check the network" in said
    assert "Paper Number" not in said


def test_the_reading_list_is_corrected_by_hand(
    page: str, capsys: pytest.CaptureFixture[str], web: Web, tmp_path: Path
) -> None:
    where = f"http://127.0.0.1:{web.port}"
    arxiv_at(where, tmp_path)
    wrong = f"{where}/wrong.pdf"
    listed = entry("The Proper Care of Analytical Engines and Looms", wrong) + entry(
        "Bare Title", abstract=NOTES
    )
    web.put("https://127.0.0.1/wrong.pdf", Page(pdf("Cooking for Twenty Guests", (), NOTES * 9)))
    put_course(web, listed, site=SITE)
    assert main(["ingest", "--quiet", page]) == 0
    capsys.readouterr()

    assert main(["suggestions", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["url"], told["taken"]) == ("keep", wrong, False)
    assert main(["suggestions"]) == 0
    assert "leads to “Cooking for Twenty Guests”" in " ".join(capsys.readouterr().out.split())
    assert main(["suggestions", "--accept", told["id"]]) == 0
    assert "1 new" in " ".join(capsys.readouterr().err.split())
    assert main(["suggestions", "--accept", told["id"]]) == 7
    assert main(["suggestions"]) == 0
    assert "No suggestions." in capsys.readouterr().out

    assert main(["rename", "Bare Title", "A Title of Its Own"]) == 0
    assert main(["ingest", "--only", "A Title of Its Own"]) == 0
    handout = tmp_path / "handout.md"
    handout.write_text("# Handout\n\nThe guest spoke of looms and of cards.\n")
    assert main(["add", "2", str(handout), "--title", "What the Guest Said"]) == 0
    capsys.readouterr()
    assert main(["status"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "A Title of Its Own" in said
    assert "What the Guest Said" in said
    assert "Bare Title" not in said

    assert main(["remove", "What the Guest Said"]) == 0
    assert main(["ingest", "--quiet", page]) == 0
    assert main(["restore"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "what-the-guest-said  What the Guest Said"
    assert main(["restore", "what-the-guest-said"]) == 0
    assert main(["restore"]) == 0
    assert "Guest" not in capsys.readouterr().out.splitlines()[-1:]


def test_an_interrupt_ends_between_readings_and_the_next_run_goes_on(
    page: str, capsys: pytest.CaptureFixture[str], web: Web, tmp_path: Path
) -> None:
    where = f"http://127.0.0.1:{web.port}"
    arxiv_at(where, tmp_path)
    titles = [f"Study Number {n} of the Weaving of Patterns" for n in range(6)]
    listed = "".join(entry(one, f"{where}/{n}.md") for n, one in enumerate(titles))
    put_course(web, listed, listed, SITE)
    pages = {n: Page(f"# {one}\n\n{NOTES * 4}".encode()) for n, one in enumerate(titles)}

    def interrupting(path: str) -> Page:
        os.kill(os.getpid(), signal.SIGINT)
        return pages[3]

    for n, one in pages.items():
        web.put(f"https://127.0.0.1/{n}.md", interrupting if n == 3 else one)
    before = signal.getsignal(signal.SIGINT)
    assert main(["ingest", page]) == 130
    said = " ".join(capsys.readouterr().err.split())
    assert "stopping after this document; Ctrl-C again stops at once" in said
    assert "What was finished is in; the next run goes on from here" in said
    web.put("https://127.0.0.1/3.md", pages[3])
    assert main(["ingest", page]) == 0
    asked = [one.path for one in web.seen if one.path.endswith(".md")]
    assert set(asked) == {f"/{n}.md" for n in pages}
    # What was on its way when the interrupt came is asked for again; nothing else is.
    twice = [path for path in set(asked) - {"/3.md"} if asked.count(path) > 1]
    assert len(twice) <= 1, "no body twice"
    assert max(asked.count(path) for path in asked) <= 2
    assert "6 as web pages" in " ".join(capsys.readouterr().err.split())
    assert signal.getsignal(signal.SIGINT) is before
