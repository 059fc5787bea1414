"""Makes items of the sentences of a session's readings. Pure.

Without a language model nothing is worded anew: a question is a sentence with a gap, or asks who
says it, and its answer stands in that sentence. Wrong options come from other sentences. An item
holds only while its sentence stands in its reading and no wrong option could be right by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from random import Random
from typing import Any

from seminar_rag.answer.candidates import quotable, tidy
from seminar_rag.answer.examples import definition
from seminar_rag.check.terms import Term, terms
from seminar_rag.pages.view import claims
from seminar_rag.text import FUNCTION_WORDS, cut, fingerprint, stems
from seminar_rag.types import Citation, Document, Passage
from seminar_rag.types.study import GAP, MOST_ITEMS, DefinedTerm, ItemKind, StudyItem

OPTIONS = 4
"""Of a question of multiple choice."""
_ELSEWHERE = frozenset({"claim", "summary"})
"""The kinds whose answer does not stand in the sentence: a title, and what the check supports."""
_PARTS = {"list": re.compile("; "), "asked": re.compile(r",\s++(?:and\s++)?")}
"""Where an answer that counts things up is parted, by kind: a language model leaves out the words
between them."""
NUMBERS = 3
"""Numbers of a reading that are asked for: those of its most central passages."""
_LONGEST, _SHORTEST = 45, 8
"""Words of a sentence that an item is made of."""
_POINTS = re.compile(
    r"(?i)\b(?:this|these|those|it|its|they|their|he|she|such|former|latter|above|below|following"
    r"|previous|figure|fig|table|section|eq|equation|appendix|here)\b"
)
"""A word that points outside its sentence, which then cannot be understood alone."""
_CITED = re.compile(r"\s?\[[\d,;\s–-]+\]|\s?\([^()]*\b(?:19|20)\d\d[a-z]?\)|\s?\bBIBREF\d+")
"""A paper's own reference marks."""
_THIS_WORK = re.compile(
    r"(?i)\b(?:this|our|the present) (?:paper|work|survey|article|study|report|review)\b"
)
"""The reading, as it names itself: such words point to nothing else."""
_SHORT = re.compile(
    r"(?<![A-Za-z])(?P<long>[A-Za-z][a-z]++(?:[ -][A-Za-z][a-z]+){1,5}) \((?P<short>[A-Z]{2,6})s?\)"
)
_COUNTS = re.compile(
    r"\s?(?:%|per\s?cent\b)|\s(?:[\w-]+\s){0,2}?(?!was\b|has\b|is\b|this\b)[\w-]{2,}s\b|\s?[a-z]{1,3}\b"
)
"""What follows a number that says how much: a percent sign, a plural, a unit."""
_OURS = re.compile(
    r"(?i)\b(?:we|our|us|authors?|later|today|actual|subsequently|then|thereafter|afterwards)\b"
)
"""A word that is understood only by who knows who wrote the sentence, or when."""
_LEVEL = re.compile(r"\s?%?[ -]?(?:confidence|CI\b)")
"""What follows a confidence level, which is the same in every study."""
_TWIN = 0.5
"""The share of common words from which on two titles are so alike that a sentence could be from
either work."""
_RARE, _SPECIFIC = 2, 2
"""It can be told which reading a sentence is from if at least `_SPECIFIC` of its words stand in at
most `_RARE` readings."""
_LISTED, _PART = range(3, 8), 12
"""How many parts a list that is asked for has, and words of a part."""
_TITLE = 70
"""Characters of a reading's title in a question."""


@dataclass(frozen=True, slots=True)
class KeySentence:
    """A sentence that stands alone, with where it stands."""

    document: Document
    passage: Passage
    quote: str
    page: int | None
    central: float = 0.0
    """How near its passage lies to the middle of its document, -1 to 1."""

    @property
    def text(self) -> str:
        """The sentence without markup and the paper's reference marks."""
        return tidy(_CITED.sub("", self.quote))

    @property
    def citation(self) -> Citation:
        """The sentence as a citation."""
        return Citation(1, self.document, self.passage, self.quote, self.page)


