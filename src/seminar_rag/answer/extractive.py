"""The embedded answerer: quotes what answers the question, and writes nothing but a lead.

A unit's worth is a linear model, its weights fitted on labelled questions of a seminar: likeness
to the question in meaning (cosine) and in words (weighted by rarity), the standing of its passage,
and its shape. Units are chosen greedily for worth and for what of the question they add, as in
maximal marginal relevance (Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.units import Unit, opens, tidy, units
from seminar_rag.index.aspects import compares, is_called, named, without, works
from seminar_rag.text import content_words, stems, words
from seminar_rag.types import Document, Hit, Sentence, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

Embed = Callable[[Sequence[str]], "Matrix"]
Rarity = Callable[[Sequence[str]], Mapping[str, float]]

MOST = 4
"""Units quoted at most."""
EMBEDDED = 40
"""Units whose meaning is compared; more would take seconds on a small machine."""
_LENGTH = 130
"""Words of an answer from which nothing is added."""
_NEAR = 2.2
"""A further unit may be worth so much less than the best one."""
_TOO_ALIKE = 0.55
"""Share of common stems from which two units say the same."""

_COSINE, _OWN, _AROUND = 4.5, 1.6, 2.1
_STANDING, _FIRST, _FULL, _MANY, _ASKS = 0.35, 1.6, 1.8, 0.6, 4.4
_ADDS = 1.5
"""For the share of the question's words that a further unit is the first to hold."""

