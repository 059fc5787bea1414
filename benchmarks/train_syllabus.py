"""Train the reader of course pages on labelled pages, and measure it on pages left out."""

from __future__ import annotations

import argparse
import functools
import hashlib
import html
import importlib.util
import json
import multiprocessing
import pickle
import random
import re
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import fuzz

import marked_pages
import seminar_rag
from seminar_rag.syllabus import marks
from seminar_rag.syllabus.assemble import entry_reading, found_in, read_pieces, session_name
from seminar_rag.syllabus.context import context_features, joined
from seminar_rag.syllabus.features import WORDS, features
from seminar_rag.syllabus.judged import entry_features
from seminar_rag.syllabus.labels import SESSION, decoded
from seminar_rag.syllabus.markup import html_items, markdown_items
from seminar_rag.syllabus.markup_office import PANDOC, office_items
from seminar_rag.syllabus.markup_text import text_items
from seminar_rag.syllabus.meetings import Entry, meetings_of
from seminar_rag.syllabus.model import PARTS, WEIGHTS, Forest, Model, flat, model_of
from seminar_rag.syllabus.pieces import Piece, page_pieces
from seminar_rag.syllabus.sections import section_features, sessions_end
from seminar_rag.syllabus.series import Series, candidates, place, series_features, unmixed
from seminar_rag.syllabus.spans import runs_of, span_features, spans_of
from seminar_rag.syllabus.structure import structural_post
from seminar_rag.text import MONTH
from seminar_rag.types import Reading

SHARED = Path(__file__).parents[1].resolve().parent / "shared"


def fold(text: str | None) -> str:
    """Text for comparison: letters and digits, lower case, single spaces."""
    text = unicodedata.normalize("NFKC", html.unescape(text or "")).casefold()
    return re.sub(r"[^\w]+", " ", text).strip()


