"""Sessions chosen as a whole, their titles, and authors that stand in a title."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seminar_rag.syllabus.assemble import _authors, _without_aside, session_name
from seminar_rag.syllabus.context import context_features, joined
from seminar_rag.syllabus.features import WORDS, _beside_readings, features, said
from seminar_rag.syllabus.groups import repeated
from seminar_rag.syllabus.labels import (
    MORE,
    OTHER,
    READING,
    SESSION,
    TITLE,
    _name_sessions,
    decode,
    decoded,
)
from seminar_rag.syllabus.markup import html_items, markdown_items
from seminar_rag.syllabus.model import PARTS, Forest, flat, trained
from seminar_rag.syllabus.pieces import Piece, page_pieces
from seminar_rag.syllabus.read import syllabus_from_markdown
from seminar_rag.syllabus.series import candidates, series_features, unmixed
from seminar_rag.syllabus.spans import Span, alike, runs_of, spans_of
from seminar_rag.types import Reading

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


def test_sessions_are_weeks_or_days_and_not_both() -> None:
    weeks = range(1, 6)
    pieces = _pieces("\n\n".join(f"## Week {n}\n\n### Sep {7 * n - 6}" for n in weeks))
    starts = {kind: tuple(n for n, p in enumerate(pieces) if kind in p.text) for kind in ("W", "S")}
    both = tuple(sorted(starts["W"] + starts["S"]))
    assert unmixed([both, starts["W"], starts["S"]], pieces) == [1, 2]
    assert unmixed([both], pieces) == [0]
    assert unmixed([(*starts["W"], starts["S"][-1])], pieces) == [0]  # a holiday among weeks


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


def test_a_series_knows_what_dates_and_numbers_it_leaves_to_its_sessions() -> None:
    days = (("Rivers", 3), ("Tides", 8))
    parts = "".join(f"## {one}\n\n- May {n}\n- Rain\n- May {n + 1}\n\n" for one, n in days)
    pieces = _pieces(f"- April 30: enrol\n\n{parts}")
    headings = tuple(n for n, piece in enumerate(pieces) if piece.level == 2)
    dates = tuple(n for n, piece in enumerate(pieces) if piece.text.startswith("May"))
    rows = series_features([headings, dates], pieces, _shy(pieces))
    assert rows[:, -4:].tolist() == [[2, 1, 1, 0.5], [0, 0, 0, 0.25]]


class PrefersSeries:
    """Finds the series that the labels are surest of better than what they say, by a margin."""

    def __init__(self, margin: float) -> None:
        self._margin = margin

    def scores(self, rows: np.ndarray) -> np.ndarray:
        # The second number is how sure the labels are of a series, against the surest one.
        return np.where(rows[:, :1] == 1, 0.0, self._margin * (rows[:, 1:2] > 0.9))


@pytest.mark.parametrize(
    ("said", "margin", "begun"),
    [
        (["Tides"], 0.1, list(TOPICS)),
        (["Tides"], -0.1, ["Tides"]),
        ([], 0.1, list(TOPICS)),
        (list(TOPICS), 1.0, list(TOPICS[:3])),
    ],
)
def test_sessions_begin_with_the_best_series(
    said: list[str], margin: float, begun: list[str]
) -> None:
    pieces = _pieces(PAGE)
    rows = _shy(pieces)
    for row, piece in zip(rows, pieces, strict=True):
        if piece.text in said:
            row[SESSION], row[OTHER] = (0.99 if piece.text in TOPICS[:3] else 0.6), 0.01
    model = replace(trained(), series=PrefersSeries(margin))  # type: ignore[arg-type]
    labels = decode(rows, pieces, model)
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


def _reading(title: str) -> Reading:
    return Reading(title, "required", (), None, None, None, ())


@pytest.mark.parametrize(
    ("head", "titles", "name"),
    [
        ("## 4/12", ["Salt marshes"], "Salt marshes"),
        ("## 4/12", ["Salt marshes", "Sand"], "4/12"),
        ("## 4/12: Dunes", ["Sand"], "Dunes"),
        ("", ["Sand"], "General"),
    ],
)
def test_a_session_of_one_reading_and_no_topic_is_called_as_that_reading(
    head: str, titles: list[str], name: str
) -> None:
    assert session_name(_pieces(head), [_reading(title) for title in titles]) == name


def test_who_presents_names_a_session_only_where_nothing_is_read() -> None:
    rows = "| Date | Presenter | Paper |\n|---|---|---|\n| 4/12 | Ana Roy | Sand |\n"
    date, who = [piece for piece in _pieces(rows) if piece.row][:2]
    assert session_name([date, who], [_reading("Sand")]) == "Sand"
    assert session_name([date, who], []) == "Ana Roy"


def test_the_second_forest_sees_what_the_others_of_a_list_were_taken_for() -> None:
    pieces = _pieces("- Sand\n- Salt\n- Silt\n\nA note")
    alone = np.full((len(pieces), 6), 0.1, np.float32)
    alone[:2, READING] = 0.5
    rows = context_features(pieces, features(pieces), alone)
    assert len(rows) == len(pieces)
    assert np.isfinite(rows).all()
    silt, note = 2, 3
    assert (rows[silt] != rows[note]).any()
    both = joined(alone, np.roll(alone, 1, 1))
    assert both.sum(1) == pytest.approx(1)


def test_what_a_page_says_again_and_what_stands_beside_the_readings_is_known() -> None:
    table = (
        "| Day | Readings | Due |\n|---|---|---|\n| 1 | Sand | Essay 1 |\n| 2 | Salt | Essay 2 |"
    )
    pieces = _pieces(table)
    texts = [piece.text for piece in pieces]
    essay = texts.index("Essay 1")
    assert repeated(pieces)[essay].tolist() == [1, 2]
    beside = _beside_readings(pieces)[:, 0]
    assert (beside[essay], beside[texts.index("Sand")]) == (1, 0)


def test_authors_may_be_part_of_a_title_but_not_the_whole_of_it() -> None:
    title, authors = _spans("Libby 2019", "Libby 2019", "Libby")
    scores = np.array([0.2, 0.4], np.float32)
    assert _authors([title, authors], scores, title, title.end) == authors
    assert _authors([authors], np.array([0.9], np.float32), authors, authors.end) is None


@pytest.mark.parametrize(
    ("text", "name", "named"),
    [
        ("Okonjo et al. 2014", "Okonjo et al.", True),
        ("Sand & Ruiz (2009), Section 9.1", "Sand & Ruiz", True),
        ("Marsh, Chapters 8 and 9", "Marsh", True),
        ("Marsh, ed., pp. 13 - 19", "Marsh", True),
        ("Tides at rest (Lena Marsh)", "Lena Marsh", True),
        ("A guide to tides by Marsh et al.", "Marsh et al.", True),
        ("Notes on tides, Marsh et al.", "Marsh et al.", True),
        ("Folio, quarto, octavo", "Folio", False),
        ("Clocks, Tides, and the Ordering of Days", "Clocks, Tides", False),
        ("Papermaking in Fabriano", "Papermaking in", False),
        ("Tide prediction: harmonic methods", "harmonic methods", False),
        ("The diary of Lena Marsh, fisher", "Lena Marsh", False),
        ("Marsh 1200 and other places", "Marsh", False),
    ],
)
def test_a_title_names_its_authors_only_where_it_sets_them_apart(
    text: str, name: str, named: bool
) -> None:
    title, authors = _spans(text, text, name)
    found = _authors([title, authors], np.array([0.2, 0.4], np.float32), title, title.end)
    assert found == (authors if named else None)


def test_candidates_that_share_the_words_of_a_name_share_its_probability() -> None:
    text = "Holland, Alisha C. 2016. Forbearance"
    title, *names = _spans(text, "Forbearance", "Holland, Alisha C.", "Holland, Alisha", "Holland")
    scores = np.array([0.0, 0.08, 0.06, 0.05], np.float32)
    assert _authors([title, *names], scores, title, title.end) == names[0]
    assert _authors([title, *names[:1]], scores[:2], title, title.end) is None


def test_a_reading_is_read_as_the_others_of_its_page_where_its_own_words_leave_it_open() -> None:
    clear, open_, other = np.array([0.9, 0.1]), np.array([0.49, 0.51]), np.array([0.2, 0.8])
    places = [("first",), ("second",)]
    found = alike([clear, clear, open_, clear, other], [places] * 5)
    assert [int(own.argmax()) for own in found] == [0, 0, 0, 0, 1]
    assert int(alike([open_], [places])[0].argmax()) == 1


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("[Optional] The tide", "The tide"),
        ("Optional] The tide", "The tide"),
        ("(Empfohlen) The tide", "The tide"),
        ("(Supplementary) motor area in man", "(Supplementary) motor area in man"),
        ("[Background] noise and hearing", "[Background] noise and hearing"),
        ("(More) is different", "(More) is different"),
        ("(Recommender) systems", "(Recommender) systems"),
        ("[Optional) The tide", "[Optional) The tide"),
        ("How To Read A Paper (optional)", "How To Read A Paper"),
        ("Tides [Recommended reading]", "Tides"),
        ("Salt Marshes (second edition)", "Salt Marshes (second edition)"),
        ("(optional)", ""),
    ],
)
def test_what_only_says_whether_it_is_required_is_no_part_of_a_title(
    title: str, shown: str
) -> None:
    assert _without_aside(title) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Boyd et al. 2007 Mesoscale iron enrichment", ["Boyd et al", "Mesoscale iron enrichment"]),
        ("Asimov's Foundation", ["Asimov", "Foundation"]),
        (
            ", ".join(f"{name}son, {name[0]}.K." for name in "Alf Bo Cy Di Ed Flo Gus".split())
            + ", 2022. Emu: profiling of full-length sequences",
            ["Alfson, A.K., Boson, B.K., Cyson, C.K., Dison, D.K., Edson, E.K., Floson, F.K., "
             "Gusson, G.K."],
        ),
    ],
)  # fmt: skip
def test_candidates_end_where_a_year_or_a_possessive_parts_them(
    text: str, parts: list[str]
) -> None:
    found = {span.text.rstrip(".") for span in spans_of(runs_of(_pieces(text)))}
    assert {part.rstrip(".") for part in parts} <= found


def test_a_line_that_says_by_whom_belongs_to_the_line_above() -> None:
    page = "<table><tr><td>Causes (ch. 2)<br>by Petra Alm</td><td>Ann Lee<br>Bo</td></tr></table>"
    pieces = page_pieces(html_items(page), "html")
    assert [piece.text for piece in pieces] == ["Causes (ch. 2)", "by Petra Alm", "Ann Lee", "Bo"]
    scores = np.full((4, 6), -9.0, np.float32)
    scores[[0, 1, 2, 3], [OTHER, READING, OTHER, OTHER]] = 0.0
    labels = decoded(scores, pieces, np.zeros((6, 6), np.float32))
    assert labels == [READING, MORE, OTHER, OTHER]


def test_an_entry_of_the_table_of_contents_is_no_piece() -> None:
    page = (
        "- [Tides](#tides)\n- [Wells](#w)\n- [Elsewhere](#x)\n\n## Tides\n\nOn tides.\n\n## Wells"
    )
    assert [piece.text for piece in _pieces(page)] == ["Elsewhere", "Tides", "On tides.", "Wells"]


def test_one_linked_name_among_a_tables_columns_leaves_the_row_their_names() -> None:
    page = "| Date | [Reading](https://x.org) | Who |\n|---|---|---|\n| 1/2 | Waves | Ann |"
    assert [piece.header for piece in _pieces(page)][3:] == ["Date", "Reading", "Who"]


def test_kinds_of_common_words_are_those_that_the_patterns_find() -> None:
    texts = ["Required reading: ch. 3", "see also e-mail, §4, no class (TBA)", "", "Rereading no1"]
    texts += [f"x {word.upper()} y-{word}" for word in ("optional", "hw12", "sign-up", "lektüre")]
    for text in texts:
        places = {name: [m.start() for m in one.finditer(text)] for name, one in WORDS.items()}
        assert dict(said(text)) == {name: at for name, at in places.items() if at}


def test_a_forest_takes_every_row_to_the_leaf_that_its_comparisons_lead_to() -> None:
    rng = np.random.RandomState(0)

    def tree(depth: int) -> dict[str, object]:
        if depth == 0 or rng.rand() < 0.2:
            return {"leaf_value": float(rng.randn())}
        split = {"split_feature": int(rng.randint(3)), "threshold": float(rng.rand())}
        return {**split, "left_child": tree(depth - 1), "right_child": tree(depth - 1)}

    def value(node: dict[str, object], row: np.ndarray) -> float:
        while "leaf_value" not in node:
            left = row[node["split_feature"]] <= np.float32(node["threshold"])
            node = node["left_child" if left else "right_child"]  # type: ignore[assignment]
        return float(node["leaf_value"])  # type: ignore[arg-type]

    trees = [tree(4) for _ in range(20)]
    arrays = flat({"tree_info": [{"tree_structure": one} for one in trees]}, 2)
    forest = Forest(**{part: arrays[part] for part in PARTS}, classes=2)
    rows = rng.rand(50, 3).astype(np.float32)
    own = np.array([[value(one, row) for one in trees] for row in rows])
    due = np.stack([own[:, 0::2].sum(1), own[:, 1::2].sum(1)], 1)
    assert np.allclose(forest.scores(rows), due, atol=1e-4)


def test_a_tree_of_too_many_leaves_is_refused() -> None:
    tree: dict[str, object] = {"leaf_value": 1.0}
    for _ in range(16):
        split = {"split_feature": 0, "threshold": 0.5}
        tree = {**split, "left_child": {"leaf_value": 0.0}, "right_child": tree}
    arrays = flat({"tree_info": [{"tree_structure": tree}]}, 1)
    with pytest.raises(ValueError, match="more than 16 leaves"):
        Forest(**{part: arrays[part] for part in PARTS}, classes=1)


def test_dated_excursions_among_numbered_weeks_are_sessions_of_their_own() -> None:
    topics = "Springs Rivers Lakes Tides Wells Clouds Glaciers Marshes Canals".split()
    headings = [f"Week {n}: {topic}" for n, topic in enumerate(topics, 1)]
    headings[3:3] = ["12 October: Excursion to the works"]
    headings[7:7] = ["2 November: Guest lecture"]
    headings.append("30 November: Visit of the museum")
    page = "# Water\n\n" + "\n\n".join(
        f"## {heading}\n\n- Brown, A. (2012). A history of water, part {n}. Lake Press.\n"
        f"- Smith, B. (2015). Measuring water, part {n}. Journal of Rivers 3."
        for n, heading in enumerate(headings)
    )
    assert len(syllabus_from_markdown(page, "water.md").sessions) == 12
