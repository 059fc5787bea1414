"""Is this document the reading that was meant? And what a lookup records of it. Pure.

Titles, authors and abstracts are compared with what the course page gives. Pages shorten titles,
give labels instead ("grouped query attention"), keep an older subtitle or quote the abstract, and
links lead to another paper now and then. So every kind of agreement is looked for before two
things are called different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from seminar_rag.text import FUNCTION_WORDS, fold, main_title
from seminar_rag.types.catalogue import Lookup, LookupFile, Suggested, SuggestionKind

if TYPE_CHECKING:
    from seminar_rag.web.fetch import Fetched

Likeness = Literal["same", "unsure", "other"]

_COMMON = FUNCTION_WORDS | frozenset(
    "towards toward using large language model models llm llms survey review overview study"
    " approach method methods paper based new github blog post readme repository introduction"
    " intro".split()
)
"""Words that say little about which paper a title names."""
_LABEL_WORDS = 3
BEGIN = 3000
"""Characters of a text in which a paper names itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reading as the course page gives it."""

    id: str
    """The reading's id as the page gives it."""
    title: str | None
    authors: str | None = None
    abstract: str | None = None
    urls: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    """Addresses that are the reading by the instructor's word, whatever is found there."""
    rejected: tuple[str, ...] = ()
    """Addresses that are not."""
    named: bool = False
    """Whether the title is the instructor's own, so that its text goes by it."""
    source: str = ""
    """The source that lists the reading."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a document says of itself."""

    title: str | None
    authors: tuple[str, ...] = ()
    summary: str = ""
    begin: str = ""
    """The first words of its text."""


def subtitle(title: str) -> str:
    """The part after the main title; empty where there is none."""
    return title.strip()[len(main_title(title)) :].lstrip(" :?-–—")


def is_label(title: str) -> bool:
    """Whether a title is so short that it may be a mere label."""
    return len(_content(title)) <= _LABEL_WORDS and len(fold(title).split()) <= _LABEL_WORDS + 2


def titles_alike(listed: str, own: str) -> Likeness:
    """How alike two titles are, knowing that subtitles change and pages shorten."""
    a, b = fold(listed), fold(own)
    if fuzz.ratio(a, b) >= 92:
        return "same"
    mine, theirs = _content(listed), _content(own)
    if not mine or not theirs:
        return "unsure" if fuzz.ratio(a, b) >= 70 else "other"
    share = _shared(mine, theirs) / min(len(mine), len(theirs))
    heads = fold(main_title(listed)), fold(main_title(own))
    if heads[0] == heads[1] and _content(main_title(listed)):
        return "same" if share >= 0.3 else "unsure"
    if share >= 0.8 and min(len(mine), len(theirs)) >= 3:
        return "same"
    return "unsure" if share >= 0.5 else "other"


def likeness(wanted: Wanted, document: Described) -> Likeness:
    """Whether a document that a link gave is the reading; "other" only where nothing agrees."""
    if wanted.title is None:
        return "unsure"
    alike = titles_alike(wanted.title, document.title) if document.title else "unsure"
    if alike == "same" or _named_at_the_beginning(wanted.title, document.begin):
        return "same"
    if _same_people(wanted, document) or _same_abstract(wanted, document):
        return "same"
    if is_label(wanted.title):
        return _label(wanted.title, document)
    if document.begin:
        # A text's own title is a guess, and covers come before titles: its first words count too.
        share = _spoken_of(wanted.title, document.begin)
        if share >= 0.6:
            return "same" if share >= 0.8 else "unsure"
    return alike


def surely_is(wanted: Wanted, document: Described) -> bool:
    """Whether a document found by its title is the reading beyond doubt."""
    if wanted.title is None or document.title is None:
        return False
    near = fuzz.ratio(fold(wanted.title), fold(document.title)) >= 95
    agrees = _same_people(wanted, document) or _same_abstract(wanted, document)
    if agrees:
        return near or titles_alike(wanted.title, document.title) == "same"
    known = bool(people(wanted.authors or "")) and bool(document.authors)
    return near and not known and len(fold(wanted.title).split()) >= 4


