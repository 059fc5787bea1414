"""Names on a course page: author lines, and references written out in a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from seminar_rag.syllabus.letters import CAPITALS
from seminar_rag.syllabus.words import is_label, is_prose

_PARTICLES = frozenset(
    "de der den van von vom zu la le da di del della dos das do du el al bin ibn ben ter ten st y"
    " e 't af av".split()
)
_STARTERS = frozenset(
    "A An The This These Those That There We Our Us I It Its In On At As To For From With Within"
    " By Of Despite Although Though While When Where Why What Which Who How Are Is Was Were Can"
    " Could Do Does Did Has Have Had Will Would Should If Since Because Recent Recently Many Most"
    " Much Some Several Such Large Existing Current Modern However Moreover Here Today Over Under"
    " Through Using Based Both Each Every All Among Between During Given Not No One Two".split()
)
_NAME_NOISE = re.compile(
    r"(?<!\S)\S+@\S+|\{[^{}]*\}@\S+|view\s+orcid\s+profile|orcid(?:\s+id)?\b|\(\s*\d+\s+(?:additional\s+)?"
    r"authors?(?:\s+not\s+shown)?\s*\)|\([^()]*\)|[*†‡§¶∗#]+|(?<=[^\W\d_])\d+(?:,\d+)*|\^\{?[\d,]+\}?",
    re.I,
)
_YEAR_TAIL = re.compile(r"(?<![,\s(\[])[,\s(\[]*(?:19|20)\d\d[a-z]?\s*+[)\]]?[.,;:]?\s*$")
_CITED = re.compile(
    rf"\W*\(((?:[{CAPITALS}][\w’'-]++(?:,? (?:and|&) |, )?){{1,3}}(?: et al\.?)?)"
    r",? (?:19|20)\d\d[a-z]?\)"
)
"""A reference in brackets after a linked title: "(Bee and Dee, 2019)"."""
_NAME_GOES_ON = re.compile(rf"[^\s,]++(?:,|\s++(?:and|&)\s)|[{CAPITALS}]\.(?!\w)")
"""After the full stop of an initial: another initial, or a name that is not the last."""
_INITIALS_END = re.compile(rf",\s*+(?:[{CAPITALS}]\.\s?){{0,3}}[{CAPITALS}]$")
"""The initials that end "Brown, T. B", all but their last full stop."""
_INITIAL_LAST = re.compile(r",\s?(?:[^\W\d_]\.[\s-]?){1,4}(?:\(Eds?\.\)\.?)?$")
"""The initials, and the part of an editor, that end a list of names before its year, whatever the
names look like: "van der Zaag, P.", "hooks, b.", "Bakker, K. (Ed.)."."""
_PAIR = re.compile(rf"[{CAPITALS}][\w’'-]+ (?:and|&) [{CAPITALS}][\w’'-]+")
_AFTER_STOP = re.compile(rf"(?<=[\w)]\.)\s+(?=[{CAPITALS}0-9“\"])")
_SENTENCE_END = re.compile(rf"(?<=[^\W\d][.])\s|(?<=[?!])\s(?=[{CAPITALS}])")
_MIDDLE_INITIAL = re.compile(rf"[^\s,;&]\s+[{CAPITALS}]$")
_NO_NAMES = frozenset(
    "systems learning models model language agents memory tools training reasoning planning safety"
    " alignment evaluation networks intelligence attacks generation retrieval applications"
    " challenges methods analysis research survey data conference proceedings university institute"
    " department transactions journal workshop engineering science technologies laboratory"
    " introduction overview background security privacy benchmarks benchmark".split()
)
"""Nouns of titles and institutions: a list with them is one of topics or affiliations."""
_LONGEST = 6000
"""Characters looked at: more than any author line, and a bound on the time spent."""
_MOST_STOPS = 60
"""Full stops looked at as ends of a list of names: each author may have two initials."""


def split_citation(text: str) -> tuple[str | None, str]:
    """Authors and title of a reference written out; no authors and the text where it is none.

    Understood are a title in quotation marks, "Names (2020). Title. Venue", "Name et al. Title"
    and "Names. Title. Venue".
    """
    if len(text) > _LONGEST:
        return None, text
    quoted = re.search(r"[“\"]([^“”\"]{8,}?)[,.]?[”\"]", text)
    if quoted and len(quoted.group(1).split()) > 1:
        before = clean_names(_YEAR_TAIL.sub("", text[: quoted.start()].strip()))
        if not before or are_names(before):
            return before or None, quoted.group(1)
    dated = re.match(r"(.{3,400}?)\s*\((?:19|20)\d\d[a-z]?(?:,[^)]*)?\)[.,:]?\s+(?=\S)", text)
    if dated and (_INITIAL_LAST.search(dated[1]) or are_names(clean_names(dated[1]))):
        by = re.sub(r"\s?\(Eds?\.\)\.?$", "", dated[1])
        return clean_names(by), _first_sentence(text[dated.end() :])
    stops = _AFTER_STOP.finditer(text)
    for match in islice(stops, _MOST_STOPS):
        before = text[: match.start()].rstrip(".:")
        initial = len(before.split()[-1]) == 1
        more = _NAME_GOES_ON.match(text, match.end())
        if initial and (more or not _INITIALS_END.search(before)):
            continue  # the full stop of an initial, not of the list
        full = before + "." if initial or before.endswith("et al") else before
        if ("," in before or " and " in before or full != before) and are_names(clean_names(full)):
            return clean_names(full), _first_sentence(text[match.end() :])
        if len(before.split()) > 1 and (authors := _authors_and_venue(text[match.end() :])):
            return authors, before
    return None, text


def _authors_and_venue(text: str) -> str | None:
    """The authors in "A. Bee, C. Dee. Venue 2021", which follows a title."""
    authors = trailing_authors(text)
    return authors if authors and re.search(r"(?:19|20)\d\d", text[-30:]) else None


def trailing_authors(text: str) -> str | None:
    """Authors in what follows a title (", Devlin et al., 2018", ". A. Bee, C. Dee. ACL.")."""
    if cited := _CITED.match(text):
        return cited.group(1)
    text = text.strip(" ,.;:()[]–—-")[:_LONGEST]
    ends = (match.start() for match in re.finditer(r"\.\s|\s\(", text))
    for end in [*islice(ends, _MOST_STOPS), len(text)]:
        if end < len(text) and _MIDDLE_INITIAL.search(text[:end]):
            continue  # the full stop of a middle initial
        names = _whole(clean_names(_YEAR_TAIL.sub("", text[:end])))
        if names and (_is_name_list(names) or _PAIR.fullmatch(names)):
            return names
    return None


def leading_authors(text: str) -> str | None:
    """Authors in what stands before a linked title ("A. Bee and C. Dee (2021). ")."""
    text = text[:_LONGEST].strip(" \"“‘'")
    names = _whole(clean_names(_YEAR_TAIL.sub("", text.strip(" ,.;:–—-"))))
    if not names or _is_name_list(names):
        return names or None
    one = re.fullmatch(r"[^\s,;]+(?:\s+[^\s,;]+)+", names) and not is_label(names)
    one = one and text.endswith((".", ")", ","))
    several = re.search(r"[,;&]|\band\b", names)
    return names if (one or several) and are_names(names) else None


def _whole(names: str) -> str:
    return names + "." if names.endswith("et al") else names


def is_citation(text: str) -> bool:
    """Whether a line is a reference written out, with authors, title and a year."""
    if not re.search(r"\b(?:19|20)\d\d\b", text) or len(text.split()) > 200:
        return False
    ends = re.search(r"(?:19|20)\d\d[a-z]?\)?\W*$", text[-40:]) or len(text.split()) < 50
    return bool(ends) and split_citation(text)[0] is not None


def _first_sentence(text: str) -> str:
    return _SENTENCE_END.split(text, maxsplit=1)[0].strip(" .")


def clean_names(text: str) -> str:
    """An author line without e-mail addresses, affiliations, marks and counts."""
    names = _NAME_NOISE.sub(" ", text)
    names = re.sub(r"^\W*authors?\s*:\s*", "", names, flags=re.I)
    names = re.sub(r"(?<!\s)\s+([,;])", r"\1", " ".join(names.split()))
    return re.sub(r"([,;])(?:\s*[,;])+", r"\1", names).strip(" ,;:/")


def split_authors(text: str, title: str | None, breaks: Sequence[int] = ()) -> int | None:
    """Where in `text` the authors end; None when it does not begin with authors.

    The list may be the whole text, or run into the description: after a line break, after a
    slash, before the repeated title, or at the first word that opens a sentence.
    """
    if len(text) <= _LONGEST and _is_name_list(clean_names(text)):
        return len(text)
    text = text[:_LONGEST]
    run_in = _run_in(text)
    lines = (at for at in breaks if not re.search(r"(?:[,;&]|\band)\s*$", text[:at]))
    for at in (next(lines, 0), text.find(" / ")):
        if at > 0 and _is_name_list(clean_names(text[:at])):  # a name may be wrapped by hand
            return run_in if run_in is not None and at < run_in < at + 25 else at
    if title and (at := text.find(title)) > 0 and _is_name_list(clean_names(text[:at])):
        return at
    return run_in


def _run_in(text: str) -> int | None:
    """The end of a comma-separated list of names that runs straight into a sentence."""
    begin = 0
    for match in re.finditer(r",\s*", text):
        if not _is_name(text[begin : match.start()]):
            break
        begin = match.end()
    if not begin:
        return None
    words = [(m.group(), m.start() + begin) for m in re.finditer(r"\S+", text[begin:])]
    if words and words[0][0] == "and":
        words = words[1:]
    for count in range(1, min(5, len(words))):
        word, at = words[count]
        following = words[count + 1][0] if count + 1 < len(words) else ""
        opens = word in _STARTERS or (
            count >= 2
            and word[:1].isupper()
            and following[:1].islower()
            and following not in _PARTICLES
        )
        if opens and all(_is_name_word(w) for w, _ in words[:count]):
            return at if is_prose(text[at:]) else None
    return None


def _is_name_list(text: str) -> bool:
    segments = [s for s in re.split(r"[,;]|(?<!\s)\s+(?:and|&)\s+", text) if s.strip()]
    if not segments or not all(
        _is_name(s) or s.strip() in {"et al", "et al.", "..."} for s in segments
    ):
        return False
    if len(segments) == 1:
        return "et al" in text
    full = sum(len(s.split()) >= 2 for s in segments)
    return full >= 0.6 * len(segments) and (len(segments) > 2 or full == 2)


def _is_name(segment: str) -> bool:
    words = segment.split()
    if words and words[0].lower() in {"and", "&"}:
        words = words[1:]
    if len(words) >= 3 and [w.strip(".") for w in words[-2:]] == ["et", "al"]:
        words = words[:-2]
    return 0 < len(words) <= 5 and all(map(_is_name_word, words)) and not words[0].islower()


def _is_name_word(word: str) -> bool:
    bare = word.strip(".,'’-")
    if not bare or re.search(r"[\d:?!/]", bare):
        return False
    if bare.lower() in _PARTICLES:
        return True
    if bare.lower() in _NO_NAMES:
        return False
    return bare[0].isupper() and (len(bare) < 4 or not bare.isupper()) and bare not in {"The", "We"}


def are_names(text: str) -> bool:
    """Whether every part between commas is a name or initials, surnames alone included."""
    parts = [part for part in re.split(r"[,;]|(?<!\s)\s+(?:and|&)\s+|&", text) if part.strip()]
    return bool(parts) and all(
        _is_name(part.replace("et al.", "").strip() or "A") for part in parts
    )
