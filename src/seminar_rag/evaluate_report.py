"""Outcomes → figures with intervals → a table, JSON, and a page. Pure."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seminar_rag.errors import SourceError
from seminar_rag.types import Answer, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

CUTS = (1, 3, 5, 10, 20)
RESAMPLES = 1000
"""Of the bootstrap (Efron 1979) behind each interval; percentiles 2.5 and 97.5."""
_SEED = 7
_KINDS = ("on_topic", "off_topic", "injection")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the citations of one sentence are worth."""

    recall: bool
    """They support the sentence together."""
    cited: int
    precise: int
    """How many of them are needed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened with one question."""

    id: str
    text: str
    group: str
    unanswerable: str | None
    query: str
    hits: tuple[Hit, ...]
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
        """The right thing happened: evidence quoted, or an unanswerable question refused."""
        return self.answer.abstained if self.unanswerable else bool(self.evidence)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95% interval over n questions (sentences or citations for the two
    citation figures)."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a run, and what they come from."""

    figures: Mapping[str, Mapping[str, Figure]]
    """Group ("retrieval", "answer", "abstention", "latency_ms") → name → figure."""
    by_type: Mapping[str, Mapping[str, Figure]]
    """Type of question → retrieval's figures and the answer's evidence."""
    curve: tuple[tuple[float, float], ...]
    """(coverage, risk) as ever less confident questions are answered; empty without confidence."""
    outcomes: tuple[Outcome, ...]


