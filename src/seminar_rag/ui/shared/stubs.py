"""Gradio is imported without the stubs for editors that it writes at every import."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_stubs() -> Iterator[None]:
    """Let Gradio make its component classes without a stub (`.pyi`) for each.

    For each of its eighty classes Gradio parses two files and compares them, half of the time that
    its import takes (`gradio.component_meta.create_or_modify_pyi`). It leaves out the classes that
    come from no file, so all of its own seem to come from none while they are made.
    """
    getfile = inspect.getfile

    def no_file(of: Any) -> str:
        if isinstance(of, type) and of.__module__.startswith("gradio."):
            raise OSError("a class without a file, as far as Gradio is told")
        return getfile(of)

    inspect.getfile = no_file  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = getfile
