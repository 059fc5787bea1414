"""The errors that a person can do something about.

SeminarError
├── ConfigError     seminar.toml or the environment holds an unusable value
├── SourceError     a course page, folder or file that cannot be read or holds nothing
├── DocumentError   one document that yields no text (carries the kind of failure)
├── FetchError      an address that cannot be fetched (carries the kind of failure)
├── StoreError      the index on disk is damaged, foreign or does not match the configuration
│   └── BusyError   another process is writing to it
├── ModelError      an embedding model or language model that cannot be loaded or used
├── ServeError      the chat cannot be served (port in use)
└── NotFoundError   a reading, session or document that is not in the course

A message names the thing and, after the dash or in a second sentence, what to do next.
"""

from __future__ import annotations

from typing import Literal

Failure = Literal["no_text", "password", "corrupt", "limit", "unreadable"]


class SeminarError(Exception):
    """The base of all errors whose message is shown to a person."""

    exit_code = 1


class ConfigError(SeminarError):
    """The configuration is unusable."""

    exit_code = 2


class SourceError(SeminarError):
    """A source cannot be read, or holds no readings."""

    exit_code = 3


class DocumentError(SeminarError):
    """A single document yields no text."""

    exit_code = 3

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure: Failure = failure


class FetchError(SeminarError):
    """An address cannot be fetched."""

    exit_code = 3

    def __init__(self, failure: str, message: str) -> None:
        """Args:
        failure: gone, denied, refused, bad_address, loop, too_large, timeout, cut, busy, server,
            unreachable or offline.
        """
        super().__init__(message)
        self.failure = failure

    @property
    def lasting(self) -> bool:
        """Whether another attempt soon would fail in the same way."""
        return self.failure in ("gone", "denied", "refused", "bad_address", "loop", "too_large")


class StoreError(SeminarError):
    """The index cannot be used as it is."""

    exit_code = 4


class DamagedError(StoreError):
    """The database or the vector store is damaged; `doctor --repair` replaces it."""


class BusyError(StoreError):
    """Another process holds the writer's lock."""


class ModelError(SeminarError):
    """A model cannot be loaded or used."""

    exit_code = 5


class ServeError(SeminarError):
    """The chat cannot be served."""

    exit_code = 6


class NotFoundError(SeminarError):
    """No such reading, session or document."""

    exit_code = 7
