"""Summarises the journal for the instructor: gaps in the readings, their use, doubtful answers.

Pure: takes entries and readings as values, and a function that embeds texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import numpy as np

from seminar_rag.models.embed import Matrix
from seminar_rag.types.serving import Day, Feedback, Group, Insights, RecordedQuestion, Use

ALIKE = 0.55
"""Cosine similarity from which two questions are about the same topic. Chosen on 36 hand-written
questions about 12 topics with the default model: 92% of the pairs on one topic lie above it, and
none of the others."""
MOST_GROUPED = 300
"""How many distinct questions are compared with each other: the most frequent ones."""


class Remembered:
    """Embeds texts and remembers the vectors of the last call; several threads may use it."""

    def __init__(self, embed: Callable[[Sequence[str]], Matrix]) -> None:
        self._embed = embed
        self._known: dict[str, Matrix] = {}

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors, one row each."""
        known = self._known
        new = [text for text in dict.fromkeys(texts) if text not in known]
        fresh = dict(zip(new, self._embed(new), strict=True)) if new else {}
        self._known = {text: fresh[text] if text in fresh else known[text] for text in texts}
        return np.stack([self._known[text] for text in texts])


def insights(
    asked: Sequence[RecordedQuestion],
    opinions: Sequence[Feedback],
    readings: Mapping[str, tuple[str, tuple[int, ...]]],
    embed: Callable[[Sequence[str]], Matrix],
) -> Insights:
    """Summarise the entries.

    Args:
        readings: id → (title, sessions) of what the course can cite.
        embed: texts → unit vectors, one row each.
    """
    verdicts: Counter[str] = Counter()
    for one in asked:
        verdicts.update(dict(one.verdicts))
    flagged = tuple(one for one in opinions if not one.good)
    return Insights(
        asked=len(asked),
        abstained=sum(one.abstained for one in asked),
        days=_days(asked),
        unanswered=groups([one for one in asked if one.abstained], embed),
        used=_used(asked, readings),
        verdicts=dict(verdicts),
        doubtful=tuple(one for one in asked if any(f.label != "partly" for f in one.flaws)),
        good=sum(one.good for one in opinions),
        flagged=flagged,
        reasons=dict(Counter(one.reason or "no reason" for one in flagged)),
    )


def _days(asked: Sequence[RecordedQuestion]) -> tuple[Day, ...]:
    if not asked:
        return ()
    total = Counter(one.day for one in asked)
    abstained = Counter(one.day for one in asked if one.abstained)
    first, last = min(total), max(total)
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return tuple(Day(day, total[day] - abstained[day], abstained[day]) for day in span)


def _used(
    asked: Iterable[RecordedQuestion], readings: Mapping[str, tuple[str, tuple[int, ...]]]
) -> tuple[Use, ...]:
    counts: Counter[str] = Counter()
    for one in asked:
        counts.update({cited.reading for cited in one.cited})
    uses = [Use(id_, title, counts[id_], sessions) for id_, (title, sessions) in readings.items()]
    return tuple(sorted(uses, key=lambda use: (-use.answers, use.sessions, use.title)))


def groups(
    asked: Sequence[RecordedQuestion],
    embed: Callable[[Sequence[str]], Matrix],
    alike: float = ALIKE,
) -> tuple[Group, ...]:
    """Questions grouped by topic, the largest group first.

    Leader clustering (Hartigan 1975): from the most frequent question down, each joins the group
    whose first question is nearest if that is near enough, else it opens one.
    """
    folded: dict[str, list[RecordedQuestion]] = defaultdict(list)
    for one in asked:
        folded[" ".join(one.question.casefold().split()).rstrip("?.! ")].append(one)
    same = sorted(folded.values(), key=lambda some: (-len(some), some[0].question))[:MOST_GROUPED]
    if not same:
        return ()
    vectors = embed([some[0].question for some in same])
    leaders: list[int] = []
    members: list[list[int]] = []
    for index in range(len(same)):
        near = vectors[leaders] @ vectors[index] if leaders else np.zeros(0, np.float32)
        best = int(near.argmax()) if len(leaders) else -1
        if best >= 0 and near[best] >= alike:
            members[best].append(index)
        else:
            leaders.append(index)
            members.append([index])
    found = [_group([same[index] for index in group]) for group in members]
    return tuple(sorted(found, key=lambda group: (-group.count, group.questions[0][0])))


def _group(some: Sequence[Sequence[RecordedQuestion]]) -> Group:
    return Group(
        count=sum(map(len, some)),
        questions=tuple((same[0].question, len(same)) for same in some),
        last=max(one.day for same in some for one in same),
    )
