"""How the time of a function grows with text that was made to slow it down."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(
    function: Callable[[str], object], unit: str, short: int = 2000, times: int = 4
) -> float:
    """Time for a text of `unit` repeated to `times` the length, as a multiple of the time for
    `short` characters; linear functions give about `times`.

    Times below five milliseconds count as that: what is so quick cannot be measured, nor matter.
    """
    function(unit)  # what is loaded or compiled first
    return _seconds(function, unit, short * times) / _seconds(function, unit, short)


def _seconds(function: Callable[[str], object], unit: str, length: int) -> float:
    text = (unit * (length // len(unit) + 1))[:length]
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        function(text)
        best = min(best, time.thread_time() - started)
    return max(best, 0.005)
