"""Hard mismatches between a claim and its evidence, found by rule and told in words.

A fitted score cannot see that "13B" stands where the passage has "7B": nearly every word agrees.
Each rule looks at the sentences that say almost the same as the claim, and at the one thing in
which they differ. The rules know English word lists, no grammar; they stay silent in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

from seminar_rag.check.features import Comparison, Term, clauses, same_number, terms


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why the evidence does not carry the claim, whatever the score says."""

    kind: Literal["number", "name", "order", "opposite", "negation", "widened", "clause"]
    label: Literal["partly", "unsupported", "contradicted"]
    reason: str
    sentence: int | None = None
    """The sentence it is held against."""


@dataclass(frozen=True, slots=True)
class _Case:
    claim: str
    sentences: Sequence[str]
    held: Comparison
    known: frozenset[str]

    @property
    def best(self) -> tuple[int, ...]:
        return self.held.order[:3]

    def rest(self, sentence: int, *columns: int) -> float:
        """Share of the claim's terms, those in `columns` left out, that the sentence has."""
        others = [i for i in range(len(self.held.terms)) if i not in columns]
        return float(self.held.covered[sentence, others].mean()) if others else 0.0

    def near(self, share: float, *columns: int) -> list[int]:
        """The best sentences that say nearly the same, nearest first."""
        close = [i for i in self.best if self.rest(i, *columns) >= share]
        return sorted(close, key=lambda i: -self.rest(i, *columns))


def find_conflict(
    claim: str, sentences: Sequence[str], held: Comparison, known: str = ""
) -> Conflict | None:
    """The first conflict that a rule finds, gravest rules first; None where there is none."""
    case = _Case(claim, sentences, held, frozenset(term.key for term in terms(known)))
    for rule in (_number, _name, _opposite, _order, _negation, _widened, _clause):
        conflict = rule(case)
        if conflict is not None:
            return conflict
    return None


# Numbers


def _number(case: _Case) -> Conflict | None:
    claimed = [term for term in terms(case.claim) if term.kind == "number"]
    for column, term in enumerate(case.held.terms):
        if term.kind != "number":
            continue
        absent = not case.held.covered[:, column].any()
        # A number that stands elsewhere in the passages is only wrong where the claim is
        # otherwise nearly a copy of a sentence with another number in its place.
        for i in case.near(0.35 if absent else 0.65, column):
            around = case.held.covered[max(0, i - 1) : i + 2, column].any()
            rival = _rival_number(term, claimed, case.sentences[i])
            if rival is not None and not around:
                reason = f"The passage says {rival}, the sentence says {_phrase(term, case.claim)}."
                return Conflict("number", "contradicted", reason, i)
        if absent and not term.spelled:
            reason = f"The passages do not give the number {_phrase(term, case.claim)}."
            return Conflict("number", "unsupported", reason)
    return None


def _rival_number(term: Term, claimed: Sequence[Term], sentence: str) -> str | None:
    for other in terms(sentence):
        if other.kind != "number" or any(same_number(mine, other) for mine in claimed):
            continue
        if _alike(term, other):
            return _phrase(other, sentence)
    return None


def _alike(one: Term, other: Term) -> bool:
    """Whether two numbers could stand for each other: a share, a year, or a count of one thing."""
    if "%" in (one.unit, other.unit):
        return one.unit == other.unit
    if _is_year(one) or _is_year(other):
        return _is_year(one) and _is_year(other)
    if one.unit and other.unit:
        return one.unit == other.unit or (not one.spelled and not other.spelled)
    return one.spelled == other.spelled


def _is_year(term: Term) -> bool:
    return (
        not term.spelled
        and bool(re.fullmatch(r"(?:19|20)\d\d", term.text))
        and not (term.unit and term.unit in _COUNTED)
    )


_COUNTED = frozenset({"token", "step", "exampl", "head", "dimens", "paramet", "layer", "question"})


def _phrase(term: Term, text: str) -> str:
    """The number with the word behind it, as the reader knows it: "7 billion parameters"."""
    behind = re.match(r"[\s-]+[^\W\d_]+", text[term.end :])
    return term.text + (behind[0] if behind and term.unit not in ("", "%", "x") else "")


# Names


