"""Questions that the index can answer, made from its own sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise, zip_longest
from typing import NamedTuple

from seminar_rag.text import STOPWORDS, stems
from seminar_rag.types import Document, Hit, Passage

NAMED = r"[A-Z][a-z]*[A-Z][\w-]*|[A-Z][\w-]*[0-9A-Z](?: [A-Z0-9][\w.-]*)?"
"""A name that no ordinary word looks like: FlashAttention, QLoRA, GPT-3, Llama 2."""
_SUBJECT = r"(?P<name>[A-Za-z][\w-]*(?: [\w-]+){0,3}?)"
_SHORT = r"(?: \((?P<short>[A-Z][\w-]{1,9})\))?"
_DEFINITION = re.compile(
    rf"^(?P<article>The |An? )?{_SUBJECT}{_SHORT} (?P<verb>is|are) (?:an?|the) \w"
)
_ACTION = re.compile(
    rf"^(?P<name>{NAMED})(?: \([^)]*\))? "
    r"(?:lets|computes|trains|uses|turns|adds|keeps|stores|splits|replaces|learns|generates|"
    r"combines|samples|adapts|quantizes|retrieves|introduces|proposes|applies|extends|freezes)\b"
)
_TITLE = re.compile(rf"^(?:Primer: )?(?P<name>{NAMED})(?::|,| and )")
_VAGUE = STOPWORDS | frozenset(
    "one goal idea result results work approach method model key main problem way reason example"
    " answer question figure table section primer step important common another many several"
    " second first third part number they there it abstract we our authors author text notes"
    " session introduction conclusion summary next final following current left right".split()
)


_RANK = {"paper": 0, "abstract": 1, "notes": 2}
_OPENING = 5
"""Passages at the beginning of a document that questions are made of."""
_COMPARED = 8
"""Documents in which two things to compare are looked for."""
_ABOUT = re.compile(r"^(?:What (?:is|are)|How does) (?:the |an? )?| work\?$|\?$")
_CAPITALS = re.compile(NAMED)


class Made(NamedTuple):
    """A question that a reading answers."""

    question: str
    name: str
    """What it asks about."""
    document: Document
    passage: Passage | None
    """What answers it; None where only the title says that something would."""


Search = Callable[[str, int], Sequence[Hit]]
Holds = Callable[[str, Sequence[Hit]], bool]


def answerable(
    documents: Iterable[Document],
    passages_of: Callable[[str], Sequence[Passage]],
    search: Search,
    holds_answer: Holds,
    listed: Callable[[str], bool],
    n: int,
) -> tuple[str, ...]:
    """Up to n questions of different kinds that are answered, from different sessions.

    Half ask what something is; the others compare two things, ask for readings on a subject, for
    the gist of a paper, and where to begin with a session.

    Args:
        documents: those of the first sessions to be shown come first; papers are preferred to
            descriptions, these to notes.
        passages_of: the id of a document → its passages.
        search: a question and a number of passages → the best passages.
        holds_answer: whether passages answer a question.
        listed: whether the reading list, or a reading's key sentences, answer a question.
    """
    ranked = sorted(documents, key=lambda one: _RANK[one.kind])
    texts = ((one, passages_of(one.id)[:_OPENING]) for one in ranked)
    made: list[Made] = []
    sessions: set[int] = set()
    for one in islice(questions(texts), 8 * n):
        where = _answered(one, search, holds_answer)
        # From many sessions, so that the examples show what the course is about.
        if where is None or where & sessions:
            continue
        sessions |= where
        made.append(one)
        if len(made) == n:
            break
    comparison = _comparison(ranked, passages_of, search, holds_answer)
    others = [comparison] if comparison else []
    others += next(([q] for one in made if (on := _subject(one))
                    and listed(q := f"What should I read on {on}?")), [])  # fmt: skip
    others += next(([q] for one in reversed(made) if one.document.kind == "paper"
                    and listed(q := f"Summarize “{one.document.title}”")), [])  # fmt: skip
    numbers = (number for one in made for number in one.document.sessions)
    first = (f"What should I read first in session {number}?" for number in numbers)
    others += islice(filter(listed, first), 1)
    plain = [one.question for one in made]
    mixed = chain.from_iterable(zip_longest(plain[: max(n - len(others), n // 2)], others))
    return tuple(filter(None, mixed))[:n]


def about(
    document: Document, passages: Sequence[Passage], search: Search, holds_answer: Holds, n: int
) -> tuple[str, ...]:
    """Up to n questions that a reading answers, of a search within it."""
    one_by_one = ((document, [passage]) for passage in passages)
    found = (one for one in questions(one_by_one) if one.passage)
    good = (one.question for one in found if _answered(one, search, holds_answer) is not None)
    return tuple(islice(good, n))


def _answered(one: Made, search: Search, holds_answer: Holds) -> set[int] | None:
    """The sessions of what is found first; None where what answers the question is not found."""
    hits = search(one.question, 3)
    ids = {hit.passage.id for hit in hits}
    if not hits or (one.passage and one.passage.id not in ids):
        return None
    return set(hits[0].document.sessions) if holds_answer(one.question, hits) else None


def _comparison(
    documents: Iterable[Document],
    passages_of: Callable[[str], Sequence[Passage]],
    search: Search,
    holds_answer: Holds,
) -> str:
    """A question about two things that one reading explains; "" where there is none."""
    for document in islice(documents, _COMPARED):
        one_by_one = ((document, [passage]) for passage in passages_of(document.id))
        named = [one for one in questions(one_by_one) if one.passage and _CAPITALS.match(one.name)]
        for first, second in pairwise(named):
            question = f"What is the difference between {first.name} and {second.name}?"
            hits = search(question, 6)
            ids = {hit.passage.id for hit in hits}
            both = {one.passage.id for one in (first, second) if one.passage}
            if both <= ids and holds_answer(question, hits):
                return question
    return ""


def _subject(one: Made) -> str:
    """What a question asks about, as it stands without an article; "" where its title has no form
    that does: "a scaling law" is "scaling laws" there."""
    if not re.match(r"What (?:is|are) an? ", one.question):
        return one.name
    title, count = one.document.title, len(one.name.split())
    words = re.findall(r"[\w-]+", title)
    runs = (words[at : at + count] for at in range(len(words)))
    run = next((run for run in runs if stems(" ".join(run)) == stems(one.name)), [])
    plain = [word.lower() if word[1:].islower() else word for word in run]
    return " ".join(plain) if plain != one.name.split() else ""


def questions(documents: Iterable[tuple[Document, Sequence[Passage]]]) -> Iterator[Made]:
    """Questions like "What is X?", at most one a document; whether they hold is not checked.

    Args:
        documents: each with its first passages.
    """
    asked: set[str] = set()
    for document, passages in documents:
        one = _from_sentences(passages, document) or _from_title(document)
        if one and one.question.lower() not in asked:
            asked.add(one.question.lower())
            yield one


def _from_title(document: Document) -> Made | None:
    match = _TITLE.match(document.title)
    return Made(f"What is {match['name']}?", match["name"], document, None) if match else None


def _from_sentences(passages: Iterable[Passage], document: Document) -> Made | None:
    for passage in passages:
        for sentence in passage.sentences:
            if sentence.kind in ("paragraph", "item"):
                question = _question(passage.quote(sentence), set(stems(document.title)))
                if question:
                    name = _ABOUT.sub("", question)
                    return Made(question, name, document, passage)
    return None


def definition(sentence: str, subject: set[str]) -> str:
    """The term that a sentence says what it is, as `questions` finds them; "" where there is none.

    Args:
        subject: the stems of the title of its document.
    """
    match = _DEFINITION.match(sentence)
    return match["name"] if match and _question(sentence, subject) else ""


def _question(sentence: str, subject: set[str]) -> str | None:
    """The question that a sentence answers; of plain words only those of the title's subject."""
    match = _ACTION.match(sentence)
    if match and match["name"].lower() not in _VAGUE:
        return f"How does {match['name']} work?"
    match = _DEFINITION.match(sentence)
    if match is None:
        return None
    name = match["name"]
    words = name.lower().split()
    if {words[0], words[-1]} & _VAGUE or len(name) < 3:
        return None
    if not match["short"] and not re.fullmatch(NAMED, name) and not set(stems(name)) <= subject:
        return None
    # A sentence opens with a capital; only a name keeps it inside the question.
    article = (match["article"] or "").lower()
    if name.split()[0][1:].islower() and not article and not match["short"]:
        name = name[0].lower() + name[1:]
    return f"What {match['verb']} {article}{name}?"