@dataclass
class Page:
    """A labelled page."""

    name: str
    sessions: list[dict[str, Any]]
    pieces: list[Piece]
    course: str = ""
    """Where it is from: pages of one teacher are learned from or left out together."""
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    starts: dict[int, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """Piece that a reading starts at → session, reading of the key."""
    titles: list[str] = field(default_factory=list)
    """What each of several files calls itself."""
    lost: int = 0
    form: str = ""
    """The ending of its file's name."""


def align(page: Page) -> None:
    """Label the pieces of a page by its key."""
    texts = [fold(piece.text) for piece in page.pieces]
    joined, owner = [], []
    for at, text in enumerate(texts):
        joined.append(text + " ")
        owner += [at] * (len(text) + 1)
    whole = "".join(joined)
    urls: dict[str, list[int]] = {}
    for at, piece in enumerate(page.pieces):
        for link in piece.item.links:
            urls.setdefault(link.url, []).append(at)
    readings = [(i, r) for i, s in enumerate(page.sessions) for r in s["readings"]]
    options: list[dict[int, float]] = []
    ends: list[dict[int, int]] = []
    for _, reading in readings:
        found: dict[int, float] = {}
        ends.append({})
        for weight, title in [
            (1.0, reading.get("title")),
            *((0.9, t) for t in reading.get("alt_titles") or []),
        ]:
            name = fold(title)
            if not name:
                continue
            at = whole.find(name)
            while at >= 0:
                if (at == 0 or whole[at - 1] == " ") and whole[
                    at + len(name) : at + len(name) + 1
                ] in {" ", ""}:
                    found[owner[at]] = max(found.get(owner[at], 0), weight)
                    ends[-1][owner[at]] = owner[at + len(name) - 1]
                at = whole.find(name, at + 1)
            if not found and len(name) > 12:
                for at in range(len(texts)):
                    near = " ".join(texts[at : at + 3])[: len(name) + 80]
                    score = fuzz.partial_ratio(name, near) if len(near) >= 0.8 * len(name) else 0
                    if score >= 90 and texts[at]:
                        found[at] = max(found.get(at, 0), 0.8 * score / 100)
        for url in reading.get("urls") or []:
            for at in urls.get(url, []):
                near = [n for n in found if at - 4 <= n <= at + 1]
                for n in near:
                    found[n] += 1.0 / (1 + abs(n - at))
                if not near:
                    found[at] = 0.7
        options.append(dict(sorted(found.items(), key=lambda one: -one[1])[:12]))
    places = _best(options)
    page.labels = np.zeros(len(page.pieces), int)
    taken: dict[int, int] = {}
    for order, at in enumerate(places):
        if at is None or at in taken:
            page.lost += not readings[order][1].get("optional")
            places[order] = None
        else:
            taken[at] = order
    spots = sorted(taken)
    starts: dict[int, int] = {}
    for number, at in enumerate(spots):
        reading = readings[taken[at]][1]
        before = spots[number - 1] if number else -1
        start = _start(page, texts, at, before, reading)
        starts[start] = taken[at]
        page.labels[start] = 4
        page.starts[start] = readings[taken[at]]
        # a colon or a full stop within a title parts it into several pieces
        page.labels[start + 1 : ends[taken[at]].get(at, at) + 1] = 5
    order = sorted(starts)
    for number, start in enumerate(order):
        end = order[number + 1] if number + 1 < len(order) else len(page.pieces)
        _more(page, texts, start, end, readings[starts[start]][1])
    _sessions(
        page,
        texts,
        {
            i: min([s for s, o in starts.items() if readings[o][0] == i], default=None)
            for i in range(len(page.sessions))
        },
    )
    for at in range(len(page.pieces)):
        if page.labels[at] == 0 and _is_label(page, at):
            page.labels[at] = 3


def _best(options: list[dict[int, float]]) -> list[int | None]:
    """The occurrence of each reading, in order of the page where that can be had."""
    states: list[list[tuple[int | None, float, int]]] = []
    for found in options:
        row: list[tuple[int | None, float, int]] = []
        for at, score in [*found.items(), (None, -1.0)]:
            if not states:
                row.append((at, score, -1))
                continue
            best, back = -1e9, -1
            for n, (previous, total, _) in enumerate(states[-1]):
                cost = 0.0
                if at is not None and previous is not None:
                    cost = 0.002 * min(at - previous, 300) if at > previous else 0.6
                    cost = 1.5 if at == previous else cost
                if total + score - cost > best:
                    best, back = total + score - cost, n
            row.append((at, best, back))
        states.append(row)
    places: list[int | None] = [None] * len(options)
    if states:
        n = max(range(len(states[-1])), key=lambda n: states[-1][n][1])
        for row in range(len(states) - 1, -1, -1):
            places[row], _, back = states[row][n]
            n = back
    return places


def _line(page: Page, at: int) -> int:
    """Where the line of a piece begins."""
    while at and page.pieces[at].cut in {"stop", "dash", "link", "label"}:
        at -= 1
    return at


def _has(text: str, names: list[str]) -> bool:
    return any(fold(n).split()[-1] in text.split() for n in names if fold(n))


def _start(page: Page, texts: list[str], at: int, before: int, reading: dict[str, Any]) -> int:
    """The piece that a reading starts at: its authors may stand before its title."""
    authors = reading.get("authors") or []
    begin = max(_line(page, at), before + 1)
    found = at
    for n in range(at - 1, begin - 1, -1):
        if page.pieces[n + 1].cut == "label" and not _has(texts[n], authors):
            break
        if _has(texts[n], authors):
            found = n
    if found == at:
        # words that only lead up to the title belong to the reading where nothing else does
        while (
            found > begin
            and page.pieces[found].cut in {"link"}
            and len(texts[found - 1].split()) < 6
        ):
            found -= 1
    return found


def _more(page: Page, texts: list[str], start: int, end: int, reading: dict[str, Any]) -> None:
    urls, authors = set(reading.get("urls") or []), reading.get("authors") or []
    last = start
    for n in range(start, min(end, start + 12)):
        if page.labels[n] in {1, 2}:
            break
        piece = page.pieces[n]
        own = urls & {link.url for link in piece.item.links}
        by = n > start and authors and _has(texts[n], authors) and len(texts[n].split()) < 60
        if own or (by and n <= last + 2) or page.labels[n] == 5:
            last = n
    page.labels[start + 1 : last + 1] = 5
    for n in range(last + 1, end):  # the rest of the line, up to what is something else
        piece = page.pieces[n]
        if piece.cut not in {"stop", "dash", "link"} or piece.item.links:
            break
        page.labels[n] = 5


def _same_days(date: str, text: str) -> bool:
    """Whether a text says a day of a date; where months are numbers, nothing but its days."""
    due, said = (
        {number.lstrip("0") for number in re.findall(r"\d+", one) if len(number) < 4}
        for one in (date, text)
    )
    if _MONTH.search(date):
        return bool(due & said) or not said
    return due <= said or said <= due


_MONTH = re.compile(rf"\b{MONTH}\b", re.I)


def _session_score(session: dict[str, Any], text: str, raw: str) -> float:
    title, date, number = (
        fold(session.get("title")),
        fold(str(session.get("date") or "")),
        session.get("number"),
    )
    score = 0.0
    if title and text:
        like = fuzz.ratio(title, text)
        inside = f" {title} " in f" {text} " or (f" {text} " in f" {title} " and len(text) > 6)
        score += (
            1.0 if inside and len(text) < 3 * len(title) + 40 else like / 100 if like > 88 else 0
        )
    if date and date in text and len(text) < len(date) + 100:
        score += 1.0 if text.startswith(date) else 0.8
    elif (
        date
        and len(text) > 2
        and len(set(date.split()) & set(text.split())) >= 2
        and _same_days(date, text)
        and len(text) < len(date) + 60
    ):
        score += 0.6
    mark = marks.mark_of(raw)
    if number is not None and mark and (mark.kind, mark.number) == ("named", number):
        score += 0.6 if title or date else 1.0
    elif (
        number is not None
        and re.search(rf"(?:^|[^\d.]){number}(?!\d)", raw[:40])
        and len(raw) < 200
    ):
        score += 0.3
    return min(score, 1.8)  # a table of contents may say all in one line


def _sessions(page: Page, texts: list[str], first: dict[int, int | None]) -> None:
    """Label where sessions begin, and what else names them.

    The second time, what looks as most of the first time's beginnings do is preferred: a unit's
    heading or a line on homework may name the date or the topic too.
    """
    plain = page.labels.copy()
    for _ in range(2):
        starts = [n for n in range(len(page.pieces)) if page.labels[n] == SESSION]
        looks = Counter(_look(page, n) for n in starts)
        shares = {look: count / len(starts) for look, count in looks.items()}
        page.labels = plain.copy()
        _label_sessions(page, texts, first, shares)


def _look(page: Page, at: int) -> tuple[object, ...]:
    """In what kind of place the line of a piece begins."""
    piece = page.pieces[_line(page, at)]
    in_table = piece.table >= 0
    return (piece.kind, piece.level, piece.source.depth, piece.column if in_table else -1)


def _label_sessions(
    page: Page,
    texts: list[str],
    first: dict[int, int | None],
    shares: dict[tuple[object, ...], float],
) -> None:
    def usual(n: int) -> float:
        return shares.get(_look(page, n), 0.0)

    done = -1
    for i, session in enumerate(page.sessions):
        if (
            session.get("title") == "general"
            and session.get("number") is None
            and not session.get("date")
        ):
            continue
        later = [first[j] for j in range(i, len(page.sessions)) if first[j] is not None]
        stop = min((n for n in later if n > done), default=len(page.pieces) - 1)
        own = first[i]
        if own is not None and own <= done:
            continue
        rows = stop
        if page.pieces[stop].table >= 0 if stop < len(page.pieces) else False:
            here = page.pieces[stop]
            while rows + 1 < len(page.pieces) and (
                page.pieces[rows + 1].table,
                page.pieces[rows + 1].row,
            ) == (here.table, here.row):
                rows += 1
        lowest = 0.9 if own is None else 0.55
        scores = {
            n: _session_score(session, texts[n], page.pieces[n].text)
            for n in range(done + 1, min(rows + 1, len(page.pieces)))
            if page.labels[n] in {0, 5}
        }
        scores = {n: s for n, s in scores.items() if s >= 0.55}
        if not scores:
            continue
        groups = {n: _heads(page, scores, n, usual) for n in scores}
        best = {n: max(scores[m] for m in group) for n, group in groups.items()}
        if own is not None:

            def worth(n: int) -> float:
                here = best[n] + _USUAL * usual(groups[n][0])  # noqa: B023
                return here - 0.01 * min(abs(stop - n), 60)  # noqa: B023

            group = groups[max(scores, key=worth)]
        else:
            able = [groups[n] for n in sorted(scores) if best[n] >= lowest]
            if not able:
                continue
            most = max(usual(group[0]) for group in able)
            group = next(group for group in able if usual(group[0]) >= most / 2)
        begin = group[0]
        line = _line(page, begin)
        if not any(page.labels[line:begin]) and begin - line < 3 and page.pieces[begin].table < 0:
            group = [*range(line, begin), *group]
        page.labels[group[0]] = 1
        for n in group[1:]:
            page.labels[n] = 2
        done = group[-1]


_USUAL = 0.6
"""How much it counts to look as all other beginnings of sessions do, beside a title's 1."""


def _heads(
    page: Page, scores: dict[int, float], at: int, usual: Callable[[int], float]
) -> list[int]:
    """What names a session together with a piece: what stands beside it and names it too."""
    group = [at]
    for n in (n for n in sorted(scores, reverse=True) if n < at):
        marked = marks.mark_of(page.pieces[n].text) is not None
        if not marked and scores[n] < 1 and marks.mark_of(page.pieces[group[0]].text):
            break
        # a word such as "Topics" may stand between a date and what the session is about
        beside = _together(page, n, group[0], 3 if marked else 1)
        if beside and usual(n) >= usual(at) / 2:
            group.insert(0, n)
    for n in sorted(scores):
        if n > group[-1] and _together(page, group[-1], n):
            first, here = _look(page, group[0]), _look(page, n)
            in_line = page.pieces[n].table >= 0 or _line(page, n) == _line(page, group[0])
            marked = marks.mark_of(page.pieces[n].text) is not None
            if marked and not in_line and first == here and usual(n) > 0.5:
                break  # the next session's
            group.append(n)
    return group


def _together(page: Page, a: int, b: int, blocks: int = 1) -> bool:
    one, two = page.pieces[a], page.pieces[b]
    if one.table >= 0 or two.table >= 0:
        return (one.table, one.row) == (two.table, two.row)
    return two.block - one.block <= blocks and not any(page.labels[a + 1 : b])


def _is_label(page: Page, at: int) -> bool:
    piece = page.pieces[at]
    nxt = page.labels[at + 1] if at + 1 < len(page.labels) else 0
    said = any(WORDS[name].search(piece.text) for name in ("more", "required", "reading"))
    return nxt == 4 and len(piece.text) < 60 and said and not piece.item.links


# ---------------------------------------------------------------- pages to learn from


def load(folder: Path) -> Page:
    """A labelled page with its pieces."""
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    files = [folder / file for file in key["files"]]
    files = [one for file in files for one in (sorted(file.iterdir()) if file.is_dir() else [file])]
    if len(files) > 1:  # as `read` takes the posts of a folder
        files = [file for file in files if file.stem.lower() not in {"readme", "license", "index"}]
    page = Page(folder.name, key["sessions"], pieces_of(files), str(key["source"]["repository"]))
    page.form = "posts" if len(files) > 1 else files[0].suffix.lower()
    if len(files) > 1:
        page.titles = [_post_title(f) for f in files]
    align(page)
    return page


def _post_title(post: Path) -> str:
    text = post.read_text(encoding="utf-8")
    return structural_post(text, markdown_items(text), post.name, 0).title


def pieces_of(files: list[Path]) -> list[Piece]:
    """The pieces of a page's files, as the reader makes them."""
    form = "post" if len(files) > 1 else ""
    found: list[Piece] = []
    for number, file in enumerate(files):
        items, own = items_of(file)
        found += page_pieces(items, form or own, number)
    return found


def made_pages() -> list[Page]:
    """The made-up pages of `course_pages/`, labelled by the marks within them."""
    found = []
    for path, marked in marked_pages.pages():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_text(marked.text, encoding="utf-8")
            items, form = items_of(copy)
        page = Page(path.name, marked.sessions, page_pieces(items, form), path.name)
        page.form = path.suffix
        align(page)
        found.append(page)
    return found


_MENUS = (
    ("Home", "Teaching", "Research", "Publications", "Contact"),
    ("About", "People", "News", "Events"),
    ("Overview", "Schedule", "Assignments", "Policies", "Resources"),
    ("Start", "Lehre", "Forschung", "Team", "Kontakt"),
    ("Accueil", "Enseignement", "Recherche", "Contact"),
    ("Inicio", "Docencia", "Publicaciones", "Contacto"),
)
_FEET = (
    '<footer><p>© 2023 Department. <a href="/privacy">Privacy</a> |'
    ' <a href="/imprint">Imprint</a></p></footer>',
    "<footer><p>Last updated May 2, 2024. Powered by"
    ' <a href="https://jekyllrb.com">Jekyll</a>.</p></footer>',
    "",
)


def dressed_pages(seed: int = 4) -> list[Page]:
    """The made-up pages in another form: Markdown in a site's frame, HTML as a DOCX."""
    import pypandoc

    rng, found = random.Random(seed), []
    for path, marked in marked_pages.pages():
        if path.suffix in {".md", ".qmd"}:
            items, form = html_items(_framed(_html(marked.text), path.stem, rng)), "html"
        elif path.suffix == ".html":
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "page.docx"
                pypandoc.convert_text(
                    marked.text,
                    "docx",
                    "html",
                    outputfile=str(file),
                    extra_args=["--sandbox", "--quiet"],  # its images need not be there
                )
                items, form = items_of(file)
        else:
            continue
        found.append(Page(path.name, marked.sessions, page_pieces(items, form), path.name))
        align(found[-1])
    return found


def _framed(page: str, title: str, rng: random.Random) -> str:
    """A page with a menu, perhaps one at its side, and a foot."""
    top, side = (
        "".join(f'<li><a href="/{word.lower()}/">{word}</a></li>' for word in rng.choice(_MENUS))
        for _ in range(2)
    )
    aside = f"<aside><ul>{side}</ul></aside>" if rng.random() < 0.4 else ""
    head = f'<header><a href="/">{title}</a><nav><ul>{top}</ul></nav></header>'
    body = page.removeprefix("<html><body>").removesuffix("</body></html>")
    return f"<html><body>{head}{aside}<main>{body}</main>{rng.choice(_FEET)}</body></html>"


def course_pages(shared: Path) -> list[Page]:
    """The shared course in its forms, and in the styles of `syllabus_styles`."""
    from syllabus_styles import INVENTED, STYLES, Day, Work, key_of

    found = []
    for name, file in (
        ("text", "lectures-by-date.txt"),
        ("site", "site/LecturesByDate/index.html"),
    ):
        key = json.loads(
            (shared / f"gold/readings-{'text' if name == 'text' else 'markdown'}.json").read_text()
        )
        items, form = items_of(shared / "course" / file)
        found.append(Page(f"course-{name}", _key(key), page_pieces(items, form)))
    key = json.loads((shared / "gold/readings-markdown.json").read_text())
    posts = sorted((shared / "course/posts").glob("*.md"), key=_natural)
    for html_form in (False, True):
        pieces: list[Piece] = []
        for number, post in enumerate(posts):
            text = post.read_text(encoding="utf-8")
            items = html_items(_html(text)) if html_form else markdown_items(text)
            pieces += page_pieces(items, "post", number)
        found.append(Page("course-posts", _key(key), pieces))
    abstracts = [work.abstract for day in INVENTED for work in day.works if work.abstract]
    rng = random.Random(2)
    real = tuple(
        Day(
            s["number"],
            s["title"],
            tuple(
                Work(
                    r["title"],
                    tuple(r["urls"]),
                    r["section"],
                    r["authors"],
                    rng.choice(abstracts) if r["has_abstract"] else None,
                )
                for r in s["readings"]
                if r["title"] or r["urls"]
            ),
        )
        for s in key[::4]
    )
    for days in (INVENTED, real):
        for style in STYLES.values():
            page = style.page(days)
            due = _key(key_of(style.due(days)))
            texts = (
                list(page.pages.values()) if style.form == "folder" or page.pages else [page.text]
            )
            form = "post" if len(texts) > 1 else style.form
            pieces = []
            for number, text in enumerate(texts):
                own = (
                    html_items(text)
                    if style.form == "html"
                    else text_items(text)
                    if style.form == "text"
                    else markdown_items(text)
                )
                pieces += page_pieces(own, form, number)
            found.append(Page(f"style-{style.name}", due, pieces))
    tests = Path(__file__).parents[1] / "tests/syllabus/pages"
    for name, value in json.loads((tests / "keys.json").read_text(encoding="utf-8")).items():
        items, form = items_of(tests / name)
        names = ("section", "title", "urls", "authors")
        sessions = [
            {
                **s,
                "readings": [
                    dict(zip(names, [r[0], r[1], r[2].split(), r[3]], strict=True))
                    for r in s["readings"]
                ],
            }
            for s in value["sessions"]
        ]
        found.append(Page(f"test-{name}", _key(sessions), page_pieces(items, form)))
    for page in found:
        align(page)
    return found


def _natural(path: Path) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def _html(text: str) -> str:
    from markdown_it import MarkdownIt

    body = re.sub(r"\A---.*?\n---\n", "", text, flags=re.S)
    render = MarkdownIt("commonmark", {"html": True}).enable("table").render
    return f"<html><body>{render(body)}</body></html>"


def _key(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "number": s["number"],
            "title": s["title"],
            "date": None,
            "readings": [
                {
                    **r,
                    "authors": re.split(r",\s*|\s+and\s+", r["authors"])
                    if r.get("authors")
                    else [],
                }
                for r in s["readings"]
            ],
        }
        for s in sessions
    ]


