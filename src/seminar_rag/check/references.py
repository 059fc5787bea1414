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
_INITIALS = r",\s(?:[A-Z]\.?[\s-]?){1,6}(?![a-z])"
_LONGEST_RANGE = 20


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
    """Family names of "Wei et al.", "Wei, Wang & Zhou", "Wei, J., Wang, X.", "J. Wei, X. Wang"."""
    people = re.sub(rf"[,.]? ?\b{_YEAR}[a-z]?\.?$", "", " ".join(people.split()))
    people = re.sub(r",? ?\b(?:et\sal\.?|and\s(?:others|co-?\w+))", "", people)
    if re.match(rf"{_FAMILY}{_INITIALS}", people):
        return tuple(re.findall(rf"({_FAMILY}){_INITIALS}", people))
    parts = re.split(r",|;|&|\band\b", people)
    names = [re.search(rf"({_FAMILY})\.?$", part.strip()) for part in parts]
    return tuple(name[1] for name in names if name)


_ENTRY = re.compile(r"^\s*(?:\[(\d{1,3})\]|(\d{1,3})[.)])\s+")


def entry(text: str, start: int, end: int) -> Cited:
    """An entry of a reference list: number, authors, year, title and ids, as far as they show."""
    head = _ENTRY.match(text)
    number = int(head[1] or head[2]) if head else None
    body = text[head.end() :] if head else text.strip()
    arxiv, doi = _ARXIV.search(body), _DOI.search(body)
    plain = _DOI.sub(" ", _ARXIV.sub(" ", re.sub(r"https?://\S+", " ", body)))
    plain = " ".join(plain.split())
    years = re.findall(rf"\b({_YEAR})[a-z]?\b", plain)
    bracketed = re.search(rf"\(({_YEAR})[a-z]?\)", plain)
    year = int(bracketed[1]) if bracketed else int(years[-1]) if years else None
    people, title = _people_and_title(plain)
    return Cited(
        text.strip(),
        start,
        end,
        authors=families(people),
        year=year,
        title=title,
        arxiv_id=arxiv[1] if arxiv else None,
        doi=doi[1].rstrip(".,;:").lower() if doi else None,
        number=number,
    )


def _people_and_title(plain: str) -> tuple[str, str | None]:
    quoted = re.search(r"[\"“]([^\"“”]{8,})[\"”]", plain)
    if quoted:
        return plain[: quoted.start()], quoted[1].strip(" .,")
    dated = re.search(rf"[,.]? ?\({_YEAR}[a-z]?\)[.,:]? ?", plain)
    if dated and plain[dated.end() :].strip():
        return plain[: dated.start()], _until_stop(plain[dated.end() :])
    # "J. Wei, X. Wang. Title. Venue, 2022.": the first stop that ends no initial;
    # nor "et al. 2022"
    stop = re.search(r"(?<![\s.\-][A-Z])(?<!^[A-Z])\. (?=[A-Z]|(?<!\bal\.\s)\d)", plain)
    if stop is None:
        return plain, None
    rest = re.sub(rf"^{_YEAR}[a-z]?\.\s*", "", plain[stop.end() :])
    return plain[: stop.start()], _until_stop(rest)


def _until_stop(text: str) -> str | None:
    title = re.split(r"[.?!](?:\s|$)", text.strip(), maxsplit=1)[0].strip(" ,")
    return title or None


def resolve(cited: Cited, references: Sequence[Cited]) -> Cited:
    """A mark with what its reference-list entry adds; the mark as it is where none fits."""
    for reference in references:
        if _same_work(cited, reference):
            return replace(
                cited,
                authors=cited.authors or reference.authors,
                year=cited.year or reference.year,
                title=reference.title,
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
    return (
        bool(cited.authors and reference.authors)
        and cited.authors[0] == reference.authors[0]
        and cited.year == reference.year
    )


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
    if not (cited.authors or cited.title or cited.arxiv_id or cited.doi):
        if numbered:
            return Match(problem="unlisted", reason="It has no entry in the reference list.")
        return Match(reason="It cannot be looked up: the text has no reference list.")
    by_id = _by_id(cited, works)
    by_title = _by_title(cited.title, works)
    work = by_id or by_title
    if work is not None:
        if reason := _disagree(cited, by_id, by_title):
            return Match((work,), "mismatch", f"Title and id disagree: {reason}")
        return Match((work,))
    named = () if cited.arxiv_id or cited.title else tuple(w for w in works if _by_name(cited, w))
    if named:
        return Match(named)
    if cited.authors and not (cited.title or cited.arxiv_id or cited.doi):
        return Match(reason=f"No reading by {_called(cited)} is known.")
    return Match(reason=f"{_called(cited)} is not among the readings.")


def named_before(cited: Cited, text: str, works: Sequence[Work]) -> Cited:
    """A mark with an id alone, and the title of a reading that stands right before it."""
    if cited.title or not (cited.arxiv_id or cited.doi):
        return cited
    before = f" {fold(text.partition(cited.text)[0])}"
    titles = {_folded(work.title)[1]: work.title for work in works}
    titles |= {_folded(work.title)[0]: work.title for work in works}
    found = [one for one in titles if " " in one and before.endswith(f" {one}")]
    return replace(cited, title=titles[max(found, key=len)]) if found else cited


def _disagree(cited: Cited, by_id: Work | None, by_title: Work | None) -> str:
    """How the title and the id of a citation name different works; empty where they do not."""
    if by_id is None:
        if by_title and by_title.arxiv_id and cited.arxiv_id:
            return f"“{by_title.title}” is arXiv {by_title.arxiv_id}, not {cited.arxiv_id}."
        return ""
    if by_title is not None and by_title.id != by_id.id:
        return f"the id is that of “{by_id.title}”, the title that of another reading."
    if cited.title and likeness(cited.title, by_id.title) < OTHER_TITLE:
        return f"the id is that of “{by_id.title}”, not “{cited.title}”."
    return ""


def _by_id(cited: Cited, works: Sequence[Work]) -> Work | None:
    arxiv = cited.arxiv_id or ids.arxiv_of_address(cited.doi or "")
    for work in works:
        if arxiv is not None and arxiv == work.arxiv_id:
            return work
        if cited.doi and any(cited.doi in url.lower() for url in work.urls):
            return work
    return None


def _by_title(title: str | None, works: Sequence[Work]) -> Work | None:
    if not title or not works:
        return None
    best = max(works, key=lambda work: likeness(title, work.title))
    return best if likeness(title, best.title) >= SAME_TITLE else None


def likeness(one: str, other: str) -> float:
    """How alike two titles are, 0 to 100; a title is like itself with a subtitle."""
    from rapidfuzz import fuzz

    (whole, head), (other_whole, other_head) = _folded(one), _folded(other)
    shorter = (head, other_whole), (whole, other_head)
    pairs = [(a, b) for a, b in shorter if " " in a and " " in b]
    return max(fuzz.ratio(a, b) for a, b in [(whole, other_whole), *pairs])


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
    if cited.title:
        return f"“{cited.title}”"
    if cited.authors:
        people = cited.authors[0] + (" et al." if len(cited.authors) > 1 else "")
        return f"{people} ({cited.year})" if cited.year else people
    return f"arXiv {cited.arxiv_id}" if cited.arxiv_id else f"DOI {cited.doi}"
