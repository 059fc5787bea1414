"""Citations as texts write them, and the readings of the course that they mean. Pure.

The marks that are read are "(Wei et al., 2022)", "Wei et al. (2022)", "[3]", "[1, 4-6]", arXiv ids
and DOIs, besides the entries of a reference list. A citation is matched to a reading by its ids
where both have one, then by the title, then by first author and year; the year of a reading is
known only where its arXiv id tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from textwrap import shorten
from typing import Literal

from seminar_rag import ids
from seminar_rag.text import fold, main_title
from seminar_rag.types import Cited
from seminar_rag.types.check import Work

_YEAR = r"(?:19|20)\d\d"
_NO_NAME = (
    r"(?!(?:In|On|At|By|Since|From|After|Before|Until|During|As|The|This|Figure|Table|Section|And"
    r"|January|February|March|April|May|June|July|August|September|October|November|December)\b)"
)
# Every repetition is bounded, and a name begins only where a word does: the text is of unknown
# origin, and a match must take time in proportion to its length.
_FAMILY = (
    r"(?:(?:van|von|de|der|den|di|la|le|al)\s){0,3}"
    rf"(?<![\w'’-]){_NO_NAME}[A-Z](?=[\w'’-]{{0,40}}?[a-z])[\w'’-]{{1,40}}(?![\w'’-])"
)
_OTHERS = r"(?:,?\set\sal\.?|\sand\s(?:others|co-?\w+))?"
_PEOPLE = rf"{_FAMILY}(?:(?:,\s|,?\s(?:and|&)\s){_FAMILY}){{0,8}}{_OTHERS}"
_NUMBERS = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_BRACKET = re.compile(r"[(\[]([^()\[\]]{4,})[)\]]")
_PART = re.compile(rf"^(?:(?:see|e\.g\.|cf\.|also|i\.e\.),?\s)*({_PEOPLE}),?\s({_YEAR})[a-z]?\b")
_NARRATIVE = re.compile(rf"({_PEOPLE})\s\(({_YEAR})[a-z]?\)")
_ARXIV = re.compile(
    rf"(?:\barXiv:\s?|\barxiv\.org/(?:abs|pdf)/)({ids.ARXIV})(?:v\d+)?(?:\.pdf)?", re.IGNORECASE
)
_DOI = re.compile(rf"(?:\bdoi:\s?|https?://(?:dx\.)?doi\.org/)?\b({ids.DOI})")
_LONGEST_RANGE = 20
_SHOWN = 120
"""Characters of an entry that a message has."""


def marks(text: str, offset: int = 0) -> list[Cited]:
    """The citation marks in `text`, in order; spans are shifted by `offset`.

    A mark that names several works gives one entry for each, with the mark's text and span.
    """
    found = [*_numbered(text), *_named(text), *_identified(text)]
    found.sort(key=lambda cited: (cited.start, cited.end))
    return [replace(c, start=c.start + offset, end=c.end + offset) for c in found]


def _numbered(text: str) -> Iterator[Cited]:
    for match in _NUMBERS.finditer(text):
        if text[match.end() : match.end() + 1] == "(":
            continue  # a Markdown link
        for part in re.split(r"(?<!\s)\s*[,;]\s*", match[1]):
            first, _, last = (piece.strip() for piece in re.sub("–", "-", part).partition("-"))
            stop = min(int(last or first), int(first) + _LONGEST_RANGE)
            for number in range(int(first), stop + 1):
                yield Cited(match[0], match.start(), match.end(), number=number)


def _named(text: str) -> Iterator[Cited]:
    for match in _NARRATIVE.finditer(text):
        yield Cited(match[0], *match.span(), authors=families(match[1]), year=int(match[2]))
    for match in _BRACKET.finditer(text):
        for part in match[1].split(";"):
            named = _PART.match(part.strip())
            if named:
                people = families(named[1])
                yield Cited(match[0], *match.span(), authors=people, year=int(named[2]))


def _identified(text: str) -> Iterator[Cited]:
    for match in _ARXIV.finditer(text):
        yield Cited(match[0], *match.span(), arxiv_id=match[1])
    for match in _DOI.finditer(text):
        doi = match[1].rstrip(".,;:")
        end = match.end() - (len(match[1]) - len(doi))
        yield Cited(text[match.start() : end], match.start(), end, doi=doi.lower())


def without_marks(text: str) -> str:
    """`text` with its citation marks taken out; authors who are part of the sentence stay."""
    text = _NARRATIVE.sub(lambda match: match[1], text)
    text = _BRACKET.sub(lambda match: "" if _all_named(match[1]) else match[0], text)
    text = _NUMBERS.sub("", text)
    text = re.sub(rf"\(\s*(?:{_ARXIV.pattern}|{_DOI.pattern})\s*\)", "", text, flags=re.IGNORECASE)
    return re.sub(r" ([.,;:!?])", r"\1", " ".join(text.split()))


def _all_named(inside: str) -> bool:
    return all(_PART.match(part.strip()) for part in inside.split(";"))


def families(people: str) -> tuple[str, ...]:
    """Family names of "Wei et al.", "Wei, Wang & Zhou"."""
    people = re.sub(r",? ?\b(?:et\sal\.?|and\s(?:others|co-?\w+))", "", people)
    names = (re.search(rf"({_FAMILY})$", part.strip()) for part in re.split(r",|&|\band\b", people))
    return tuple(name[1] for name in names if name)


_ENTRY = re.compile(r"^\s*(?:\[(\d{1,3})\]|(\d{1,3})[.)])\s+")


def entry(text: str, start: int, end: int) -> Cited:
    """An entry of a reference list with its number and ids. Title and authors are looked for in it
    as a whole, since every style puts them in another order; "Wei et al., 2022" is a mark too."""
    head = _ENTRY.match(text)
    body = text[head.end() :] if head else text.strip()
    arxiv, doi = _ARXIV.search(body), _DOI.search(body)
    plain = _DOI.sub(" ", _ARXIV.sub(" ", re.sub(r"https?://\S+", " ", body)))
    plain = " ".join(plain.split())
    named = next(_named(f"({plain})"), None)
    return Cited(
        text.strip(),
        start,
        end,
        authors=named.authors if named else (),
        year=named.year if named else None,
        told=plain,
        arxiv_id=arxiv[1] if arxiv else None,
        doi=doi[1].rstrip(".,;:").lower() if doi else None,
        number=int(head[1] or head[2]) if head else None,
    )


def resolve(cited: Cited, references: Sequence[Cited]) -> Cited:
    """A mark with what its reference-list entry adds; the mark as it is where none fits."""
    for reference in references:
        if _same_work(cited, reference):
            return replace(
                cited,
                authors=cited.authors or reference.authors,
                year=cited.year or reference.year,
                told=reference.told,
                arxiv_id=cited.arxiv_id or reference.arxiv_id,
                doi=cited.doi or reference.doi,
            )
    return cited


def _same_work(cited: Cited, reference: Cited) -> bool:
    if cited.number is not None:
        return cited.number == reference.number
    if cited.arxiv_id or cited.doi:
        return (cited.arxiv_id, cited.doi) == (
            reference.arxiv_id if cited.arxiv_id else None,
            reference.doi if cited.doi else None,
        )
    first = fold(_FIRST_END.split(reference.told, maxsplit=1)[0]).split()[:_FIRST_WORDS]
    return (
        bool(cited.authors)
        and all(one in first for one in fold(cited.authors[0]).split())
        and str(cited.year) in reference.told
    )


_FIRST_END = re.compile(r"[,;&(\d“\"]|\band\b|\bet al\b")
_FIRST_WORDS = 5
"""An entry begins with the name of its first author; what is longer is no name."""


# The readings that a citation can mean

SAME_TITLE = 90.0
"""Likeness (0 to 100) from which two titles are the same; subtitles may be left out."""
OTHER_TITLE = 60.0
"""Likeness up to which they are certainly not."""
_YEARS_LATER = 2
"""A paper may be printed so many years after it came out on arXiv."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a citation means; nothing, with the reason, where no reading fits."""

    works: tuple[Work, ...] = ()
    problem: Literal["mismatch", "unlisted"] | None = None
    reason: str = ""


