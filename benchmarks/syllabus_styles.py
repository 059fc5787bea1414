"""One course in many clothes: the styles in which course pages are written, as renderers.

A style takes the sessions of a course and writes a page, or several, as real seminars do: weeks,
dates or bold lines as headings, schedule tables, definition lists, citations, link labels in
brackets. What a style does not show (authors, descriptions, two sections) is not asked back.
`benchmarks/syllabus.py --styles` and the tests measure how much of the course the reader finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal

Form = Literal["html", "markdown", "text", "folder"]


@dataclass(frozen=True, slots=True)
class Work:
    """A reading as a renderer gets it."""

    title: str | None
    urls: tuple[str, ...] = ()
    section: str = "required"
    authors: str | None = None
    abstract: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """A session as a renderer gets it."""

    number: int
    title: str
    works: tuple[Work, ...] = ()

    @property
    def date(self) -> str:
        """An invented date, one week after another."""
        month, day = divmod(7 * (self.number - 1) + 4, 28)
        return f"{('Sep', 'Oct', 'Nov', 'Dec', 'Jan', 'Feb', 'Mar', 'Apr')[month % 8]} {day + 1}"

    def of(self, section: str) -> tuple[Work, ...]:
        """Its readings of one section."""
        return tuple(work for work in self.works if work.section == section)


@dataclass(frozen=True, slots=True)
class Page:
    """What a style wrote: the page's text, and the pages it links to by address."""

    text: str
    pages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Style:
    """A renderer and what it shows."""

    name: str
    form: Form
    write: Callable[[Sequence[Day]], Page | str]
    authors: bool = False
    abstracts: bool = False
    sections: bool = True
    one_link: bool = False
    linked_only: bool = False
    """Readings without a link or a title cannot be written in this style."""
    titles: bool = True
    session_titles: bool = True

    def due(self, days: Sequence[Day]) -> list[Day]:
        """The course as far as this style shows it."""
        return [
            replace(
                day,
                works=tuple(map(self._shown, filter(self._fits, day.works))),
                title=day.title if self.session_titles else day.date,
            )
            for day in days
        ]

    def _fits(self, work: Work) -> bool:
        return bool(work.urls and work.title) if self.linked_only else True

    def _shown(self, work: Work) -> Work:
        return replace(
            work,
            title=work.title if self.titles or not work.urls else None,
            urls=work.urls[:1] if self.one_link else work.urls,
            section=work.section if self.sections else "required",
            authors=work.authors if self.authors else None,
            abstract=work.abstract if self.abstracts else None,
        )

    def page(self, days: Sequence[Day]) -> Page:
        """The course in this style."""
        written = self.write(self.due(days))
        return Page(written) if isinstance(written, str) else written


STYLES: dict[str, Style] = {}


def style(form: Form, **shows: Any) -> Callable[[Callable[[Sequence[Day]], Any]], Any]:
    """Register a renderer under its name in words."""

    def register(write: Callable[[Sequence[Day]], Any]) -> Any:
        name = write.__name__.removeprefix("_").replace("_", " ")
        STYLES[name] = Style(name, form, write, **shows)
        return write

    return register


def key_of(days: Sequence[Day]) -> list[dict[str, Any]]:
    """The sessions as an answer key for `syllabus.score`."""
    import re

    arxiv = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})|papers/(\d{4}\.\d{4,5})")
    found = []
    for day in days:
        readings = []
        for work in day.works:
            ids = [m.group(1) or m.group(2) for u in work.urls if (m := arxiv.search(u))]
            readings.append(
                {
                    "title": work.title,
                    "section": work.section,
                    "urls": list(work.urls),
                    "arxiv_id": ids[0] if ids else None,
                    "authors": work.authors,
                    "has_abstract": work.abstract is not None,
                    "abstract_kind": None,
                }
            )
        found.append({"number": day.number, "title": day.title, "tags": [], "readings": readings})
    return found


