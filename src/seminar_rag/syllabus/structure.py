"""Pages read by rules of structure, and when these rules are to be trusted.

Rules are exact on the pages that they fit, down to each description and the notes that follow; the
model (see `assemble`) reads pages of any kind. `is_exact` says which of the two a page should have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from seminar_rag.syllabus import names, words
from seminar_rag.syllabus.assemble import IS_REQUIRED
from seminar_rag.syllabus.entries import has_sections, read_entries
from seminar_rag.syllabus.items import opens_with_work
from seminar_rag.syllabus.marks import date_in, title_of
from seminar_rag.syllabus.markup import Item, front_matter, front_values
from seminar_rag.syllabus.page import Part, split_sessions
from seminar_rag.syllabus.tables import table_sessions
from seminar_rag.types import Block, Reading, Session, WorkKind

LoadPage = Callable[[str], "tuple[str, str] | None"]
"""Address of a linked page, as written → its name and HTML; None when it cannot be had."""
LoadItems = Callable[[str], "tuple[str, Sequence[Item]] | None"]
"""The same, with the items of its HTML."""
Found = tuple[tuple[Reading, ...], tuple[Block, ...]]
"""Readings, and the notes that follow them."""


def structural_sessions(
    items: Sequence[Item], name: str, title: str | None, load_page: LoadItems | None = None
) -> list[Session]:
    """The sessions of a page, as rules of structure read them."""
    parts = split_sessions(items)
    scheduled = [_structured(part, name, None, False) for part in table_sessions(items)]
    if parts:
        bare = not any(has_sections(part.items) for part in parts)
        sessions = [_structured(part, name, load_page, bare) for part in parts]
    else:
        readings, notes = read_entries(items, title)
        sessions = [Session(1, title or Path(name).stem, (), readings, notes, name)]
    return scheduled if count(scheduled) and count(scheduled) >= count(sessions) else sessions


def _structured(part: Part, name: str, load_page: LoadItems | None, bare: bool) -> Session:
    bare = bare or any(map(opens_with_work, part.items))
    readings, notes = read_entries(part.items, part.title, bare)
    day, own = date_in(part.title), once(readings)
    session = Session(part.number, part.title, part.tags, own, notes, name, part.link, day)
    return with_page(session, load_page, read_entries)


def once(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """A session's readings; what comes again under the same title with the same links, as where a
    text cites what its list has, is one."""
    found: dict[object, Reading] = {}
    for n, one in enumerate(readings):
        found.setdefault((one.title, one.urls) if one.title and one.urls else n, one)
    return tuple(found.values())


def count(sessions: Sequence[Session]) -> int:
    return sum(len(session.readings) for session in sessions)


_OFTEN = 3
"""Readings with one title, a fifth of all at least, which then says what kind of thing they are
("Paper discussion")."""


def as_told(structural: Sequence[Session], learned: Sequence[Session]) -> list[Session]:
    """Sessions that rules of structure read, with what only the model tells of their readings:
    kinds, authors that the rules miss, that a label means "more" ("Pour aller plus loin"), if it
    is sure, and the parts of references that the rules took for titles as a whole."""
    readings = [one for session in learned for one in session.readings]
    sure = (one for one in readings if one.section == "more" and IS_REQUIRED not in one.doubts)
    beyond = _named(sure)
    authors = {words.normal(one.title): one.authors for one in readings if one.title}
    written = [one for one in readings if one.title and one.authors and not one.urls]

    def told(one: Reading) -> Reading:
        if any(name in beyond for name in _names(one)):
            one = replace(one, section="more")
        by = authors.get(words.normal(one.title or "")) if not one.authors else None
        if by and by not in (one.title or "") and names.are_names(by):
            one = replace(one, authors=by)
        parts = next((part for part in written if _is_reference(one, part)), None)
        return replace(parts, section=one.section) if parts is not None else one

    found = [replace(each, readings=tuple(map(told, each.readings))) for each in structural]
    return with_kinds(found, learned)


def _is_reference(one: Reading, parts: Reading) -> bool:
    """Whether what rules took for a title has the authors and the title of a written-out
    reference."""
    if not one.title or one.urls or one.authors or one.title == parts.title:
        return False
    at = one.title.find(parts.title or "")
    return at > 0 and words.normal(parts.authors or "") in one.title[:at]


def _names(one: Reading) -> list[str]:
    """What a reading is known again by: its title and its first address."""
    return [name for name in (words.normal(one.title or ""), *one.urls[:1]) if name]


def _named(readings: Iterable[Reading]) -> dict[str, Reading]:
    return {name: one for one in readings for name in _names(one)}


def with_kinds(sessions: Sequence[Session], known: Sequence[Session]) -> list[Session]:
    """Sessions whose readings are of the kinds that are known of the same titles or links: a list
    of references stated them, or the whole entries told."""
    kinds = _named(one for session in known for one in session.readings)

    def kind(one: Reading) -> WorkKind | None:
        return next((kinds[name].kind for name in _names(one) if name in kinds), one.kind)

    return [
        replace(each, readings=tuple(replace(one, kind=kind(one)) for one in each.readings))
        for each in sessions
    ]


def is_exact(
    structural: Sequence[Session], learned: Sequence[Session], items: Sequence[Item]
) -> bool:
    """Whether rules of structure read a page so regular that their exactness is to be had.

    The model reads pages of any kind, but may miss a word or a description; rules are exact on the
    pages that they fit. They fit where both find the same readings in the same sessions, where the
    model finds the same readings in hardly any session, and where each reading has a heading of its
    own with links and description below. They do not where several readings have one title.
    """
    titles = Counter(one.title for session in structural for one in session.readings if one.title)
    if max(titles.values(), default=0) >= max(_OFTEN, count(structural) / 5):
        return False
    ours, theirs = _places(structural), _places(learned)
    if _agree(ours, theirs):
        return True
    # The model found the readings of a page, and missed where its sessions begin.
    if len(learned) < 3 <= len(structural) and _agree({a for _, a in ours}, {a for _, a in theirs}):
        return True
    enough = count(structural) >= 0.5 * count(learned)
    return enough and headed(structural, items) > 0.6


def headed(structural: Sequence[Session], items: Sequence[Item]) -> float:
    """The share of the readings whose title is most of a heading, or of a bold line, of its own."""
    headings = {
        words.normal(item.text[: item.bold or None])
        for item in items
        if item.block.kind == "heading" or item.bold > 12
    }
    titles = [r.title for session in structural for r in session.readings if r.title]
    names = [words.normal(title) for title in titles]
    own = [n in headings or any(n in h and len(h) < 2 * len(n) for h in headings) for n in names]
    return sum(own) / max(1, len(own))


def is_list_of_links(
    structural: Sequence[Session], learned: Sequence[Session], items: Sequence[Item]
) -> bool:
    """Whether posts list their readings as items that are one link each as a whole, and the model
    finds only some of them: what is true of one is true of those beside it."""
    linked = {
        words.normal(item.text)
        for item in items
        if item.block.kind == "item" and len(item.links) == 1 and _covers(item)
    }
    found, titles = _places(learned), [r.title or "" for one in structural for r in one.readings]
    every = all(words.normal(title) in linked for title in titles)
    return bool(found) and found < _places(structural) and every


def _covers(item: Item) -> bool:
    return item.links[0].end - item.links[0].start == len(item.text)


def _agree(ours: AbstractSet[object], theirs: AbstractSet[object]) -> bool:
    return len(ours & theirs) >= 0.8 * max(len(ours), len(theirs), 1)


def _places(sessions: Sequence[Session]) -> set[tuple[int, str]]:
    """Readings by title or address, with the order of their session among those with readings."""
    filled = [session.readings for session in sessions if session.readings]
    return {
        (order, words.normal(reading.label).casefold())
        for order, readings in enumerate(filled)
        for reading in readings
    }


def is_post(text: str, items: Sequence[Item], page: Sequence[Session], post: Session) -> bool:
    """Whether structure shows a single session rather than a page of several."""
    parts = split_sessions(items)
    if front_matter(text)[0]:
        # A Jekyll page is a post, unless more is read from it as a page of several sessions.
        sure = all(part.sure for part in parts)
        several = sure and sum(bool(session.readings) for session in page) > 2
        return not several or count(page) < len(post.readings)
    return bool(post.readings) and len(page) < 2 and not parts


def with_places(structural: Sequence[Session], learned: Sequence[Session]) -> tuple[Session, ...]:
    """Sessions that rules of structure read, with what only the model's reading has: the days in a
    column or a line of their own, and the parts of the course, whose names are no sessions."""
    names = {title_of(one.part) for one in learned if one.part}
    own = [one for one in structural if one.readings or one.title not in names]
    titles = [[one.title for one in sessions] for sessions in (own, learned)]
    often = [Counter(each) for each in titles]
    found = {(one.title, titles[1][:at].count(one.title)): one for at, one in enumerate(learned)}
    out = []
    for at, one in enumerate(own):
        same = found.get((one.title, titles[0][:at].count(one.title)))
        if same is not None and often[0][one.title] == often[1][one.title]:
            out.append(replace(one, date=one.date or same.date, part=same.part))
        else:
            out.append(one)
    return tuple(out)


def is_divided(structural: Sequence[Session], learned: Sequence[Session]) -> bool:
    """Whether rules of structure and the model divide a page into the very same sessions, in each
    of which the model finds something to read: no post has that, whatever its front matter."""
    filled = len(learned) > 1 and all(session.readings for session in learned)
    return filled and [one.title for one in structural] == [one.title for one in learned]


def structural_post(text: str, items: Sequence[Item], name: str, number: int) -> Session:
    """A post's title and tags, and its readings and notes as rules of structure read them."""
    matter, begin = front_matter(text)
    values = front_values(matter)
    named = values.get("title")
    title = named.strip() if isinstance(named, str) else ""
    first = items[0].block if items else None
    if not title and first and first.kind == "heading" and (first.level == 1 or not begin):
        title, items = title_of(items[0].text), items[1:]
    title = title or Path(name).stem
    readings, notes = read_entries(items, title)
    tags, part = _tags(values.get("tags")), _posted_part(values)
    return Session(number, title, tags, readings, notes, file=name, part=part)


