"""The instructor's decisions about the reading list, which every later ingest respects.

Decisions are stored, and the lists changed, at once; the documents follow when the reading is
ingested again. How a decision changes a list is said in `correct`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import NotFoundError, SourceError
from seminar_rag.files import write
from seminar_rag.guard import refusal
from seminar_rag.index.kept import added_name
from seminar_rag.ingest.attention import to_decide
from seminar_rag.ingest.correct import revised
from seminar_rag.ingest.local import OFFICE
from seminar_rag.ingest.sources import is_address, slug
from seminar_rag.syllabus.markup_office import PANDOC
from seminar_rag.types import Document, Section
from seminar_rag.types.catalogue import Catalogue, Correction, CorrectionKind, ListedReading
from seminar_rag.types.ingest import ADDED, Removal
from seminar_rag.web.places import arxiv_id

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

_TEXT = {".md", ".markdown", ".html", ".htm", ".txt"}


# --- deciding ------------------------------------------------------------------------------------


def decide(store: Store, id_: str, accepted: bool) -> str:
    """Accept or reject a suggestion; returns the id of its reading, to be ingested again.

    Raises:
        NotFoundError: there is no such suggestion (any more).
    """
    for (listed, key), one in to_decide(store.catalogue()).items():
        if key != id_:
            continue
        kept: CorrectionKind = "keep" if one.kind == "keep" else "link"
        if accepted:
            store.add_corrections(Correction(kept, listed, url=one.url, instead=one.instead))
        else:
            store.add_corrections(Correction("reject", listed, url=one.url))
        return one.reading
    raise NotFoundError(
        f"there is no suggestion {id_!r} — seminar-rag suggestions lists what is to be decided"
    )


def rename(store: Store, what: str, title: str) -> str:
    """Give a reading another title; returns its id.

    Raises:
        NotFoundError: no listed reading has that id or title.
        SourceError: the new title is empty.
    """
    reading = _listed(store, what)
    _decide(store, reading, Correction("rename", "", title=_title(title)))
    return reading.id


def edit(
    store: Store,
    what: str,
    authors: str = "",
    section: Section | None = None,
    session: int | None = None,
) -> str:
    """Say who wrote a reading, whether it is required, or to which session it belongs.

    What is left out stays as it is. Returns the reading's id.

    Raises:
        NotFoundError: no listed reading has that id or title, or the course has no such session.
    """
    reading = _listed(store, what)
    if session is not None:
        _require_session(store.catalogue(), session)
    ids = _ids(reading)
    before = [
        one for one in store.catalogue().corrections if one.kind == "edit" and one.target in ids[:1]
    ]
    old = before[0] if before else Correction("edit", "")
    new = replace(
        old,
        authors=" ".join(authors.split()) or old.authors,
        section=section or old.section,
        session=old.session if session is None else session,
    )
    _decide(store, reading, new)
    return reading.id


def confirm(store: Store, readings: Iterable[str]) -> None:
    """Say of entries, by id or title, that they are readings, as they stand.

    Raises:
        NotFoundError: one of them is not listed; none is confirmed.
    """
    found = [_listed(store, what) for what in readings]
    store.add_corrections(*(Correction("confirm", id_) for one in found for id_ in _ids(one)))
    store.revise(lambda sessions: revised(sessions, [Correction("confirm", o.id) for o in found]))


def split(store: Store, what: str, title: str, url: str = "") -> str:
    """Say that an entry holds a second reading; returns the id of that one.

    Args:
        title: the title of the second reading.
        url: the link of the entry that belongs to it; empty where none does.

    Raises:
        NotFoundError: no listed reading has that id or title.
        SourceError: the title is empty, or the entry has no such link.
    """
    reading, name = _listed(store, what), _title(title)
    if url and url not in reading.urls:
        raise SourceError(f"{url} is no link of “{reading.title}” — take one that it has")
    if arxiv_id(url) in _ids(reading):
        raise SourceError(f"{url} is what the entry is known by — split the other reading off")
    id_ = slug(name)
    if id_ in _ids(reading):
        raise SourceError("both parts have the same title — give each its own")
    _decide(store, reading, Correction("split", "", title=name, url=url))
    return id_


def merge(store: Store, what: str, into: str) -> str:
    """Say that an entry is a part of another reading; returns the id of that one.

    Raises:
        NotFoundError: one of them is not listed.
        SourceError: both are the same reading.
    """
    part, whole = _listed(store, what), _listed(store, into)
    if part.id == whole.id:
        raise SourceError("a reading cannot be joined with itself — choose another")
    _decide(store, part, Correction("merge", "", instead=_ids(whole)[0]), at=whole.id)
    for record in store.catalogue().records.values():
        if record.document.reading == part.id:
            store.assign(record.document.id, whole.id)
    return whole.id


def _decide(store: Store, reading: ListedReading, one: Correction, at: str = "") -> None:
    """Store a decision about a reading under every id that its page gives it, and apply it.

    Args:
        at: with "merge", the id that the other reading has now.
    """
    store.add_corrections(*(replace(one, target=id_) for id_ in _ids(reading)))
    now = replace(one, target=reading.id, instead=at or one.instead)
    store.revise(lambda sessions: revised(sessions, [now]))


def _listed(store: Store, what: str) -> ListedReading:
    catalogue = store.catalogue()
    reading = listed_reading(catalogue, what)
    if reading is None:
        raise NotFoundError(unknown(catalogue, what))
    return reading


def _title(title: str) -> str:
    name = " ".join(title.split())
    if not name:
        raise SourceError("a reading needs a title — give its new title")
    return name


def _require_session(catalogue: Catalogue, session: int) -> None:
    """Raise NotFoundError where there are sessions, and this is none of them."""
    if catalogue.sessions:
        catalogue.session(session)


def add(
    store: Store, session: int, title: str, url: str = "", file: Path | None = None, name: str = ""
) -> str:
    """Add a reading from an address, from a file, which is copied, or by its title alone.

    Where the course lists a reading of that title, the document becomes one of it. Returns the
    reading's id.

    Args:
        title: may be empty with the address of a paper at arXiv, which gives it.
        name: what to call the file, where its own name says nothing.

    Raises:
        NotFoundError: the course has no such session.
        SourceError: the title is empty, or address or file cannot be used.
    """
    catalogue = store.catalogue()
    _require_session(catalogue, session)
    title = " ".join(title.split())
    if not (title or arxiv_id(url)):
        raise SourceError("give a title; only a link to arXiv needs none")
    if url and file is not None:
        raise SourceError("give a link or a file, not both")
    if url and not is_address(url):
        raise SourceError(f"{url} is no web address — give one with https://, or a file")
    kept = _copied(file, store.folder, Path(name or file.name)) if file is not None else ""
    known = listed_reading(catalogue, title)
    id_ = _ids(known)[0] if known else arxiv_id(url) or slug(title)
    store.drop_corrections(one.key for one in catalogue.corrections if _removes(one, {id_}))
    store.add_corrections(Correction("add", id_, url=url, title=title, session=session, file=kept))
    return known.id if known else id_


def remove(store: Store, what: str) -> list[str]:
    """Take out a source (by its path), a reading (by id or title) or one document (by id).

    Readings and documents stay out of later ingests, until they are restored.

    Returns:
        The titles of what was removed.

    Raises:
        NotFoundError: nothing is called so; names what comes near.
    """
    catalogue = store.catalogue()
    named = {what, str(Path(what).expanduser().resolve())}
    for source, _ in catalogue.sources:
        if source in named:
            store.forget_source(source)
            if source == ADDED:
                store.drop_corrections(
                    one.key for one in catalogue.corrections if one.kind == "add"
                )
            return [r.document.title for r in catalogue.records.values() if r.source == source]
    reading = listed_reading(catalogue, what)
    records = [
        record
        for record in catalogue.records.values()
        if what == record.document.id
        or (reading is not None and record.document.reading == reading.id)
        or (reading is None and _called(record.document, what))
    ]
    if reading is None and not records:
        raise NotFoundError(unknown(catalogue, what))
    if reading is not None:
        store.add_corrections(
            *(Correction("remove", i, title=reading.title) for i in _ids(reading))
        )
    # A file that goes with a reading would otherwise stand for itself the next time.
    store.add_corrections(
        *(
            Correction(
                "remove",
                one.document.id,
                instead=_ids(reading)[0] if reading else "",
                title=one.document.title,
                source=one.source,
            )
            for one in records
            if reading is None or _is_file(one.document)
        )
    )
    if reading is not None:
        store.unlist(reading.id)
    store.remove(record.document.id for record in records)
    titles = [record.document.title for record in records]
    return titles or ([reading.title] if reading else [])


def removals(catalogue: Catalogue) -> tuple[Removal, ...]:
    """The instructor's removals that are still in force, latest last."""
    return tuple(
        Removal(one.target, one.title, one.source, one.at)
        for one in catalogue.corrections
        if one.kind == "remove" and not one.instead
    )