def sources(
    document: Document, passages: Iterable[Passage], central: Mapping[str, float] | None = None
) -> Iterator[KeySentence]:
    """The sentences of a document that can be understood alone.

    Args:
        central: passage id → how near it lies to the middle of the document.
    """
    title = tidy(document.title).casefold()
    for passage in passages:
        for sentence in passage.sentences:
            if sentence.kind not in ("paragraph", "item"):
                continue
            quote, page = passage.quote(sentence), sentence.page or passage.page
            near = (central or {}).get(passage.id, 0.0)
            one = KeySentence(document, passage, quote, page, near)
            words = len(one.text.split())
            whole = quotable(one.text) and one.text[-1:] in ".!?"
            if whole and _SHORTEST <= words <= _LONGEST and one.text.casefold() != title:
                yield one


def defined(found: Iterable[KeySentence]) -> list[tuple[DefinedTerm, KeySentence]]:
    """The terms that sentences define, each by the first that does, with their sentence."""
    out: dict[str, tuple[DefinedTerm, KeySentence]] = {}
    for one in found:
        name = definition(one.text, set(stems(one.document.title)))
        if name and not _POINTS.search(one.text):
            out.setdefault(name.casefold(), (DefinedTerm(name, one.citation), one))
    return list(out.values())


def make(
    session: int,
    found: Sequence[KeySentence],
    central: Mapping[str, Sequence[Citation]],
    seed: int = 0,
) -> tuple[StudyItem, ...]:
    """Items of a session, the kinds and readings mixed, at most `MOST_ITEMS`.

    Args:
        found: the sentences of its readings, and of others of the course for wrong options.
        central: document id → the sentences of a reading that say most of it.
        seed: chooses and orders the wrong options.
    """
    chance = Random(seed)  # noqa: S311 - not for secrets
    own = [one for one in found if session in one.document.sessions]
    kinds = [
        list(_terms(session, own, found, chance)),
        list(_numbers(session, found, chance)),
        list(_claims(session, own, found, central, chance)),
        list(_shorts(session, own)),
        list(_lists(session, own)),
    ]
    mixed = (one for row in zip_longest(*kinds) for one in row if one is not None)
    known = passages_of(found)
    good = {one.question: one for one in mixed if not fault(one, known)}
    return tuple(good.values())[:MOST_ITEMS]


def passages_of(found: Iterable[KeySentence]) -> dict[str, list[Passage]]:
    """Document id → its passages that sentences were found in."""
    out: dict[str, list[Passage]] = {}
    for passage in {one.passage.id: one.passage for one in found}.values():
        out.setdefault(passage.document, []).append(passage)
    return out


def item_of(value: Mapping[str, Any]) -> StudyItem | None:
    """An item as it was kept; None where it has another form."""
    try:
        return StudyItem(**{**value, "options": tuple(value["options"])})
    except (TypeError, KeyError):
        return None


# The kinds ------------------------------------------------------------------------------------


def _terms(
    session: int, own: Sequence[KeySentence], found: Sequence[KeySentence], chance: Random
) -> Iterator[StudyItem]:
    """A defining sentence without its term: which term is it?"""
    names = {term.name: one.document.reading for term, one in defined(found)}
    for term, one in defined(own):
        text = _without(one.text, term.name)
        others = [
            name
            for name, reading in names.items()
            if reading != one.document.reading and not _alike(name, term.name, one.text)
        ]
        if text is not None and len(others) >= OPTIONS - 1:
            question = f"Which term does this sentence explain? “{text}”"
            wrong = chance.sample(others, OPTIONS - 1)
            yield item(session, "term", question, term.name, one, wrong, chance)


def _numbers(session: int, found: Sequence[KeySentence], chance: Random) -> Iterator[StudyItem]:
    """A sentence with a single number, which is left out."""
    every = [(one, number) for one in found if (number := _number(one))]
    asked: Counter[str] = Counter()
    for one, number in sorted(every, key=lambda pair: -pair[0].central):
        if session not in one.document.sessions or asked[one.document.id] == NUMBERS:
            continue
        figure = one.text[number.start : number.end]
        wrong = {
            other.text[rival.start : rival.end]
            for other, rival in every
            if other.document.reading != one.document.reading and _rivals(number, rival)
        }
        if len(wrong) < OPTIONS - 1:
            continue
        text = one.text[: number.start] + GAP + one.text[number.start + len(figure) :]
        question = f"Which number is left out? “{text}” (“{cut(one.document.title, _TITLE)}”)"
        asked[one.document.id] += 1
        chosen = chance.sample(sorted(wrong), OPTIONS - 1)
        yield item(session, "number", question, figure, one, chosen, chance)