def random_pages(pages: list[Page], count: int, seed: int = 5) -> list[Page]:
    """The pages' courses in random clothes, `count` for each."""
    from syllabus_random import write_page

    rng = random.Random(seed)
    pool = [
        a
        for p in pages
        for s in p.sessions
        for r in s["readings"]
        for a in r.get("authors") or []
        if a
    ]
    found = []
    for page in pages:
        noise = [
            piece.text
            for piece, label in zip(page.pieces, page.labels, strict=True)
            if label == 0 and 15 < len(piece.text) < 500 and not piece.item.links
        ]
        for order in range(count):
            sessions = [s for s in page.sessions if s["readings"] or rng.random() < 0.4]
            if order:
                rng.shuffle(sessions)
            sessions = sessions[: rng.choice([4, 6, 9, 14])]
            if any(s["readings"] for s in sessions):
                text, key = write_page(sessions, noise, pool, rng)
                as_html = rng.random() < 0.35
                items = html_items(_html(text)) if as_html else markdown_items(text)
                found.append(
                    Page(
                        page.name,
                        key,
                        page_pieces(items, "html" if as_html else "markdown"),
                        page.course,
                    )
                )
                align(found[-1])
    return found


def items_of(path: Path) -> tuple[Any, str]:
    """The blocks of a file, and the name of its form."""
    if path.suffix in {".docx", ".pdf", *PANDOC}:
        return office_items(path), "html" if path.suffix in PANDOC else path.suffix[1:]
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        return html_items(text), "html"
    return (
        (text_items(text), "text") if path.suffix == ".txt" else (markdown_items(text), "markdown")
    )


