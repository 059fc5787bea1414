"""Questions that the index can answer, made from its own sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

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


def answerable(
    documents: Iterable[Document],
    passages_of: Callable[[str], Sequence[Passage]],
    search: Callable[[str, int], Sequence[Hit]],
    holds_answer: Callable[[str, Sequence[Hit]], bool],
    n: int,
) -> tuple[str, ...]:
    """Up to n questions of which a search finds enough to answer, each from another session.

    Args:
        documents: papers are preferred to descriptions, these to notes.
        passages_of: the id of a document → its passages.
        search: a question and a number of passages → the best passages.
        holds_answer: whether passages answer a question.
    """
    ranked = sorted(documents, key=lambda one: _RANK[one.kind])
    texts = ((one, passages_of(one.id)[:_OPENING]) for one in ranked)
    out: list[str] = []
    sessions: set[int] = set()
    for question in islice(questions(texts), 8 * n):
        hits = search(question, 3)
        where = set(hits[0].document.sessions) if hits else set()
        # From many sessions, so that the examples show what the course is about.
        if where & sessions or not holds_answer(question, hits):
            continue
        sessions |= where
        out.append(question)
        if len(out) == n:
            break
    return tuple(out)


def questions(documents: Iterable[tuple[Document, Sequence[Passage]]]) -> Iterator[str]:
    """Questions like "What is X?", at most one a document; whether they hold is not checked.

    Args:
        documents: each with its first passages.
    """
    asked: set[str] = set()
    for document, passages in documents:
        question = _from_sentences(passages, document.title) or _from_title(document.title)
        if question and question.lower() not in asked:
            asked.add(question.lower())
            yield question


def _from_title(title: str) -> str | None:
    match = _TITLE.match(title)
    return f"What is {match['name']}?" if match else None


def _from_sentences(passages: Iterable[Passage], title: str) -> str | None:
    for passage in passages:
        for sentence in passage.sentences:
            if sentence.kind in ("paragraph", "item"):
                question = _question(passage.quote(sentence), set(stems(title)))
                if question:
                    return question
    return None


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
