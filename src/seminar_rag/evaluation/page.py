"""A run's figures and outcomes → one self-contained page with plots. Pure.

The plots are drawn by matplotlib as SVG that stands in the page itself. Their text stays text, and
what matplotlib draws in `_INK` takes the page's own colour, so that it can be read in the dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape

from seminar_rag.evaluation.report import CUTS, Earlier, Figure, QualityReport, changed
from seminar_rag.html import Template

_TEMPLATE = Template("evaluation/page.html")
_INK = "#010203"
_BAR, _THEN = "#4a7fb5", "#d9822b"
_MEANING = {
    "retrieval": "R@k: all of the evidence is within the first k passages. recall@1500tok: it is"
    " within the first 1,500 tokens of them. MRR goes by the first passage with any of it.",
    "answer": "evidence: the sentences that the answer cites hold all of the evidence. citation"
    " recall: a sentence is supported by what it cites; precision: a citation is needed for that."
    " tokens: how long an answer is.",
    "abstention": "The share refused of unanswerable questions, by kind, and of the answerable"
    " ones (false_refusals).",
    "latency_ms": "Milliseconds to the passages, to the answer's first text, and to its end; half"
    " (p50) and 95% (p95) of the questions took no longer.",
}


def render_page(
    report: QualityReport,
    earlier: Earlier | None = None,
    about: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Plots, all figures, and every question with what came of it."""
    better, worse, unknown = changed(report, earlier) if earlier else ([], [], 0)
    plots = _plots(report, earlier)
    return _TEMPLATE.page(report, about, plots, earlier, better, worse, unknown, _MEANING) + "\n"


# Plots


def _plots(report: QualityReport, earlier: Earlier | None) -> list[Markup]:
    then = earlier.figures if earlier else {}
    by_type = earlier.by_type if earlier else {}

    def typed(name: str, groups: Mapping[str, Mapping[str, Figure]]) -> dict[str, Figure]:
        return {group: figures[name] for group, figures in groups.items() if name in figures}

    recall = {name: report.figures["retrieval"][name] for name in (f"R@{cut}" for cut in CUTS)}
    latency = report.figures["latency_ms"]
    plots = [
        _bars("Evidence within the first k passages", recall, then.get("retrieval", {})),
        _bars("R@5 by type of question", typed("R@5", report.by_type), typed("R@5", by_type)),
        _bars(
            "Evidence in the answer, by type",
            typed("evidence", report.by_type),
            typed("evidence", by_type),
        ),
        _bars("Refused", report.figures["abstention"], then.get("abstention", {})),
        _bars("Milliseconds", latency, then.get("latency_ms", {}), share=False),
    ]
    return [*plots, _line("Risk and coverage", report.curve)] if report.curve else plots


def _bars(
    title: str, now: Mapping[str, Figure], then: Mapping[str, Figure], share: bool = True
) -> Markup:
    """Horizontal bars with their intervals, the earlier values as diamonds."""
    shown = {name: figure for name, figure in now.items() if figure.n}
    names = list(shown)
    figure, axes = _canvas(title, 0.9 + 0.32 * max(1, len(names)))
    values = [one.value for one in shown.values()]
    around = [[one.value - one.low for one in shown.values()],
              [one.high - one.value for one in shown.values()]]  # fmt: skip
    axes.barh(names, values, height=0.62, color=_BAR)
    axes.errorbar(values, names, xerr=around, fmt="none", ecolor=_INK, elinewidth=1.2, capsize=3)
    old = [name for name in names if name in then and then[name].n]
    axes.plot([then[name].value for name in old], old, "D", color=_THEN, markersize=6)
    far = [*(one.high for one in shown.values()), *(then[name].value for name in old), 1e-9]
    top = 1.0 if share else max(far)
    for name, value in zip(names, values, strict=True):
        text = f"{value:.2f}" if share else f"{value:.0f}"
        axes.text(1.04 * top, name, text, va="center", color=_INK, fontsize=10)
    axes.set_xlim(0, 1.02 * top)
    axes.invert_yaxis()
    axes.grid(axis="x", color=_INK, alpha=0.15)
    axes.set_axisbelow(True)
    return _svg(figure, title)


def _line(title: str, points: Sequence[tuple[float, float]]) -> Markup:
    """Risk over coverage."""
    figure, axes = _canvas(title, 2.6)
    axes.plot([x for x, _ in points], [y for _, y in points], color=_BAR, linewidth=2)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("share of the questions answered, the most certain first", color=_INK)
    axes.set_ylabel("of these without evidence", color=_INK)
    axes.grid(color=_INK, alpha=0.15)
    return _svg(figure, title)


def _canvas(title: str, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as Canvas

    figure = Canvas(figsize=(5.4, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    axes.tick_params(colors=_INK, labelsize=10)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_INK)
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    return figure, axes


def _svg(figure: Any, title: str) -> Markup:
    """The drawing as an element of the page, the same every time."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(
            out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Type", "Format"))
        )
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(_INK, "currentColor")
    drawn = re.sub('<g id="[^"]*"', "<g", drawn)  # each plot has them again
    labelled = drawn.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
    return Markup(labelled)  # noqa: S704 - matplotlib escapes the texts of a drawing
