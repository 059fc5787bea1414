"""References of every kind of work, made up, for `train_kinds.py` beside the labelled pages.

Their titles and authors are those of the labelled readings that it may see; containers, publishers,
addresses and how a style puts them in a row are drawn here. Every draw is repeatable.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seminar_rag.types import WorkKind


def _parts() -> dict[str, list[str]]:
    """The lists of `made_references.txt`, by their headings."""
    found: dict[str, list[str]] = {}
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    for line in (one for one in text.splitlines() if one and not one.startswith("#")):
        if line.startswith("["):
            own = found.setdefault(line.strip("[]"), [])
        else:
            own.append(line)
    return found


PARTS = _parts()


@dataclass
class Made:
    """A reference in its parts, as `kinds.clues` takes them."""

    kind: WorkKind
    title: str
    authors: str = ""
    before: str = ""
    after: str = ""
    urls: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


def references(
    titles: dict[str, Sequence[str]], names: Sequence[str], count: int, seed: int = 1
) -> Iterator[Made]:
    """So many references of each kind.

    Args:
        titles: by kind, to draw from; of a chapter or an article, those of papers do as well.
        names: of persons.
    """
    draw = random.Random(seed)
    for kind, make in _MAKE.items():
        own = titles.get(kind) or titles["paper"]
        for _ in range(count):
            one = make(draw, draw.choice(own))
            if draw.random() < 0.75:
                who = draw.sample(names, min(len(names), draw.choice((1, 1, 2, 3))))
                one.authors = ", ".join(who)
                year = f" ({draw.randint(1950, 2023)})" if draw.random() < 0.6 else ""
                if draw.random() < 0.75:
                    one.before = f"{one.authors}{year}{draw.choice(('. ', ', ', ': ', ' '))}"
                elif kind not in ("video", "podcast"):
                    one.after = f" by {one.authors}{one.after}"
            yield one


def _filled(draw: random.Random, form: str, title: str) -> str:
    word = re.sub(r"\W+", "-", title.lower()).strip("-")[:40] or "on"
    lab, end = draw.choice(("lab", "", "group", "project")), draw.choice(PARTS["endings"])
    return form.format(
        f=draw.choice(PARTS["fields"]),
        n=draw.choice(PARTS["nouns"]),
        k=draw.randint(2, 400),
        y=draw.randint(1980, 2023),
        yy=draw.randint(10, 23),
        a=draw.choice(PARTS["short"]),
        d=draw.randint(100000, 99999999),
        t=word,
        s=word.split("-")[0],
        w=title.split(":")[0].replace(" ", "_"),
        h=f"{draw.choice(PARTS['nouns']).lower()}{lab}.{end}",
    )


def _at(draw: random.Random, forms: Sequence[str], title: str, share: float) -> list[str]:
    given = draw.random() < share
    return [f"https://{_filled(draw, draw.choice(forms), title)}"] if given else []


def _pages(draw: random.Random, lead: str = "pp. ") -> str:
    first = draw.randint(1, 600)
    last = first + draw.randint(3, 40)
    return f"{lead if draw.random() < 0.6 else ''}{first}{draw.choice('-–')}{last}"


def _set(draw: random.Random, own: str, container: bool) -> list[str]:
    """How title and container are set: titles of books in italics, others in quotation marks."""
    marks = []
    if own == "i" and draw.random() < 0.5:
        marks.append("i in")
    if own == "q" and draw.random() < 0.5:
        marks.append("quoted")
    if container and draw.random() < 0.5:
        marks.append("i after")
    return marks + (["linked"] if draw.random() < 0.4 else [])


def _paper(draw: random.Random, title: str) -> Made:
    after, year = "", draw.randint(1950, 2023)
    if draw.random() < 0.75:
        where = _filled(draw, draw.choice(PARTS["journals"]), title)
        volume, issue = draw.randint(1, 90), draw.randint(1, 12)
        numbers = draw.choice(
            (
                f" {volume}({issue})",
                f", {volume}",
                f" {volume}, no. {issue}",
                f", vol. {volume}, {issue}",
            )
        )
        rest = draw.choice(
            (
                f"{numbers}, {_pages(draw)}.",
                f"{numbers}: {_pages(draw, '')}",
                f"{numbers} ({year}): {_pages(draw, '')}",
                f", {year}",
                ".",
            )
        )
        if draw.random() < 0.3:
            where, rest = (
                _filled(draw, draw.choice(PARTS["meetings"]), title),
                draw.choice(("", f", {year}", f", {_pages(draw)}", f" ({year})")),
            )
        after = f"{draw.choice(('. ', ', ', ' ', '. In ', ' – '))}{where}{rest}"
    return Made(
        "paper",
        title,
        after=after,
        urls=_at(draw, PARTS["texts"], title, 0.6),
        marks=_set(draw, "q", bool(after)),
    )


def _book(draw: random.Random, title: str) -> Made:
    press, place, year = (
        draw.choice(PARTS["publishers"]),
        draw.choice(PARTS["places"]),
        draw.randint(1920, 2023),
    )
    after = draw.choice(
        (
            f". {press}.",
            f". {place}: {press}.",
            f" ({press}, {year})",
            f". {place}: {press}, {year}.",
            f", {press}",
            f" ({place}, {year})",
            f". {year}. {press}",
            "",
            "",
            f", {draw.choice(('2nd', '3rd', '4th'))} edition. {press}",
            f" (ed. by {draw.choice(PARTS['nouns'])})",
            f", ISBN 978-{draw.randint(10**6, 10**7)}",
            ", trans. ",
        )
    )
    return Made(
        "book",
        title,
        after=after,
        urls=_at(draw, PARTS["books"], title, 0.4),
        marks=_set(draw, "i", container=False),
    )


def _chapter(draw: random.Random, title: str) -> Made:
    number = draw.choice(
        (
            str(draw.randint(1, 20)),
            f"{draw.randint(1, 6)}-{draw.randint(7, 12)}",
            draw.choice(("I", "II", "IV", "one", "3 and 4", "2.1–2.4")),
        )
    )
    press, place = draw.choice(PARTS["publishers"]), draw.choice(PARTS["places"])
    whole = _filled(draw, draw.choice(PARTS["companions"]), title)
    if draw.random() < 0.5:  # of a book of essays
        editors = draw.choice(
            (
                "",
                "",
                f"{draw.choice('ABCDEFG')}. {draw.choice(PARTS['nouns'])} (Ed.), ",
                f"edited by {draw.choice(PARTS['fields'])}, ",
                "eds. ",
                f"{draw.choice(PARTS['nouns'])} (Hrsg.), ",
            )
        )
        end = draw.choice(
            (
                f", {_pages(draw)}. {place}: {press}.",
                f" ({_pages(draw)}). {press}.",
                f", {press}, {_pages(draw)}",
                "",
                f" ({press})",
                f". {press}",
            )
        )
        lead = draw.choice((". In ", ", in ", " in ", ". In: ", " from ", ". Dans ", " en "))
        after = f"{lead}{editors}{whole}{end}"
        return Made(
            "chapter",
            title,
            after=after,
            urls=_at(draw, PARTS["chapters"], title, 0.4),
            marks=_set(draw, "q", container=True),
        )
    word = draw.choice(PARTS["of a book"])
    part = (
        f"{word} {number}"
        if word not in ("Introduction", "pp.", "pages")
        else word
        if word == "Introduction"
        else _pages(draw, f"{word} ")
    )
    share = draw.random()
    if share < 0.4:
        return Made(
            "chapter",
            f"{title}, {part}",
            after=draw.choice(("", "", f". {press}")),
            urls=_at(draw, PARTS["chapters"], title, 0.3),
            marks=_set(draw, "i", container=False),
        )
    if share < 0.7:
        return Made(
            "chapter",
            title,
            after=f"{draw.choice((', ', ' ', ' (', ': '))}{part}",
            urls=_at(draw, PARTS["chapters"], title, 0.3),
            marks=_set(draw, "i", container=False),
        )
    return Made(
        "chapter",
        f"{part}{draw.choice((': ', ' – ', '. '))}{title}",
        after=draw.choice(("", f" ({whole})", f" of {whole}")),
        urls=_at(draw, PARTS["chapters"], title, 0.4),
        marks=_set(draw, "q", container=False),
    )


def _article(draw: random.Random, title: str) -> Made:
    host, _, name = draw.choice(PARTS["press"]).partition(" ")
    word = re.sub(r"\W+", "-", title.lower()).strip("-")[:60]
    year, month, day = draw.randint(2005, 2023), draw.randint(1, 12), draw.randint(1, 28)
    form = draw.choice(
        (
            "www.{h}/{y}/{m:02}/{d:02}/{s}/{t}.html",
            "www.{h}/{s}/{y}/{m:02}/{t}",
            "www.{h}/{t}",
            "{s}.{h}/{y}/{m:02}/{t}.html",
            "www.{h}/articles/{t}",
            "blog.{s}.com/{t}",
            "{s}.com/blog/{t}/",
            "www.{s}.org/blog/{y}/{m:02}/{t}",
            "{h}/@{s}/{t}-{k}",
        )
    )
    url = form.format(
        h=host,
        y=year,
        m=month,
        d=day,
        t=word,
        s=draw.choice(PARTS["nouns"]).lower(),
        k=draw.randint(10**6, 10**7),
    )
    date = f"{draw.choice(('January', 'May', 'June', 'October', 'Dec.'))} {day}, {year}"
    after = (
        draw.choice(
            (
                "",
                "",
                f" ({name})",
                f". {name}, {date}.",
                f", {name} ({year})",
                f" – {name}",
                f". {date}",
                " (blog post)",
            )
        )
        if name
        else draw.choice(("", " (blog)", f". {date}"))
    )
    return Made(
        "article",
        title,
        after=after,
        urls=[f"https://{url}"] if draw.random() < 0.85 else [],
        marks=_set(draw, "q", container=bool(after)),
    )


def _video(draw: random.Random, title: str) -> Made:
    minutes = draw.randint(2, 130)
    after = (
        *("", "", "", f" ({minutes} min)", " (video)", " [video]", f" ({minutes} minutes)"),
        *(" (YouTube)", f" (dir. {draw.choice(PARTS['fields'])}, {draw.randint(1930, 2022)})"),
        *(" (film)", ". TED Talk.", f" [{minutes}:{draw.randint(10, 59)}]", " (documentary)"),
        ", lecture recording",
    )
    before = (
        *("", "", "", "Watch: ", "Video: ", "Film: ", "Watch ", "Vídeo: ", "Vidéo : "),
        *("Regarder : ", "Documentary: "),
    )
    said = "Watch|Videos|Video|Film|Screening|To watch|Vidéos|Películas|Ver|Anschauen"
    one = _recording(draw, Made("video", title), after, before, said)
    one.urls = _at(draw, PARTS["seen"], title, 0.6 if one.before or one.said else 0.85)
    one.marks = _set(draw, "", container=False)
    return one


def _podcast(draw: random.Random, title: str) -> Made:
    show, number = draw.choice(PARTS["shows"]), draw.randint(2, 800)
    after = (
        *("", f" ({show})", " (podcast)", " [podcast]", f". {show}, episode {number}"),
        *(f", {show} podcast", f" – {show}, Ep. {number}"),
        *(f" ({draw.randint(12, 90)} min listen)", " (audio)"),
    )
    before = (
        *("", "", "", "Listen: ", "Podcast: ", "Listen to ", "Podcast – ", "Écouter : "),
        *("Escuchar: ", f"{show}: ", f"Episode {number}: "),
    )
    said = "Listen|Podcasts|Podcast|To listen|Audio|Hören|Écouter"
    one = _recording(draw, Made("podcast", title), after, before, said)
    one.urls = _at(draw, PARTS["heard"], title, 0.8)
    one.marks = _set(draw, "", container=False)
    return one


def _recording(
    draw: random.Random, one: Made, after: Sequence[str], before: Sequence[str], said: str
) -> Made:
    """What is said around the title of something to watch or hear, and above it in a list."""
    one.after, one.before = draw.choice(after), draw.choice(before)
    one.said = [draw.choice(said.split("|"))] if draw.random() < 0.3 else []
    return one


def _page(draw: random.Random, title: str) -> Made:
    after = draw.choice(
        (
            "",
            "",
            "",
            " (website)",
            " – Wikipedia",
            " (tutorial)",
            " (documentation)",
            " (website)",
            ". Accessed 2020.",
        )
    )
    return Made(
        "web page",
        title,
        after=after,
        urls=_at(draw, PARTS["pages"], title, 1.0),
        marks=_set(draw, "", container=False),
    )


_MAKE = {
    "paper": _paper,
    "book": _book,
    "chapter": _chapter,
    "article": _article,
    "video": _video,
    "podcast": _podcast,
    "web page": _page,
}
