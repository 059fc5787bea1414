"""What pandoc reads → blocks, from its document tree (pandoc-types 1.23)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from seminar_rag.errors import DocumentError
from seminar_rag.text import one_line
from seminar_rag.types import Block, BlockKind

_HEAP = "768M"
"""Memory that pandoc may use; its process has the limits of the worker besides."""
_HEAP_FULL = 251
"""pandoc's exit status where that is not enough."""
_MACRO = re.compile(r"Skipped '\\(\w+)\{[^{}]*\}'")
"""A macro with one argument that pandoc does not know."""
_LAYOUT = frozenset(
    "vspace hspace vskip index label pagestyle thispagestyle bibliography bibliographystyle"
    " hypersetup graphicspath pagenumbering usetikzlibrary setcounter linespread phantom"
    " nocite".split()
)
"""Those whose argument is no text of the document."""
_LEFT_OUT = re.compile(r"Could not (?:load include file|fetch resource) (\S+)")


def read_by_pandoc(
    data: bytes, form: str, name: str, seconds: float
) -> tuple[str | None, list[Block], tuple[str, ...]]:
    """The title of a file, its blocks, and what it includes that was not read.

    Args:
        form: pandoc's name of its form; files of text are in UTF-8.
        name: what to call it in messages.
        seconds: after which pandoc is ended. It opens no other file and no address.

    Raises:
        DocumentError: "corrupt" where it is not of that form, "limit" where it takes too much,
            "unreadable" where pandoc is missing.
    """
    ends = time.monotonic() + seconds
    out, messages = _run(data, form, name, seconds)
    unknown = set(_MACRO.findall(messages)) - _LAYOUT
    if form == "latex" and unknown:  # their words would be missing
        known = "".join(rf"\providecommand{{\{one}}}[1]{{#1}}" for one in sorted(unknown))
        out, messages = _run(known.encode() + data, form, name, ends - time.monotonic())
    missing = dict.fromkeys(_LEFT_OUT.findall(messages))
    tree = json.loads(out)
    walk = _Walk(cells=form == "ipynb")
    title = walk.start(tree.get("meta", {}))
    walk.read(tree["blocks"])
    note = f"it includes {', '.join(missing)}, not read with it"
    return title, walk.blocks, (note,) if missing else ()


def _run(data: bytes, form: str, name: str, seconds: float) -> tuple[bytes, str]:
    """pandoc's tree of a file as JSON, and its messages."""
    try:
        import pypandoc

        program = pypandoc.get_pandoc_path()
    except (ImportError, OSError) as error:
        message = f"{name} is read by pandoc, which is not here — pip install pypandoc_binary"
        raise DocumentError("unreadable", message) from error
    limits = ("+RTS", f"-M{_HEAP}", "-RTS")
    pipe = subprocess.PIPE
    command = [program, "--sandbox", "--verbose", f"--from={form}", "--to=json", *limits]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        _limit_time(process.pid, seconds)
        try:
            out, err = process.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    if process.returncode == _HEAP_FULL or process.returncode < 0:
        message = f"{name} takes more memory or time than one document may — split it, or save it"
        raise DocumentError("limit", f"{message} as PDF.")
    messages = err.decode("utf-8", "replace")
    if process.returncode:
        why = "".join(messages.strip().splitlines()[-1:])[:120]
        message = f"{name} is no {form.upper()} that can be read ({why}) — save it again or as PDF."
        raise DocumentError("corrupt", message)
    return out, messages


def _limit_time(process: int, seconds: float) -> None:
    """End a process after as many seconds of work, although this one may have been killed."""
    if sys.platform == "linux":
        import resource

        most = int(seconds) + 1
        resource.prlimit(process, resource.RLIMIT_CPU, (most, most))


