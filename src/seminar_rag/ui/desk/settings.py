"""The settings at the desk: what each is called there, what it costs, and which are only shown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol


class Shown(Protocol):
    """A setting as it holds now; a secret is "set" or empty."""

    @property
    def section(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str | int | bool: ...
    @property
    def live(self) -> bool: ...
    @property
    def limits(self) -> tuple[int, int] | None: ...


WORDS: dict[tuple[str, str], tuple[str, str]] = {
    ("course", "name"): (
        "Name of the course",
        "Shown on pages that are opened from now on. Empty takes the course page’s title.",
    ),
    ("answer", "passages"): (
        "Passages an answer may draw on",
        "More find more. A language model reads every one before it writes, so the wait for an"
        " answer grows with them; quotations hardly notice.",
    ),
    ("llm", "enabled"): (
        "Let the language model write",
        "Off, answers are quotations at once. On, a local model is loaded with the next question:"
        " some seconds, and its size in memory. Without a model nothing changes.",
    ),
    ("llm", "max_tokens"): (
        "Longest answer, in tokens",
        "The time for an answer grows with its length; too few cut it off.",
    ),
    ("journal", "enabled"): (
        "Record what students ask",
        "Students then see a box and decide each for themselves. Kept are the question, the answer,"
        " what it cites and the day; never who. Feedback is kept in any case.",
    ),
    ("journal", "days"): (
        "Days that entries are kept",
        "Fewer take effect at once: what is older is removed for good.",
    ),
}
"""Section and key → (label, what it does and costs), in the order shown."""


def live(settings: Sequence[Shown]) -> tuple[Shown, ...]:
    """Those that can be changed here, in the order of `WORDS`."""
    by_key = {(one.section, one.key): one for one in settings if one.live}
    return tuple(by_key[key] for key in WORDS if key in by_key)


def others(settings: Sequence[Shown]) -> str:
    """The rest as a table, with where to change it."""
    rows = "".join(
        f"<tr><th scope=row><code>[{escape(one.section)}] {escape(one.key)}</code></th>"
        f"<td>{escape(_told(one.value))}</td></tr>"
        for one in settings
        if not one.live or (one.section, one.key) not in WORDS
    )
    return (
        '<section><h2>From the start</h2><p class="meta">These hold from the start of the server.'
        " Change them in <code>seminar.toml</code> or in the environment and start"
        " <code>seminar-rag serve</code> again; <code>seminar-rag passwd</code> sets the password."
        f'</p><table class="settings"><tbody>{rows}</tbody></table></section>'
    )


def _told(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "–"