# ---------------------------------------------------------------- learning


@dataclass
class Data:
    """What one page has to teach."""

    page: Page
    rows: np.ndarray
    weight: float = 1.0
    span_rows: list[np.ndarray] = field(default_factory=list)
    is_title: list[np.ndarray] = field(default_factory=list)
    is_author: list[np.ndarray] = field(default_factory=list)
    names_authors: list[bool] = field(default_factory=list)
    """Whether a reading has to teach how authors stand: not if a random page calls it by them."""
    kept: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    """Rows to learn from: of long notes after a reading list, one in twelve."""
    sections: list[list[float]] = field(default_factory=list)
    is_more: list[bool] = field(default_factory=list)


def data_of(page: Page, weight: float = 1.0, most: int = 10**9) -> Data:
    """The rows and labels of a page; of its readings' insides at most `most`, and with 0 none."""
    parts = files_of(page)
    data = Data(page, np.vstack([features(page.pieces[part]) for part in parts]), weight)
    data.kept = np.concatenate([np.arange(p.stop - p.start) for p in parts])
    data.kept = (data.kept < 100) | (np.arange(len(data.kept)) % 12 == 0) | (len(parts) < 2)
    for part in parts:
        pieces, labels = page.pieces[part], page.labels[part].tolist()
        for meeting in meetings_of(pieces, labels, [1.0] * len(pieces)):
            for entry in meeting.entries:
                reading = page.starts.get(part.start + entry.first)
                if most and reading is not None:
                    row = section_features(entry.pieces, entry.first, pieces, labels, meeting.first)
                    data.sections.append(row)
                    data.is_more.append(reading[1]["section"] == "more")
                    if len(data.span_rows) < most:
                        _span_data(data, entry.pieces, reading[1])
    return data


def files_of(page: Page) -> list[slice]:
    """Where each of a page's files lies among its pieces."""
    files = [piece.file for piece in page.pieces]
    return [slice(files.index(n), len(files) - files[::-1].index(n)) for n in sorted(set(files))]


