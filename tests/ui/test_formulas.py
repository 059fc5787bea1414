"""Formulas in texts: what is one, what is none, and that none of them can do anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seminar_rag.ui.chat.marks import with_formulas


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (r"$W \approx UV^T$, where $U \in R^{m \times r}$", 2),
        (r"we use $6$ different ones", 1),
        (r"$$\frac{QK^T}{\sqrt{d_k}}$$", 1),
        (r"loss \(L_2\) and \[x^2\]", 2),
        ("It costs $5 and $10 a month.", 0),
        ("$5 to $6", 0),
        ("from $5 million each year (or A$) on", 0),
        ("US$ 20 or $ 30 $", 0),
        ("no formula at all", 0),
        (r"$\href{javascript:alert(1)}{x}$", 0),
        (r"$\class{a}{b}$ and $\style{color:red}{x}$", 0),
        (r"$\unheardof{x}$", 0),
        (r"$\frac{a", 0),
        ("$" + "x" * 700 + "$", 0),
    ],
)
def test_formulas_are_drawn_and_prices_are_not(text: str, drawn: int) -> None:
    html = str(with_formulas(text))
    assert html.count("<math ") == drawn
    if not drawn:
        assert html == text or html.replace("&#34;", '"') == text


def test_signs_are_letters_and_the_words_around_are_escaped() -> None:
    html = str(with_formulas(r"<b>if</b> $a \leq b$ & so"))
    assert html.startswith("&lt;b&gt;if&lt;/b&gt; <math")
    assert "≤" in html
    assert html.endswith("</math> &amp; so")
    assert 'alttext="a \\leq b"' in html


@given(st.text(st.sampled_from('$\\{}()[]<>"&^_ab1 =href:text;'), max_size=60))
def test_no_text_makes_another_element(text: str) -> None:
    html = str(with_formulas(text))
    if html != text:
        assert set(re.findall(r"<\s*/?\s*([\w]+)", html)) <= set(
            "math mrow mi mo mn mtext mspace msup msub msubsup mfrac msqrt mroot mover munder"
            " munderover mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts"
            " mprescripts none".split()
        )
        assert not re.search(r"<[^>]*\s(?:href|on\w+|style|src)\s*=", html)
