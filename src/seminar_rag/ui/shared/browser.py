"""Models of what a browser or program may send, with types and limits; and links to a question.

What comes from outside may be anything. What does not fit is left out, and all of it is escaped
like everything else when it is shown. The same models write a conversation down: they are filled
from the attributes of the values that they stand for.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self, TypeVar
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

from seminar_rag.types import Kind, Scope, VerdictLabel
from seminar_rag.types.serving import Reason
from seminar_rag.ui.shared.conversation import WHOLE_COURSE, State

LONGEST_RECORD = 2_000_000
"""Characters of JSON that are read."""
LONGEST_LINK = 10_000
"""Characters of an address that are read."""


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
