"""What several servers of one course know together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Common(Protocol):
    """Small values by kind and id, which every server of a course sees and may change at once.

    A value ends some seconds after it was put, where that is said. Safe to call from threads.
    All raise StoreError where the values cannot be reached.
    """

    def get(self, kind: str, id_: str = "") -> str | None:
        """A value; None where there is none."""

    def every(self, kind: str) -> dict[str, str]:
        """All values of a kind by id."""

    def put(self, kind: str, id_: str, value: str, lasts: float | None = None) -> None:
        """Put a value in place of what was there."""

    def first(self, kind: str, id_: str, value: str, lasts: float | None = None) -> str:
        """Put a value where there is none; what is there now."""

    def change(
        self, kind: str, id_: str, how: Callable[[str | None], str], lasts: float | None = None
    ) -> str:
        """Make a value of the one that is there, while nobody else changes it; the new one."""

    def drop(self, kind: str, id_: str) -> None:
        """Forget a value."""

    def left(self, kind: str, id_: str) -> float:
        """Seconds until a value ends; 0 where there is none."""

    def extend(self, kind: str, id_: str, seconds: float) -> None:
        """Let a value, made empty where there is none, end later than it would."""

    def sweep(self) -> None:
        """Remove the values that have ended."""
