"""A last look at what was found on a page says of each entry whether it is a reading.

The forests of labels look at single pieces, and at whether one begins a reading. Of a whole entry
more is known: how sure its title is, how many others its session has, and what the entries in the
same kind of place are like. Names of presenters, say, stand in one column, are all found with less
certainty than the papers beside them, and hold no titles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from seminar_rag.syllabus.features import is_names
from seminar_rag.syllabus.groups import group_means, numbered
from seminar_rag.syllabus.meetings import Entry, Meeting
from seminar_rag.syllabus.model import Model
from seminar_rag.syllabus.pieces import Piece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST = 0.4
"""How likely a reading has to be one. Chosen on the made-up pages alone, left out in turn: there
the share of a page's readings that are found falls by less than one in a hundred."""


def without_doubtful(
    found: Sequence[Meeting],
    pieces: Sequence[Piece],
    probabilities: NDArray[np.float32],
    model: Model,
) -> list[Meeting]:
    """The sessions of a page without what is likely no reading; all of it, if nothing is likely.

    How sure an entry is becomes what this last look says, and `found` changes with it.

    Args:
        found: the sessions with all that may be readings, their titles and authors.
        probabilities: of the pieces' labels.
    """
    entries = [entry for meeting in found for entry in meeting.entries]
    if not entries:
        return list(found)
    sure = model.whole.probabilities(entry_features(found, pieces, probabilities))[:, 0]
    for entry, own in zip(entries, sure.tolist(), strict=True):
        entry.sure = own
    least = _LEAST if max(sure) >= _LEAST else 0.0
    for meeting in found:
        meeting.entries = [entry for entry in meeting.entries if entry.sure >= least]
    return [meeting for meeting in found if meeting.entries or meeting.heads]


def place_of_piece(piece: Piece) -> tuple[Hashable, ...]:
    """In what kind of place a piece stands, whichever table or list it is."""
    opens = piece.cut not in {"stop", "dash", "link", "label"}
    column = piece.column if piece.table >= 0 else -1
    return (piece.kind, piece.level, piece.source.depth, column, opens)


def entry_features(
    found: Sequence[Meeting], pieces: Sequence[Piece], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """One row for each entry, of the entry itself, its session, those in such places and all."""
    import numpy as np

    entries = [entry for meeting in found for entry in meeting.entries]
    first = np.array([entry.first for entry in entries])
    count = np.array([len(entry.pieces) for entry in entries])
    session = np.repeat(np.arange(len(found)), [len(meeting.entries) for meeting in found])
    places = [place_of_piece(entry.pieces[0]) for entry in entries]
    place = np.array(numbered(places))
    taken = Counter(map(place_of_piece, pieces))
    sure = np.array([entry.sure for entry in entries])
    looks = np.array([_look(entry) for entry in entries], np.float32)
    titles = [_title(entry).casefold() for entry in entries]
    often = Counter(titles)
    repeats = np.array([[often[title]] for title in titles], np.float32)
    sums = np.concatenate([np.zeros((1, probabilities.shape[1])), probabilities.cumsum(0)])
    columns = [
        probabilities[first],
        (sums[np.minimum(first + count, len(pieces))] - sums[first]) / count[:, None],
        np.array([_own(entry) for entry in entries]),
        repeats,
        _in_session(sure, session),
        _in_places(sure, session, place),
        group_means(np.hstack([looks, repeats]), place.tolist()),
        (np.bincount(place)[place] / [taken[one] for one in places])[:, None],
    ]
    page = [
        *(len(entries), sure.mean(), *looks.mean(0)),
        *(len(entries) / len(found), len(pieces), len(entries) / len(pieces)),
    ]
    columns += [np.tile(page, (len(entries), 1)), (sure / sure.mean())[:, None]]
    return np.hstack(columns).astype(np.float32)


def _in_session(sure: NDArray[np.float64], session: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each entry, how many others its session has, and how sure they are: the surest, the mean.

    The surest other is the session's second where the entry is itself the session's surest.
    """
    import numpy as np

    others = np.bincount(session)[session] - 1
    mean = (np.bincount(session, sure)[session] - sure) / np.maximum(others, 1)
    order = np.lexsort((-sure, session))
    opens = np.concatenate([[True], session[order][1:] != session[order][:-1]])
    best = order[opens]
    surest = np.full(session.max() + 1, -1.0)
    surest[session[best]] = sure[best]
    next_best = np.full(session.max() + 1, -1.0)
    second = order[1:][opens[:-1] & ~opens[1:]]
    next_best[session[second]] = sure[second]
    most = np.where(np.isin(np.arange(len(sure)), best), next_best[session], surest[session])
    return np.stack([others, most, np.where(others, mean, -1.0)], 1)


def _in_places(
    sure: NDArray[np.float64], session: NDArray[np.int64], place: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Of each entry, how many stand in places like its own, how sure they are, and what else the
    sessions with such a place have."""
    import numpy as np

    count, kinds = np.bincount(place), place.max() + 1
    least, most = np.ones(kinds), np.zeros(kinds)
    np.minimum.at(least, place, sure)
    np.maximum.at(most, place, sure)
    both, own = np.unique(session * kinds + place, return_inverse=True)
    at, kind = both // kinds, both % kinds
    held = np.bincount(session)
    # Of the sessions with such a place, what stands in other places counts here.
    others = np.bincount(kind, held[at] - np.bincount(own))
    weight = np.bincount(kind, np.bincount(session, sure)[at] - np.bincount(own, sure))
    mean = np.where(others, weight / np.maximum(others, 1), -1.0)
    columns = [count, np.bincount(place, sure) / count, least, most, count / len(sure)]
    columns += [np.bincount(kind) / len(held), mean, others / count]
    elsewhere = (held[session] - np.bincount(own)[own])[:, None]
    return np.hstack([np.stack(columns, 1)[place], elsewhere])


def _title(entry: Entry) -> str:
    return entry.title.text if entry.title is not None else ""


def _own(entry: Entry) -> list[float]:
    text = sum(len(piece.text) + 1 for piece in entry.pieces)
    title = _title(entry)
    return [
        *_look(entry),
        min(len(title.split()), 40),
        len(title) / text,
        len(entry.pieces),
        min(text, 600),
        sum(len(piece.item.links) for piece in entry.pieces),
    ]


def _look(entry: Entry) -> list[float]:
    """What tells of an entry and, as a mean, of all in its kind of place."""
    return [
        entry.title_sure,
        float(entry.authors is not None),
        float(any(piece.item.links for piece in entry.pieces)),
        float(is_names(_title(entry))),
    ]
