"""Worker processes that open files of unknown origin, and what one does before it opens any.

Imports nothing heavy: every worker imports this.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from typing import Any

OUT_OF_MEMORY = 86
"""Exit status of a worker that its own watch ended."""


def confined_pool(workers: int, memory: int, tasks: int = 0) -> Any:
    """A pool of confined processes (`pebble.ProcessPool`).

    Args:
        workers: how many at most.
        memory: see `confine`.
        tasks: after how many a process is replaced, so that nothing piles up in it; 0 for never.
    """
    from pebble import ProcessPool

    return ProcessPool(
        max_workers=workers,
        max_tasks=tasks,
        initializer=confine,
        initargs=(memory,),
        # Not forked: a copy of a process with threads and a model may hang, or be over the limit.
        context=multiprocessing.get_context("spawn"),
    )


def confine(memory: int) -> None:
    """Make this process a worker: silence the libraries, forgo core dumps, and limit memory.

    Args:
        memory: bytes of address space (Linux) or resident memory (elsewhere).
    """
    import logging

    logging.disable(logging.CRITICAL)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if not _bounded(memory):
        threading.Thread(target=watch_memory, args=(memory,), daemon=True).start()


def _bounded(memory: int) -> bool:
    """Whether the system enforces the limit; macOS accepts it without, Windows has none."""
    if sys.platform != "linux":
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    return True


def watch_memory(memory: int, interval: float = 0.05) -> None:
    """End this process when its resident memory outgrows the limit."""
    import psutil

    process = psutil.Process()
    while process.memory_info().rss <= memory:
        time.sleep(interval)
    os._exit(OUT_OF_MEMORY)
