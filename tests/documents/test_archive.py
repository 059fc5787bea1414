"""Archives are unpacked by a worker, inside their folder and within limits."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seminar_rag.documents import archive
from seminar_rag.documents.archive import Unpacker
from seminar_rag.errors import DocumentError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacker() -> Iterator[Unpacker]:
    with Unpacker() as made:
        yield made


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def test_only_files_inside_come_out_and_the_others_are_named(
    unpacker: Unpacker, tmp_path: Path
) -> None:
    link = zipfile.ZipInfo("link.pdf")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(
        tmp_path / "readings.zip",
        ("week 1/paper.txt", b"The paper."),
        ("../../evil.txt", b"x"),
        ("/etc/evil.txt", b"x"),
        ("C:/evil.txt", b"x"),
        ("a\\..\\..\\evil.txt", b"x"),
        (link, b"/etc/passwd"),
        ("WEEK/" + "n" * 300, b"x"),
        ("week 1/paper.txt/below", b"x"),
    )
    opened = unpacker.open(path)
    files = [one for one in opened.folder.rglob("*") if one.is_file()]
    assert [one.read_bytes() for one in files] == [b"The paper."]
    assert len(opened.notes) == 7
    assert all(" was not unpacked: it " in note and " — " in note for note in opened.notes)
    assert not list(opened.folder.parent.glob("evil.txt"))
    assert unpacker.open(path) is opened


def test_links_and_devices_of_a_tar_stay_out(unpacker: Unpacker, tmp_path: Path) -> None:
    path = tmp_path / "course.mbz"
    with tarfile.open(path, "w:gz") as made:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", b"6")):
            one = tarfile.TarInfo(name)
            one.type, one.linkname = kind, "/etc/passwd"
            made.addfile(one)
        one = tarfile.TarInfo("text.txt")
        one.size = 4
        made.addfile(one, io.BytesIO(b"text"))
    opened = unpacker.open(path)
    assert [one.name for one in opened.folder.iterdir()] == ["text.txt"]
    assert [note.split()[0] for note in opened.notes] == ["link", "hard", "pipe"]


def test_damaged_and_lying_archives_cost_only_themselves(
    unpacker: Unpacker, tmp_path: Path
) -> None:
    bomb = zipped(tmp_path / "bomb.zip", ("a.txt", b"\0" * (1 << 20)))
    (tmp_path / "torn.zip").write_bytes(bomb.read_bytes()[:500])
    # No more of a member is read than the archive declares, which is what counts.
    lying = bomb.read_bytes().replace((1 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    (tmp_path / "lying.zip").write_bytes(lying)
    for name in ("torn.zip", "lying.zip"):
        with pytest.raises(DocumentError, match=f"{name} cannot be unpacked .* — fetch") as caught:
            unpacker.open(tmp_path / name)
        assert caught.value.failure == "corrupt"
    assert unpacker.open(zipped(tmp_path / "good.zip", ("a.txt", b"a"))).notes == []


def test_too_much_is_refused_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(archive, "MAX_FILES", 5)
    bomb = zipped(tmp_path / "bomb.zip", *((str(n), b"\0" * (1 << 19)) for n in range(3)))
    many = zipped(tmp_path / "many.zip", *((str(n), b"") for n in range(6)))
    remedy = "unpack it, and take what is needed of it."
    assert archive._open(bomb, tmp_path / "1") == (
        "limit",
        f"bomb.zip unpacks to more than 0 GiB — {remedy}",
    )
    assert sum(one.stat().st_size for one in (tmp_path / "1").iterdir()) <= 1 << 20
    assert archive._open(many, tmp_path / "2") == (
        "limit",
        f"many.zip holds more than 5 files — {remedy}",
    )
