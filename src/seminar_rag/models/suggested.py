"""Models that retrieval can be given beside the packaged one. Names and sizes; no library here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model on the hub, with what its card says of it."""

    name: str
    mib: int
    """To download, about."""
    note: str


RERANKERS = (
    Suggestion(
        "cross-encoder/ettin-reranker-32m-v1", 130, "small, reads long passages whole; Apache-2.0"
    ),
    Suggestion("cross-encoder/ms-marco-MiniLM-L6-v2", 90, "the fastest on few cores; Apache-2.0"),
    Suggestion(
        "cross-encoder/ettin-reranker-150m-v1",
        600,
        "the most exact of these; wants more cores; Apache-2.0",
    ),
)
"""The first that is downloaded is used without being configured."""
EMBEDDERS = (
    Suggestion("BAAI/bge-small-en-v1.5", 130, "as large as a vector here; MIT"),
    Suggestion("BAAI/bge-base-en-v1.5", 440, "four times as slow; MIT"),
    Suggestion("intfloat/multilingual-e5-small", 470, "many languages; MIT"),
)


def describe(present: frozenset[str]) -> str:
    """Both lists in lines of text, with what is on this machine already."""
    lines = ["", "Rerankers, which put what was found in a better order ([retrieve] reranker):"]
    for heading, models in (("", RERANKERS), (_EMBEDDERS, EMBEDDERS)):
        lines += ["", heading] if heading else []
        for one in models:
            here = "downloaded" if one.name in present else "not downloaded"
            lines += [one.name, f"    {one.mib} MB, {here}; {one.note}"]
    return "\n".join(lines)


_EMBEDDERS = (
    "Embedding models in place of the packaged one ([embed] model); the course is ingested anew:"
)