def _span_data(data: Data, pieces: list[Piece], reading: dict[str, Any]) -> None:
    runs = runs_of(pieces)
    spans = spans_of(runs)
    if not spans or not reading.get("title"):
        return
    main = fold(reading["title"])
    others = {fold(name) for name in reading.get("alt_titles") or [] if name}
    folded = [fold(span.text) for span in spans]
    good = np.array([text == main for text in folded])
    if not good.any():
        good = np.array([text in others for text in folded])
    if not good.any():
        good = np.array([bool(text) and fuzz.ratio(text, main) >= 95 for text in folded])
    names = [fold(name) for name in reading.get("authors") or [] if fold(name)]
    author = np.zeros(len(spans), bool)
    able = [
        n
        for n, text in enumerate(folded)
        if names and all(name.split()[-1] in text.split() for name in names)
    ]
    if able:
        likeness = {n: fuzz.token_sort_ratio(folded[n], " ".join(names)) for n in able}
        best = max(likeness.values())
        author[[n for n in able if likeness[n] >= best - 3]] = True
    data.span_rows.append(span_features(runs, spans))
    data.is_title.append(good)
    data.is_author.append(author)
    called = set(main.split()) <= {word for name in names for word in name.split()} | _YEARS
    data.names_authors.append(bool(data.page.form) or not called)


_YEARS = {"et", "al", *map(str, range(1970, 2025))}
"""What a random page's title by authors holds beside their names."""
_TREES: dict[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 2,
    "verbose": -1,
    "num_threads": 1,
    "max_bin": 31,
}


def forest(
    rows: Any,
    labels: Any,
    count: int,
    classes: int,
    weight: Any = None,
    mean: bool = False,
    group: Any = None,
    **more: Any,
) -> dict[str, np.ndarray]:
    """A trained forest in arrays; of several seeds the trees add up, or their mean counts.

    Args:
        group: how many rows on end are ranked among each other.
    """
    import lightgbm

    kind = (
        {"objective": "multiclass", "num_class": classes}
        if classes > 1
        else {"objective": "binary"}
    )
    dataset = lightgbm.Dataset(
        np.vstack(rows), np.concatenate(labels).astype(float), weight=weight, group=group
    )
    options = {**_TREES, **kind, **more}
    seeds = options.pop("seeds", [1])
    trees = [
        lightgbm.train({**options, "seed": seed}, dataset, count).dump_model()["tree_info"]
        for seed in seeds
    ]
    arrays = flat({"tree_info": [tree for each in trees for tree in each]}, classes)
    # half of a value's digits say nothing, and would be most of the file
    values = arrays["values"] / (len(seeds) if mean else 1)
    arrays["values"] = values.astype(np.float16)
    return arrays


_STEPS = 0.42
"""How much it counts how likely a label follows another: the second forest knows most of it. It and
`context._SECOND` were chosen among sixteen pairs by the labels of pages left out, before the pages
whose names begin with "r" were there."""


def label_arrays(data: list[Data], trees: int) -> dict[str, np.ndarray]:
    """The forest that says what pieces are, and how likely a label follows another."""
    own = forest(
        [d.rows[d.kept] for d in data],
        [d.page.labels[d.kept] for d in data],
        trees,
        6,
        np.concatenate([np.full(d.kept.sum(), d.weight) for d in data]),
        mean=True,
        seeds=[5, 6, 7, 8],  # one alone reads now this, now that generated style badly
        learning_rate=0.15,
        feature_fraction=0.3,
        bagging_fraction=0.7,
        lambda_l2=3,
    )
    steps = np.full((6, 6), 0.5)
    for d in data:
        np.add.at(steps, (d.page.labels[:-1], d.page.labels[1:]), d.weight)
    chance = steps / steps.sum(1, keepdims=True) / (steps.sum(0) / steps.sum())
    return {
        **{f"labels.{part}": value for part, value in own.items()},
        "steps": (_STEPS * np.log(chance)).astype(np.float32),
    }


def context_arrays(
    data: list[Data], seen: dict[int, np.ndarray], trees: int
) -> dict[str, np.ndarray]:
    """The forest that says what pieces are among what others were taken for.

    Args:
        seen: by a page's `id`, what a first forest says of it that has not seen it.
    """
    own = forest(
        [_in_context(d, seen[id(d)])[d.kept] for d in data],
        [d.page.labels[d.kept] for d in data],
        trees,
        6,
        np.concatenate([np.full(d.kept.sum(), d.weight) for d in data]),
        mean=True,
        seeds=[5, 6],
        bagging_fraction=0.7,
        lambda_l2=3,
    )
    return {f"context.{part}": value for part, value in own.items()}


def _in_context(data: Data, probabilities: np.ndarray) -> np.ndarray:
    pieces = data.page.pieces
    return np.vstack(
        [
            context_features(pieces[part], data.rows[part], probabilities[part])
            for part in files_of(data.page)
        ]
    )


def forest_of(arrays: dict[str, np.ndarray], name: str) -> Forest:
    """One of the forests with several classes."""
    return Forest(**{part: arrays[f"{name}.{part}"] for part in PARTS}, classes=6)


def inside_arrays(data: list[Data]) -> dict[str, np.ndarray]:
    """The forests that find title, authors and section of a reading."""
    span_rows = [rows for d in data for rows in d.span_rows]
    learned = [
        (rows, good)
        for d in data
        for rows, good, ok in zip(d.span_rows, d.is_author, d.names_authors, strict=True)
        if ok
    ]
    naming = tuple(zip(*learned, strict=True))
    section_rows = np.array([row for d in data for row in d.sections], np.float32)
    forests = {
        "title": forest(span_rows, [y for d in data for y in d.is_title], 110, 1),
        "authors": forest(*naming, 90, 1),
        "section": forest(
            [section_rows],
            [[m for d in data for m in d.is_more]],
            60,
            1,
            num_leaves=7,
            learning_rate=0.07,
        ),
    }
    return {f"{name}.{part}": value for name, own in forests.items() for part, value in own.items()}


@dataclass
class Choice:
    """The series that may part a page, and how well each does."""

    data: Data
    rows: np.ndarray
    right: np.ndarray


def choices_of(data: Data, said: np.ndarray, steps: np.ndarray) -> list[Choice]:
    """What a page has to teach of series, as forests read it that have not seen it.

    A file of several is a page of one session, in which no series is looked for.
    """
    pieces = data.page.pieces
    if len(files_of(data.page)) > 1:
        return []
    every = candidates(pieces, said, decoded(np.log(said + 1e-6), pieces, steps))
    able = unmixed(every, pieces)
    right = np.array([_right(every[n], data.page) for n in able])
    rows = series_features(every, pieces, said)[able]
    return [Choice(data, rows, right)] if len(able) > 1 else []


