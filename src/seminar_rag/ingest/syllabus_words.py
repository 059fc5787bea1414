"""What words and addresses on a course page mean. Pure, and the same for every form of page.

Everything here is about how reading lists are written in general: names in a row are authors, a
long run of prose is a description, "Optional" announces optional readings. No rule names a paper,
a topic or a course.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.types import Section

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE = (
    rf"(?:(?:\d{{1,2}}(?:st|nd|rd|th)?\s+)?{_MONTH},?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?\d{{4}}"
    r"|\d{4}[/-]\d{1,2}(?:[/-]\d{1,2})?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:19|20)\d\d)"
)
_ONLY_DATE = re.compile(rf"^[\[(]?\s*{_DATE}\s*[\])]?[.,;:]?$", re.I)
_METADATA = re.compile(
    r"^\W*(?:submitted|revised|published|posted|updated|accepted|received|last revised"
    r"|subjects?|comments?|cite as|keywords?|venue|journal ref(?:erence)?|citations?|date"
    r"|version)\b\s*(?::|on\b|in\b|by\b|at\b|\d|$)",
    re.I,
)
_MORE = (
    r"(?:even\s+more|more|extra|additional|optional|further|supplementa\w+|recommended|other"
    r"|suggested|background|bonus|secondary)"
)
_MORE_ALONE = (
    r"(?:even\s+more|more|extra|additional|optional|further|supplementa\w+|recommended|suggested)"
)
_REQUIRED = r"(?:required?|mandatory|assigned|core|main|primary|essential|key|must[- ]reads?)"
_NOUN = r"(?:readings?|papers?|articles?|reading\s+(?:list|materials?)|paper\s+list|literature)"
_ABOUT = r"(?:\s*[:(–—-]|\s+(?:on|for|about)\b)"
_SECTION_RULES: tuple[tuple[re.Pattern[str], Section], ...] = (
    (re.compile(rf"^{_MORE_ALONE}$", re.I), "more"),
    (re.compile(rf"^{_MORE}\s+(?:\w+\s+)?(?:{_NOUN}|materials?)(?:$|{_ABOUT})", re.I), "more"),
    (re.compile(r"^(?:required?|mandatory|assigned)$", re.I), "required"),
    (re.compile(rf"^(?:{_REQUIRED}\s+)?{_NOUN}$", re.I), "required"),
    (re.compile(rf"^(?:{_REQUIRED}\s+)?readings?{_ABOUT}", re.I), "required"),
    (re.compile(rf"^{_REQUIRED}\s+(?:{_NOUN}|materials?){_ABOUT}", re.I), "required"),
)
_OF_SESSION = re.compile(
    r"^(?:(?:this|the)\s+)?(?:week|session|lecture|class)(?:['’]?s)?(?:\s+\d+)?\s*[:–—-]?\s+"
    r"(?=\w+)",
    re.I,
)
_SECTION_LABEL = re.compile(
    rf"^\W*(?:{_MORE_ALONE}|required?|mandatory|assigned|readings?|papers"
    rf"|(?:{_MORE}|{_REQUIRED})\s+(?:readings?|papers?|articles?))\s*:\s+(?=\S)",
    re.I,
)
_OTHER = re.compile(
    r"^(?:\w+\s+){0,2}(?:slides?|decks?|homeworks?|assignments?|announcements?|logistics"
    r"|recordings?|videos?|deadlines?|quiz(?:zes)?|schedule|presenters?|attendance|grading)"
    r"(?:\s+\w+)?$|^back\s*(?:to\s*)?(?:the\s+)?top$",
    re.I,
)
_NOTES = re.compile(
    r"^(?:(?:student|session|class|lecture|team|scribe|our|the)\w*['’]?s?\s+)*"
    r"(?:blog(?:\s*post)?s?|notes|scribe\s+notes|write[- ]?up)\b\s*(?:$|[:(–—-]|start\b)",
    re.I,
)
_GROUP = re.compile(
    r"\b(?:readings|papers|articles|resources|tools|links)\b\W*(?:\b(?:on|for|in|about|of)\b.*)?$",
    re.I,
)
_PART = re.compile(
    r"^(?:abstract|summary|tl;?dr|authors?|links?|url|key\s+\w+|contributions?|main\s+\w+"
    r"|description|overview|takeaways?|highlights?|why\b.*|notes?|venue|methods?|results?"
    r"|motivation|introduction|conclusions?|discussion(?:\s+questions)?|questions?)\W*$",
    re.I,
)
_LABEL_WORDS = frozenset(
    "paper papers pdf link links url doi arxiv github repo repository code data dataset datasets"
    " website web site project page homepage blog blogpost post slide slides deck video videos demo"
    " model models weights available source see read online preprint published journal conference"
    " leaderboard docs documentation tutorial huggingface hugging face openreview open review"
    " citation citations bibtex supplement supplementary appendix here html download full text"
    " article access official abstract abs lecture talk recording poster acl anthology pubmed hf"
    " gitlab www more info information technical report version short long neurips nips icml iclr"
    " emnlp naacl eacl cvpr iccv eccv aaai ijcai kdd colm tmlr jmlr chi usenix osdi sosp nature"
    " science biorxiv medrxiv ssrn authors author key".split()
)
_FILLERS = frozenset(
    "the a an and or of on at in to for via from with by is are this its our their also as".split()
)
_RESOURCE_LABEL = re.compile(
    r"^\W*(?:lectures?|slides?|decks?|recordings?|homework|assignment)\s*(?:\d+\s*)?:", re.I
)
_LABEL = re.compile(
    rf"^\W*(?:{_MORE_ALONE}|required?|mandatory|assigned|readings?|papers"
    rf"|(?:{_MORE}|{_REQUIRED})\s+(?:readings?|papers?|articles?))\s*:\s+(?=\S)",
    re.I,
)
_OTHER = re.compile(
    r"^(?:\w+\s+){0,2}(?:slides?|decks?|homeworks?|assignments?|announcements?|logistics"
    r"|recordings?|videos?|deadlines?|quiz(?:zes)?|schedule|presenters?|attendance|grading)"
    r"(?:\s+\w+)?$",
    re.I,
)
_NOTES = re.compile(
    r"^(?:(?:student|session|class|lecture|team|scribe|our|the)\w*['’]?s?\s+)*"
    r"(?:blog(?:\s*post)?s?|notes|scribe\s+notes|write[- ]?up)\b\s*(?:$|[:(–—-]|start\b)",
    re.I,
)
_GROUP = re.compile(
    r"\b(?:readings|papers|articles|resources|tools|links)\b\W*(?:\b(?:on|for|in|about|of)\b.*)?$",
    re.I,
)
_PART = re.compile(
    r"^(?:abstract|summary|tl;?dr|authors?|links?|url|key\s+\w+|contributions?|main\s+\w+"
    r"|description|overview|takeaways?|highlights?|why\b.*|notes?|venue|methods?|results?"
    r"|motivation|introduction|conclusions?|discussion(?:\s+questions)?|questions?)\W*$",
    re.I,
)
_LABEL_WORDS = frozenset(
    "paper papers pdf link links url doi arxiv github repo repository code data dataset datasets"
    " website web site project page homepage blog blogpost post slides slide video videos demo"
    " model models weights available source see read online preprint published journal conference"
    " leaderboard docs documentation tutorial huggingface openreview citation citations bibtex"
    " supplement supplementary here html download full text article access official abstract"
    " lecture talk recording poster acl anthology pubmed hf gitlab www more info".split()
)
_LABEL = re.compile(r"^\W*([\w./ -]{1,30}?)\s*[:：]\s*")
_LEAD_IN = re.compile(
    r"^(?:(?:related|see(?:\s+also)?|also|plus|and)\b(?:\s+(?:post|paper|work|reading|blog(?:\s*post)?"
    r"|article|video|talk))?\s*:?\s+)+",
    re.I,
)
_RESOURCE = re.compile(
    r"^(?:blog\s*post|paper|article|post|video|talk|book)\s*:?\s+(?=[A-Z“\"])", re.I
)
_VENUE = re.compile(
    r"(?:\s*[/|,–—-]\s*|\s+|\s*\()[A-Za-z]*@?(?:[A-Z]{3,}[A-Za-z]*|[A-Z][a-z]*[A-Z]+\w*)"
    r"(?:\s+|'|’)?(?:19|20)\d\d\)?$"
)
_YEAR_TAIL = re.compile(r"[,\s(\[]*(?:19|20)\d\d[a-z]?\s*[)\]]?[.,;:]?\s*$")
_TRAILING_DATE = re.compile(
    rf"\s*[\[(]\s*(?:(?:updated|published|posted|submitted|released|revised)\s*:?\s*)?{_DATE}"
    r"(?:\s*[–-]\s*\w+)?\s*[\])]$",
    re.I,
)
_LETTER = re.compile(r"^(?:\(?[a-zA-Z][.)]|\(?\d{1,3}[.)])\s+(?=\S)")
_ARXIV = re.compile(
    r"(?:arxiv\.org/(?:abs|pdf|html|ps|format|e-print)/|alphaxiv\.org/(?:abs|pdf|overview)/"
    r"|ar5iv\.(?:labs\.arxiv\.)?org/(?:abs|html)/|huggingface\.co/papers/"
    r"|doi\.org/10\.48550/arxiv\.)(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})",
    re.I,
)
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
    r"\S+@\S+|\{[^}]*\}@\S+|view\s+orcid\s+profile|orcid(?:\s+id)?\b|\(\s*\d+\s+(?:additional\s+)?"
    r"authors?(?:\s+not\s+shown)?\s*\)|\([^()]*\)|[*†‡§¶∗#]+|(?<=[^\W\d_])\d+(?:,\d+)*|\^\{?[\d,]+\}?",
    re.I,
)


def normal(text: str) -> str:
    """Text without the punctuation around it, spaces single."""
    return " ".join(text.split()).strip(" \t:：.–—-*_#|/")


def section_of(text: str) -> Section | None:
    """The section a heading announces; None where it announces none."""
    plain = re.sub(r"^\W+", "", normal(text))
    plain = _LETTER.sub("", plain)
    if len(plain.split()) > 9 or "?" in plain:
        return None
    if (owner := _OF_SESSION.match(plain)) and section_of(plain[owner.end() :]):
        return section_of(plain[owner.end() :])
    return next((section for rule, section in _SECTION_RULES if rule.search(plain)), None)


def section_label(text: str) -> int:
    """Length of a label such as "Optional reading:" that opens an entry on its own line."""
    match = _SECTION_LABEL.match(text)
    return match.end() if match else 0


def is_other(text: str) -> bool:
    """Whether a heading announces something else than readings ("Lecture slides", "Homework")."""
    plain = re.sub(r"^\W+", "", normal(text))
    return ":" not in plain and bool(_OTHER.match(plain))


def opens_notes(text: str) -> bool:
    """Whether a heading announces the students' notes."""
    return len(text.split()) < 25 and bool(
        _NOTES.match(normal(text) + (":" if ":" in text else ""))
    )


