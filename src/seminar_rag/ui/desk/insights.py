"""What students ask: the view at the desk as HTML, and the tables to download."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Protocol

from seminar_rag.types.serving import Asked, Cited, Day, Feedback, Insights, Use
from seminar_rag.ui.desk.view import PAGE
from seminar_rag.ui.export.table import csv_of

SHOWN = 12
"""Entries of a list that are shown; the tables to download have all."""
VERDICTS = {
    "supported": "supported",
    "partly": "partly supported",
    "unsupported": "not supported",
    "contradicted": "contradicted",
}
EXPORTS = {
    "questions.csv": "Questions",
    "feedback.csv": "Feedback",
    "readings.csv": "Use of the readings",
}
_PLOT = 640, 120
"""Width and height of the plot of questions a day, in its own units."""


class Entries(Protocol):
    """What the tables and settings need of a journal."""

    enabled: bool
    days: int

    def questions(self) -> Sequence[Asked]:
        """What was asked, newest first."""

    def opinions(self) -> Sequence[Feedback]:
        """The feedback, newest first."""


def insights(found: Insights, *, enabled: bool, days: int) -> str:
    """The view of what students ask.

    Args:
        enabled: whether questions are recorded.
        days: for how many days entries are kept.
    """
    view = {
        "figures": _figures(found) if found.asked else (),
        "plot": _plot(found.days) if found.asked else None,
        "doubtful": _doubtful(found.doubtful),
        "reasons": sorted(found.reasons.items(), key=lambda pair: -pair[1]),
        "exports": EXPORTS.items(),
        "shown": SHOWN,
    }
    return PAGE.insights(found, view, enabled, days)


def _figures(found: Insights) -> tuple[tuple[str, str], ...]:
    share = 100 * (found.asked - found.abstained) / found.asked
    rows = [(f"{found.asked:,}", "questions"), (f"{share:.0f}%", "answered")]
    checked = sum(found.verdicts.get(label, 0) for label in VERDICTS)
    if checked:
        supported = 100 * found.verdicts.get("supported", 0) / checked
        rows.append((f"{supported:.0f}%", f"of {checked:,} sentences supported"))
    if found.good or found.flagged:
        rows.append((f"{found.good} / {len(found.flagged)}", "thumbs up / down"))
    return tuple(rows)


def _plot(days: Sequence[Day]) -> dict[str, Any]:
    """Bars of questions a day, or a week where there are many days."""
    width, height = _PLOT
    size = 1 if len(days) <= 60 else 7
    parts = [days[start : start + size] for start in range(0, len(days), size)]
    step = width / max(len(parts), 14)
    bars = [
        {
            "label": ("" if size == 1 else "week of ") + _day(some[0].day),
            "answered": sum(day.answered for day in some),
            "abstained": sum(day.abstained for day in some),
            "x": round(index * step + 1, 1),
        }
        for index, some in enumerate(parts)
    ]
    answered = sum(day.answered for day in days)
    abstained = sum(day.abstained for day in days)
    return {
        "label": f"{answered} answered, {abstained} not, in {len(days)} days",
        "bars": bars,
        "most": max(sum(day.answered + day.abstained for day in some) for some in parts),
        "wide": round(max(2.0, min(step - 2, 40)), 1),
        "width": width,
        "height": height,
    }


def _doubtful(found: Sequence[Asked]) -> list[dict[str, Any]]:
    """Each question once with the same failed sentences; the newest answer stands for all."""
    same: dict[tuple[str, ...], list[Asked]] = {}
    for one in found:
        failed = (flaw.sentence for flaw in one.flaws if flaw.label != "partly")
        same.setdefault((one.question.casefold(), *failed), []).append(one)
    return [
        {
            "newest": newest,
            "times": 1 + len(others),
            "flaws": [
                (VERDICTS.get(flaw.label, flaw.label), flaw)
                for flaw in newest.flaws
                if flaw.label != "partly"
            ],
        }
        for newest, *others in same.values()
    ]


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


# --- tables --------------------------------------------------------------------------------------


def table(name: str, journal: Entries, used: Callable[[], Iterable[Use]]) -> str | None:
    """The CSV file of this name; None if there is none.

    Args:
        used: the use of the readings.
    """
    if name == "questions.csv":
        head = ("day", "question", "answered", "answer", "cites", "supported", "checked", "failed")
        return csv_of(head, map(_question, journal.questions()))
    if name == "feedback.csv":
        columns = ("day", "thumb", "reason", "comment", "question", "answer", "cites")
        return csv_of(columns, map(_opinion, journal.opinions()))
    if name == "readings.csv":
        rows = ((use.reading, use.title, _numbers(use.sessions), use.answers) for use in used())
        return csv_of(("reading", "title", "sessions", "answers"), rows)
    return None


def _question(one: Asked) -> Sequence[object]:
    return (
        one.day,
        one.question,
        "no" if one.abstained else "yes",
        one.answer,
        _places(one.cited),
        dict(one.verdicts).get("supported", 0),
        sum(n for label, n in one.verdicts if label != "uncheckable"),
        "; ".join(f"{flaw.label}: {flaw.sentence}" for flaw in one.flaws),
    )


def _opinion(one: Feedback) -> Sequence[object]:
    thumb = "up" if one.good else "down"
    cites = _places(one.cited)
    return one.day, thumb, one.reason, one.comment, one.question, one.answer, cites


def _numbers(sessions: Iterable[int]) -> str:
    return " ".join(map(str, sessions))


def _places(cited: Iterable[Cited]) -> str:
    places = (
        f"[{one.number}] {one.title}" + (f", p. {one.page}" if one.page else "") for one in cited
    )
    return "; ".join(dict.fromkeys(places))
