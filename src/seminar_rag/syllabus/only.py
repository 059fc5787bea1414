"""A title alone below a date is its session's only reading where that is how the page gives them.

Where a session is nothing but its date and one reading, a title without a link looks like what the
session is about. The other sessions of the page tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seminar_rag.syllabus.judged import place_of_piece
from seminar_rag.syllabus.meetings import Entry, Meeting
from seminar_rag.syllabus.pieces import Piece

_LEAST = 2
"""Sessions that have to hold their only reading in such a place."""
_HARDLY = 0.3
"""How likely it has to begin a reading by itself ("No class" hardly does). Of 19 such places on 579
made-up pages that the model had not seen, it leaves 3 of 6 readings and 2 of 13 others."""


def with_only_readings(
    found: Sequence[Meeting], pieces: Sequence[Piece], sure: Sequence[float]
) -> list[Meeting]:
    """The sessions of a page; of those without readings, what stands where others have their only
    reading is theirs, unless it is hardly one or more sessions lack one than have one.

    Args:
        found: changes with it.
        sure: how likely each piece begins a reading.
    """
    held = Counter(
        place_of_piece(meeting.entries[0].pieces[0])
        for meeting in found
        if len(meeting.entries) == 1 and meeting.heads
    )
    at = {id(piece): n for n, piece in enumerate(pieces)}
    starts = [*(meeting.first for meeting in found if meeting.heads), len(pieces)]
    lacking = []
    for meeting in found:
        if len(meeting.heads) > 1 and not meeting.entries:
            first = at[id(meeting.heads[0])] + 1
            own = list(range(first, at[id(meeting.heads[-1])] + 1))
            if max(sure[n] for n in own) >= _HARDLY:
                lacking.append((meeting, own, place_of_piece(pieces[first])))
    without = Counter(place for _, _, place in lacking)
    for meeting, own, place in lacking:
        if held[place] >= max(_LEAST, without[place]):
            stop = next(start for start in starts if start > own[-1])
            likely = max(sure[n] for n in own)
            meeting.entries.append(Entry([pieces[n] for n in own], own[0], likely, [], stop=stop))
            meeting.heads = meeting.heads[:1]
    return list(found)