def match(cited: Cited, works: Sequence[Work], numbered: bool = True) -> Match:
    """The readings that `cited` can mean.

    Args:
        numbered: the text has a reference list, so that a number must have an entry.
    """
    if not (cited.authors or cited.told or cited.arxiv_id or cited.doi):
        if numbered:
            return Match(problem="unlisted", reason="It has no entry in the reference list.")
        return Match(reason="It cannot be looked up: the text has no reference list.")
    by_id = _by_id(cited, works)
    by_title = _by_title(cited.told, works)
    work = by_id or by_title
    if work is not None:
        if reason := _disagree(cited, by_id, by_title):
            return Match((work,), "mismatch", f"Title and id disagree: {reason}")
        return Match((work,))
    titled = _has_title(cited.told)
    named = () if cited.arxiv_id or titled else tuple(w for w in works if _by_name(cited, w))
    if named:
        return Match(named)
    if cited.authors and not (titled or cited.arxiv_id or cited.doi):
        return Match(reason=f"No reading by {_called(cited)} is known.")
    return Match(reason=f"{_called(cited)} is not among the readings.")


def named_before(cited: Cited, text: str, works: Sequence[Work]) -> Cited:
    """A mark with an id alone, and the title of a reading that stands right before it."""
    if cited.told or not (cited.arxiv_id or cited.doi):
        return cited
    before = f" {fold(text.partition(cited.text)[0])}"
    titles = _titles(works)
    found = [one for one in titles if " " in one and before.endswith(f" {one}")]
    return replace(cited, told=titles[max(found, key=len)].title) if found else cited