def _name(case: _Case) -> Conflict | None:
    mine = {term.key for term in terms(case.claim)} | case.known
    for column, term in enumerate(case.held.terms):
        opening = term.kind == "word" and term.start == 0 and term.text[:1].isupper()
        if (term.kind != "name" and not opening) or term.key in case.known:
            continue
        absent = not case.held.covered[:, column].any()
        if absent and case.held.soft[column] >= (0.6 if opening else 0.8):
            continue  # "Australian" for "Australia"; an ordinary word that opens the sentence
        for i in case.near(0.4 if absent else 0.65, column):
            around = case.held.covered[max(0, i - 1) : i + 2, column].any()
            alike = case.rest(i, column) < 0.75
            rival = _rival_name(term, mine, case.sentences[i], alike)
            if rival is not None and not around and (_coined(term) or case.rest(i, column) >= 0.75):
                reason = f"The passage speaks of {rival}, the sentence of {term.text}."
                return Conflict("name", "contradicted", reason, i)
        if absent and _coined(term):
            return Conflict("name", "unsupported", f"The passages do not mention {term.text}.")
    return None


def _rival_name(term: Term, mine: set[str], sentence: str, alike: bool) -> str | None:
    """A name of the sentence that the claim lacks; one of the same make where `alike`."""
    for other in terms(sentence):
        opens = term.start == other.start == 0 and other.text[:1].isupper()
        if other.key in mine or not (other.kind == "name" or opens):
            continue
        if not alike or _coined(term) == _coined(other) or opens:
            return other.text
    return None


def _coined(term: Term) -> bool:
    """Names of models, methods and data sets: with digits or inner capitals."""
    return bool(re.search(r"\d|[^.][A-Z]", term.text))


# Opposites: each axis has two ends; a text that uses one end where the other uses the other
# says the contrary, unless a negation or exchanged sides make up for it.

_AXES = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("more most", "less least fewer fewest"),
        ("higher highest high above", "lower lowest low below under"),
        ("larger largest large greater greatest bigger big", "smaller smallest small little tiny"),
        (
            "increase increases increased rise rises rose risen rising grow grows grew growing"
            " raise raises raised gains exceeds",
            "decrease decreases decreased fall falls fell fallen falling drop drops dropped decline"
            " declines declined reduce reduces reduced shrink shrinks shrank lowers lowered cuts",
        ),
        (
            "better best improve improves improved outperform outperforms outperformed beat beats"
            " beaten superior",
            "worse worst degrade degrades degraded underperform underperforms trails inferior",
        ),
        ("faster fastest quicker fast quick quickly", "slower slowest slow slowly"),
        ("longer longest long", "shorter shortest short"),
        ("stronger strongest strong powerful", "weaker weakest weak"),
        ("easier easiest easy easily simple simpler", "harder hardest difficult hard complex"),
        ("cheaper cheap inexpensive", "expensive costly dearer"),
        ("earlier before preceding", "later after following"),
        ("linear linearly", "quadratic quadratically exponential exponentially"),
        ("always", "never"),
        ("everyone everything all", "none nothing nobody"),
        ("many most", "few"),
        ("same identical equal", "different"),
        ("include includes included", "exclude excludes excluded omitted omit omits"),
        ("dense", "sparse"),
        ("true correct right", "false incorrect wrong"),
        ("supervised", "unsupervised"),
        ("possible able", "impossible unable"),
        ("common frequent often", "rare rarely seldom"),
        ("positive", "negative"),
        ("accept accepts accepted confirm confirms", "reject rejects rejected refute refutes"),
    )
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _opposite(case: _Case) -> Conflict | None:
    for i in case.near(0.45):
        sentence = case.sentences[i]
        for one, other in _flips(case.claim, sentence):
            if _denied(case.claim, one) != _denied(sentence, other):
                continue
            if not _share_neighbours(case.claim, one, sentence, other):
                continue
            if _exchanged(case.claim, one.span(), sentence, other.span()):
                continue
            reason = f"The passage says “{other[0]}”, the sentence says “{one[0]}”."
            return Conflict("opposite", "contradicted", reason, i)
    return None


