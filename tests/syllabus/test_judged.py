"""What was found on a page is kept or not, seen as a whole and beside the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seminar_rag.syllabus.judged import _in_places, _in_session, entry_features, without_doubtful
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.meetings import Meeting, meetings_of
from seminar_rag.syllabus.model import READING, SESSION, Model, trained
from seminar_rag.syllabus.pieces import Piece, page_pieces

TOPICS = {"Rivers": "Ada Byron", "Tides": "Karl Weier", "Wells": "Mia Olsen"}
PAGE = "\n\n".join(
    f"## {topic}\n\n- [A study of {topic}](https://example.org/{topic}.pdf)\n- {who}"
    for topic, who in TOPICS.items()
)


class Likely:
    """Finds what has no link as likely a reading as it is told, and all else sure."""

    def __init__(self, unlinked: float, linked: float = 0.9) -> None:
        self._unlinked, self._linked = unlinked, linked

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        # after the twelve probabilities: title, authors, links
        return np.where(rows[:, 14:15] > 0, self._linked, self._unlinked)


def _found() -> tuple[list[Meeting], list[Piece], np.ndarray]:
    pieces = page_pieces(markdown_items(PAGE), "markdown")
    labels = [SESSION if piece.level else READING for piece in pieces]
    said = np.full((len(pieces), 6), 0.05, np.float32)
    said[range(len(pieces)), labels] = 0.75
    return meetings_of(pieces, labels, said[:, READING].tolist()), pieces, said


def _kept(judge: Likely) -> list[list[tuple[str, float]]]:
    model: Model = replace(trained(), whole=judge)  # type: ignore[arg-type]
    found, pieces, said = _found()
    kept = without_doubtful(found, pieces, said, model)
    return [[(one.pieces[0].text, one.sure) for one in meeting.entries] for meeting in kept]


def test_what_is_likely_no_reading_is_left_out_and_the_others_are_as_sure_as_that_says() -> None:
    assert _kept(Likely(0.2)) == [[(f"A study of {topic}", 0.9)] for topic in TOPICS]
    assert [len(entries) for entries in _kept(Likely(0.6))] == [2, 2, 2]


def test_a_page_on_which_nothing_is_likely_keeps_all() -> None:
    assert [len(entries) for entries in _kept(Likely(0.2, 0.1))] == [2, 2, 2]


def test_a_session_stays_without_readings_and_what_names_none_does_not() -> None:
    found, pieces, said = _found()
    first, second, third = found
    loose = Meeting([], second.entries[1:])
    model = replace(trained(), whole=Likely(0.2))  # type: ignore[arg-type]
    second.entries = second.entries[1:]
    kept = without_doubtful([loose, first, second, third], pieces, said, model)
    assert [len(meeting.entries) for meeting in kept] == [1, 0, 1]
    assert without_doubtful([Meeting([])], pieces, said, model) == [Meeting([])]


def test_a_reading_knows_the_others_of_its_session_and_of_its_place() -> None:
    sure = np.array([0.9, 0.4, 0.8, 0.6, 0.7])
    session, place = np.array([0, 0, 0, 1, 2]), np.array([0, 1, 0, 0, 1])
    np.testing.assert_allclose(
        _in_session(sure, session),
        [[2, 0.8, 0.6], [2, 0.9, 0.85], [2, 0.9, 0.65], [0, -1, -1], [0, -1, -1]],
    )
    np.testing.assert_allclose(
        _in_places(sure, session, place)[[0, 1, 3]],
        [
            # how many, how sure, of all, in how many sessions; others: how sure, how many, here
            [3, 2.3 / 3, 0.6, 0.9, 0.6, 2 / 3, 0.4, 1 / 3, 1],
            [2, 0.55, 0.4, 0.7, 0.4, 2 / 3, 0.85, 1, 2],
            [3, 2.3 / 3, 0.6, 0.9, 0.6, 2 / 3, 0.4, 1 / 3, 0],
        ],
    )


def test_each_reading_has_its_row() -> None:
    found, pieces, said = _found()
    rows = entry_features(found, pieces, said)
    assert len(rows) == 6
    assert np.isfinite(rows).all()
