"""Hard mismatches between a claim and its evidence, found by rule, each with its reason in words.

A fitted score cannot see that "13B" stands where the passage has "7B": nearly every word agrees.
Each rule looks at the sentences that say almost the same as the claim, and at the one thing in
which they differ: a number, a name, a word that makes the claim go further, a clause without
evidence; `opposites` has those about opposite words, order and negation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from seminar_rag.check.features import Case, Comparison, Conflict, clauses
from seminar_rag.check.opposites import denied, find_negation, find_opposite, find_order
from seminar_rag.check.terms import MEASURES, Term, same_number, terms


def find_conflict(
    claim: str, sentences: Sequence[str], comparison: Comparison, known: str = ""
) -> Conflict | None:
    """The first conflict that a rule finds, gravest rules first; None where there is none."""
    case = Case(claim, sentences, comparison, frozenset(term.key for term in terms(known)))
    for rule in (_number, _name, find_opposite, find_order, find_negation, _widened, _clause):
        conflict = rule(case)
        if conflict is not None:
            return conflict
    return None


# Numbers


def _number(case: Case) -> Conflict | None:
    claimed = [term for term in terms(case.claim) if term.kind == "number"]
    for column, term in enumerate(case.comparison.terms):
        if term.kind != "number":
            continue
        given = [i for i in case.best if case.comparison.covered[i, column]]
        elsewhere = max((case.shared(i, column) for i in given), default=-1.0)
        absent = not case.comparison.covered[:, column].any()
        # A number that stands elsewhere in the passages is only wrong where the claim is
        # otherwise nearly a copy of a sentence with another number in its place, and no
        # sentence that says nearly as much has it.
        for i in case.near(0.35 if absent else 0.65, column):
            around = case.comparison.covered[max(0, i - 1) : i + 2, column].any()
            rival = _rival_number(term, claimed, case.claim, case.sentences[i])
            if rival is not None and not around and case.shared(i, column) > elsewhere + 0.1:
                reason = f"The passage says {rival}, the sentence says {_phrase(term, case.claim)}."
                return Conflict("number", "contradicted", reason, i)
    return None


def _rival_number(term: Term, claimed: Sequence[Term], claim: str, sentence: str) -> str | None:
    """The number of the sentence that stands in the place of `term`, if any could."""
    found = [
        other
        for other in terms(sentence)
        if other.kind == "number"
        and not any(same_number(mine, other) for mine in claimed)
        and _alike(term, other)
    ]
    here = _words_before(claim, term)
    best = max(
        found,
        key=lambda one: (one.unit == term.unit, len(here & _words_before(sentence, one))),
        default=None,
    )
    return _phrase(best, sentence) if best else None


def _words_before(text: str, term: Term) -> set[str]:
    return {one.key for one in terms(text) if one.end <= term.start and one.end > term.start - 40}


def _alike(one: Term, other: Term) -> bool:
    """Whether two numbers could stand for each other: a share, a year, or a count of one thing."""
    if one.unit in MEASURES or other.unit in MEASURES:
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
    bound = {1: "at least ", -1: "at most "}.get(term.bound, "")
    return bound + term.text + (behind[0] if behind and term.unit not in ("", "%", "x") else "")


# Names


def _name(case: Case) -> Conflict | None:
    mine = {term.key for term in terms(case.claim)} | case.known
    for column, term in enumerate(case.comparison.terms):
        opening = _opening(term, case.claim)
        if (term.kind != "name" and not opening) or term.key in case.known:
            continue
        absent = not case.comparison.covered[:, column].any()
        given = [i for i in case.best if case.comparison.covered[i, column]]
        elsewhere = max((case.shared(i, column) for i in given), default=-1.0)
        if absent and case.comparison.soft[column] >= (0.6 if opening else 0.8):
            continue  # "Australian" for "Australia"; an ordinary word that opens the sentence
        for i in case.near(0.4 if absent else 0.65, column):
            around = case.comparison.covered[max(0, i - 1) : i + 2, column].any()
            rest = case.shared(i, column)
            rival = _rival_name(term, mine, case, i, alike=rest < 0.75)
            certain = rest > elsewhere + 0.1 and (_coined(term) or rest >= 0.75)
            if rival is not None and not around and certain:
                reason = f"The passage speaks of {rival}, the sentence of {term.text}."
                return Conflict("name", "contradicted", reason, i)
        if absent and _coined(term):
            return Conflict("name", "unsupported", f"The passages do not mention {term.text}.")
    return None


_ORDINARY = re.compile(r"\s+(?:to|of|on|upon|from|for|with)\b")


def _opening(term: Term, text: str) -> bool:
    """Whether a word that opens the sentence may be a name: "According to" and the like cannot."""
    opens = term.kind == "word" and term.start == 0 and term.text[:1].isupper()
    return opens and not _ORDINARY.match(text, term.end)


def _rival_name(term: Term, mine: set[str], case: Case, i: int, alike: bool) -> str | None:
    """A name of sentence `i` that the claim lacks; one of the same make where `alike`."""
    sentence = case.sentences[i]
    for other in terms(sentence):
        opens = term.start == 0 and _opening(other, sentence)
        shouted = other.text.isupper() and other.text.isalpha() and len(other.text) > 4
        if other.key in mine or shouted or not (other.kind == "name" or opens):
            continue  # a shouted word is a title's or a label's, not a name
        if opens and any(re.search(rf"\b{other.text.lower()}\b", one) for one in case.sentences):
            continue  # an ordinary word, capital only where it opens
        if not alike or _coined(term) == _coined(other) or opens:
            return other.text
    return None


def _coined(term: Term) -> bool:
    """Names of models, methods and data sets: with digits or inner capitals."""
    return bool(re.search(r"\d|[^.][A-Z]", term.text))


# Widening

_WORD = re.compile(r"[^\W\d_]+")
_UNIVERSAL = "all every everything everyone always never entirely completely any perfect".split()
_UNIVERSAL += "perfectly guarantee guarantees guaranteed everywhere invariably universally".split()
_WHOLE = [*_UNIVERSAL, *"each whole entire per no none full fully must cannot only".split()]


def _widened(case: Case) -> Conflict | None:
    near = case.near(0.45)
    allowed = {key for i in near for _, key in _universals(case.sentences[i], _WHOLE)}
    for word, key in _universals(case.claim, _UNIVERSAL):
        if near and key not in allowed:
            reason = f"The passage does not say “{word.group()}”."
            return Conflict("widened", "partly", reason, near[0])
    return None


def _universals(text: str, words: Sequence[str]) -> Iterator[tuple[re.Match[str], str]]:
    """Universal words with the key of the term behind each, those under a negation left out."""
    found = terms(text)
    for match in _WORD.finditer(text):
        if match[0].lower() in words and not denied(text, match):
            yield match, next((term.key for term in found if term.start >= match.end()), "")


# Clauses


def _clause(case: Case) -> Conflict | None:
    """One clause of some length is not in the passages, though another is."""
    spans = clauses(case.claim)
    columns = [
        [i for i, term in enumerate(case.comparison.terms) if start <= term.start < end]
        for start, end in spans
    ]
    shares = [case.comparison.windows[:, own].mean(axis=1).max() if own else 0.0 for own in columns]
    if max(shares) < 0.6:
        return None
    for (start, end), own, share in zip(spans, columns, shares, strict=True):
        if len(own) >= 4 and share <= 0.4 and case.comparison.soft[own].mean() <= 0.7:
            words = " ".join(case.claim[start:end].split()).rstrip(" .")
            return Conflict("clause", "partly", f"The passages do not say “{words}”.")
    return None
