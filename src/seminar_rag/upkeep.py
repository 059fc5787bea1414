"""Looks after a course's files without opening the course, which may be damaged: the part of the
façade that needs no `Course`.

A backup is one ZIP file with what cannot be made again: the instructor's decisions, the added
files, the journal and the settings; with everything, also the database, the kept files and the
downloads. The vector store is left out, since it is rebuilt from the database. Both SQLite files
are copied by SQLite itself, so that a backup is consistent while the course is served.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from seminar_rag import config as configuration
from seminar_rag.config import Config, load
from seminar_rag.errors import ConfigError, SourceError, StoreError
from seminar_rag.files import draft, write
from seminar_rag.index import decisions
from seminar_rag.index.decisions import CHOSEN, Chosen, chosen_content
from seminar_rag.index.folder import writing
from seminar_rag.types.catalogue import Correction

# What reads vectors is imported where it is used: each command asks where the course lies.


def where() -> str:
    """Where the course lies that `Course.open()` opens, as a sentence; "" where it lies in the
    current folder, as one expects."""
    data, other = load(None).data, configuration.platform_folder("course")
    if data != Path(configuration.DATA):
        return f"The course lies in {data}."
    if not data.exists() and other.exists():
        return f"This folder begins a course of its own; the one in {other} is another."
    return ""


def rescue(data: Path | None = None, progress: Callable[[str], None] = lambda _: None) -> bool:
    """Replace a damaged database, which is moved aside; whether it was damaged. See
    `index.rescue`."""
    from seminar_rag.index.rescue import rescue as rescue_database

    config = load(None, data=data)
    if config.store_database:  # a server looks after its files by itself
        return False
    return rescue_database(config.data, progress)


def move_database(
    target: str,
    folder: Path | None = None,
    data: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """Copy a course's database to the other engine, verify the copy, and use it from now on.

    Args:
        target: the address of an empty PostgreSQL database; empty for SQLite in the data folder.

    Returns:
        The folder that holds the previous SQLite database; None where that was PostgreSQL, which
        stays as it is.

    Raises:
        ConfigError: the course lies there already, or the environment decides where it lies.
        StoreError: a database cannot be used, or the target is not empty; nothing was changed.
    """
    from seminar_rag.index.rescue import move

    config = load(folder, data=data)
    if "store_database" in configuration.from_environment():
        raise ConfigError("SEMINAR_RAG_STORE_DATABASE decides where the course lies — unset it")
    if target == config.store_database:
        raise ConfigError("the course's database lies there already — name another place")

    def commit() -> None:
        carry(config.data, config.store_database, config.data, target)
        configuration.save(config.folder, "store", "database", target)

    return move(config.data, config.store_database, target, commit, progress)


def backup(target: Path, data: Path | None = None, *, everything: bool) -> int:
    """Write a backup of a course that may not open; its size in bytes. See `save`."""
    return save(load(None, data=data), target, everything)


def restore_backup(source: Path, data: Path | None = None) -> Path | None:
    """Bring a backup back; the folder of what it replaced. See `restore`."""
    return restore(load(None, data=data), source)


def set_password_hash(folder: Path | None, password_hash: str, data: Path | None = None) -> Path:
    """Write the hash of the desk's password into the folder's seminar.toml; the file's path.

    Args:
        data: the course's data folder, where --data names it. Where no seminar.toml is that of its
            course, it gets one of its own, so that no other course's password is set.

    Raises:
        ConfigError: the file cannot be changed, or is another course's.
    """
    if folder is None:
        folder = configuration.default_folder(data=data)
        settings, own = folder / _SETTINGS, load(folder, {}).data
        if data is not None and data.resolve() not in (own.resolve(), folder.resolve()):
            if not settings.exists():
                folder = data
            elif own.exists():
                raise ConfigError(
                    f"{settings} is the course's in {own} — create an empty {data / _SETTINGS},"
                    " which holds the settings of this one, and run the command again"
                )
    return configuration.save(folder, "desk", "password_hash", password_hash)


# --- backups -------------------------------------------------------------------------------------

_MANIFEST, _DECISIONS, _SETTINGS = "backup.json", "decisions/current.json", "seminar.toml"
_DATABASE, _JOURNALS = "course.db", ("journal.sqlite", "feedback.sqlite")
_FOLDERS = ("added",)
_ALL_FOLDERS = ("added", "files", "web")
_REBUILT = ("chroma", "course.db-wal", "course.db-shm", "files")
"""What belongs to a database and goes with it when another takes its place."""


def save(config: Config, target: Path, everything: bool = False) -> int:
    """Write a backup, readable for its owner alone; returns its size in bytes.

    Args:
        everything: also what could be fetched and read again. PostgreSQL is left to its own tools.

    Raises:
        StoreError: a database cannot be read, or the file cannot be written.
    """
    data, database = config.data, config.store_database
    settings = config.folder / _SETTINGS
    if database and everything:
        raise StoreError(
            "the course's database is on a PostgreSQL server — back that up with pg_dump, and the"
            " rest without --everything"
        )
    try:
        with (
            tempfile.TemporaryDirectory() as scratch,
            draft(target, sync=True) as made,
            zipfile.ZipFile(made.file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            about = {
                "program": version("seminar-rag"),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "everything": everything,
            }
            archive.writestr(_MANIFEST, json.dumps(about))
            beside = data
            if database:
                beside = Path(scratch) / "beside"
                beside.mkdir()
                carry(data, database, beside, "")
            for name in (*_JOURNALS, _DATABASE) if everything else _JOURNALS:
                if (beside / name).is_file():
                    archive.write(_snapshot(beside / name, Path(scratch)), name)
            # In this order, since somebody may be deciding and adding files meanwhile.
            archive.writestr(_DECISIONS, decisions.to_json(_decisions(data, database)))
            if (kept := chosen_content(beside)) is not None:
                archive.writestr(CHOSEN, kept)
            for path in _files(data, _ALL_FOLDERS if everything else _FOLDERS):
                with suppress(FileNotFoundError):  # an ingest has just removed it
                    archive.write(path, path.relative_to(data).as_posix())
            if settings.is_file():
                archive.write(settings, _SETTINGS)
    except (OSError, sqlite3.Error, ValueError) as error:
        raise StoreError(
            f"the backup {target} cannot be written ({error}) — free some space, or run"
            " seminar-rag doctor"
        ) from error
    return target.stat().st_size


def restore(config: Config, source: Path) -> Path | None:
    """Bring a backup back; what it replaces is moved aside, never deleted.

    Returns:
        The folder that holds what was replaced; None where nothing was.

    Raises:
        SourceError: the file is no backup, or is damaged; nothing was changed.
        StoreError: the data folder cannot be used, or another process is writing.
    """
    from seminar_rag.index.rescue import rescue as rescue_database
    from seminar_rag.index.store import Store

    data, database = config.data, config.store_database
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        if source.exists() and not source.is_file():
            raise ValueError("it is no regular file")  # which may never answer, or never end
        with zipfile.ZipFile(source) as archive, tempfile.TemporaryDirectory(dir=data) as scratch:
            wanted = _extracted(archive, Path(scratch))
            known = decisions.from_json((Path(scratch) / _DECISIONS).read_bytes())
            if database and _DATABASE in wanted:
                raise ValueError("it holds a SQLite database, and [store] database says PostgreSQL")
            if _DATABASE not in wanted and not database:
                rescue_database(data)
            with writing(data):
                aside = _put_in_place(config.folder, data, Path(scratch), wanted)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise SourceError(
            f"{source} cannot be restored ({error}) — give a file that seminar-rag backup wrote"
        ) from error
    with closing(Store(data, config.store_url, database=database)) as store, store.writer():
        store.copy_decisions()
        store.drop_corrections([one.key for one in store.catalogue().corrections])
        store.add_corrections(*known)
        if _DATABASE in wanted:
            store.repair()
    if CHOSEN in wanted:
        Chosen(data).repair()  # the copy beside it is older
    if database:
        carry(data, "", data, database)
    return aside


def carry(data: Path, source: str, place: Path, target: str) -> None:
    """Copy the journal, and what was chosen for students, from one database's course to another's.

    Args:
        data, place: the data folders, which hold both with SQLite.
        source, target: the address of a PostgreSQL database, or empty for SQLite.
    """
    from seminar_rag.index.postgres import CommonTable
    from seminar_rag.journal.journal import Journal

    with (
        closing(Journal(data / _JOURNALS[0], database=source)) as old,
        closing(Journal(place / _JOURNALS[0], database=target)) as new,
    ):
        if rows := old.rows():
            new.add(rows)
    with closing(CommonTable(source)) as there, closing(CommonTable(target)) as here:
        was = Chosen(data, there if source else None)
        was.copy_to(Chosen(place, here if target else None))


def _decisions(data: Path, database: str) -> tuple[Correction, ...]:
    """The decisions of now, from the database where it can be read."""
    if database:
        from seminar_rag.index.postgres import Postgres

        with closing(Postgres(database)) as served:
            return decisions.stored(served)
    if not (data / _DATABASE).is_file():
        return decisions.latest(data)
    from seminar_rag.index.database import require_known_names
    from seminar_rag.index.sqlite import connect

    with closing(connect(data / _DATABASE)) as db:
        with suppress(sqlite3.Error, ValueError):
            require_known_names(db, data)
            # The file beside it is written a moment later.
            return decisions.stored(db)
        return decisions.latest(data, db)


def _snapshot(database: Path, scratch: Path) -> Path:
    """A consistent copy of a database, taken while others use it."""
    copy = scratch / database.name
    with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(copy)) as target:
        live.backup(target)
    return copy


def _files(data: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    for name in folders:
        for path in sorted((data / name).rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".part-"):
                yield path


def _extracted(archive: zipfile.ZipFile, scratch: Path) -> list[str]:
    """Unpack a backup; the names of its files. Raises ValueError where it is none."""
    names = archive.namelist()
    json.loads(archive.read(_MANIFEST))
    allowed = {_MANIFEST, _DECISIONS, CHOSEN, _SETTINGS, *_JOURNALS, _DATABASE}
    for name in names:
        parts = PurePosixPath(name).parts
        inside = len(parts) > 1 and parts[0] in _ALL_FOLDERS and ".." not in parts
        if name not in allowed and (not inside or "\\" in name):
            raise ValueError(f"it holds {name!r}")
    for name in names:
        place = scratch / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as packed, place.open("wb") as file:  # checks the CRC
            shutil.copyfileobj(packed, file)
    return names


def _put_in_place(folder: Path, data: Path, scratch: Path, names: list[str]) -> Path | None:
    """Move the unpacked files to their places, after what lies there went aside."""
    from seminar_rag.index.rescue import set_aside

    replaced = [name for name in names if name not in (_MANIFEST, _DECISIONS, _SETTINGS)]
    if any(name in names for name in _JOURNALS):  # one is made anew from the other
        replaced += [f"{name}{end}" for name in _JOURNALS for end in ("", "-wal", "-shm")]
    if _DATABASE in names:
        replaced = [name for name in replaced if not name.startswith("files/")] + [*_REBUILT]
    aside = set_aside(data, list(dict.fromkeys(replaced)), "replaced")
    for name in names:
        if name in (_MANIFEST, _DECISIONS, _SETTINGS):
            continue
        (data / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (scratch / name).replace(data / name)
        (data / name).chmod(0o600)
    if _SETTINGS in names:
        settings = folder / _SETTINGS
        content = (scratch / _SETTINGS).read_bytes()
        if settings.is_file() and settings.read_bytes() != content:
            shutil.copy2(settings, settings.with_name(f"{_SETTINGS}.replaced"))
        write(settings, content)
    return aside