def _flips(claim: str, sentence: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Pairs of words at opposite ends of an axis that each text uses on one end only."""
    mine, theirs = _ends(claim), _ends(sentence)
    for (axis, end), match in mine.items():
        if (axis, not end) not in mine and (axis, end) not in theirs:
            opposite = theirs.get((axis, not end))
            if opposite is not None:
                yield match, opposite


def _ends(text: str) -> dict[tuple[int, bool], re.Match[str]]:
    out: dict[tuple[int, bool], re.Match[str]] = {}
    for match in _WORD.finditer(text):
        word = match[0].lower()
        for axis, (one, other) in enumerate(_AXES):
            if word in one or word in other:
                out.setdefault((axis, word in one), match)
    return out


def _denied(text: str, word: re.Match[str]) -> bool:
    before = " ".join(re.split(r"[,;:.]\s", text[: word.start()])[-1].split()[-4:])
    return bool(_NEGATION.search(before)) != bool(re.search(r"\b(?:less|least)$", before))


def _share_neighbours(
    claim: str, one: re.Match[str], sentence: str, other: re.Match[str], reach: int = 4
) -> bool:
    """Whether the two words have a term near them in common, so that they speak of one thing."""
    mine, theirs = (_around(claim, one, reach), _around(sentence, other, reach))
    return bool(mine & theirs)


def _around(text: str, word: re.Match[str], reach: int) -> set[str]:
    before = [term.key for term in terms(text) if term.end <= word.start()]
    after = [term.key for term in terms(text) if term.start >= word.end()]
    return {*before[-reach:], *after[:reach]}


def _exchanged(claim: str, here: tuple[int, int], sentence: str, there: tuple[int, int]) -> bool:
    """Whether what stands left of one word stands right of the other, and the reverse.

    "A is larger than B" and "B is smaller than A" say the same.
    """
    left, right = _sides(claim, here)
    other_left, other_right = _sides(sentence, there)
    moved = (left - right) & (other_right - other_left), (right - left) & (other_left - other_right)
    kept = (left - right) & (other_left - other_right), (right - left) & (other_right - other_left)
    return bool(moved[0] and moved[1]) and sum(map(len, moved)) > sum(map(len, kept))


def _sides(text: str, span: tuple[int, int]) -> tuple[set[str], set[str]]:
    found = terms(text)
    left = {term.key for term in found if term.end <= span[0]}
    return left, {term.key for term in found if term.start >= span[1]}


# Order: two things that a comparison or a contrast keeps apart have changed places.

_PIVOT = re.compile(
    r"\b(?:than|while|whereas|against|instead|rather|but|outperform\w*|beats?|exceed\w*"
    r"|surpass\w*|unlike|prefer\w*|although|comparable|replac\w*)\b",
    re.IGNORECASE,
)


def _order(case: _Case) -> Conflict | None:
    for i in case.near(0.6):
        sentence = case.sentences[i]
        mine, theirs = _first(case.claim), _first(sentence)
        shared = [key for key in mine if key in theirs]
        for one, other in combinations(shared, 2):
            if not _parted(case.claim, mine, one, other) or not _parted(
                sentence, theirs, one, other
            ):
                continue
            if _swapped(mine, theirs, one, other) and _otherwise_alike(
                mine, theirs, [key for key in shared if key not in (one, other)]
            ):
                a, b = mine[one].text, mine[other].text
                reason = f"The sentence has “{a}” and “{b}” the other way round than the passage."
                return Conflict("order", "contradicted", reason, i)
    return None


def _first(text: str) -> dict[str, Term]:
    """The first occurrence of every term, by key, in order."""
    out: dict[str, Term] = {}
    for term in terms(text):
        out.setdefault(term.key, term)
    return out


def _swapped(mine: dict[str, Term], theirs: dict[str, Term], one: str, other: str) -> bool:
    return (mine[one].start < mine[other].start) != (theirs[one].start < theirs[other].start)


def _parted(text: str, found: dict[str, Term], one: str, other: str) -> bool:
    """Whether a pivot stands between the two terms."""
    first, second = sorted((found[one], found[other]), key=lambda term: term.start)
    return bool(_PIVOT.search(text, first.end, second.start))


def _otherwise_alike(mine: dict[str, Term], theirs: dict[str, Term], others: Sequence[str]) -> bool:
    """Whether the remaining shared terms stand in the same order, nearly all of them."""
    pairs = list(combinations(others, 2))
    flipped = sum(_swapped(mine, theirs, one, other) for one, other in pairs)
    return len(others) >= 2 and flipped <= 0.3 * len(pairs)


# Negation

_NEGATION = re.compile(
    r"\b(?:not(?! only\b)|\w+n['’]t|no(?! (?:less|more|fewer) than)|never|neither|nor|without|none"
    r"|nothing|nobody|cannot|hardly|unable to|fail(?:s|ed)? to|lacks?|lacked|instead of"
    r"|rather than|free of|absence of|far from|(?:leav(?:es?|ing)|left) out|omit\w*|exclud\w*)\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:.]\s|\b(?:but|which|because|since|although|while|whereas)\b")


@lru_cache(maxsize=8192)
def _negated(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Per negation word: the word, and the keys of the two terms behind it in its clause.

    Where nothing stands behind it ("activations do not"), those of the two before it.
    """
    found = terms(text)
    out = []
    for match in _NEGATION.finditer(text):
        end = _CLAUSE_END.search(text, match.end())
        stop = end.start() if end else len(text)
        scope = [term.key for term in found if match.end() <= term.start < stop][:2]
        scope = scope or [term.key for term in found if term.end <= match.start()][-2:]
        out.append((match[0], frozenset(scope)))
    return tuple(out)


def _negation(case: _Case) -> Conflict | None:
    near = case.near(0.5)
    said = {term.key for term in terms(case.claim)}
    mine = _negated(case.claim)
    answered = any(scope & said for i in near for _, scope in _negated(case.sentences[i]))
    for i in near:
        sentence = case.sentences[i]
        theirs = _negated(sentence)
        if len(theirs) % 2 == len(mine) % 2 and case.rest(i) < 0.8:
            continue  # as many negations on both sides, in other words: most likely the same
        have = {term.key for term in terms(sentence)}
        for word, scope in mine:
            if scope & have and not answered:
                reason = f"The sentence denies (“{word}”) what the passage states."
                return Conflict("negation", "contradicted", reason, i)
        for word, scope in theirs:
            if scope & said and not any(scope & own for _, own in mine) and i == near[0]:
                reason = f"The passage denies (“{word}”) what the sentence states."
                return Conflict("negation", "contradicted", reason, i)
    return None


# Widening

_UNIVERSAL = "all every everything everyone always never entirely completely any perfect".split()
_UNIVERSAL += "perfectly guarantee guarantees guaranteed everywhere invariably universally".split()
_WHOLE = [*_UNIVERSAL, *"each whole entire per no none full fully must cannot only".split()]


def _widened(case: _Case) -> Conflict | None:
    near = case.near(0.45)
    allowed = {key for i in near for _, key in _universals(case.sentences[i], _WHOLE)}
    for word, key in _universals(case.claim, _UNIVERSAL):
        if near and key not in allowed:
            reason = f"The sentence says “{word.group()}”, the passage does not go so far."
            return Conflict("widened", "partly", reason, near[0])
    return None


def _universals(text: str, words: Sequence[str]) -> Iterator[tuple[re.Match[str], str]]:
    """Universal words with the key of the term behind each, those under a negation left out."""
    found = terms(text)
    for match in _WORD.finditer(text):
        if match[0].lower() in words and not _denied(text, match):
            yield match, next((term.key for term in found if term.start >= match.end()), "")


# Clauses


def _clause(case: _Case) -> Conflict | None:
    """One clause of some length is not in the passages, though another is."""
    spans = clauses(case.claim)
    columns = [
        [i for i, term in enumerate(case.held.terms) if start <= term.start < end]
        for start, end in spans
    ]
    shares = [case.held.windows[:, own].mean(axis=1).max() if own else 0.0 for own in columns]
    if max(shares) < 0.6:
        return None
    for (start, end), own, share in zip(spans, columns, shares, strict=True):
        if len(own) >= 4 and share <= 0.4 and case.held.soft[own].mean() <= 0.7:
            words = " ".join(case.claim[start:end].split()).rstrip(" .")
            return Conflict("clause", "partly", f"The passages do not say “{words}”.")
    return None