_NUMERIC = re.compile(
    r"\b(?:how (?:many|much|long|large|big|often|old|far|fast)|what (?:percentage|percent|share|"
    r"number|size|fraction|rate|score|accuracy|year)|when|which year|at what)\b",
    re.IGNORECASE,
)
_TERM = re.compile(
    r"^\W*(?:whats?|define|explain)(?:['’]s)?(?: is| are| does| do)? (?:an? |the )?"
    r"((?:[\w-]+ ){0,3}?[\w-]+)(?: mean| stand for| measure)?\W*$",
    re.IGNORECASE,
)
_SECTION_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)*\.?|[A-Z]\.\d+(?:\.\d+)*\.?)\s+")
_BEFORE = 3
"""Words that may stand before its term in a definition."""
_CAUSAL = re.compile(
    r"\b(?:because|since|due to|so that|in order to|as a result|therefore|leads? to|caus\w+|"
    r"reasons?|thus|hence|allows?|enables?)\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"\b(?:why|how come|what makes|reason)\b", re.IGNORECASE)
_REFERENCE = re.compile(r"\s?(?:\[\^?\d[\d,;\s–-]*\]|【\d+】)")
_AUTHORS = re.compile(
    r"\bwho (?:wrote|authored|published|proposed|(?:is|are|was|were) (?:the )?(?:\w+ )?authors?)\b"
    r"|\bauthors? of\b|\bwritten by (?:whom|who)\b|\bby whom\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The question's stems with their rarity, as shares of the whole."""

    shares: Mapping[str, float]

    def of(self, found: frozenset[str] | set[str]) -> float:
        """The share of the question that these stems hold, 0 to 1."""
        return sum(share for stem, share in self.shares.items() if stem in found)


class Extractive:
    """Answers with quotations."""

    name = "extractive"
    notice = (
        "Answers are quotations from the readings, chosen by likeness to the question;"
        " no language model writes them."
    )

    def __init__(self, embed: Embed, rarity: Rarity) -> None:
        """Args:
        embed: texts → unit vectors, shape (n, dimensions).
        rarity: words → inverse document frequency in the course.
        """
        self._embed = embed
        self._rarity = rarity

    def draft(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        stop: Stop,
    ) -> Draft:
        offered = tuple(hits)
        heard = tidy(" ".join(turn.text for turn in history if turn.role == "assistant"))
        return Draft(offered, self._quotations(question, offered, heard, stop))

    def _quotations(
        self, question: str, hits: tuple[Hit, ...], heard: str, stop: Stop
    ) -> Iterator[str]:
        chosen = _authorship(question, hits) or self._chosen(question, hits, heard)
        if not chosen or stop():
            return
        yield _lead([hits[one.hit - 1].document for one in chosen])
        for one in chosen:
            if stop():
                return
            yield "\n\n" + _quoted(one, hits)

    def _chosen(self, question: str, hits: tuple[Hit, ...], heard: str) -> list[Unit]:
        """The units to quote; for a comparison over several works the best of each side.

        Args:
            heard: the conversation's earlier answers; a follow-up wants to know something else.
        """
        offered = dict(enumerate(hits, 1))
        sides = _sides(question, offered)
        if not sides:
            offered = _of_named_work(question, offered) or offered
            return _in_order(self._best(question, offered, heard, MOST, EMBEDDED))
        chosen: list[Unit] = []
        for name, own in sides.items():
            asked = question
            for other in sides:
                asked = asked if other == name else without(asked, other)
            share = len(sides)
            best = self._best(asked, own, heard, max(1, MOST // share), EMBEDDED // share)
            chosen += [one for one in best if not any(_alike(one, other) for other in chosen)]
        return _in_order(chosen)

    def _best(
        self, question: str, hits: Mapping[int, Hit], heard: str, most: int, embedded: int
    ) -> list[Unit]:
        weighed = self._weighed(question)
        candidates = [
            (_plain_worth(question, one, hits, weighed), one)
            for i, hit in hits.items()
            for one in units(i, hit)
            if not any(
                _names_authors(text, hit.document) or _titles(text, hit.document)
                for text in map(hit.passage.quote, one.sentences)
            )
            and not all(_bare(hit.passage.quote(sentence)) in heard for sentence in one.sentences)
        ]
        candidates = sorted(candidates, key=lambda pair: -pair[0])[:embedded]
        if not candidates:
            return []
        vectors = self._embed([question, *(one.text for _, one in candidates)])
        cosines = vectors[1:] @ vectors[0]
        worth = [
            plain + _COSINE * float(cosine)
            for (plain, _), cosine in zip(candidates, cosines, strict=True)
        ]
        return _choose([one for _, one in candidates], worth, weighed, most)

    def _weighed(self, question: str) -> _Weighed:
        weights: dict[str, float] = {}
        for word, value in self._rarity(list(dict.fromkeys(content_words(question)))).items():
            for stem in stems(word):
                weights[stem] = max(weights.get(stem, 0.1), value)
        total = sum(weights.values()) or 1.0
        return _Weighed({stem: value / total for stem, value in weights.items()})


def _sides(question: str, hits: Mapping[int, Hit]) -> dict[str, dict[int, Hit]]:
    """Name → hits about it, where the question compares what different passages are about."""
    sides: dict[str, dict[int, Hit]] = {}
    for name in named(question) if compares(question) else ():
        own = {i: hit for i, hit in hits.items() if _about(hit, set(stems(name)))}
        if (
            own
            and len(own) < len(hits)
            and not any(set(own) & set(other) for other in sides.values())
        ):
            sides[name] = own
    return sides if 2 <= len(sides) <= MOST else {}


def _of_named_work(question: str, hits: Mapping[int, Hit]) -> dict[int, Hit]:
    """The hits from the work, or from the notes on it, that the question calls by its title."""
    names = works(question)
    return {
        i: hit
        for i, hit in hits.items()
        if any(
            hit.document.reading == name
            or any(
                is_called(name, title)
                for title in (hit.document.title, *hit.passage.heading.split(" › "))
            )
            for name in names
        )
    }


def _about(hit: Hit, name: set[str]) -> bool:
    document, passage = hit.document, hit.passage
    outline = set(stems(f"{document.title} {document.authors or ''} {passage.heading}"))
    return bool(name & outline) and name <= outline | set(stems(passage.text))


def _plain_worth(question: str, one: Unit, hits: Mapping[int, Hit], weighed: _Weighed) -> float:
    """What a unit is worth before its meaning is looked at."""
    hit = hits[one.hit]
    best = max(other.score for other in hits.values())
    own = set(stems(one.text))
    # The heading and the title tell what a sentence is about when it does not say so.
    around = set(stems(f"{one.context} {hit.passage.heading} {hit.document.title}")) - own
    return (
        _OWN * weighed.of(own)
        + _AROUND * weighed.of(around)
        + _STANDING * (hit.score - best)
        + _FIRST / (1 + list(hits).index(one.hit))
        + _FULL * min(one.words, 25) / 25
        + _MANY * (len(one.sentences) > 2)
        - _ASKS * one.text.endswith("?")
        + _shape(question, one.text)
    )


def _shape(question: str, text: str) -> float:
    asked = _TERM.search(question)
    if asked:
        opening = text.split()[: len(asked[1].split()) + _BEFORE]
        return 0.8 if set(stems(asked[1])) <= set(stems(" ".join(opening))) else 0.0
    if _NUMERIC.search(question):
        return 0.5 if re.search(r"\d", text) else -0.2
    if _WHY.search(question):
        return 0.6 if _CAUSAL.search(text) else 0.0
    return 0.0


def _choose(
    candidates: Sequence[Unit], worth: Sequence[float], weighed: _Weighed, most: int
) -> list[Unit]:
    """Greedily, the best first; stops at what is much worse, says the same or makes it long."""
    own = [frozenset(stems(f"{one.context} {one.text}")) for one in candidates]
    floor = max(worth) - _NEAR
    chosen: list[int] = []
    while len(chosen) < most:
        said = frozenset[str]().union(*(own[i] for i in chosen))
        length = sum(candidates[i].words for i in chosen)
        open_ = [
            i
            for i in range(len(candidates))
            if worth[i] >= floor
            and (not chosen or length + candidates[i].words <= _LENGTH)
            and not any(_alike(candidates[i], candidates[j]) for j in chosen)
        ]
        if not open_:
            break
        chosen.append(max(open_, key=lambda i: worth[i] + _ADDS * weighed.of(own[i] - said)))
    return [candidates[i] for i in chosen]


def _alike(one: Unit, other: Unit) -> bool:
    if one.hit == other.hit and set(one.sentences) & set(other.sentences):
        return True
    a, b = set(stems(one.text)), set(stems(other.text))
    shared = len(a & b)
    return shared >= _TOO_ALIKE * len(a | b) or shared >= 0.85 * (min(len(a), len(b)) or 1)


def _authorship(question: str, hits: Sequence[Hit]) -> list[Unit]:
    """Title and author line of the work that "who wrote …" asks about; else nothing."""
    if not _AUTHORS.search(question):
        return []
    asked = set(stems(question))
    best: tuple[float, int, tuple[Sentence, ...]] | None = None
    for index, hit in enumerate(hits, 1):
        sentences = hit.passage.sentences
        for at, sentence in enumerate(sentences):
            if not _names_authors(hit.passage.quote(sentence), hit.document):
                continue
            title = set(stems(hit.document.title))
            share = len(title & asked) / (len(title) or 1)
            own = sentences[at - 1 : at + 1] if at else (sentence,)
            if share >= 0.3 and (best is None or share > best[0]):
                best = share, index, own
    if best is None:
        return []
    _, index, own = best
    text = " ".join(tidy(hits[index - 1].passage.quote(one)) for one in own)
    return [Unit(index, own, text, "", listed=False)]


def _names_authors(text: str, document: Document) -> bool:
    """Whether a line gives the document's authors and nothing else."""
    if not document.authors:
        return False
    said, known = words(text), set(words(document.authors))
    return bool(said) and sum(word in known for word in said) >= 0.8 * len(said)


def _titles(text: str, document: Document) -> bool:
    """Whether a line says no more than the document's title."""
    return set(words(text)) <= set(words(document.title))


def _in_order(chosen: Sequence[Unit]) -> list[Unit]:
    """The best first; of the others, what comes from the same passage together, in its order."""
    hits = list(dict.fromkeys(one.hit for one in chosen))
    others = sorted(chosen[1:], key=lambda one: (hits.index(one.hit), one.sentences[0].start))
    return [*chosen[:1], *others]


def _lead(documents: Sequence[Document]) -> str:
    """ "From A (session 15) and B (session 3):" """
    named = []
    for document in {one.id: one for one in documents}.values():
        where = ""
        if document.sessions:
            where = f" (session {', '.join(map(str, document.sessions[:3]))})"
        named.append(f"{document.title}{where}")
    *others, last = named
    return f"From {', '.join(others)} and {last}:" if others else f"From {last}:"


def _quoted(one: Unit, hits: Sequence[Hit]) -> str:
    passage = hits[one.hit - 1].passage
    quotes = [f"“{_bare(passage.quote(sentence))}” [{one.hit}]" for sentence in one.sentences]
    lead = tidy(passage.quote(one.sentences[0]))
    if one.listed and lead[-1] not in ".!?:":  # tells what the rest is of, but says nothing itself
        quotes[0] = f"{_SECTION_NUMBER.sub('', lead)}:"
    out = quotes[0]
    for quote, sentence in zip(quotes[1:], one.sentences[1:], strict=True):
        as_item = sentence.kind == "item" and opens(passage, sentence)
        out += f"\n- {quote}" if as_item else f" {quote}"
    return out


def _bare(text: str) -> str:
    """Without quotation marks around the whole, and without a paper's own reference numbers:
    they would be read as marks of the answer."""
    text = tidy(_REFERENCE.sub("", text))
    inner = text[1:-1]
    if len(text) > 2 and text[0] in '"“' and text[-1] in '"”' and not re.search(r'["“”]', inner):
        return inner
    return text
