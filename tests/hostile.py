"""How the time of a function grows with text that was made to slow it down."""

from __future__ import annotations

import gc
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHORT, LONG = 4_000, 16_000
"""Characters of the texts whose times are compared."""
FLOOR = 0.004
"""Seconds: what takes less for the short text cannot be measured, nor matter for the long one."""
MOST = 8.0
"""Growth of the time from short to long; linear is 4, n log n is 4.7, quadratic 16. Halfway between
the first and the last, since on a busy machine a linear one was measured as 6.9."""
_SCREEN = 4.8
"""Growth from a quarter of the short text from which the long one is tried as well."""
_EARLY = 4.7
"""The same within half of the short text, where that takes long enough to be measured. What has a
quadratic part that makes the long text take `MOST` times as long as the short one shows 4.71
there."""
_CERTAIN = 20.0
"""Growth that no other work on the machine explains."""
_SECONDS = 3.0
"""What takes longer for the short text is too slow, whatever its growth."""

UNITS = (
    *"aA1é \n.,:;()[<>{}\"'“”‘«-–_*`|$&#/\\@=?!~+^",
    *("Ala-Gly-Ser-", "Xx, ", "a.", "a ", "A. ", "Aa ", "1,", "1, ", "[1]", "[1][1]", "[1, "),
    *("((", "()", "a-", "A'", "“a", "“a” ", "a\t"),
    *("et al. ", "Xx and ", "van ", "2020 ", "(2020 ", "(Xx 2020; ", "1 to ", "(LSTM) ", "half "),
    *("http://a.b/", "arXiv:", "10.1234/", "&#", "&amp;", "<a ", "<!--", "<td>", "<p>"),
    *("</p>", "<li>", "{%", "{{", "<b>a", "<a href=b>a</a> ", "<tr><td rowspan=200 colspan=200>"),
    *("a\n", " \n", "\n\n", "# ", "# a\n", "- ", "- a\n", "> ", "1. ", "| a ", "**a", "*a* "),
    *("[a](", "[a](b) ", "```\n", "\\a{", "@a{b,", "@a{b,c={d}}\n", "@a ", "TI  - a\nER  -\n"),
    *("Contents . ", "Dr. ", ".\n", "!?", "1.", '." '),
    *("Week 1\n", "Sep 1\n", "Reading:\n", "Xx. Title. 2020. "),
)  # fmt: skip
"""Pieces of text of which hostile ones are made."""

_number = itertools.count()


class TooLongError(BaseException):
    """The time is over; no function catches this."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLongError after so much computing. Only in the main thread."""

    def over(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds_for(function: Callable[[str], object], text: str, limit: float = _SECONDS) -> float:
    """Seconds of computing; infinite where it takes longer than `limit`."""
    gc.disable()  # it looks at all that the tests before have left
    started = time.thread_time()
    try:
        with at_most(limit):
            function(text)
        return time.thread_time() - started
    except TooLongError:
        return float("inf")
    finally:
        gc.enable()


def growth(
    function: Callable[[str], object],
    unit: str,
    before: str = "",
    thorough: bool = False,
    tries: int = 9,
) -> float:
    """Time for a text of `unit` repeated to `LONG` characters, as a multiple of that for `SHORT`.

    The least of all tries counts on both sides, since other work only ever adds to them.

    Args:
        before: what opens the text.
        thorough: measure the long text too where the short ones promise nothing bad, for a table.
        tries: how often the long text is tried before it is called slow.

    Returns:
        1 where the short text takes less than `FLOOR`, infinity where it takes seconds.
    """

    def seconds(length: int, limit: float = _SECONDS) -> float:
        # No text comes twice, or a cache would answer.
        text = f"{before}{unit * (length // len(unit) + 1)}"[: length + len(before)]
        return seconds_for(function, f"{text}\x00{next(_number)}!", limit)

    # What is quadratic takes a quarter for the half.
    half = float("inf") if thorough else seconds(SHORT // 2)
    if half < FLOOR / 4:
        return 1.0
    if FLOOR <= half < float("inf") and half < _EARLY * seconds(SHORT // 8):
        return 4.0
    short = seconds(SHORT)
    if short < FLOOR or short == float("inf"):
        return 1.0 if short < FLOOR else short
    if not thorough and short < _SCREEN * seconds(SHORT // 4):
        return 4.0
    long = float("inf")
    for _ in range(tries):
        long = min(long, seconds(LONG, limit=_CERTAIN * short))
        if long <= MOST * short or long == float("inf"):
            break
        short = min(short, seconds(SHORT))
    return long / short