def is_group(text: str) -> bool:
    """Whether a heading names several readings ("2025 high-impact papers")."""
    return bool(_GROUP.search(normal(text))) and not re.search(r":\s+\S", text)


def is_part(text: str) -> bool:
    """Whether a heading names a part of an entry ("Abstract", "Key ideas")."""
    return bool(_PART.match(normal(text)))


def is_metadata(text: str) -> bool:
    """Dates, subjects, comments: neither authors nor description."""
    return bool(_METADATA.match(text) or _ONLY_DATE.match(text.strip()))


def is_prose(text: str) -> bool:
    """Running text about a work, as against a title, a topic or a label."""
    count = len(text.split())
    if count >= 30:
        return True
    if count < 12 or is_title_case(text):
        return False
    ends = len(re.findall(r"(?:\w\w|[)\]”\"'’])[.!?…](?=[\s\"”’')|]|$)", text))
    return ends > 1 or bool(re.search(r"(?:[.…]|[.!?…][\"”’'])[)|\s]*$", text))


def is_title_case(text: str) -> bool:
    """Whether most of the long words begin with a capital."""
    long = [word for word in re.findall(r"[^\W\d_][\w'’-]*", text) if len(word) > 3]
    capitals = sum(1 for word in long if word[0].isupper())
    return capitals >= 0.7 * len(long)


