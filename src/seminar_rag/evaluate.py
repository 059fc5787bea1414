"""Labelled questions → figures. The format of a question is described in `Question`.

Evidence is matched by place, not by wording: a passage holds a quote when it covers at least half
of the quote's characters in the source file, white space folded on both sides. A question counts
as answered by k passages when they hold every one of its quotes together.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seminar_rag.errors import SourceError
from seminar_rag.types import Hit, Passage, Turn

CUTS = (1, 3, 5, 10, 20)


@dataclass(frozen=True)
class Question:
    """One line of a questions file (JSON).

    Keys: id, question, type ("factoid", "multi", …, "unanswerable"), doc (a file name, or several)
    and evidence (verbatim quotes of it; evidence_docs names a file for each where they differ),
    answer, paraphrase (true where the question avoids the text's words), history (earlier
    messages as {"role", "content"}), unanswerable_kind.
    """

    id: str
    text: str
    type: str
    evidence: tuple[tuple[str, str], ...] = ()
    """(file name, quote)."""
    history: tuple[Turn, ...] = ()
    paraphrase: bool = False
    unanswerable: str | None = None
    """"on_topic", "off_topic" or "injection"; None for answerable questions."""

    @property
    def group(self) -> str:
        """The group of the breakdown it belongs to."""
        if self.type == "multi":
            return "multi-document"
        if self.history:
            return "follow-up"
        if self.type == "numeric":
            return "numeric"
        return "paraphrased" if self.paraphrase else "plainly worded"


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSON-lines file.

    Raises:
        SourceError: unreadable, or a line that is not a question; names the line.
    """
    out: list[Question] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            out.append(_question(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{path}, line {number} is not a question ({error!r})"
                ' — each line is a JSON object with "id", "question" and "type"'
            ) from error
    return out


def _question(raw: dict[str, object]) -> Question:
    quotes = _texts(raw.get("evidence"))
    docs = _texts(raw.get("evidence_docs")) or _texts(raw.get("doc"))
    if quotes and len(docs) == 1:
        docs = docs * len(quotes)
    turns = raw.get("history") or []
    assert isinstance(turns, list)
    kind = raw.get("unanswerable_kind")
    return Question(
        id=str(raw["id"]),
        text=str(raw["question"]),
        type=str(raw["type"]),
        evidence=tuple(zip(docs, quotes, strict=True)) if quotes else (),
        history=tuple(Turn(turn["role"], turn["content"]) for turn in turns),
        paraphrase=bool(raw.get("paraphrase")),
        unanswerable=str(kind) if kind else None,
    )


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(one) for one in value]  # type: ignore[attr-defined]


class Source:
    """A source file in which quotes are looked up with white space folded."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _folded(self) -> tuple[str, list[int]]:
        out: list[str] = []
        at: list[int] = []
        for match in re.finditer(r"(\s+)|\S", self.text.replace("\u00a0", " ")):
            out.append(" " if match[1] else match[0])
            at.append(match.start())
        return "".join(out), at

    def find(self, quote: str) -> tuple[int, int]:
        """The folded span of a quote.

        Raises:
            SourceError: it is not there.
        """
        text, _ = self._folded
        folded = " ".join(quote.replace("\u00a0", " ").split())
        start = text.find(folded)
        if start < 0:
            raise SourceError(f"the quote {folded[:60]!r} is not in its document")
        return start, start + len(folded)

    def fold(self, start: int, end: int) -> tuple[int, int]:
        """A span of the file as a folded span."""
        _, at = self._folded
        return bisect.bisect_left(at, start), bisect.bisect_left(at, end)


class Evidence:
    """Decides which passages hold which quotes."""

    def __init__(self, docs: Path) -> None:
        self._docs = docs
        self._sources: dict[str, Source] = {}

    def held(self, question: Question, passage: Passage, path: str) -> set[int]:
        """Indices of the question's quotes that a passage of the file `path` holds."""
        out: set[int] = set()
        for index, (name, quote) in enumerate(question.evidence):
            if Path(path).name != name:
                continue
            source = self._source(name)
            start, end = source.find(quote)
            a, b = source.fold(passage.start, passage.end)
            if 2 * max(0, min(b, end) - max(a, start)) >= end - start:
                out.add(index)
        return out

    def rank(self, question: Question, hits: Sequence[Hit]) -> int | None:
        """The number of first hits that hold all quotes; None when they never do."""
        missing = set(range(len(question.evidence)))
        for rank, hit in enumerate(hits, 1):
            missing -= self.held(question, hit.passage, hit.document.path)
            if not missing:
                return rank
        return None

    def _source(self, name: str) -> Source:
        if name not in self._sources:
            try:
                self._sources[name] = Source((self._docs / name).read_text(encoding="utf-8"))
            except OSError as error:
                raise SourceError(
                    f"{self._docs / name} cannot be read — give the folder of the documents"
                    " that the questions name"
                ) from error
        return self._sources[name]


def recall_table(ranks: Iterable[tuple[str, int | None]]) -> dict[str, dict[str, float]]:
    """Group → recall at each cut, MRR and n; "all" first.

    Args:
        ranks: (group, rank) of each question.
    """
    groups: dict[str, list[int | None]] = {"all": []}
    for group, rank in ranks:
        groups["all"].append(rank)
        groups.setdefault(group, []).append(rank)
    return {
        group: {
            **{
                f"R@{cut}": sum(r is not None and r <= cut for r in found) / max(1, len(found))
                for cut in CUTS
            },
            "MRR": sum(1 / r for r in found if r) / max(1, len(found)),
            "n": len(found),
        }
        for group, found in groups.items()
    }
