"""What is done with the chunks of an answer on their way: held back, judged, replaced. Knows
neither passages nor prompts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator

from seminar_rag.answer.citations import introduces, split_answer
from seminar_rag.answer.engine import Stop
from seminar_rag.errors import ModelError
from seminar_rag.models.choice import Probabilities
from seminar_rag.text import unmarked

RETOLD = 3
"""Quotations of an answer that the model is told of before a follow-up, at most."""

log = logging.getLogger(__name__)

QUOTED_INSTEAD = "The language model does not answer, so these are quotations. {}"


def likely(judge: Callable[[], Probabilities], stop: Stop) -> float | None:
    """How likely a judge finds it that the passages answer a question; None where it does not
    say, or `stop` said so."""
    try:
        yes, no = judge()
    except ModelError as error:
        if not stop():
            log.warning("Whether the passages hold an answer was not judged: %s", error)
        return None
    return float(yes) if yes + no else None


def if_answered(
    chunks: Iterator[str],
    judge: Callable[[], float | None],
    judged: list[float],
    least: float,
    stop: Stop,
) -> Iterator[str]:
    """The answer, begun once the judge finds that the passages hold one; else nothing.

    Args:
        judge: says how likely that is, where it can.
        judged: where to put it.
        least: how likely it has to be.
    """
    found = judge()
    if found is not None:
        judged.append(found)
    if stop() or (found is not None and found < least):
        return
    try:
        yield from chunks
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def or_quoted(
    answer: Iterator[str], quoted: Callable[[], Iterator[str]], notes: list[str], stop: Stop
) -> Iterator[str]:
    """An answer as it is written; quotations where the model cannot begin it, with a note.

    Raises:
        ModelError: it broke off, so that what was written stays what the reader sees.
    """
    begun = False
    try:
        for chunk in answer:
            begun = begun or bool(chunk)
            yield chunk
    except ModelError as error:
        if begun or stop():
            raise
        log.warning("%s Quotations are given instead.", error)
        notes.append(QUOTED_INSTEAD.format(error))
        yield from quoted()
    finally:
        if isinstance(answer, Generator):
            answer.close()


def once(answer: Iterator[str], enough: Callable[[str], bool]) -> Iterator[str]:
    """An answer, once it tells enough, such as of two sides; without its marks, so that quotations
    take its place, where it never does."""
    held = ""
    for chunk in answer:
        held += chunk
        if enough(held):
            yield held
            yield from answer
            return
    yield unmarked(held)


def heard(chunks: Iterator[str], written: list[str]) -> Generator[str]:
    """The chunks as they come, each added to what was written."""
    for chunk in chunks:
        written.append(chunk)
        yield chunk


def retold(chunks: Iterator[str], told: list[str]) -> Generator[str]:
    """Quotations as they come. Once they are complete, the first of them are added to what is told,
    without headings and bullets: a small model goes on in the form that it has seen last."""
    seen: list[str] = []
    yield from heard(chunks, seen)
    text = "".join(seen)
    said = [one.text for one in split_answer(text) if not introduces(text, one)]
    told.append(" ".join(one.strip("“”") for one in said[:RETOLD]))
