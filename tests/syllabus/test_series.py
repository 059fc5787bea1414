"""Sessions chosen as a whole, their titles, and authors that stand in a title."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seminar_rag.syllabus.assemble import _authors
from seminar_rag.syllabus.labels import OTHER, READING, SESSION, TITLE, _name_sessions, decode
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.model import trained
from seminar_rag.syllabus.pieces import Piece, page_pieces
from seminar_rag.syllabus.series import candidates, series_features
from seminar_rag.syllabus.spans import Span

TOPICS = ("Rivers", "Tides", "Wells", "Clouds", "Glaciers", "Marshes")
PAGE = "# Water\n\n" + "\n\n".join(
    f"### {topic}\n\n- [A study of {topic}](https://example.org/{topic}.pdf)\n"
    f"- [More on {topic}](https://example.org/more-{topic}.pdf)"
    for topic in TOPICS
)


def _pieces(text: str) -> list[Piece]:
    return page_pieces(markdown_items(text), "markdown")


def _shy(pieces: list[Piece]) -> np.ndarray:
    """Probabilities of a model that knows readings, and hardly takes a heading for a session."""
    rows = np.full((len(pieces), 6), 0.02, np.float32)
    for row, piece in zip(rows, pieces, strict=True):
        row[READING if piece.item.links else OTHER] = 0.85
        row[SESSION] = 0.05 if piece.level == 3 else 0.001
    return rows


def test_headings_of_one_look_are_a_candidate_beside_what_the_labels_say() -> None:
    pieces = _pieces(PAGE)
    said = [SESSION if piece.text == "Tides" else OTHER for piece in pieces]
    found = candidates(pieces, _shy(pieces), said)
    headings = tuple(n for n, piece in enumerate(pieces) if piece.level == 3)
    assert [pieces[n].text for n in headings] == list(TOPICS)
    assert found[0] == (headings[1],)
    assert headings in found
    rows = series_features(found, pieces, _shy(pieces))
    assert len(rows) == len(found)
    assert np.isfinite(rows).all()


class PrefersSeries:
    """Finds any series better than what the labels say, by a margin for each."""

    def __init__(self, margin: float) -> None:
        self._margin = margin

    def scores(self, rows: np.ndarray) -> np.ndarray:
        # The second number is how sure the labels are of a series, against the surest one.
        return np.where(rows[:, :1] == 1, 0.0, self._margin * (rows[:, 1:2] > 0.9))


@pytest.mark.parametrize(("margin", "begun"), [(1.0, list(TOPICS)), (0.1, [])])
def test_sessions_begin_with_a_series_that_is_clearly_better(
    margin: float, begun: list[str]
) -> None:
    pieces = _pieces(PAGE)
    model = replace(trained(), series=PrefersSeries(margin))  # type: ignore[arg-type]
    labels = decode(_shy(pieces), pieces, model)
    found = [piece.text for piece, label in zip(pieces, labels, strict=True) if label == SESSION]
    assert found == begun


def test_each_file_of_a_folder_of_posts_stays_one_session() -> None:
    pieces = [replace(piece, form="post") for piece in _pieces(PAGE)]
    assert SESSION not in decode(_shy(pieces), pieces, trained())


def test_a_date_alone_gets_the_likeliest_title_below_it() -> None:
    pieces = _pieces("## 4/12\n\n- Please sign up\n- Salt marshes\n\n## 4/19: Dunes\n\n- Sand")
    texts = [piece.text for piece in pieces]
    labels = [SESSION if "4/1" in text else OTHER for text in texts]
    labels[texts.index("Dunes")] = TITLE
    rows = np.zeros((len(pieces), 6), np.float32)
    rows[texts.index("Salt marshes"), TITLE] = 0.1
    rows[texts.index("Please sign up"), TITLE] = 0.05
    rows[texts.index("Sand"), TITLE] = 0.4
    _name_sessions(labels, pieces, rows)
    titles = [text for text, label in zip(texts, labels, strict=True) if label == TITLE]
    assert titles == ["Salt marshes", "Dunes"]


def _spans(text: str, *parts: str) -> list[Span]:
    return [Span(0, at, at + len(part), part) for part in parts for at in (text.index(part),)]


def test_authors_may_be_part_of_a_title_but_not_the_whole_of_it() -> None:
    title, authors = _spans("Libby 2019", "Libby 2019", "Libby")
    scores = np.array([0.2, 0.4], np.float32)
    assert _authors([title, authors], scores, title) == authors
    assert _authors([authors], np.array([0.9], np.float32), authors) is None


def test_candidates_that_share_the_words_of_a_name_share_its_probability() -> None:
    text = "Holland, Alisha C. 2016. Forbearance"
    title, *names = _spans(text, "Forbearance", "Holland, Alisha C.", "Holland, Alisha", "Holland")
    scores = np.array([0.0, 0.16, 0.12, 0.1], np.float32)
    assert _authors([title, *names], scores, title) == names[0]
    assert _authors([title, *names[:1]], scores[:2], title) is None
