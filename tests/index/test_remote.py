"""Kept and added files that several servers have in common, in a folder and in a real S3 store."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from memory import MemoryVectors
from seminar_rag.errors import ConfigError, StoreError
from seminar_rag.index.kept import Remote
from seminar_rag.index.store import Store
from seminar_rag.types import Document
from seminar_rag.types.catalogue import Correction, Record

pytest.importorskip("obstore", reason="obstore is not installed (the extra s3)")


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """The address of moto's server, an S3 store that forgets."""
    program = shutil.which("moto_server")
    if program is None:
        pytest.skip("moto_server is not on the path (pip install 'moto[s3]' flask flask-cors)")
    running = subprocess.Popen([program, "-p", "0"], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        found = None
        while found is None:
            line = running.stderr.readline()
            assert line, "the server did not start"
            found = re.search(r"Running on (http://127\S+)", line)
        yield found[1]
    finally:
        running.kill()
        running.wait()


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        (tmp_path / "shared").mkdir()
        return (tmp_path / "shared").as_uri()
    server = request.getfixturevalue("s3_server")
    for name, value in (
        ("ACCESS_KEY_ID", "test"),
        ("SECRET_ACCESS_KEY", "test"),
        ("REGION", "us-east-1"),
        ("ENDPOINT_URL", server),
        ("ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    import urllib.request

    made = urllib.request.Request(f"{server}/readings", method="PUT")
    urllib.request.urlopen(made).close()
    return "s3://readings/course"


def test_a_file_is_there_whole_and_comes_back(address: str, tmp_path: Path) -> None:
    remote, file = Remote(address), tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4 " * 200_000)
    remote.put("files/a", file)
    remote.put("files/a", file)
    remote.put("added/b", file)
    assert remote.names("files") == {"a"}
    assert Remote(address).get("files/a", tmp_path / "copy" / "a")
    assert (tmp_path / "copy" / "a").read_bytes() == file.read_bytes()
    assert not remote.get("files/none", tmp_path / "copy" / "none")
    assert [one.name for one in (tmp_path / "copy").iterdir()] == ["a"]
    remote.drop("files/a")
    remote.drop("files/a")
    assert remote.names("files") == set()


@pytest.mark.slow
def test_what_one_server_keeps_the_other_shows(
    address: str, tmp_path: Path, postgres_address: str
) -> None:
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(b"%PDF-1.4 one")
    places = [tmp_path / "one", tmp_path / "other"]
    one, other = (
        Store(place, vectors=MemoryVectors(), database=postgres_address, files=address)
        for place in places
    )
    with closing(one), closing(other):
        record = Record(Document("d", "paper", "r", "A"), "s", "h", pages=1)
        with one.writer():
            one.replace(record, file=pdf)
        (places[0] / "added").mkdir()
        (places[0] / "added" / "b.pdf").write_bytes(b"added")
        one.add_corrections(Correction("add", "x", title="X", session=1, file="added/b.pdf"))
        found = other.file_of("d")
        assert found is not None
        assert found.is_relative_to(places[1])
        assert found.read_bytes() == pdf.read_bytes()
        with other.writer():
            assert (places[1] / "added" / "b.pdf").read_bytes() == b"added"
            other.remove(["d"])
        with one.writer():
            pass
        assert Remote(address).names("files") == set()
        assert one.file_of("d") is None


def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/course"):
        Remote("nonsense")
    (tmp_path / "shared").mkdir()
    remote = Remote((tmp_path / "shared").as_uri())
    shutil.rmtree(tmp_path / "shared")
    (tmp_path / "shared").write_text("no folder")
    with pytest.raises(StoreError, match=r"check \[store\] files"):
        remote.put("files/a", Path(__file__))
