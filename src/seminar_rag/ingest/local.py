"""A file or folder on disk → what it holds: a course page, documents, an exported course, archives.

Nothing is passed over in silence: what is not read is named with the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from seminar_rag.documents.archive import ENDINGS, Unpacker
from seminar_rag.errors import DocumentError, SourceError
from seminar_rag.guard import refusal
from seminar_rag.text import first_of
from seminar_rag.types import Reading, Syllabus

_POSTS = {".md", ".markdown"}
OFFICE = frozenset(
    ".pdf .docx .doc .odt .rtf .pptx .ppt .odp .key .pages .epub .mobi .djvu .ps .ipynb .tex .zip"
    " .xlsx .xls .ods .mhtml .mht .webarchive".split()
)
"""Endings of files that nobody makes a web page or a program of."""
_PARTS = frozenset(
    ".css .js .mjs .map .json .xml .yml .yaml .toml .lock .ini .cfg .bib .bst .sty .cls .aux .log"
    " .csv .tsv .py .ico .woff .woff2 .ttf .otf .eot .svg .scss .less .rb .sh .bat .ds_store .lnk"
    " .tmp .bak .part .crdownload .db .url .gitignore .r".split()
)
"""Endings of files that are parts of a page, a program or its data, not something to read."""
_PAGES = (".html", ".htm", ".xhtml")
_SYSTEM = re.compile(r"(?i)^(?:\..*|~\$.*|__MACOSX|thumbs\.db|desktop\.ini|icon\r?)$")
_MOST_ARCHIVES = 50
"""ZIP files that are opened of one source, those in others included."""


@dataclass(frozen=True, slots=True)
class SourceContent:
    """What a source holds."""

    name: str
    """Its path or address: its id in the store."""
    syllabus: Syllabus | None
    files: tuple[Path, ...] = ()
    """Documents that stand for themselves."""
    root: Path | None = None
    """Where relative names are looked up; None for a source on the web."""
    notes: tuple[str, ...] = ()
    """What could not be read of it, one sentence each."""
    archives: Mapping[Path, Path | str] = field(default_factory=dict)
    """ZIP files with the folder of what is in them, or why they were not opened."""

    def opened(self, files: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
        """Files with why they must not be opened; in place of an archive, what is in it."""
        for file, refused in files:
            inside = self.archives.get(file)
            if isinstance(inside, Path):
                listed = list_folder(inside, alone=True).files
                yield from self.opened((one, "") for one in listed)
            else:
                yield file, inside or refused

    def path(self, file: Path) -> str:
        """What to call a file; it is relative to the page's folder, or to its archive."""
        for archive, inside in self.archives.items():
            if isinstance(inside, Path) and file.is_relative_to(inside):
                return f"{self.path(archive)}/{file.relative_to(inside).as_posix()}"
        if self.root is None:
            return self.name.rpartition("/")[2] or "document.pdf"
        return (
            file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else file.name
        )


def from_disk(path: Path, unpacker: Unpacker) -> SourceContent:
    """What a file or folder holds; raises SourceError where that is nothing to ingest."""
    from seminar_rag.syllabus.read import schedule_in

    if not path.exists():
        raise SourceError(
            f"{path} does not exist — give a course page (.html, .md, .txt), a readings.toml,"
            " a folder of posts, a reading, a folder of readings or an exported course"
        )
    if not path.is_dir():
        if not path.is_file():
            raise SourceError(f"{path} is neither a file nor a folder — give one of these")
        if path.suffix.lower() in ENDINGS:
            return packed(path, unpacker)
        if path.suffix.lower() == ".pdf" or _begins_as_pdf(path):
            schedule = schedule_in(path)
            return SourceContent(str(path), schedule, () if schedule else (path,), path.parent)
        return _page_or_reading(path)
    return _folder(path)


