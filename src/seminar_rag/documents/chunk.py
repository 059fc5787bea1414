"""Blocks → passages of whole sentences, of one section each, that the embedding model can read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from seminar_rag.text import between, names_columns, sentence_spans
from seminar_rag.types import Block, Document, Passage, Sentence

TARGET = 180
"""WordPieces of a passage; 120 and 256 were measured worse on the labelled questions."""
LIMIT = 220
"""Never more: with the prefix and two special tokens this stays inside MiniLM's 256."""
_LETTERS = 20
"""Characters that count as a WordPiece at least: a run of letters without end is one to a model."""
_HEAD = 40
"""WordPieces of a table's first row that is said again in each passage of the table, at most."""
PREFIX = 34
"""WordPieces of the context prefix that is embedded before the passage."""

Counter = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, and the prefix with which it is embedded but not shown."""

    passage: Passage
    prefix: str

    @property
    def embedded(self) -> str:
        """What the embedding model reads."""
        return f"{self.prefix}\n{self.passage.text}" if self.prefix else self.passage.text


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence (or item, or rows of a table) with its size and place in its block."""

    block: Block
    start: int
    end: int
    tokens: int
    opens: bool
    """First piece of its block: joined with a line break, not a space."""
    again: bool = False
    """A table's first row, said again where the table goes on in another passage."""

    @property
    def text(self) -> str:
        return self.block.text[self.start : self.end]


def split(
    document: Document, blocks: Iterable[Block], count: Counter, context: str = ""
) -> list[Chunk]:
    """All passages of a document, in order.

    Args:
        context: what leads the prefix, usually the session's title.
        count: length of a text in the embedding model's tokens.

    The same document gives the same ids; a passage whose text, place in the outline and document
    are unchanged keeps its id although others changed, so its embedding can be kept too.
    """
    chunks: list[Chunk] = []
    seen: dict[str, int] = {}
    for path, pieces in _sections(blocks, count):
        for group in _pack(pieces):
            own = path[1:] if path[:1] == (document.title,) else path
            heading = " › ".join(own)
            shown = group[0].block.kind == "heading"
            prefix = _prefix((context, document.title, *(path[:-1] if shown else path)), count)
            passage = _passage(document, group, heading, prefix, len(chunks), seen)
            chunks.append(Chunk(passage, prefix))
    return chunks


def _sections(
    blocks: Iterable[Block], count: Counter
) -> Iterator[tuple[tuple[str, ...], list[_Piece]]]:
    """Runs of pieces under one heading. A heading leads its section's first passage."""
    outline: list[tuple[int, str]] = []
    pieces: list[_Piece] = []
    for block in blocks:
        if not block.text.strip():
            continue
        if block.kind != "heading":
            pieces.extend(_pieces(block, count))
            continue
        if any(piece.block.kind != "heading" for piece in pieces):
            yield tuple(text for _, text in outline), pieces
        pieces = _pieces(block, count)
        while outline and outline[-1][0] >= block.level:
            outline.pop()
        outline.append((block.level, block.text))
    if any(piece.block.kind != "heading" for piece in pieces):
        yield tuple(text for _, text in outline), pieces


def _pieces(block: Block, count: Counter) -> list[_Piece]:
    text = block.text
    if block.kind in ("table", "code"):
        spans = [match.span() for match in re.finditer(r"[^\n]+", text)]
    elif block.kind == "heading":
        spans = [(0, len(text))]
    else:
        spans = sentence_spans(text)
    out: list[_Piece] = []
    for start, end in spans:
        for a, b in _fitting(text, start, end, count):
            out.append(_Piece(block, a, b, _size(text[a:b], count), opens=not out))
    return out


