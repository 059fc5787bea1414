"""What a worker process does before it opens files of unknown origin. Imports nothing heavy."""

from __future__ import annotations

import os
import sys
import threading
import time

OUT_OF_MEMORY = 86
"""Exit status of a worker that its own watch ended."""


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
