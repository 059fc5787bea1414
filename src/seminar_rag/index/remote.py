"""Files of the course in an object store, where all its servers see them; they are copied into the
data folder when they are first needed. The only importer of obstore.
"""

from __future__ import annotations

from pathlib import Path

from seminar_rag.errors import ConfigError, StoreError
from seminar_rag.files import draft


class Remote:
    """The files below an address, by their path there."""

    def __init__(self, address: str) -> None:
        """Args:
        address: "s3://bucket/course", or what else obstore takes; keys and endpoint come from the
            environment, as AWS's own tools read them.

        Raises:
            ConfigError: the address is none, or obstore is not installed.
        """
        try:
            import obstore
        except ImportError as error:
            raise ConfigError(
                "[store] files names an object store, for which the extra s3 is missing — pip"
                " install 'seminar-rag[s3]'"
            ) from error
        self._error = obstore.exceptions.BaseError
        self._address = address
        try:
            self._store = obstore.store.from_url(address)
        except (self._error, ValueError) as error:
            raise ConfigError(
                f"[store] files is no address of an object store ({_line(error)}) — use one like"
                ' "s3://bucket/course"'
            ) from error

    def put(self, name: str, file: Path) -> None:
        """Copy a file there, unless one of its name and size is there. Raises StoreError."""
        try:
            if self._store.head(name)["size"] == file.stat().st_size:
                return
        except FileNotFoundError:
            pass
        except self._error as error:
            raise self._explained(error) from error
        try:
            self._store.put(name, file)
        except (self._error, OSError) as error:
            raise self._explained(error) from error

    def get(self, name: str, file: Path) -> bool:
        """Copy a file from there, whole or not at all; whether there is one. Raises StoreError."""
        try:
            with draft(file) as made:
                for piece in self._store.get(name).stream():
                    made.file.write(piece)
        except FileNotFoundError:
            return False
        except (self._error, OSError) as error:
            raise self._explained(error) from error
        return True

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder there. Raises StoreError."""
        try:
            parts = list(self._store.list(f"{folder}/"))
        except self._error as error:
            raise self._explained(error) from error
        return {str(one["path"]).rpartition("/")[2] for part in parts for one in part}

    def drop(self, name: str) -> None:
        """Remove a file. Raises StoreError."""
        try:
            self._store.delete(name)
        except FileNotFoundError:
            pass
        except self._error as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> StoreError:
        return StoreError(
            f"the files at {self._address} cannot be used ({_line(error)}) — check [store] files,"
            " the keys in the environment and the network"
        )


def _line(error: Exception) -> str:
    """The first line of an error's text, without what the library adds for its developers."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
