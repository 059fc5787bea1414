"""Kills PostgreSQL, or what writes to it, again and again: nothing may be lost or be there twice.

    python benchmarks/faults_postgres.py [--rounds 10] [--only postmaster backend ingest]

The course of `faults_store.py` lies on a PostgreSQL server of its own. A `serve` that is never
started again is asked all the time, each question another one. Every round rewrites all posts and
ingests them in another process, and SIGKILL ends one of these at a random moment of it:

| what | what follows |
|---|---|
| postmaster | PostgreSQL is started again after two seconds |
| backend | PostgreSQL by itself ends all connections and recovers |
| ingest | its connection, and with it the writer's lock, ends |

Then the posts are ingested once more, and everything that the index holds, vectors included, has
to be what an undisturbed ingest of them makes in SQLite. A round whose kill came only after the
ingest is checked all the same, and further ones follow until as many kills as rounds were asked for
fell within an ingest. The table says how many questions failed, with every error that was told, and
how long after PostgreSQL was back the first one was answered.
The exit status is 1 where an index differs, a process told a traceback, or `serve` did not answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

import faults_store  # noqa: E402
from faults_store import QUESTION, Outcome, Workplace, command, forked, note_crash, started  # noqa: E402
from postgres_cluster import Cluster, new_cluster  # noqa: E402

KINDS = ("postmaster", "backend", "ingest")
PATIENCE = 60.0
MISSED = 4
"""At most so many times as many rounds as asked for, where kills come after the ingest's end."""


class Bench:
    """The course on PostgreSQL, its server, and who asks it."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.folder.chmod(0o711)  # the commands run without root's rights
        self.address = f"postgresql://course@/postgres?host={cluster.folder}"
        self.place, self.plain = Workplace(root), root / "plain"
        self.log, self.served = root / "asked", root / "served"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        place = self.place
        place.course.mkdir()
        settings = "[llm]\nenabled = false\n[serve]\nrate = 0\nrate_address = 0\n"
        database = f'[store]\ndatabase = "{self.address}"\n'
        (place.course / "seminar.toml").write_text(settings + database)
        self.plain.mkdir()
        (self.plain / "seminar.toml").write_text(settings)
        place.write_posts("It was measured.")
        (self.plain / "posts").symlink_to(place.course / "posts")
        os.chdir(place.course)
        place.must("ingest", "posts", "--offline")
        place.import_what_commands_do()
        began = time.monotonic()
        place.write_posts("It was measured once more.")
        place.must("ingest", "posts", "--offline")
        self.whole = time.monotonic() - began
        serve = command("serve", "--host", "127.0.0.1", "--port", str(self.port))
        self.server = started(serve, self.served)
        self.asker = started(self._asks, root / "asker")

    def close(self) -> None:
        for one in (self.asker, self.server):
            os.kill(one, signal.SIGKILL)
            os.waitpid(one, 0)

    def _asks(self) -> None:
        import httpx

        from seminar_rag.ui.api.openai_api import COURSE

        number = 0
        with self.log.open("a", buffering=1) as log, httpx.Client(timeout=PATIENCE) as client:
            while True:
                number += 1
                asked = {"role": "user", "content": f"{QUESTION} Asked for the {number}th time."}
                try:
                    reply = client.post(
                        f"http://127.0.0.1:{self.port}/v1/chat/completions",
                        json={"model": COURSE, "messages": [asked]},
                    )
                    good, said = reply.status_code == 200, reply.text
                except httpx.HTTPError as error:
                    good, said = False, repr(error)
                print(json.dumps([time.time(), good, said[:600]]), file=log)
                time.sleep(0.1)

    def asked(self, since: float) -> list[tuple[float, bool, str]]:
        """When, whether, and what was answered since a moment."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [one for one in map(json.loads, lines) if one[0] >= since]

    def answered_since(self, moment: float) -> float:
        """Seconds from a moment until a question is answered; infinite where none is."""
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            for at, good, _ in self.asked(moment):
                if good:
                    return at - moment
            time.sleep(0.1)
        return float("inf")

    def end(self, kind: str, child: int) -> bool:
        """Kill one of them; whether the ingest still ran."""
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        if kind == "ingest":
            os.kill(child, signal.SIGKILL)
        elif kind == "postmaster":
            self.cluster.kill()
            time.sleep(2)
            self.cluster.start()
        else:
            import psycopg

            with psycopg.connect(self.address) as db:
                query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s LIMIT 1"
                row = db.execute(query, (f"process {child} on %",)).fetchone()
            if row is None:
                return False
            os.kill(row[0], signal.SIGKILL)
        return True

    def round(self, kind: str, number: int, dice: random.Random, outcome: Outcome) -> bool:
        """One round; whether the kill fell within the ingest."""
        place = self.place
        place.write_posts(f"It was measured for the {number}th time, with the {kind} in mind.")
        os.chdir(place.course)
        place.output.unlink(missing_ok=True)
        began = time.time()
        child = started(command("ingest", "posts", "--offline"), place.output)
        time.sleep(dice.uniform(0.05, 0.9) * self.whole)
        hit = self.end(kind, child)
        back = time.time()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if kind != "ingest":
            said = place.output.read_text()
            note_crash(outcome, code, said, "ingest")
            last = said.strip().splitlines()[-1:]
            outcome.stuck = "" if code == 0 else f"ingest: {last}"
        self.cluster.wait()
        place.must("ingest", "posts", "--offline")
        seconds = self.answered_since(back)
        failed = [said for _, good, said in self.asked(began) if not good]
        print(
            f"{kind} {number}: {'within' if hit else 'after'} the ingest, {len(failed)} questions"
            f" failed, answered {seconds:.1f} s after; {outcome.stuck}",
            flush=True,
        )
        outcome.lost += [] if seconds < PATIENCE else ["no question was answered again"]
        here = self.contents(place.course)
        os.chdir(self.plain)
        place.must("ingest", "posts", "--offline")
        if here != (there := self.contents(self.plain)):
            outcome.lost += [name for name in there if here.get(name) != there[name]]
            outcome.lost += here["findings"]
        return hit

    def contents(self, folder: Path) -> dict[str, Any]:
        """Everything that the index of a course holds, but for times."""
        os.chdir(folder)
        target = folder / "contents.json"
        code = forked(lambda: target.write_text(json.dumps(held())) and 0, self.place.output)
        assert code == 0, self.place.output.read_text()
        return dict(json.loads(target.read_text()))


