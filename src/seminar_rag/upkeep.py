"""A course's files, looked after without opening the course, which may be damaged.

It is the façade's second half: `cli` and `ui` know `course` and this.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seminar_rag import config as configuration
from seminar_rag.config import load
from seminar_rag.errors import ConfigError


def where() -> str:
    """Where the course lies that `Course.open()` opens, as a sentence; empty where one expects it.

    Raises:
        ConfigError: the configuration is unusable.
    """
    data, other = load(None).data, configuration.own_folder("course")
    if data != Path(configuration.DATA):
        return f"The course lies in {data}."
    if not data.exists() and other.exists():
        return f"This folder begins a course of its own; the one in {other} is another."
    return ""


def rescue(
    folder: Path | None = None,
    data: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> bool:
    """Replace a damaged database, which is moved aside; see `index.rescue`.

    Returns:
        Whether it was damaged.

    Raises:
        StoreError: the data folder cannot be used.
    """
    from seminar_rag.index.rescue import rescue as rescue_store

    config = load(folder, data=data)
    if config.store_database:  # a server looks after its files by itself
        return False
    return rescue_store(config.data, progress)


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
        The folder that holds the SQLite database of before; None where that was PostgreSQL, which
        stays as it is.

    Raises:
        ConfigError: the course lies there already, or the environment decides where it lies.
        StoreError: a database cannot be used, or the target is not empty; nothing was changed.
    """
    from seminar_rag.backup import carry
    from seminar_rag.index.moving import move

    config = load(folder, data=data)
    if "store_database" in configuration.from_environment():
        raise ConfigError("SEMINAR_RAG_STORE_DATABASE decides where the course lies — unset it")
    if target == config.store_database:
        raise ConfigError("the course's database lies there already — name another place")

    def commit() -> None:
        carry(config.data, config.store_database, config.data, target)
        configuration.save(config.folder, "store", "database", target)

    return move(config.data, config.store_database, target, commit, progress)


def backup(
    target: Path, folder: Path | None = None, data: Path | None = None, *, everything: bool
) -> int:
    """Write a backup of a course that may not open; its size in bytes. See `backup.save`."""
    from seminar_rag import backup as backups

    config = load(folder, data=data)
    return backups.save(
        config.folder, config.data, target, everything, database=config.store_database
    )


def restore_backup(
    source: Path, folder: Path | None = None, data: Path | None = None
) -> Path | None:
    """Bring a backup back; the folder of what it replaced. See `backup.restore`."""
    from seminar_rag import backup as backups

    config = load(folder, data=data)
    return backups.restore(
        config.folder, config.data, source, config.store_url, config.store_database
    )


def set_password_hash(folder: Path | None, password_hash: str) -> Path:
    """Write the hash of the desk's password into the folder's seminar.toml; the file's path."""
    folder = configuration.meant_folder() if folder is None else folder
    return configuration.save(folder, "desk", "password_hash", password_hash)
