"""The course page that was uploaded as a file: kept in the data folder, and read in a worker.

Which file it is stands among the instructor's decisions, so that it is in every backup and other
servers of the course have it too. A newer one takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from seminar_rag.errors import SourceError
from seminar_rag.guard import WorkerError, WorkerPool
from seminar_rag.ingest.intake import copied
from seminar_rag.ingest.local import SourceContent
from seminar_rag.types.catalogue import Catalogue, Correction, PageText
from seminar_rag.types.ingest import UPLOADED

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from seminar_rag.index.store import Store

PAGES = (".docx", ".pdf", ".html", ".htm", ".md", ".markdown", ".txt", ".bib", ".bibtex", ".ris")
"""Endings of files that can be uploaded as the course page."""
_SECONDS, _MEMORY = 60.0, 1 << 30
"""What a worker may take to read one."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a worker has read nothing: an error as a value, since it may not survive pickling."""

    message: str


def keep(writer: Callable[[], AbstractContextManager[None]], store: Store, file: Path) -> str:
    """Keep a copy of a file as the course page; returns the source to ingest. Raises SourceError
    where it lists no readings, or is of a kind that is no course page; the one before stays."""
    from seminar_rag.syllabus.read import read_syllabus

    if file.suffix.lower() not in PAGES:
        raise SourceError(f"{file.name} is none of {', '.join(PAGES)} — save it as DOCX or PDF")
    _guarded(read_syllabus, file, file.name)
    with writer():
        before = [one.key for one in store.catalogue().corrections if one.kind == "page"]
        kept = copied(file, store.folder, Path(file.name))
        store.add_corrections(Correction("page", UPLOADED, title=file.name, file=kept))
        store.drop_corrections(before)
    return UPLOADED


def read_uploaded(catalogue: Catalogue, data: Path) -> SourceContent:
    """The course page that is kept, as a source. Raises SourceError where there is none."""
    from seminar_rag.syllabus.read import read_syllabus

    return SourceContent(UPLOADED, _guarded(read_syllabus, *_kept(catalogue, data)))


def uploaded_text(catalogue: Catalogue, data: Path) -> PageText:
    """What the course page that is kept says; or why that is not known."""
    from seminar_rag.syllabus.read import page_lines

    try:
        return PageText(UPLOADED, _guarded(page_lines, *_kept(catalogue, data)))
    except SourceError as error:
        return PageText(UPLOADED, problem=str(error))


def _kept(catalogue: Catalogue, data: Path) -> tuple[Path, str]:
    """The file, and what it was called."""
    named = [(one.file, one.title) for one in catalogue.corrections if one.kind == "page"]
    if not named or not (data / named[-1][0]).is_file():
        raise SourceError("the uploaded course page is not here any more — upload it again")
    return data / named[-1][0], named[-1][1]


def _guarded(work: Callable[[Path], _T], file: Path, name: str) -> _T:
    """What `work` makes of a file, in a worker. Raises SourceError.

    The file lies there alone under its own name, so that nothing beside it is taken for a part of
    it, and a list without a title is called as its file is."""
    pool = WorkerPool(1, _MEMORY)
    with TemporaryDirectory(prefix="seminar-rag-") as folder:
        path = Path(folder) / Path(name).name
        try:
            shutil.copyfile(file, path)
            outcome: _T | _Failed = pool.run(_SECONDS, _tried, work, path)
        except (WorkerError, OSError) as error:
            message = f"{path.name} takes more time or memory than it may, or breaks its reader"
            raise SourceError(f"{message} — save the reading list alone") from error
        finally:
            pool.close()
    if isinstance(outcome, _Failed):
        raise SourceError(outcome.message.replace(str(path), path.name))
    return outcome


def _tried(work: Callable[[Path], _T], path: Path) -> _T | _Failed:
    """Runs in the worker, and never raises."""
    try:
        return work(path)
    except SourceError as error:
        return _Failed(str(error))
    except Exception as error:  # noqa: BLE001 - a hostile file may make the libraries raise anything
        return _Failed(f"{path.name} cannot be read ({type(error).__name__}) — save it again")
