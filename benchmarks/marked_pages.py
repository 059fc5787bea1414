"""Made-up course pages whose marks say what is what, for training and measuring the reader.

`course_pages/` holds them, written for this project in the styles in which instructors keep their
pages. A mark stands where the text itself stands and is taken out before the page is read:

    ⟦S⟧         a session begins; in its head ⟦n:3⟧ its number, ⟦T:…⟧ its title, ⟦d:…⟧ its date
    ⟦R⟧ … ⟦/⟧   a required reading; ⟦M⟧ … ⟦/⟧ a further one; ⟦O⟧ … ⟦/⟧ one that could be doubted
    ⟦t:…⟧       within a reading, its title; ⟦a:…⟧ the name of an author, which may stand in a
                title that is nothing but author and year: ⟦t:⟦a:Lewis⟧ 1973⟧
    ⟦c:…⟧       behind a title, the chapters of it that are to be read, with what sets them off:
                *⟦t:Leviathan⟧*⟦c:, ch. 13⟧ is called "Leviathan, ch. 13", or as well "Leviathan".
                Not so pages, nor what follows a full stop or a title in quotation marks
    ⟦G⟧         the sessions are over: the readings that follow belong to none of them

    python benchmarks/marked_pages.py FILE…    says what each page holds, and which marks are wrong
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("course_pages")
_AUTHOR = re.compile(r"⟦a:([^⟦⟧]*)⟧")
_MARK = re.compile(
    r"⟦(?:(?P<sign>[SGRMO/])|(?P<part>[nTdtac]):(?P<text>(?:[^⟦⟧]|⟦a:[^⟦⟧]*⟧)*))⟧", re.S
)
_LINK = re.compile(
    r"\]\(\s*<?([^)\s>]+)|href\s*=\s*[\"']([^\"']+)|\[\[(https?://[^\]]+)\]"
    r"|(?<![(\"'=<\[])(https?://[^\s<>\")\]|]+)|<(https?://[^>\s]+)>",
    re.I,
)


@dataclass
class Marked:
    """A page without its marks, and what they say."""

    text: str
    sessions: list[dict[str, Any]]
    """As in the keys of labelled pages."""
    faults: list[str] = field(default_factory=list)


def pages() -> Iterator[tuple[Path, Marked]]:
    """The made-up pages, in order of their names."""
    for path in sorted(FOLDER.iterdir()):
        yield path, unmarked(path.read_text(encoding="utf-8"))


def unmarked(text: str) -> Marked:
    """Take the marks out of a page and make its key."""
    found = Marked("", [_session("general")])
    here = found.sessions[0]
    reading: dict[str, Any] | None = None
    begin = last = 0
    for mark in _MARK.finditer(text):
        found.text += text[last : mark.start()] + _said(mark)
        last = mark.end()
        line = text.count("\n", 0, mark.start()) + 1
        kind, said = mark["sign"] or mark["part"], _plain(_said(mark))
        if kind in "SGRMO/" and reading is not None:
            reading["urls"] = _urls(text[begin : mark.start()])
            if not reading["title"]:
                found.faults.append(f"line {line}: a reading without a title ends")
            if kind != "/":
                found.faults.append(f"line {line}: ⟦{kind}⟧ stands within a reading")
            reading = None
        elif kind == "/":
            found.faults.append(f"line {line}: ⟦/⟧ ends no reading")
        if kind == "S":
            here = _session(None)
            found.sessions.append(here)
        elif kind == "G":
            here = found.sessions[0]
        elif kind in "RMO":
            reading = _reading("more" if kind == "M" else "required", kind == "O")
            here["readings"].append(reading)
            begin = mark.end()
        elif kind in "tac" and reading is None:
            found.faults.append(f"line {line}: ⟦{kind}:⟧ stands outside a reading")
        elif kind == "t" and reading is not None:
            _name(reading, said)
            reading["authors"] += [_surname_last(name) for name in _AUTHOR.findall(mark["text"])]
        elif kind == "c" and reading is not None:
            if not reading["title"] or reading["alt_titles"]:
                found.faults.append(f"line {line}: ⟦c:⟧ stands behind no only title")
            _name(reading, reading["title"])
            reading["title"] = _plain(f"{reading['title']}{_said(mark)}")
        elif kind == "a" and reading is not None:
            reading["authors"].append(_surname_last(said))
        elif kind in "nTd" and here is found.sessions[0]:
            found.faults.append(f"line {line}: ⟦{kind}:⟧ stands in no session")
        elif kind in "nTd":
            _head(here, kind, said)
    if reading is not None:
        found.faults.append("the last reading is not ended")
    found.text += text[last:]
    if "⟦" in found.text or "⟧" in found.text:
        found.faults.append("a mark is not known, or not ended")
    found.sessions = found.sessions[not found.sessions[0]["readings"] :]
    return found


def _session(title: str | None) -> dict[str, Any]:
    return {"number": None, "title": title, "date": None, "readings": []}


def _reading(section: str, doubtful: bool) -> dict[str, Any]:
    own = {"title": None, "section": section, "urls": [], "authors": [], "alt_titles": []}
    return {**own, "optional": True} if doubtful else own


def _name(reading: dict[str, Any], title: str) -> None:
    if reading["title"]:
        reading["alt_titles"].append(title)
    else:
        reading["title"] = title


def _head(session: dict[str, Any], kind: str, said: str) -> None:
    if kind == "n":
        number = re.search(r"\d+", said)
        session["number"] = int(number[0]) if number else None
    elif kind == "T":
        session["title"] = said
    else:
        session["date"] = f"{session['date']}, {said}" if session["date"] else said


def _urls(marked: str) -> list[str]:
    body = _MARK.sub(_said, marked)
    links = [next(filter(None, one.groups())) for one in _LINK.finditer(body)]
    links = [html.unescape(link).rstrip(".,;") for link in links]
    return list(dict.fromkeys(one for one in links if not one.startswith(("#", "mailto"))))


def _said(mark: re.Match[str]) -> str:
    """What a mark encloses, without the marks of authors within it."""
    return _AUTHOR.sub(r"\1", mark["text"] or "")


def _surname_last(name: str) -> str:
    """A name as the keys of labelled pages have it: "Lewis, D. K." is D. K. Lewis."""
    surname, _, given = _plain(name).partition(", ")
    return f"{given} {surname}".strip()


def _plain(text: str) -> str:
    """Text without the markup of HTML and Markdown."""
    text = re.sub(r"<[^>]+>", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"([*_`]{1,3})(\S(?:.*?\S)?)\1", r"\2", text)
    text = re.sub(r"\\([\\`*_{}\[\]()#+.!'-])", r"\1", text)
    return re.sub(r"\s+", " ", html.unescape(text)).strip(" *_")


def main() -> None:
    """Say what each page holds."""
    for name in sys.argv[1:]:
        page = unmarked(Path(name).read_text(encoding="utf-8"))
        count = sum(len(session["readings"]) for session in page.sessions)
        print(f"{name}: {len(page.sessions)} sessions, {count} readings")
        for fault in page.faults:
            print(f"    {fault}")


if __name__ == "__main__":
    main()