def is_label(text: str) -> bool:
    """Whether the words beside a link only say what the link is ("Paper:", "code available at")."""
    if _ONLY_DATE.match(text.strip(" :,-")) or is_metadata(text) or _RESOURCE_LABEL.match(text):
        return True
    found = [word for word in re.findall(r"[\w']+", text.lower()) if word not in _FILLERS]
    return len(found) <= 6 and all(
        word in _LABEL_WORDS or not word.strip("v.").strip("0123456789") for word in found
    )


def leads_in(text: str) -> bool:
    """Whether a line announces one more work ("See also …", "Related: …")."""
    return bool(_LEAD_IN.match(text))


def is_placeholder(text: str) -> bool:
    """Whether a text is the label of a link that was lost ("URL")."""
    return normal(text).lower() in {"url", "link", "here", "pdf", "paper", "arxiv"}


def without_label(text: str) -> tuple[str, int]:
    """Text after a leading label such as "Abstract:", and how many characters were cut."""
    match = _LABEL.match(text)
    if match and (is_part(match.group(1)) or is_label(match.group(1))):
        return text[match.end() :], match.end()
    return text, 0


def clean_title(text: str) -> str | None:
    """A title as the page words it, without decoration.

    Lost are item letters, "related:", trailing colons, dates and venues, addresses and stray
    emphasis marks; None when nothing is left.
    """
    title = re.sub(r"https?://\S+", " ", text).replace("**", " ")
    title = " ".join(title.split())
    before = None
    while before != title:
        before = title
        title = re.sub(r"\s[+]$", "", title.strip(" \t:：,/|–—-•*([{"))
        title = re.sub(r"^[\"“]([^\"“”]+?)[,.]?[\"”][,.]?$", r"\1", title)
        title = _LETTER.sub("", title)
        title = _LEAD_IN.sub("", title)
        title = _RESOURCE.sub("", title)
        title = _TRAILING_DATE.sub("", title)
        title = _VENUE.sub("", title)
        title = re.sub(r"\s+(?:at|from|via|in|URL|Link)$", "", title)
        title = re.sub(r"\(\s*\)|\[\s*\]", "", title).strip()
    return title or None