# ---------------------------------------------------------------- pieces

LABELS = ("pdf", "code", "blog", "slides", "video", "website")
BOTH = (("required", "Required readings"), ("more", "Optional readings"))
ROMAN = (
    "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX XXI XXII XXIII"
    " XXIV XXV XXVI XXVII XXVIII"
).split()


def _md(work: Work, labels: bool = True) -> str:
    """[Title](first link) [[code]](second link)."""
    head = (
        f"[{work.title}]({work.urls[0]})"
        if work.urls and work.title
        else (work.title or f"<{work.urls[0]}>")
    )
    more = zip(LABELS[1:], work.urls[1:], strict=False)
    return head + ("".join(f" [[{label}]]({url})" for label, url in more) if labels else "")


def _md_labels(work: Work) -> str:
    """Title [[pdf]](…) [[code]](…)."""
    links = " ".join(f"[[{label}]]({url})" for label, url in zip(LABELS, work.urls, strict=False))
    return f"{work.title} {links}".strip() if work.title else f"<{work.urls[0]}>"


def _a(url: str, label: str) -> str:
    return f'<a href="{escape(url)}">{escape(label, quote=False)}</a>'


def _html(work: Work) -> str:
    head = _a(work.urls[0], work.title or work.urls[0]) if work.urls else escape(work.title or "")
    more = zip(LABELS[1:], work.urls[1:], strict=False)
    return head + "".join(f" [{_a(url, label)}]" for label, url in more)


def _html_labels(work: Work) -> str:
    if not work.title:
        return _html(work)
    links = zip(("PDF", "Code", "Blog", "Slides", "Video"), work.urls, strict=False)
    return escape(work.title, quote=False) + "".join(f" [{_a(u, label)}]" for label, u in links)


def _ul(parts: Sequence[str], tag: str = "ul") -> str:
    return f"<{tag}>\n" + "\n".join(f"<li>{part}</li>" for part in parts) + f"\n</{tag}>"


def _page(body: str, title: str = "CS 900: Seminar on Machines") -> str:
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><header><nav>"
        f'<a href="/">Home</a><a href="#schedule">Schedule</a></nav></header>\n<h1>{title}</h1>\n'
        "<p>We meet on Tuesdays. Everybody reads the papers and takes part.</p>\n"
        f"{body}\n<footer>Built by us</footer></body></html>"
    )


def _lists(day: Day, write: Callable[[Work], str], form: str) -> str:
    """The sections of a day, each with its heading and list."""
    found = []
    for section, name in BOTH:
        if works := day.of(section):
            found.append(form.format(name=name, list="\n".join(write(w) for w in works)))
    return "\n".join(found)


def _sectioned(
    days: Sequence[Day], head: Callable[[Day], str], form: str, write: Callable[[Work], str]
) -> str:
    return "\n\n".join(f"{head(day)}\n\n{_lists(day, write, form)}" for day in days)


MD = "# CS 900: Seminar on Machines\n\nWe meet on Tuesdays.\n\n"


# ---------------------------------------------------------------- Markdown


@style("markdown")
def _weeks_with_headed_lists(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"## Week {d.number}: {d.title}",
        "### {name}\n\n{list}\n",
        lambda w: f"- {_md(w)}",
    )


@style("markdown")
def _lectures_at_level_four(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"#### Lecture {d.number} - {d.title}",
        "**{name}**\n\n{list}\n",
        lambda w: f"* {_md_labels(w)}",
    )


@style("markdown")
def _bold_session_lines(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"**Week {d.number}: {d.title}**",
        "*{name}:*\n\n{list}\n",
        lambda w: f"- {_md(w)}",
    )


@style("markdown", sections=False)
def _bold_dates_and_plain_lists(days: Sequence[Day]) -> str:
    return MD + "\n\n".join(
        f"**{d.date} — {d.title}**\n\n" + "\n".join(f"- {_md(w)}" for w in d.works) for d in days
    )


