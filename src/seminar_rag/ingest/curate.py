"""The instructor's decisions about the reading list, which every later ingest respects: a part of
the façade `Course`.

Decisions are stored, and the lists changed, at once; the documents follow when the reading is
ingested again. How a decision changes a list is said in `correct`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.ingest import intake, uploaded
from seminar_rag.ingest.attention import suggestions, to_decide
from seminar_rag.ingest.correct import revised, take_back
from seminar_rag.ingest.sources import slug
from seminar_rag.types import Document, Section, WorkKind
from seminar_rag.types.catalogue import Catalogue, Correction, CorrectionKind, ListedReading
from seminar_rag.types.ingest import ADDED, UPLOADED, Removal, Suggestion
from seminar_rag.web.places import arxiv_id

if TYPE_CHECKING:
    from seminar_rag.index.store import Store


class Corrections(ABC):
    """The instructor's corrections of the reading list.

    Each is stored at once and outlives every later ingest of the page; the documents follow with
    `Course.ingest_reading` of the id that is returned, or with the next ingest. A reading is named
    by its id or title. All raise NotFoundError where nothing (any more) has the id or title that
    was given, and BusyError where another process is writing.
    """

    @property
    @abstractmethod
    def store(self) -> Store:
        """The passages, the vectors and the manifest."""

    @abstractmethod
    def catalogue(self) -> Catalogue:
        """Sessions, readings and documents with their outcomes, as of now."""

    # --- decisions on entries ------------------------------------------------------------------

    def suggestions(self) -> tuple[Suggestion, ...]:
        """Links that lead elsewhere, and papers found by their title: to be decided."""
        return suggestions(self.catalogue())

    def accept(self, suggestion: str) -> str:
        """Accept a suggestion by its id; returns the id of its reading."""
        return self._decide_link(suggestion, accepted=True)

    def reject(self, suggestion: str) -> str:
        """Reject a suggestion by its id; returns the id of its reading."""
        return self._decide_link(suggestion, accepted=False)

    def _decide_link(self, id_: str, *, accepted: bool) -> str:
        with self.store.writer():
            for (listed, key), one in to_decide(self.catalogue()).items():
                if key == id_:
                    kind: CorrectionKind = "keep" if one.kind == "keep" else "link"
                    self.store.add_corrections(
                        Correction(kind, listed, url=one.url, instead=one.instead)
                        if accepted
                        else Correction("reject", listed, url=one.url)
                    )
                    return one.reading
        raise NotFoundError(
            f"there is no suggestion {id_!r} — seminar-rag suggestions lists what is to be decided"
        )

    def rename(self, reading: str, title: str) -> str:
        """Give a reading another title; returns its id. Raises SourceError where the new title is
        empty."""
        with self.store.writer():
            found = self._listed(reading)
            self._decide(found, Correction("rename", "", title=_title(title)))
            return found.id

    def edit(
        self,
        reading: str,
        authors: str = "",
        section: Section | None = None,
        session: int | None = None,
        kind: WorkKind | None = None,
    ) -> str:
        """Say who wrote a reading, whether it is required, to which session it belongs, or what
        kind of work it is. What is left out stays as it is. Returns the reading's id."""
        with self.store.writer():
            found = self._listed(reading)
            if session is not None:
                intake.require_session(self.catalogue(), session)
            made = (one for one in self.catalogue().corrections if one.kind == "edit")
            old = next((one for one in made if one.target == found.ids[0]), Correction("edit", ""))
            new = replace(
                old,
                authors=" ".join(authors.split()) or old.authors,
                section=section or old.section,
                session=old.session if session is None else session,
                work=kind or old.work,
            )
            self._decide(found, new)
            return found.id

    def confirm(self, *readings: str) -> None:
        """Say of entries that they are readings, as they stand; of all of them, or of none."""
        with self.store.writer():
            found = [self._listed(what) for what in readings]
            self.store.add_corrections(
                *(Correction("confirm", id_) for one in found for id_ in one.ids)
            )
            made = [Correction("confirm", one.id) for one in found]
            self.store.revise(lambda sessions: revised(sessions, made))

    def split(self, reading: str, title: str, url: str = "") -> str:
        """Say that an entry holds a second reading, `title`; returns the id of that one.

        Args:
            url: the link of the entry that belongs to the second reading; empty for none.

        Raises:
            SourceError: the title is empty, or the entry has no such link.
        """
        with self.store.writer():
            found, name = self._listed(reading), _title(title)
            if url and url not in found.urls:
                raise SourceError(f"{url} is no link of “{found.title}” — take one that it has")
            if arxiv_id(url) in found.ids:
                raise SourceError(
                    f"{url} is what the entry is known by — split the other reading off"
                )
            id_ = slug(name)
            if id_ in found.ids:
                raise SourceError("both parts have the same title — give each its own")
            self._decide(found, Correction("split", "", title=name, url=url))
            return id_

    def merge(self, reading: str, into: str) -> str:
        """Say that an entry is a part of another reading; returns the id of that one. Raises
        SourceError where both are the same reading."""
        with self.store.writer():
            part, whole = self._listed(reading), self._listed(into)
            if part.id == whole.id:
                raise SourceError("a reading cannot be joined with itself — choose another")
            self._decide(part, Correction("merge", "", instead=whole.ids[0]), at=whole.id)
            for record in self.catalogue().records.values():
                if record.document.reading == part.id:
                    self.store.assign(record.document.id, whole.id)
            return whole.id

    def _listed(self, what: str) -> ListedReading:
        found = self.catalogue().reading(what)
        if found is None:
            raise NotFoundError(unknown(self.catalogue(), what))
        return found

    def _decide(self, reading: ListedReading, one: Correction, at: str = "") -> None:
        """Store a decision about a reading under every id that its page gives it, and apply it; a
        "merge" with the id that the other reading has now."""
        self.store.add_corrections(*(replace(one, target=id_) for id_ in reading.ids))
        now = replace(one, target=reading.id, instead=at or one.instead)
        self.store.revise(lambda sessions: revised(sessions, [now]))

    # --- more and fewer readings ---------------------------------------------------------------

    def add(self, session: int, title: str, url: str = "", file: Path | None = None) -> str:
        """Add a reading to a session, with an address, a file (which is copied) or neither.

        Where the course lists a reading of that title, the document becomes one of it. Returns the
        reading's id.

        Raises:
            SourceError: the title is empty, or the address or file cannot be used.
        """
        with self.store.writer():
            return intake.add(self.store, session, title, url, file)

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
        with self.store.writer():
            return intake.take(self.store, file, title, reading, session)

    def take_page(self, file: Path) -> str:
        """Keep a file (which is copied) as the course page, in place of the one kept before;
        returns the source to give to `ingest`. Raises SourceError where it lists no readings."""
        return uploaded.keep(self.store.writer, self.store, file)

    def place(self, what: str, session: int) -> str:
        """Put a paper that no session lists, by the id of its reading, into one; returns its id.
        Raises SourceError where its file is not kept."""
        with self.store.writer():
            return intake.place(self.store, what, session)

    def remove(self, what: str) -> list[str]:
        """Remove a source (by its path), a reading (by id or title) or one document (by id).

        Readings and documents stay out of later ingests until they are restored.

        Returns:
            The titles of what was removed.
        """
        with self.store.writer():
            catalogue = self.catalogue()
            named = {what, str(Path(what).expanduser().resolve())}
            source = next((id_ for id_, _ in catalogue.sources if id_ in named), None)
            if source is not None:
                return self._remove_source(source)
            return self._remove_reading(catalogue, what)

    def _remove_source(self, source: str) -> list[str]:
        catalogue = self.catalogue()
        self.store.forget_source(source)
        if kind := {ADDED: "add", UPLOADED: "page"}.get(source):
            given = [one.key for one in catalogue.corrections if one.kind == kind]
            self.store.drop_corrections(given)
        return [r.document.title for r in catalogue.records.values() if r.source == source]

    def _remove_reading(self, catalogue: Catalogue, what: str) -> list[str]:
        """Remove a reading with its documents, or documents that are called so."""
        reading = catalogue.reading(what)
        records = [
            record
            for record in catalogue.records.values()
            if what == record.document.id
            or (reading is not None and record.document.reading == reading.id)
            or (reading is None and _called(record.document, what))
        ]
        if reading is None and not records:
            raise NotFoundError(unknown(catalogue, what))
        ids = reading.ids if reading else ()
        removed = [Correction("remove", i, title=reading.title) for i in ids] if reading else []
        # A file that goes with a reading would otherwise stand for itself the next time.
        removed += [
            Correction(
                *("remove", one.document.id),
                instead=ids[0] if ids else "",
                title=one.document.title,
                source=one.source,
            )
            for one in records
            if reading is None or _is_file(one.document)
        ]
        self.store.add_corrections(*removed)
        if reading is not None:
            self.store.unlist(reading.id)
        self.store.remove(record.document.id for record in records)
        titles = [record.document.title for record in records]
        return titles or ([reading.title] if reading else [])

    def removals(self) -> tuple[Removal, ...]:
        """What was removed by hand and stays out, latest last."""
        return tuple(
            Removal(one.target, one.title, one.source, one.at)
            for one in self.catalogue().corrections
            if one.kind == "remove" and not one.instead
        )

    def restore(self, what: str) -> tuple[str, ...]:
        """Undo a removal, by id or title; returns the ids to give to `ingest_reading`."""
        with self.store.writer():
            removed = [one for one in self.catalogue().corrections if one.kind == "remove"]
            found = [
                one
                for one in removed
                if not one.instead
                and (one.target == what or one.title.casefold() == what.casefold())
            ]
            if not found:
                raise NotFoundError(
                    f"nothing called {what!r} was removed — seminar-rag restore lists what was"
                )
            ids = {one.target for one in found}
            with_them = [one.key for one in removed if one.instead in ids]
            self.store.drop_corrections([one.key for one in found] + with_them)
            return tuple(one.target for one in found)

    def take_back(self, before: Catalogue) -> tuple[str, ...]:
        """Take back all decisions that the catalogue `before` did not have yet; returns the ids to
        give to `ingest_reading`."""
        with self.store.writer():
            return take_back(self.store, before)


def unknown(catalogue: Catalogue, what: str) -> str:
    """A message that nothing has that name, with the names that come near."""
    from rapidfuzz import process, utils

    titles = {
        record.document.title: record.document.reading for record in catalogue.records.values()
    }
    close = process.extract(
        what, list(titles), processor=utils.default_process, limit=3, score_cutoff=50
    )
    near = "; ".join(f"{title} ({titles[title]})" for title, *_ in close)
    hint = f"did you mean {near}?" if near else "seminar-rag status lists what there is"
    return f"no source, reading or document is called {what!r} — {hint}"


def _title(title: str) -> str:
    name = " ".join(title.split())
    if not name:
        raise SourceError("a reading needs a title — give its new title")
    return name


def _called(document: Document, what: str) -> bool:
    return what == document.reading or what.casefold() == document.title.casefold()


def _is_file(document: Document) -> bool:
    """Whether a document was given as a file, not fetched or taken from a page."""
    return document.kind == "paper" and not document.path.startswith("web/")