def arxiv_id(urls: Sequence[str]) -> str | None:
    """The arXiv id of the first address that has one, without version."""
    return next((match.group(1) for url in urls if (match := _ARXIV.search(url))), None)


def split_citation(text: str) -> tuple[str | None, str]:
    """Authors and title of a reference written out; no authors and the text where it is none.

    Understood are a title in quotation marks, "Names (2020). Title. Venue", "Name et al. Title"
    and "Names. Title. Venue".
    """
    quoted = re.search(r"[“\"]([^”\"]{8,}?)[,.]?[”\"]", text)
    if quoted and len(quoted.group(1).split()) > 1:
        before = clean_names(_YEAR_TAIL.sub("", text[: quoted.start()].strip()))
        if not before or _are_names(before):
            return before or None, quoted.group(1)
    dated = re.match(r"(.{3,400}?)\s*\((?:19|20)\d\d[a-z]?(?:,[^)]*)?\)[.,:]?\s+(?=\S)", text)
    if dated and _are_names(clean_names(dated.group(1))):
        return clean_names(dated.group(1)), _first_sentence(text[dated.end() :])
    for match in re.finditer(r"(?<=[\w)]\.)\s+(?=[A-Z0-9“\"])", text):
        before = text[: match.start()].rstrip(".:")
        initial = len(before.split()[-1]) == 1
        more = re.match(r"[^\s,]+(?:,|\s+(?:and|&)\s)", text[match.end() :])
        if initial and (more or not re.search(r",\s*[A-Z]$", before)):
            continue  # the full stop of an initial, not of the list
        full = before + "." if initial or before.endswith("et al") else before
        if ("," in before or " and " in before or full != before) and _are_names(clean_names(full)):
            return clean_names(full), _first_sentence(text[match.end() :])
    return None, text


def trailing_authors(text: str) -> str | None:
    """Authors in what follows a linked title (", Devlin et al., 2018")."""
    names = clean_names(_YEAR_TAIL.sub("", text.strip(" ,.;:()–—-")))
    return names if names and _is_name_list(names) else None


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[^\W\d][.])\s|(?<=[?!])\s(?=[A-Z])", text, maxsplit=1)[0].strip(" .")


# ---------------------------------------------------------------- names


def _is_name_word(word: str) -> bool:
    bare = word.strip(".,'’-")
    if not bare or any(char.isdigit() for char in bare):
        return False
    if bare.lower() in _PARTICLES:
        return True
    return bare[0].isupper() and (len(bare) < 4 or not bare.isupper()) and bare not in {"The", "We"}


def _is_name(segment: str) -> bool:
    words = segment.split()
    if words and words[0].lower() in {"and", "&"}:
        words = words[1:]
    if len(words) >= 3 and [w.strip(".") for w in words[-2:]] == ["et", "al"]:
        words = words[:-2]
    return 0 < len(words) <= 5 and all(map(_is_name_word, words)) and not words[0].islower()


def _is_name_list(text: str) -> bool:
    segments = [s for s in re.split(r"[,;]|\s+and\s+|\s+&\s+", text) if s.strip()]
    if not segments or not all(
        _is_name(s) or s.strip() in {"et al", "et al.", "..."} for s in segments
    ):
        return False
    if len(segments) == 1:
        return "et al" in text
    full = sum(len(s.split()) >= 2 for s in segments)
    return full >= 0.6 * len(segments) and (len(segments) > 2 or full == 2)


def _are_names(text: str) -> bool:
    """Whether every part between commas is a name or initials, surnames alone included."""
    parts = [part for part in re.split(r"[,;]|\s+and\s+|\s+&\s+|&", text) if part.strip()]
    return bool(parts) and all(
        _is_name(part.replace("et al.", "").strip() or "A") for part in parts
    )


def clean_names(text: str) -> str:
    """An author line without e-mail addresses, affiliations, marks and counts."""
    names = _NAME_NOISE.sub(" ", text)
    names = re.sub(r"^\W*authors?\s*:\s*", "", names, flags=re.I)
    names = re.sub(r"\s+([,;])", r"\1", " ".join(names.split()))
    return re.sub(r"([,;])(?:\s*[,;])+", r"\1", names).strip(" ,;:/")


def split_authors(text: str, title: str | None, breaks: Sequence[int] = ()) -> int | None:
    """Where in `text` the authors end; None when it does not begin with authors.

    The list may be the whole text, or run into the description: after a line break, after a
    slash, before the repeated title, or at the first word that opens a sentence.
    """
    if _is_name_list(clean_names(text)):
        return len(text)
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
