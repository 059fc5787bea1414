"""Markdown and HTML as blocks that know where their characters stood."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seminar_rag.syllabus.markup import (
    front_matter,
    html_blocks,
    html_items,
    html_title,
    markdown_blocks,
    markdown_items,
    trim_url,
)
from seminar_rag.syllabus.markup_text import text_items
from seminar_rag.syllabus.pieces import page_pieces

POST = """---
title: A post
tags: [one]
---

# Memory *pages* <a id="memory"></a>

The cache is {{ site.name }} **split** into `blocks`,
and [each block](https://example.org/a_b "hint") moves on its own. ![a figure](x.png)

{% include figure.html %}

* first point, wrapped
  by hand
  1. inner &amp; last
* second \\*starred\\* point

  its second paragraph

| size | waste |
|------|:-----:|
| 4    | a \\| b |
| 8    | **c** |

```python
x = 1
```

<figure><img src="y.png"><figcaption>A caption with &Phi;</figcaption></figure>
"""


def test_markdown_becomes_clean_blocks_in_order() -> None:
    blocks = [(block.kind, block.level, block.text) for block in markdown_blocks(POST)]
    assert blocks == [
        ("heading", 1, "Memory pages"),
        (
            "paragraph",
            0,
            "The cache is split into blocks, and each block moves on its own.",
        ),
        ("item", 0, "first point, wrapped by hand"),
        ("item", 1, "inner & last"),
        ("item", 0, "second *starred* point"),
        ("paragraph", 0, "its second paragraph"),
        ("table", 0, "size | waste\n4 | a | b\n8 | c"),
        ("code", 0, "x = 1"),
        ("paragraph", 0, "A caption with Φ"),
    ]


def test_every_plain_character_knows_its_place() -> None:
    for block in markdown_blocks(POST):
        assert block.offsets is not None
        assert block.start == block.offsets[0]
        for char, place in zip(block.text, block.offsets, strict=True):
            same = char == POST[place]
            assert same or char.isspace() or char == "|" or POST[place] == "&", (block, char)


def test_repeated_words_keep_their_own_places() -> None:
    raw = "- [a](a) a\n- a\n\n1. 1\n\n| a | a |\n|---|---|\n| a | a |\n"
    items = [block for block in markdown_blocks(raw) if block.kind == "item"]
    assert items[0].offsets == (3, 8, 9)
    assert items[1].offsets == (13,)
    assert items[2].offsets == (19,)
    table = next(block for block in markdown_blocks(raw) if block.kind == "table")
    assert table.offsets is not None
    places = [p for char, p in zip(table.text, table.offsets, strict=True) if char == "a"]
    assert places == [raw.index("| a | a |") + n for n in (2, 6)] + [
        raw.rindex("| a | a |") + n for n in (2, 6)
    ]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("| a | b | c |\n|---|---|\n| 1 | 2 | 3 |\n", "a | b | c\n1 | 2 | 3"),
        ("a | b\n---|---\n        | 2\n3 | 4\n", "a | b\n | 2\n3 | 4"),
        ("a | b\n\n```\nc | d\n---|---\n     | 2\n```\n", "a | b"),
    ],
)
def test_tables_that_other_dialects_know_are_tables(raw: str, text: str) -> None:
    block = markdown_blocks(raw)[0]
    assert block.text == text
    assert block.offsets is not None
    for char, place in zip(block.text, block.offsets, strict=True):
        assert char in {raw[place], "|", " ", "\n"}


def test_carriage_returns_do_not_shift_places() -> None:
    raw = "# One\r\n\r\ntwo\r\nthree\r\n"
    blocks = markdown_blocks(raw)
    assert [block.text for block in blocks] == ["One", "two three"]
    assert blocks[1].source(4) == raw.index("three")


def test_links_are_kept_as_written() -> None:
    (item,) = markdown_items("see [ a paper](https://e.org/x_(y)) and https://e.org/_n_/z_1).")
    assert [link.url for link in item.links] == ["https://e.org/x_(y)", "https://e.org/_n_/z_1"]
    assert [item.text[link.start : link.end].strip() for link in item.links] == [
        "a paper",
        "https://e.org/n/z_1",
    ]
    (auto,) = markdown_items("<https://e.org/a%20b>")
    assert auto.links[0].url == "https://e.org/a%20b"
    (anchor,) = markdown_items('by <a href="https://e.org/&amp;">hand</a>')
    assert anchor.links[0].url == "https://e.org/&"


def test_an_address_broken_by_emphasis_is_read_from_the_source() -> None:
    (item,) = markdown_items("at https://e.org/*a*/b")
    assert item.links[0].url == "https://e.org/*a*/b"


def test_liquid_is_only_for_pages_with_front_matter() -> None:
    assert markdown_blocks("set {{x}} here")[0].text == "set {{x}} here"
    assert markdown_blocks("---\na: b\n---\nset {{x}} here")[0].text == "set here"


def test_comments_and_markers_are_kept_for_the_reader_of_items() -> None:
    items = markdown_items("3. three\n\n<!-- more -->\n\ntext")
    assert [(item.marker, item.comment, item.text) for item in items] == [
        ("3.", None, "three"),
        ("", "more", ""),
        ("", None, "text"),
    ]


def test_bold_lead_and_line_breaks_are_known() -> None:
    (item,) = markdown_items("**Whole title**\nnext line")
    assert item.text[: item.bold] == "Whole title"
    assert item.breaks == (len("Whole title"),)


def test_front_matter_ends_at_its_fence() -> None:
    text = "---\ntitle: x\n---\nbody"
    matter, begin = front_matter(text)
    assert matter == "title: x\n"
    assert text[begin:] == "body"
    assert front_matter("body") == ("", 0)


@pytest.mark.parametrize(
    ("found", "url"),
    [
        ("https://e.org/a)", "https://e.org/a"),
        ("https://e.org/a_(b)", "https://e.org/a_(b)"),
        ("https://e.org/a_(b)).", "https://e.org/a_(b)"),
        ("https://e.org/a(see", "https://e.org/a"),
        ("https://arxiv.org/abs/2501.00001(v2)", "https://arxiv.org/abs/2501.00001"),
        ("https://doi.org/10.1000/x.12Citations", "https://doi.org/10.1000/x.12"),
        ("https://e.org/a;", "https://e.org/a"),
        ("https://e.org/a/", "https://e.org/a/"),
    ],
)
def test_addresses_lose_what_is_glued_to_them(found: str, url: str) -> None:
    assert trim_url(found) == url


PAGE = """<!doctype html><html><head><title>The &amp; page</title><style>p{}</style></head>
<body><nav><a href="/">Home</a></nav><script>var a = 1;</script>
<main><h2>Title <b>one</b></h2><p>A<br>b   c</p>
<ol type="a"><li>first<ul><li><a href="x.pdf">inner</a></li></ul></li><li><p>second</p></li></ol>
<table><tr><th>h</th><th>i</th></tr><tr><td>1</td><td><a href="q">2</a></td></tr></table>
<dl><dt>term</dt><dd>meaning</dd></dl><pre>x
  y</pre><!-- more --><div>loose <p>text</p> tail</div></main><footer>f</footer></body></html>"""


def test_html_gives_the_same_kinds_of_blocks() -> None:
    assert [(block.kind, block.level, block.text) for block in html_blocks(PAGE)] == [
        ("heading", 2, "Title one"),
        ("paragraph", 0, "A b c"),
        ("item", 0, "first"),
        ("item", 1, "inner"),
        ("item", 0, "second"),
        ("table", 0, "h | i\n1 | 2"),
        ("item", 0, "term"),
        ("item", 1, "meaning"),
        ("code", 0, "x\n  y"),
        ("paragraph", 0, "loose"),
        ("paragraph", 0, "text"),
        ("paragraph", 0, "tail"),
    ]
    assert html_title(PAGE) == "The & page"


def test_html_starts_count_in_the_joined_text() -> None:
    blocks = html_blocks(PAGE)
    joined = "\n".join(block.text for block in blocks)
    for block in blocks:
        assert block.offsets is None
        assert joined[block.start : block.source(len(block.text))] == block.text


def test_html_items_know_markers_links_and_comments() -> None:
    items = html_items(PAGE)
    markers = [item.marker for item in items if item.block.kind == "item"]
    assert markers[:3] == ["a.", "-", "b."]
    assert [link.url for item in items for link in item.links] == ["x.pdf", "q"]
    assert [item.comment for item in items if item.comment is not None] == ["more"]


@pytest.mark.parametrize("page", ["", "   ", "\x00", "<?xml version='1.0' encoding='utf-8'?>"])
def test_html_without_content_has_no_blocks(page: str) -> None:
    assert html_blocks(page) == ()


PIECES = st.one_of(
    st.sampled_from(
        "# |## |- |+ |1. |a. |*|**|_|`|``|[|](|http://a.b/c_d|)|]|![|<a href='q'>|</a>|<br>|<div>"
        "|</div>|<table><tr><td>|</td></tr></table>|<!--more-->|&amp;|\\*|\\|\n|\n\n|    |\t|\r\n"
        "|```\n|> |{{ x }}|{% y %}|---\n|!!! a\n|:::tip |:::\n|```{note}\n|12. Mai|word"
        "|two words.|é|\u200b|<|>|&|$x_1$".split("|")
    ),
    st.just("|"),
    st.just("|-|-|\n"),
    st.text(max_size=6),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_keeps_its_places(raw: str) -> None:
    for item in markdown_items(raw):
        block = item.block
        assert block.offsets is not None or item.comment is not None
        places = block.offsets or ()
        assert list(places) == sorted(places)
        for char, place in zip(block.text, places, strict=True):
            plain = char == raw[place] or char.isspace() or raw[place] == "&"
            assert plain or char in "|\ufffd", (block, char, raw[place])
    blocks = html_blocks(raw)
    joined = "\n".join(block.text for block in blocks)
    assert all(joined[b.start : b.start + len(b.text)] == b.text for b in blocks)


def test_lines_of_text_that_were_wrapped_go_on_and_others_end() -> None:
    text = """\
The papers are discussed on Thursdays. Everybody sends one question about
them to the list by Wednesday at eight, and nobody is spared who presents
anything at all on the day itself.

Anna Berg, The Long Way from the Harbour to the Mountains, Oslo: Nordlys
Press 1999, pp. 12-30.
Ben Cole, Boats.
Presenter: Dora Ek, who has read all of it and more than is good for one
and says so.
"""
    _, listed = text_items(text)
    lines = [listed.text[at + 1 :][:9] for at in listed.hard]
    assert lines == ["Ben Cole,", "Presenter"]


def test_columns_set_with_spaces_are_lines_of_their_own() -> None:
    (item,) = text_items("12 Jan    Opening\tAnna Berg, Boats\n")
    assert [item.text[at + 1 :][:4] for at in item.hard] == ["Open", "Anna"]


BOXES = """??? warning "Week 3: Traps"

    - Gigerenzer, [Rules](https://example.org/r)
        - further: Kahneman

    Bring a pen.

!!! note
    Nothing is due.

=== "Tuesday"

    Simon

:::tip Before class
Read *Tversky*.
:::

```{dropdown} Week 4
:open:

* Elster
```

```{list-table}
:header-rows: 1

* - 5
  - Nudges
```

```python
!!! note
    x
```

End of the page.
"""


def test_text_in_boxes_is_read_like_any_other() -> None:
    items = markdown_items(BOXES)
    assert [(item.block.kind, item.depth, item.text) for item in items] == [
        ("paragraph", 0, "Week 3: Traps"),
        ("item", 1, "Gigerenzer, Rules"),
        ("item", 2, "further: Kahneman"),
        ("paragraph", 0, "Bring a pen."),
        ("paragraph", 0, "Nothing is due."),
        ("paragraph", 0, "Tuesday"),
        ("paragraph", 0, "Simon"),
        ("paragraph", 0, "Before class"),
        ("paragraph", 0, "Read Tversky."),
        ("paragraph", 0, "Week 4"),
        ("item", 1, "Elster"),
        ("item", 2, "5"),
        ("item", 2, "Nudges"),
        ("code", 0, "!!! note\n    x"),
        ("paragraph", 0, "End of the page."),
    ]
    for item in items:
        for char, at in zip(item.text, item.block.offsets or (), strict=True):
            assert char.isspace() or BOXES[at] == char


def test_a_heading_without_its_space_moves_nothing_after_it() -> None:
    raw = "##Week 1\n\nRead [this](https://example.org)."
    heading, paragraph = markdown_blocks(raw)
    assert (heading.kind, heading.text, raw[heading.start]) == ("heading", "Week 1", "W")
    assert raw[paragraph.start :].startswith("Read")


def test_a_day_that_opens_a_line_is_no_number_of_a_list() -> None:
    assert [item.text for item in markdown_items("12. Oktober: Anfang\n\n2. Ende")] == [
        "12. Oktober: Anfang",
        "Ende",
    ]
    pieces = page_pieces(html_items("<h3>12. Oktober – Anfang. 13. Ende</h3>"), "html")
    assert [piece.text for piece in pieces] == ["12. Oktober –", "Anfang.", "13.", "Ende"]


@pytest.mark.parametrize("opening", ["7. May, R. (1976)", "7. Sep 11: Trees", "7. Mar Hicks, 2017"])
def test_a_number_before_an_author_or_a_date_is_of_a_list(opening: str) -> None:
    items = markdown_items(f"6. Levins (1966)\n{opening}")
    assert [(item.marker, item.text) for item in items] == [
        ("6.", "Levins (1966)"),
        ("7.", opening[3:]),
    ]
    pieces = page_pieces(markdown_items("Levins, Ecology 12–25. May, R. (1976)"), "markdown")
    assert "Levins, Ecology 12–25." in [piece.text for piece in pieces]


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("!!! No class this week\n\nLevi", ["!!! No class this week", "Levi"]),
        ("??? TBD", ["??? TBD"]),
        ("::: Week 1 :::", ["Week 1 :::"]),
        ("::: {.callout-note}\nLevi\n:::::\n\nGinzburg", ["Levi", "Ginzburg"]),
    ],
)
def test_what_only_looks_like_a_box_loses_no_word(raw: str, read: list[str]) -> None:
    assert [item.text for item in markdown_items(raw)] == read


@pytest.mark.parametrize(
    "page",
    [
        '<pre>def f(x):<a href="#l2"></a>\n    return x</pre>',
        '<div class="highlight"><pre><a href="x">def</a> f(x):\n    return x</pre></div>',
    ],
)
def test_code_whose_lines_or_names_are_linked_stays_code(page: str) -> None:
    assert [(block.kind, block.text) for block in html_blocks(page)] == [
        ("code", "def f(x):\n    return x")
    ]


def test_a_link_around_a_page_of_links_within_pre_costs_no_time() -> None:
    links = "".join(f'<div><a href="{i}">Text {i}</a></div>\n\n' for i in range(200))
    items = html_items(f'<pre><a href="top"><div>{links}</div></a></pre>')
    assert [len(item.links) for item in items] == [1] * 200


def test_a_link_in_html_that_ends_within_one_in_markdown_ends_only_itself() -> None:
    (stray,) = markdown_items("[Levi</a>](https://a.org)")
    assert [(link.url, stray.text[link.start : link.end]) for link in stray.links] == [
        ("https://a.org", "Levi")
    ]
    (crossed,) = markdown_items('[Levi <a href="b">Poni](https://a.org) x</a>')
    assert {(link.url, crossed.text[link.start : link.end]) for link in crossed.links} == {
        ("https://a.org", "Levi Poni"),
        ("b", "Poni x"),
    }


def test_parts_of_a_name_in_code_or_of_an_address_are_not_set_apart() -> None:
    page = """<dt class="sig"><span>torch.nn.</span><span>Linear</span></dt>
<p><code><i>std::</i><i>Vector</i></code>
<b>https://x.org/a.</b><b>Pdf</b> <i>Levi 1991.</i><b>On</b></p>"""
    assert [block.text for block in html_blocks(page)] == [
        "torch.nn.Linear",
        "std::Vector https://x.org/a.Pdf Levi 1991. On",
    ]


def test_a_page_typed_within_pre_is_text_with_links() -> None:
    page = """<pre>HIST 712

<b>Jan. 20</b>   Organization

<b>Jan. 27</b>   <a href="l.pdf">Levi, On
          Microhistory</a> and <a href="https://x.org">https://x.org</a>
</pre><pre><code>x = <a href="y">1</a></code></pre><pre>a - b</pre>"""
    found = [(item.block.kind, item.text) for item in html_items(page)]
    assert found == [
        ("heading", "HIST 712"),
        ("heading", "Jan. 20 Organization"),
        ("heading", "Jan. 27 Levi, On Microhistory and https://x.org"),
        ("code", "x = 1"),
        ("code", "a - b"),
    ]
    item = html_items(page)[2]
    assert [(link.url, item.text[link.start : link.end]) for link in item.links] == [
        ("l.pdf", "Levi, On Microhistory"),
        ("https://x.org", "https://x.org"),
    ]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p><span>Week 1</span><span>The word</span></p>", "Week 1 The word"),
        ("<p><b>Intro</b><b>duction to </b><i>Lo</i><i>RA</i></p>", "Introduction to LoRA"),
        ("<p><i>H</i><sub>2</sub><i>O</i></p>", "H2O"),
        ("<p><span>Week 1</span><!-- - --> <span>The word</span></p>", "Week 1 The word"),
    ],
)
def test_parts_of_a_line_that_a_style_sheet_sets_apart_are_apart(page: str, text: str) -> None:
    assert " ".join(block.text for block in html_blocks(page)) == text
