"""Kills a real ingest again and again; run by test_kill.py in a process of its own.

    python kill_driver.py FOLDER PORT ROUNDS SEED [DATABASE]

Every round changes the course site under FOLDER/site (which a server on PORT serves), starts an
ingest into FOLDER/data in a forked process and kills it with SIGKILL at a random moment. Then one
ingest runs undisturbed, and one into a fresh folder. What both indexes hold is printed as JSON.
With a DATABASE, a PostgreSQL address, FOLDER/data has its database there.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from local_web import PUBLIC, Paper, _ToWeb
from played_course import PlainParser, entry, overview, session
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor, Network
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.web.fetch import Fetcher

HOST = "course.test"
PAPERS = [
    Paper(f"2301.{n:05}", f"Study Number {n} of How Looms Weave {word} Patterns", body="Text. " * n)
    for n, word in enumerate("algebraic binary cyclic dense even finite great half".split(), 1)
]
WORDS = "the loom card thread engine operator weaves reads holds a pattern and counts it".split()


def write_site(site: Path, rng: random.Random) -> None:
    """A course of three to six sessions, different every time."""
    chosen = sorted(rng.sample(range(len(PAPERS)), rng.randint(3, 6)))
    parts = []
    for number, index in enumerate(chosen, 1):
        paper = PAPERS[index]
        described = " ".join(rng.choices(WORDS, k=20)).capitalize() + "."
        readings = entry(paper.title, f"https://arxiv.org/abs/{paper.id}") + entry(
            f"A Described Reading of Session {index}", abstract=described
        )
        lines = [" ".join(rng.choices(WORDS, k=12)).capitalize() + "." for _ in range(40)]
        notes = "</p><p>".join(" ".join(lines[at : at + 8]) for at in range(0, 40, 8))
        parts.append((f"Session on {index}", readings))
        page = site / "2026" / "contents" / str(number) / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(session(f"Session on {index}", readings, notes).body)
    top = site / "2026" / "ByDate" / "index.html"
    top.parent.mkdir(parents=True, exist_ok=True)
    top.write_bytes(overview(*parts).body)


def opened(data: Path) -> Store:
    return Store(data, database=sys.argv[5] if data.name == "data" and len(sys.argv) > 5 else "")


def network_at(port: int, data: Path) -> Network:
    """The network of a data folder for which the web on a port is all there is."""
    fetcher = partial(Fetcher, data / "web", transport=_ToWeb(port), sleep=lambda _: None)
    return Network(partial(fetcher, resolve=lambda host, port: [PUBLIC]))


def ingest(data: Path, port: int) -> None:
    """One ingest: real sockets, real database, real Chroma, hashed words for vectors."""

    store = opened(data)
    parser: Any = PlainParser()
    with store.writer():
        Ingestor(store, HashEmbedder(), parser, network=network_at(port, data)).ingest(
            f"https://{HOST}/2026/ByDate/"
        )
    store.close()


def contents(data: Path) -> dict[str, Any]:
    """Everything an index holds, but for times."""
    store = opened(data)
    catalogue = store.catalogue()
    passages = [p for id_ in catalogue.records for p in store.passages_of(id_)]
    vectors = store.vectors_of([p.id for p in passages])
    return {
        "findings": store.findings(),
        "sessions": [repr(one) for one in catalogue.sessions],
        "documents": sorted(
            repr((r.document, r.hash, r.outcome, r.passages)) for r in catalogue.records.values()
        ),
        "passages": sorted(repr(p) + vectors[p.id].tobytes().hex() for p in passages),
        "stored": sorted(store.vectors.ids()),
        "lookups": sorted(repr((s.reading, s.state, s.found)) for s in catalogue.lookups),
        "parts": [p.name for p in data.rglob(".part-*")],
    }


def forked(work: Any) -> int:
    """Run `work` in a forked process; its process id. Nothing here has opened Chroma yet."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception as error:  # noqa: BLE001 - told, and the parent sees the exit code
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    return child


def succeeded(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def note_what_an_ingest_imports(folder: Path, port: int) -> None:
    """Write the names of all modules that an ingest imports, so that it is killed at its work."""
    ingest(folder / "first", port)
    (folder / "modules").write_text("\n".join(sys.modules))


def main(folder: Path, port: int, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    site = folder / "site"
    write_site(site, rng)
    assert succeeded(forked(lambda: note_what_an_ingest_imports(folder, port)))
    for name in (folder / "modules").read_text().split():
        with suppress(ImportError):  # of another platform, or a name that is no module
            importlib.import_module(name)
    started = time.monotonic()
    assert succeeded(forked(lambda: ingest(folder / "trial", port)))
    whole = time.monotonic() - started
    killed, within = 0, whole
    for _ in range(rounds):
        write_site(site, rng)
        child = forked(lambda: ingest(folder / "data", port))
        time.sleep(rng.uniform(0, within))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL:
            killed += 1
        else:
            within *= 0.8  # it was done before: other work on the machine had slowed the first one
    out: dict[str, Any] = {"killed": killed, "seconds": whole}
    for name in ("data", "fresh"):
        assert succeeded(forked(lambda name=name: ingest(folder / name, port)))
        target = folder / f"{name}.json"
        assert succeeded(
            forked(lambda n=name, t=target: t.write_text(json.dumps(contents(folder / n))))
        )
        out[name] = json.loads(target.read_text())
    print(json.dumps(out))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
