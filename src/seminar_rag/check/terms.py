"""Splits a text into its terms: words, names, and numbers with their units. Pure.

"13B parameters" and "13 billion parameters" meet, "GPT-3" never meets "GPT-4".
"""

from __future__ import annotations

import re
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
_NUMBER = r"(?:\d+(?:,\d{3})+|\d+)(?P<point>\.\d+)?|\.\d+"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–", "0123456789---")
_EXPONENT = r"\^\s?[{(]?\s?[-−–]?\d{1,3}(?:\s?[)}])?|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}"
_POWER = (
    rf"(?P<own>{_EXPONENT})|\s?(?:×|x|\*|·|\\times|\\cdot)\s?10\s?"
    rf"(?P<tens>{_EXPONENT}|(?(point)[1-9]\d?\b|(?!)))|[eE](?P<e>[+-]?\d{{1,2}})(?!\w)"
)
"""A power behind a number: "^{19}", "× 10¹⁹", "\times 10^{19}", "e19". PDFs lose the raised type,
so that behind a decimal fraction "× 1019" is a power too."""
_SHARE = (
    r"(?i:(?P<count>a|one|two|three|four)[\s-]+(?P<part>third|quarter|fifth|tenth)"
    r"(?:s\b|(?=\s+(?:of|as)\b|\s*(?:[.,;:)]|$))))"
)
"""A share: "two thirds", "a third of"; "a third one" is none."""
_TOKEN = re.compile(
    rf"""(?P<name>\b[A-Z]\.(?:[A-Z]\.?)+|\b(?=[\w.-]{{0,30}}[A-Za-z][-.]?\d)[A-Za-z][\w-]*(?:\.\d[\w-]*)*)
    | (?P<number>(?:{_NUMBER})) (?:{_POWER})?
      (?P<suffix>(?:[\s-]?(?:%|per\s?cent\b|thousand\b|million\b
        |billion\b|trillion\b|bn\b|mn\b)|[kKMBT]\b|(?:st|nd|rd|th|s|x)\b|×)?)
    | \b(?P<share>{_SHARE})
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
        elif match["share"]:
            share = _COUNT.get(match["count"].lower(), 1.0) / _PARTS[match["part"].lower()]
            out.append(_spelled(text, *match.span(), share, precision=0.005))
        elif term := _word(match, text):
            out.append(term)
    return tuple(out)


_WITHIN = re.compile(r"[\w,;)]\s*+[\"'“‘(]*+$")
"""What stands before a capital that opens no sentence."""


def _word(match: re.Match[str], text: str) -> Term | None:
    word = match[0][:-2] if match[0].endswith(("'s", "’s")) else match[0]
    lower = word.lower()
    if lower in FUNCTION_WORDS or (len(lower) == 1 and not word.isupper()):
        return None
    start, end = match.start(), match.start() + len(word)
    if lower in _TIMES:
        return _spelled(text, start, end, _TIMES[lower], "x")
    if lower in _COUNT:
        return _spelled(text, start, end, _COUNT[lower], _unit(text, end))
    if lower in _MONTH and word[0].isupper():
        return Term(word, _MONTH[lower], "word", start, end)
    inner = not word[1:].islower() and any(map(str.isupper, word[1:]))
    name = inner or (word[0].isupper() and bool(_WITHIN.search(text, max(0, start - 6), start)))
    return Term(word, stem(lower), "name" if name else "word", start, end)


# Numbers

MEASURES = frozenset(
    """bit byte kb mb gb tb kib mib gib tib second millisecond ms minut hour day week month year
    decad dollar euro watt kwh degre metr meter kilometr kilomet mile gram kilogram % x""".split()
)
"""Units that are never mistaken for one another; other words behind a number may be anything."""
_BASE = {
    **{"millisecond": ("time", 1e-3), "ms": ("time", 1e-3), "second": ("time", 1.0)},
    **{"minut": ("time", 60.0), "hour": ("time", 3600.0), "day": ("time", 86400.0)},
    **{"week": ("time", 604800.0), "month": ("months", 1.0), "year": ("months", 12.0)},
    **{"decad": ("months", 120.0), "kb": ("bytes", 1e3), "mb": ("bytes", 1e6)},
    **{"gb": ("bytes", 1e9), "tb": ("bytes", 1e12), "gram": ("mass", 1.0)},
    **{"kilogram": ("mass", 1e3), "metr": ("length", 1.0), "meter": ("length", 1.0)},
    **{"kilomet": ("length", 1e3), "km": ("length", 1e3), "m": ("length", 1.0)},
}
"""Units as multiples of one that they can be converted to."""
_FAR = 1.5
""" "Over 600" is said of 650, not of 6,000."""
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|some|approximately|nearly|almost)|~|≈)\s*$", re.IGNORECASE
)
"""Stands before a number whose last zeros were not counted."""
_ROUNDED = 0.1
"""Of such a number, how much may be rounded at most: "nearly 100%" is not said of 60%."""
_FROM_YEAR = re.compile(r"\b((?:19|20)\d)(\d)[–/-]$")
"""Stands before the end of a span of years, "2018–19"."""
_MORE, _LESS = "(?:more|greater|higher|longer) than", "(?:less|fewer|lower|shorter) than"
_LEAST = re.compile(
    rf"\b(?:at least|not? {_LESS}|(?<!no )(?<!not ){_MORE}|over|above|minimum of)\s*$",
    re.IGNORECASE,
)
_MOST = re.compile(
    rf"\b(?:at most|not? {_MORE}|(?<!no )(?<!not ){_LESS}|up to|under|below|maximum of)\s*$",
    re.IGNORECASE,
)
_OR_MORE = re.compile(r"\+(?!\d)|\s+or\s+(?:more|greater|higher|above)\b", re.IGNORECASE)
_OR_LESS = re.compile(r"\s+or\s+(?:less|fewer|lower|below)\b", re.IGNORECASE)
_ONWARD = re.compile(
    r"\s*(?:-|–|—|to|and|or)\s*(?:\d[\d.,]*)\s*(?P<suffix>%|per\s?cent\b|thousand\b"
    r"|million\b|billion\b|trillion\b|[kMBT]\b)"
)


def _number(match: re.Match[str], text: str) -> Term:
    digits = match["number"].replace(",", "")
    suffix = match["suffix"].strip().strip("-").lower()
    start, end = match.start(), match.start() + len(match[0].rstrip())
    onward = _ONWARD.match(text, end) if not suffix else None
    if onward:  # "61 and 63%", "5 to 500 billion": the suffix holds for both
        suffix = onward["suffix"].lower()
    scale = _SCALE.get(suffix, 1.0) * _raised(match, digits)
    decimals = len(digits.split(".")[1]) if "." in digits else 0
    value = float(digits) * scale
    if year := _ending_year(text, start, end, digits):
        value = year
    if re.fullmatch(r"%|per\s?cent", suffix):
        unit = "%"
    else:
        unit = "x" if suffix in ("x", "×") else _unit(text, end)
    key = f"#{value:g}{'%' if unit == '%' else ''}"
    precision = 0.0 if match["own"] else 0.5 * 10.0**-decimals * scale
    if not decimals and _ABOUT.search(text[max(0, start - 16) : start]):
        zeros = len(digits) - len(digits.rstrip("0"))
        precision = max(precision, min(precision * 10.0**zeros, _ROUNDED * value))
    bound = _bound(text, start, end)
    return Term(text[start:end], key, "number", start, end, value, precision, unit, bound=bound)


def _ending_year(text: str, start: int, end: int, digits: str) -> float:
    """The year that two digits mean as the end of a span of years; 0 for others.

    "2018-03" is a month, as is what another hyphen follows.
    """
    first = _FROM_YEAR.search(text[max(0, start - 5) : start])
    if first is None or len(digits) != 2 or text[end : end + 1] in ("-", "–", "/"):
        return 0.0
    century, year = first[1][:2], f"{first[1][2]}{first[2]}"
    return float(century + digits) if digits > year else 0.0


def _raised(match: re.Match[str], digits: str) -> float:
    """What the number is multiplied by for the power behind it; 1 without."""
    power = match["own"] or match["tens"] or match["e"]
    if not power:
        return 1.0
    exponent = int(re.sub(r"[^\d-]", "", power.translate(_RAISED)))
    try:
        return float(digits) ** (exponent - 1) if match["own"] else 10.0**exponent
    except (OverflowError, ZeroDivisionError):
        return 1.0


def _spelled(
    text: str, start: int, end: int, value: float, unit: str = "", precision: float = 0.0
) -> Term:
    """A number written in words."""
    key, bound = f"#{value:g}", _bound(text, start, end)
    return Term(text[start:end], key, "number", start, end, value, precision, unit, True, bound)


def _bound(text: str, start: int, end: int) -> int:
    before = text[max(0, start - 20) : start]
    if _LEAST.search(before) or _OR_MORE.match(text, end):
        return 1
    return -1 if _MOST.search(before) or _OR_LESS.match(text, end) else 0


def _unit(text: str, end: int) -> str:
    behind = re.match(r"[\s+-]*([^\W\d_]+)", text[end : end + 30])
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
        one, other = _BASE.get(claim.unit), _BASE.get(evidence.unit)
        if one and other and one[0] == other[0]:
            return abs(claim.value * one[1] - evidence.value * other[1]) <= max(
                claim.precision * one[1], evidence.precision * other[1], 1e-9
            )
        if {claim.unit, evidence.unit} <= MEASURES:
            return False
        if claim.spelled and evidence.spelled and "x" in (claim.unit, evidence.unit):
            return False  # "doubles" is not "two"
    if claim.bound * evidence.bound < 0:
        return False  # "at least" is not "at most"
    if claim.bound and claim.unit == evidence.unit:
        low, high = sorted((claim.value, claim.value * (_FAR if claim.bound > 0 else 1 / _FAR)))
        return low - claim.precision <= evidence.value <= high + claim.precision
    return abs(claim.value - evidence.value) <= max(claim.precision, 1e-9 * abs(claim.value))
