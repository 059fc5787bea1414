"""Readings as entries of BibTeX, RIS and CSL-JSON, which reference managers read. Pure.

Only what is known is written: no field is guessed but the year of an arXiv id, whose first digits
give the year of submission.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from seminar_rag.ids import arxiv_alone, arxiv_of_address, arxiv_year
from seminar_rag.text import FUNCTION_WORDS
from seminar_rag.types import Document
from seminar_rag.types.catalogue import Catalogue

_YEAR = re.compile(r"(?<!\d)(?:19[89]\d|20[0-4]\d)(?!\d)")
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}&%$#_"},
}


@dataclass(frozen=True, slots=True)
class _Work:
    """What is known of a reading."""

    key: str
    title: str
    names: list[str]
    year: str
    arxiv: str
    url: str


def _work(document: Document) -> _Work:
    arxiv = arxiv_id(document)
    names = _names(document.authors or "")
    year = str(arxiv_year(arxiv)) if arxiv else _year_in(document.url or "")
    url = f"https://arxiv.org/abs/{arxiv}" if arxiv else _url(document.url or "")
    return _Work(_key(names, year, document.title), document.title, names, year, arxiv, url)


def entry(document: Document) -> str:
    """Write the BibTeX entry of a reading: a preprint where its arXiv id is known, else by
    address."""
    return _bibtex(_work(document))


def _bibtex(one: _Work) -> str:
    fields = {
        "title": f"{{{escaped(one.title)}}}",  # a second pair keeps the capitals
        "author": " and ".join(map(escaped, one.names)),
        "year": one.year,
        "eprint": one.arxiv,
        "archivePrefix": "arXiv" if one.arxiv else "",
        "url": one.url,
    }
    rows = "".join(f",\n  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{one.key}{rows}\n}}\n"


def _ris(one: _Work) -> str:
    """A record of the RIS format (Research Information Systems, 2011): one tag a line."""
    names = [", ".join(filter(None, _parted(name))) for name in one.names if name != "others"]
    tags = [
        ("TY", "UNPB" if one.arxiv else "GEN"),
        ("ID", one.key),
        ("TI", one.title),
        *(("AU", name) for name in names),
        ("PY", one.year),
        ("AN", f"arXiv:{one.arxiv}" if one.arxiv else ""),
        ("UR", one.url),
    ]
    rows = [f"{tag}  - {' '.join(value.split())}" for tag, value in tags if value.strip()]
    return "\r\n".join([*rows, "ER  - ", ""])


def _csl(one: _Work) -> dict[str, object]:
    """An item of CSL-JSON (schema 1.0)."""
    names = [dict(zip(("family", "given"), _parted(name), strict=True)) for name in one.names
             if name != "others"]  # fmt: skip
    fields: dict[str, object] = {
        "id": one.key,
        "type": "article",
        "title": " ".join(one.title.split()),
        "author": [{part: value for part, value in name.items() if value} for name in names],
        "issued": {"date-parts": [[int(one.year)]]} if one.year else None,
        "number": f"arXiv:{one.arxiv}" if one.arxiv else "",
        "URL": one.url,
    }
    return {name: value for name, value in fields.items() if value}


def _parted(name: str) -> tuple[str, str]:
    """Family name and given names, as far as a name as it is written tells."""
    given, _, family = " ".join(name.split()).rpartition(" ")
    return family, given


TYPES = {
    "bib": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "json": "application/vnd.citationstyles.csl+json; charset=utf-8",
}
"""Ending of a file of references → its media type."""


def references(documents: Iterable[Document], kind: str) -> str:
    """Write readings as one file of a kind of `TYPES`, each under a key of its own."""
    used = Counter[str]()
    works = []
    for one in map(_work, documents):
        used[one.key] += 1
        again = used[one.key]
        works.append(replace(one, key=f"{one.key}-{again}") if again > 1 else one)
    if kind == "json":
        return json.dumps([_csl(one) for one in works], ensure_ascii=False, indent=1) + "\n"
    write, between = (_ris, "\r\n") if kind == "ris" else (_bibtex, "\n")
    return between.join(map(write, works))


def readings_of(catalogue: Catalogue, only: str = "") -> list[Document]:
    """Every reading once, as listed, with what its documents add; no notes.

    Args:
        only: the id of the one reading, or of the notes, that is wanted.
    """
    papers: dict[str, Document] = {}
    for record in catalogue.records.values():
        one = record.document
        if (one.kind != "notes" or one.reading == only) and (
            one.reading not in papers or one.kind == "paper"
        ):
            papers[one.reading] = one
    out: dict[str, Document] = {}
    for session in catalogue.sessions:
        for each in session.readings:
            known = papers.get(each.id)
            authors = each.authors or (known.authors if known else None)
            url = next(iter(each.urls), known.url if known else None)
            name = each.arxiv_id or each.id
            out.setdefault(each.id, Document(each.id, "paper", name, each.title, authors, url=url))
    out = {**out, **{id_: one for id_, one in papers.items() if id_ not in out}}
    return [one for id_, one in out.items() if only in ("", id_)]


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
