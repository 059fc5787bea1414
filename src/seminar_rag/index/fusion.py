"""The scores of both sides of a search, and of the comparison word by word, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

CANDIDATES = 200
"""How many passages each side proposes."""
DENSE_WEIGHT = 0.8
"""Of the dense side's standardised scores; the lexical side has 1."""
LATE_WEIGHT = 5.0
"""Of that comparison's standardised scores, beside the other two."""
_SCALE = (1 + DENSE_WEIGHT) / (1 + DENSE_WEIGHT + LATE_WEIGHT)
"""Keeps the scores about as far apart as without the comparison."""


def fuse(dense: Mapping[str, float], sparse: Mapping[str, float]) -> dict[str, float]:
    """Weighted sum of both sides' scores, each in standard deviations from the mean of its best
    `CANDIDATES`; who lacks a side gets that side's minimum."""
    total: dict[str, float] = dict.fromkeys([*dense, *sparse], 0.0)
    for side, weight in ((dense, DENSE_WEIGHT), (sparse, 1.0)):
        if not side:
            continue
        by_id = dict(zip(side, standardise(list(side.values())), strict=True))
        floor = min(by_id.values())
        for id_ in total:
            total[id_] += weight * by_id.get(id_, floor)
    return total


def compare(scores: Mapping[str, float], near: Mapping[str, float | None]) -> dict[str, float]:
    """Fused scores with the comparison word by word added.

    Args:
        near: what the comparison gives for the best of them; None where there is nothing to
            compare, which counts as the mean. What was not compared stays behind them all.
    """
    known = {id_: value for id_, value in near.items() if value is not None}
    added = dict(zip(known, standardise(list(known.values())), strict=True))
    out = {id_: _SCALE * (scores[id_] + LATE_WEIGHT * added.get(id_, 0.0)) for id_ in near}
    if len(near) < len(scores):
        lowest = min(out.values(), default=0.0)
        rest = {id_: score for id_, score in scores.items() if id_ not in near}
        step = max(rest.values()) - lowest
        out |= {id_: score - max(0.0, step) - 1e-6 for id_, score in rest.items()}
    return out


def standardise(scores: Sequence[float]) -> list[float]:
    """Deviations from the mean of the best `CANDIDATES`; all zero where these do not differ."""
    values = np.asarray(scores, np.float64)
    best = np.sort(values)[-CANDIDATES:]
    spread = float(best.std()) if len(best) else 0.0
    if spread < 1e-9:
        return [0.0] * len(values)
    return [float(z) for z in (values - best.mean()) / spread]
