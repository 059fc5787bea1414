"""What kind of work a reading is: a paper, a book, a video, …

A type that a list of references states is one of these kinds, and so is one that an entry states in
brackets or before a colon: "(podcast, 25 min)". Elsewhere a small forest tells it by
the words of an entry and their order, how its title is set, its links' hosts and paths, and what
the part of the page is called that it stands in. `benchmarks/train_kinds.py` trains and measures
it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seminar_rag.syllabus.meetings import Entry
from seminar_rag.syllabus.model import PARTS, Forest
from seminar_rag.types import WORK_KINDS, WorkKind

_TYPES: Mapping[WorkKind, str] = {
    # types of BibTeX and BibLaTeX, of RIS, of CSL-JSON, which a Zotero export uses too, and of
    # Zotero's own form
    "paper": "article-journal paper-conference inproceedings conference techreport report thesis"
    " phdthesis mastersthesis unpublished manuscript jour ejour cpaper conf rprt thes unpb inpr"
    " preprint journalarticle conferencepaper",
    "book": "book mvbook collection mvcollection proceedings mvproceedings ebook edbook whole",
    "chapter": "chapter incollection inbook bookinbook suppbook chap echap booksection",
    "article": "article-magazine article-newspaper post-weblog post mgzn news blog entry"
    " entry-encyclopedia entry-dictionary inreference ency encyc magazinearticle newspaperarticle"
    " blogpost encyclopediaarticle dictionaryentry",
    "video": "video movie motion_picture mpct advs videorecording film tvbroadcast",
    "podcast": "audio podcast song soun sound audiorecording radiobroadcast",
    "web page": "online www electronic webpage elec",
}
_KIND_OF: Mapping[str, WorkKind] = {
    name: kind for kind, own in _TYPES.items() for name in own.split()
}


def kind_of_type(stated: str, form: str = "") -> WorkKind | None:
    """What kind of work a type means that a list of references states.

    Args:
        form: the list's form, as the ending of its name. "article" is of a journal in BibTeX,
            where only an online source or a book has another name; in CSL-JSON it is any.
    """
    if stated.lower() == "article":
        return "paper" if form != ".json" else None
    return _KIND_OF.get(stated.lower().replace(" ", "-"))


# ---------------------------------------------------------------- told by its entry


def entry_clues(entry: Entry, title: str, urls: Sequence[str], authors: str | None) -> set[str]:
    """What tells the kind of a reading that stands on a page."""
    at, texts, marks = entry.title, [run.item.text for run in entry.runs], list[str]()
    before, after = "", " ".join(texts)
    if at is not None:
        item = entry.runs[at.run].item
        before = " ".join([*texts[: at.run], item.text[: at.start]])
        after = " ".join([item.text[at.end :], *texts[at.run + 1 :]])
        for one in item.emphasis:
            middle = (one.start + one.end) / 2
            side = "before" if middle < at.start else "after" if middle > at.end else "in"
            marks.append(f"{one.url} {side}")
        if at.start and item.text[at.start - 1] in '"“«‘„':
            marks.append("quoted")
        if any(link.start <= at.start < link.end for link in item.links):
            marks.append("linked")
    first = entry.pieces[0]
    said = (first.label, first.header, first.parent, *first.path[-1:])
    found = clues(title, urls, authors, before=before, after=after, said=said, marks=marks)
    return found | {f"{_STATED}{kind}" for kind in _stated(first.label, ())}


def clues(
    title: str,
    urls: Sequence[str],
    authors: str | None = None,
    *,
    before: str = "",
    after: str = "",
    said: Sequence[str] = (),
    marks: Sequence[str] = (),
) -> set[str]:
    """What tells the kind of a reading, as words.

    Args:
        before, after: what stands in its entry before its title and behind.
        said: what names its part of the page: its label, its column, the list or heading above.
        marks: how its title is set: "italic", "quoted", …
    """
    found = {f"mark={mark}" for mark in marks}
    found |= {"authors" if authors else "no authors"}
    for where, text in (("title", title), ("before", before), ("after", after)):
        own = _tokens(text)[:_MOST_TOKENS]
        found |= {f"{where}:{token}" for token in own}
        found |= {f"{where}:< {one}" for one in own[:1]}
    whole = ["<", *_tokens(f"{before} {title} {after}")[:_MOST_TOKENS], ">"]
    for run in (1, 2, 3):
        found |= {" ".join(whole[at : at + run]) for at in range(len(whole) - run + 1)}
    found |= {f"said:{token}" for text in said for token in _tokens(text)[:_MOST_SAID]}
    found.add(f"words={min(len(title.split()), 12) // 3}")
    found.add(f"urls={min(len(urls), 3)}")
    found |= {f"{_STATED}{kind}" for kind in _stated(f"{before} {title} {after}", urls)}
    return found.union(*map(_of_address, urls))


def kind_of(found: Collection[str]) -> WorkKind:
    """The kind that an entry with such clues states, else the likeliest."""
    import numpy as np

    for kind in WORK_KINDS:
        if _STATED + kind in found:
            return kind

    columns, forest = trained_kinds()
    row = np.zeros((1, len(columns)), np.float32)
    row[0, [columns[one] for one in found if one in columns]] = 1
    return WORK_KINDS[int(forest.scores(row)[0].argmax())]


def kind_told(
    title: str | None, urls: Sequence[str], authors: str | None = None, text: str = ""
) -> WorkKind:
    """The likeliest kind of a reading of which no more is known than these.

    Args:
        text: what else is said of the work, as where it was published.
    """
    return kind_of(clues(title or "", urls, authors, after=text))


@cache
def trained_kinds() -> tuple[dict[str, int], Forest]:
    """The weights that the package carries: each clue's column, and the forest."""
    import numpy as np

    with np.load(KINDS) as file:
        held = dict(file)
    columns = {str(clue): column for column, clue in enumerate(held["clues"])}
    return columns, Forest(**{part: held[part] for part in PARTS}, classes=len(WORK_KINDS))


