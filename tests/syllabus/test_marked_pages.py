"""The made-up pages that the reader of course pages learns from, and the marks within them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import benchmark

marked_pages = benchmark("marked_pages")

PAGE = """# Seminar

## ⟦S⟧Week ⟦n:3⟧: ⟦T:Attention⟧ (⟦d:Sep 12⟧)

- ⟦R⟧⟦a:Vaswani⟧ et al., [⟦t:Attention is *all* you need⟧](https://arxiv.org/abs/1706.03762).⟦/⟧
- Optional: ⟦M⟧⟦a:Jay Alammar⟧, "⟦t:The Illustrated Transformer⟧" <https://example.org/x>⟦/⟧
"""


def test_marks_say_what_a_page_holds() -> None:
    page = marked_pages.unmarked(PAGE)
    (session,) = page.sessions
    assert not page.faults
    assert "## Week 3: Attention (Sep 12)" in page.text
    assert (session["number"], session["title"], session["date"]) == (3, "Attention", "Sep 12")
    assert [
        (one["title"], one["section"], one["authors"], one["urls"]) for one in session["readings"]
    ] == [
        (
            "Attention is all you need",
            "required",
            ["Vaswani"],
            ["https://arxiv.org/abs/1706.03762"],
        ),
        ("The Illustrated Transformer", "more", ["Jay Alammar"], ["https://example.org/x"]),
    ]


def test_what_follows_the_sessions_is_in_the_general_part() -> None:
    page = marked_pages.unmarked(PAGE + "\n## ⟦G⟧Books\n\n- ⟦M⟧⟦t:Deep Learning⟧⟦/⟧\n")
    general, session = page.sessions
    assert not page.faults
    assert (general["title"], session["title"]) == ("general", "Attention")
    assert [one["title"] for one in general["readings"]] == ["Deep Learning"]


def test_chapters_belong_to_the_title_of_a_book() -> None:
    page = marked_pages.unmarked("⟦R⟧⟦a:Hobbes⟧, *⟦t:Leviathan⟧*⟦c:, chs. 13 and 14⟧, pp. 5–9⟦/⟧")
    ((reading,),) = [session["readings"] for session in page.sessions]
    assert not page.faults
    assert page.text == "Hobbes, *Leviathan*, chs. 13 and 14, pp. 5–9"
    assert (reading["title"], reading["alt_titles"]) == (
        "Leviathan, chs. 13 and 14",
        ["Leviathan"],
    )


@pytest.mark.parametrize(
    "text",
    [
        "⟦S⟧ ⟦T:one⟧ ⟦G⟧ ⟦T:two⟧",
        "⟦R⟧ no title ⟦/⟧",
        "⟦t:outside⟧",
        "⟦R⟧⟦c:ch. 1⟧ of ⟦t:one⟧⟦/⟧",
        "⟦/⟧",
        "⟦R⟧⟦t:never ended⟧",
        "⟦R⟧⟦t:one⟧ ⟦S⟧ ⟦T:two⟧",
        "⟦x⟧",
    ],
)
def test_a_wrong_mark_is_named(text: str) -> None:
    assert marked_pages.unmarked(text).faults


@pytest.mark.parametrize("path", sorted(marked_pages.FOLDER.iterdir()), ids=lambda path: path.name)
def test_every_made_up_page_is_marked_well(path: Path) -> None:
    page = marked_pages.unmarked(path.read_text(encoding="utf-8"))
    assert not page.faults
    assert any(session["readings"] for session in page.sessions)
