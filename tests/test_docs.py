"""Documents that are not true fail here: commands, keys, files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from seminar_rag.cli import main
from seminar_rag.config import keys
from test_architecture import LAYERS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


_parser = cache(main._parser)
"""It is the same every time, and takes milliseconds to make."""


@cache
def commands() -> set[str]:
    (verbs,) = [a for a in _parser()._actions if a.dest == "COMMAND" or a.choices]
    assert verbs.choices is not None
    return set(verbs.choices)


def documented() -> list[tuple[str, str]]:
    found = []
    for path in DOCUMENTS:
        for line in re.findall(r"seminar-rag [a-z][^`\n#|]*", path.read_text(encoding="utf-8")):
            found.append((path.name, line.strip()))
    return found


@pytest.mark.parametrize(("document", "line"), documented())
def test_documented_commands_exist(document: str, line: str) -> None:
    import shlex

    words = shlex.split(line.replace("…", ""))[1:]
    assert words[0] in commands(), f"{document}: {line}"
    try:
        _parser().parse_args(words)
    except SystemExit:  # named without its arguments, such as `seminar-rag ingest`
        if len(words) > 1:
            assert _parser().parse_args([*words, "something"]), f"{document}: {line}"


def test_every_command_is_documented() -> None:
    for command in commands():
        assert f"seminar-rag {command}" in TEXT or f"make {command}" in TEXT, command


def test_every_key_is_in_the_table_with_its_default() -> None:
    for section, entries in keys().items():
        for key, default in entries.items():
            row = re.search(rf"^\| `\[{section}\] {key}` \|(.*?)\|", TEXT, re.MULTILINE)
            assert row, f"[{section}] {key}"
            told = row[1].strip()
            if isinstance(default, bool):
                assert told == f"`{str(default).lower()}`"
            elif default != "":
                assert told == f"`{default}`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_linked_files_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in DOCUMENTS:
        for target in re.findall(r"`?make ([a-z]+)\b", path.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path.name}: {target}"


def test_rooms_on_the_map_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = ROOT / "src" / "seminar_rag"
    for cell in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", cell):
            folder = name.rpartition("/")[0] or folder
            path = name if "/" in name or not folder else f"{folder}/{name}"
            assert list(rooms.glob(path.rstrip("/"))), path


def test_the_drawing_of_the_rooms_is_true() -> None:
    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    drawing = text.split("```")[1].strip().splitlines()
    drawn = [set(re.split(r"\s{2,}", line)[0].split(" · ")) for line in drawing]
    assert drawn == [layer for layer in LAYERS if layer != {"__init__"}]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
