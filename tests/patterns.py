"""Every regular expression of the package, found in its source, and texts that are made to slow
one down, from its own parts: what each repetition takes, over and over."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import seminar_rag
from hostile import UNITS

_FLAGS = {"compile": 1, "match": 2, "search": 2, "findall": 2, "finditer": 2, "fullmatch": 2,
          "sub": 4, "split": 3, "subn": 4}  # fmt: skip
"""Functions of `re` that take a pattern, with the place of their flags."""
_ONE_MATCH = {"match", "fullmatch", "search"}


@dataclass(frozen=True)
class Use:
    """A pattern with the ways in which it is applied: "match", "fullmatch", "search" or, for all
    that go through a whole text, "finditer"."""

    module: str
    line: int
    pattern: re.Pattern[Any]
    ways: frozenset[str]

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.pattern.pattern!r:.80}"

    def applied(self, way: str, text: str) -> None:
        """Go through a text in one of the ways."""
        given = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        found = getattr(self.pattern, way)(given)
        if way == "finditer":
            for _ in found:
                pass


def modules() -> Iterator[Any]:
    """The modules of the package; the sample's only sets its PDFs."""
    for found in pkgutil.walk_packages(seminar_rag.__path__, "seminar_rag."):
        if ".sample." not in found.name:
            yield importlib.import_module(found.name)


def uses() -> tuple[list[Use], set[str]]:
    """All patterns, each once, and the calls whose pattern only a call can make."""
    found: dict[tuple[re.Pattern[Any], frozenset[str]], Use] = {}
    made: set[str] = set()
    trees = {one: ast.parse(Path(one.__file__).read_text(encoding="utf-8")) for one in modules()}
    everywhere: dict[str, set[str]] = {}
    for tree in trees.values():
        for name, way in _applied(tree):
            everywhere.setdefault(name, set()).add(way)
    for module, tree in trees.items():
        here: dict[str, set[str]] = {}
        for name, way in _applied(tree):
            here.setdefault(name, set()).add(way)
        named = {
            id(node.value): node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        short = module.__name__.removeprefix("seminar_rag.")
        for node in ast.walk(tree):
            if not _of_re(node):
                continue
            name = named.get(id(node), "")
            ways = {node.func.attr}
            if ways == {"compile"}:
                ways = (here if name.startswith("_") else everywhere).get(name, {"search"})
            try:
                pattern = _compiled(node, vars(module))
            except NameError:
                made.add(f"{short}: {ast.unparse(node.args[0])}")
                continue
            whole = frozenset(way if way in _ONE_MATCH else "finditer" for way in ways)
            found[pattern, whole] = Use(short, node.lineno, pattern, whole)
    return list(found.values()), made


def _of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _FLAGS
    )


def _applied(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names with the method of a pattern that is called on them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _FLAGS and node.attr != "compile":
            owner = node.value
            name = getattr(owner, "id", getattr(owner, "attr", ""))
            if name != "re":
                yield name, node.attr


def _compiled(call: ast.Call, names: dict[str, Any]) -> re.Pattern[Any]:
    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "pattern", "eval"), names)

    place = _FLAGS[call.func.attr]  # type: ignore[attr-defined]
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    given += call.args[place : place + 1]
    pattern = value(call.args[0])
    if isinstance(pattern, re.Pattern):
        return pattern
    return re.compile(pattern, value(given[0]) if given else 0)


# Hostile texts ----------------------------------------------------------------------------------


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Beginnings with what to repeat after them."""
    chance = random.Random(1)
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    found = {("", unit) for unit in UNITS}
    for _ in range(3):
        for before, body in _repetitions(tree, chance, ""):
            found |= {(before, body), ("", before + body), ("", before[-1:] + body)}
        whole = _example(tree, chance)
        found |= {("", whole), ("", whole[:-1]), ("", whole[:1])}
    return sorted(one for one in found if one[1])


def _repetitions(tree: Any, chance: random.Random, before: str) -> Iterator[tuple[str, str]]:
    """What comes before each repetition without a narrow bound, and what it repeats."""
    for kind, value in tree:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            if value[1] is sre.MAXREPEAT or value[1] >= 8:
                yield before, _example(value[2], chance)
            yield from _repetitions(value[2], chance, before)
        elif kind is sre.SUBPATTERN:
            yield from _repetitions(value[3], chance, before)
        elif kind is sre.ATOMIC_GROUP:
            yield from _repetitions(value, chance, before)
        elif kind is sre.BRANCH:
            for branch in value[1]:
                yield from _repetitions(branch, chance, before)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repetitions(value[1], chance, before)
        before += _example([(kind, value)], chance)


def _example(tree: Any, chance: random.Random) -> str:
    """A short text that a part of a pattern matches, as far as its parts alone say."""
    return "".join(_one(kind, value, chance) for kind, value in tree)


def _one(kind: Any, value: Any, chance: random.Random) -> str:
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.NOT_LITERAL:
        return "b" if value == ord("a") else "a"
    if kind is sre.ANY:
        return chance.choice("a .(")
    if kind is sre.IN:
        return _member(value, chance)
    if kind is sre.BRANCH:
        return _example(chance.choice(value[1]), chance)
    if kind is sre.SUBPATTERN:
        return _example(value[3], chance)
    if kind is sre.ATOMIC_GROUP:
        return _example(value, chance)
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return "".join(_example(value[2], chance) for _ in range(value[0] or chance.randint(0, 1)))
    return ""


def _member(members: Any, chance: random.Random) -> str:
    negated = members[0][0] is sre.NEGATE
    candidates = "aA1 .,-_([<\"'\n:é" + "".join(
        chr(value if kind is sre.LITERAL else value[0])
        for kind, value in members
        if kind in (sre.LITERAL, sre.RANGE)
    )
    fits = [one for one in candidates if _is_member(members, ord(one)) != negated]
    return chance.choice(fits or ["~"])


_CATEGORIES = {sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s",
               sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_WORD: r"\w",
               sre.CATEGORY_NOT_WORD: r"\W"}  # fmt: skip


def _is_member(members: Any, code: int) -> bool:
    return any(
        (kind is sre.LITERAL and value == code)
        or (kind is sre.RANGE and value[0] <= code <= value[1])
        or (kind is sre.CATEGORY and re.match(_CATEGORIES[value], chr(code)) is not None)
        for kind, value in members
    )