def _rivals(number: Term, other: Term) -> bool:
    """Whether another number could be thought to stand in the place of a number."""
    shares = {number.unit, other.unit} & {"%", "x"}
    near = 0.2 * number.value <= other.value <= 5 * number.value
    return near and other.value != number.value and (not shares or number.unit == other.unit)


def _claims(
    session: int,
    own: Sequence[KeySentence],
    found: Sequence[KeySentence],
    central: Mapping[str, Sequence[Citation]],
    chance: Random,
) -> Iterator[StudyItem]:
    """A central sentence: which of four readings says it?"""
    titles = {one.document.reading: one.document.title for one in found
              if one.document.kind != "notes"}  # fmt: skip
    near = list(dict.fromkeys(one.document.reading for one in own if one.document.kind != "notes"))
    far = [one for one in titles if one not in near]
    used: dict[str, set[str]] = {}
    for one in found:
        for word in stems(one.text):
            used.setdefault(word, set()).add(one.document.reading)
    for one in own:
        cites = central.get(one.document.id, ())
        plain = _THIS_WORK.sub("", one.text)
        if one.quote not in {cited.quote for cited in cites} or _POINTS.search(plain):
            continue
        if not claims(one.text):
            continue
        words = set(stems(one.text))
        if sum(len(used[word]) <= _RARE for word in words) < _SPECIFIC:
            continue
        telling = {word for word in stems(one.document.title) if word in words}
        others = [each for each in near if each != one.document.reading]
        others += chance.sample(far, min(len(far), max(0, OPTIONS - 1 - len(others))))
        wrong = [titles[each] for each in others if not _twins(titles[each], one.document.title)]
        # Words that only the right title shares with the sentence give it away.
        shared = {word for title in wrong for word in stems(title)}
        if len(wrong) < OPTIONS - 1 or telling - shared:
            continue
        question = f"Which reading says this? “{one.text}”"
        yield item(session, "claim", question, one.document.title, one,
                    chance.sample(wrong, OPTIONS - 1), chance)  # fmt: skip


def _twins(title: str, other: str) -> bool:
    one, two = set(stems(title)), set(stems(other))
    return title == other or len(one & two) >= _TWIN * len(one | two)


def _shorts(session: int, own: Sequence[KeySentence]) -> Iterator[StudyItem]:
    """An abbreviation and what its reading says that it stands for, as a flashcard."""
    seen: set[str] = set()
    for one in own:
        for match in _SHORT.finditer(one.quote):
            words = re.split(r"[ -]", match["long"])[-len(match["short"]) :]
            initials = "".join(word[0] for word in words).upper()
            if initials == match["short"] and match["short"] not in seen:
                seen.add(match["short"])
                start = match["long"].rindex(words[0])
                yield item(session, "short", f"What does {match['short']} stand for?",
                            match["long"][start:], one)  # fmt: skip


def _lists(session: int, own: Sequence[KeySentence]) -> Iterator[StudyItem]:
    """A whole list and the line above it that says what it lists, as a flashcard."""
    for one in {source.passage.id: source for source in own}.values():
        passage, known = one.passage, one.passage.sentences
        texts = [passage.quote(sentence) for sentence in known]
        for at, head in enumerate(texts):
            last = next((i for i in range(at + 1, len(known)) if known[i].kind != "item"), 0)
            parts = [tidy(text).rstrip(" .;,") for text in texts[at + 1 : last]]
            lead = tidy(_CITED.sub("", head)).rstrip(" :")
            levels = {sentence.level for sentence in known[at + 1 : last]}
            whole = head.rstrip().endswith(":") and known[at].kind == "paragraph"
            if not whole or len(levels) != 1 or _POINTS.search(lead) or _OURS.search(lead):
                continue
            short = all(0 < len(part.split()) <= _PART and not part.endswith(":") for part in parts)
            if (
                short
                and len(set(parts)) in _LISTED
                and len(lead.split()) > 2
                and ";" not in "".join(parts)
            ):
                quote = passage.text[known[at].start : known[last - 1].end]
                where = KeySentence(one.document, passage, quote, known[at].page or passage.page)
                question = f"What does “{cut(one.document.title, _TITLE)}” list here? “{lead}: …”"
                yield item(session, "list", question, "; ".join(parts), where)


