"""Settings and findings about an installation, for the desk and the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration with its value."""

    section: str
    key: str
    value: str | int | bool
    """A secret is "set" or ""."""
    live: bool
    """Whether it can be changed while the course is served."""
    limits: tuple[int, int] | None = None
    """The least and the most of a number that can be changed."""


Level = Literal["ok", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A language model that could be fetched."""

    name: str
    cost: str
    """Bytes to download, memory and licence, in words."""
    reason: str
    """What the machine has, and why it is this one."""
    instead: str
    """Another with its cost, for where the model hub cannot be reached; "" for none."""
    runnable: bool
    """Whether what runs it is installed."""