def _folder(path: Path) -> SourceContent:
    from seminar_rag.syllabus.read import read_syllabus

    posts = any(p.suffix.lower() in _POSTS and not refusal(p, path) for p in path.iterdir())
    pages = (path / name for name in ("readings.toml", "index.html"))
    page = next((one for one in pages if one.is_file()), None)
    if page is not None and not posts and (why := refusal(page, path)):
        raise SourceError(f"{page} was not read: it {why}")
    found = list_folder(path, alone=not posts and page is None)
    notes = tuple(found.notes)
    if posts:
        try:
            return SourceContent(str(path), read_syllabus(path), tuple(found.files), path, notes)
        except SourceError:
            found = list_folder(path, alone=True)
        note = "none of its posts lists a reading, so each was taken as one itself"
        return SourceContent(str(path), None, tuple(found.files), path, (note, *found.notes))
    if page is not None:
        return _with_unlisted(SourceContent(str(path), read_syllabus(page), (), path), found.files)
    if found.files:
        return SourceContent(str(path), None, tuple(found.files), path, notes)
    raise SourceError(
        f"{path} holds neither posts (.md), a readings.toml, an index.html nor readings — point at"
        f" the folder that does{''.join(f'; {note}' for note in notes)}"
    )


def _begins_as_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"%PDF-"


def _page_or_reading(path: Path) -> SourceContent:
    """A file that is a course page or, where it lists no readings, one itself."""
    from seminar_rag.syllabus.markup_office import PANDOC
    from seminar_rag.syllabus.read import read_syllabus

    suffix, itself = path.suffix.lower(), SourceContent(str(path), None, (path,), path.parent)
    lists = {".docx", *PANDOC}
    if suffix in OFFICE and suffix not in lists:
        return itself
    try:
        return replace(itself, syllabus=read_syllabus(path), files=())
    except SourceError:
        if suffix not in lists:
            raise
    note = f"{path.name} lists no readings, so it was taken as one itself"
    return replace(itself, notes=(note,))


def packed(path: Path, unpacker: Unpacker) -> SourceContent:
    """An exported course, or what else is in an archive. Raises SourceError."""
    try:
        opened = unpacker.open(path)
    except DocumentError as error:
        raise SourceError(str(error)) from error
    notes, root = tuple(opened.notes), opened.folder
    if opened.syllabus is not None:
        return SourceContent(str(path), opened.syllabus, (), root, notes)
    while len(inside := list(root.iterdir())) == 1 and inside[0].is_dir():
        root = inside[0]
    try:
        found = from_disk(root, unpacker)
    except SourceError as error:
        raise SourceError(str(error).replace(str(root), str(path))) from error
    return replace(found, name=str(path), notes=(*notes, *found.notes))


def _with_unlisted(source: SourceContent, files: Iterable[Path]) -> SourceContent:
    """A source with a note on the documents beside its page that it does not name."""
    used = {file.resolve() for file, _ in _given(source)}
    left = [source.path(file) for file in files if file.resolve() not in used]
    note = f"not named by the page, and left out: {first_of(left)}"
    return replace(source, notes=(*source.notes, note)) if left else source


def with_archives(source: SourceContent, unpacker: Unpacker) -> SourceContent:
    """Open the ZIP files of a source, and those in them; name what is linked and is not there."""
    waiting = [*(file for file, refused in _given(source) if not refused), *source.files]
    archives: dict[Path, Path | str] = {}
    notes = list(source.notes)
    if missing := _missing(source):
        advice = "save them there, or give the page's address"
        notes.append(f"linked, and not beside the page: {first_of(missing)} — {advice}")
    while waiting:
        file = waiting.pop()
        if file.suffix.lower() != ".zip" or file in archives:
            continue
        if len(archives) >= _MOST_ARCHIVES:
            archives[file] = f"comes after {_MOST_ARCHIVES} other archives — unpack it"
            continue
        try:
            opened = unpacker.open(file)
        except DocumentError as error:
            archives[file] = str(error).removeprefix(f"{file.name} ").rstrip(".")
            continue
        archives[file] = opened.folder
        found = list_folder(opened.folder, alone=True)
        notes += [f"{file.name}: {note}" for note in (*opened.notes, *found.notes)]
        waiting += found.files
    return replace(source, archives=archives, notes=tuple(notes))


