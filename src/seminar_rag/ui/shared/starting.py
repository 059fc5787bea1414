"""Gradio is loaded without what it does for others: more than half of the time that it takes."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def load_gradio() -> None:
    """Import Gradio, so that pages are built fast.

    Left out are its server of tools, its stubs for editors (`without_stubs`) and pandas, which it
    needs for values that no page here has.
    """
    with _absent("mcp"), _later("pandas"), without_stubs():
        import gradio.blocks  # noqa: F401


@contextmanager
def not_mounted() -> Iterator[None]:
    """Let Gradio lay out a page without a web application, and set `page.app` when it is mounted.

    Of the four that it makes for a page, one when it begins, one when it is laid out and one with
    its queue are thrown away.
    """
    import gradio.blocks

    usual = gradio.blocks.App
    gradio.blocks.App = _Unmounted
    try:
        yield
    finally:
        gradio.blocks.App = usual


class _Unmounted:
    """In place of the web application of a page that is not mounted yet."""

    @staticmethod
    def create_app(*_: object, **__: object) -> None:
        """Make none."""


class _Later(ModuleType):
    """A module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            if name.startswith("__"):  # asked for by the import itself
                raise AttributeError(name)
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _later(name: str) -> Iterator[None]:
    """Who imports a module meanwhile has one that is loaded when it is used."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = standing_in = _Later(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is standing_in:
            del sys.modules[name]


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """A module that is not loaded yet seems not to be installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def without_stubs() -> Iterator[None]:
    """Let Gradio make its component classes without a stub (`.pyi`) for each.

    For each of its eighty classes Gradio parses two files and compares them
    (`gradio.component_meta.create_or_modify_pyi`). It leaves out the classes that come from no
    file, so all of its own seem to come from none while they are made.
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
