"""Which of the passages found an answer is made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from seminar_rag.answer.forms import defines, names_kind
from seminar_rag.question.query import Query
from seminar_rag.text import has_most
from seminar_rag.types import Hit

_TELLING = 2
"""Passages that are offered because they say what a thing is, at most."""


def offered(query: Query, hits: Sequence[Hit], most: int) -> tuple[Hit, ...]:
    """The best hits; where it is asked what a thing is, or what speaks for it or against it, the
    last ones give way to others in which its authors say what it is, or to the reading that has its
    name. What is only about a thing has more words of such a question."""
    forms = [query.form, *(part.form for part in query.parts)]
    things = {one.thing for one in forms if one and one.kind == "definition"}
    own = {one.thing for one in forms if one and one.of_one_side}
    telling = [
        hit
        for hit in hits[most:]
        if any(map(partial(_introduces, hit), things))
        or any(has_most(hit.document.title, thing) for thing in own)
    ][: min(_TELLING, most - 1)]
    return (*hits[: most - len(telling)], *telling)


def _introduces(hit: Hit, thing: str) -> bool:
    """Whether the authors of a passage say in it what a thing is."""
    texts = map(hit.passage.quote, hit.passage.sentences)
    return any(defines(thing, text) and names_kind(thing, text) > 1 for text in texts)
