"""Whose turn it is with a model: first come, first served, but who goes on goes first."""

from __future__ import annotations

import threading
import time

import pytest

from fakes import until
from seminar_rag.models import turns as module
from seminar_rag.models.turns import ModelTurns


def never() -> bool:
    return False


class Hall:
    """Threads that each take a turn and note it."""

    def __init__(self, turns: ModelTurns) -> None:
        self._turns = turns
        self._threads: list[threading.Thread] = []
        self.had: list[str] = []

    def comes(self, name: str, key: str | None = None, then: str | None = None) -> None:
        """One more who waits; returns once it stands in line or has had its turn."""

        def wait() -> None:
            if self._turns.take(never, key):
                self.had.append(name)
                self._turns.give(then)

        waiting = len(self._turns._line) + len(self.had)
        thread = threading.Thread(target=wait)
        thread.start()
        self._threads.append(thread)
        until(lambda: len(self._turns._line) + len(self.had) > waiting)

    def empties(self) -> list[str]:
        for thread in self._threads:
            thread.join(10)
        return self.had


def test_first_come_first_served() -> None:
    turns = ModelTurns()
    assert turns.take(never)
    hall = Hall(turns)
    for name in "abcdef":
        hall.comes(name)
    turns.give()
    assert hall.empties() == list("abcdef")


def test_who_goes_on_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 30.0)
    turns = ModelTurns()
    assert turns.take(never)
    hall = Hall(turns)
    for name in "ab":
        hall.comes(name)
    turns.give("mine")
    hall.comes("other", "another")
    time.sleep(2 * module.POLL_SECONDS)
    assert hall.had == []
    hall.comes("mine", "mine")
    assert hall.empties() == ["mine", "a", "b", "other"]


def test_nobody_waits_long_for_who_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.1)
    turns = ModelTurns()
    assert turns.take(never)
    hall = Hall(turns)
    hall.comes("a")
    turns.give("mine")
    assert hall.empties() == ["a"]
    assert turns.take(never, "mine")  # too late to be first, and its turn all the same


def test_who_is_expected_does_not_wait_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 30.0)
    turns = ModelTurns()
    assert turns.take(never)
    hall = Hall(turns)
    hall.comes("a")
    turns.give("mine")
    started = time.monotonic()
    assert turns.take(never, "something else")  # and goes first
    assert hall.had == []
    turns.give("mine")
    assert turns.take(never)
    turns.give()
    assert hall.empties() == ["a"]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("fails", [False, True])
def test_who_stops_waiting_leaves_the_line(*, fails: bool) -> None:
    def stop() -> bool:
        if fails:
            raise KeyError
        return True

    turns = ModelTurns()
    assert turns.take(never)
    if fails:
        with pytest.raises(KeyError):
            turns.take(stop)
    else:
        assert not turns.take(stop)
    turns.give()
    assert turns.take(stop)  # asked only while one waits