def _given(source: SourceContent) -> Iterator[tuple[Path, str]]:
    """The files of all readings beside the page, each with why it must not be opened, if so."""
    for session in source.syllabus.sessions if source.syllabus else ():
        for reading in session.readings:
            yield from local_files(reading, source.root)


def local_files(reading: Reading, root: Path | None) -> list[tuple[Path, str]]:
    """The files of a reading beside its page, each with why it must not be opened, if so."""
    if root is None:
        return []
    out = {root / name: refusal(root / name, root) for name in reading.files}
    for name in _linked(reading):
        file = root / name
        if file.suffix.lower() not in _PARTS and not refusal(file, root):
            out.setdefault(file.resolve(), "")
    return list(out.items())


def _linked(reading: Reading) -> Iterator[str]:
    """The paths of a reading's relative links."""
    for link in reading.urls:
        name = unquote(link.split("#", 1)[0].split("?", 1)[0])
        if name and "://" not in name and not name.startswith(("/", "mailto:")):
            yield name


def _missing(source: SourceContent) -> list[str]:
    """The documents that a page on disk links to and that do not lie beside it."""
    root = source.root
    if source.syllabus is None or root is None:
        return []
    readings = (reading for session in source.syllabus.sessions for reading in session.readings)
    names = dict.fromkeys(name for reading in readings for name in _linked(reading))
    documents = (name for name in names if Path(name).suffix.lower() in OFFICE)
    return [name for name in documents if not os.path.exists(root / name)]


# --- folders -------------------------------------------------------------------------------------


@dataclass(slots=True)
class FolderFiles:
    """What lies in a folder."""

    files: list[Path] = field(default_factory=list)
    """Those to be read, sorted."""
    notes: list[str] = field(default_factory=list)
    """What was left alone, one sentence for each reason."""


def list_folder(folder: Path, alone: bool) -> FolderFiles:
    """The documents in a folder and the folders in it.

    Args:
        alone: whether the folder has no course page: then all that is not part of a page or a
            program is to be read. Beside a page only what is certainly a document is.
    """
    out = FolderFiles()
    left: dict[str, list[str]] = {}
    found = [file for file in sorted(folder.rglob("*")) if file.is_symlink() or not file.is_dir()]
    ours = {file.parent for file in found if file.name == "course.db"}
    for file in found:
        place = file.relative_to(folder)
        if reason := "belong to the index" if ours & {*file.parents} else _no_reading(file, folder):
            left.setdefault(reason, []).append(place.as_posix())
        elif refused := refusal(file, folder):
            out.notes.append(f"{place} was not read: it {refused}")
        elif alone or file.suffix.lower() in OFFICE:
            out.files.append(file)
        elif file.parent != folder or file.suffix.lower() not in _POSTS:
            left.setdefault("are neither posts nor documents", []).append(place.as_posix())
    out.notes += [f"left alone, since they {why}: {first_of(names)}" for why, names in left.items()]
    return out


def _no_reading(file: Path, folder: Path) -> str:
    """Why a file is nothing to read, as the end of a sentence; empty where it may be."""
    if any(_SYSTEM.match(part) for part in file.relative_to(folder).parts):
        return "belong to the system"
    if page := _page_of(file, folder):
        return f"are parts of {page}"
    is_part = file.suffix.lower() in _PARTS
    return "are parts of pages or programs, or data" if is_part else ""


def _page_of(file: Path, folder: Path) -> str:
    """The page that a file was saved with: browsers put its parts in "name_files" beside it."""
    for parent in file.parents:
        if parent == folder:
            return ""
        stem = re.sub(r"[_.-][^\W_]+$", "", parent.name)
        for suffix in _PAGES if stem != parent.name else ():
            if (parent.parent / f"{stem}{suffix}").is_file():
                return f"{stem}{suffix}"
    return ""
