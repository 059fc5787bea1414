"""Citations that link to a list of references on the page are that list's entries."""

from __future__ import annotations

import pytest

from seminar_rag.syllabus.markup import html_items

CITED = """<main><p>Since <a href="#ref-lee">Lee 2001</a> and a long discussion of what it is that
listeners do when they hear a sentence, much has been written.</p>
<ul><li>Part 1 of (<a href="#ref-lee">Lee 2001</a>)</li><li>{other}</li></ul>
<h2>References</h2>
<div class="csl-entry" id="ref-lee">Lee, Ann. 2001. “<a href="https://x.org/1">Tides</a>.”</div>
<div class="csl-entry"><a id="bib_2"></a>Moe, Bo. 2003. “Wells.”</div></main>"""


def test_citations_in_lists_are_written_out_from_the_references_of_the_page() -> None:
    items = html_items(CITED.format(other='(<a href="#bib_2">Moe 2003</a>)'))
    texts = [item.text for item in items]
    assert texts[0].startswith("Since Lee 2001 and")
    assert texts[1:] == ["Lee, Ann. 2001. “Tides.” (Part 1)", "Moe, Bo. 2003. “Wells.”"]
    assert [link.url for link in items[1].links] == ["https://x.org/1"]


def test_a_list_of_references_that_no_list_cites_stays() -> None:
    page = CITED.replace('<ul><li>Part 1 of (<a href="#ref-lee">Lee 2001</a>)</li>', "<ul>")
    texts = [item.text for item in html_items(page.format(other="Nothing to read"))]
    assert texts[1:] == [
        "Nothing to read",
        "References",
        "Lee, Ann. 2001. “Tides.”",
        "Moe, Bo. 2003. “Wells.”",
    ]


LEE, MOE = "Ann Lee. Tides. Oslo, 2001.", "Bo Moe. Wells. Riga, 2003."
LISTS = {
    "paragraphs": f'<p id="lee">{LEE}</p><p id="moe">{MOE}</p>',
    "a numbered list": f'<ol><li><a name="lee"></a>{LEE}</li><li id="moe">{MOE}</li></ol>',
    "definitions": (
        f'<dl><dt id="lee">[1]</dt><dd>{LEE}</dd><dt id="moe">[2]</dt><dd>{MOE}</dd></dl>'
    ),
    "links back": (
        '<div><div id="lee"><span class="label">[<a href="#id1">Lee</a>]</span>'
        f'<p>{LEE}</p></div><div id="moe"><p>{MOE} <a href="#id2">↩</a></p></div></div>'
    ),
}
"""What Sphinx, org-mode, TeX's converters and people write."""


def _texts(body: str) -> list[str]:
    return [item.text for item in html_items(f"<body>{body}</body>") if item.text]


@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)
def test_links_to_entries_of_a_list_are_its_entries(listed: str) -> None:
    cited = '<h2>Week 1</h2><ul><li>[<a href="#lee">1</a>], [<a href="#moe">2</a>]</li></ul>'
    assert _texts(f"{cited}<h2>References</h2>{listed}") == ["Week 1", LEE, MOE]


def test_citations_after_a_label_stay_beneath_it() -> None:
    cited = '<ul><li>Optional: <a href="#lee">Lee</a>; <a href="#moe">Moe</a></li></ul>'
    (item,) = html_items(f"<body>{cited}{LISTS['paragraphs']}</body>")
    assert item.text == f"Optional: {LEE} {MOE}"
    assert len(item.hard) == 1


def test_a_footer_below_the_list_stays_under_its_heading() -> None:
    cited = '<ul><li><a href="#lee">Lee</a></li><li><a href="#moe">Moe</a></li></ul>'
    found = _texts(f"{cited}<h2>References</h2>{LISTS['paragraphs']}<p>Made by hand</p>")
    assert found == [LEE, MOE, "References", "Made by hand"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            f'<ul><li id="lee">{LEE}</li><li id="moe">{MOE}</li></ul>'
            '<ul><li>Again <a href="#lee">Lee</a> and <a href="#moe">Moe</a></li></ul>',
            id="what an earlier session lists",
        ),
        pytest.param(
            '<ul><li><a href="#lee">Lee</a></li><li><a href="#moe">Moe</a></li></ul>'
            f'<ul><li id="lee">{LEE}</li></ul><ul><li id="moe">{MOE}</li></ul>',
            id="several lists",
        ),
        pytest.param(
            '<p><a href="#one">One</a> <a href="#two">Two</a></p>'
            '<h2 id="one">One, 2001</h2><h2 id="two">Two, 2003</h2>',
            id="a table of contents",
        ),
        pytest.param(
            '<p>One<sup><a href="#lee">1</a></sup> Two<sup><a href="#moe">2</a></sup></p>'
            + LISTS["paragraphs"],
            id="footnotes",
        ),
    ],
)
def test_other_links_within_the_page_stay(body: str) -> None:
    plain = body.replace(" href=", " data-href=")
    assert _texts(body) == _texts(plain)