KINDS = Path(__file__).with_name("kinds.npz")
_STATED = "states="
_RECORDED: Mapping[str, WorkKind] = {
    **dict.fromkeys(("podcast", "audio", "listen"), "podcast"),
    **dict.fromkeys(("video", "film", "movie", "documentary", "watch"), "video"),
}
"""Words that name a kind which is no text: with them nothing else of an entry counts."""
_RECORDING = "|".join(_RECORDED)
_STATES = re.compile(
    rf"[(\[]\s*(?:\w+ )?({_RECORDING})s?\b[^()\[\]]{{0,40}}[)\]]|^\W*({_RECORDING})s?\s*:",
    re.IGNORECASE,
)
_MOST_TOKENS, _MOST_SAID = 60, 12
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[()\[\]“”\"«»:&]")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


def _tokens(text: str) -> list[str]:
    """Words in lower case, numbers by their shape, and signs that part a reference."""
    return [
        "year" if _YEAR.fullmatch(one) else "#" if one[0].isdigit() else one.lower()
        for one in _TOKEN.findall(text)
    ]


def _stated(text: str, urls: Sequence[str]) -> set[WorkKind]:
    """What an entry says that its work is, or its link's host: "podcasts.apple.com"."""
    said = {(one[1] or one[2]).lower() for one in _STATES.finditer(text.strip())}
    hosts = {word for url in urls for word in re.split(r"[.-]", urlsplit(url).netloc.lower())}
    said |= {"podcast"} if hosts & {"podcast", "podcasts"} else set()
    return {_RECORDED[word] for word in said}


def _of_address(url: str) -> set[str]:
    """An address by its host, the words of its path and their shape."""
    parts = urlsplit(url)
    host = parts.netloc.lower().partition(":")[0].removeprefix("www.")
    path = unquote(parts.path)
    steps = [one for one in path.split("/") if one]
    last = steps[-1] if steps else ""
    found = {f"host:{host}", f"steps={min(len(steps), 5)}"} if host else {"local"}
    found |= {f"in host:{one}" for one in re.split(r"[.-]", host) if one}
    letters = f".{host}."
    found |= {f"letters:{letters[at : at + 4]}" for at in range(len(letters) - 3)}
    found |= {f"path:{one}" for one in re.findall(r"[a-z]{2,}", path.lower())}
    found |= {f"query:{one}" for one in re.findall(r"(?:^|&)([a-z]+)=", parts.query.lower())}
    if ending := re.search(r"\.([a-z]\w{1,4})$", last.lower()):
        found.add(f"ends:{ending[1]}")
    found.add(f"hyphens={min(last.count('-') + last.count('_'), 6)}")
    if re.search(r"/(?:19|20)\d\d/(?:\d\d?|[a-z]{3})/", path):
        found.add("dated path")
    if doi := re.search(r"10\.\d{4,}/(978)?", path):
        found.add(f"doi:{doi[0]}")
    return found
