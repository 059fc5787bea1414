"""Hits made of a few blocks, for the tests of what chooses from them."""

from __future__ import annotations

from seminar_rag.documents.chunk import split
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Block, Document, Hit


def blocks(text: str) -> list[Block]:
    """Markdown-like lines: "# heading", "- item" (two blanks a level), "a | b" a row of a table,
    else a paragraph."""
    out: list[Block] = []
    at = 0
    for line in text.strip("\n").split("\n"):
        bare = line.lstrip()
        start = at + len(line) - len(bare)
        at += len(line) + 1
        if not bare:
            continue
        if " | " in bare:
            rows = out.pop() if out and out[-1].kind == "table" else None
            text = f"{rows.text}\n{bare}" if rows else bare
            out.append(Block(text, "table", start=rows.start if rows else start))
        elif bare.startswith("# "):
            out.append(Block(bare[2:], "heading", 1, start=start + 2))
        elif bare.startswith("- "):
            out.append(Block(bare[2:], "item", (len(line) - len(bare)) // 2, start=start + 2))
        else:
            out.append(Block(bare, start=start))
    return out


def hit(
    text: str,
    title: str = "A Primer",
    *,
    authors: str | None = None,
    score: float = 1.0,
    cosine: float | None = 0.6,
    session: int = 1,
) -> Hit:
    """The first passage of a document of its own."""
    document = Document(title, "notes", title, title, authors, (session,), path=f"{title}.md")
    chunk = split(document, blocks(text), HashEmbedder().count)[0]
    return Hit(chunk.passage, document, score, cosine)
