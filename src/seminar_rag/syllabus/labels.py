"""What each piece of a page is: the likeliest sequence of labels.

Each piece has a probability for each label, each label follows another more or less often (the
Viterbi algorithm finds the likeliest sequence), and sessions begin with pieces that look alike
(see `series`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from seminar_rag.syllabus import marks
from seminar_rag.syllabus.features import is_by_line, is_names
from seminar_rag.syllabus.model import MORE, OTHER, READING, SESSION, TITLE, Model
from seminar_rag.syllabus.pieces import Piece
from seminar_rag.syllabus.sections import named_section
from seminar_rag.syllabus.series import candidates, place, series_features, unmixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CERTAIN = 30.0
"""A difference of logarithms that nothing else makes up for."""
_NEAR = 8
"""How many pieces below its beginning a session's title is looked for."""
_LEAST_TITLE = 0.02
"""From which probability on a piece may be the title of a session that has none."""
_FEWEST = 0.05
"""The share of pieces that begin a reading on all but a few of the labelled pages."""
_WORD = re.compile(r"[^\W\d_]{2}")


def decode(probabilities: NDArray[np.float32], pieces: Sequence[Piece], model: Model) -> list[int]:
    """The likeliest sequence of labels, in which sessions begin with the likeliest series.

    A page of a kind that was never seen makes the model shy; a page on which next to nothing
    would be a reading is decoded again with readings and sessions made likelier.
    """
    import numpy as np

    named = [n for n, piece in enumerate(pieces) if named_section(piece.text)]
    below = [n + 1 for n in named if _is_labelled(pieces[n], pieces[n + 1 : n + 2])]
    scores = np.log(probabilities + 1e-6)
    scores[named, READING] -= _CERTAIN
    scores[[*named, *below], SESSION] -= 2 * _CERTAIN
    labels = decoded(scores, pieces, model.steps)
    if pieces[0].form == "post":
        return labels
    every = candidates(pieces, probabilities, labels, {*named, *below})
    if len(every) < 2:
        return labels
    worth = model.series.scores(series_features(every, pieces, probabilities))[:, 0]
    best = max(unmixed(every, pieces), key=lambda n: float(worth[n]))
    if best:
        opens = np.isin(np.arange(len(pieces)), every[best])
        scores[:, SESSION] = np.where(opens, scores[:, SESSION] + _CERTAIN, -_CERTAIN)
        labels = decoded(scores, pieces, model.steps)
    _name_sessions(labels, pieces, probabilities)
    return labels


def _is_labelled(piece: Piece, following: Sequence[Piece]) -> bool:
    """Whether a piece is the label of what follows in its block."""
    return any(one.cut == "label" and one.block == piece.block for one in following)


def _name_sessions(
    labels: list[int], pieces: Sequence[Piece], probabilities: NDArray[np.float32]
) -> None:
    """Give sessions that have only a number or a date the likeliest title close below."""
    starts = [n for n, label in enumerate(labels) if label == SESSION]
    for start, stop in pairwise([*starts, len(labels)]):
        near = range(start + 1, min(stop, start + _NEAR))
        heads = [pieces[start], *(pieces[n] for n in near if labels[n] == TITLE)]
        if any(says_topic(head.text) for head in heads):
            continue
        free = [n for n in near if labels[n] == OTHER and says_topic(pieces[n].text)]
        if pieces[start].table >= 0:
            free = [n for n in free if place(pieces[n]) == place(pieces[start])]
        else:
            free = [n for n in free if READING not in labels[start:n]]
        best = max(free, key=lambda n: probabilities[n, TITLE], default=None)
        if best is not None and probabilities[best, TITLE] > _LEAST_TITLE:
            labels[best] = TITLE


def says_topic(text: str) -> bool:
    """Whether a head says more than a session's number and date."""
    left = marks.title_of(text)
    return not marks.is_date(left) and marks.mark_of(left) is None and bool(_WORD.search(left))


def decoded(
    scores: NDArray[np.float32], pieces: Sequence[Piece], steps: NDArray[np.float32]
) -> list[int]:
    """The likeliest sequence of labels, given the logarithms of their probabilities."""
    import numpy as np

    shy = np.array([0, 1, 0, 0, 1, 0.5], np.float32)
    labels: list[int] = []
    for favour in (0.0, 0.8, 1.6, 2.4):
        labels = _viterbi(scores + np.float32(favour) * shy, steps)
        if labels.count(READING) >= _FEWEST * len(pieces):
            break
    for n in range(1, len(pieces)):
        inside = pieces[n].cut in {"stop", "dash", "link"} and labels[n] == READING
        before = pieces[n - 1]
        plain = not before.item.links and not before.quotes
        if inside and plain and labels[n - 1] == READING and is_names(before.text):
            labels[n] = MORE
        elif labels[n] == READING and _says_by_whom(before, pieces[n]):
            # "by …" never begins a reading: it says whose the line above is
            if labels[n - 1] in {OTHER, TITLE}:
                labels[n - 1] = READING
            labels[n] = MORE if labels[n - 1] in {READING, MORE} else READING
    return labels


def _says_by_whom(before: Piece, piece: Piece) -> bool:
    """Whether a piece names the authors of what the line before it in its block or cell names."""
    beside = (before.file, before.block, before.row, before.column)
    return beside == (piece.file, piece.block, piece.row, piece.column) and is_by_line(piece.text)


def _viterbi(scores: NDArray[np.float32], follow: NDArray[np.float32]) -> list[int]:
    import numpy as np

    best = scores[0].copy()
    best[MORE] -= 9
    back = np.zeros(scores.shape, int)
    for n in range(1, len(scores)):
        steps = best[:, None] + follow
        back[n] = steps.argmax(0)
        best = steps.max(0) + scores[n]
    labels = [int(best.argmax())]
    for n in range(len(scores) - 1, 0, -1):
        labels.append(int(back[n][labels[-1]]))
    return labels[::-1]
