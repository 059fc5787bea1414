"""Outcomes → figures with intervals → a table and JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import SourceError
from seminar_rag.evaluation.questions import KINDS
from seminar_rag.text import first_of
from seminar_rag.types import Answer, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

CUTS = (1, 3, 5, 10, 20)
RESAMPLES = 1000
"""Of the bootstrap (Efron 1979) behind each interval; percentiles 2.5 and 97.5."""
_SEED = 7
_GROUPS = ("retrieval", "answer", "abstention", "latency_ms")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the citations of one sentence are worth."""

    recall: bool
    """They support the sentence together."""
    cited: int
    precise: int
    """How many of them are needed."""


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """What happened with one question."""

    id: str
    text: str
    group: str
    unanswerable: str | None
    wanted: tuple[tuple[str, str], ...]
    """(file name, quote) of the evidence."""
    query: str
    hits: tuple[Hit, ...]
    held: tuple[bool, ...]
    """Of each hit, whether it holds any of the evidence."""
    first: int | None
    """The place of the first passage that holds any of the evidence."""
    rank: int | None
    """The number of passages that hold all evidence; None where none do or there is none."""
    within: bool
    """They fit the context."""
    answer: Answer
    evidence: bool | None
    """The cited sentences hold all evidence; None for unanswerable questions."""
    rulings: tuple[Ruling, ...]
    tokens: int
    confidence: float | None
    latency: tuple[float, float, float]
    """Seconds of retrieval, to the first text, and in all."""

    @property
    def good(self) -> bool:
        """Whether the evidence was quoted, or a question that has no answer was refused."""
        return self.answer.abstained if self.unanswerable else bool(self.evidence)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95% interval over n questions (sentences or citations for the two
    citation figures)."""

    value: float
    low: float
    high: float
    n: int

    @property
    def text(self) -> str:
        """The value in figures, a dash where nothing was counted."""
        if not self.n:
            return "–"
        return f"{self.value:.3f}" if self.value < 10 else f"{self.value:.0f}"

    @property
    def interval(self) -> str:
        """The interval and the number of cases in words."""
        if not self.n:
            return "none of these"
        digits = 3 if self.high < 10 else 0
        return f"[{self.low:.{digits}f}, {self.high:.{digits}f}]  n={self.n}"

    def change(self, before: Figure) -> str:
        """The difference to an earlier value, with * where it leaves the earlier interval."""
        if not self.n or not before.n:
            return "–"
        digits = 3 if abs(self.value) < 10 else 0
        shown = f"{self.value - before.value:+.{digits}f}".replace("-", "−")
        if not float(shown.replace("−", "-")):
            return "="
        return f"{shown}{'' if before.low <= self.value <= before.high else ' *'}"


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All figures of a run, and what they come from."""

    figures: Mapping[str, Mapping[str, Figure]]
    """Group ("retrieval", "answer", "abstention", "latency_ms") → name → figure."""
    by_type: Mapping[str, Mapping[str, Figure]]
    """Type of question → retrieval's figures and the answer's evidence."""
    curve: tuple[tuple[float, float], ...]
    """(coverage, risk) as ever less confident questions are answered, of all questions and of
    those answered so far; questions that were refused are never answered. Empty without
    confidence."""
    outcomes: tuple[QuestionResult, ...]


def make_report(outcomes: Sequence[QuestionResult]) -> QualityReport:
    """The figures of a run."""
    real = [one for one in outcomes if not one.unanswerable]
    answered = [one for one in real if not one.answer.abstained]
    rulings = [ruling for one in answered for ruling in one.rulings]
    groups = dict.fromkeys(one.group for one in real)
    refused = {
        kind: mean([one.answer.abstained for one in outcomes if one.unanswerable == kind])
        for kind in KINDS
    }
    return QualityReport(
        figures={
            "retrieval": _retrieval(real),
            "answer": {
                "evidence": mean([bool(one.evidence) for one in real]),
                "citation_precision": ratio([(r.precise, r.cited) for r in rulings]),
                "citation_recall": mean([r.recall for r in rulings]),
                "tokens": mean([one.tokens for one in answered]),
            },
            "abstention": {
                **refused,
                "false_refusals": mean([one.answer.abstained for one in real]),
            },
            "latency_ms": _latency(outcomes),
        },
        by_type={
            group: {
                **_retrieval([one for one in real if one.group == group]),
                "evidence": mean([bool(one.evidence) for one in real if one.group == group]),
            }
            for group in groups
        },
        curve=_curve(outcomes),
        outcomes=tuple(outcomes),
    )


