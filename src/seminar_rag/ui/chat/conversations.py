"""Conversations as the browser keeps them: to JSON and back. Pure but for the readings it asks.

Only what cannot be had again is written down: questions, answers, and for every citation the ids
and the quotation, not the passage. Coming back, each citation is held against the readings as they
are now. A passage that was split anew is found by its quotation; one that is gone is said to be.

The page, not Gradio's BrowserState, puts the JSON into the browser's storage: BrowserState keeps
everything under one key, so that two open pages overwrite each other's conversations, travels
whole with every event, and loses what does not fit without a word.

What comes from a browser may be anything. It is read field by field with its type and a limit;
what does not fit is left out, and all of it is escaped like everything else when it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, get_args

from seminar_rag.types import (
    Citation,
    Document,
    Kind,
    Passage,
    Scope,
    SentenceVerdict,
    Turn,
    Verdict,
    VerdictLabel,
)
from seminar_rag.ui.chat.exchange import FEEDBACK, STATES, WHOLE, Exchange, State, find_quote

VERSION = 1
LONGEST_RECORD = 2_000_000
"""Characters of JSON that are read."""
MOST_EXCHANGES = 200
MOST_PARTS = 100
"""Citations, verdicts, warnings or nearest readings of one answer."""
MOST_CITATIONS = 2_000
"""Of a whole conversation."""
LONGEST = 20_000
"""Characters of one text."""
LONGEST_QUOTE = 4_000
CUT_OFF = "The answer was cut off. The question is in the box again."
"""Why a question has no answer after the page or the server was closed."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_LABELS: tuple[VerdictLabel, ...] = get_args(VerdictLabel)


class Readings(Protocol):
    """What is asked of the course to bring citations back."""

    def documents(self) -> Mapping[str, Document]:
        """All documents that have passages, by id."""

    def passages(self, ids: Sequence[str]) -> Mapping[str, Passage]:
        """The passages of these ids that exist, by id."""

    def passages_of(self, document: str) -> Sequence[Passage]:
        """All passages of a document, in order."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that was sent and has no answer yet."""

    question: str
    scope: Scope
    asked: str = ""
    """The scope in words."""
    share: bool = False
    """The student lets the instructor read it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was asked in one conversation, oldest first."""

    exchanges: tuple[Exchange, ...] = ()
    pending: Pending | None = None
    id: str = ""
    """Given with the first question."""

    @property
    def next(self) -> int:
        """The number of the next exchange."""
        return self.exchanges[-1].number + 1 if self.exchanges else 1

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The finished exchanges, as history for a follow-up question."""
        return tuple(
            turn
            for each in self.exchanges
            if each.state == "done"
            for turn in (Turn("user", each.question), Turn("assistant", each.text))
        )

    @property
    def scope(self) -> Scope:
        """What was asked last."""
        if self.pending is not None:
            return self.pending.scope
        return self.exchanges[-1].scope if self.exchanges else WHOLE

    def ended(self, exchange: Exchange) -> Conversation:
        """With the pending question answered, stopped or failed as `exchange` says."""
        return Conversation((*self.exchanges, exchange), id=self.id)


# To the browser -------------------------------------------------------------------------------


def to_record(conversation: Conversation) -> str:
    """The conversation as JSON; the title is the page's business. "" before the first question."""
    if not conversation.id:
        return ""
    pending = conversation.pending
    return json.dumps(
        {
            "v": VERSION,
            "id": conversation.id,
            "exchanges": [_exchange_json(one) for one in conversation.exchanges],
            "pending": pending
            and {
                "question": pending.question,
                "scope": scope_json(pending.scope),
                "asked": pending.asked,
            },
        },
        ensure_ascii=False,
    )


def scope_json(scope: Scope) -> dict[str, Any]:
    """A scope as JSON, without what it does not restrict."""
    parts = {
        "sessions": sorted(scope.sessions),
        "readings": sorted(scope.readings),
        "kinds": sorted(scope.kinds),
        "required": scope.required_only,
    }
    return {name: value for name, value in parts.items() if value}