def _right(one: Series, page: Page) -> float:
    """How rightly a series parts a page: its F1, and the share of readings in their session.

    Where a page has one session or none, the F1 is how nearly it parts nothing.
    """
    pieces = page.pieces
    gold = {place(pieces[n]) for n in np.flatnonzero(page.labels == SESSION)}
    found = {place(pieces[n]) for n in one}
    alike = 2 * len(gold & found) / max(1, len(gold) + len(found))
    if len(gold) < 2:
        alike = 1 / (1 + abs(len(found) - len(gold)))
    if not page.starts:
        return alike
    first: dict[tuple[int, ...], int] = {}
    for n, piece in enumerate(pieces):
        first.setdefault(place(piece), n)
    begins = sorted(first[own] for own in found)
    given = np.searchsorted(begins, list(page.starts), side="right")
    begun = set(one)
    end = sessions_end(pieces, [SESSION if n in begun else 0 for n in range(len(pieces))])
    given = np.where(np.array(list(page.starts)) < end, given, 0).tolist()
    due = [session for session, _ in page.starts.values()]
    same: dict[int, int] = {}
    kept = 0
    for (session, own), count in Counter(zip(due, given, strict=True)).most_common():
        if session not in same and own not in same.values():
            same[session] = own
            kept += count
    return (alike + kept / len(due)) / 2


_GRADES = 10
"""The grade of a series that parts its page rightly, where series are ranked."""


def series_arrays(choices: list[Choice]) -> dict[str, np.ndarray]:
    """The forest that says which series of pieces begins the sessions.

    Half of its trees say how much better a series does than the mean of its page's, half rank
    them: how well they do on other pages is of no matter, and either half alone errs elsewhere.
    """
    rows = [c.rows for c in choices]
    options: dict[str, Any] = {
        "seeds": [1, 2, 3, 4, 5, 6, 7, 8],  # with fewer, the best hangs on the seed on many pages
        "learning_rate": 0.06,
        "num_leaves": 7,
        "min_data_in_leaf": 8,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.6,
        "max_bin": 63,
    }
    better = [c.right - c.right.mean() for c in choices]
    grades = [np.round(_GRADES * c.right) for c in choices]
    sizes = [len(c.right) for c in choices]
    options["weight"] = np.repeat([c.data.weight for c in choices], sizes)  # as of the labels
    own = _added(
        forest(rows, better, 60, 1, objective="regression", **options),
        forest(rows, grades, 60, 1, group=sizes, objective="rank_xendcg", **options),
        np.vstack(rows),
    )
    return {f"series.{part}": value for part, value in own.items()}


