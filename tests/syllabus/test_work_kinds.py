"""What kind of work a reading is: stated by a list of references, or told."""

from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.syllabus.kinds import kind_told
from seminar_rag.syllabus.read import read_syllabus
from seminar_rag.types import WorkKind
from seminar_rag.types.as_json import syllabus_json

STATED: dict[str, dict[str, WorkKind]] = {
    ".bib": {
        "@article": "paper",
        "@inproceedings": "paper",
        "@phdthesis": "paper",
        "@book": "book",
        "@incollection": "chapter",
        "@inbook": "chapter",
        "@online": "web page",
        "@video": "video",
    },
    ".ris": {
        "JOUR": "paper",
        "CONF": "paper",
        "BOOK": "book",
        "CHAP": "chapter",
        "NEWS": "article",
        "BLOG": "article",
        "VIDEO": "video",
        "SOUND": "podcast",
        "ELEC": "web page",
    },
    ".json": {
        "article-journal": "paper",
        "paper-conference": "paper",
        "book": "book",
        "chapter": "chapter",
        "article-newspaper": "article",
        "post-weblog": "article",
        "motion_picture": "video",
        "song": "podcast",
        "webpage": "web page",
    },
}
FORMS = {
    ".bib": "{kind}{{k, title = {{Harbours}}, url = {{https://example.org/x}}}}",
    ".ris": "TY  - {kind}\nTI  - Harbours\nUR  - https://example.org/x\nER  - \n",
    ".json": '[{{"id": 1, "type": "{kind}", "title": "Harbours"}}]',
}
PAGE = """# Bread: a seminar

## Week 1: Dough

### Readings

- Ada Byron and Karl Weier. "Gluten networks in wheat dough." *Journal of Food Science* 12(3), 45-67, 2014. [PDF](https://doi.org/10.1111/jfds.12345)
- Mia Olsen. *Bread and Power*, chapter 3. Cambridge University Press, 2009.
- Nora Lind. "Yeast as company." In: *The Oxford Handbook of Food History*, ed. by P. Vale, pp. 120-141. Oxford University Press, 2012.
- Nora Lind. [How dough rises](https://www.youtube.com/watch?v=a1b2c3d4e5f) (video)

## Week 2: Baking

### Readings

- Sofia Germain, "Why your loaf costs more", [The Guardian](https://www.theguardian.com/food/2021/mar/04/why-your-loaf-costs-more), March 4, 2021
- [The oven](https://podcasts.apple.com/us/podcast/the-oven/id123456789?i=100012345) (podcast, 40 min listen)
- Tobias Mayer. *A History of Bread*. London: Routledge, 1999.
"""  # noqa: E501
TOLD = ["paper", "chapter", "chapter", "video", "article", "podcast", "book"]


@pytest.mark.parametrize(
    ("suffix", "stated", "due"),
    [(suffix, stated, due) for suffix, own in STATED.items() for stated, due in own.items()],
)
def test_a_list_of_references_states_what_kind_a_work_is(
    suffix: str, stated: str, due: WorkKind, tmp_path: Path
) -> None:
    path = tmp_path / f"coast{suffix}"
    path.write_text(FORMS[suffix].format(kind=stated), encoding="utf-8")
    assert [r.kind for s in read_syllabus(path).sessions for r in s.readings] == [due]


def test_the_kind_is_told_by_the_entry_and_its_links(tmp_path: Path) -> None:
    path = tmp_path / "bread.md"
    path.write_text(PAGE, encoding="utf-8")
    read = [one for session in read_syllabus(path).sessions for one in session.readings]
    assert [one.kind for one in read] == TOLD
    value = syllabus_json(read_syllabus(path))
    assert [one["kind"] for each in value["sessions"] for one in each["readings"]] == TOLD


def test_what_a_list_of_references_states_holds_where_a_page_cites_it(tmp_path: Path) -> None:
    (tmp_path / "coast.bib").write_text(
        "@video{tide, title = {The Tide as a Clock of the Coast}, author = {Byron, Ada},"
        " url = {https://example.org/tide.pdf}}\n"
        "@book{reef, title = {Reefs and Their Builders}, author = {Olsen, Mia},"
        " url = {https://www.youtube.com/watch?v=abc}}\n",
        encoding="utf-8",
    )
    page = "# The Coast\n\n## Week 1: Tides\n\n### Readings\n\n- @tide\n\n## Week 2: Reefs\n"
    path = tmp_path / "coast.qmd"
    path.write_text(f"{page}\n### Readings\n\n- @reef\n", encoding="utf-8")
    read = [one for session in read_syllabus(path).sessions for one in session.readings]
    assert [one.kind for one in read] == ["video", "book"]


def test_a_kind_is_told_where_only_title_and_link_are_known() -> None:
    assert kind_told("A talk on tides", ["https://vimeo.com/123456789"]) == "video"
    assert kind_told("Attention Is All You Need", ["https://arxiv.org/abs/1706.03762"]) == "paper"


@pytest.mark.parametrize(
    ("title", "url", "text", "kind"),
    [
        ("The oven", "", "(podcast, 25 min)", "podcast"),
        ("The oven", "https://podcasts.apple.com/us/podcast/id1", "", "podcast"),
        ("Kilns of the north", "https://uni.edu/kilns.pdf", "[short film, 2019]", "video"),
        ("Video: Kilns of the north", "https://uni.edu/kilns.pdf", "", "video"),
        ("Watch: Kilns of the north, dir. A. Lobo", "", "", "video"),
        ("Listen: The kiln, episode 3", "", "", "podcast"),
        ("Video games (and what they teach)", "https://arxiv.org/abs/1706.03762", "", "paper"),
    ],
)
def test_what_an_entry_says_that_its_work_is_holds(
    title: str, url: str, text: str, kind: str
) -> None:
    assert kind_told(title, [url] if url else [], text=text) == kind


def test_the_label_of_an_entry_states_the_kind(tmp_path: Path) -> None:
    page = tmp_path / "film.md"
    page.write_text(
        "# Film\n\n## Week 1: Noise\n\n- Watch: [Slow Streets](https://example.org/slow), dir. Ana"
        " Lobo, 2012\n- [Printing at Mainz](https://example.org/mainz)\n\n## Week 2: Silence\n\n"
        "- [Bells and Silence](https://example.org/bells)\n",
        encoding="utf-8",
    )
    first = read_syllabus(page).sessions[0].readings[0]
    assert (first.title, first.kind) == ("Slow Streets", "video")
