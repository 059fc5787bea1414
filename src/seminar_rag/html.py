"""The one way to make HTML: Jinja2 templates that escape every value.

A template lies beside the code that uses it and is named by its path in the package. It is a file
of macros, which Python calls as functions:

    page = Template("ui/templates/chat.html")
    page.welcome(examples)  # the macro `welcome`, as HTML

Values that are not `Markup` are escaped, and a value that is missing is an error. In a template a
line break between two tags or blocks belongs to its layout, and is not part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_LAYOUT = re.compile(r"(?<=[>}])\s*\n\s*(?=[<{]|\Z)")


class Template:
    """The macros of a template as methods. Jinja2 is loaded with the first call."""

    def __init__(self, path: str) -> None:
        """Args:
        path: of the template, relative to the package `seminar_rag`.
        """
        self._path = path

    def __getattr__(self, macro: str) -> Callable[..., Markup]:
        """The macro of this name. Raises AttributeError where the template has none."""
        found: Callable[..., Markup] = getattr(_module(self._path), macro)
        return found


def static(*names: str) -> str:
    """The text of style sheets and scripts of `ui/static`, one after the other."""
    folder = files("seminar_rag.ui") / "static"
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def joined(parts: Iterable[str]) -> Markup:
    """The parts in a row as HTML; those that are not `Markup` are escaped."""
    from markupsafe import Markup

    return Markup("").join(parts)


def trusted(html: str) -> Markup:
    """HTML of a library that has escaped what came from outside, such as markdown-it."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - that is what the function is for


@cache
def _module(path: str) -> Any:
    return environment().get_template(path).module


@cache
def environment() -> Environment:
    """The environment of all templates: autoescaping, strict about missing values."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from jinja2.ext import Extension

    class WithoutLayout(Extension):
        """Takes line breaks between tags or blocks out of a template's source."""

        def preprocess(
            self,
            source: str,
            name: str | None,  # noqa: ARG002 - the signature of Jinja2
            filename: str | None = None,  # noqa: ARG002
        ) -> str:
            return _LAYOUT.sub("", source)

    return Environment(
        loader=PackageLoader("seminar_rag", ""),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[WithoutLayout],
    )