def _retrieval(real: Sequence[QuestionResult]) -> dict[str, Figure]:
    """R@k asks for all of the evidence, the mean reciprocal rank for the first passage with any."""
    out = {f"R@{cut}": mean([(one.rank or cut + 1) <= cut for one in real]) for cut in CUTS}
    out["recall@1500tok"] = mean([one.within for one in real])
    out["MRR"] = mean([1 / one.first if one.first else 0.0 for one in real])
    return out


def _latency(outcomes: Sequence[QuestionResult]) -> dict[str, Figure]:
    out = {}
    for index, name in enumerate(("retrieval", "first_token", "answer")):
        seconds = [1000 * one.latency[index] for one in outcomes]
        for level in (50, 95):
            out[f"{name}_p{level}"] = bootstrap(
                [(value, 1.0) for value in seconds], _percentile(level)
            )
    return out


def _percentile(level: int) -> Callable[[Values], Values]:
    def statistic(rows: Values) -> Values:
        return np.asarray(np.percentile(rows[..., 0], level, axis=-1))

    return statistic


def mean(values: Iterable[float]) -> Figure:
    """The mean, with its interval."""
    return bootstrap(
        [(float(value), 1.0) for value in values], lambda rows: rows[..., 0].mean(axis=-1)
    )


def ratio(parts: Iterable[tuple[float, float]]) -> Figure:
    """Sum of the firsts over the sum of the seconds, with its interval."""
    rows = [(float(part), float(whole)) for part, whole in parts if whole]
    figure = bootstrap(rows, lambda r: r[..., 0].sum(axis=-1) / r[..., 1].sum(axis=-1))
    return Figure(figure.value, figure.low, figure.high, int(sum(whole for _, whole in rows)))