@style("markdown")
def _roman_parts(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"## {ROMAN[d.number - 1]}. {d.title}",
        "### {name}\n{list}\n",
        lambda w: f"1. {_md(w)}",
    )


@style("markdown")
def _dates_as_headings(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"### {d.date}: {d.title}",
        "{name}:\n{list}\n",
        lambda w: f"- {_md_labels(w)}",
    )


@style("markdown", session_titles=False)
def _dates_alone(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days, lambda d: f"## {d.title}", "#### {name}\n{list}\n", lambda w: f"- {_md(w)}"
    )


@style("markdown")
def _headings_without_a_space(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"##Week {d.number}: {d.title}",
        "####{name}\n\n{list}\n",
        lambda w: f"- {_md(w)}",
    )


@style("markdown")
def _underlined_headings(days: Sequence[Day]) -> str:
    return "CS 900: Seminar on Machines\n===\n\nWe meet on Tuesdays.\n\n" + _sectioned(
        days,
        lambda d: f"Session {d.number}: {d.title}\n-----------",
        "### {name}\n\n{list}\n",
        lambda w: f"+ {_md(w)}",
    )


@style("markdown", sections=True)
def _optional_in_brackets(days: Sequence[Day]) -> str:
    def line(work: Work) -> str:
        return f"- {_md(work)}" + (" (optional)" if work.section == "more" else "")

    return MD + "\n\n".join(
        f"## Week {d.number} ({d.date}): {d.title}\n\n**Readings**\n\n"
        + "\n".join(map(line, d.works))
        for d in days
    )


@style("markdown", sections=True)
def _optional_in_front(days: Sequence[Day]) -> str:
    def line(work: Work) -> str:
        return f"- {'[Optional] ' if work.section == 'more' else ''}{_md_labels(work)}"

    return MD + "\n\n".join(
        f"## {d.number}. {d.title}\n\n### Readings\n\n" + "\n".join(map(line, d.works))
        for d in days
    )


@style("markdown", sections=False)
def _nested_lists(days: Sequence[Day]) -> str:
    return (
        MD
        + "## Schedule\n\n"
        + "\n".join(
            f"- **Week {d.number}: {d.title}**\n" + "".join(f"    - {_md(w)}\n" for w in d.works)
            for d in days
        )
    )


def _lettered(works: Sequence[Work]) -> Iterator[str]:
    for n, work in enumerate(works):
        if work.title is None:
            yield f"- {work.urls[0]}\n"
            continue
        yield f"- **{chr(97 + n % 26)}. {work.title} (March 2025)**\n"
        for order, url in enumerate(work.urls):
            yield f"  - {'Link' if not order else 'Code'}: {url}\n"


@style("markdown")
def _lettered_with_nested_links(days: Sequence[Day]) -> str:
    out = []
    for day in days:
        out.append(
            f"# {day.number}. {day.title}\n\n# Slides\n\n| No | Topic | Slides |\n|--|--|--|\n"
            "| 1 | Overview of the day | [deck](https://e.edu/course) |\n"
            "| 2 | Second half of the day | [deck](https://e.edu/course) |\n"
        )
        for section, name in (("required", "Readings"), ("more", "Background readings")):
            if works := day.of(section):
                out.append(f"## {name}:\n\n" + "".join(_lettered(works)))
    return "\n\n".join(out)


@style("markdown", authors=True, abstracts=True)
def _titles_as_list_items(days: Sequence[Day]) -> str:
    def entry(work: Work) -> str:
        lines = [f"- {work.title}"] if work.title else []
        inner = [work.authors, *work.urls, work.abstract]
        return "\n".join(lines + [f"  - {text}" for text in inner if text])

    return MD + _sectioned(
        [replace(d, works=tuple(w for w in d.works if w.title)) for d in days],
        lambda d: f"## Week {d.number}: {d.title}",
        "### {name}\n\n{list}\n",
        entry,
    )


