"""Conversations as the browser keeps them: to JSON and back.

Only what cannot be had again is written down: questions, answers, and for every citation the ids
and the quotation, not the passage. When a conversation is reopened, each citation is looked up in
the readings as they are now. A passage that was split anew is found by its quotation; one that is
gone is said to be.

The page, not Gradio's BrowserState, puts the JSON into the browser's storage: BrowserState keeps
everything under one key, so that two open pages overwrite each other's conversations, travels
whole with every event, and loses what does not fit without a word.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.types import Citation, Document, Passage, SentenceVerdict, Verdict
from seminar_rag.types.serving import Common
from seminar_rag.ui.shared.browser import (
    CitationRecord,
    ConversationRecord,
    DocumentRecord,
    ExchangeRecord,
    VerdictRecord,
)
from seminar_rag.ui.shared.conversation import Conversation, Exchange
from seminar_rag.ui.shared.wording import find_quote

if TYPE_CHECKING:
    from seminar_rag.course import Course

MOST_CITATIONS = 2_000
"""Citations of a conversation that are looked up; the rest are dropped."""
CUT_OFF = "The connection broke. Your question is back in the box."
"""Why a question has no answer after the page or the server was closed."""
KEY_FILE = "answers.key"


def to_record(conversation: Conversation) -> str:
    """Write a conversation as JSON; "" before its first question."""
    if not conversation.id:
        return ""
    record = ConversationRecord.model_validate(
        {
            "v": 1,
            "id": conversation.id,
            "exchanges": conversation.exchanges,
            "pending": conversation.pending,
        }
    )
    return record.model_dump_json(exclude_defaults=True)


def from_record(text: object, course: Course) -> Conversation | None:
    """Read a conversation and look its citations up; None for what is no conversation.

    A question that was still pending has failed, and says so.

    Raises:
        StoreError: the index cannot be read.
    """
    record = ConversationRecord.read(text)
    if record is None:
        return None
    lookup = _Lookup(course)
    views = [_exchange(n, one, lookup) for n, one in enumerate(record.exchanges, 1)]
    if (lost := record.pending) is not None:
        scope, number = lost.scope.scope(), len(views) + 1
        views.append(
            Exchange(number, lost.question, "failed", note=CUT_OFF, scope=scope, asked=lost.asked)
        )
    return Conversation(tuple(views), id=record.id)


def _exchange(number: int, row: ExchangeRecord, lookup: _Lookup) -> Exchange:
    citations, gone = lookup.citations(row.citations)
    return Exchange(
        number=number,
        state="stopped" if row.state in ("waiting", "writing") else row.state,
        citations=citations,
        gone=gone,
        nearest=tuple(map(lookup.document, row.nearest)),
        verdicts=tuple(_verdicts(row.verdicts, len(row.text))),
        scope=row.scope.scope(),
        **row.model_dump(exclude={"state", "citations", "nearest", "verdicts", "scope"}),
    )


class _Lookup:
    """Finds the documents and passages that a browser names in the readings as they are now."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._documents = course.documents()
        self._texts: dict[str, list[tuple[str, Passage]]] = {}
        self._left = MOST_CITATIONS

    def document(self, row: DocumentRecord) -> Document:
        """The document as it is now, or as the browser knew it where it is gone, without a link."""
        if (known := self._documents.get(row.id)) is not None:
            return known
        for one in self._documents.values():
            if one.reading == row.reading and one.kind == row.kind:
                return one
        title = row.title or "A reading"
        return Document("", row.kind, row.reading, title, row.authors, row.sessions)

    def citations(
        self, rows: Sequence[CitationRecord]
    ) -> tuple[tuple[Citation, ...], frozenset[str]]:
        """Look citations up; returns them with the ids of the passages that are gone."""
        rows = rows[: self._left]
        self._left -= len(rows)
        ids = [row.passage for row in rows if row.passage]
        known = self._course.passages(ids) if ids else {}
        out: list[Citation] = []
        gone: set[str] = set()
        for row in rows:
            passage = known.get(row.passage)
            source = self._documents.get(passage.document) if passage else None
            if passage is None or source is None or find_quote(passage.text, row.quote) is None:
                source = self.document(row.document)
                passage = self._holding(row.quote, source.id)
            if passage is None:
                passage = _lost(row)
                gone.add(passage.id)
            page = _page(row.quote, passage)
            out.append(Citation(row.number, source, passage, row.quote, page))
        return tuple(out), frozenset(gone)

    def _holding(self, quote: str, document: str) -> Passage | None:
        """The first passage of the document that has the quotation."""
        if document not in self._texts:
            found = self._course.passages_of(document) if document else ()
            self._texts[document] = [(" ".join(one.text.split()), one) for one in found]
        wanted = " ".join(quote.split())
        return next((one for text, one in self._texts[document] if wanted and wanted in text), None)


def _page(quote: str, passage: Passage) -> int | None:
    place = find_quote(passage.text, quote)
    inside = [one.page for one in passage.sentences if place and one.start <= place[0] < one.end]
    return inside[0] if inside else passage.page


def _lost(row: CitationRecord) -> Passage:
    """A passage of which only the quotation is left."""
    name = f"gone:{row.passage.removeprefix('gone:')}"  # never the id of a passage
    return Passage(name, "", 0, row.quote, "", 0, len(row.quote), row.page or None, ())


def _verdicts(rows: Iterable[VerdictRecord], length: int) -> Iterable[SentenceVerdict]:
    """The verdicts whose spans lie in order inside a text of this length."""
    number, last = 0, 0
    for row in rows:
        if last <= row.start <= row.end <= length:
            verdict = Verdict(row.label, 0.0, row.reason, (), row.by)
            yield SentenceVerdict(number, row.start, row.end, verdict)
            number, last = number + 1, row.end


# Signatures -----------------------------------------------------------------------------------
#
# A browser may send back what it likes. An answer carries a nonce and an HMAC of its question, text
# and quotations, so that only those that the server gave can be rated; the key stays here.


def key_in(folder: Path, common: Common | None = None) -> bytes:
    """The key that all servers of a course have in common, or that is kept in a folder, made where
    there is none; one for this run if that fails.

    Raises:
        StoreError: what they have in common cannot be reached.
    """
    if common is not None:
        return bytes.fromhex(common.first("key", "answers", secrets.token_hex(32)))
    path = folder / KEY_FILE
    try:
        if not path.exists():
            path.touch(0o600)
            path.write_bytes(secrets.token_bytes(32))
        key = path.read_bytes()
    except OSError:
        key = b""
    return key if len(key) == 32 else secrets.token_bytes(32)


def signed(view: Exchange, key: bytes) -> Exchange:
    """The exchange with its signature."""
    nonce = secrets.token_hex(8)
    return replace(view, signed=f"{nonce}.{_digest(view, nonce, key)}")


def is_signed(view: Exchange, key: bytes) -> bool:
    """Whether the server gave this answer to this question with these quotations."""
    nonce, _, digest = view.signed.partition(".")
    return hmac.compare_digest(digest.encode(), _digest(view, nonce, key).encode())


def nonce_of(view: Exchange) -> str:
    """What names this answer alone, and nobody's but this one's."""
    return view.signed.partition(".")[0]


def _digest(view: Exchange, nonce: str, key: bytes) -> str:
    quotes = [one.quote for one in view.citations]
    said = json.dumps([nonce, view.question, view.text, quotes])
    return hmac.new(key, said.encode(), "sha256").hexdigest()