def may_be(wanted: Wanted, document: Described) -> bool:
    """Whether a document found by its title is worth suggesting."""
    if wanted.title is None or document.title is None:
        return False
    near = fuzz.ratio(fold(wanted.title), fold(document.title)) >= 88
    return near or (
        not is_label(wanted.title) and titles_alike(wanted.title, document.title) == "same"
    )


def people(authors: str) -> frozenset[str]:
    """Family names in a line of names."""
    parts = re.split(r"[,;/]|\band\b|&|\bet al\b", authors)
    names = [fold(re.sub(r"[\d*†‡]+", "", part)).split() for part in parts]
    return frozenset(name[-1] for name in names if 1 <= len(name) <= 5 and len(name[-1]) > 1)


def _same_people(wanted: Wanted, document: Described) -> bool:
    mine = people(wanted.authors or "")
    theirs = frozenset(name for one in document.authors for name in people(one))
    if not mine or not theirs:
        return False
    least = min(len(mine), len(theirs))
    common = len(mine & theirs)
    return common >= max(1, least / 2) and (common > 1 or least == 1)


def _same_abstract(wanted: Wanted, document: Described) -> bool:
    mine = fold(wanted.abstract or "")[:400]
    theirs = fold(f"{document.summary} {document.begin}")
    return len(mine) >= 80 and len(theirs) >= 80 and fuzz.partial_ratio(mine, theirs) >= 80