@style("markdown", authors=True, abstracts=True)
def _titles_as_headings(days: Sequence[Day]) -> str:
    def entry(work: Work) -> str:
        inner = [*work.urls, work.authors, work.abstract]
        return f"#### {work.title}\n\n" + "\n".join(f"* {text}" for text in inner if text) + "\n"

    return MD + _sectioned(
        [replace(d, works=tuple(w for w in d.works if w.title)) for d in days],
        lambda d: f"## Week {d.number}: {d.title}",
        "### {name}\n\n{list}\n",
        entry,
    )


@style("markdown", sections=False, linked_only=True, one_link=True)
def _links_inside_paragraphs(days: Sequence[Day]) -> str:
    def sentence(day: Day) -> str:
        if not day.works:
            return "We don't meet this week."
        titles = [f"[{w.title}]({w.urls[0]})" for w in day.works]
        *first, last = titles
        joined = f"{', '.join(first)} and {last}" if first else last
        return f"Before class, please read {joined}. We discuss what they have in common."

    return MD + "\n\n".join(f"## Week {d.number}: {d.title}\n\n{sentence(d)}" for d in days)


@style("markdown", titles=False, linked_only=True, one_link=True)
def _only_addresses(days: Sequence[Day]) -> str:
    return MD + _sectioned(
        days,
        lambda d: f"## Week {d.number}: {d.title}",
        "{name}:\n\n{list}\n",
        lambda w: f"- {w.urls[0]}" if w.urls else f"- {w.title}",
    )


@style("markdown", authors=True)
def _citations_with_linked_title(days: Sequence[Day]) -> str:
    def line(work: Work) -> str:
        if not work.title:
            return f"- <{work.urls[0]}>"
        return (
            f"- {_md(work, labels=False)}"
            + (f". {work.authors}. NeurIPS 2023." if work.authors else ". ICML 2022.")
            + (
                "".join(
                    f" [[{label}]]({u})"
                    for label, u in zip(LABELS[1:], work.urls[1:], strict=False)
                )
            )
        )

    return MD + _sectioned(
        days, lambda d: f"## Week {d.number}: {d.title}", "### {name}\n\n{list}\n", line
    )


@style("markdown", authors=True)
def _citations_with_authors_first(days: Sequence[Day]) -> str:
    def line(work: Work) -> str:
        if not work.title:
            return f"- <{work.urls[0]}>"
        return (
            "- "
            + (f"{work.authors}. " if work.authors else "")
            + (f"{_md(work, labels=False)}" + (". In *NeurIPS*, 2023." if work.authors else ""))
            + (
                "".join(
                    f" [[{label}]]({u})"
                    for label, u in zip(LABELS[1:], work.urls[1:], strict=False)
                )
            )
        )

    return MD + _sectioned(
        days, lambda d: f"## Week {d.number}: {d.title}", "### {name}\n\n{list}\n", line
    )


@style("markdown")
def _numbered_lists_and_a_list_of_tools(days: Sequence[Day]) -> str:
    """Readings are numbered, and below them a plain list of what is no reading."""
    return MD + "\n\n".join(
        f"## Week {d.number}: {d.title}\n\n"
        + _lists(d, lambda w: f"1. {_md_labels(w)}", "### {name}\n\n{list}\n")
        + "\n### Homework\n\n1. Answer the quiz\n2. [Hand in the sheet](https://e.edu/hw)\n"
        for d in days
    )


def _cell(day: Day, write: Callable[[Work], str], gap: str = "<br>") -> str:
    found = []
    for section, name in BOTH:
        works = day.of(section)
        if works and section == "more":
            found.append(f"{name}:")
        found += [write(work).replace("|", "/") for work in works]
    return gap.join(found)


@style("markdown")
def _schedule_in_a_pipe_table(days: Sequence[Day]) -> str:
    return (
        MD
        + "| Date | Topic | Readings | Slides |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {d.date} | {d.title} | {_cell(d, _md)} | [pdf](slides/{d.number}.pdf) |"
            for d in days
        )
    )