def _exchange_json(view: Exchange) -> dict[str, Any]:
    return {
        "question": view.question,
        "scope": scope_json(view.scope),
        "asked": view.asked,
        "state": view.state,
        "text": view.text,
        "markdown": view.markdown,
        "abstained": view.abstained,
        "seconds": view.seconds,
        "note": view.note,
        "warnings": view.warnings,
        "feedback": view.feedback,
        "reason": view.reason,
        "restricted": view.restricted,
        "citations": [_citation_json(one) for one in view.citations],
        "nearest": [_document_json(one) for one in view.nearest],
        "verdicts": [
            {
                "start": one.start,
                "end": one.end,
                "label": one.verdict.label,
                "reason": one.verdict.reason,
                "by": one.verdict.verifier,
            }
            for one in view.verdicts
        ],
    }


def _citation_json(one: Citation) -> dict[str, Any]:
    return {
        "number": one.number,
        "passage": one.passage.id,
        "quote": one.quote,
        "page": one.page,
        "document": _document_json(one.document),
    }


def _document_json(one: Document) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "reading": one.reading,
        "title": one.title,
        "authors": one.authors,
        "sessions": one.sessions,
    }


# And back -------------------------------------------------------------------------------------


def from_record(text: object, readings: Readings) -> Conversation | None:
    """The conversation with its citations in the readings of now; None for what is none.

    A question that was still pending has failed, and says so.

    Raises:
        StoreError: the index cannot be read.
    """
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_RECORD:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("v") != VERSION or not _text(record, "id", 64):
        return None
    recall = _Recall(readings)
    views: list[Exchange] = []
    for one in _rows(record, "exchanges", MOST_EXCHANGES):
        view = _exchange(len(views) + 1, one, recall)
        if view is not None:
            views.append(view)
    pending = record.get("pending")
    if isinstance(pending, dict) and (question := _text(pending, "question")):
        scope = scope_of(pending.get("scope"))
        asked = _text(pending, "asked", 500)
        lost = Exchange(len(views) + 1, question, "failed", note=CUT_OFF, scope=scope, asked=asked)
        views.append(lost)
    return Conversation(tuple(views), id=_text(record, "id", 64))


def scope_of(value: object) -> Scope:
    """The scope that JSON means; what it does not understand does not restrict."""
    if not isinstance(value, dict):
        return WHOLE
    sessions = frozenset(
        one for one in _items(value, "sessions") if type(one) is int and abs(one) < 10_000
    )
    readings = frozenset(one for one in _texts(value, "readings") if 0 < len(one) <= 200)
    kinds = frozenset(kind for kind in KINDS if kind in _items(value, "kinds"))
    return Scope(sessions, readings, kinds, value.get("required") is True)


def _exchange(number: int, row: Mapping[str, Any], recall: _Recall) -> Exchange | None:
    question, text = _text(row, "question"), _text(row, "text")
    state: State | None = next((one for one in STATES if one == row.get("state")), None)
    if not question or state is None:
        return None
    citations, gone = recall.citations(_rows(row, "citations"))
    view = Exchange(
        number,
        question,
        state,
        text,
        citations,
        nearest=tuple(map(recall.document, _rows(row, "nearest"))),
        warnings=tuple(_texts(row, "warnings")),
        seconds=_seconds(row.get("seconds")),
        note=_text(row, "note"),
        markdown=row.get("markdown") is True,
        abstained=row.get("abstained") is True,
        verdicts=_verdicts(_rows(row, "verdicts"), len(text)),
        scope=scope_of(row.get("scope")),
        asked=_text(row, "asked", 500),
        gone=gone,
        reason=_text(row, "reason", 500),
        restricted=_text(row, "restricted", 500),
        feedback=next((one for one in FEEDBACK if one == row.get("feedback")), ""),
    )
    return replace(view, state="stopped") if view.running else view


