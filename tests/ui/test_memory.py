"""Whether free memory goes back to the system."""

from __future__ import annotations

import asyncio
import gc
import platform
from contextlib import suppress

import numpy as np
import psutil
import pytest

from seminar_rag.ui.app import give_back, kept_until_the_end, share_arenas

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these calls")


@glibc
def test_holes_between_what_is_kept_go_back_to_the_system():
    process = psutil.Process()
    vectors = [np.ones(10_000) for _ in range(2000)]  # 80 kB each: too small to be mapped alone
    kept = vectors[::10]
    del vectors
    before = process.memory_info().rss

    async def for_a_moment() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(give_back(every=0.01), 0.1)

    asyncio.run(for_a_moment())
    assert before - process.memory_info().rss > 50_000_000
    assert all(float(one.sum()) == 10_000 for one in kept)


@glibc
def test_the_arenas_are_limited_where_that_can_be_done():
    assert share_arenas()


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    assert not share_arenas()
    asyncio.run(give_back())


def test_what_a_server_begins_with_is_not_looked_through_for_garbage():
    before = gc.get_freeze_count()
    try:
        with kept_until_the_end():
            assert not gc.isenabled()
            made: list[object] = []
            made.append(made)
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
