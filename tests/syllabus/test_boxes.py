"""Boxes of text (notes, cards, details): what is in them has their title for its label."""

from __future__ import annotations

import pytest

from seminar_rag.syllabus.markup import html_items, markdown_items
from seminar_rag.syllabus.read import syllabus_from_html, syllabus_from_markdown

WEEKS = (
    (("Harley", "Deconstructing the Map"), ("Crampton", "Maps as Social Constructions")),
    (("Michael", "Statemaking and Territory"), ("Winichakul", "The Geo-Body of a Nation")),
    (("Peluso", "Whose Woods Are These?"), ("Dalton", "Counter Mapping Actions")),
    (("Kwan", "Feminist Visualization"), ("Haklay", "How Good is Volunteered Data?")),
)
HTML = (
    '<div class="theme-admonition"><div class="admonitionHeading_Gv"><span></span>{title}</div>'
    '<div class="admonitionContent_Bu">{body}</div></div>',
    '<div class="admonition note"><p class="admonition-title">{title}</p>{body}</div>',
    '<aside class="topic"><p class="topic-title">{title}</p>{body}</aside>',
    '<aside class="starlight-aside"><p class="starlight-aside__title"><svg></svg>{title}</p>{body}'
    "</aside>",
    '<details class="note"><summary>{title}</summary>{body}</details>',
    '<div class="callout"><div class="callout-header"><i></i><div>{title}</div></div>'
    '<div class="callout-body">{body}</div></div>',
    '<div class="card"><div class="card-header">{title}</div><div>{body}</div></div>',
    "<fieldset><legend>{title}</legend>{body}</fieldset>",
)
MARKDOWN = (
    ":::info {title}\n{body}\n:::",
    ":::info[{title}]\n\n{body}\n\n:::",
    '::: {{.callout-note title="{title}"}}\n{body}\n:::',
    "::: {{.callout-note}}\n## {title}\n\n{body}\n:::",
    "```{{admonition}} {title}\n{body}\n```",
    '!!! note "{title}"\n\n    {body}',
    "> [!info]- {title}\n> {body}",
    "> [!NOTE]\n> **{title}**\n>\n> {body}",
    "<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>",
)


def sections(page: str, form: str) -> list[str]:
    """The sections of a page's readings, in order, without the sessions between them."""
    read = syllabus_from_html if form == "html" else syllabus_from_markdown
    found = read(page, f"page.{form}").sessions
    assert [len(one.readings) for one in found] == [2] * 4
    return [one.section for session in found for one in session.readings]


def page(form: str, box: str, title: str, first: bool) -> str:
    """A page whose weeks have a reading outside of a box and one in it, that before this one if
    `first`."""
    parts = []
    for n, works in enumerate(WEEKS, 1):
        lines = [
            f'<ul><li>{by}, <a href="https://example.org/{n}/{by}.pdf">{name}</a></li></ul>'
            if form == "html"
            else f"- {by}, [{name}](https://example.org/{n}/{by}.pdf)"
            for by, name in works
        ]
        outside, boxed = lines[0], box.format(title=title, body=lines[1])
        head = f"<h2>Week {n}: Maps {n}</h2>" if form == "html" else f"## Week {n}: Maps {n}"
        parts += [head, *((boxed, outside) if first else (outside, boxed))]
    text = "\n\n".join(parts)
    return f"<main><h1>Maps</h1>{text}</main>" if form == "html" else f"# Maps\n\n{text}\n"


FORMS = [("html", box) for box in HTML] + [("md", box) for box in MARKDOWN]


@pytest.mark.parametrize(("form", "box"), FORMS)
@pytest.mark.parametrize("title", ["Going further", "Pour aller plus loin"])
def test_the_title_of_a_box_is_the_label_of_what_is_in_it(form: str, box: str, title: str) -> None:
    assert sections(page(form, box, title, False), form) == ["required", "more"] * 4


@pytest.mark.parametrize(("form", "box"), FORMS)
def test_the_title_of_a_box_says_nothing_of_what_stands_below_the_box(form: str, box: str) -> None:
    assert sections(page(form, box, "Optional", True), form) == ["more", "required"] * 4


def test_navigation_beside_the_content_is_no_box() -> None:
    aside = '<aside><p class="title">Recent posts</p><a href="/x">Boats</a></aside>'
    items = html_items(f"<html><body>{aside}<main><p>Levi</p></main></body></html>")
    assert [item.text for item in items] == ["Levi"]


def test_what_marks_a_box_in_a_quotation_is_no_text() -> None:
    raw = "> [!NOTE]\n> Levi\n\n> [!tip]+ Ginzburg\n> Darnton\n\nFebvre"
    items = markdown_items(raw)
    assert [item.text for item in items] == ["Levi", "Ginzburg", "Darnton", "Febvre"]
    assert [len(item.boxes) for item in items] == [1, 1, 1, 0]
    for item in items:
        assert [raw[at] for at in item.block.offsets or ()] == list(item.text)