def _named_at_the_beginning(title: str, begin: str) -> bool:
    plain = fold(title)
    if len(plain.split()) < 4 or not begin:
        return False
    return fuzz.partial_ratio(plain, fold(begin[: BEGIN // 2])) >= 92


def _spoken_of(title: str, begin: str) -> float:
    """The share of a title's telling words that the first words of a text use."""
    words = _content(title)
    text = fold(begin[:BEGIN])
    return sum(word in text for word in words) / len(words) if words else 0.0


def _label(title: str, document: Described) -> Likeness:
    """A label is right when its words are spoken of at once, together or apart."""
    text = fold(f"{document.title or ''} {document.summary} {document.begin[:BEGIN]}")
    if not text:
        return "unsure"
    joined = text.replace(" ", "")
    words = _content(title)
    if fold(title).replace(" ", "") in joined or (words and all(w in joined for w in words)):
        return "same"
    return "unsure" if any(word in joined for word in words) else "other"


def _content(title: str) -> frozenset[str]:
    words = [word for word in fold(title).split() if word not in _COMMON]
    return frozenset(word[:-1] if len(word) > 4 and word.endswith("s") else word for word in words)


def _shared(mine: frozenset[str], theirs: frozenset[str]) -> int:
    return sum(any(fuzz.ratio(one, other) >= 86 for other in theirs) for one in mine)


# --- the record of a lookup -----------------------------------------------------------------------


@dataclass(slots=True)
class Case:
    """The lookup of one reading while it goes on."""

    wanted: Wanted
    folder: Path
    """What the names of found files are relative to."""
    found: list[LookupFile] = field(default_factory=list)
    attempts: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Links that failed, each with its remedy after a dash."""
    wrong: dict[str, str] = field(default_factory=dict)
    """Links that lead to something else → its title."""
    unsure: dict[str, str] = field(default_factory=dict)
    """Links whose document was taken → the other title that it bears."""
    doubts: list[str] = field(default_factory=list)
    """What is worth knowing."""
    near: tuple[str, str] | None = None
    """arXiv id and title of a paper whose title comes near; of the one taken, where one was."""
    arxiv_id: str | None = None
    by_title: bool = False
    """Whether the paper was found by its title, not by a link."""
    beside: bool = False
    """Whether the wrong links stand beside a right one."""

    @property
    def has_paper(self) -> bool:
        return any(one.paper for one in self.found)

    def tried(self, url: str, message: str) -> None:
        """Record an attempt that gave nothing and needs no attention."""
        self.attempts.append((url, "failed", message))

    def failed(self, url: str, message: str) -> None:
        """Record a link that failed."""
        self.tried(url, message)
        self.failures.append(message)

    def take(
        self,
        url: str,
        fetched: Fetched,
        title: str,
        authors: Sequence[str] = (),
        text: Path | None = None,
    ) -> None:
        """Take what an address gave: a paper, or with `text` a page that goes with it."""
        file = text or fetched.file
        digest = file.stem if text else fetched.hash
        name = file.relative_to(self.folder).as_posix()
        if all(one.hash != digest for one in self.found):
            joined = ", ".join(authors) or None
            self.found.append(LookupFile(url, name, digest, text is None, title, joined))
            self.attempts.append((fetched.url, fetched.event, fetched.note))

    def likeness(self, url: str, own: Described) -> Likeness:
        """Whether what an address gave is the reading; the instructor's word goes first."""
        return "same" if url in self.wanted.trusted else likeness(self.wanted, own)

    def title(self, own: str | None, verdict: Likeness) -> str:
        """The listed title where the document bears it, or the instructor says so. A document never
        goes by another's name."""
        listed = self.wanted.title
        borne = own is None or (verdict == "same" and not is_label(listed or ""))
        if listed and (borne or (self.wanted.named and not self.found)):
            return listed
        return own or listed or self.wanted.id

    def refuses(self, url: str, verdict: Likeness, title: str | None) -> bool:
        """Whether a document must not be taken, because it is not the reading; it is reported."""
        wanted = self.wanted.title
        if wanted is None or verdict == "same":
            return False
        if verdict == "unsure" or (is_label(wanted) and not self.found):
            if title:
                self.unsure[url] = title
                self.doubts.append(f"{url} calls itself “{title}”")
            return False
        self.beside = self.has_paper
        self.wrong[url] = title or "something else"
        self.tried(url, f"leads to “{self.wrong[url]}”")
        return True

    def lookup(self) -> Lookup:
        """The lookup, with what the instructor should know and can do about it."""
        state = "paper" if self.has_paper else "page" if self.found else "nothing"
        notes, remedy = self._outcome(state)
        return Lookup(
            source=self.wanted.source,
            reading=self.wanted.id,
            title=self.wanted.title or self.wanted.id,
            urls=self.wanted.urls,
            state=state,
            arxiv_id=self.arxiv_id,
            found=tuple(self.found),
            attempts=tuple(self.attempts),
            problem="; ".join(dict.fromkeys([*notes, *self.doubts])),
            remedy=remedy,
            suggested=tuple(self._suggested()),
        )

    def _outcome(self, state: str) -> tuple[list[str], str]:
        """What went wrong, in words, and the remedy; empty where nothing did."""
        taken = f"arXiv {self.arxiv_id}" if self.arxiv_id else ""
        wrong = [f"the link {url} leads to “{title}”" for url, title in self.wrong.items()]
        if wrong and self.beside:
            return wrong, "give that an entry of its own on the course page, or take the link out"
        if wrong:
            label = self.wanted.title or self.wanted.id
            also = [f"{label} is {taken}, which was taken"] if taken else []
            remedy = f"correct the link on the course page{f' to {taken}' if taken else ''}"
            return wrong + also, remedy
        if self.failures:
            first, _, remedy = self.failures[0].partition(" — ")
            if remedy.endswith(" the link"):
                remedy += " on the course page"
            if self.by_title:
                return [first, f"{taken} has that title and was taken"], ""
            return [first], remedy
        if state == "nothing":
            searched = ", and arXiv has no paper of that title" if self.attempts else ""
            remedy = "add a link to the course page, or ingest the PDF"
            local = [url for url in self.wanted.urls if not urlsplit(url).scheme]
            if local:
                return [f"its link {local[0]} leads to no file beside the page{searched}"], (
                    "save the file there, or ingest the PDF"
                )
            return [f"it has no link{searched}"], remedy
        return [], ""

    def _suggested(self) -> Iterator[Suggested]:
        """What the instructor may decide: another link, or that a doubted one is right."""
        doubted = next(iter(self.wrong), "")
        if self.near is not None:
            id_, title = self.near
            address = f"https://arxiv.org/abs/{id_}"
            kind: SuggestionKind = "replace" if doubted else "add"
            yield Suggested(kind, address, title, doubted, self.by_title)
        for url, title in self.wrong.items():
            yield Suggested("keep", url, title)
        for url, title in self.unsure.items():
            yield Suggested("keep", url, title, taken=True)