_PARTS = ("part", "unit", "module")


def _posted_part(values: Mapping[str, Any]) -> str | None:
    """The part of the course that front matter gives: "part: II. Using", "unit: 3"."""
    given = ((name, str(values.get(name) or "").strip()) for name in _PARTS)
    name, value = next(((name, value) for name, value in given if value), ("", ""))
    return f"{name.capitalize()} {value}" if re.fullmatch(r"\d+|[IVX]+", value) else value or None


def in_posted_parts(posts: Iterable[Session]) -> list[Session]:
    """Posts with the parts that their front matter gives, where these are not each post's own."""
    found = list(posts)
    parts = Counter(one.part for one in found if one.part)
    shared = 1 < len(parts) < parts.total()
    return found if shared else [replace(one, part=None) for one in found]


_NUMBERED = ("lecture", "session", "week", "class", "meeting", "number", "unit", "module")


def posted_number(text: str) -> int | None:
    """The number of its session that a post's front matter gives ("lecture: 97")."""
    values = front_values(front_matter(text)[0])
    given = (str(values.get(name)) for name in _NUMBERED)
    return next((int(one) for one in given if re.fullmatch(r"\d{1,4}", one)), None)


_FEWEST_DAYS = 4
"""Posts with days of their own that show a rhythm."""
_MOST_WEEKDAYS = 2
"""Days of the week on which a seminar meets."""


