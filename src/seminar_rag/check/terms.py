"""Splits a text into its terms: words, names, and numbers with their units. Pure.

"13B parameters" and "13 billion parameters" meet, "GPT-3" never meets "GPT-4", and "LSTM" meets
the long form that a text spells out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from seminar_rag.text import CARDINALS, FUNCTION_WORDS, MAGNITUDES, MONTHS, stem

_MONTH = {name[:3]: name for name in MONTHS} | {name: name for name in MONTHS}
_MONTH |= {"sept": "september"}
_COUNT: dict[str, float] = {**CARDINALS, **MAGNITUDES, "half": 0.5, "dozen": 12}
_COUNT |= {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
del _COUNT["one"]  # a pronoun more often than a number
_TIMES: dict[str, float] = dict.fromkeys(("twice", "double", "doubles", "doubled", "twofold"), 2)
_TIMES |= dict.fromkeys(("triple", "triples", "tripled", "threefold"), 3) | {"tenfold": 10}
_PARTS = {"third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_SCALE = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
    "billion": 1e9, "t": 1e12, "trillion": 1e12, "hundred": 1e2,
}  # fmt: skip
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"""(?P<name>\b[A-Z]\.(?:[A-Z]\.?)+|\b(?=[\w.-]{{0,30}}[A-Za-z][-.]?\d)[A-Za-z][\w-]*(?:\.\d[\w-]*)*)
    | (?P<number>(?:{_NUMBER})) (?P<suffix>(?:[\s-]?(?:%|per\s?cent\b|thousand\b|million\b
        |billion\b|trillion\b|bn\b|mn\b)|[kKMBT]\b|(?:st|nd|rd|th|s|x)\b|×)?)
    | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)""",
    re.VERBOSE,
)

Kind = Literal["word", "name", "number"]


@dataclass(frozen=True, slots=True)
class Term:
    """A content word, name or number: `text[start:end]`."""

    text: str
    key: str
    """What it is compared by: the stem, the name without hyphens, or the value."""
    kind: Kind
    start: int
    end: int
    value: float = 0.0
    """Numbers: the value, scale words multiplied in; percents as they are read."""
    precision: float = 0.0
    """Numbers: half of the last digit given, what rounding may hide; "about" hides more."""
    unit: str = ""
    """Numbers: "%", "x" (times), "" or the stem of the word behind."""
    spelled: bool = False
    """Numbers written as words ("two", "half")."""
    bound: int = 0
    """Numbers: 1 for "at least", -1 for "at most", 0 for the number itself."""


@lru_cache(maxsize=8192)
def terms(text: str) -> tuple[Term, ...]:
    """The content terms of `text`, in order, repeats kept."""
    out: list[Term] = []
    for match in _TOKEN.finditer(text):
        if match["number"]:
            out.append(_number(match, text))
        elif match["name"]:
            key = re.sub(r"[-.]", "", match[0].lower())
            out.append(Term(match[0], key, "name", match.start(), match.end()))
        else:
            term = _word(match, text)
            if term is not None:
                out.append(term)
    return tuple(out)


def _word(match: re.Match[str], text: str) -> Term | None:
    word = re.sub(r"['’]s?$", "", match[0])
    lower = word.lower()
    if lower in FUNCTION_WORDS or (len(lower) == 1 and not word.isupper()):
        return None
    start, end = match.start(), match.start() + len(word)
    spelled = _spelled(text, start, end, lower)
    if spelled is not None:
        return spelled
    if lower in _MONTH and word[0].isupper():
        return Term(word, _MONTH[lower], "word", start, end)
    inner = any(char.isupper() for char in word[1:])
    opens = not re.search(r"[\w,;)]\s*[\"'“‘(]*$", text[max(0, start - 6) : start])
    name = inner or (word[0].isupper() and not opens)
    return Term(word, stem(lower), "name" if name else "word", start, end)


# Numbers

MEASURES = frozenset(
    """bit byte kb mb gb tb kib mib gib tib second millisecond ms minut hour day week month year
    decad dollar euro watt kwh degre metr meter kilometr kilomet mile gram kilogram % x""".split()
)
"""Units that are never mistaken for one another; other words behind a number may be anything."""
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|some|approximately|nearly|almost)|~|≈)\s*$", re.IGNORECASE
)
_MORE, _LESS = "(?:more|greater|higher|longer) than", "(?:less|fewer|lower|shorter) than"
_LEAST = re.compile(
    rf"\b(?:at least|not? {_LESS}|(?<!no )(?<!not ){_MORE}|over|above|minimum of)\s*$",
    re.IGNORECASE,
)
_MOST = re.compile(
    rf"\b(?:at most|not? {_MORE}|(?<!no )(?<!not ){_LESS}|up to|under|below|maximum of)\s*$",
    re.IGNORECASE,
)
_ONWARD = re.compile(
    r"\s*(?:-|–|—|to|and|or)\s*(?:\d[\d.,]*)\s*(?P<suffix>%|per\s?cent\b|thousand\b"
    r"|million\b|billion\b|trillion\b|[kMBT]\b)"
)


def _number(match: re.Match[str], text: str) -> Term:
    digits = match["number"].replace(",", "")
    suffix = match["suffix"].strip().strip("-").lower()
    start, end = match.span()
    onward = _ONWARD.match(text, end) if not suffix else None
    if onward:  # "61 and 63%", "5 to 500 billion": the suffix holds for both
        suffix = onward["suffix"].lower()
    scale = _SCALE.get(suffix, 1.0)
    decimals = len(digits.split(".")[1]) if "." in digits else 0
    value = float(digits) * scale
    years = re.search(r"\b((?:19|20)\d)\d[–/-]$", text[max(0, start - 5) : start])
    if years and len(digits) == 2:  # "2018–19"
        value = float(years[1][:2] + digits)
    if re.fullmatch(r"%|per\s?cent", suffix):
        unit = "%"
    else:
        unit = "x" if suffix in ("x", "×") or _factor(text, start) else _unit(text, end)
    last = -decimals
    if _ABOUT.search(text[max(0, start - 16) : start]) and not decimals:
        last = len(digits) - len(digits.rstrip("0"))
    return Term(
        match[0], f"#{value:g}{'%' if unit == '%' else ''}", "number", start, end, value,
        0.5 * 10.0**last * scale, unit, bound=_bound(text, start),
    )  # fmt: skip


def _spelled(text: str, start: int, end: int, lower: str) -> Term | None:
    """A number written as a word; "a third of" and "two thirds" are shares, "a third one" is not.

    None where the word is no number.
    """
    unit, precision = "", 0.0
    share = _share(text, start, end, lower)
    if share:
        value, precision = share, 0.005
    elif lower in _TIMES:
        value, unit = _TIMES[lower], "x"
    elif lower in _COUNT:
        value, unit = _COUNT[lower], _unit(text, end)
    else:
        return None
    return Term(
        text[start:end], f"#{value:g}", "number", start, end, value, precision, unit, True,
        _bound(text, start),
    )  # fmt: skip


def _share(text: str, start: int, end: int, lower: str) -> float | None:
    part = _PARTS.get(lower.removesuffix("s"))
    before = re.search(r"\b(a|one|two|three|four)[\s-]+$", text[max(0, start - 8) : start])
    if part is None or before is None:
        return None
    if not lower.endswith("s") and not re.match(r"\s+(?:of|as)\b|\s*(?:[.,;:)]|$)", text[end:]):
        return None
    return _COUNT.get(before[1], 1.0) / part


def _factor(text: str, start: int) -> bool:
    return bool(re.search(r"\bfactors? of\s+(?:(?:about|around|roughly|some)\s+)?$",
                          text[max(0, start - 24) : start]))  # fmt: skip


def _bound(text: str, start: int) -> int:
    before = text[max(0, start - 20) : start]
    return 1 if _LEAST.search(before) else -1 if _MOST.search(before) else 0


def _unit(text: str, end: int) -> str:
    behind = re.match(r"[\s-]*([^\W\d_]+)", text[end : end + 30])
    if behind is None or behind[1].lower() in FUNCTION_WORDS:
        return ""
    return "x" if behind[1].lower() in ("times", "fold") else stem(behind[1].lower())


def same_number(claim: Term, evidence: Term) -> bool:
    """Whether the evidence's number, rounded as the claim's is, is the claim's.

    A share and its percentage are the same number ("half", "50%"); a number in one unit of
    measurement is never one in another.
    """
    if (claim.unit == "%") != (evidence.unit == "%"):
        share, percent = (claim, evidence) if evidence.unit == "%" else (evidence, claim)
        if share.value <= 1 and abs(share.value - percent.value / 100) <= share.precision + 1e-9:
            return True
        return share.unit == "" and share.value == percent.value  # a table's column of percents
    if claim.unit != evidence.unit:
        if {claim.unit, evidence.unit} <= MEASURES:
            return False
        if claim.spelled and evidence.spelled and "x" in (claim.unit, evidence.unit):
            return False  # "doubles" is not "two"
    return abs(claim.value - evidence.value) <= max(claim.precision, 1e-9)


# Acronyms

_DEFINITION = re.compile(r"\(([A-Z][\w-]{1,9}?)s?\)")


def acronyms(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Acronyms that the texts define, "long short-term memory (LSTM)": key → keys of the words.

    Initials must match in order (Schwartz & Hearst 2003, without its letter-by-letter search).
    """
    found: dict[str, frozenset[str]] = {}
    for text in texts:
        for match in _DEFINITION.finditer(text):
            letters = re.sub(r"[^A-Z]", "", match[1]).lower()
            words = re.findall(r"[^\W\d_]+", text[max(0, match.start() - 100) : match.start()])
            for count in range(len(letters), min(len(words), len(letters) + 2) + 1):
                tail = words[len(words) - count :]
                initials = [word[0].lower() for word in tail if word.lower() not in FUNCTION_WORDS]
                if len(letters) > 1 and initials == list(letters):
                    key = stem(match[1].lower())
                    found[key] = frozenset(term.key for term in terms(" ".join(tail)))
    return found


def keys(text: str, aliases: dict[str, frozenset[str]]) -> set[str]:
    """The keys that `text` covers: its own, and those its acronyms stand for, both ways."""
    found = {term.key for term in terms(text)}
    for short, long in aliases.items():
        if short in found:
            found |= long
        elif long <= found:
            found.add(short)
    return found
