"""Where a page's sessions end, and what stands after them."""

from __future__ import annotations

import pytest

from seminar_rag.syllabus.assemble import meeting_title
from seminar_rag.syllabus.markup import html_items, markdown_items
from seminar_rag.syllabus.meetings import gathered, meetings_of
from seminar_rag.syllabus.model import OTHER, READING, SESSION, TITLE
from seminar_rag.syllabus.pieces import Piece, page_pieces
from seminar_rag.syllabus.sections import named_section, sessions_end

HEADINGS = """# Water

## Rivers

### Readings

- [On rivers](https://example.org/r.pdf)

## Tides

### Readings

- [On tides](https://example.org/t.pdf)

{after}

- [A book](https://example.org/b.pdf)
"""
TABLE = """| Day | Paper |
|---|---|
| Rivers | [On rivers](https://example.org/r.pdf) |
| Tides | [On tides](https://example.org/t.pdf) |

Also good: [A book](https://example.org/b.pdf)
"""


def _labelled(text: str, form: str = "markdown") -> tuple[list[Piece], list[int]]:
    pieces = page_pieces(markdown_items(text), form)
    kinds = {"Rivers": SESSION, "Tides": SESSION}
    return pieces, [
        kinds.get(piece.text, READING if piece.item.links else OTHER) for piece in pieces
    ]


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        (HEADINGS.format(after="## Books"), True),
        (HEADINGS.format(after="# Books"), True),
        (HEADINGS.format(after="### Further reading"), False),
        (HEADINGS.format(after=""), False),
        (TABLE, True),
    ],
)
def test_what_stands_after_all_sessions_belongs_to_none(text: str, loose: bool) -> None:
    pieces, labels = _labelled(text)
    found = gathered(meetings_of(pieces, labels, [1.0] * len(pieces)))
    sessions = [
        ([head.text for head in one.heads], [entry.pieces[0].text for entry in one.entries])
        for one in found
    ]
    book = next(piece.text for piece in pieces if "A book" in piece.text)
    assert sessions == [
        *([([], [book])] if loose else []),
        (["Rivers"], ["On rivers"]),
        (["Tides"], ["On tides"] if loose else ["On tides", book]),
    ]


def test_what_stands_before_and_after_all_sessions_is_one() -> None:
    text = "# Water\n\n- [A map](https://example.org/m.pdf)\n\n"
    pieces, labels = _labelled(text + HEADINGS.removeprefix("# Water\n\n").format(after="## Books"))
    general, *others = gathered(meetings_of(pieces, labels, [1.0] * len(pieces)))
    assert [entry.pieces[0].text for entry in general.entries] == ["A map", "A book"]
    assert all(one.heads for one in others)


def test_a_heading_that_each_session_has_ends_none() -> None:
    text = HEADINGS.format(after="").replace("###", "##")
    pieces, labels = _labelled(text)
    assert sessions_end(pieces, labels) == len(pieces)


def test_a_reading_that_is_a_heading_ends_no_sessions() -> None:
    text = (
        "# Water\n\n## Rivers\n\n## [On rivers](https://example.org/r.pdf)\n\n"
        "## Tides\n\n## [On tides](https://example.org/t.pdf)\n\n"
        "## [On ebb](https://example.org/e.pdf)\n"
    )
    pieces, labels = _labelled(text)
    *_, tides = gathered(meetings_of(pieces, labels, [1.0] * len(pieces)))
    assert [entry.pieces[0].text for entry in tides.entries] == ["On tides", "On ebb"]


def test_the_last_session_is_not_ended_by_its_own_heading() -> None:
    text = HEADINGS.format(after="").replace("## Tides", "## Tides – Ada Brown")
    pieces, labels = _labelled(text)
    at = next(n for n, piece in enumerate(pieces) if piece.text == "Tides –")
    labels[at] = SESSION
    assert (pieces[at + 1].text, labels[at + 1]) == ("Ada Brown", OTHER)
    assert sessions_end(pieces, labels) == len(pieces)


def test_titles_before_all_sessions_are_none() -> None:
    pieces, labels = _labelled(HEADINGS.format(after=""))
    labels[0] = TITLE
    found = meetings_of(pieces, labels, [1.0] * len(pieces))
    assert [[head.text for head in one.heads] for one in found] == [["Rivers"], ["Tides"]]


@pytest.mark.parametrize("form", ["text", "pdf", "post"])
def test_ranks_of_headings_are_not_trusted_where_they_are_guessed(form: str) -> None:
    pieces, labels = _labelled(HEADINGS.format(after="## Books"), form)
    assert sessions_end(pieces, labels) == len(pieces)


def test_a_link_of_a_heading_to_itself_is_no_part_of_the_title() -> None:
    html = (
        '<h2>Week 1: Rivers<a class="headerlink" href="#w1">¶</a></h2>'
        '<h2>Tides of <a href="#c">C#</a><a href="#w2">#</a></h2>'
    )
    week, rivers, tides = page_pieces(html_items(html), "html")
    assert meeting_title([week, rivers]) == "Rivers"
    assert meeting_title([tides]) == "Tides of C#"


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("**Required**:", "required"),
        ("Extra 1", "more"),
        ("Recommended follow-up", "more"),
        ("Lecturas recomendadas", "more"),
        ("Recomendada 2", "more"),
        ("Readings", None),
        ("Optional lab", None),
        ("Other Minds", None),
        ("Week 1", None),
    ],
)
def test_what_is_nothing_but_the_name_of_a_section(text: str, section: str | None) -> None:
    assert named_section(text) == section
