"""How retrieval over PostgreSQL and a Chroma server grows with the passages; see `scale.py`.

    python benchmarks/scale_servers.py --database ADDRESS --chroma URL [--data FOLDER]
        [--passages 100000] [--own 20000] [--shared ../shared] [--json FILE]
    python benchmarks/scale_servers.py --plot FILE.svg JSON [JSON …]

ADDRESS and URL name an empty schema and a new collection, or those of an earlier run, which is
taken up. The first `--own` passages are written by the product, and the rest straight by `COPY`
and Chroma's client, which is some times as fast; the rate of both is printed. Both servers have to
run on this machine, for their memory and the processor time that each takes for a question. That
time tells what the search costs where other work makes each question wait; on an idle machine
the two are near each other, since hardly anything runs at once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from scale import ADDED, DOCUMENT, Filler, fill, labelled, prepare, quantiles, tell
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.index import catalogue
from seminar_rag.index.embeddings import dimensions_of, packed, unpacked
from seminar_rag.index.engine import Connection
from seminar_rag.index.reading import PASSAGE, row_of
from seminar_rag.index.store import Store
from seminar_rag.types import Scope

TYPES = "int8 text text int8 text text int8 int8 int8 text text bytea bytea".split()
"""Of the columns that `COPY` gets: the key, `PASSAGE`, the title, the vector, the words."""
AT_A_TIME = 20
"""Documents that are written in one transaction."""


def fill_database(store: Store, address: str, passages: int) -> None:
    """Add filler to PostgreSQL until it holds `passages`."""
    filler, records = Filler(store), store.catalogue().records
    there = first = sum(record.passages for record in records.values())
    number = sum(id_.startswith("filler") for id_ in records)
    began = time.monotonic()
    with store.guarded() as ours, psycopg.connect(address) as db:
        row = db.execute("SELECT max(key) FROM passage").fetchone()
        key = row[0] if row else 0
        db.commit()
        while there < passages:
            rows = []
            for _ in range(AT_A_TIME):
                if not (count := min(DOCUMENT, passages - there)):
                    break
                record, made, vectors, signs = filler.document(number, count)
                number, there = number + 1, there + count
                title = record.document.title
                for passage, vector, word in zip(made, packed(vectors), signs, strict=True):
                    key += 1
                    rows.append((key, *row_of(passage), title, vector, word))
                catalogue.put_record(ours, record)
            _copy(db, rows)
            rate = (there - first) / (time.monotonic() - began)
            print(f"\r{there:,} passages, {rate:.0f} a second ", end="", file=sys.stderr)
        _finish(db, key, ours)
    print(f"{there - first} passages in {time.monotonic() - began:.0f} s")


def _copy(db: psycopg.Connection[Any], rows: Any) -> None:
    into = f"COPY passage(key, {PASSAGE}, title, vector, words) FROM STDIN (FORMAT BINARY)"
    with db.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)
    db.commit()


def _finish(db: psycopg.Connection[Any], key: int, ours: Connection) -> None:
    db.execute("SELECT setval(pg_get_serial_sequence('passage', 'key'), %s)", (key,))
    db.commit()
    db.autocommit = True
    db.execute("VACUUM ANALYZE")
    ours.execute("UPDATE meta SET value = CAST(value AS BIGINT) + 1 WHERE name = 'generation'")


def fill_vectors(store: Store) -> None:
    """Give Chroma what it lacks of the database's vectors."""
    began, count = time.monotonic(), 0
    there = store.vectors.ids()
    collection = store.vectors._open()  # type: ignore[attr-defined]
    for document in store.catalogue().documents:
        with store.guarded() as db:
            rows = db.execute("SELECT id, vector FROM passage WHERE document = ?", (document,))
            lacking = [(id_, blob) for id_, blob in rows if id_ not in there]
        for at in range(0, len(lacking), ADDED):
            ids, blobs = zip(*lacking[at : at + ADDED], strict=True)
            vectors = unpacked(blobs, dimensions_of(len(blobs[0])))
            metadata = [{"document": document}] * len(ids)
            collection.add(ids=list(ids), embeddings=vectors, metadatas=metadata)
            count += len(ids)
            rate = count / (time.monotonic() - began)
            print(f"\r{count:,} vectors, {rate:.0f} a second ", end="", file=sys.stderr)
    print(f"{count} vectors in {time.monotonic() - began:.0f} s")