def _fitting(text: str, start: int, end: int, count: Counter) -> Iterator[tuple[int, int]]:
    """The span itself, or, where it alone is over the limit, parts cut at clause or word bounds."""
    if end - start < 2 or _size(text[start:end], count) <= LIMIT:
        yield start, end
        return
    middle = start + (end - start) // 2
    reach = (end - start) // 4
    cut = middle
    for pattern in (r"[;:]\s", r",\s", r"\s"):
        found = [m.end() for m in re.finditer(pattern, text[middle - reach : middle + reach])]
        if found:
            cut = min((middle - reach + at for at in found), key=lambda at: abs(at - middle))
            break
    left = len(text[start:cut].rstrip())
    yield from _fitting(text, start, start + left, count)
    yield from _fitting(text, cut, end, count)


def _size(text: str, count: Counter) -> int:
    return max(count(text), len(text) // _LETTERS)


def _pack(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Groups of about equal size, so that a section does not end in a scrap."""
    total = sum(piece.tokens for piece in pieces)
    share = total / max(1, round(total / TARGET)) if total > LIMIT else LIMIT
    aim = min(share, TARGET + 10) if total > LIMIT else LIMIT
    group: list[_Piece] = []
    size = 0
    head: _Piece | None = None
    for piece in pieces:
        # Closing before or after this piece, whichever lands nearer to the aim.
        over = size + piece.tokens > LIMIT or (
            size + piece.tokens > aim and size + piece.tokens - aim > aim - size
        )
        if group and over and any(one.block.kind != "heading" for one in group):
            yield group
            group = [head] if head and _leads(head, piece) else []
            size = sum(one.tokens for one in group)
        if piece.block.kind == "table" and piece.opens:
            head = replace(piece, again=True)
        group.append(piece)
        size += piece.tokens
    if group:
        yield group


def _leads(head: _Piece, piece: _Piece) -> bool:
    """Whether a row names the columns of another one, and there is room for it before that."""
    same = head.block is piece.block and names_columns(head.block.text.split("\n"))
    return same and head.tokens <= _HEAD and head.tokens + piece.tokens <= LIMIT


def _passage(
    document: Document,
    group: Sequence[_Piece],
    heading: str,
    prefix: str,
    ordinal: int,
    seen: dict[str, int],
) -> Passage:
    text = ""
    sentences: list[Sentence] = []
    for piece in group:
        if text:
            text += "\n" if piece.opens else between(text, piece.text)
        block, start = piece.block, len(text)
        sentences.append(
            Sentence(start, start + len(piece.text), block.kind, block.page, block.level)
        )
        text += piece.text
    key = f"{document.id}\0{prefix}\0{text}"
    seen[key] = seen.get(key, 0) + 1
    digest = hashlib.blake2b(f"{key}\0{seen[key]}".encode(), digest_size=10).hexdigest()
    first, last = next(one for one in group if not one.again), group[-1]
    return Passage(
        id=digest,
        document=document.id,
        ordinal=ordinal,
        text=text,
        heading=heading,
        start=first.block.source(first.start),
        end=last.block.source(last.end - 1) + 1,
        page=first.block.page,
        sentences=tuple(sentences),
    )


def _prefix(parts: Sequence[str], count: Counter) -> str:
    """The parts joined, cut on word bounds to `PREFIX` tokens; first and last part matter most."""
    kept = list(dict.fromkeys(part for part in parts if part))
    while len(kept) > 3 and count(" › ".join(kept)) > PREFIX:
        del kept[2]
    share = PREFIX // max(1, len(kept))
    if count(" › ".join(kept)) > PREFIX:
        spare = sum(max(0, share - count(part) - 1) for part in kept)
        kept = [_cut(part, share + spare - 1, count) for part in kept]
    text = " › ".join(part for part in kept if part)
    return _cut(text, PREFIX, count)


def _cut(text: str, tokens: int, count: Counter) -> str:
    text = text[: 50 * max(tokens, 1)]  # a WordPiece has fewer characters
    while text and count(text) > tokens:
        shorter = text.rsplit(" ", 1)[0] if " " in text else text[: len(text) // 2]
        text = shorter.rstrip(" :,;–—-")
    return text
