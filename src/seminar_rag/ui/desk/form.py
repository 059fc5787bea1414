"""What the buttons and forms of the desk send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints, ValidationError

from seminar_rag.errors import SourceError
from seminar_rag.types import WorkKind
from seminar_rag.types.study import LONGEST_COLUMN, MOST_COLUMNS

Field = Annotated[str, StringConstraints(max_length=400, strip_whitespace=True)]
Id = Annotated[str, StringConstraints(max_length=400)]
Address = Annotated[str, StringConstraints(max_length=2_000)]


class DeskForm(BaseModel, frozen=True):
    """What a button of the desk sends, with the fields of its form."""

    act: Annotated[str, StringConstraints(max_length=40)]
    what: Address = ""
    """Id of a reading, a document, a suggestion …; with "begin" an address."""
    other: Id = ""
    """With "merge": id of the reading that it belongs to."""
    title: Field = ""
    authors: Field = ""
    second: Field = ""
    """With "split": the title of the second reading."""
    url: Address = ""
    session: int | None = None
    section: Literal["required", "more"] | None = None
    work: WorkKind | Literal[""] = ""
    """The kind of work that a reading is."""
    mode: Literal["", "first", "only"] = ""
    """With "tutor"."""
    questions: Annotated[str, StringConstraints(max_length=MOST_COLUMNS * (LONGEST_COLUMN + 2))] = (
        ""
    )
    """One a line."""

    @classmethod
    def read(cls, sent: object) -> DeskForm:
        """What a browser sent. Raises SourceError where it is no form."""
        try:
            return cls.model_validate(sent)
        except ValidationError as error:
            raise SourceError("that was not understood — load the page again") from error

    @property
    def number(self) -> int:
        """The session. Raises SourceError where none is chosen."""
        if self.session is None:
            raise SourceError("choose a session")
        return self.session