class Servers:
    """The processes of both servers."""

    def __init__(self, store: Store, url: str) -> None:
        with store.guarded() as db:
            self._backend = psutil.Process(db.execute("SELECT pg_backend_pid()").fetchone()[0])
        port = urlsplit(url).port
        self._chroma = next(
            psutil.Process(one.pid)
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
        )

    def seconds(self) -> dict[str, float]:
        """Processor time so far: of this process, of its part of PostgreSQL, of Chroma."""
        postgres, chroma = (sum(one.cpu_times()[:2]) for one in (self._backend, self._chroma))
        return {"program": time.process_time(), "PostgreSQL": postgres, "Chroma": chroma}

    def memory(self) -> dict[str, int]:
        """Megabytes of each, memory that processes of PostgreSQL share counted once."""
        postmaster = self._backend.parent()
        every = [postmaster, *postmaster.children()] if postmaster else []
        postgres = sum(one.memory_full_info().pss for one in every)
        own, chroma = (one.memory_info().rss for one in (psutil.Process(), self._chroma))
        found = {"program": own, "PostgreSQL": postgres, "Chroma": chroma}
        return {name: round(size / 1e6) for name, size in found.items()}


def measured(config: Config, queries: Sequence[str]) -> dict[str, Any]:
    """What the product's search takes on a course that is filled; times in milliseconds."""
    course = Course(config)
    began = time.monotonic()
    course.store.lexical(["course"], 1)
    print(f"full text is at hand after {time.monotonic() - began:.0f} s", file=sys.stderr)
    documents = course.catalogue().documents.values()
    papers = [one.reading for one in documents if one.id.startswith("filler")]
    middle, twelfth = len(papers) // 2, max(1, len(papers) // 12)
    scopes = {
        "all": Scope(),
        "eight sessions": Scope(sessions=frozenset(range(2, 10))),
        "eight long papers": Scope(readings=frozenset(papers[middle : middle + 8])),
        "a twelfth": Scope(readings=frozenset(papers[:twelfth])),
    }
    servers = Servers(course.store, config.store_url)
    out: dict[str, Any] = {
        "passages": sum(one.passages for one in course.catalogue().records.values())
    }
    for name, scope in scopes.items():
        some = queries[:20] if name == "a twelfth" else queries
        course.search(some[0], 20, scope)
        before = servers.seconds()
        times = quantiles(partial(course.search, k=20, scope=scope), some)
        after, asked = servers.seconds(), len(some) + len(some[:5])
        spent = {one: round(1000 * (after[one] - before[one]) / asked, 1) for one in after}
        out[name] = {**times, "processor": spent}
    out["memory, MB"] = servers.memory()
    out["load"] = round(psutil.getloadavg()[0], 1)
    course.close()
    return out


def plot(target: Path, files: Sequence[Path]) -> None:
    """Draw the growth of processor time."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    runs = sorted((json.loads(one.read_text()) for one in files), key=lambda one: one["passages"])
    at = [one["passages"] for one in runs]
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for name in ("all", "eight sessions"):
        spent = [sum(one[name]["processor"].values()) for one in runs]
        axes.plot(at, spent, "o-", label=name)
    axes.set(xscale="log", yscale="log", xlabel="passages", ylabel="processor time per search, ms")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, search and print. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plot", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--database", default="", metavar="ADDRESS")
    parser.add_argument("--chroma", default="", metavar="URL")
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--own", type=int, default=20_000, help="passages that the product writes")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args(argv)
    if options.plot:
        plot(options.plot[0], options.plot[1:])
        return 0
    if not (options.database and options.chroma):
        parser.error("name both servers, by --database and --chroma")
    queries = labelled(options.shared)
    if not queries:
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        data = (options.data or Path(temporary)).resolve()
        config = Config(
            folder=data.parent,
            data_dir=str(data),
            store_database=options.database,
            store_url=options.chroma,
        )
        prepare(config, options.shared, 0)
        course = Course(config)
        with course.store.writer():
            there = sum(one.passages for one in course.catalogue().records.values())
            own = min(options.own, options.passages)
            if there < own:
                began = time.monotonic()
                fill(course.store, own)
                print(f"{own - there} passages by the product: {time.monotonic() - began:.0f} s")
            if own < options.passages:
                fill_database(course.store, options.database, options.passages)
                fill_vectors(course.store)
        course.close()
        figures = measured(config, queries)
    tell(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