def bootstrap(rows: Sequence[tuple[float, float]], statistic: Callable[[Values], Values]) -> Figure:
    """A statistic of rows, shape (…, n, 2) → (…), with its bootstrap interval; zeros for none."""
    if not rows:
        return Figure(0.0, 0.0, 0.0, 0)
    values = np.asarray(rows, np.float64)
    picks = np.random.default_rng(_SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(statistic(values[picks]), (2.5, 97.5))
    return Figure(float(statistic(values)), float(low), float(high), len(values))


def _curve(outcomes: Sequence[QuestionResult]) -> tuple[tuple[float, float], ...]:
    rated = [(one.confidence, one) for one in outcomes if one.confidence is not None]
    answered = [pair for pair in rated if not pair[1].answer.abstained]
    answered.sort(key=lambda pair: -pair[0])
    wrong = 0
    points = []
    for number, (_, one) in enumerate(answered, 1):
        wrong += not one.evidence
        points.append((number / len(rated), wrong / number))
    return tuple(points)


# JSON


def to_json(
    report: QualityReport, about: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """What `--json` writes; `read_earlier` reads it again.

    Args:
        about: what was measured, in words: the questions file, the answerer, and so on.
    """

    def rounded(group: Mapping[str, Figure]) -> dict[str, Any]:
        return {
            name: {key: round(value, 4) for key, value in asdict(figure).items()}
            for name, figure in group.items()
        }

    return {
        "about": dict(about),
        **{name: rounded(group) for name, group in report.figures.items()},
        "by_type": {name: rounded(group) for name, group in report.by_type.items()},
        "risk_coverage": [[round(c, 4), round(r, 4)] for c, r in report.curve],
        "questions": [_outcome_json(one) for one in report.outcomes],
    }


def _outcome_json(one: QuestionResult) -> dict[str, Any]:
    return {
        "id": one.id,
        "question": one.text,
        "group": one.group,
        "unanswerable": one.unanswerable,
        "wanted": [{"doc": doc, "quote": quote} for doc, quote in one.wanted],
        "searched": one.query,
        "first": one.first,
        "rank": one.rank,
        "evidence": one.evidence,
        "good": one.good,
        "abstained": one.answer.abstained,
        "reason": one.answer.reason,
        "restricted": one.answer.restricted,
        "answer": one.answer.text,
        "confidence": one.confidence,
        "citations": [
            {"number": c.number, "document": c.document.title, "page": c.page, "quote": c.quote}
            for c in one.answer.citations
        ],
        "verdicts": [
            {
                "sentence": one.answer.text[v.start : v.end],
                "label": v.verdict.label,
                "reason": v.verdict.reason,
            }
            for v in one.answer.verdicts
        ],
        "hits": [
            {
                "passage": hit.passage.id,
                "document": hit.document.title,
                "path": hit.document.path,
                "heading": hit.passage.heading,
                "score": round(hit.score, 3),
                "holds_evidence": held,
                "text": hit.passage.text,
            }
            for hit, held in zip(one.hits, one.held, strict=True)
        ],
        "latency_ms": [round(1000 * seconds, 1) for seconds in one.latency],
    }


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run, read from its JSON."""

    figures: Mapping[str, Mapping[str, Figure]]
    by_type: Mapping[str, Mapping[str, Figure]]
    good: Mapping[str, bool]
    """Question id → whether what came was as wished."""


def read_earlier(path: Path) -> Earlier:
    """An earlier run's figures. Raises SourceError: unreadable, or not such a file."""

    def group(raw: Mapping[str, Any]) -> dict[str, Figure]:
        return {name: Figure(**figure) for name, figure in raw.items()}

    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Earlier(
            {name: group(raw[name]) for name in _GROUPS},
            {name: group(figures) for name, figures in raw["by_type"].items()},
            {str(one["id"]): bool(one["good"]) for one in raw["questions"]},
        )
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist — write it with --json first") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(
            f"{path} is no report of an earlier evaluation — write one with --json"
        ) from error


# The table

_COLUMNS = ("R@1", "R@5", "R@20", "MRR", "evidence")


def render_table(report: QualityReport, earlier: Earlier | None = None) -> str:
    """The figures for a terminal, with the change against an earlier run if given."""
    lines = []
    for group, figures in report.figures.items():
        before = earlier.figures.get(group, {}) if earlier else {}
        lines.append(group)
        for name, figure in figures.items():
            change = figure.change(before[name]) if name in before else ""
            line = f"  {name:<20}{figure.text:>9}  {figure.interval:<28}{change}"
            lines.append(line.rstrip())
    lines.append("by type")
    width = 17 if earlier else 10
    lines.append("  " + " " * 20 + "".join(f"{name:>{width}}" for name in _COLUMNS) + f"{'n':>6}")
    for group, figures in report.by_type.items():
        before = earlier.by_type.get(group, {}) if earlier else {}
        cells = "".join(_cell(figures[name], before.get(name), width) for name in _COLUMNS)
        lines.append(f"  {group:<20}{cells}{figures['R@1'].n:>6}")
    if earlier:
        lines += ["against the earlier run", *_changes(report, earlier)]
    return "\n".join(lines)


def _cell(now: Figure, before: Figure | None, width: int) -> str:
    change = f" {now.change(before):<8}" if before else ""
    return f"{now.text + change:>{width}}"


def _changes(report: QualityReport, earlier: Earlier) -> list[str]:
    better, worse, unknown = changed(report, earlier)
    lines = [
        "  * leaves the earlier 95% interval",
        f"  as wished now, not then: {_listed(better)}",
        f"  as wished then, not now: {_listed(worse)}",
    ]
    if unknown:
        lines.append(f"  not asked in both runs, so the figures compare less: {unknown} questions")
    return lines


def _listed(ids: Sequence[str], most: int = 12) -> str:
    return f"{len(ids)} ({first_of(ids, most)})" if ids else "none"


def changed(report: QualityReport, earlier: Earlier) -> tuple[list[str], list[str], int]:
    """Ids of the questions that went better and worse than then, and how many were asked only
    now or only then."""
    now = {one.id: one.good for one in report.outcomes}
    better = [id_ for id_, good in now.items() if good and earlier.good.get(id_) is False]
    worse = [id_ for id_, good in now.items() if not good and earlier.good.get(id_)]
    return better, worse, len(now.keys() ^ earlier.good.keys())
