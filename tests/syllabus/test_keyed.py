"""Readings that are written out beside a schedule stand in the sessions that name their keys."""

from __future__ import annotations

from seminar_rag.syllabus.keyed import in_sessions
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.meetings import Meeting, gathered, meetings_of
from seminar_rag.syllabus.model import OTHER, READING, SESSION
from seminar_rag.syllabus.pieces import Piece, page_pieces

WORKS = {"A": "Adler, R. Clocks.", "B": "Birk, H. Rings.", "C": "Conrad, T. Order."}
BRACKETED = "\n\n".join(f"[{key}] {work}" for key, work in WORKS.items())


def _page(sessions: dict[str, str], below: str) -> str:
    rows = "\n".join(f"| {day} | {named} |" for day, named in sessions.items())
    return f"# Seminar\n\n| Date | Text |\n|---|---|\n{rows}\n\n# Texts\n\n{below}\n"


def _label(piece: Piece, sessions: dict[str, str]) -> int:
    if piece.text in sessions:
        return SESSION
    return (
        READING if piece.table < 0 and any(w[:6] in piece.text for w in WORKS.values()) else OTHER
    )


def _found(sessions: dict[str, str], below: str) -> tuple[list[Meeting], list[Piece]]:
    pieces = page_pieces(markdown_items(_page(sessions, below)), "markdown")
    labels = [_label(piece, sessions) for piece in pieces]
    return gathered(meetings_of(pieces, labels, [1.0] * len(pieces))), pieces


def _titles(found: list[Meeting]) -> list[list[str]]:
    return [[entry.pieces[0].text.split()[-1].strip(".") for entry in one.entries] for one in found]


def _read(sessions: dict[str, str], below: str) -> list[list[str]]:
    return _titles(in_sessions(*_found(sessions, below)))


def test_readings_go_to_the_sessions_that_name_their_keys() -> None:
    found = _read({"3 May": "[B]", "10 May": "[A], [C]", "17 May": "none"}, BRACKETED)
    assert found == [["Rings"], ["Clocks", "Order"], []]


def test_a_key_may_be_a_label_or_the_line_above() -> None:
    sessions = {"3 May": "rings", "10 May": "clocks and order (Ada)"}
    names = dict(zip(("clocks", "rings", "order"), WORKS.values(), strict=True))
    due = [["Rings"], ["Clocks", "Order"]]
    labels = "\n\n".join(f"**{name}:** {work}" for name, work in names.items())
    assert _read(sessions, labels) == due
    terms = "\n\n".join(f"{name}\n: {work}" for name, work in names.items())
    assert _read(sessions, terms) == due


def test_a_number_is_the_key_of_what_it_counts() -> None:
    below = "\n".join(f"{n}. {work}" for n, work in enumerate(WORKS.values(), 1))
    found = _read({"3 May": "[2]", "10 May": "[1; 3]"}, below)
    assert found == [["Rings"], ["Clocks", "Order"]]


def test_sources_that_several_sessions_draw_on_stay_where_they_are() -> None:
    sessions = {"3 May": "[A] § 2, [B]", "10 May": "[A] § 4, [C]", "17 May": "[B] § 1, [C]"}
    assert [len(texts) for texts in _read(sessions, BRACKETED)] == [3, 0, 0, 0]


def test_a_list_of_which_sessions_name_little_stays_where_it_is() -> None:
    sessions = {"3 May": "[A]", "10 May": "[B]", "17 May": "holiday"}
    assert [len(texts) for texts in _read(sessions, BRACKETED)] == [3, 0, 0, 0]


def test_what_is_only_a_key_is_no_reading() -> None:
    found, pieces = _found({"3 May": "[B]", "10 May": "[A], [C]"}, BRACKETED)
    for meeting in found[1:]:
        at = next(n for n in range(meeting.first, len(pieces)) if pieces[n].text[0] == "[")
        taken = meetings_of(pieces[at : at + 1], [READING], [0.5])[0].entries
        meeting.entries += taken
    assert _titles(in_sessions(found, pieces)) == [["Rings"], ["Clocks", "Order"]]
