"""Citations as texts write them: marks in a sentence, and entries of a reference list. Pure.

Knows "(Wei et al., 2022)", "Wei et al. (2022)", "[3]", "[1, 4-6]", arXiv ids and DOIs. It does
not know which works the course has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from seminar_rag import ids
from seminar_rag.types import Cited

_YEAR = r"(?:19|20)\d\d"
_NO_NAME = (
    r"(?!(?:In|On|At|By|Since|From|After|Before|Until|During|As|The|This|Figure|Table|Section|And"
    r"|January|February|March|April|May|June|July|August|September|October|November|December)\b)"
)
_FAMILY = rf"(?:(?:van|von|de|der|den|di|la|le|al)\s)*\b{_NO_NAME}[A-Z][\w'’-]*[a-z][\w'’-]*"
_OTHERS = r"(?:,?\set\sal\.?|\sand\s(?:others|co-?\w+))?"
_PEOPLE = rf"{_FAMILY}(?:(?:,\s|,?\s(?:and|&)\s){_FAMILY}){{0,8}}{_OTHERS}"
_NUMBERS = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_BRACKET = re.compile(rf"[(\[]([^()\[\]]*\b{_YEAR}[a-z]?\b[^()\[\]]*)[)\]]")
_PART = re.compile(rf"^(?:(?:see|e\.g\.|cf\.|also|i\.e\.),?\s)*({_PEOPLE}),?\s({_YEAR})[a-z]?\b")
_NARRATIVE = re.compile(rf"({_PEOPLE})\s\(({_YEAR})[a-z]?\)")
_ARXIV = re.compile(
    rf"(?:\barXiv:\s?|\barxiv\.org/(?:abs|pdf)/)({ids.ARXIV})(?:v\d+)?(?:\.pdf)?", re.IGNORECASE
)
_DOI = re.compile(rf"(?:\bdoi:\s?|https?://(?:dx\.)?doi\.org/)?\b({ids.DOI})")
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
        for part in re.split(r"\s*[,;]\s*", match[1]):
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
    text = re.sub(r"\s+([.,;:!?])", r"\1", text)
    return re.sub(r"\s{2,}", " ", text).strip()


def _all_named(inside: str) -> bool:
    return all(_PART.match(part.strip()) for part in inside.split(";"))


def families(people: str) -> tuple[str, ...]:
    """Family names of "Wei et al.", "Wei, Wang & Zhou", "Wei, J., Wang, X.", "J. Wei, X. Wang"."""
    people = re.sub(rf"[,.]?\s*\b{_YEAR}[a-z]?\.?$", "", people.strip())
    people = re.sub(r",?\s*\b(?:et\sal\.?|and\s(?:others|co-?\w+))", "", people)
    initials = r",\s(?:[A-Z]\.?[\s-]?)+(?![a-z])"
    if re.match(rf"\s*{_FAMILY}{initials}", people):
        return tuple(re.findall(rf"({_FAMILY}){initials}", people))
    parts = re.split(r"\s*(?:,|;|&|\band\b)\s*", people)
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
    quoted = re.search(r"[\"“]([^\"”]{8,})[\"”]", plain)
    if quoted:
        return plain[: quoted.start()], quoted[1].strip(" .,")
    dated = re.search(rf"[,.]?\s*\(({_YEAR})[a-z]?\)[.,:]?\s*", plain)
    if dated and plain[dated.end() :].strip():
        return plain[: dated.start()], _until_stop(plain[dated.end() :])
    # "J. Wei, X. Wang. Title. Venue, 2022.": the first stop that ends no initial;
    # nor "et al. 2022"
    stop = re.search(r"(?<![\s.\-][A-Z])(?<!^[A-Z])\.\s+(?=[A-Z]|(?<!\bal\.\s)\d)", plain)
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
