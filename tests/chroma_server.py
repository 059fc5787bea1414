"""A Chroma server for the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from fakes import until
from loopback import free_port


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """The address of one that keeps its collections in the folder."""
    address = f"http://127.0.0.1:{free_port()}"
    program = [Path(sys.executable).with_name("chroma"), "run", "--host", "127.0.0.1"]
    running = subprocess.Popen(
        [*program, "--port", address.rpartition(":")[2], "--path", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/api/v2/heartbeat").is_success
        except httpx.HTTPError:
            return False

    try:
        until(answers, 120)
        yield address
    finally:
        running.terminate()
        running.wait(10)