@style("markdown")
def _schedule_with_two_columns(days: Sequence[Day]) -> str:
    def cell(day: Day, section: str) -> str:
        return "<br>".join(_md(w).replace("|", "/") for w in day.of(section))

    return (
        MD
        + "| Week | Topic | Required Readings | Optional Readings |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {d.number} | {d.title} | {cell(d, 'required')} | {cell(d, 'more')} |" for d in days
        )
    )


@style("folder", authors=True, abstracts=True)
def _a_post_for_each_session(days: Sequence[Day]) -> Page:
    def entry(work: Work) -> str:
        inner = [*work.urls, work.authors, work.abstract]
        return f"### {work.title}\n\n" + "\n".join(f"+ {text}" for text in inner if text) + "\n"

    pages = {}
    for day in days:
        shown = replace(day, works=tuple(w for w in day.works if w.title))
        pages[f"post-{day.number:02}.md"] = (
            f"---\nlayout: post\ntitle: {day.title!r}\n---\n\n".replace("'", '"')
            + _lists(shown, entry, "## {name}:\n\n{list}\n")
            + "\n\n<!--more-->\n\n# Notes\n\nWe talked about it all day.\n"
        )
    return Page("", pages)


@style("folder")
def _a_plain_page_for_each_session(days: Sequence[Day]) -> Page:
    return Page(
        "",
        {
            f"week{d.number:02}.md": f"# Week {d.number}: {d.title}\n\n"
            + _lists(d, lambda w: f"- {_md(w)}", "## {name}\n\n{list}\n")
            + "\n\n## Notes\n\nWe spoke of it, and of [something](https://e.edu/some) else.\n"
            for d in days
        },
    )


# ---------------------------------------------------------------- HTML


@style("html")
def _week_headings(days: Sequence[Day]) -> str:
    def part(day: Day) -> str:
        return f"<h3>Week {day.number}: {escape(day.title)}</h3>" + "".join(
            f"<h4>{name}</h4>{_ul([_html(w) for w in day.of(section)])}"
            for section, name in BOTH
            if day.of(section)
        )

    return _page("\n".join(map(part, days)))


@style("html")
def _cards_with_bold_lines(days: Sequence[Day]) -> str:
    def part(day: Day) -> str:
        return (
            f'<div class="card"><p><strong>Lecture {day.number}: {escape(day.title)}</strong>'
            f" ({day.date})</p>"
            + "".join(
                f"<p><b>{name}:</b></p>{_ul([_html(w) for w in day.of(section)], 'ol')}"
                for section, name in BOTH
                if day.of(section)
            )
            + "</div>"
        )

    return _page("\n".join(map(part, days)))


@style("html")
def _definition_list(days: Sequence[Day]) -> str:
    def part(day: Day) -> str:
        return f"<dt>{day.date}: {escape(day.title)}</dt>" + "".join(
            f"<dd>{name}: {_ul([_html(w) for w in day.of(section)])}</dd>"
            for section, name in BOTH
            if day.of(section)
        )

    return _page("<dl>" + "\n".join(map(part, days)) + "</dl>")


@style("html", sections=False)
def _folding_weeks(days: Sequence[Day]) -> str:
    return _page(
        "\n".join(
            f"<details><summary>Week {d.number}: {escape(d.title)}</summary>"
            f"{_ul([_html_labels(w) for w in d.works])}</details>"
            for d in days
        )
    )


def _rows(
    days: Sequence[Day], header: Sequence[str], row: Callable[[Day], Sequence[str]], th: str = "th"
) -> str:
    head = "<tr>" + "".join(f"<{th}>{name}</{th}>" for name in header) + "</tr>" if header else ""
    body = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row(day)) + "</tr>" for day in days
    )
    return _page(f'<h2 id="schedule">Schedule</h2><table class="table">{head}\n{body}</table>')