def _disagree(cited: Cited, by_id: Work | None, by_title: Work | None) -> str:
    """How the title and the id of a citation name different works; empty where they do not."""
    if by_id is None:
        if by_title and by_title.arxiv_id and cited.arxiv_id:
            return f"“{by_title.title}” is arXiv {by_title.arxiv_id}, not {cited.arxiv_id}."
        return ""
    if by_title is not None and by_title.id != by_id.id:
        return f"the id is that of “{by_id.title}”, the title that of another reading."
    if _has_title(cited.told) and likeness(cited.told, by_id.title) < OTHER_TITLE:
        return f"the id is that of “{by_id.title}”, not {_called(cited)}."
    return ""


def _by_id(cited: Cited, works: Sequence[Work]) -> Work | None:
    arxiv = cited.arxiv_id or ids.arxiv_of_address(cited.doi or "")
    for work in works:
        if arxiv is not None and arxiv == work.arxiv_id:
            return work
        if cited.doi and any(cited.doi in url.lower() for url in work.urls):
            return work
    return None


def _by_title(told: str, works: Sequence[Work]) -> Work | None:
    """The reading whose title stands in what is told of a work, the longest where several do."""
    from rapidfuzz import fuzz, process

    titles = _titles(works)
    found = (
        process.extractOne(one, titles.keys(), scorer=fuzz.ratio, score_cutoff=SAME_TITLE)
        for one in _stretches(told)
    )
    names = [one[0] for one in found if one is not None]
    return titles[max(names, key=len)] if names else None


def _titles(works: Sequence[Work]) -> dict[str, Work]:
    """The readings by their folded titles, and by what stands before a subtitle."""
    heads = {_folded(work.title)[1]: work for work in works}
    wholes = {_folded(work.title)[0]: work for work in works}
    return {one: work for one, work in heads.items() if " " in one} | wholes


_BETWEEN = re.compile(r"[.,;:?!()\[\]“”\"]\s*+|\s[-–—]\s")
_LONGEST = 1_000
"""Characters of an entry that are looked at."""
_PIECES = 6
"""Pieces between marks that a title may have."""


def _stretches(told: str) -> list[str]:
    """What stands between any two marks of punctuation, folded: a title is one of these, whatever
    the style of the list. Of 570 entries (38 readings of the course in fifteen styles, as a
    processor of the Citation Style Language sets them) all lead to their reading among 170, and
    none to another where it is not among them."""
    pieces = _pieces(told)
    return [
        " ".join(pieces[start:stop])
        for start in range(len(pieces))
        for stop in range(start + 1, min(start + _PIECES, len(pieces)) + 1)
    ]


def _pieces(told: str) -> list[str]:
    return [piece for one in _BETWEEN.split(told[:_LONGEST]) if (piece := fold(one))]


def _has_title(told: str) -> bool:
    """Whether some piece has four words, as hardly a name or a number of pages has."""
    return any(piece.count(" ") > 2 for piece in _pieces(told))


def likeness(told: str, title: str) -> float:
    """How alike a title and the likest stretch of what is told of a work are, 0 to 100."""
    from rapidfuzz import fuzz

    whole, head = _folded(title)
    names = {whole, head} if " " in head else {whole}
    return max((fuzz.ratio(a, b) for a in _stretches(told) for b in names), default=0.0)


@lru_cache(maxsize=4096)
def _folded(title: str) -> tuple[str, str]:
    """A title and its part before the subtitle, as they are compared."""
    return fold(title), fold(main_title(title))


def _by_name(cited: Cited, work: Work) -> bool:
    """Whether first author and year fit."""
    if not cited.authors or not work.authors:
        return False
    first = fold(re.split(r"[,;&]|\band\b", work.authors)[0]).split()
    name = fold(cited.authors[0]).split()
    if not name or name[-1] not in first:
        return False
    everyone = fold(work.authors)
    named = all(fold(author) in everyone for author in cited.authors[1:])
    if not named and "et al" not in everyone:
        return False
    if cited.year is None or work.year is None:
        return True
    return work.year <= cited.year <= work.year + _YEARS_LATER


def _called(cited: Cited) -> str:
    """How to call the work in a message."""
    if cited.told:
        return f"“{shorten(cited.told, _SHOWN, placeholder=' …')}”"
    if cited.authors:
        people = cited.authors[0] + (" et al." if len(cited.authors) > 1 else "")
        return f"{people} ({cited.year})" if cited.year else people
    return f"arXiv {cited.arxiv_id}" if cited.arxiv_id else f"DOI {cited.doi}"
