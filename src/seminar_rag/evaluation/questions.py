"""A file of labelled questions → questions, or an error that names the line and the remedy.

The format, one JSON object a line:

    id                 any text, each once
    question           as a student types it
    type               "factoid", "why", "list" …, of which "multi" (evidence in several files),
                       "numeric" and "unanswerable" have a meaning
    evidence           a verbatim quote of the text, or several; white space does not matter
    doc                the file that they stand in
    evidence_docs      one file for each quote, where they differ
    paraphrase         true where the question avoids the text's words
    history            earlier messages of the conversation, {"role", "content"}
    unanswerable_kind  of "unanswerable": "on_topic", "off_topic" or "injection"
    answer             for whoever reads the file; other keys are ignored too
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.types import Turn

KINDS = ("on_topic", "off_topic", "injection")
"""The kinds of unanswerable questions."""


@dataclass(frozen=True)
class Question:
    """One line of a questions file."""

    id: str
    text: str
    type: str
    evidence: tuple[tuple[str, str], ...] = ()
    """(file name, quote)."""
    history: tuple[Turn, ...] = ()
    paraphrase: bool = False
    unanswerable: str | None = None
    """One of `KINDS`; None for answerable questions."""
    line: int = 0
    """The line of the file, counted from 1."""

    @property
    def group(self) -> str:
        """The group of the breakdown that the question belongs to."""
        if self.type == "multi":
            return "multi-document"
        if self.history:
            return "follow-up"
        if self.type == "numeric":
            return "numeric"
        return "paraphrased" if self.paraphrase else "plainly worded"

    @property
    def place(self) -> str:
        """The line and id of the question, for messages."""
        return f"line {self.line} (question {self.id})"


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSON-lines file. Raises SourceError: unreadable, without a question, or a
    line that is none; names the line, what is wrong with it, and the remedy."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    out: list[Question] = []
    known: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = _question(line, number)
            if one.id in known:
                raise _LineError(
                    f'has the id "{one.id}" of line {known[one.id]}', "give it another"
                )
        except _LineError as error:
            raise SourceError(f"{path}, line {number} {error.what} — {error.remedy}") from error
        known[one.id] = number
        out.append(one)
    if not out:
        raise SourceError(f"{path} holds no questions — write one JSON object a line")
    return out


class _LineError(Exception):  # never leaves this module
    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy


def _question(line: str, number: int) -> Question:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise _LineError(f"is not JSON ({error})", "write one JSON object a line") from error
    if not isinstance(raw, dict):
        raise _LineError("is not a JSON object", 'write {"id": …, "question": …, "type": …}')
    for key in ("id", "question", "type"):
        if not str(raw.get(key, "")).strip():
            raise _LineError(f'has no "{key}"', f'add "{key}": "…"')
    paraphrase = raw.get("paraphrase") or False
    if not isinstance(paraphrase, bool):
        raise _LineError(f'has "paraphrase": {json.dumps(paraphrase)}', "it is true or false")
    kind = _kind(raw)
    return Question(
        id=str(raw["id"]),
        text=str(raw["question"]),
        type=str(raw["type"]),
        evidence=() if kind else _evidence(raw),
        history=_history(raw.get("history") or []),
        paraphrase=paraphrase,
        unanswerable=kind,
        line=number,
    )


def _kind(raw: dict[str, object]) -> str | None:
    kind = raw.get("unanswerable_kind")
    kinds = ", ".join(f'"{one}"' for one in KINDS)
    if raw["type"] != "unanswerable":
        if kind:
            raise _LineError(
                f'has an "unanswerable_kind", but the type "{raw["type"]}"',
                'take one out, or make the type "unanswerable"',
            )
        return None
    if kind not in KINDS:
        what = f'the "unanswerable_kind" "{kind}"' if kind else 'no "unanswerable_kind"'
        raise _LineError(f"is unanswerable and has {what}", f"it is one of {kinds}")
    if raw.get("evidence"):
        raise _LineError("is unanswerable and has evidence", "take that out, or give another type")
    return str(kind)


def _evidence(raw: dict[str, object]) -> tuple[tuple[str, str], ...]:
    quotes = _texts(raw, "evidence")
    if not quotes:
        raise _LineError(
            'has no "evidence"',
            'quote the sentences that answer it, or make the type "unanswerable"',
        )
    key = "evidence_docs" if raw.get("evidence_docs") else "doc"
    docs = _texts(raw, key)
    if not docs:
        raise _LineError('has no "doc"', "name the file that the evidence stands in")
    if len(docs) == 1:
        docs = docs * len(quotes)
    if len(docs) != len(quotes):
        raise _LineError(
            f'names {len(docs)} files in "{key}" for {len(quotes)} quotes',
            'give "evidence_docs" one file for each quote',
        )
    return tuple(zip(docs, quotes, strict=True))


def _texts(raw: dict[str, object], key: str) -> list[str]:
    value = raw.get(key) or []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(t, str) and t.strip() for t in texts):
        raise _LineError(f'has a "{key}" that is no text', "give a text, or a list of texts")
    return texts


def _history(turns: object) -> tuple[Turn, ...]:
    if not isinstance(turns, Sequence) or not all(isinstance(one, dict) for one in turns):
        raise _LineError('has a "history" that is no list of messages', _MESSAGE)
    out = []
    for one in turns:
        if one.get("role") not in ("user", "assistant") or not isinstance(one.get("content"), str):
            raise _LineError('has a message in "history" that is none', _MESSAGE)
        out.append(Turn(one["role"], one["content"]))
    return tuple(out)


_MESSAGE = 'a message is {"role": "user" or "assistant", "content": "…"}'