def restore(store: Store, what: str) -> tuple[str, ...]:
    """Undo a removal, by id or title; returns the ids to ingest again.

    Raises:
        NotFoundError: nothing of that name was removed.
    """
    found = [
        one
        for one in store.catalogue().corrections
        if one.kind == "remove"
        and not one.instead
        and (one.target == what or one.title.casefold() == what.casefold())
    ]
    if not found:
        raise NotFoundError(
            f"nothing called {what!r} was removed — seminar-rag restore lists what was"
        )
    ids = {one.target for one in found}
    found += [o for o in store.catalogue().corrections if o.kind == "remove" and o.instead in ids]
    store.drop_corrections(one.key for one in found)
    return tuple(one.target for one in found if not one.instead)


def forget_removals(store: Store, documents: Iterable[str]) -> None:
    """Forget that documents were removed, because the instructor gives them again by name; not of
    those whose file was added to a reading."""
    ids, corrections = set(documents), store.catalogue().corrections
    added = {one.target for one in corrections if one.kind == "add" and one.file}
    keys = [one.key for one in corrections if _removes(one, ids) and one.instead not in added]
    if keys:
        store.drop_corrections(keys)


# --- inside --------------------------------------------------------------------------------------


def listed_reading(catalogue: Catalogue, what: str) -> ListedReading | None:
    """The listed reading of that id, id as listed, or title."""
    readings = [reading for session in catalogue.sessions for reading in session.readings]
    for matches in (
        lambda one: what == one.id,
        lambda one: what in one.listed,
        lambda one: what.casefold() == one.title.casefold(),
    ):
        found = next((one for one in readings if matches(one)), None)
        if found is not None:
            return found
    return None


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


def _called(document: Document, what: str) -> bool:
    return what == document.reading or what.casefold() == document.title.casefold()


def _ids(reading: ListedReading) -> tuple[str, ...]:
    """The ids that corrections know a reading by."""
    return reading.listed or (reading.id,)


def _is_file(document: Document) -> bool:
    """Whether a document was given as a file, not fetched or taken from a page."""
    return document.kind == "paper" and not document.path.startswith("web/")


def _removes(one: Correction, ids: set[str]) -> bool:
    return one.kind == "remove" and bool({one.target, one.instead} & ids)


def _copied(file: Path, data: Path, name: Path) -> str:
    """Copy a file into the data folder, named by its content too; returns its name there."""
    real = file.expanduser().resolve()
    refused = refusal(real, real.parent)
    if refused:
        raise SourceError(f"{file} {refused}")
    try:
        content = real.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror or error}) — check its permissions"
        raise SourceError(message) from error
    if name.suffix.lower() not in _TEXT | OFFICE | PANDOC.keys():
        raise SourceError(f"{name} is of a kind that is not read — save it as PDF, DOCX or text")
    target = data / "added" / added_name(slug(name.stem), content, name.suffix.lower())
    write(target, content)
    return target.relative_to(data).as_posix()
