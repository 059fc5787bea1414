"""What a browser or program may send, with types and limits: scopes, conversations, links.

What comes from outside may be anything. What does not fit is left out, and all of it is escaped
like everything else when it is shown. The same models write a conversation down for the browser
that keeps it: they are filled from the attributes of the values that they stand for.

Only what cannot be had again is written down: questions, answers, and for every citation the ids
and the quotation, not the passage. When a conversation is reopened, each citation is looked up in
the readings as they are now. A passage that was split anew is found by its quotation; one that is
gone is said to be.

The page, not Gradio's BrowserState, puts the JSON into the browser's storage: BrowserState keeps
everything under one key, so that two open pages overwrite each other's conversations, travels
whole with every event, and loses what does not fit without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlencode

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    OnErrorOmit,
    ValidationError,
    model_validator,
)

from seminar_rag.types import (
    Citation,
    Document,
    Kind,
    Passage,
    Scope,
    SentenceVerdict,
    Verdict,
    VerdictLabel,
)
from seminar_rag.types.serving import Reason
from seminar_rag.ui.shared.conversation import WHOLE_COURSE, Conversation, Exchange, State
from seminar_rag.ui.shared.wording import find_quote

if TYPE_CHECKING:
    from seminar_rag.course import Course

LONGEST_RECORD = 2_000_000
"""Characters of JSON that are read."""
LONGEST_LINK = 10_000
"""Characters of an address that are read."""
MOST_CITATIONS = 2_000
"""Citations of a conversation that are looked up; the rest are dropped."""
CUT_OFF = "The connection broke. Your question is back in the box."
"""Why a question has no answer after the page or the server was closed."""


def _cut(longest: int) -> BeforeValidator:
    """A validator that cuts texts and lists to their limit. In texts it also replaces lone
    surrogates, which JSON can spell but nothing can encode."""

    def cut(value: object) -> object:
        if isinstance(value, str):
            return value[:longest].encode("utf-8", "replace").decode("utf-8")
        if isinstance(value, frozenset):
            value = sorted(value)
        return value[:longest] if isinstance(value, (list, tuple)) else value

    return BeforeValidator(cut)


def _other_name(*path: str) -> Any:
    """Names the attribute that fills a field when the model is made from a value, not JSON."""
    return Field(validation_alias=AliasPath(*path))


T = TypeVar("T")
Text = Annotated[str, _cut(20_000)]
Line = Annotated[str, _cut(500)]
Id = Annotated[str, _cut(200)]
Quote = Annotated[str, _cut(4_000), Field(min_length=1)]
Parts = Annotated[tuple[OnErrorOmit[T], ...], _cut(100)]
"""At most a hundred items; those that do not fit are left out."""
Count = Annotated[int, Field(strict=True, ge=0, lt=100_000)]


class Lenient(BaseModel):
    """A model that treats a field that does not fit as missing."""

    model_config = ConfigDict(
        frozen=True, from_attributes=True, loc_by_alias=False, validate_by_name=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _without_misfits(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if not isinstance(value, dict):
                raise
            misfits = {one["loc"][0] for one in error.errors(include_input=False)}
            return handler({name: one for name, one in value.items() if name not in misfits})

    @classmethod
    def read(cls, text: object) -> Self | None:
        """Read JSON text from a browser; None where it does not describe such a model."""
        if not isinstance(text, (str, bytes)) or not 0 < len(text) <= 2 * LONGEST_RECORD:
            return None
        try:
            return cls.model_validate(json.loads(text))
        except (ValueError, RecursionError):
            return None


class ScopeRecord(Lenient):
    """The part of the course that is asked."""

    sessions: Parts[Annotated[int, Field(strict=True, gt=-10_000, lt=10_000)]] = ()
    readings: Parts[Annotated[str, Field(min_length=1, max_length=200)]] = ()
    kinds: Parts[Kind] = ()
    required: Annotated[bool, Field(strict=True), _other_name("required_only")] = False

    def scope(self) -> Scope:
        """This record as a scope."""
        sets = frozenset(self.sessions), frozenset(self.readings), frozenset(self.kinds)
        return Scope(*sets, self.required)


class DocumentRecord(Lenient):
    """What is needed to name a document that is gone."""

    id: Text = ""
    kind: Kind = "paper"
    reading: Id = ""
    title: Text = ""
    authors: Text | None = None
    sessions: Parts[Count] = ()


class CitationRecord(Lenient):
    """A citation: its mark, its quotation and where that stands."""

    number: Annotated[int, Field(strict=True, gt=0, lt=1000)]
    quote: Quote
    document: DocumentRecord
    passage: Annotated[Id, _other_name("passage", "id")] = ""
    page: Count | None = None


class VerdictRecord(Lenient):
    """The verdict on a sentence of an answer."""

    start: Count
    end: Count
    label: Annotated[VerdictLabel, _other_name("verdict", "label")]
    reason: Annotated[Text, _other_name("verdict", "reason")] = ""
    by: Annotated[Id, _other_name("verdict", "verifier")] = ""


class ExchangeRecord(Lenient):
    """A question and its answer."""

    question: Annotated[Text, Field(min_length=1)]
    state: State
    text: Text = ""
    scope: ScopeRecord = ScopeRecord()
    asked: Line = ""
    markdown: bool = False
    hint: bool = False
    abstained: bool = False
    seconds: Annotated[float, Field(ge=0, lt=1e6, allow_inf_nan=False)] | None = None
    note: Text = ""
    warnings: Parts[Text] = ()
    feedback: Literal["helpful", ""] | Reason = ""
    reason: Line = ""
    restricted: Line = ""
    signed: Id = ""
    citations: Parts[CitationRecord] = ()
    nearest: Parts[DocumentRecord] = ()
    verdicts: Parts[VerdictRecord] = ()


class PendingRecord(Lenient):
    """A question that had no answer yet when the record was made."""

    question: Annotated[Text, Field(min_length=1)]
    scope: ScopeRecord = ScopeRecord()
    asked: Line = ""


class ConversationRecord(Lenient):
    """A conversation as the browser stores it; the page keeps its title beside it."""

    v: Literal[1]
    id: Annotated[str, _cut(64), Field(min_length=1)]
    exchanges: Annotated[tuple[OnErrorOmit[ExchangeRecord], ...], _cut(200)] = ()
    pending: PendingRecord | None = None


class Wish(Lenient):
    """A request of the page's script, or what a page knows when it opens."""

    do: str = ""
    record: str = ""
    """A conversation as JSON."""
    hash: str = ""
    """The fragment of the page's address."""
    scope: ScopeRecord = ScopeRecord()
    exchange: Annotated[int, Field(strict=True)] = 0
    says: str = ""
    comment: Text = ""
    share: Annotated[bool, Field(strict=True)] = False
    draft: Text = ""