class _Recall:
    """Holds what a browser says of documents and passages against the readings of now."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._documents = readings.documents()
        self._texts: dict[str, list[tuple[str, Passage]]] = {}
        self._left = MOST_CITATIONS

    def document(self, row: Mapping[str, Any]) -> Document:
        """The document of now; where it is gone, as the browser remembers it, without a link."""
        known = self._documents.get(_text(row, "id"))
        if known is not None:
            return known
        kind: Kind = next((one for one in KINDS if one == row.get("kind")), "paper")
        reading = _text(row, "reading", 200)
        for one in self._documents.values():
            if one.reading == reading and one.kind == kind:
                return one
        sessions = tuple(one for one in _items(row, "sessions") if type(one) is int)
        title = _text(row, "title") or "A reading"
        return Document("", kind, reading, title, _text(row, "authors") or None, sessions)

    def citations(
        self, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Citation, ...], frozenset[str]]:
        """The citations, and the ids of those passages that are gone."""
        rows = rows[: self._left]
        self._left -= len(rows)
        ids = [_text(row, "passage", 200) for row in rows]
        known = self._readings.passages([one for one in ids if one]) if any(ids) else {}
        out: list[Citation] = []
        gone: set[str] = set()
        for row, id_ in zip(rows, ids, strict=True):
            number, quote = row.get("number"), _text(row, "quote", LONGEST_QUOTE)
            document = row.get("document")
            if type(number) is not int or not 0 < number < 1000 or not quote:
                continue
            if not isinstance(document, dict):
                continue
            passage = known.get(id_)
            source = self._documents.get(passage.document) if passage else None
            if passage is None or source is None or find_quote(passage.text, quote) is None:
                source = self.document(document)
                passage = self._holding(quote, source.id)
            if passage is None:
                passage = _lost(id_, quote, row)
                gone.add(passage.id)
            out.append(Citation(number, source, passage, quote, _page(quote, passage)))
        return tuple(out), frozenset(gone)

    def _holding(self, quote: str, document: str) -> Passage | None:
        """The first passage of the document that has the quotation."""
        if document not in self._texts:
            found = self._readings.passages_of(document) if document else ()
            self._texts[document] = [(" ".join(one.text.split()), one) for one in found]
        wanted = " ".join(quote.split())
        return next((one for text, one in self._texts[document] if wanted and wanted in text), None)


def _page(quote: str, passage: Passage) -> int | None:
    place = find_quote(passage.text, quote)
    inside = [one.page for one in passage.sentences if place and one.start <= place[0] < one.end]
    return inside[0] if inside else passage.page


def _lost(id_: str, quote: str, row: Mapping[str, Any]) -> Passage:
    """A passage of which only the quotation is left."""
    page = row.get("page")
    known = page if type(page) is int and 0 < page < 100_000 else None
    name = f"gone:{id_.removeprefix('gone:')}"  # never the id of a passage
    return Passage(name, "", 0, quote, "", 0, len(quote), known, ())


def _verdicts(rows: Iterable[Mapping[str, Any]], length: int) -> tuple[SentenceVerdict, ...]:
    out: list[SentenceVerdict] = []
    last = 0
    for row in rows:
        start, end = row.get("start"), row.get("end")
        label = next((one for one in _LABELS if one == row.get("label")), None)
        if type(start) is not int or type(end) is not int or label is None:
            continue
        if last <= start <= end <= length:
            verdict = Verdict(label, 0.0, _text(row, "reason"), (), _text(row, "by", 200))
            out.append(SentenceVerdict(len(out), start, end, verdict))
            last = end
    return tuple(out)


def _seconds(value: object) -> float | None:
    if type(value) not in (int, float) or not 0 <= value < 1e6:  # type: ignore[operator]
        return None
    return float(value)  # type: ignore[arg-type]


# JSON of unknown shape ------------------------------------------------------------------------


def _text(row: Mapping[str, Any], name: str, longest: int = LONGEST) -> str:
    value = row.get(name)
    return _clean(value[:longest]) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Without lone surrogates, which JSON can spell but nothing can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _items(row: Mapping[str, Any], name: str, most: int = MOST_PARTS) -> list[Any]:
    value = row.get(name)
    return value[:most] if isinstance(value, list) else []


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    return [_clean(one[:LONGEST]) for one in _items(row, name) if isinstance(one, str)]


def _rows(row: Mapping[str, Any], name: str, most: int = MOST_PARTS) -> list[dict[str, Any]]:
    return [one for one in _items(row, name, most) if isinstance(one, dict)]