def make_report(outcomes: Sequence[Outcome]) -> Report:
    """The figures of a run."""
    real = [one for one in outcomes if not one.unanswerable]
    answered = [one for one in real if not one.answer.abstained]
    rulings = [ruling for one in answered for ruling in one.rulings]
    groups = dict.fromkeys(one.group for one in real)
    refused = {
        kind: mean([one.answer.abstained for one in outcomes if one.unanswerable == kind])
        for kind in _KINDS
    }
    return Report(
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


def _retrieval(real: Sequence[Outcome]) -> dict[str, Figure]:
    """R@k asks for all of the evidence, the mean reciprocal rank for the first passage with any."""
    out = {f"R@{cut}": mean([(one.rank or cut + 1) <= cut for one in real]) for cut in CUTS}
    out["recall@1500tok"] = mean([one.within for one in real])
    out["MRR"] = mean([1 / one.first if one.first else 0.0 for one in real])
    return out


def _latency(outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    out = {}
    for index, name in enumerate(("retrieval", "first_token", "answer")):
        seconds = [1000 * one.latency[index] for one in outcomes]
        for level in (50, 95):
            out[f"{name}_p{level}"] = bootstrap(
                [(value, 1.0) for value in seconds],
                _percentile(level),
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


def _curve(outcomes: Sequence[Outcome]) -> tuple[tuple[float, float], ...]:
    told = [(one.confidence, one) for one in outcomes if one.confidence is not None]
    told.sort(key=lambda pair: -pair[0])
    wrong = 0
    points = []
    for answered, (_, one) in enumerate(told, 1):
        wrong += not one.evidence
        points.append((answered / len(told), wrong / answered))
    return tuple(points)


# JSON


def to_json(report: Report) -> dict[str, Any]:
    """What `--json` writes; `read_figures` reads it again."""

    def told(group: Mapping[str, Figure]) -> dict[str, Any]:
        return {
            name: {
                "value": round(f.value, 4),
                "low": round(f.low, 4),
                "high": round(f.high, 4),
                "n": f.n,
            }
            for name, f in group.items()
        }

    return {
        **{name: told(group) for name, group in report.figures.items()},
        "by_type": {name: told(group) for name, group in report.by_type.items()},
        "risk_coverage": [[round(c, 4), round(r, 4)] for c, r in report.curve],
        "questions": [_outcome_json(one) for one in report.outcomes],
    }


def _outcome_json(one: Outcome) -> dict[str, Any]:
    return {
        "id": one.id,
        "question": one.text,
        "group": one.group,
        "unanswerable": one.unanswerable,
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
                "text": hit.passage.text,
            }
            for hit in one.hits
        ],
        "latency_ms": [round(1000 * seconds, 1) for seconds in one.latency],
    }


def read_figures(path: Path) -> dict[str, dict[str, Figure]]:
    """The figures of an earlier run's JSON, by group and name.

    Raises:
        SourceError: unreadable, or not such a file.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {
            group: {name: Figure(**figure) for name, figure in raw[group].items()}
            for group in ("retrieval", "answer", "abstention", "latency_ms")
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(
            f"{path} is no report of an earlier evaluation ({error}) — write one with --json"
        ) from error


# The table


def render_table(report: Report, against: Mapping[str, Mapping[str, Figure]] | None = None) -> str:
    """The figures for a terminal, with the change against an earlier run if given."""
    lines = []
    for group, figures in report.figures.items():
        lines.append(group)
        for name, figure in figures.items():
            before = (against or {}).get(group, {}).get(name)
            change = f"  {_change(figure, before)}" if before else ""
            lines.append(f"  {name:<20}{_number(figure):>9}  {_interval(figure)}{change}")
    lines.append("by type")
    columns = ("R@1", "R@5", "R@20", "MRR", "evidence")
    lines.append("  " + " " * 20 + "".join(f"{name:>10}" for name in columns) + f"{'n':>6}")
    for group, figures in report.by_type.items():
        cells = "".join(f"{_number(figures[name]):>10}" for name in columns)
        lines.append(f"  {group:<20}{cells}{figures['R@1'].n:>6}")
    return "\n".join(lines)


def _number(figure: Figure) -> str:
    if not figure.n:
        return "–"
    return f"{figure.value:.3f}" if figure.value < 10 else f"{figure.value:.0f}"


def _interval(figure: Figure) -> str:
    digits = 3 if figure.high < 10 else 0
    return f"[{figure.low:.{digits}f}, {figure.high:.{digits}f}]  n={figure.n}"


def _change(now: Figure, before: Figure) -> str:
    """The difference, marked where it leaves the earlier interval."""
    digits = 3 if abs(now.value) < 10 else 0
    mark = "" if before.low <= now.value <= before.high else " *"
    return f"{now.value - before.value:+.{digits}f}{mark}"


# The page

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1f2328;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}td,th{padding:.15rem .7rem;text-align:left;
border-bottom:1px solid #d8dee4}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
details{margin:.3rem 0}summary{cursor:pointer}pre{white-space:pre-wrap;font:inherit;
background:#f6f8fa;padding:.6rem}.good{color:#1a7f37}.bad{color:#b42318}.plots{display:flex;
flex-wrap:wrap;gap:2rem}.wide{overflow-x:auto}
svg text{font:12px system-ui,sans-serif;fill:currentColor}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}
td,th{border-color:#30363d}.good{color:#3fb950}.bad{color:#ff7b72}}
"""


def render_html(report: Report, against: Mapping[str, Mapping[str, Figure]] | None = None) -> str:
    """One self-contained page: plots, all figures, and every question with what came of it."""
    recall = {name: report.figures["retrieval"][name] for name in (f"R@{cut}" for cut in CUTS)}
    plots = [
        _bars("Evidence within the first k passages", recall),
        _bars("R@5 by type of question", {k: v["R@5"] for k, v in report.by_type.items()}),
        _bars("Evidence quoted, by type", {k: v["evidence"] for k, v in report.by_type.items()}),
        _bars("Refused, by kind", report.figures["abstention"]),
        _line("Risk and coverage", report.curve),
    ]
    tables = "".join(
        f"<h2>{html.escape(group)}</h2>{_table(figures, (against or {}).get(group, {}))}"
        for group, figures in report.figures.items()
    )
    ordered = sorted(report.outcomes, key=lambda one: one.good)
    good = sum(one.good for one in report.outcomes)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Evaluation</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>Evaluation over {len(report.outcomes)} questions</h1>"
        f"<div class=plots>{''.join(plots)}</div>{tables}"
        f"<h2>By type of question</h2>{_types(report.by_type)}"
        f"<h2>Questions ({good} of {len(report.outcomes)} as wished, the others first)</h2>"
        f"{''.join(_question(one) for one in ordered)}</html>\n"
    )


