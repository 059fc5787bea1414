"""Reading order by place: columns drawn row by row, turned pages, tables, text that runs left."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from seminar_rag.documents.pdf import read_pdf
from seminar_rag.documents.pdf_lines import leftward
from seminar_rag.pages.sheet import Quote, look
from seminar_rag.types import Block
from shared_data import SHARED

CASES = SHARED / "cases"
LEFT = (
    "The harbour was dredged twice before the storm",
    "and again when the silt had filled the narrow",
    "channel that leads to the outer basin. Pilots",
    "complained of a bar at its mouth all summer.",
)
RIGHT = (
    "Tide tables were printed by the observatory",
    "until the new gauges sent their readings by",
    "wire. A clerk compared both for eleven years",
    "and never found them more than a hand apart.",
)
THIRD = (
    "The lighthouse keeper wrote down each ship that",
    "passed, and the weather under which it did so,",
    "in ledgers that the museum has since copied out",
    "and given to whoever asks for them in writing.",
)


def page(
    *pieces: tuple[str, float, float], turn: int = 0, size: float = 9, font: str = "Helvetica"
) -> bytes:
    """A page with each text at its place, drawn in the order given."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setPageRotation(turn)
    for text, x, y in pieces:
        canvas.setFont(font, size)
        canvas.drawString(x, y, text)
    canvas.save()
    return buffer.getvalue()


def blocks(data: bytes) -> tuple[Block, ...]:
    return tuple(read_pdf(data, "page.pdf", seconds=20.0).blocks)


def text(data: bytes) -> str:
    return " ".join(block.text for block in blocks(data))


def side_by_side(*columns: tuple[str, ...], step: float = 235) -> list[tuple[str, float, float]]:
    """The lines of columns, row by row."""
    return [
        (line, 50 + step * column, 700 - 11 * row)
        for row, lines in enumerate(zip(*columns, strict=True))
        for column, line in enumerate(lines)
    ]


def test_two_columns_drawn_row_by_row_are_read_one_after_the_other() -> None:
    assert text(page(*side_by_side(LEFT, RIGHT))) == " ".join((*LEFT, *RIGHT))


def test_three_columns_below_a_title_are_read_one_after_the_other() -> None:
    title = ("A history of the harbour in three columns of even width", 150.0, 730.0)
    small = [
        (line, 40 + 165 * column, 700 - 9 * row)
        for row, lines in enumerate(zip(LEFT, RIGHT, THIRD, strict=True))
        for column, line in enumerate(lines)
    ]
    whole = text(page(title, *small, size=7))
    assert whole == " ".join((title[0], *LEFT, *RIGHT, *THIRD))


def test_what_goes_across_the_page_divides_the_columns() -> None:
    across = ("A sentence as wide as the page stands between four short columns of prose,", 50, 650)
    below = [(line, x, y - 70) for line, x, y in side_by_side(THIRD, LEFT)]
    whole = text(page(*side_by_side(LEFT, RIGHT), across, *below))
    assert whole.index(RIGHT[-1]) < whole.index(across[0]) < whole.index(THIRD[0])
    assert whole.index(THIRD[-1]) < whole.rindex(LEFT[0])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_from_the_top_however_it_is_turned_or_drawn(turn: int) -> None:
    rows = [(line, 72.0, 700 - 12.0 * row) for row, line in enumerate((*LEFT, *RIGHT))]
    expected = " ".join((*LEFT, *RIGHT))
    assert text(page(*rows, turn=turn)) == expected
    assert text(page(*reversed(rows), turn=turn)) == expected


