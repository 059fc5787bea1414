"""What the instructor adds: readings by an address or a file, each file brought to the reading that
it is.

A file is known by its content, by the arXiv id in its name, and by its title, as files of a folder
are that is ingested.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from seminar_rag.errors import DocumentError, NotFoundError, SourceError
from seminar_rag.files import sha256_of, write
from seminar_rag.guard import refusal
from seminar_rag.index.kept import added_name
from seminar_rag.ingest.local import OFFICE
from seminar_rag.ingest.sources import is_address, match, slug
from seminar_rag.types import Document
from seminar_rag.types.catalogue import Catalogue, Correction, Record
from seminar_rag.web.places import arxiv_id

if TYPE_CHECKING:
    from seminar_rag.index.store import Store

_TEXT = {".md", ".markdown", ".html", ".htm", ".txt"}


def add(
    store: Store, session: int, title: str, url: str = "", file: Path | None = None, name: str = ""
) -> str:
    """Add a reading from an address, from a file or by its title alone; see `Corrections.add`.

    Args:
        title: may be empty with the address of a paper at arXiv, which gives it.
        name: what to call the file, where its own name says nothing.
    """
    catalogue = store.catalogue()
    require_session(catalogue, session)
    title = " ".join(title.split())
    if not (title or arxiv_id(url)):
        raise SourceError("give a title; only a link to arXiv needs none")
    if url and file is not None:
        raise SourceError("give a link or a file, not both")
    if url and not is_address(url):
        raise SourceError(f"“{url}” is no web address — give one with https://, or a file")
    kept = copied(file, store.folder, Path(name or file.name)) if file is not None else ""
    known = catalogue.reading(title)
    id_ = known.ids[0] if known else arxiv_id(url) or slug(title)
    store.drop_corrections(one.key for one in catalogue.corrections if _removes(one, {id_}))
    store.add_corrections(Correction("add", id_, url=url, title=title, session=session, file=kept))
    return known.id if known else id_


def title_of(file: Path) -> str:
    """The title that a file gives itself, else its name in words. It is read in a worker."""
    from seminar_rag.documents.parse import Parser

    try:
        with Parser(ocr=None) as parser:
            title = parser.parse(file).title
    except DocumentError:  # said when it is ingested, with what can be done
        title = None
    return title or " ".join(file.stem.replace("_", " ").split())


def take(
    store: Store,
    file: Path,
    title: str,
    reading: str = "",
    session: int | None = None,
    name: str = "",
) -> str:
    """Add a file to the reading that it is; see `Corrections.take`.

    Args:
        title: as the file gives it.
        name: what to call the file, where its own name says nothing.
    """
    catalogue, named = store.catalogue(), name or file.name
    listed = {
        one.id: (each.number, one) for each in reversed(catalogue.sessions) for one in each.readings
    }
    if reading and reading not in listed:
        raise NotFoundError("no session lists that reading any more — load the page again")
    copies = _copies(catalogue, file)
    there = next((one.document for one in copies if one.document.sessions), None)
    if there is not None:
        raise SourceError(f"{named} is in the course already, as “{there.title}”")
    found = reading or match(
        Document("", "paper", "", title, path=named), [one for _, one in listed.values()]
    )
    if found in listed:
        session, title = listed[found][0], listed[found][1].title
    elif session is None:
        raise SourceError(f"{named}, “{title}”, is none of the listed readings — choose a session")
    id_ = add(store, session, title, file=file, name=named)
    _retire(store, copies)
    return id_


def place(store: Store, what: str, session: int) -> str:
    """Put a paper that no session lists into one; see `Corrections.place`."""
    records = [
        one
        for one in store.catalogue().records.values()
        if one.document.reading == what and not one.document.sessions
    ]
    if not records:
        raise NotFoundError("that is not in the course any more — load the page again")
    document = records[0].document
    file = store.file_of(document.id)
    if file is None:
        raise SourceError(f"the file of “{document.title}” is not kept — add it to the session")
    return take(store, file, document.title, session=session, name=Path(document.path).name)


def _copies(catalogue: Catalogue, file: Path) -> list[Record]:
    """The documents that were read from a file of this content."""
    try:
        digest = sha256_of(file)
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read ({error.strerror})") from error
    return [one for one in catalogue.records.values() if one.file == digest and one.passages]


def _retire(store: Store, copies: list[Record]) -> None:
    """Take out the copies that stood for themselves, and keep them out: the file that was added
    last is in their place."""
    added = [one.target for one in store.catalogue().corrections if one.kind == "add"][-1]
    store.add_corrections(
        *(Correction("remove", one.document.id, instead=added, source=one.source) for one in copies)
    )
    store.remove(one.document.id for one in copies)


def forget_removals(store: Store, documents: Iterable[str]) -> None:
    """Forget that documents were removed, because the instructor gives them again by name; not of
    those whose file was added to a reading."""
    ids, corrections = set(documents), store.catalogue().corrections
    added = {one.target for one in corrections if one.kind == "add" and one.file}
    keys = [one.key for one in corrections if _removes(one, ids) and one.instead not in added]
    if keys:
        store.drop_corrections(keys)


def require_session(catalogue: Catalogue, session: int) -> None:
    """Raise NotFoundError where there are sessions, and this is none of them."""
    if catalogue.sessions:
        catalogue.session(session)


def _removes(one: Correction, ids: set[str]) -> bool:
    return one.kind == "remove" and bool({one.target, one.instead} & ids)


def copied(file: Path, data: Path, name: Path) -> str:
    """Copy a file into the data folder, named by its content too; returns its name there."""
    from seminar_rag.syllabus.markup_office import PANDOC  # brings the readers of course pages
    from seminar_rag.syllabus.references import SUFFIXES

    real = file.expanduser().resolve()
    refused = refusal(real, real.parent)
    if refused:
        raise SourceError(f"{file} {refused}")
    try:
        content = real.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror or error}) — check its permissions"
        raise SourceError(message) from error
    if name.suffix.lower() not in _TEXT | OFFICE | PANDOC.keys() | SUFFIXES:
        raise SourceError(f"{name} is of a kind that is not read — save it as PDF, DOCX or text")
    target = data / "added" / added_name(slug(name.stem), content, name.suffix.lower())
    write(target, content)
    return target.relative_to(data).as_posix()
