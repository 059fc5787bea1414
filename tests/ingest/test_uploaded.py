"""A file that is the course page: kept, read in a worker, read again, replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_web import Web
from memory import MemoryVectors
from played_course import CARDS, LOOMS, PlainParser, furnish
from seminar_rag import upkeep
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.errors import SourceError
from seminar_rag.ingest.pipeline import Network
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types.ingest import UPLOADED, Options

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    """An empty course, on a web that is played."""
    monkeypatch.setattr("seminar_rag.documents.parse.Parser", PlainParser)
    config = Config(folder=tmp_path / "course")
    with Web() as web:
        furnish(web)
        parts = {"embedder": HashEmbedder(), "vectors": MemoryVectors()}
        one = Course(config, network=Network(lambda: web.fetcher(config.data / "web")), **parts)
        yield one
        assert one.store.findings() == []
        one.close()


def page(folder: Path, *papers: tuple[str, str], name: str = "Syllabus 2026.html") -> Path:
    """A course page with a session for each paper."""
    sessions = "".join(
        f"<h2>Week {n}: Weaving</h2><p>Readings</p>"
        f'<ul><li><a href="https://arxiv.org/abs/{id_}">{title}</a>, A. Lovelace, 2023</li></ul>'
        for n, (id_, title) in enumerate(papers, 1)
    )
    text = f"<!doctype html><html><title>Looms</title><body><h1>Looms</h1>{sessions}</body></html>"
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


ONE, TWO = (LOOMS.id, LOOMS.title), (CARDS.id, CARDS.title)


def listed(course: Course) -> list[str]:
    return [one.title for each in course.catalogue().sessions for one in each.readings]


def test_it_is_kept_and_read_again_and_its_readings_are_looked_for(
    course: Course, tmp_path: Path
) -> None:
    file = page(tmp_path, ONE)
    source = course.take_page(file)
    file.unlink()
    (report,) = course.ingest([source])
    assert (report.source, report.fetched > 0, listed(course)) == (UPLOADED, True, [LOOMS.title])
    assert course.catalogue().sources == ((UPLOADED, "course"),)
    assert [one.title for one in course.documents().values()] == [LOOMS.title]
    assert LOOMS.title in " ".join(course.page_texts()[0].lines)
    (again,) = course.ingest([UPLOADED])
    assert {one.change for one in again.outcomes} == {"unchanged"}
    assert course.ingest_reading(LOOMS.id).found


def test_a_newer_one_takes_its_place_and_what_lists_nothing_does_not(
    course: Course, tmp_path: Path
) -> None:
    [*course.ingest([course.take_page(page(tmp_path, ONE))])]
    (tmp_path / "empty.txt").write_text("Nothing here.\n")
    (tmp_path / "broken.docx").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "table.csv").write_text("a,b\n")
    for name, says in (
        ("empty.txt", "holds no readings"),
        ("broken.docx", "cannot be read as DOCX"),
        ("table.csv", "is none of"),
    ):
        with pytest.raises(SourceError, match=f"^{name} {says}"):
            course.take_page(tmp_path / name)
    assert len(course.catalogue().corrections) == 1
    newer = page(tmp_path, TWO, ONE, name="newer.htm")
    [*course.ingest([course.take_page(newer)])]
    assert listed(course) == [CARDS.title, LOOMS.title]
    assert [one.title for one in course.catalogue().corrections] == ["newer.htm"]


def test_a_list_without_a_title_is_called_as_its_file_is(course: Course, tmp_path: Path) -> None:
    entry = f"@article{{a, title={{{LOOMS.title}}}, author={{Ada Lovelace}}, year={{2023}}}}"
    (tmp_path / "looms.bib").write_text(entry, encoding="utf-8")
    [*course.ingest([course.take_page(tmp_path / "looms.bib")], options=Options(fetch=False))]
    assert [one.title for one in course.catalogue().sessions] == ["looms"]


def test_it_is_in_a_backup_and_leaves_with_its_source(course: Course, tmp_path: Path) -> None:
    offline = Options(fetch=False)
    [*course.ingest([course.take_page(page(tmp_path, ONE))], options=offline)]
    course.backup(tmp_path / "backup.zip")
    restored = Config(folder=tmp_path / "restored")
    upkeep.restore(restored, tmp_path / "backup.zip")
    other = Course(restored, embedder=HashEmbedder(), vectors=MemoryVectors())
    [*other.ingest([UPLOADED], options=offline)]
    assert listed(other) == [LOOMS.title]
    other.close()
    course.remove(UPLOADED)
    with pytest.raises(SourceError, match="upload it again"):
        [*course.ingest([UPLOADED], options=offline)]
    assert course.catalogue().corrections == ()
