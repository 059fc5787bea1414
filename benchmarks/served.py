"""The product's server in a process of its own, as its command starts it, for the benchmarks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-m", "seminar_rag.cli.main")
UNLIMITED = {"SEMINAR_RAG_SERVE_RATE": "0", "SEMINAR_RAG_SERVE_RATE_ADDRESS": "0"}
"""All who ask come from one address here."""


@contextmanager
def served(
    *arguments: str | Path, folder: Path | None = None, **environ: str
) -> Iterator[tuple[str, int]]:
    """The address and the process of `serve` on a free port, run in `folder`."""
    running = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stderr is not None
        said = ""
        while not (found := re.search(r"(?:open|courses?) on (http://\S+)", said)):
            line = running.stderr.readline()
            if not line:
                sys.exit(f"serve ended: {said}")
            said += line
        threading.Thread(target=_shown, args=(running.stderr,), daemon=True).start()
        yield found[1], running.pid
    finally:
        running.terminate()
        running.wait(30)


def _shown(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stderr.write(f"server: {line}")