@style("html")
def _schedule_with_lists_in_cells(days: Sequence[Day]) -> str:
    def cell(day: Day) -> str:
        return "".join(
            f"<b>{name}:</b>{_ul([_html(w) for w in day.of(section)])}"
            for section, name in BOTH
            if day.of(section)
        )

    return _rows(
        days,
        ("Date", "Topic", "Readings", "Slides"),
        lambda d: (d.date, escape(d.title), cell(d), _a(f"s{d.number}.pdf", "slides")),
    )


@style("html")
def _schedule_with_breaks(days: Sequence[Day]) -> str:
    return _rows(
        days,
        ("#", "Date", "Lecture", "Reading", "Notes"),
        lambda d: (str(d.number), d.date, escape(d.title), _cell(d, _html, "<br/>"), ""),
        th="td",
    )


@style("html")
def _schedule_of_course_materials(days: Sequence[Day]) -> str:
    """Lecture and its slides in one cell, suggested readings in the next, then deadlines."""

    def cell(day: Day) -> str:
        return "".join(
            f"{name}:{_ul([_html(w) for w in day.of(section)], 'ol')}"
            for section, name in BOTH
            if day.of(section)
        )

    return _rows(
        days,
        ("Date", "Description", "Course Materials", "Events", "Deadlines"),
        lambda d: (
            d.date,
            f"{escape(d.title)}<br>[{_a(f's{d.number}.pdf', 'slides')}]"
            f" [{_a(f'n{d.number}.pdf', 'notes')}]",
            cell(d),
            f"Assignment {d.number} [{_a('a.zip', 'code')}] out",
            "",
        ),
    )


@style("html", sections=False)
def _schedule_without_header(days: Sequence[Day]) -> str:
    return _rows(
        days,
        (),
        lambda d: (d.date, escape(d.title), _ul([_html(w) for w in d.works]) if d.works else ""),
    )


@style("html", sections=False)
def _schedule_with_a_row_for_each_reading(days: Sequence[Day]) -> str:
    body = []
    for day in days:
        works = [_html_labels(w) for w in day.works] or [""]
        for n, text in enumerate(works):
            span = f' rowspan="{len(works)}"' if len(works) > 1 else ""
            lead = f"<td{span}>{day.date}</td><td{span}>{escape(day.title)}</td>" if not n else ""
            body.append(f"<tr>{lead}<td>{text}</td><td>Presenter {n}</td></tr>")
    return _page(
        "<table><thead><tr><th>Date</th><th>Topic</th><th>Paper</th><th>Presenter</th></tr></thead>"
        "<tbody>" + "\n".join(body) + "</tbody></table>"
    )


@style("html", sections=False)
def _schedule_with_repeated_dates(days: Sequence[Day]) -> str:
    body = []
    for day in days:
        for n, text in enumerate([_html(w) for w in day.works] or [""]):
            lead = (
                f"<td>{day.date}</td><td>{escape(day.title)}</td>"
                if not n
                else "<td></td><td></td>"
            )
            body.append(f"<tr>{lead}<td>{text}</td></tr>")
    return _page(
        "<table><tr><th>Date</th><th>Title</th><th>Papers</th></tr>" + "\n".join(body) + "</table>"
    )


@style("html", authors=True)
def _bibliography_in_html(days: Sequence[Day]) -> str:
    def line(work: Work) -> str:
        if not work.title:
            return _html(work)
        lead = f"{work.authors}. " if work.authors else ""
        return lead + _html(work) + (". <i>Proc. of ACL</i>, 2021." if work.authors else "")

    def part(day: Day) -> str:
        return f"<h2>{day.date} - {escape(day.title)}</h2>" + "".join(
            f"<p><strong>{name}</strong></p>{_ul([line(w) for w in day.of(section)])}"
            for section, name in BOTH
            if day.of(section)
        )

    return _page("\n".join(map(part, days)))


