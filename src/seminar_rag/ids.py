"""Identifiers of papers: arXiv ids and DOIs, in addresses, file names and running text. Pure."""

from __future__ import annotations

import re

_MODERN = r"\d{4}\.\d{4,5}"
ARXIV = rf"(?:{_MODERN}|[a-z-]{{2,20}}(?:\.[a-z]{{2}})?/\d{{7}})"
"""Pattern of an arXiv id without its version, for use with `re.IGNORECASE`."""
DOI = r"10\.\d{4,9}/[^\s\"<>()\[\]?#]+"
"""Pattern of a DOI; the punctuation of the sentence around it may be part of a match."""
_ADDRESS = re.compile(
    r"(?:(?<![\w-])arxiv\.org/(?:abs|pdf|html|ps|format|e-print)/|alphaxiv\.org/(?:abs|pdf|overview)/"
    r"|(?<![\w-])ar5iv(?:\.labs)?\.(?:arxiv\.)?org/(?:abs|html)/|huggingface\.co/papers/"
    rf"|doi\.org/10\.48550/arxiv\.|^10\.48550/arxiv\.)({ARXIV})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"(?:arxiv:\s?)?({ARXIV})(?:v\d+)?", re.IGNORECASE)
_BARE = re.compile(rf"(?<!\d)({_MODERN})(?:v\d+)?(?!\d)")


def arxiv_of_address(url: str) -> str | None:
    """The arXiv id that a web address or a DOI names, without its version."""
    found = _ADDRESS.search(url)
    return found[1] if found else None


def arxiv_alone(text: str) -> str | None:
    """The arXiv id that the whole text is, with or without "arXiv:"; its version left out."""
    found = _ALONE.fullmatch(text.strip())
    return found[1] if found else None


def arxiv_in(text: str) -> list[str]:
    """The arXiv ids since 2007 that stand in a text or a file name, in order, without versions."""
    return _BARE.findall(text)


def arxiv_year(arxiv_id: str) -> int | None:
    """The year of submission, which the first two digits of an id give since April 2007. See
    arxiv.org/help/arxiv_identifier."""
    found = re.fullmatch(r"(\d\d)(\d\d)\.\d{4,5}", arxiv_id)
    return 2000 + int(found[1]) if found and 1 <= int(found[2]) <= 12 else None
