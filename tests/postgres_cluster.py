"""A real PostgreSQL server for tests, on a socket of its own; skips where none is installed."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest


def _programs() -> Path:
    """The folder of PostgreSQL's programs; skips where there is none, or nobody may run them."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra postgres)")
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not installed (initdb is not found)")
    return folders[-1]


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; Debian's package makes a user for it."""
    if os.geteuid() != 0:
        return {}
    import pwd

    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return {"user": "postgres", "group": "postgres", "cwd": "/"}


class Cluster:
    """A PostgreSQL cluster in a folder, which is also that of its socket."""

    def __init__(self, folder: Path, programs: Path, user: dict[str, Any]) -> None:
        self.folder, self._programs, self._user = folder, programs, user
        self._run("initdb", "-A", "trust", "-U", "course", "--no-sync")

    def start(self) -> None:
        quiet = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-w", "-l", f"{self.folder}/log", "-o", quiet, "start")

    def stop(self, how: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-m", how, "stop")

    def kill(self) -> None:
        """End the postmaster at once, and see the processes that it has started end after it."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        started = postmaster.children()
        postmaster.kill()
        _, left = psutil.wait_procs([postmaster, *started], timeout=10)
        assert not left, f"still there without their postmaster: {left}"

    def wait(self) -> None:
        """Wait until it takes connections."""
        import psycopg

        for _ in range(100):
            try:
                with psycopg.connect(f"postgresql://course@/postgres?host={self.folder}") as db:
                    db.execute("SELECT pg_sleep(0.3)")  # or it may be about to end this one too
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server does not come back")

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, "-D", self.folder / "data", *arguments]
        with (self.folder / "output").open("ab") as output:  # the server inherits it
            subprocess.run(command, check=True, stdout=output, stderr=output, **self._user)


@contextmanager
def new_cluster() -> Iterator[Cluster]:
    """A cluster that runs, removed at the end."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="seminar-pg-"))
    try:
        if user:
            shutil.chown(folder, "postgres", "postgres")
        cluster = Cluster(folder, programs, user)
        cluster.start()
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):  # a test has killed it
                cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_cluster() -> Iterator[str]:
    """The socket folder of a new server."""
    with new_cluster() as cluster:
        yield str(cluster.folder)


@contextmanager
def postgres_schema(socket: str) -> Iterator[str]:
    """The address of a new schema, which is dropped at the end."""
    import psycopg

    name = f"s{secrets.token_hex(6)}"
    address = f"postgresql://course@/postgres?host={socket}"
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {name}")
    yield f"{address}&options=-csearch_path%3D{name}"
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"DROP SCHEMA {name} CASCADE")
