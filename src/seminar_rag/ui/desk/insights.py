"""What students ask, drawn: figures, plots and lists as HTML and SVG. Pure, all text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from seminar_rag.types.journal import Asked, Cited, Day, Feedback, Group, Insights, Use

SHOWN = 12
"""Entries of a list that are shown; the tables to download have all."""
VERDICTS = (
    ("supported", "supported"),
    ("partly", "partly supported"),
    ("unsupported", "not supported"),
    ("contradicted", "contradicted"),
)
OFF = (
    "Questions are not recorded. Switch it on under Settings: students then decide each for"
    " themselves, and what is kept is the question, the answer, what it cites and the day; never"
    " who asked."
)
EXPORTS = (
    ("questions.csv", "Questions"),
    ("feedback.csv", "Feedback"),
    ("readings.csv", "Use of the readings"),
)


def insights(found: Insights, *, enabled: bool, days: int) -> str:
    """The whole view."""
    kept = f'<p class="meta">Entries are kept for {days} days, without who and when exactly.</p>'
    parts = [kept if enabled else f'<p class="meta">{OFF}</p>']
    if found.asked:
        parts += [_figures(found), _section("Questions a day", _days(found.days))]
        parts.append(_section("The readings don’t say", _groups(found.unanswered)))
        parts.append(_readings(found.used))
        parts.append(_section("Sentences that failed the check", _doubtful(found.doubtful)))
    if found.flagged or found.good:
        parts.append(_section("Feedback", _feedback(found)))
    if not found.asked and not found.flagged and not found.good:
        parts.append('<p class="fine">Nothing has been asked or said yet.</p>')
    else:
        parts.append(_exports())
    return f'<div class="insights">{"".join(parts)}</div>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _figures(found: Insights) -> str:
    share = 100 * (found.asked - found.abstained) / found.asked
    judged = sum(found.verdicts.get(label, 0) for label, _ in VERDICTS)
    rows = [
        (f"{found.asked:,}", "questions"),
        (f"{share:.0f}%", "answered"),
    ]
    if judged:
        supported = 100 * found.verdicts.get("supported", 0) / judged
        rows.append((f"{supported:.0f}%", f"of {judged:,} sentences supported"))
    if found.good or found.flagged:
        rows.append((f"{found.good} / {len(found.flagged)}", "thumbs up / down"))
    cells = "".join(f"<li><b>{figure}</b> {escape(of)}</li>" for figure, of in rows)
    return f'<ul class="figures">{cells}</ul>'


def _days(days: Sequence[Day]) -> str:
    """Bars by day, answered below and unanswered on top; weeks where there are many days."""
    bars = _gathered(days)
    most = max(answered + abstained for _, answered, abstained in bars)
    width, height, step = 640, 120, 640 / max(len(bars), 14)
    drawn = []
    for index, (label, answered, abstained) in enumerate(bars):
        x, wide = index * step + 1, max(2.0, min(step - 2, 40))
        high, low = height * answered / most, height * abstained / most
        told = f"{label}: {answered} answered, {abstained} not"
        drawn.append(
            f"<g><title>{escape(told)}</title>"
            f'<rect class="yes" x="{x:.1f}" y="{height - high:.1f}" width="{wide:.1f}"'
            f' height="{high:.1f}"/>'
            f'<rect class="no" x="{x:.1f}" y="{height - high - low:.1f}" width="{wide:.1f}"'
            f' height="{low:.1f}"/></g>'
        )
    told = f"{sum(day.answered for day in days)} answered, "
    told += f"{sum(day.abstained for day in days)} not, in {len(days)} days"
    plot = (
        f'<svg class="plot" viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
        f' role="img" aria-label="{told}">{"".join(drawn)}'
        f'<line x1="0" x2="{width}" y1="{height}" y2="{height}"/></svg>'
    )
    ends = f"<span>{escape(bars[0][0])}</span>"
    if len(bars) > 1:
        ends += f"<span>{escape(bars[-1][0])}</span>"
    legend = (
        '<p class="legend meta"><i class="yes"></i> answered <i class="no"></i> the readings don’t'
        f" say · at most {most} a bar</p>"
    )
    return f'<figure>{plot}<p class="ends meta">{ends}</p>{legend}</figure>'


def _gathered(days: Sequence[Day]) -> list[tuple[str, int, int]]:
    size = 1 if len(days) <= 60 else 7
    out = []
    for start in range(0, len(days), size):
        some = days[start : start + size]
        label = f"{_day(some[0].day)}" if size == 1 else f"week of {_day(some[0].day)}"
        answered = sum(day.answered for day in some)
        out.append((label, answered, sum(day.abstained for day in some)))
    return out


def _groups(found: Sequence[Group]) -> str:
    if not found:
        return '<p class="fine">Every question found something.</p>'
    rows = []
    for group in found[:SHOWN]:
        first, *others = group.questions
        also = "".join(f"<li>{escape(text)}{_times(count)}</li>" for text, count in others[:SHOWN])
        more = (
            f"<details><summary>{len(others)} more like it</summary><ul>{also}</ul></details>"
            if others
            else ""
        )
        rows.append(
            f'<li class="card"><p class="title">{escape(first[0])}</p><p class="meta">asked'
            f" {group.count} {'time' if group.count == 1 else 'times'}, last on"
            f" {_day(group.last)}</p>{more}</li>"
        )
    lead = (
        '<p class="meta">Questions about the same matter are together. They may be gaps of the'
        " reading list, or lie beyond the course.</p>"
    )
    return f'{lead}<ul class="cards">{"".join(rows)}</ul>{_rest(len(found))}'


def _readings(used: Sequence[Use]) -> str:
    """The readings most and least used, as bars."""
    most = [use for use in used if use.answers][:SHOWN]
    unused = [use for use in used if not use.answers]
    top = max((use.answers for use in most), default=1)
    bars = "".join(
        f'<li><span class="title">{escape(use.title)}</span>'
        f' <span class="meta">{use.answers}</span>'
        f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="yes" width="{100 * use.answers / top:.1f}" height="4"/></svg></li>'
        for use in most
    )
    never = "".join(f"<li>{escape(use.title)}{_where(use.sessions)}</li>" for use in unused)
    fold = (
        '<details class="fold" data-key="unused"><summary>Never cited:'
        f" {len(unused)} of {len(used)}"
        f'</summary><ul class="plain-list">{never}</ul></details>'
        if unused
        else '<p class="fine">Every reading was cited.</p>'
    )
    body = f'<ol class="bars">{bars}</ol>' if most else ""
    return _section("Readings behind the answers", body + fold)


def _doubtful(found: Sequence[Asked]) -> str:
    """Each question once with the same failed sentences, the newest answer speaking for all."""
    if not found:
        return '<p class="fine">No sentence failed.</p>'
    same: dict[tuple[str, ...], list[Asked]] = {}
    for one in found:
        failed = (flaw.sentence for flaw in one.flaws if flaw.label != "partly")
        same.setdefault((one.question.casefold(), *failed), []).append(one)
    rows = []
    for one, *others in list(same.values())[:SHOWN]:
        flaws = "".join(
            f"<li><blockquote>{escape(flaw.sentence)}</blockquote>"
            f'<p class="meta"><b>{escape(dict(VERDICTS).get(flaw.label, flaw.label))}</b>'
            f" · {escape(flaw.reason)}</p></li>"
            for flaw in one.flaws
            if flaw.label != "partly"
        )
        often = f"{len(others) + 1} times, last on " if others else ""
        rows.append(
            f'<li class="card"><p class="title">{escape(one.question)}</p>'
            f'<p class="meta">{often}{_day(one.day)} · {escape(one.answerer)}</p>'
            f'<ul class="flaws">{flaws}</ul>{_cited(one.cited)}</li>'
        )
    return f'<ul class="cards">{"".join(rows)}</ul>{_rest(len(same))}'


def _feedback(found: Insights) -> str:
    reasons = " · ".join(
        f"{escape(reason)} {count}"
        for reason, count in sorted(found.reasons.items(), key=lambda pair: -pair[1])
    )
    lead = f'<p class="meta">{found.good} up, {len(found.flagged)} down'
    lead += f" · {reasons}</p>" if reasons else "</p>"
    rows = "".join(map(_flagged, found.flagged[:SHOWN]))
    body = f'<ul class="cards">{rows}</ul>' if rows else ""
    return f"{lead}{body}{_rest(len(found.flagged))}"


def _flagged(one: Feedback) -> str:
    comment = f"<blockquote>{escape(one.comment)}</blockquote>" if one.comment else ""
    return (
        f'<li class="card"><p class="title">{escape(one.question)}</p>'
        f'<p class="meta">{_day(one.day)} · <b>{escape(one.reason or "no reason")}</b></p>{comment}'
        f"<details><summary>The answer</summary><p class=said>{escape(one.answer)}</p></details>"
        f"{_cited(one.cited)}</li>"
    )


def _cited(cited: Sequence[Cited]) -> str:
    if not cited:
        return ""
    rows = "".join(
        f"<li>[{one.number}] {escape(one.title)}{f', p. {one.page}' if one.page else ''}"
        f"<blockquote>{escape(one.quote)}</blockquote></li>"
        for one in cited
    )
    return f"<details><summary>What it cites</summary><ul class=plain-list>{rows}</ul></details>"


def _exports() -> str:
    links = " ".join(
        f'<a href="/desk/export/{name}" download>{label}</a>' for name, label in EXPORTS
    )
    return f'<p class="exports">Tables to download (CSV): {links}</p>'


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _rest(count: int) -> str:
    return (
        f'<p class="meta">and {count - SHOWN} more, in the table below</p>' if count > SHOWN else ""
    )


def _times(count: int) -> str:
    return f' <span class="meta">{count} times</span>' if count > 1 else ""


def _where(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers))
    return f' <span class="meta">session {told}</span>' if told else ""