class ExportRequest(Lenient):
    """A conversation that is to become a file."""

    record: str
    title: Id = ""


def scope_of(value: object) -> Scope:
    """Read the scope that a browser or program names; what is not understood is ignored."""
    try:
        return ScopeRecord.model_validate(value).scope()
    except ValidationError:
        return WHOLE_COURSE


# Conversations --------------------------------------------------------------------------------


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

    A question that was still pending has failed, and says so. Raises StoreError: the index cannot
    be read."""
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


# Links ----------------------------------------------------------------------------------------


def permalink(question: str, scope: Scope) -> str:
    """Write a question with its scope as the fragment of an address, "#" included:
    "#q=What is DPO?&scope=session:6,kind:notes"."""
    parts = [
        *(f"session:{one}" for one in sorted(scope.sessions)),
        *(f"reading:{quote(one, safe='')}" for one in sorted(scope.readings)),
        *(f"kind:{one}" for one in sorted(scope.kinds)),
        *(("required",) if scope.required_only else ()),
    ]
    pairs = {"q": question, "scope": ",".join(parts)}
    kept = {name: value for name, value in pairs.items() if value}
    return "#" + urlencode(kept, quote_via=quote, safe=":,")


def parse_link(fragment: str) -> tuple[str, Scope] | None:
    """Read question and scope of an address; None where it names neither. Never raises."""
    if not 1 < len(fragment) <= LONGEST_LINK:
        return None
    try:
        fields = parse_qs(fragment.removeprefix("#"), max_num_fields=10)
    except ValueError:
        return None
    question, named = fields.get("q", [""])[0], fields.get("scope", [""])[0]
    if not question and not named:
        return None
    found: dict[str, list[object]] = {"sessions": [], "readings": [], "kinds": []}
    for part in named.split(","):
        name, _, value = part.partition(":")
        if name == "session" and value.isdecimal() and len(value) < 6:
            found["sessions"].append(int(value))
        elif name in ("reading", "kind"):
            found[f"{name}s"].append(unquote(value))
    return question, scope_of({**found, "required": "required" in named.split(",")})