def _added(
    one: dict[str, np.ndarray], two: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Two forests as one that adds their scores up, which vary equally over some rows."""
    forests = [Forest(**{part: own[part] for part in PARTS}, classes=1) for own in (one, two)]
    spread = [own.scores(rows)[:, 0].std() for own in forests]
    values = (two["values"].astype(np.float32) * (spread[0] / spread[1])).astype(np.float16)
    two = {**two, "values": values, "roots": two["roots"] + np.int32(len(one["feature"]))}
    joint = {part: np.concatenate([one[part], two[part]]) for part in PARTS}
    return {**joint, "classes": one["classes"]}


@dataclass
class Found:
    """A row for each entry that was found on a page, and whether it is a reading of its key."""

    data: Data
    rows: np.ndarray
    right: np.ndarray


def found_of(data: Data, said: np.ndarray, model: Model) -> Found:
    """What a page has to teach of whole entries, as forests read it that have not seen it."""
    rows, read = [], []
    for part in files_of(data.page):
        pieces = data.page.pieces[part]
        meetings = found_in(pieces, said[part], model)
        if any(meeting.entries for meeting in meetings):
            rows.append(entry_features(meetings, pieces, said[part]))
        entries = [entry for meeting in meetings for entry in meeting.entries]
        read += _fields(_readings(entries, pieces))
    right = np.array([order is not None for order in _in_key(data.page, read)], bool)
    return Found(data, np.vstack(rows) if rows else np.zeros((0, 0), np.float32), right)


def _in_key(page: Page, read: list[dict[str, Any]]) -> list[int | None]:
    """Which reading of its key each reading that was found on a page is, as `score.py` says it."""
    due = [reading for session in page.sessions for reading in session["readings"]]
    likeness = score_module().likeness
    count = Counter(url for reading in due for url in set(reading.get("urls") or []))
    own = {url for url, pages in count.items() if pages == 1}
    pairs = [
        (likeness(a, b, own) - 0.001 * abs(m / len(due) - n / len(read)), m, n)
        for m, a in enumerate(due)
        for n, b in enumerate(read)
    ]
    found: list[int | None] = [None] * len(read)
    for like, m, n in sorted(pairs, reverse=True):
        if like >= 80 and m not in found and found[n] is None:
            found[n] = m
    return found


def whole_arrays(found: list[Found]) -> dict[str, np.ndarray]:
    """The forest that says whether what was found is a reading."""
    able = [one for one in found if len(one.rows)]
    own = forest(
        [one.rows for one in able],
        [one.right for one in able],
        80,
        1,
        np.concatenate([np.full(len(one.rows), one.data.weight) for one in able]),
        mean=True,
        seeds=[1, 2],
        learning_rate=0.08,
        num_leaves=7,
        feature_fraction=0.3,
        bagging_fraction=0.7,
        lambda_l2=3,
    )
    return {f"whole.{part}": value for part, value in own.items()}


def untrained(name: str) -> dict[str, np.ndarray]:
    """A forest without trees, for a model of which that forest is not asked."""
    none = flat({"tree_info": [{"tree_structure": {"leaf_value": 0.0}}]}, 1)
    return {f"{name}.{part}": value for part, value in none.items()}


def in_parts(data: list[Data], count: int) -> dict[str, int]:
    """Which of `count` parts each page is left out with."""
    first: dict[str, str] = {}
    for name, course in sorted((d.page.name, d.page.course) for d in data):
        first.setdefault(course, name)
    order = np.random.RandomState(3).permutation(len(first))
    part = {sorted(first.values())[n]: at % count for at, n in enumerate(order)}
    return {d.page.name: part[first[d.page.course]] for d in data}


# ---------------------------------------------------------------- measuring


def read_with(model: Any, data: Data) -> list[dict[str, Any]]:
    """The sessions that a model reads from a page, in the form of the keys."""
    page, found = data.page, []
    parts = files_of(page)
    for number, part in enumerate(parts):
        pieces = page.pieces[part]
        meetings = read_pieces(pieces, model, data.rows[part])
        if len(parts) > 1:
            entries = [entry for meeting in meetings for entry in meeting.entries]
            title = page.titles[number] if number < len(page.titles) else ""
            found.append({"title": title, "readings": _fields(_readings(entries, pieces))})
            continue
        parted = any(meeting.heads for meeting in meetings)
        for meeting in meetings:
            readings = _readings(meeting.entries, pieces)
            title = session_name(meeting.heads, readings) if parted else ""
            found.append({"title": title, "readings": _fields(readings)})
    return found


def found_on(model: Model, data: Data, said: np.ndarray) -> list[dict[str, Any]]:
    """Every entry that a model finds on a page, those that it drops in the end included, with how
    sure it is of each and of its titles, what stands around it, and what the key says of it."""
    out = []
    due = [reading for session in data.page.sessions for reading in session["readings"]]
    for part in files_of(data.page):
        pieces = data.page.pieces[part]
        meetings = found_in(pieces, said[part], model)
        entries = [(meeting, entry) for meeting in meetings for entry in meeting.entries]
        if not entries:
            continue
        rows = entry_features(meetings, pieces, said[part])
        sure = model.whole.probabilities(rows)[:, 0].tolist()
        read = _readings([entry for _, entry in entries], pieces)
        keys = _in_key(data.page, _fields(read))
        for (meeting, entry), own, reading, key in zip(entries, sure, read, keys, strict=True):
            end = entry.first + len(entry.pieces)
            out.append(
                {
                    "page": data.page.name,
                    "session": " – ".join(piece.text for piece in meeting.heads),
                    "text": " ".join(piece.text for piece in entry.pieces),
                    "before": [p.text for p in pieces[max(0, entry.first - 4) : entry.first]],
                    "after": [piece.text for piece in pieces[end : end + 3]],
                    "sure": own,
                    "title": reading.title,
                    "title_sure": entry.title_sure,
                    "right": key is not None,
                    "titles": key is not None
                    and [due[key].get("title"), *(due[key].get("alt_titles") or [])],
                }
            )
    return out


def _readings(entries: Sequence[Entry], pieces: Sequence[Piece]) -> list[Reading]:
    return [entry_reading(entry, pieces)[0] for entry in entries]


def _fields(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    return [
        {"title": r.title, "section": r.section, "urls": list(r.urls), "authors": r.authors}
        for r in readings
    ]


@functools.cache
def score_module() -> Any:
    """`score.py` of the labelled pages."""
    spec = importlib.util.spec_from_file_location("score", SHARED / "pages/score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scored(
    read: list[tuple[Page, list[dict[str, Any]]]],
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What `score.py` of the labelled pages says of each page, and its sums."""
    module = score_module()
    sums: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for page, got in read:
        out, missed, invented, wrong = module.score(page.sessions, got)
        sums.update(out)

        def rate(a: str, b: str, none: float | None = None, out: Any = out) -> float | None:
            return out[a] / out[b] if out[b] else none

        given = out["found"] + out["invented"]
        rows.append(
            {
                "page": page.name,
                "form": page.form,
                "recall": rate("found", "need", 1.0),
                "precision": out["found"] / given if given else float(not out["need"]),
                **{
                    name: rate(name, "found", 0.0 if out["need"] else None)
                    for name in ("title", "session", "section", "links")
                },
                "authors": rate("authors", "with_authors"),
                "session_titles": rate("session_titles", "titled"),
                "counts": (
                    len(got),
                    len(page.sessions),
                    out["need"],
                    out["found"],
                    out["invented"],
                ),
                "faults": (missed, invented, wrong),
            }
        )
    return rows, sums


def by_form(read: list[tuple[Page, list[dict[str, Any]]]]) -> None:
    """Print how well pages of each form are read."""
    rows, _ = scored(read)
    names = ("recall", "precision", "title", "session")
    print("form        pages", *(f"{name:>9}" for name in names))
    for form, count in Counter(row["form"] for row in rows).most_common():
        own = [row for row in rows if row["form"] == form]
        means = [np.mean([row[n] for row in own if row[n] is not None]) for n in names]
        print(f"{form:12}{count:5}", *(f"{mean:9.2f}" for mean in means))


def figures(read: list[tuple[Page, list[dict[str, Any]]]], verbose: int = 0) -> None:
    """Print the means over pages, with intervals."""
    rows, sums = scored(read)
    names = [name for name in rows[0] if name not in {"page", "form", "counts", "faults"}]
    for row in sorted(rows, key=lambda r: r["recall"] + r["precision"]):
        if verbose:
            print(
                f"{row['page'][:28]:28} {row['counts']}",
                *(f"{row[n]:.2f}" if row[n] is not None else " -  " for n in names),
            )
            for kind, faults in zip(("missed", "invented", "title"), row["faults"], strict=True):
                for fault in faults[:verbose]:
                    print(f"      {kind[:4]} {str(fault)[:150]}")
    for name in names:
        values = np.array([r[name] for r in rows if r[name] is not None])
        draws = np.random.RandomState(0).choice(values, (2000, len(values))).mean(1)
        low, high = np.percentile(draws, [2.5, 97.5])
        print(f"{name:16}{values.mean():.3f} [{low:.3f}, {high:.3f}]  n = {len(values)} pages")
    perfect = sum(r["recall"] >= 0.95 and r["precision"] >= 0.95 for r in rows)
    print(f"pages {len(rows)}, with recall and precision of at least .95: {perfect}")
    print("sums", dict(sums))


def _parted(data: list[Data], part: dict[str, int], number: int) -> tuple[list[Data], list[Data]]:
    """The pages that are left out with a part, and all others."""
    left = [d for d in data if part[d.page.name] == number]
    return left, [d for d in data if part[d.page.name] != number]


_work: Callable[[int], Any] | None = None
"""What the processes of `in_turn` do, which they get with the memory that they share."""


def in_turn(
    work: Callable[[int], Any], count: int, jobs: int, kept: Path | None = None
) -> list[Any]:
    """What a piece of work gives for each part, done by so many processes.

    Args:
        kept: a folder for what each part gives, from where a later run takes it.
    """
    global _work
    _work = work if kept is None else functools.partial(_once, work, kept)
    if jobs < 2:
        return [_work(number) for number in range(count)]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return pool.map(_work_on, range(count), 1)


def _work_on(number: int) -> Any:
    assert _work is not None
    found = _work(number)
    print(f"part {number + 1}", flush=True)
    return found


def _once(work: Callable[[int], Any], folder: Path, number: int) -> Any:
    """What a piece of work gives for a part, or gave in a run that was broken off."""
    file = folder / f"{number}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())
    found = work(number)
    folder.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".part").write_bytes(pickle.dumps(found))
    file.with_suffix(".part").replace(file)
    return found


