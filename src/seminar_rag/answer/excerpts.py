"""What a language model is shown of the passages: what surrounds the best quotations. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from seminar_rag.answer.candidates import Candidate, lines_above, opens_block
from seminar_rag.types import Hit, Passage

_REFERENCE = re.compile(r"\[(\d[\d\s,;–-]{0,40})\]")
_TAG = re.compile(r"<(?=\s*+(?:/\s*+)?passage\b)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What the model is shown of a passage."""

    hit: Hit
    sentences: tuple[int, ...]
    """Indices into the passage's sentences, in order."""

    @property
    def text(self) -> str:
        """The sentences, with the bullets and the nesting of lists, and “…” where some are left
        out."""
        passage, out = self.hit.passage, ""
        for before, index in zip((None, *self.sentences), self.sentences, strict=False):
            gap = before is not None and before + 1 != index
            out += f"{' …' * gap}{_line(passage, index)}"
        return out.strip()


def _line(passage: Passage, index: int) -> str:
    """A sentence with what stands before it: a bullet, a line break or a space."""
    one = passage.sentences[index]
    text = passage.quote(one).strip()
    if one.kind == "item" and opens_block(passage, one):
        return f"\n{'  ' * one.level}- {text}"
    return f"\n{text}" if opens_block(passage, one) else f" {text}"


def excerpts(
    hits: Sequence[Hit],
    best: Sequence[Candidate],
    near: Sequence[Candidate],
    count: Callable[[str], int],
    room: int,
    known: Collection[tuple[str, int]] = (),
) -> list[Excerpt]:
    """What surrounds the best quotations of the passages, in the order of the best ones.

    Each quotation comes with the lines that it stands below. What surrounds the best ones is shown
    as far as their passages go, since a small model makes little of many pieces; in the room that
    is left come others that are near to them, and what surrounds those. Where nothing can be quoted
    or is known, the first passages are shown whole.

    Args:
        best: what would be quoted of the hits, best first.
        near: what else can be quoted of them, best first; it may hold the best ones again.
        count: the number of tokens of a text.
        room: tokens for all of them with their headings.
        known: sentences that were shown before, as (id of the passage, index in it).
    """
    shown: dict[int, set[int]] = {}

    def add(at: int, wanted: set[int]) -> bool:
        nonlocal room
        passage = hits[at].passage
        new = {i for i in wanted - shown.get(at, set()) if (passage.id, i) not in known}
        need = sum(count(_line(passage, i)) + 1 for i in new)
        if new and at not in shown:
            need += count(block(0, Excerpt(hits[at], ())))
        if new and need <= room:
            room -= need
            shown.setdefault(at, set()).update(new)
            return True
        return not new

    for some in (best, near):
        own = [(one.hit - 1, _own(hits[one.hit - 1].passage, one)) for one in some]
        begun = [(at, wanted) for at, wanted in own if add(at, wanted)]
        for at, index in _around(hits, begun):
            add(at, {index})
    for at, hit in enumerate(() if shown or known else hits):
        add(at, set(range(len(hit.passage.sentences))))
    return [Excerpt(hits[at], tuple(sorted(indices))) for at, indices in shown.items()]


def _own(passage: Passage, one: Candidate) -> set[int]:
    """The sentences of a quotation and the lines that they stand below."""
    own = {passage.sentences.index(sentence) for sentence in one.sentences}
    return own | {above for index in own for above in lines_above(passage, index)}


def _around(
    hits: Sequence[Hit], begun: Sequence[tuple[int, Collection[int]]]
) -> Iterator[tuple[int, int]]:
    """What surrounds some sentences, as (index of the hit, index in it), the nearest first."""
    lengths = [len(hits[at].passage.sentences) for at, _ in begun]
    for by in range(1, max(lengths, default=0)):
        for (at, own), length in zip(begun, lengths, strict=True):
            for index in (max(own) + by, min(own) - by):
                if 0 <= index < length:
                    yield at, index


def source_line(hit: Hit) -> str:
    """Name where a passage comes from: the reading and the heading."""
    heading = hit.passage.own_heading
    parts = [hit.document.title, heading if heading != hit.document.title else ""]
    return "; ".join(_plain(" ".join(part.split())) for part in parts if part)


def block(number: int, one: Excerpt, *, again: bool = False) -> str:
    """What is shown of a passage, between tags; its source only where it is not shown again."""
    source = "" if again else f": {source_line(one.hit)}"
    return f"<passage {number}{source}>\n{_plain(one.text)}\n</passage {number}>"


def _plain(text: str) -> str:
    """Rewrite passage text so that it cannot be mistaken for our tags or our numbers.

    Papers are full of reference marks like [12]; a small model copies them into its answer,
    where they would read as citations of passage 12.
    """
    text = _CONTROL.sub(" ", text)
    return _TAG.sub("‹", _REFERENCE.sub(r"(\1)", text))