def held() -> dict[str, Any]:
    """What the index of the course in the working folder holds; vectors as their hash."""
    with closing(faults_store.course_here(argparse.Namespace(data=Path("data")))) as course:
        store = course.store
        records = store.catalogue().records
        passages = [one for id_ in records for one in store.passages_of(id_)]
        ids = [one.id for one in passages]
        vectors = store.vectors_of(ids)
        found = store.lexical(["measured", "lora"], 50)
        return {
            "findings": store.findings(),
            "documents": sorted(
                repr((r.document, r.hash, r.outcome, r.passages)) for r in records.values()
            ),
            "passages": sorted(
                repr(one) + hashlib.sha256(vectors[one.id].tobytes()).hexdigest()
                for one in passages
            ),
            "vectors": sorted(store.vectors.ids()),
            "ranked": sorted([id_, round(score, 6)] for id_, score in found),
        }


def main() -> int:
    """Run all rounds; 1 where something was lost or said badly."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    faults_store.warm_up()
    dice = random.Random(7)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root, new_cluster() as cluster:
        bench = Bench(Path(root), cluster)
        try:
            assert bench.answered_since(time.time()) < PATIENCE, bench.served.read_text()
            opened = time.time()
            for kind in options.only:
                hits, number = 0, 0
                while hits < options.rounds and number < MISSED * options.rounds:
                    number += 1
                    outcome = Outcome(kind, f"round {number}")
                    outcome.found = bench.round(kind, number, dice, outcome)
                    outcomes.append(outcome)
                    hits += outcome.found
            asked = bench.asked(opened)
            server_said = bench.served.read_text()
        finally:
            os.chdir("/")
            bench.close()
    print(f"{len(asked)} questions, {sum(good for _, good, _ in asked)} answered; what others got:")
    errors = Counter(re.sub(r"\d+", "N", said) for _, good, said in asked if not good)
    for said, count in errors.most_common():
        print(f"  {count} × {said}")
    print(f"tracebacks in the server's log: {server_said.count('Traceback (most recent')}")
    bad = 0
    for kind in options.only:
        mine = [one for one in outcomes if one.fault == kind]
        lost = [f"{one.what}: {what}" for one in mine for what in one.lost]
        crashes = [crash for one in mine for crash in one.tracebacks]
        bad += len(lost) + len(crashes)
        hits = sum(one.found for one in mine)
        print(f"{kind}: {len(mine)} rounds, {hits} killed within the ingest, lost {lost or 'none'}")
        print("\n".join(crashes))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
