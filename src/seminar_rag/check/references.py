"""Citations as texts write them, and the entries of reference lists that belong to them. Pure.

The marks that are read are "(Wei et al., 2022)", "Wei et al. (2022, p. 3)", "[3]", "[1, 4-6]",
"[1]–[4]", "[2, p. 5]", the footnotes "[^1]" and "¹", arXiv ids and DOIs, besides the entries of a
reference list. Which reading one means, `readings` decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from seminar_rag import ids
from seminar_rag.text import fold
from seminar_rag.types import Cited

_YEAR = r"(?:19|20)\d\d"
_AND = r"(?:[,;]|,?\s(?:and|und|&))\s"
_LETTERED = rf"{_YEAR}(?:[a-z](?:{_AND}[a-z]\b(?!\.|\s?\d)){{0,5}})?"
_YEARS = rf"{_LETTERED}(?:{_AND}{_LETTERED}\b){{0,5}}"
"""Of works of the same authors: "2020, 2022", "2022a; 2022b", "2022a & b"; "2022a, p 5" is one."""
_DATED = re.compile(rf"({_YEAR})([a-z]?)|\b([a-z])\b")
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
_OTHERS = r"(?:,?\s(?:et\sal\.?(?:['’]s)?|u\.\s?a\.)|\sand\s(?:others|co-?\w+)|\sund\sandere)?"
_PEOPLE = rf"{_FAMILY}(?:(?:,\s|,?\s(?:and|und|&)\s){_FAMILY}){{0,8}}{_OTHERS}"
_PLACE = r"(?:,\s[A-Za-z]{1,5}\.?\s?\d[\w.–-]{0,11})?"
"""Where in a work: "[2, p. 5]"."""
_SUPERSCRIPT = r"(?:(?<=[.,;:!?)\]\"”’»])|(?<=[^\W\d_]{3}))[¹²³⁰⁴-⁹]{1,3}(?!\w)"
"""The number of a note, behind a word or a full stop: "m²" and "10²" have none."""
_FOOTNOTE = r"\[\^\d{1,3}\](?!:)"
_NUMBERS = re.compile(
    rf"\[(\d{{1,3}}(?:(?:\s*[,;–-]\s*|\]\s?[–-]\s?\[)\d{{1,3}})*){_PLACE}\]|{_FOOTNOTE}|{_SUPERSCRIPT}"
)
_SITE = r"\((?:[\w-]{1,40}\.){1,4}[a-z]{2,8}(?:\s?\+\d)?\)"
NOTE = re.compile(rf"(?:\[\^[\w-]{{1,30}}\](?!:)|{_SUPERSCRIPT}|【[^【】]{{1,60}}】|{_SITE})")
"""A mark that is no word of its sentence; the last two are those of chatbots: one that leads
nowhere, and the name of a site, which may be a link."""
NOTE_LABEL = re.compile(r"^\[\^[\w-]{1,30}\]:\s?")
_BRACKET = re.compile(r"[(\[]([^()\[\]]{4,})[)\]]")
_NEXT = re.compile(rf";(?!\s{_YEAR}[a-z]?(?:$|[,;]|\s(?:and|&)\s{_YEAR}))")
"""Between the works of a bracket; a year alone is of the authors before it."""
_MORE = r"(?:[,;:]\s[^()]{1,80})?"
"""Behind the year: a page, or further works."""
_SEE = r"(?:(?:see|e\.g\.|cf\.|also|i\.e\.|vgl\.|siehe|auch|z\.\s?B\.),?\s){0,4}"
_PART = re.compile(rf"^{_SEE}({_PEOPLE}),?\s({_YEARS})\b")
_PAGED = re.compile(rf"^{_SEE}({_PEOPLE}),?\s(?:pp?\.\s)?\d{{1,4}}(?:[–-]\d{{1,4}})?$")
"""Author and page, as the MLA has it: it may as well be "Llama 2", if no entry says otherwise."""
_NARRATIVE = re.compile(rf"({_PEOPLE})\s\(({_YEARS}){_MORE}\)")
_SAID = rf"{_PEOPLE}\s\({_YEARS}{_MORE}\)(?:\s[a-z]{{1,20}})?"
"""A narrative mark, and what its authors do: "Wei et al. (2022) find"."""
_FIRST_SAYS = re.compile(rf"(?:According\sto|As|Following|Per|In)\s{_SAID},\s(?=(\w))")
_LAST_SAYS = re.compile(rf",?\s(?:according\sto|as|per)\s{_SAID}(?=[.!]?$)")
"""Attributions that open or end a sentence and tell nothing but its source."""
_ARXIV = re.compile(
    rf"(?:\barXiv:\s?|\barxiv\.org/(?:abs|pdf)/)({ids.ARXIV})(?:v\d+)?(?:\.pdf)?"
    r"(?:\s\[[a-z]{2,10}[.-][a-z-]{2,12}\])?",  # "[cs.CL]"
    re.IGNORECASE,
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
        numbers = match[1] or unicodedata.normalize("NFKC", match[0]).strip("[^]")
        for part in re.split(r"(?<!\s)\s*[,;]\s*", numbers):
            first, _, last = (one.strip(" []") for one in re.sub("–", "-", part).partition("-"))
            stop = min(int(last or first), int(first) + _LONGEST_RANGE)
            for number in range(int(first), stop + 1):
                yield Cited(match[0], match.start(), match.end(), number=number)


def _named(text: str) -> Iterator[Cited]:
    for match in _NARRATIVE.finditer(text):
        yield from _dated(match, match)
    for match in _BRACKET.finditer(text):
        for part in _NEXT.split(match[1]):
            if named := _PART.match(part.strip()):
                yield from _dated(match, named)
            elif named := _PAGED.match(part.strip()):
                yield Cited(match[0], *match.span(), families(named[1]))


def _dated(mark: re.Match[str], named: re.Match[str]) -> Iterator[Cited]:
    """A work for each of the years of the same people."""
    people, year = families(named[1]), 0
    for one in _DATED.finditer(named[2]):
        year = int(one[1] or year)
        yield Cited(mark[0], *mark.span(), people, year, one[2] or one[3] or "")


def _identified(text: str) -> Iterator[Cited]:
    for match in _ARXIV.finditer(text):
        yield Cited(match[0], *match.span(), arxiv_id=match[1])
    for match in _DOI.finditer(text):
        doi = match[1].rstrip(".,;:")
        end = match.end(1) - len(match[1]) + len(doi)
        yield Cited(text[match.start() : end], match.start(), end, doi=doi.lower())


def without_marks(text: str) -> str:
    """`text` with its citation marks taken out, and "according to Wei et al. (2022)"; authors of
    whom the sentence says more stay."""
    text = NOTE_LABEL.sub("", text)
    if opening := _FIRST_SAYS.match(text):
        text = opening[1].upper() + text[opening.end() + 1 :]
    text = _LAST_SAYS.sub("", text)
    text = _NARRATIVE.sub(lambda match: match[1], text)
    text = _BRACKET.sub(lambda match: "" if _all_named(match[1]) else match[0], text)
    text = NOTE.sub("", _NUMBERS.sub("", text))
    text = re.sub(rf"\(\s*(?:{_ARXIV.pattern}|{_DOI.pattern})\s*\)", "", text, flags=re.IGNORECASE)
    text = re.sub(r" ([.,;:!?])(?!\d)", r"\1", " ".join(text.split()))
    return re.sub(r"(?<![.,;–-])(?:[,;–-]++|\.)(?=[.!?]$)", "", text)  # of "[2], [3]."


def _all_named(inside: str) -> bool:
    return all(_PART.match(part.strip()) for part in _NEXT.split(inside))


def families(people: str) -> tuple[str, ...]:
    """Family names of "Wei et al.", "Wei, Wang & Zhou"."""
    people = re.sub(rf"{_OTHERS}$", "", people)
    parts = re.split(r",|&|\b(?:and|und)\b", people)
    names = (re.search(rf"({_FAMILY})$", part.strip()) for part in parts)
    return tuple(re.sub("['’]s$", "", name[1]) for name in names if name)


def is_sure(cited: Cited) -> bool:
    """Whether a mark names a work, if no entry fits: a footnote need not, nor need a name with a
    number."""
    note = cited.number is not None and (cited.text[0] != "[" or cited.text[1] == "^")
    return not note and not (cited.authors and cited.year is None)


def is_a_mark(entry: str) -> bool:
    """Whether an entry is no more than "Wei et al., 2022"."""
    found = _PART.match(entry) or _NARRATIVE.match(entry)
    return bool(found) and not re.search(r"[^\W\d_]", entry[found.end() :] if found else "")


_ENTRY = re.compile(
    r"^\s*(?:\[\^?(\d{1,3})\]:?|(\d{1,3})[.)]|([¹²³⁰⁴-⁹]{1,3})(?=\s)|(\d{1,3})(?=[A-ZÀ-Þ][a-zß-ÿ]))\s*"
)
_LEFT_OVER = re.compile(r" ?[(\[] ?(?:[)\]]|$)|[,;:]? (?=[.,;:)\]])|[,;:](?= ?$)")
"""Marks of punctuation that belonged to an id."""


def entry(text: str, start: int, end: int, source: str = "") -> Cited:
    """An entry of a reference list with its number and ids. Title and authors are looked for in it
    as a whole, since every style puts them in another order; "Wei et al., 2022" is a mark too.

    Args:
        source: the entry with the targets of its links, which may have the ids.
    """
    head = _ENTRY.match(text)
    body = text[head.end() :] if head else text.strip()
    arxiv, doi = (one.search(body) or one.search(source) for one in (_ARXIV, _DOI))
    plain = _DOI.sub(" ", _ARXIV.sub(" ", re.sub(r"https?://\S+", " ", body)))
    plain = _LEFT_OVER.sub("", " ".join(plain.split())).strip()
    if not (plain or arxiv or doi):
        plain = body.strip()  # a bare address
    named = next(_named(f"({plain})"), None)
    return Cited(
        text.strip(),
        start,
        end,
        authors=named.authors if named else (),
        year=named.year if named else None,
        entry=plain,
        arxiv_id=arxiv[1] if arxiv else None,
        doi=doi[1].rstrip(".,;:").lower() if doi else None,
        number=int(unicodedata.normalize("NFKC", head[head.lastindex or 0])) if head else None,
    )


def resolve(cited: Cited, references: Sequence[Cited]) -> Cited:
    """A mark with what its reference-list entry adds; the mark as it is where none fits.

    Of several that fit, those come first whose first author has the cited name as a family name. Of
    works of one author and year that the list has without letters, "b" is the second.
    """
    fitting = [reference for reference in references if _same_work(cited, reference)]
    if not fitting:
        return cited
    called = f" {fold(cited.authors[0])}" if cited.authors else ""
    own = [one for one in fitting if any(called.endswith(f" {n}") for n in _families(one))]
    listed = own or fitting
    told = [one for one in listed if cited.letter in _letters(one, cited.year)]
    which = ord(cited.letter or "a") - ord("a")
    reference = told[0] if told else listed[min(which, len(listed) - 1)]
    return replace(
        cited,
        authors=cited.authors or reference.authors,
        year=cited.year or reference.year,
        entry=reference.entry,
        arxiv_id=cited.arxiv_id or reference.arxiv_id,
        doi=cited.doi or reference.doi,
    )


def _same_work(cited: Cited, reference: Cited) -> bool:
    if cited.number is not None:
        own = [one.text.startswith("[^") for one in (cited, reference)]
        return cited.number == reference.number and own[0] == own[1]
    if cited.arxiv_id or cited.doi:
        return (cited.arxiv_id, cited.doi) == (
            reference.arxiv_id if cited.arxiv_id else None,
            reference.doi if cited.doi else None,
        )
    letters = _letters(reference, cited.year) if cited.year else {""}
    if not (cited.authors and letters) or (cited.letter and not letters & {"", cited.letter}):
        return False
    first = fold(_first(reference)).split()[:_FIRST_WORDS]
    return set(fold(cited.authors[0]).split()) <= set(first)


def _letters(reference: Cited, year: int | None) -> set[str]:
    """What stands behind a year in an entry: "a", or nothing; empty where the year is not there.

    Numbers of a range of pages are no years, nor are parts of another number.
    """
    behind = {one[4:].lower() for one in _ALONE.findall(reference.entry) if one[:4] == str(year)}
    return behind - {""} or behind


def _first(reference: Cited) -> str:
    """The name of the first author, with which an entry begins, and what stands right behind it."""
    return _FIRST_END.split(reference.entry, maxsplit=1)[0]


def _families(reference: Cited) -> Iterator[str]:
    """What may be the first author's family name: "Wei J. On mills" may begin as "Jason J. Wei"
    does, so a word before initials is one as well as the last."""
    words = _NAME_END.split(_first(reference), maxsplit=1)[0].split()[:_FIRST_WORDS]
    for word, behind in zip_longest(words, words[1:]):
        if word and not _INITIALS.fullmatch(word) and (not behind or _INITIALS.fullmatch(behind)):
            yield fold(word)


def family(name: str) -> str:
    """The family name, folded, of "Jason Wei", "J. Wei" or "Wei J": the last word but initials."""
    words = name.split()
    full = [word for word in words if not _INITIALS.fullmatch(word)]
    return fold((full or words or [""])[-1])


_ALONE = re.compile(
    rf"(?<![\w–-])({_YEAR}[a-z]?)(?![\w–])(?!-(?!(?:0[1-9]|1[0-2])-\d\d\b))", re.IGNORECASE
)
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.?-?){1,3}|[JS]r\.?")
_NAME_END = re.compile(r"(?<=[^\W\d_]{2})\.|:")
_FIRST_END = re.compile(r"[,;&(\d“\"]|\b(?:and|und|et al|u\. ?a)\b")
"""Behind the name of the first author, with which an entry begins."""
_FIRST_WORDS = 5
"""Of a name; of what is longer, the rest is cut."""