@style("html")
def _labels_inside_items(days: Sequence[Day]) -> str:
    def part(day: Day) -> str:
        items = [
            f"<strong>{'Required' if w.section == 'required' else 'Optional'}:</strong> {_html(w)}"
            for w in day.works
        ]
        return f"<h2>Lecture {day.number} ({day.date}): {escape(day.title)}</h2>" + (
            _ul(items) if items else "<p>No class.</p>"
        )

    return _page("\n".join(map(part, days)))


@style("html", authors=True, abstracts=True)
def _a_page_for_each_session(days: Sequence[Day]) -> Page:
    pages = {}
    for day in days:
        body = f"<h1>{escape(day.title)}</h1>"
        for section, name in BOTH:
            if works := [w for w in day.of(section) if w.title]:
                body += f"<h2>{name}</h2>" + "".join(
                    f"<h3>{escape(w.title or '')}</h3>"
                    + _ul([escape(x, quote=False) for x in (*w.urls, w.authors, w.abstract) if x])
                    for w in works
                )
        pages[f"/weeks/{day.number}/"] = (
            f"<html><head><title>{escape(day.title)}</title></head>"
            "<body><nav><a href='/'>Home</a></nav>"
            f"<main>{body}</main></body></html>"
        )
    links = _ul([_a(f"/weeks/{d.number}/", f"Week {d.number}: {d.title}") for d in days])
    return Page(_page(f"<h2>Schedule</h2>{links}"), pages)


# ---------------------------------------------------------------- plain text


@style("text")
def _text_of_weeks(days: Sequence[Day]) -> str:
    def entry(work: Work) -> str:
        return "\n".join(
            [
                f"  - {work.title}" if work.title else f"  - {work.urls[0]}",
                *(f"    {u}" for u in work.urls[0 if work.title else 1 :]),
            ]
        )

    return "CS 900: Seminar on Machines\n\nWe meet on Tuesdays.\n\n" + _sectioned(
        days, lambda d: f"Week {d.number}: {d.title}", "{name}:\n\n{list}\n", entry
    )


@style("text")
def _text_with_underlines(days: Sequence[Day]) -> str:
    def entry(work: Work) -> str:
        return (
            f"* {work.title}, {', '.join(work.urls)}".rstrip(", ")
            if work.title
            else f"* {work.urls[0]}"
        )

    def head(day: Day) -> str:
        line = f"Lecture {day.number}. {day.title}"
        return f"{line}\n{'-' * len(line)}"

    return "CS 900: Seminar on Machines\n===========================\n\n" + _sectioned(
        days, head, "{name}\n{list}\n", entry
    )


@style("text", sections=False)
def _text_of_dates(days: Sequence[Day]) -> str:
    def entry(n: int, work: Work) -> str:
        return f"   {n}. {work.title or ''} {' '.join(work.urls)}".replace(".  ", ". ").rstrip()

    return "CS 900: Seminar on Machines\n\n" + "\n\n".join(
        f"{d.date} -- {d.title}\n\n" + "\n".join(entry(n, w) for n, w in enumerate(d.works, 1))
        for d in days
    )


@style("text", sections=False)
def _text_with_bullets_of_dots(days: Sequence[Day]) -> str:
    def entry(work: Work) -> str:
        return "\n".join(
            [
                f"• {work.title}" if work.title else f"• {work.urls[0]}",
                *(f"    ◦ {u}" for u in work.urls[0 if work.title else 1 :]),
            ]
        )

    return "CS 900: Seminar on Machines\n\n" + "\n\n".join(
        f"SESSION {d.number}: {d.title}\n" + "Readings\n" + "\n".join(map(entry, d.works))
        for d in days
    )


# ---------------------------------------------------------------- an invented course

_LONG = (
    "We ask how {0} behave when nobody looks. On twelve tasks they waste a third of their time, and"
    " a simple ledger of what was done brings most of it back without any new training."
)


def _work(
    title: str | None,
    *urls: str,
    more: bool = False,
    by: str | None = None,
    about: str | None = None,
) -> Work:
    return Work(
        title, urls, "more" if more else "required", by, _LONG.format(about) if about else None
    )


