"""Whose turn it is with what only one can use at a time. Knows no model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

POLL_SECONDS = 0.05
GRACE = 0.25
"""Seconds that the others wait for who said that it would go on."""


class ModelTurns:
    """First come, first served, but who goes on from the turn before goes first. An answer takes
    two turns, one to judge whether the passages hold it and one to write it. If all who ask at once
    had their first turn before anybody's second, the first of them would wait about as long for a
    word as the last."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[object] = []  # those who wait
        self._is_taken = False
        self._expected: Hashable = None
        self._asker: threading.Thread | None = None  # who is expected
        self._reserved = 0.0  # until when it is kept for who is expected

    def take(self, stop: Callable[[], bool], name: Hashable = None) -> bool:
        """Wait for one's turn, which `give` ends; False once `stop` says so.

        Args:
            name: what a turn before may have been given back for. The thread that gave it back
                goes first with anything: the answer may have taken another way than was expected.
        """
        place = object()
        with self._changed:
            by_name = name is not None and name == self._expected
            if by_name or self._asker is threading.current_thread():
                self._line.insert(0, place)
                self._reserved = 0.0
            else:
                self._line.append(place)
        try:
            while True:
                with self._changed:
                    if self._changed.wait_for(lambda: self._is_free_for(place), POLL_SECONDS):
                        self._is_taken = True
                        return True
                if stop():
                    return False
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def give(self, name: Hashable = None) -> None:
        """End a turn.

        Args:
            name: who is expected to go on at once, and goes first; nobody by default.
        """
        with self._changed:
            self._is_taken = False
            self._expected = name
            self._asker = None if name is None else threading.current_thread()
            self._reserved = 0.0 if name is None else time.monotonic() + GRACE
            self._changed.notify_all()

    def _is_free_for(self, place: object) -> bool:
        kept = time.monotonic() < self._reserved
        return not self._is_taken and not kept and self._line[0] is place
