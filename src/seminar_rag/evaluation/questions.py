"""A file of labelled questions → questions, or an error that names the line and the remedy.

The format, one JSON object a line:

    id                 any text, each once
    question           as a student types it
    type               "factoid", "why", "list" …, of which "multi" (evidence in several files),
                       "numeric" and "unanswerable" have a meaning
    evidence           a verbatim quote of the text, or several; white space does not matter
    doc                the file that they stand in
    evidence_docs      one file for each quote, where they differ
    paraphrase         true where the question avoids the text's words
    history            earlier messages of the conversation, {"role", "content"}
    unanswerable_kind  of "unanswerable": "on_topic", "off_topic" or "injection"
    answer             for whoever reads the file; other keys are ignored too
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from seminar_rag.errors import SourceError
from seminar_rag.types import Turn

Unanswerable = Literal["on_topic", "off_topic", "injection"]
KINDS: tuple[str, ...] = get_args(Unanswerable)
"""The kinds of unanswerable questions."""


@dataclass(frozen=True)
class Question:
    """One line of a questions file."""

    id: str
    text: str
    type: str
    evidence: tuple[tuple[str, str], ...] = ()
    """(file name, quote)."""
    history: tuple[Turn, ...] = ()
    paraphrase: bool = False
    unanswerable: Unanswerable | None = None
    """None for answerable questions."""
    line: int = 0
    """The line of the file, counted from 1."""

    @property
    def group(self) -> str:
        """The group of the breakdown that the question belongs to."""
        if self.type == "multi":
            return "multi-document"
        if self.history:
            return "follow-up"
        if self.type == "numeric":
            return "numeric"
        return "paraphrased" if self.paraphrase else "plainly worded"

    @property
    def place(self) -> str:
        """The line and id of the question, for messages."""
        return f"line {self.line} (question {self.id})"


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Texts = Annotated[
    tuple[Text, ...], BeforeValidator(lambda one: [one] if isinstance(one, str) else one or ())
]


class _Message(BaseModel):
    role: Literal["user", "assistant"]
    content: str


class _Line(BaseModel, coerce_numbers_to_str=True):
    """A line as it is written."""

    id: Text
    question: Text
    type: Text
    evidence: Texts = ()
    doc: Texts = ()
    evidence_docs: Texts = ()
    paraphrase: StrictBool | None = None
    history: tuple[_Message, ...] = ()
    unanswerable_kind: Unanswerable | None = None

    @model_validator(mode="after")
    def _fits(self) -> _Line:
        if (self.type == "unanswerable") != (self.unanswerable_kind is not None):
            raise ValueError('"unanswerable_kind" belongs to the type "unanswerable"')
        if self.unanswerable_kind and self.evidence:
            raise ValueError("an unanswerable question has no evidence")
        if not self.unanswerable_kind and not self.evidence:
            raise ValueError('quote the sentences that answer it as "evidence"')
        if self.evidence and len(self._docs) not in (1, len(self.evidence)):
            raise ValueError('name in "doc" the file of the evidence, or one for each quote')
        return self

    @property
    def _docs(self) -> tuple[str, ...]:
        return self.evidence_docs or self.doc

    def as_question(self, line: int) -> Question:
        """The question that stands in this line."""
        docs = self._docs * len(self.evidence) if len(self._docs) == 1 else self._docs
        return Question(
            id=self.id,
            text=self.question,
            type=self.type,
            evidence=tuple(zip(docs, self.evidence, strict=True)) if self.evidence else (),
            history=tuple(Turn(one.role, one.content) for one in self.history),
            paraphrase=bool(self.paraphrase),
            unanswerable=self.unanswerable_kind,
            line=line,
        )


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSON-lines file. Raises SourceError: unreadable, without a question, or a
    line that is none; names the line and what has to be there."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    out: dict[str, Question] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = _Line.model_validate_json(line).as_question(number)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = "".join(f"{part}: " for part in first["loc"])
            raise SourceError(
                f"{path}, line {number} is no question: {where}{first['msg']}"
            ) from error
        if one.id in out:
            raise SourceError(
                f'{path}, line {number} has the id "{one.id}" of line {out[one.id].line} — give it'
                " another"
            )
        out[one.id] = one
    if not out:
        raise SourceError(f"{path} holds no questions — write one JSON object a line")
    return list(out.values())
