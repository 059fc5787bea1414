"""Worker processes that open files of unknown origin, with limits on their time and memory.

Imports nothing heavy: every worker imports this.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, Literal, TypeVar

OUT_OF_MEMORY = 86
"""Exit status of a worker that its own memory watch ended."""

MAX_FILE_BYTES = 256 << 20
"""Larger files are refused unread."""

_ONE_START = threading.Lock()
"""Held while a process is started."""
_T = TypeVar("_T")


class WorkerError(Exception):
    """A task did not come to its end: its process died, hung or outgrew its memory ("limit"), the
    pool was closed, or no process starts ("unavailable")."""

    def __init__(self, reason: Literal["limit", "closed", "unavailable"]) -> None:
        super().__init__(reason)
        self.reason = reason


class WorkerPool:
    """Runs functions in confined processes, which start with the first task. A task that crashes
    its process, hangs or outgrows the memory costs only itself: the process is replaced. Safe to
    call from any thread."""

    def __init__(self, workers: int, memory: int, tasks: int = 0) -> None:
        """Args:
        workers: how many processes at most.
        memory: bytes of address space (Linux) or resident memory (elsewhere) of each.
        tasks: after how many a process is replaced, so that leaks do not add up; 0 for never.
        """
        self._options = (workers, memory, tasks)
        self._pool: Any = None
        self._running: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self.closed = False

    def run(self, timeout: float, work: Callable[..., _T], *args: Any) -> _T:
        """Call `work(*args)` in a process and return its result.

        `work` must not raise, since not every exception survives the way between processes.

        Raises:
            WorkerError: there is no result within `timeout` seconds.
        """
        from pebble import ProcessExpired

        # A pool whose processes died without a task is broken; it is replaced once.
        for _ in range(2):
            pool = self._started()
            try:
                return self._result(pool, timeout, work, args)
            except CancelledError:
                raise WorkerError("closed") from None
            except (ProcessExpired, TimeoutError, MemoryError):
                raise WorkerError("limit") from None
            except RuntimeError:
                self._discard(pool)
        raise WorkerError("unavailable")

    def close(self) -> None:
        """Stop the processes; tasks that are running are given up."""
        with self._lock:
            self.closed = True
            pool, self._pool = self._pool, None
            running = set(self._running)
        for task in running:
            task.cancel()
        _stop(pool)

    def _started(self) -> Any:
        from pebble import ProcessPool

        workers, memory, tasks = self._options
        with self._lock:
            if self.closed:
                raise WorkerError("closed")
            if self._pool is None:
                self._pool = ProcessPool(
                    max_workers=workers,
                    max_tasks=tasks,
                    initializer=confine,
                    initargs=(memory,),
                    context=_WorkerContext(),
                )
            return self._pool

    def _result(self, pool: Any, timeout: float, work: Callable[..., _T], args: Any) -> _T:
        with self._lock:
            if self.closed:
                raise WorkerError("closed")
            task: Future[_T] = pool.schedule(work, args=args, timeout=timeout)
            self._running.add(task)
        try:
            return task.result()
        finally:
            with self._lock:
                self._running.discard(task)

    def _discard(self, pool: Any) -> None:
        """Forget a broken pool, unless another thread has replaced it already."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        _stop(pool)


class _WorkerProcess(SpawnProcess):
    """A new process that does not run the program's own file again. A spawned process imports the
    main module of its parent, so that functions of it can be called. Those of workers lie in
    modules, and a script without a `__main__` guard would begin anew."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name in multiprocessing
        with _ONE_START:
            prepared = spawn.get_preparation_data

            def without_main(name: str) -> dict[str, Any]:
                return {k: v for k, v in prepared(name).items() if not k.startswith("init_main")}

            spawn.get_preparation_data = without_main
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                spawn.get_preparation_data = prepared


class _WorkerContext(SpawnContext):
    # A forked copy of a process with threads and a model may hang, or be over the limit from the
    # start, so processes are spawned.
    Process = _WorkerProcess


def _stop(pool: Any) -> None:
    if pool is not None:
        pool.stop()
        pool.join()


def confine(memory: int) -> None:
    """Prepare this process as a worker: no output, no core dumps, and a limit on its memory; see
    `WorkerPool`."""
    import logging

    logging.disable(logging.CRITICAL)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if not _limit_address_space(memory):
        threading.Thread(target=watch_memory, args=(memory,), daemon=True).start()


def _limit_address_space(memory: int) -> bool:
    """Whether the system enforces the limit: macOS accepts it and does not, Windows has none."""
    if sys.platform != "linux":
        return False
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    return True


def watch_memory(memory: int) -> None:
    """End this process when its resident memory outgrows `memory` bytes."""
    import psutil

    process = psutil.Process()
    while process.memory_info().rss <= memory:
        time.sleep(0.05)
    os._exit(OUT_OF_MEMORY)


def refusal(file: Path, folder: Path) -> str:
    """Why a file of a folder must not be opened, as the end of a sentence; empty where it may be.
    Only regular files inside the folder are opened, up to `MAX_FILE_BYTES`: a pipe never answers, a
    device never ends, and a link may lead anywhere."""
    try:
        real = file.resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError):
        return "cannot be found — check its name and permissions"
    if not real.is_relative_to(folder.resolve()):
        return "lies outside the folder — copy it into the folder"
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file — replace it with one"
    if status.st_size > MAX_FILE_BYTES:
        return f"has more than {MAX_FILE_BYTES >> 20} MiB — split it, or take a smaller version"
    return ""