def fingerprint(options: argparse.Namespace) -> str:
    """Digits that are others whenever anything is that the forests are learned from or by."""
    own = Path(__file__).parent
    files = [
        *(path for path in Path(seminar_rag.__file__).parent.rglob("*") if path.suffix in _CODE),
        *own.glob("*.py"),
        *(own / "course_pages").rglob("*"),
        *(own.parent / "tests/syllabus/pages").rglob("*"),
        *(path for name in ("pages", "course", "gold") for path in (SHARED / name).rglob("*")),
    ]
    said = hashlib.sha256(
        repr([options.folds, options.random, options.weight, options.made]).encode()
        + repr([options.dressed, options.trees, version("lightgbm"), version("numpy")]).encode()
    )
    for file in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        said.update(f"{file.name} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return said.hexdigest()[:16]


_CODE = {".py", ".toml"}


def main() -> None:
    """Train; measure on courses left out, or write the weights of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=8, help="leave out courses in so many parts")
    parser.add_argument("--measure", action="store_true", help="measure on the courses left out")
    parser.add_argument("--random", type=int, default=5, help="random styles for each page")
    parser.add_argument(
        "--weight", type=float, default=0.3, help="weight of pages in random styles"
    )
    parser.add_argument("--made", type=float, default=0.25, help="weight of the made-up pages")
    parser.add_argument(
        "--dressed", type=float, default=0.12, help="weight of the made-up pages in another form"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes that train parts")
    parser.add_argument("--keep", type=Path, help="a folder from which a broken-off run goes on")
    parser.add_argument(
        "--entries", type=Path, help="with --measure: a file for all entries found, as JSON lines"
    )
    parser.add_argument("--write", action="store_true", help="train on all and write the weights")
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--trees", type=int, default=60)
    options = parser.parse_args()
    kept = options.keep / fingerprint(options) if options.keep else None

    def parts_of(step: str, work: Callable[[int], Any], count: int = options.folds) -> list[Any]:
        return in_turn(work, count, options.jobs, kept / step if kept else None)

    pages = [
        load(folder)
        for folder in sorted((SHARED / "pages").iterdir())
        if (folder / "key.json").exists()
    ]
    real = [data_of(page) for page in pages]
    made = [data_of(page, options.made) for page in made_pages()]
    own = [*real, *made]
    clothed = [data_of(page, options.weight, 10) for page in random_pages(pages, options.random)]
    dressed = [data_of(page, options.dressed, 0) for page in dressed_pages()]
    every = [*own, *clothed, *dressed]
    judged = {id(d) for d in own}
    part = {**in_parts(real, options.folds), **in_parts(made, options.folds)}

    def first_of(number: int) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
        left, others = _parted(every, part, number)
        arrays = label_arrays(others, options.trees)
        forest = forest_of(arrays, "labels")
        return arrays, [forest.probabilities(d.rows) for d in left]

    labels: list[dict[str, np.ndarray]] = []
    alone: dict[int, np.ndarray] = {}
    for number, (arrays, said) in enumerate(parts_of("labels", first_of)):
        labels.append(arrays)
        alone |= {id(d): p for d, p in zip(_parted(every, part, number)[0], said, strict=True)}

    def second_of(number: int) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
        left, others = _parted(every, part, number)
        arrays = context_arrays(others, alone, options.trees)
        forest, able = forest_of(arrays, "context"), [d for d in left if id(d) in judged]
        return arrays, [forest.probabilities(_in_context(d, alone[id(d)])) for d in able]

    choices: list[Choice] = []
    likely: dict[int, np.ndarray] = {}
    for number, (arrays, said) in enumerate(parts_of("context", second_of)):
        labels[number] |= arrays
        able = [d for d in _parted(every, part, number)[0] if id(d) in judged]
        for d, p in zip(able, said, strict=True):
            likely[id(d)] = joined(alone[id(d)], p)
            choices += choices_of(d, likely[id(d)], labels[number]["steps"])

    def third_of(number: int) -> tuple[dict[str, np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
        left, others = _parted(every, part, number)
        inside = inside_arrays(others)
        other_choices = [c for c in choices if part[c.data.page.name] != number]
        arrays = {**labels[number], **inside, **series_arrays(other_choices)}
        model = model_of({**arrays, **untrained("whole")})
        found = [found_of(d, likely[id(d)], model) for d in left if id(d) in judged]
        return arrays, [(one.rows, one.right) for one in found]

    whole: list[Found] = []
    for number, (arrays, rows) in enumerate(parts_of("found", third_of)):
        labels[number] = arrays
        able = [d for d in _parted(every, part, number)[0] if id(d) in judged]
        whole += [Found(d, *one) for d, one in zip(able, rows, strict=True)]
    if options.write:
        course = [data_of(page) for page in course_pages(SHARED)]
        seen = [*every, *course]
        forests: tuple[Callable[[], dict[str, np.ndarray]], ...] = (
            lambda: label_arrays(seen, options.trees),
            lambda: context_arrays(every, alone, options.trees),
            lambda: inside_arrays(seen),
            lambda: series_arrays(choices),
            lambda: whole_arrays(whole),
        )
        arrays = {}
        for own_arrays in parts_of("all", lambda number: forests[number](), len(forests)):
            arrays |= own_arrays
        np.savez_compressed(WEIGHTS, **arrays)
        model = model_of(arrays)
        figures([(d.page, read_with(model, d)) for d in real])
        figures([(d.page, read_with(model, d)) for d in course])
        sys.stdout.flush()
    if options.measure:

        def model_without(number: int) -> Model:
            others = [one for one in whole if part[one.data.page.name] != number]
            return model_of({**labels[number], **whole_arrays(others)})

        def read_of(number: int) -> list[list[dict[str, Any]]]:
            model, (left, _) = model_without(number), _parted(every, part, number)
            return [read_with(model, d) for d in left if id(d) in judged]

        if options.entries:
            with options.entries.open("w", encoding="utf-8") as file:
                for number in range(options.folds):
                    model = model_without(number)
                    for d in _parted(real, part, number)[0]:
                        for one in found_on(model, d, likely[id(d)]):
                            file.write(f"{json.dumps(one)}\n")

        read = []
        for number, found in enumerate(parts_of("read", read_of)):
            able = [d for d in _parted(every, part, number)[0] if id(d) in judged]
            read += [(d.page, one) for d, one in zip(able, found, strict=True)]
        figures([one for one in read if one[0].course != one[0].name], options.verbose)
        print("made-up pages, left out likewise:")
        figures([one for one in read if one[0].course == one[0].name], options.verbose)
        by_form(read)


if __name__ == "__main__":
    main()
