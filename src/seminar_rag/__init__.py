"""Answers over the assigned readings of a seminar, every sentence with its passage.

    from seminar_rag import Course, Scope

    course = Course.open(Path("my-seminar"))
    for event in course.ask("What is LoRA?", scope=Scope(sessions=frozenset({4}))):
        ...

What is named in `__all__` is loaded when it is first used, so that importing the package costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seminar_rag.course import Course
    from seminar_rag.errors import (
        BusyError,
        ConfigError,
        DocumentError,
        FetchError,
        ModelError,
        NotFoundError,
        SeminarError,
        ServeError,
        SourceError,
        StoreError,
    )
    from seminar_rag.types import Answer, Scope

__version__ = "0.2.0"
__all__ = [
    "Answer",
    "BusyError",
    "ConfigError",
    "Course",
    "DocumentError",
    "FetchError",
    "ModelError",
    "NotFoundError",
    "Scope",
    "SeminarError",
    "ServeError",
    "SourceError",
    "StoreError",
    "__version__",
]
_HOMES = {"Course": "course", "Answer": "types", "Scope": "types"}


def __getattr__(name: str) -> Any:
    """Load an exported name from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
