"""A reading as a BibTeX entry. Pure.

Only what is known is written: no field is guessed but the year of an arXiv id, whose first digits
give the year of submission.
"""

from __future__ import annotations

import re
import unicodedata

from seminar_rag.ids import arxiv_alone, arxiv_of_address, arxiv_year
from seminar_rag.text import FUNCTION_WORDS
from seminar_rag.types import Document

_YEAR = re.compile(r"(?<!\d)(?:19[89]\d|20[0-4]\d)(?!\d)")
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}&%$#_"},
}


def entry(document: Document) -> str:
    """Write the entry of a reading: a preprint where its arXiv id is known, else by address."""
    arxiv = arxiv_id(document)
    names = _names(document.authors or "")
    year = str(arxiv_year(arxiv)) if arxiv else _year_in(document.url or "")
    fields = {
        "title": f"{{{escaped(document.title)}}}",  # a second pair keeps the capitals
        "author": " and ".join(map(escaped, names)),
        "year": year,
        "eprint": arxiv,
        "archivePrefix": "arXiv" if arxiv else "",
        "url": f"https://arxiv.org/abs/{arxiv}" if arxiv else _url(document.url or ""),
    }
    rows = "".join(f",\n  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{_key(names, year, document.title)}{rows}\n}}\n"


def arxiv_id(document: Document) -> str:
    """The arXiv id by which the course knows the reading, or of its address; "" without."""
    for text in (document.reading, document.url or ""):
        found = arxiv_alone(text) or arxiv_of_address(text) or ""
        if arxiv_year(found):
            return found
    return ""


def escaped(text: str) -> str:
    """Escape a text for TeX, on one line."""
    line = " ".join(text.split())
    return "".join(_SPECIAL.get(one, one) for one in line if one.isprintable())


def _names(authors: str) -> list[str]:
    """Split authors as course pages list them: by commas, semicolons or "and"."""
    line = " ".join(authors.split())
    listed = re.sub(r"(?i)\bet al\b\.?", ", others", line)
    found = (one.strip(" .") for one in re.split(r"[;,&]|\band\b", listed))
    return [name for name in found if len(name) > 1 and any(map(str.isalnum, name))]


def _year_in(url: str) -> str:
    """The year that an address names, as those of conferences do; "" for none or several."""
    found = {one[0] for one in _YEAR.finditer(url)}
    return found.pop() if len(found) == 1 else ""


def _url(url: str) -> str:
    """An address as it is, since styles set the field verbatim; "" where it could end the field."""
    return url if re.fullmatch(r"https?://[^\s{}\\]+", url) else ""


def _key(names: list[str], year: str, title: str) -> str:
    family = names[0].split()[-1] if names else ""
    words = [word for word in re.findall(r"\w+", title) if word.lower() not in FUNCTION_WORDS]
    plain = unicodedata.normalize("NFKD", f"{family}{year}{words[0] if words else ''}")
    return re.sub(r"[^a-z0-9]", "", plain.lower()) or "reading"
