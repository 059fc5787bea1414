"""A run's figures and outcomes → one self-contained page with plots. Pure.

The plots are drawn by matplotlib as SVG that stands in the page itself. Their text stays text, and
what matplotlib draws in `_INK` takes the page's own colour, so that it can be read in the dark.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from seminar_rag.evaluation.report import (
    CUTS,
    Earlier,
    Figure,
    Outcome,
    Report,
    change_of,
    changed,
    interval_of,
    number_of,
)

_INK = "#010203"
_BAR, _THEN = "#4a7fb5", "#d9822b"
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;
color:#1f2328;background:#fff;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin-bottom:.3rem}h2{font-size:1.1rem;margin-top:2rem}
.about{color:#59636e;margin:0 0 1.2rem}
table{border-collapse:collapse}td,th{padding:.15rem .6rem;text-align:left;
border-bottom:1px solid #d8dee4}td,th{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
details{margin:.3rem 0;border-bottom:1px solid #d8dee4;padding-bottom:.3rem}
summary{cursor:pointer}pre,blockquote{white-space:pre-wrap;font:inherit;
background:#f6f8fa;padding:.6rem;margin:.3rem 0}.good{color:#1a7f37}.bad{color:#b42318}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1rem}
figure{margin:0}svg{width:100%;height:auto;display:block}
svg text{font-family:system-ui,sans-serif!important}
.tables{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:0 2rem}
.wide{overflow-x:auto}small{color:#59636e}ol,ul{padding-left:1.4rem}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
pre,blockquote{background:#161b22}td,th,details{border-color:#30363d}.good{color:#3fb950}
.bad{color:#ff7b72}small,.about{color:#9198a1}}
"""
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
    report: Report,
    earlier: Earlier | None = None,
    about: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Plots, all figures, and every question with what came of it.

    Args:
        about: what was measured, in words.
    """
    tables = "".join(
        f"<section><h2>{html.escape(group)}</h2><div class=wide>"
        f"{_table(figures, earlier.figures.get(group, {}) if earlier else {})}</div>"
        f"<p><small>{_MEANING[group]}</small></section>"
        for group, figures in report.figures.items()
    )
    ordered = sorted(report.outcomes, key=lambda one: one.good)
    good = sum(one.good for one in report.outcomes)
    told = " · ".join(f"{html.escape(k)}: {html.escape(v)}" for k, v in about.items())
    plots = "".join(f"<figure>{one}</figure>" for one in _plots(report, earlier))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Evaluation</title>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<style>{_STYLE}</style><h1>Evaluation over {len(report.outcomes)} questions</h1>"
        f"<p class=about>{told}</p><div class=plots>{plots}</div>"
        f"<div class=tables>{tables}</div>"
        f"<h2>By type of question</h2>{_types(report.by_type)}"
        f"{_compared(report, earlier)}"
        f"<h2>Questions ({good} of {len(report.outcomes)} as wished, the others first)</h2>"
        f"{''.join(map(_question, ordered))}</html>\n"
    )


def _compared(report: Report, earlier: Earlier | None) -> str:
    if earlier is None:
        return ""
    better, worse, unknown = changed(report, earlier)
    texts = {one.id: one.text for one in report.outcomes}
    lists = "".join(
        f"<p>{what}: {len(ids) or 'none'}<ul>"
        + "".join(
            f"<li>{html.escape(texts[id_])} <small>({html.escape(id_)})</small>" for id_ in ids
        )
        + "</ul>"
        for what, ids in (("As wished now, not then", better), ("As wished then, not now", worse))
    )
    only = f"<p>{unknown} questions were not asked in both runs." if unknown else ""
    return (
        "<h2>Against the earlier run</h2><p><small>In the tables, * marks a value that leaves the"
        f" earlier 95% interval; in the plots, ◆ is the earlier value.</small>{lists}{only}"
    )


def _table(figures: Mapping[str, Figure], before: Mapping[str, Figure]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}<td class=n>{number_of(figure)}<td>{interval_of(figure)}"
        + (f"<td class=n>{change_of(figure, before[name])}" if name in before else "")
        + "</tr>"
        for name, figure in figures.items()
    )
    change = "<th class=n>change" if before else ""
    return f"<table><tr><th>figure<th class=n>value<th>95% interval{change}</tr>{rows}</table>"


def _types(by_type: Mapping[str, Mapping[str, Figure]]) -> str:
    names = list(next(iter(by_type.values()), {}))
    head = "".join(f"<th class=n>{html.escape(name)}" for name in names)
    rows = "".join(
        f"<tr><td>{html.escape(group)}<td class=n>{max(f.n for f in figures.values())}"
        + "".join(
            f"<td class=n title='{html.escape(interval_of(figures[name]))}'>"
            f"{number_of(figures[name])}"
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
    return (
        f"<details><summary><span class={mark}>{word}</span> {html.escape(one.text)}"
        f" <small>({html.escape(one.id)}, {html.escape(kind)}{where})</small></summary>"
        f"{_wanted(one)}{_answered(one)}{_found(one)}</details>"
    )


def _wanted(one: Outcome) -> str:
    searched = "" if one.query == one.text else f"<p>Searched: {html.escape(one.query)}"
    if one.unanswerable:
        return f"{searched}<p>Wanted: a refusal."
    quotes = "".join(
        f"<blockquote>{html.escape(quote)} <small>({html.escape(doc)})</small></blockquote>"
        for doc, quote in one.wanted
    )
    return f"{searched}<p>Wanted:{quotes}"


def _answered(one: Outcome) -> str:
    answer = one.answer
    cited = "".join(
        f"<li>[{c.number}] {html.escape(c.document.title)}: {html.escape(c.quote)}"
        for c in answer.citations
    )
    doubted = "".join(
        f"<li>{html.escape(v.verdict.label)}: {html.escape(answer.text[v.start : v.end])}"
        f" <small>{html.escape(v.verdict.reason)}</small>"
        for v in answer.verdicts
        if v.verdict.label not in ("supported", "uncheckable")
    )
    told = "".join(
        f"<p>{html.escape(text)}"
        for text in (
            f"Refused: {answer.reason}." if answer.reason else "",
            *answer.warnings,
            f"Checked: {answer.checked}." if answer.checked else "",
        )
        if text
    )
    return f"<p>Answer:<pre>{html.escape(answer.text)}</pre>{told}<ul>{doubted}{cited}</ul>"


def _found(one: Outcome) -> str:
    last = max(5, (one.rank or 0))
    rows = []
    for hit, held in zip(one.hits[:last], one.held[:last], strict=True):
        place = " › ".join(filter(None, (hit.document.title, hit.passage.heading)))
        rows.append(f"<li>{'<b class=good>✓</b> ' if held else ''}{html.escape(place)}")
    return f"<p>Found <small>(✓ holds evidence)</small>:<ol>{''.join(rows)}</ol>"


# Plots


def _plots(report: Report, earlier: Earlier | None) -> list[str]:
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
) -> str:
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


def _line(title: str, points: Sequence[tuple[float, float]]) -> str:
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


def _svg(figure: Any, title: str) -> str:
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
    return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)