class _Walk:
    """Goes through the tree of pandoc-types 1.23 and collects blocks, numbered by the cells of a
    notebook or under their headings."""

    def __init__(self, cells: bool) -> None:
        self.blocks: list[Block] = []
        self._cells = cells
        self._number = 0
        self._notes: list[Any] = []
        """Footnotes of the block that is being read."""

    def start(self, meta: dict[str, Any]) -> str | None:
        """Begin with the title and abstract that stand apart; returns the title."""
        title = one_line(self._text(meta.get("title", {}).get("c", [])))
        if title:
            self._add(title, "heading", 1)
        abstract = meta.get("abstract", {})
        if abstract.get("t") == "MetaBlocks":
            self.read(abstract["c"])
        elif abstract.get("t") == "MetaInlines":
            self._add(self._text(abstract["c"]), "paragraph", 0)
        return title or None

    def read(self, nodes: Sequence[Any], kind: BlockKind = "paragraph", level: int = 0) -> None:
        """Collect the blocks of nodes, whose paragraphs are of this kind and level."""
        for node in nodes:
            content = node.get("c")
            match node["t"]:
                case "Header":
                    self._add(self._text(content[2]), "heading", min(content[0], 6))
                case "Para" | "Plain":
                    self._add(self._text(content), kind, level)
                case "LineBlock":
                    self._add(" ".join(map(self._text, content)), kind, level)
                case "CodeBlock":
                    self._add(content[1], "code", 0)
                case "Table":
                    self._table(content)
                case "Div" | "BlockQuote":
                    inner = content[1] if node["t"] == "Div" else content
                    self._number += self._cells and node["t"] == "Div" and "cell" in content[0][1]
                    self.read(inner, kind, level)
                case "Figure":
                    self.read(content[2], kind, level)
                    self._add(self._flat(content[1][1]), kind, level)
                case _:
                    self._list(node["t"], content, level + 1 if kind == "item" else 0)

    def _list(self, form: str, content: Any, depth: int) -> None:
        if form == "DefinitionList":
            for term, meanings in content:
                meaning = " ".join(self._flat(one) for one in meanings)
                self._add(f"{self._text(term)}: {meaning}", "item", depth)
        elif form in ("BulletList", "OrderedList"):
            for item in content if form == "BulletList" else content[1]:
                self.read(item, "item", depth)

    def _add(self, text: str, kind: BlockKind, level: int) -> None:
        text = text.strip() if kind in ("code", "table") else one_line(text)
        notes, self._notes = self._notes, []
        if text:
            if not self._cells:
                self._number = 0 if kind == "heading" else self._number + 1
            self.blocks.append(Block(text, kind, level, self._number or None))
        for note in notes:  # under the number of what it belongs to
            if text := self._flat(note):
                self.blocks.append(Block(text, "paragraph", 0, self._number or None))

    def _table(self, content: Sequence[Any]) -> None:
        _, caption, _, head, bodies, foot = content
        self._add(self._flat(caption[1]), "paragraph", 0)
        rows = [*head[1], *(row for body in bodies for row in (*body[2], *body[3])), *foot[1]]
        cells = ((self._flat(cell[4]) for cell in row[1]) for row in rows)
        self._add("\n".join(" | ".join(row) for row in cells), "table", 0)

    def _flat(self, nodes: Sequence[Any]) -> str:
        """The text of blocks in one line."""
        inner = _Walk(cells=True)
        inner.read(nodes)
        return " ".join(one_line(block.text) for block in inner.blocks)

    def _text(self, nodes: Sequence[Any]) -> str:
        """The text of inlines; footnotes are kept for after their block, pictures left out."""
        return "".join(map(self._inline, nodes))

    def _inline(self, node: Any) -> str:
        content = node.get("c")
        match node["t"]:
            case "Str":
                return str(content)
            case "Space" | "SoftBreak" | "LineBreak":
                return " "
            case "Code" | "Math":
                return str(content[1])
            case "Quoted":
                left, right = "‘’" if content[0]["t"] == "SingleQuote" else "“”"
                return f"{left}{self._text(content[1])}{right}"
            case "Cite":
                keys = ", ".join(one["citationId"] for one in content[0])
                return self._text(content[1]) or f"[{keys}]"
            case "Link" | "Span":
                return self._text(content[1])
            case "Note":
                self._notes.append(content)
            case "Image" | "RawInline":
                pass
            case _:  # emphasis and the like
                return self._text(content)
        return ""
