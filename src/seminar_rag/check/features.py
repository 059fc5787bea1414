"""What a claim and its evidence have in common, as numbers. Knows no labels and no weights.

A text is read into terms (words, names, numbers), so that "13B parameters" and "13 billion
parameters" meet, "GPT-3" never meets "GPT-4", and "LSTM" meets the long form that the passages
spell out. Pure but for the embedding function, which is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seminar_rag.text import stem

Matrix = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Matrix]
"""Texts to rows of length 1, shape (len(texts), dimensions)."""

FUNCTION_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each either every for from
    further had has have having he hence her here hers herself him himself his how however i if in
    into is it its itself just may me might mine more most must my myself neither no nor not of
    off on once one only onto or other our ours ourselves out over own same shall she should since
    so some such than that the their theirs them themselves then there therefore these they this
    those through thus to too under until up upon us very via was we were what when where whether
    which while who whom whose why will with within would you your yours s t d ll re ve m""".split()
)
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_MONTH = (
    {name[:3]: name for name in _MONTHS} | {name: name for name in _MONTHS} | {"sept": "september"}
)
_COUNT: dict[str, float] = {
    word: float(value)
    for value, word in enumerate(
        """zero _ two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty""".split()
    )
    if word != "_"  # "one" is a pronoun more often than a number
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_COUNT |= {"half": 0.5, "twice": 2, "double": 2, "third": 3, "fourth": 4, "fifth": 5, "dozen": 12}
_COUNT |= {"second": 2, "hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_SCALE = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
    "billion": 1e9, "t": 1e12, "trillion": 1e12, "hundred": 1e2,
}  # fmt: skip
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"""(?P<name>\b[A-Z]\.(?:[A-Z]\.?)+|\b(?=[\w.-]{{0,30}}[A-Za-z][-.]?\d)[A-Za-z][\w-]*(?:\.\d[\w-]*)*)
    | (?P<number>(?:{_NUMBER})) (?P<suffix>(?:[\s-]?(?:%|percent\b|per\ cent\b|thousand\b|million\b
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
    """Numbers: half of the last digit given, what rounding may hide."""
    unit: str = ""
    """Numbers: "%", "x" (times), "" or the stem of the word behind."""
    spelled: bool = False
    """Numbers written as words ("two", "half")."""


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
    if lower in _COUNT:
        value = _COUNT[lower]
        return Term(word, f"#{value:g}", "number", start, end, value, 0.0, _unit(text, end), True)
    if lower in _MONTH and word[0].isupper():
        return Term(word, _MONTH[lower], "word", start, end)
    inner = any(char.isupper() for char in word[1:])
    opens = not re.search(r"[\w,;)]\s*[\"'“‘(]*$", text[max(0, start - 6) : start])
    name = inner or (word[0].isupper() and not opens)
    return Term(word, stem(lower), "name" if name else "word", start, end)


def _number(match: re.Match[str], text: str) -> Term:
    digits = match["number"].replace(",", "")
    suffix = match["suffix"].strip(" -\n").lower()
    scale = _SCALE.get(suffix, 1.0)
    decimals = len(digits.split(".")[1]) if "." in digits else 0
    value = float(digits) * scale
    unit = {"percent": "%", "per cent": "%", "%": "%", "x": "x", "×": "x"}.get(suffix, "")
    precision = 0.5 * 10.0**-decimals * scale
    end = match.end()
    return Term(
        match[0], f"#{value:g}", "number", match.start(), end, value, precision,
        unit or _unit(text, end),
    )  # fmt: skip


def _unit(text: str, end: int) -> str:
    behind = re.match(r"[\s-]+([^\W\d_]+)", text[end : end + 30])
    if behind is None or behind[1].lower() in FUNCTION_WORDS:
        return ""
    return "x" if behind[1].lower() in ("times", "fold") else stem(behind[1].lower())


def same_number(claim: Term, evidence: Term) -> bool:
    """Whether the evidence's number, rounded as the claim's is, is the claim's.

    A share and its percentage are the same number ("half", "50%").
    """
    if claim.value == evidence.value:
        return True
    if (claim.unit == "%") != (evidence.unit == "%"):
        share, percent = (claim, evidence) if evidence.unit == "%" else (evidence, claim)
        return abs(share.value - percent.value / 100) < 1e-9
    return abs(claim.value - evidence.value) <= claim.precision


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


def _keys(text: str, aliases: dict[str, frozenset[str]]) -> set[str]:
    """The keys that `text` covers: its own, and those its acronyms stand for, both ways."""
    keys = {term.key for term in terms(text)}
    for short, long in aliases.items():
        if short in keys:
            keys |= long
        elif long <= keys:
            keys.add(short)
    return keys


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim held against evidence sentences."""

    terms: tuple[Term, ...]
    """The claim's distinct terms."""
    covered: NDArray[np.bool_]
    """Shape (sentences, terms): which sentence has which term."""
    windows: NDArray[np.bool_]
    """The same for each sentence and the three behind it in its passage."""
    soft: NDArray[np.float64]
    """Shape (terms,): 1 where the best evidence has the term, else how near its words come."""
    order: tuple[int, ...]
    """Sentence indices, best evidence first."""
    features: dict[str, float]
    """By the names in `FEATURES`; more support never lowers one, but for "names claimed"."""


FEATURES = {
    "meaning": "length of the claim's vector within the span of the six best sentences' vectors",
    "window": "share of terms that the best four neighbouring sentences cover",
    "words": "mean over terms of the nearest evidence word: 1 for the same, else cosine",
    "weakest word": "the lowest of these",
    "numbers": "share of the claim's numbers that the evidence has; 1 without numbers",
    "names": "mean nearness of the claim's names; 1 without names",
    "names claimed": "how many names the claim has",
    "word pairs": "share of the claim's neighbouring terms that neighbour in the evidence",
    "weakest clause": "lowest share, over clauses, that four neighbouring sentences cover",
}
"""What the weights weigh, in words."""

_RANK_COVERAGE = 1.5
"""Weight of rare-word coverage against cosine in the ranking; 1 to 2 find as much."""
_POOL = 6
_WINDOW = 4


def compare(
    claim: str, sentences: Sequence[str], breaks: Sequence[int], embed: Embed, known: str = ""
) -> Comparison:
    """Hold `claim` against `sentences`; neither may be without content terms.

    `breaks` are the indices where a passage starts: windows do not cross them. Terms of
    `known`, which the reader has without the sentences (a title), count as covered.
    """
    distinct = tuple({term.key: term for term in reversed(terms(claim))}.values())[::-1]
    covered = _coverage(claim, sentences, distinct)
    vectors = embed([claim, *sentences])
    cosine = vectors[1:] @ vectors[0]
    order = np.argsort(-(cosine + _RANK_COVERAGE * _rare_coverage(covered)), kind="stable")
    given = _keys(known, {}) if known else set()
    covered = covered | np.array([term.key in given for term in distinct])[None]
    windows = _windows(covered, breaks)
    best = int(np.argmax(windows.mean(axis=1)))
    pool = dict.fromkeys([*order[:_POOL].tolist(), *range(best, min(best + 3, len(sentences)))])
    evidence = [sentences[i] for i in pool]
    soft = _nearness(distinct, covered[list(pool)].any(axis=0), evidence, embed)
    kinds = np.array([term.kind for term in distinct])
    features = {
        "meaning": _projection(vectors[0], vectors[1:][order[:_POOL]]),
        "window": float(windows[best].mean()),
        "words": float(soft.mean()),
        "weakest word": float(soft.min()),
        "numbers": _mean(soft[kinds == "number"]),
        "names": _mean(soft[kinds == "name"]),
        "names claimed": float((kinds == "name").sum()),
        "word pairs": _pairs(claim, evidence),
        "weakest clause": _weakest_clause(claim, distinct, windows),
    }
    return Comparison(distinct, covered, windows, soft, tuple(order.tolist()), features)


def _coverage(claim: str, sentences: Sequence[str], distinct: Sequence[Term]) -> NDArray[np.bool_]:
    aliases = acronyms([claim, *sentences])
    out = np.zeros((len(sentences), len(distinct)), bool)
    for row, sentence in enumerate(sentences):
        keys = _keys(sentence, aliases)
        numbers = [term for term in terms(sentence) if term.kind == "number"]
        for column, term in enumerate(distinct):
            out[row, column] = term.key in keys or (
                term.kind == "number" and any(same_number(term, other) for other in numbers)
            )
    return out


def _rare_coverage(covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the claim's terms per sentence, those that few sentences have counting more."""
    weights = np.log1p(len(covered) / (covered.sum(axis=0) + 0.5))
    share: NDArray[np.float64] = (covered @ weights) / weights.sum()
    return share


def _windows(covered: NDArray[np.bool_], breaks: Sequence[int]) -> NDArray[np.bool_]:
    """Row i: what sentences i to i + 3 of one passage cover together."""
    out = covered.copy()
    starts = [0, *breaks, len(covered)]
    for start, end in pairwise(starts):
        for ahead in range(1, min(_WINDOW, end - start)):
            out[start : end - ahead] |= covered[start + ahead : end]
    return out


def _nearness(
    distinct: Sequence[Term], covered: NDArray[np.bool_], evidence: Sequence[str], embed: Embed
) -> NDArray[np.float64]:
    """1 where covered; else the best cosine of the word to any word of the evidence.

    Numbers and names with digits are compared exactly: "GPT-4" is near "GPT-3" in any space.
    """
    soft = covered.astype(np.float64)
    open_ = [
        column
        for column, term in enumerate(distinct)
        if not covered[column] and not re.search(r"\d", term.text) and term.kind != "number"
    ]
    words = dict.fromkeys(
        term.text.lower() for text in evidence for term in terms(text) if term.kind != "number"
    )
    if open_ and words:
        mine = [distinct[column].text.lower() for column in open_]
        vectors = embed([*mine, *words])  # in one call: each has a price of its own
        cosines = vectors[: len(mine)] @ vectors[len(mine) :].T
        soft[open_] = np.maximum(0, cosines.max(axis=1))
    return soft


def _projection(vector: Matrix, basis: Matrix) -> float:
    directions, _ = np.linalg.qr(basis.T)
    return float(np.linalg.norm(directions.T @ vector))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 1.0


def _pairs(claim: str, evidence: Sequence[str]) -> float:
    mine = _neighbours(claim)
    theirs = set().union(*(_neighbours(text) for text in evidence))
    return len(mine & theirs) / len(mine) if mine else 1.0


def _neighbours(text: str) -> set[tuple[str, str]]:
    keys = [term.key for term in terms(text)]
    return set(pairwise(keys))


_CLAUSE = re.compile(
    r"[,;:]\s|\s[–—-]\s|\s(?=(?:and|but|which|who|while|where|after|before|because|when|as)\s)"
)


def clauses(claim: str) -> list[tuple[int, int]]:
    """Spans of the clause-like pieces of `claim`, none under four words but the last."""
    out: list[tuple[int, int]] = []
    at = 0
    for match in _CLAUSE.finditer(claim):
        if len(claim[at : match.start()].split()) >= 4:
            out.append((at, match.start()))
            at = match.end()
    return [*out, (at, len(claim))]


def _weakest_clause(claim: str, distinct: Sequence[Term], windows: NDArray[np.bool_]) -> float:
    lowest = 1.0
    for start, end in clauses(claim):
        columns = [i for i, term in enumerate(distinct) if start <= term.start < end]
        if len(columns) >= 2:
            lowest = min(lowest, float(windows[:, columns].mean(axis=1).max()))
    return lowest