INVENTED: tuple[Day, ...] = (
    Day(
        1,
        "Why machines talk",
        (
            _work(
                "Talking Machines: A Short History of Long Sentences",
                "https://arxiv.org/abs/2101.00011",
                by="Ada Byron, Karl Weier, Sofia Germain",
                about="talking machines",
            ),
            _work(
                "Emergent Chatter in Small Networks",
                "https://arxiv.org/pdf/2102.00012.pdf",
                "https://github.com/example/chatter",
                by="Emil Noether and Lise Bohr",
            ),
            _work("The Annotated Perceptron", "https://example.org/annotated/", more=True),
        ),
    ),
    Day(
        2,
        "Memory and forgetting",
        (
            _work(
                "What Do Networks Forget?",
                "https://openreview.net/forum?id=aBc_12",
                by="Rosa Ampere, Hugo Volt",
                about="networks that forget",
            ),
            _work("Ledger", "https://aclanthology.org/2022.acl-long.17/"),
            _work(
                "Paged Recall: Remembering One Page at a Time",
                "https://arxiv.org/abs/2203.00021",
                more=True,
                by="Tove Ohm, Nils Henry, Ada Byron, Karl Weier",
            ),
            _work(
                "A Survey of Notebooks, Diaries and Logs",
                "https://arxiv.org/abs/2203.00022",
                "https://notebooks.example.org",
                "https://github.com/example/notebooks",
                more=True,
            ),
        ),
    ),
    Day(
        3,
        "Tools & how to hold them",
        (
            _work(
                "Hammer or Nail? Choosing Tools With Words",
                "https://arxiv.org/abs/2301.00031",
                by="Lise Bohr, Emil Noether, Rosa Ampere",
                about="tools",
            ),
            _work(
                "ToolGrammar-7B: Calling Functions Without Mistakes",
                "https://arxiv.org/abs/2301.00032v2",
            ),
            _work("The Workshop Problem", by="Karl Weier, Tove Ohm, Hugo Volt"),
        ),
    ),
    Day(4, "No class (autumn break)"),
    Day(
        5,
        "Safety, from the ground up",
        (
            _work(
                "Red Lines and Grey Areas in the Evaluation of Talking Machines",
                "https://doi.org/10.1145/3442188.0000001",
                by="Sofia Germain, Ada Byron",
            ),
            _work(
                "Constitutional Gardening",
                "https://www.example.com/research/gardening",
                about="gardens",
            ),
            _work(
                "On the Dangers of Stochastic Songbirds: Can Models Be Too Loud?",
                "https://dl.acm.org/doi/10.1145/3442188.0000002",
                more=True,
                by="Nils Henry, Lise Bohr",
            ),
            _work("Incident database", "https://incidents.example.org", more=True),
        ),
    ),
    Day(6, "Project pitches"),
    Day(
        7,
        "Agents that plan ahead",
        (
            _work("Plan, Then Act", "https://arxiv.org/abs/2401.00071", by="Tove Ohm, Hugo Volt"),
            _work(
                "Tree of Errands", "https://arxiv.org/abs/2401.00072", more=True, about="errands"
            ),
            _work(
                "WebErrand: A Benchmark for Agents on 812 Real Errands",
                "https://weberrand.example.dev/",
                more=True,
                by="Rosa Ampere, Emil Noether, Nils Henry",
            ),
        ),
    ),
    Day(
        8,
        "Serving at scale",
        (
            _work("Paging and Batching", "https://www.usenix.org/system/files/osdi22-example.pdf"),
            _work(
                "How to Keep 10,000 Requests Waiting",
                "https://arxiv.org/abs/2402.00082",
                by="Karl Weier, Lise Bohr",
                about="requests in a queue",
            ),
            _work("FlashLedger-2", "https://arxiv.org/abs/2402.00083", more=True),
        ),
    ),
)
