"""What a file or folder holds: everything in it is read or named."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from seminar_rag.documents.archive import Unpacker
from seminar_rag.errors import SourceError
from seminar_rag.ingest.local import SourceContent, from_disk, list_folder, with_archives
from seminar_rag.ingest.plan import make_plan
from seminar_rag.ingest.sources import list_readings


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"What {name} says.")


def planned(source: SourceContent) -> dict[str, str]:
    """Path and title of every document that the source will have."""
    plan = make_plan(source, list_readings(source), {}, Path("data"))
    return {job.document.path: job.document.title for job in plan.jobs.values()}


def test_a_folder_of_readings_is_read_whatever_their_endings(tmp_path: Path) -> None:
    read = ("a.pdf", "b.docx", "week 2/c.pptx", "d.txt", "e.mp4", "f.xyz", "g", "saved.html")
    parts = ("saved_files/style.css", "saved_files/deep/frame.html", "saved_files/a.png")
    put(tmp_path, *read, *parts, ".git/config", "~$b.docx", "Thumbs.db", "data.csv", "plot.py")
    source = from_disk(tmp_path, Unpacker())
    assert set(planned(source)) == set(read)
    said = "\n".join(source.notes)
    for name in (*parts, ".git/config", "~$b.docx", "Thumbs.db", "data.csv", "plot.py"):
        assert name in said
    assert "parts of saved.html: saved_files/a.png, saved_files/deep" in said


def test_beside_posts_only_documents_are_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    post = "# One\n\n## [Attention](https://arxiv.org/abs/1706.03762)\n\nA paper.\n"
    put(tmp_path, "papers/a.docx", "img/b.png", "style.css", "README.txt")
    (tmp_path / "1-one.md").write_text(post)
    source = from_disk(tmp_path, Unpacker())
    assert [file.name for file in source.files] == ["a.docx"]
    assert source.notes == (
        "left alone, since they are neither posts nor documents: README.txt, img/b.png",
        "left alone, since they are parts of pages or programs, or data: style.css",
    )


def test_links_of_a_saved_page_to_files_beside_it_are_readings_of_any_ending(
    tmp_path: Path,
) -> None:
    put(tmp_path, "a.pptx", "b.key", "c.docx")
    entry = '<h2>Week {0}</h2><ul><li><a href="{1}">{2}</a> by Ada Example (2021)</li></ul>'
    weeks = [entry.format(1, "a.pptx", "How snow settles"), entry.format(2, "b.key", "On firn")]
    page = f"<html><body><h1>Snow</h1>{''.join(weeks)}</body></html>"
    (tmp_path / "index.html").write_text(page)
    source = from_disk(tmp_path, Unpacker())
    assert planned(source) == {"a.pptx": "How snow settles", "b.key": "On firn"}
    assert source.notes == ("not named by the page, and left out: c.docx",)


TIDES = "# On tides\n\nThe moon pulls the water of the sea, and the earth turns below it.\n"
WAVES = "# On waves\n\nThe wind makes waves on the sea, and they carry its force to the coast.\n"


def test_texts_in_markdown_that_list_no_readings_are_readings(tmp_path: Path) -> None:
    (tmp_path / "tides.md").write_text(TIDES)
    (tmp_path / "waves.md").write_text(WAVES)
    source = from_disk(tmp_path, Unpacker())
    assert [file.name for file in source.files] == ["tides.md", "waves.md"]
    assert source.syllabus is None
    assert "each was taken as one itself" in source.notes[0]


def test_no_text_of_a_folder_of_markdown_is_lost(tmp_path: Path) -> None:
    listed = "- [A Theory of Tides](https://example.org/tides.pdf)\n- Ada Lee, *Currents*, 2001\n"
    (tmp_path / "one.md").write_text(f"# Tides\n\nReadings:\n\n{listed}")
    (tmp_path / "two.md").write_text(WAVES)
    source = from_disk(tmp_path, Unpacker())
    assert source.syllabus is not None
    assert source.syllabus.readings == 2
    notes = " ".join(block.text for one in source.syllabus.sessions for block in one.notes)
    assert "they carry its force to the coast" in notes


def test_a_folder_of_nothing_says_what_it_has(tmp_path: Path) -> None:
    put(tmp_path, "style.css")
    with pytest.raises(SourceError, match=r"nor readings — point at .*data: style\.css"):
        from_disk(tmp_path, Unpacker())
    assert list_folder(tmp_path, alone=True).files == []


@pytest.mark.slow
def test_archives_are_opened_wherever_they_are_and_their_files_have_their_names(
    tmp_path: Path,
) -> None:
    put(tmp_path, "in/a.txt", "in/b.txt")
    with zipfile.ZipFile(tmp_path / "in/inner.zip", "w") as made:
        made.writestr("c.txt", "What c says.")
        made.writestr("x.css", "")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        for name in ("a.txt", "b.txt", "inner.zip"):
            made.write(tmp_path / "in" / name, f"readings/{name}")
        made.writestr("../out.txt", "evil")
    (tmp_path / "torn.zip").write_bytes(b"PK\3\4")
    listed = '[[session]]\n[[session.reading]]\ntitle = "All"\nfiles = ["all.zip", "torn.zip"]\n'
    (tmp_path / "readings.toml").write_text(listed)
    with Unpacker() as unpacker:
        source = with_archives(from_disk(tmp_path / "readings.toml", unpacker), unpacker)
        plan = make_plan(source, list_readings(source), {}, tmp_path)
        jobs = {job.document.path: job for job in plan.jobs.values()}
        assert {path: job.document.title for path, job in jobs.items()} == {
            "all.zip/readings/a.txt": "All: a",
            "all.zip/readings/b.txt": "All: b",
            "all.zip/readings/inner.zip/c.txt": "All: c",
            "torn.zip": "All: torn",
        }
        assert jobs["torn.zip"].refused.startswith("cannot be unpacked (")
        assert source.notes == (
            "all.zip: ../out.txt was not unpacked: it has a path that leads out of the archive —"
            " pack it again",
            "inner.zip: left alone, since they are parts of pages or programs, or data: x.css",
        )
        alone = with_archives(from_disk(tmp_path / "all.zip", unpacker), unpacker)
        assert set(planned(alone)) == {"a.txt", "b.txt", "inner.zip/c.txt"}
        assert alone.name == str(tmp_path / "all.zip")
        again = {job.document.id: job.hash for job in plan.jobs.values()}
    with Unpacker() as unpacker:  # in another folder: the same documents, unchanged
        source = with_archives(from_disk(tmp_path / "readings.toml", unpacker), unpacker)
        plan = make_plan(source, list_readings(source), {}, tmp_path)
        hashes = {job.document.id: job.hash for job in plan.jobs.values()}
        assert {id_ for id_ in hashes if hashes[id_] != again[id_]} <= {
            id_ for id_, job in plan.jobs.items() if job.refused
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["course.imscc", "course.mbz"])
def test_an_exported_course_is_a_source_with_its_files(tmp_path: Path, name: str) -> None:
    manifest = (
        "<manifest><organizations><organization><item><item><title>Week 1</title>"
        '<item identifierref="r"><title>Depth hoar</title></item></item></item></organization>'
        '</organizations><resources><resource identifier="r" type="webcontent" href="web/a.txt"/>'
        "</resources></manifest>"
    )
    (tmp_path / "in/web").mkdir(parents=True)
    (tmp_path / "in/web/a.txt").write_text("Hoar grows at night.")
    (tmp_path / "in/imsmanifest.xml").write_text(manifest)
    form = "gztar" if name.endswith("mbz") else "zip"
    Path(shutil.make_archive(str(tmp_path / "packed"), form, tmp_path / "in")).rename(
        tmp_path / name
    )
    with Unpacker() as unpacker:
        source = with_archives(from_disk(tmp_path / name, unpacker), unpacker)
        assert planned(source) == {"web/a.txt": "Depth hoar"}
        assert source.syllabus is not None
        assert [session.title for session in source.syllabus.sessions] == ["Week 1"]
        plan = make_plan(source, list_readings(source), {}, tmp_path)
        assert [job.file.read_text() for job in plan.jobs.values() if job.file] == [
            "Hoar grows at night."
        ]


def test_a_document_that_a_page_links_to_and_that_is_not_beside_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "here.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "page.html").write_text(
        "<h1>Seminar</h1><h2>Week 1: Bees</h2><ul>"
        "<li><a href='here.pdf'>The life of bees</a>, Ada Lind, 2019</li>"
        "<li><a href='papers/gone%20away.pdf'>The flight of moths</a>, Bo Holm, 2020</li>"
        "<li><a href='https://uni.edu/night.pdf'>Pollination at night</a>, Cy Rask, 2021</li></ul>"
    )
    with Unpacker() as unpacker:
        source = with_archives(from_disk(tmp_path / "page.html", unpacker), unpacker)
    assert source.notes == (
        "linked, and not beside the page: papers/gone away.pdf — save them there, or give the"
        " page's address",
    )