def posted_days(texts: Sequence[str]) -> list[str | None]:
    """The day that each post's front matter gives ("date: 2023-01-17"), if these are the days on
    which the seminar meets.

    Blogs keep there when a post was written. It is the meeting's where most posts have one, none
    has another's, and all but a few are on the same one or two days of the week. A page that
    stands alone keeps when it was written: five of five did, while the one folder of posts with
    days had those of its meetings.
    """
    given = (str(front_values(front_matter(text)[0]).get("date")) for text in texts)
    found = [_ISO_DAY.match(one) for one in given]
    days = [_day(one[0]) if one else None for one in found]
    known = [day for day in days if day is not None]
    weekdays = Counter(day.weekday() for day in known).most_common(_MOST_WEEKDAYS)
    usual = sum(often for _, often in weekdays)
    enough = len(known) >= max(_FEWEST_DAYS, 0.8 * len(texts)) and len(set(known)) == len(known)
    regular = enough and usual >= 0.8 * len(known)
    return [day.isoformat() if day is not None and regular else None for day in days]


_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def numbered(posts: Sequence[tuple[str, str, int]]) -> Sequence[tuple[str, str, int]]:
    """Posts, as text, name and number, with the numbers of their front matter.

    Those hold where every post has one and no two have the same.
    """
    given = [number for text, _, _ in posts if (number := posted_number(text)) is not None]
    if len(set(given)) < len(posts):
        return posts
    return [(text, name, own) for (text, name, _), own in zip(posts, given, strict=True)]


def with_page(
    session: Session,
    load_page: LoadItems | None,
    read: Callable[[Sequence[Item], str], Found],
) -> Session:
    """A session with what its own page says, where it has one that lists no less.

    Args:
        read: reads the items of that page, given the session's title.
    """
    page = load_page(session.url) if load_page is not None and session.url else None
    if page is None:
        return session
    page_name, items = page
    readings, notes = read(items, session.title)
    if len(readings) >= len(session.readings):
        return replace(session, readings=readings, notes=notes, file=page_name)
    # The page lists less than the overview: its notes, then the overview's entries after its end.
    length = sum(len(item.text) + 1 for item in items if item.text)
    return replace(
        session,
        readings=tuple(_shifted(reading, length) for reading in session.readings),
        notes=notes or tuple(item.block for item in items if item.text),
        file=page_name,
    )


def _shifted(reading: Reading, by: int) -> Reading:
    def move(block: Block) -> Block:
        return replace(block, start=block.start + by)

    return replace(reading, blocks=tuple(move(block) for block in reading.blocks))


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    listed = value if isinstance(value, list) else ()
    return tuple(tag.strip() for tag in listed if isinstance(tag, str))
