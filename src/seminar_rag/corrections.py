"""What the instructor corrects in a course: a part of the façade `Course`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seminar_rag.index.store import Store
from seminar_rag.ingest import curate, intake, undo
from seminar_rag.ingest.attention import suggestions
from seminar_rag.types import Section
from seminar_rag.types.catalogue import Catalogue
from seminar_rag.types.ingest import Removal, Suggestion

_T = TypeVar("_T")


class Corrections(ABC):
    """The instructor's corrections of the reading list.

    Each is stored at once and outlives every later ingest of the page; the documents follow with
    `Course.ingest_reading` of the id that is returned, or with the next ingest. All raise
    NotFoundError where nothing (any more) has the id or title that was given, and BusyError where
    another process is writing.
    """

    @property
    @abstractmethod
    def store(self) -> Store:
        """The passages, the vectors and the manifest."""

    @abstractmethod
    def catalogue(self) -> Catalogue:
        """Sessions, readings and documents with their outcomes, as of now."""

    def suggestions(self) -> tuple[Suggestion, ...]:
        """Links that lead elsewhere, and papers found by their title: to be decided."""
        return suggestions(self.catalogue())

    def accept(self, suggestion: str) -> str:
        """Accept a suggestion by its id; returns the id of its reading."""
        return self._write(lambda store: curate.decide(store, suggestion, True))

    def reject(self, suggestion: str) -> str:
        """Reject a suggestion by its id; returns the id of its reading."""
        return self._write(lambda store: curate.decide(store, suggestion, False))

    def rename(self, reading: str, title: str) -> str:
        """Give a reading, by id or title, another title; returns its id.

        Raises:
            SourceError: the new title is empty.
        """
        return self._write(lambda store: curate.rename(store, reading, title))

    def edit(
        self,
        reading: str,
        authors: str = "",
        section: Section | None = None,
        session: int | None = None,
    ) -> str:
        """Say who wrote a reading, whether it is required, or to which session it belongs.

        What is left out stays as it is. Returns the reading's id.
        """
        return self._write(lambda store: curate.edit(store, reading, authors, section, session))

    def confirm(self, *readings: str) -> None:
        """Say of entries, by id or title, that they are readings, as they stand."""
        self._write(lambda store: curate.confirm(store, readings))

    def split(self, reading: str, title: str, url: str = "") -> str:
        """Say that an entry holds a second reading, `title`; returns the id of that one.

        Args:
            url: the link of the entry that belongs to the second reading; empty for none.

        Raises:
            SourceError: the title is empty, or the entry has no such link.
        """
        return self._write(lambda store: curate.split(store, reading, title, url))

    def merge(self, reading: str, into: str) -> str:
        """Say that an entry is a part of another reading; returns the id of that one.

        Raises:
            SourceError: both are the same reading.
        """
        return self._write(lambda store: curate.merge(store, reading, into))

    def add(self, session: int, title: str, url: str = "", file: Path | None = None) -> str:
        """Add a reading to a session, with an address, a file (which is copied) or neither.

        Where the course lists a reading of that title, the document becomes one of it. Returns the
        reading's id.

        Raises:
            SourceError: the title is empty, or the address or file cannot be used.
        """
        return self._write(lambda store: curate.add(store, session, title, url, file))

    def take(self, file: Path, reading: str = "", session: int | None = None) -> str:
        """Add a file (which is copied) to the reading that it is; returns the reading's id.

        Args:
            reading: the id of its reading; empty where it is to be recognised by the arXiv id in
                its name or by its title.
            session: where it goes as a new reading, if it is none of those that are listed.

        Raises:
            SourceError: it is in the course already, cannot be used, or is none of the listed
                readings while no session is given.
        """
        title = "" if reading else intake.title_of(file)
        return self._write(lambda store: intake.take(store, file, title, reading, session))

    def place(self, what: str, session: int) -> str:
        """Put a paper that no session lists, by the id of its reading, into one; returns its id.

        Raises:
            SourceError: its file is not kept.
        """
        return self._write(lambda store: intake.place(store, what, session))

    def remove(self, what: str) -> list[str]:
        """Remove a source (by its path), a reading (by id or title) or one document (by id).

        Readings and documents stay out of later ingests until they are restored.

        Returns:
            The titles of what was removed.
        """
        return self._write(lambda store: curate.remove(store, what))

    def removals(self) -> tuple[Removal, ...]:
        """What was removed by hand and stays out, latest last."""
        return curate.removals(self.catalogue())

    def restore(self, what: str) -> tuple[str, ...]:
        """Undo a removal, by id or title; returns the ids to give to `ingest_reading`."""
        return self._write(lambda store: curate.restore(store, what))

    def take_back(self, before: Catalogue) -> tuple[str, ...]:
        """Take back what was decided since; returns the ids to give to `ingest_reading`.

        Args:
            before: the catalogue as it was before.
        """
        return self._write(lambda store: undo.take_back(store, before))

    def _write(self, change: Callable[[Store], _T]) -> _T:
        with self.store.writer():
            return change(self.store)