def _table(figures: Mapping[str, Figure], before: Mapping[str, Figure]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}<td class=n>{_number(figure)}<td>{_interval(figure)}"
        f"<td class=n>{_change(figure, before[name]) if name in before else ''}</tr>"
        for name, figure in figures.items()
    )
    return (
        "<table><tr><th>figure<th class=n>value<th>95% interval"
        f"<th class=n>{'change' if before else ''}</tr>{rows}</table>"
    )


def _types(by_type: Mapping[str, Mapping[str, Figure]]) -> str:
    names = list(next(iter(by_type.values()), {}))
    head = "".join(f"<th class=n>{html.escape(name)}" for name in names)
    rows = "".join(
        f"<tr><td>{html.escape(group)}<td class=n>{max(f.n for f in figures.values())}"
        + "".join(
            f"<td class=n title='{html.escape(_interval(figures[name]))}'>{_number(figures[name])}"
            for name in names
        )
        + "</tr>"
        for group, figures in by_type.items()
    )
    return f"<div class=wide><table><tr><th>type<th class=n>n{head}</tr>{rows}</table></div>"


def _question(one: Outcome) -> str:
    mark, word = ("good", "✓") if one.good else ("bad", "✗")
    kind = one.unanswerable or one.group
    where = f", evidence at {one.rank or 'none'}" if not one.unanswerable else ""
    cited = "".join(
        f"<li>[{c.number}] {html.escape(c.document.title)}: {html.escape(c.quote)}"
        for c in one.answer.citations
    )
    found = "".join(
        f"<li>{html.escape(hit.document.title)} › {html.escape(hit.passage.heading)}"
        for hit in one.hits[:5]
    )
    told = "".join(
        f"<p>{html.escape(text)}"
        for text in (
            f"Refused: {one.answer.reason}." if one.answer.reason else "",
            f"Checked: {one.answer.checked}." if one.answer.checked else "",
        )
        if text
    )
    return (
        f"<details><summary><span class={mark}>{word}</span> {html.escape(one.text)}"
        f" <small>({html.escape(one.id)}, {html.escape(kind)}{where})</small></summary>"
        f"<pre>{html.escape(one.answer.text)}</pre>{told}<ul>{cited}</ul>"
        f"<p>Found:</p><ol>{found}</ol></details>"
    )


def _bars(title: str, figures: Mapping[str, Figure]) -> str:
    """Horizontal bars from 0 to 1 with their intervals, as SVG."""
    rows = []
    for i, (name, figure) in enumerate(figures.items()):
        y = 34 + 24 * i
        x, low, high = (120 + 220 * min(1.0, v) for v in (figure.value, figure.low, figure.high))
        rows.append(
            f"<text x=112 y={y + 12} text-anchor=end>{html.escape(name)}</text>"
            f"<rect x=120 y={y} width={x - 120:.1f} height=16 fill='#4a7fb5'/>"
            f"<line x1={low:.1f} x2={high:.1f} y1={y + 8} y2={y + 8} stroke=currentColor />"
            f"<text x=350 y={y + 12}>{figure.value:.2f}</text>"
        )
    height = 44 + 24 * len(figures)
    return (
        f"<svg width=390 height={height} role=img aria-label='{html.escape(title)}'>"
        f"<text x=0 y=16 font-weight=600>{html.escape(title)}</text>{''.join(rows)}</svg>"
    )


def _line(title: str, points: Sequence[tuple[float, float]]) -> str:
    """Risk over coverage, both 0 to 1, as SVG; nothing without points."""
    if not points:
        return ""
    path = " ".join(f"{40 + 300 * x:.1f},{200 - 160 * y:.1f}" for x, y in points)
    return (
        f"<svg width=390 height=240 role=img aria-label='{html.escape(title)}'>"
        f"<text x=0 y=16 font-weight=600>{html.escape(title)}</text>"
        "<path d='M40 40V200H340' fill=none stroke=currentColor />"
        f"<polyline points='{path}' fill=none stroke='#4a7fb5' stroke-width=2 />"
        "<text x=34 y=46 text-anchor=end>1</text><text x=34 y=204 text-anchor=end>0</text>"
        "<text x=340 y=220 text-anchor=end>share of questions answered</text>"
        "<text x=48 y=52>share of these without evidence</text></svg>"
    )