def test_a_sentence_of_a_column_is_found_on_its_page(tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(page(*side_by_side(LEFT, RIGHT)))
    (sentence,) = (one for one in text(file.read_bytes()).split(". ") if one.startswith("Pilots"))
    found = look(file, [Quote(sentence.split(" Tide")[0], 1)])
    assert found.found == ("exact",)
    boxes = [box for spot in found.spots for box in spot.boxes]
    assert boxes
    assert all(left + width < 0.46 for left, _, width, _ in boxes), "not in the right column"


def test_chinese_lines_are_joined_without_a_space_also_over_a_column() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    said = "灯塔看守人记下每一艘经过的船。港口在暴风雨之前被疏浚了两次。引航员整个夏天都在抱怨。"
    rows = [said[at : at + 8] for at in range(0, len(said), 8)]
    half = (len(rows) + 1) // 2
    pieces = [
        (row, 60.0 + 130 * (i >= half), 700 - 16.0 * (i % half)) for i, row in enumerate(rows)
    ]
    assert text(page(*pieces, font="STSong-Light", size=12)) == said


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("םולש םלוע", "עולם שלום"),
        ("2019 תנש", "שנת 2019"),
        ("deep learning לש", "של deep learning"),
        ("14.5 ךותמ 12%", "12% מתוך 14.5"),
    ],
)
def test_a_line_that_runs_left_is_read_so_but_numbers_and_names_are_not(
    drawn: str, read: str
) -> None:
    spans = [(-6.0 * i - (5.0 if char != " " else 0.0), -6.0 * i) for i, char in enumerate(drawn)]
    found, places = leftward(drawn, spans, 10.0)
    assert found == read
    assert [drawn[i] if i >= 0 else " " for i in places] == list(read)


def test_a_sentence_that_runs_left_is_marked_where_it_stands(tmp_path: Path) -> None:
    """pdfium turns words round, but none whose letters the file names one by one, as Chromium's
    does; the page view looks for them as they are read."""
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    pdfmetrics.registerFont(TTFont("DejaVuSans", font))
    sentences = ("الفرق بين التراكم والذوبان خلال سنة.", "يبلغ سمك الحطام خمسة سنتيمترات.")
    canvas = Canvas(str(tmp_path / "left.pdf"))
    canvas.setFont("DejaVuSans", 12)
    right, ends = 540.0, []
    for sentence in sentences:
        for number, word in enumerate(sentence.split()):
            at = right - pdfmetrics.stringWidth(word, "DejaVuSans", 12)
            right = at - pdfmetrics.stringWidth(" ", "DejaVuSans", 12)
            for part in word[::-1] if number % 2 else [word[::-1]]:
                named = "".join(f"{ord(letter):04X}" for letter in part)
                if number % 2:
                    canvas._code.append(f"/Span<</ActualText <FEFF{named}> >> BDC")
                canvas.drawString(at, 700, part)
                at += pdfmetrics.stringWidth(part, "DejaVuSans", 12)
                if number % 2:
                    canvas._code.append("EMC")
        ends.append(right / 595.0)
    canvas.save()
    assert text((tmp_path / "left.pdf").read_bytes()) == " ".join(sentences)
    found = look(tmp_path / "left.pdf", [Quote(sentence, 1) for sentence in sentences])
    assert found.found == ("exact", "exact")
    ((first,), (second,)) = (spot.boxes for spot in found.spots)
    assert first[0] == pytest.approx(ends[0], abs=0.01)
    assert first[0] + first[2] == pytest.approx(540 / 595, abs=0.01)
    assert second[0] == pytest.approx(ends[1], abs=0.01)
    assert second[0] + second[2] == pytest.approx(ends[0], abs=0.01)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not here")
@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "46-*/input",
            "In the Alps the winter balance is measured with probing rods and snow pits near the"
            " end of April.",
        ),
        (
            "47-*/input",
            "Rotated Appendix Glacier mass balance is the difference between accumulation and"
            " ablation over one hydrological year.",
        ),
        ("49-*/b07-ar", "هو الفرق بين التراكم والذوبان خلال سنة هيدرولوجية واحدة."),
        ("49-*/b08-zh", "冰川的物质平衡是一个水文年内积累与消融之差。"),
        ("49-*/b07-he", "הוא ההפרש בין ההצטברות להפשרה במשך שנה הידרולוגית אחת."),
    ],
)
def test_files_that_were_read_wrongly(case: str, said: str) -> None:
    (file,) = CASES.glob(f"{case}.pdf")
    assert said in text(file.read_bytes())
