"""What kind of work a reading is: a paper, a book, a video, …"""

from __future__ import annotations

from collections.abc import Mapping

from seminar_rag.types import WorkKind

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