# Parts ----------------------------------------------------------------------------------------


def item(
    session: int,
    kind: ItemKind,
    question: str,
    answer: str,
    one: KeySentence,
    wrong: Sequence[str] = (),
    chance: Random | None = None,
) -> StudyItem:
    """An item of one sentence."""
    options = [answer, *wrong] if wrong else []
    if chance is not None:
        chance.shuffle(options)
    id_ = fingerprint(f"{kind}\n{one.document.id}\n{one.quote}\n{answer}")
    place = one.document.place([one.page]) or one.passage.own_heading
    return StudyItem(id_, kind, session, question, answer, tuple(options), one.quote,
                     one.document.id, one.passage.id, one.document.reading, one.document.title,
                     place)  # fmt: skip


def _without(text: str, name: str) -> str | None:
    """A sentence with a gap for a term; None where the term's words stay in it."""
    left = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", GAP, text, flags=re.IGNORECASE)
    left = re.sub(rf"{GAP} \([^)]*\)", GAP, left, count=1)
    own = set(stems(name))
    return left if GAP in left and not own & set(stems(left.replace(GAP, " "))) else None


def _alike(name: str, other: str, text: str) -> bool:
    """Whether one of two terms may stand for the other, or for what a sentence is about."""
    one, two = set(stems(name)), set(stems(other))
    return bool(one & two) or bool(one & set(stems(text)))


def _number(one: KeySentence) -> Term | None:
    """The only number of a sentence, if it says how much of something there is."""
    if _POINTS.search(one.text) or _OURS.search(one.text):
        return None
    numbers = [term for term in terms(one.text) if term.kind == "number"]
    digits = re.findall(r"\d+(?:[.,]\d+)*", one.text)
    if len(numbers) != 1 or len(digits) != 1 or numbers[0].spelled or numbers[0].value < 2:
        return None
    number = numbers[0]
    before = one.text[: number.start].split()
    if before and before[-1][:1].isupper() and before[-1].lower() not in FUNCTION_WORDS:
        return None  # the number of a thing: "Patient 3", "Phase 2"
    if _LEVEL.match(one.text, number.end):
        return None
    alone = one.text[max(0, number.start - 1) : number.start] in ("", " ", "~", "≈", ">", "<")
    counts = number.unit in ("%", "x") or _COUNTS.match(one.text, number.end)
    return number if alone and counts else None


# Faults ---------------------------------------------------------------------------------------


def fault(item: StudyItem, passages: Mapping[str, Sequence[Passage]]) -> str:
    """What is wrong with an item, in words; "" where it holds.

    Args:
        passages: document id → its passages as they are now.
    """
    quote = _folded(item.quote)
    if not any(quote in _folded(one.text) for one in passages.get(item.document, ())):
        return "its sentence is no longer in the reading"
    parts = _PARTS[item.kind].split(item.answer) if item.kind in _PARTS else [item.answer]
    if item.kind not in _ELSEWHERE and not all(_stands_in(tidy(one), tidy(quote)) for one in parts):
        return "its answer does not stand in its sentence"
    if item.kind == "claim" and item.answer != item.title:
        return "its answer is not the reading of its sentence"
    wrong = [one for one in item.options if one != item.answer]
    if item.options and (item.answer not in item.options or len(set(item.options)) != OPTIONS):
        return "its options are not four different ones"
    if item.kind != "claim" and any(_stands_in(one, item.quote) for one in wrong):
        return "a wrong option stands in its sentence"
    if item.kind == "number" and _digits(item.answer) in map(_digits, wrong):
        return "a wrong option is the same number"
    asked = item.question.replace(GAP, " ")
    if item.kind not in _ELSEWHERE and any(_stands_in(one, asked) for one in parts):
        return "its question tells the answer"
    return ""


def _digits(text: str) -> str:
    return re.sub(r"[^\d.]", "", text).strip(".")


def _stands_in(text: str, sentence: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(_folded(text))}(?!\w)", _folded(sentence)) is not None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
