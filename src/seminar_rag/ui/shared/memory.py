"""Gives free memory back to the system, so that a server does not grow for weeks.

glibc keeps what is freed in an arena for each thread (malloc(3), mallopt(3)). Vectors of many
sizes, made in one thread after another, leave such arenas full of holes: after some minutes of a
class at work they were a gigabyte. Other C libraries have no such calls; there nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ARENAS = 2
"""Arenas that all threads share. Little of our work is in malloc, so they seldom wait."""
EVERY = 60.0
"""Seconds between two times that free memory is given back; each takes some milliseconds."""
_M_ARENA_MAX = -8
"""The option's number in glibc's malloc.h."""


def share_arenas() -> bool:
    """Let all threads share `ARENAS` arenas, those that exist left alone; False without glibc."""
    if (mallopt := _of_libc("mallopt")) is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, ARENAS))


async def give_back(every: float = EVERY) -> None:
    """Give free memory back to the system again and again, until cancelled."""
    if (trim := _of_libc("malloc_trim")) is None:
        return
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(trim, 0)


@contextmanager
def kept_until_the_end() -> Iterator[None]:
    """Let Python's collector of garbage look at nothing that is made within, now or later.

    Modules and pages stay as long as the server. To look through them again and again took a
    fourteenth of the processor's time until the first answer.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _of_libc(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):  # TypeError: Windows has no library without name
        return None
    return found
