"""Rules that find where a claim says the contrary of a passage: opposite words, exchanged sides
and negations.

They work with lists of English words and know no grammar; in doubt they find nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import combinations

from seminar_rag.check.features import Case, Conflict
from seminar_rag.check.terms import Term, terms

# Opposites: each axis has two ends; a text that uses one end where the other uses the other
# says the contrary, unless a negation or exchanged sides make up for it.


@cache
def _axes() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    text = files("seminar_rag.check").joinpath("opposites.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    pairs = (line.partition(" / ") for line in lines)
    return tuple((frozenset(one.split()), frozenset(other.split())) for one, _, other in pairs)


_PREFIX = ("un", "in", "im", "ir", "il", "non", "dis")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def find_opposite(case: Case) -> Conflict | None:
    """A word stands where the passage has its opposite."""
    for i in case.near(0.45):
        sentence = case.sentences[i]
        for one, other in _flips(case.claim, sentence):
            if denied(case.claim, one) != denied(sentence, other):
                continue
            if _exchanged(case.claim, one.span(), sentence, other.span()):
                continue
            reason = f"The passage says “{other[0]}”, the sentence says “{one[0]}”."
            return Conflict("opposite", "contradicted", reason, i)
    return None


def _flips(claim: str, sentence: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Pairs of words at opposite ends of an axis that each text uses on one end only.

    "stable" and "unstable" are such a pair without an axis.
    """
    mine, theirs = _ends(claim), _ends(sentence)
    yield from _prefixed(claim, sentence)
    yield from ((theirs_, mine_) for mine_, theirs_ in _prefixed(sentence, claim))
    for (axis, end), match in mine.items():
        if (axis, not end) not in mine and (axis, end) not in theirs:
            opposite = theirs.get((axis, not end))
            if opposite is not None:
                yield match, opposite


def _prefixed(text: str, other: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Words of `text` that are a word of `other` with a negative prefix, beside that word."""
    theirs = {match[0].lower(): match for match in _WORD.finditer(other)}
    mine = {match[0].lower(): match for match in _WORD.finditer(text)}
    for word, match in mine.items():
        bare = next((word[len(p) :] for p in _PREFIX if word.startswith(p)), "")
        if len(bare) >= 4 and bare in theirs and word not in theirs and bare not in mine:
            yield match, theirs[bare]


@lru_cache(maxsize=8192)
def _ends(text: str) -> dict[tuple[int, bool], re.Match[str]]:
    out: dict[tuple[int, bool], re.Match[str]] = {}
    for match in _WORD.finditer(text):
        word = match[0].lower()
        for axis, (one, other) in enumerate(_axes()):
            if word in one or word in other:
                out.setdefault((axis, word in one), match)
    return out


def denied(text: str, word: re.Match[str]) -> bool:
    """Whether a negation, or "less", stands just before the word."""
    before = " ".join(re.split(r"[,;:.]\s", text[: word.start()])[-1].split()[-4:])
    return bool(_NEGATION.search(before)) != bool(re.search(r"\b(?:less|least)$", before))


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


def find_order(case: Case) -> Conflict | None:
    """The two sides of a comparison or a contrast have changed places."""
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
                return _other_way(mine[one], mine[other], i)
    return None


def _other_way(one: Term, other: Term, sentence: int) -> Conflict:
    reason = (
        f"The sentence has “{one.text}” and “{other.text}” the other way round than the passage."
    )
    return Conflict("order", "contradicted", reason, sentence)


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
def _negated(text: str, reach: int = 2) -> tuple[tuple[str, frozenset[str]], ...]:
    """Per negation word: the word, and the keys of the `reach` terms behind it in its clause.

    Where nothing stands behind it ("activations do not"), those before it.
    """
    found = terms(text)
    out = []
    for match in _NEGATION.finditer(text):
        end = _CLAUSE_END.search(text, match.end())
        stop = end.start() if end else len(text)
        scope = [term.key for term in found if match.end() <= term.start < stop][:reach]
        scope = scope or [term.key for term in found if term.end <= match.start()][-reach:]
        out.append((match[0], frozenset(scope)))
    return tuple(out)


def find_negation(case: Case) -> Conflict | None:
    """One of the two denies what the other states."""
    near = case.near(0.7)
    said = {term.key for term in terms(case.claim)}
    mine = _negated(case.claim)
    answered = any(scope & said for i in near for _, scope in _negated(case.sentences[i]))
    for i in near:
        sentence = case.sentences[i]
        theirs = _negated(sentence)
        if len(theirs) % 2 == len(mine) % 2 and case.shared(i) < 0.8:
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
