"""Whatever capital a name begins with, a page is read alike."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from seminar_rag.syllabus.features import features
from seminar_rag.syllabus.letters import CAPITALS, SMALL
from seminar_rag.syllabus.markup import markdown_items
from seminar_rag.syllabus.names import split_citation
from seminar_rag.syllabus.pieces import page_pieces
from seminar_rag.syllabus.spans import runs_of, span_features, spans_of

LINES = """
- Sova, L. & Zima, C. S. (2019). Cesty Zeleznic. Zlin: Levna. pp. 12-30.
- by Lena Zapolska, "Listy do Ciebie", Zeszyty Sztuki, Styczen 2018
- Selim Caglar and Zeynep Isik. Sessiz Liman. Istanbul Letters 2020.
"""
OTHER = str.maketrans("SLCZI", "ŠŁÇŻİ")


@pytest.mark.parametrize(("letters", "kind"), [(CAPITALS, str.isupper), (SMALL, str.islower)])
def test_the_classes_say_what_python_says(letters: str, kind: Callable[[str], bool]) -> None:
    of_kind = re.compile(f"[{letters}]")
    some = list(map(chr, range(0x2000)))
    assert [bool(of_kind.match(one)) for one in some] == list(map(kind, some))


def test_a_line_has_the_same_numbers_whatever_its_capitals() -> None:
    one, other = (
        page_pieces(markdown_items(lines), "markdown") for lines in (LINES, LINES.translate(OTHER))
    )
    assert np.array_equal(features(one), features(other))
    for a, b in zip(one, other, strict=True):
        runs, other_runs = runs_of([a]), runs_of([b])
        spans, other_spans = spans_of(runs), spans_of(other_runs)
        assert len(spans) == len(other_spans)
        if spans:
            rows = span_features(runs, spans)
            assert np.array_equal(rows, span_features(other_runs, other_spans))


def test_authors_of_a_written_reference_are_told_whatever_their_capitals() -> None:
    line = "Sova, L., Zima, C. S. and Lis, I. Cesty Zeleznic. Zlin, 2019."
    due = split_citation(line)
    assert due == ("Sova, L., Zima, C. S. and Lis, I.", "Cesty Zeleznic")
    assert split_citation(line.translate(OTHER)) == tuple(str(p).translate(OTHER) for p in due)
