"""What words and addresses on a course page mean. Pure, and the same for every form of page.

Everything here is about how reading lists are written in general: a long run of prose is a
description, "Optional" announces optional readings. No rule names a paper, a topic or a course.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from seminar_rag.ids import DOI, arxiv_alone, arxiv_of_address
from seminar_rag.syllabus.letters import CAPITALS
from seminar_rag.text import MONTH
from seminar_rag.types import Section

_DATE = (
    rf"(?:(?:\d{{1,2}}(?:st|nd|rd|th)?\s+)?{MONTH},?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?\d{{4}}"
    r"|\d{4}[/-]\d{1,2}(?:[/-]\d{1,2})?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:19|20)\d\d)"
)
_ONLY_DATE = re.compile(rf"^[\[(]?\s*{_DATE}\s*[\])]?[.,;:]?$", re.I)
_METADATA = re.compile(
    r"^\W*(?:submitted|revised|published|posted|updated|accepted|received|last revised"
    r"|subjects?|comments?|cite as|keywords?|venue|journal ref(?:erence)?|citations?|date"
    r"|version)\b\s*(?::|on\b|in\b|by\b|at\b|\d|$)"
    r"|^\W*(?:(?:guest|student|paper)\s+)?(?:presenters?|presented\s+by|speakers?|lecturers?|opponents?"
    r"|discussants?|leads?|leaders?|moderators?|hosts?|scribes?|instructors?|rooms?|location|time"
    r"|where|when|zoom)\s*:",
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
    (re.compile(r"^(?:(?:please|to)\s+)?read$|^readings?\s+due$", re.I), "required"),
    (re.compile(rf"^(?:{_REQUIRED}\s+)?readings?{_ABOUT}", re.I), "required"),
    (re.compile(rf"^{_REQUIRED}\s+(?:{_NOUN}|materials?){_ABOUT}", re.I), "required"),
)
_OF_SESSION = re.compile(
    r"^(?:(?:this|the)\s+)?(?:week|session|lecture|class)(?:['’]?s)?(?:\s+\d+)?(?:\s*[:–—-])?\s+"
    r"(?=\w)",
    re.I,
)
_SECTION_TITLE = re.compile(r"^(?:\w+\s+)?reading\s*:\s+(?=\S)", re.I)
_SECTION_LABEL = re.compile(
    rf"^\W*(?:{_MORE_ALONE}|required?|mandatory|assigned|readings?|papers"
    rf"|(?:{_MORE}|{_REQUIRED})\s+(?:readings?|papers?|articles?))\s*:\s+(?=\S)",
    re.I,
)
_OF_SECTION = (
    rf"(?:(?:{_MORE}|{_REQUIRED})\s+(?:readings?|papers?)|{_MORE_ALONE}|required?|mandatory|assigned"
    r"|references?|readings?)"
)
_SECTION_FRONT = re.compile(
    rf"^\W*(?:[\[(]\s*{_OF_SECTION}\s*[\])]\s*[:–—-]?|{_OF_SECTION}\s*(?::|\s[–—-]))\s+", re.I
)
_SECTION_TAIL = re.compile(
    r"(?<!\s)\s*(?:[\[(]\s*(?:optional|additional|supplementary|further|recommended|required?|mandatory)"
    r"(?:\s+(?:readings?|papers?))?\s*[\])]|[,–—-]\s*(?:optional|required))[\s.*]*$",
    re.I,
)
_LEADS_ON = re.compile(
    r"^(?:please\s+)?(?:click|check\s+out|read\s+more|continue\s+reading|back\s*(?:to\s*)?top|see\s+(?:more|all)"
    r"|share\s+(?:this|on)|(?:next|previous)\s+(?:post|page|week|session)|last\s+updated)\b",
    re.I,
)
_NOTHING = re.compile(
    r"^(?:none|nothing|tb[ad]|n/?a|to\s+be\s+(?:announced|determined)|no\s+(?:\w+\s+)?readings?\b.*)$",
    re.I,
)
_ASKS = re.compile(r"\b(?:read(?:ings?)?|papers?|chapters?|articles?)\b", re.I)
_FILLERS = frozenset(
    "the a an and or of on at in to for via from with by is are this its our their also as".split()
)
_RESOURCE_LABEL = re.compile(
    r"^\W*(?:lectures?|slides?|decks?|recordings?|homework|assignment)\s*(?:\d+\s*)?:", re.I
)
_OTHER = re.compile(
    r"^(?:\w+\s+){0,2}(?:slides?|decks?|homeworks?|assignments?|announcements?|logistics"
    r"|recordings?|videos?|materials?|deadlines?|quiz(?:zes)?|schedule|presenters?|attendance|grading)"
    r"(?:\s+\w+)?$",
    re.I,
)
_NOTES = re.compile(
    r"^(?:(?:student|session|class|lecture|team|scribe|our|the)\w*+(?:['’]s?)?\s+)*"
    r"(?:blog(?:\s*post)?s?|notes|scribe\s+notes|write[- ]?up)\b\s*"
    r"(?:$|[:(–—-]|(?:start|of|by|from)\b)",
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
_MATERIALS = frozenset(
    "slide slides deck decks video videos recording recordings lecture notes homework assignment"
    " quiz exercise exercises lab handout handouts ppt pptx the of".split()
)
_LABEL = re.compile(r"^\W*+([\w./ -]{1,30}?)\s*[:：]\s*")
_WORK = r"(?:posts?|papers?|work|readings?|blog(?:\s*post)?|article|video|talk)"
_LEAD_IN = re.compile(
    rf"^(?:(?:related|see|also|plus)(?:\s+also)?(?:\s+{_WORK})?\s*:\s*"
    rf"|(?:plus|see\s+also|also\s+see)\s+|{_WORK}\s+\d{{1,2}}\s*[:.–—-]\s*)",
    re.I,
)
_KIND = r"(?:blog\s?post|paper|article|post|video|talk|book)"
_RESOURCE = re.compile(
    rf"^(?i:{_KIND})(?:\s{{0,4}}[:：\])]\s{{0,4}}|\s{{1,4}}(?=[“\"]))(?=[^\W\d_]|[“\"])"
    rf"|^{_KIND}\s{{1,4}}(?=[{CAPITALS}])"
)
"""What kind of work a title names, parted from it: by a sign, or as the only of the two words that
is written small. "Paper Money" is no paper called "Money"."""
_VENUE = re.compile(
    r"(?<!\s)(?:\s*[/|,.–—-]\s*|\s+|\s*\()[A-Za-z]{0,20}@?"
    r"(?:[A-Z]{3}[A-Za-z]{0,20}|[A-Z][a-z]{0,20}[A-Z]\w{0,20})"
    r"(?:\s+|'|’)?(?:19|20)\d\d\)?\.?$"
)
_TRAILING_DATE = re.compile(
    r"(?<!\s)\s*+[\[(]\s*+"
    rf"(?:(?:updated|published|posted|submitted|released|revised)\s*+:?\s*+)?{_DATE}"
    r"(?:\s*+[–-]\s*+\w++)?\s*+[\])]$",
    re.I,
)
_EMOJI = re.compile(r"^[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\s]+")
_LETTER = re.compile(r"^(?:\(?[a-zA-Z][.)]|\(?\d{1,3}[.)])\s+(?=\S)")
_WRITTEN_ARXIV = re.compile(r"(?<!\s)\s*+(?:[,(\[]\s*)?\barxiv:\s?([\w.-]+(?:/\d{7})?)[)\]]?", re.I)
_WRITTEN_DOI = re.compile(rf"\bdoi:\s?({DOI})", re.I)
_REDIRECT = re.compile(
    r"https?://(?:www\.google\.[a-z.]{2,6}/url|[\w.]+\.safelinks\.protection\.outlook\.com/)\?",
    re.I,
)
"""Google Docs and Outlook lead every link over a page of their own."""
_LONGEST_TITLE = 1000


def target(url: str) -> str:
    """Where an address leads that only leads on to another one."""
    if not _REDIRECT.match(url):
        return url
    values = parse_qs(urlsplit(url).query)
    return next((values[name][0] for name in ("q", "url") if name in values), url)


def normal(text: str) -> str:
    """Text without the punctuation around it, spaces single."""
    return " ".join(text.split()).strip(" \t:：.–—-*_#|/")


def section_of(text: str) -> Section | None:
    """The section a heading announces; None where it announces none."""
    plain = re.sub(r"^\W+", "", normal(text))
    plain = _LETTER.sub("", plain)
    if text.rstrip().endswith(":") and re.fullmatch(rf"{_MORE}|references?", plain, re.I):
        return "more"
    if len(plain.split()) > 9 or "?" in plain:
        return None
    if (owner := _OF_SESSION.match(plain)) and section_of(plain[owner.end() :]):
        return section_of(plain[owner.end() :])
    return next((section for rule, section in _SECTION_RULES if rule.search(plain)), None)


def title_in_section(text: str) -> str:
    """The title in a heading like "Required reading: Title"; empty without one."""
    match = _SECTION_TITLE.match(text)
    return text[match.end() :] if match else ""


def section_label(text: str) -> int:
    """Length of a label such as "Optional reading:" that opens an entry on its own line."""
    match = _SECTION_LABEL.match(text)
    return match.end() if match else 0


def section_marks(text: str) -> tuple[int, int]:
    """Which part of an entry's line is left when a section's label at either end is cut.

    Labels are "[Optional]", "Required:" in front and "(optional)", "– required" at the end.
    """
    if match := _SECTION_FRONT.match(text):
        return match.end(), len(text)
    match = _SECTION_TAIL.search(text)
    return 0, match.start() if match and match.start() else len(text)


def is_nothing(text: str) -> bool:
    """Whether a line says that there is nothing to read ("TBA"), or leads on ("Click below")."""
    plain = normal(text).strip("()[]")
    if len(plain.split()) < 20 and _LEADS_ON.match(plain):
        return True
    return not re.search(r"\w", plain) or bool(_NOTHING.match(plain))


def names_readings(label: str) -> bool:
    """Whether a label at a list item says that the item is a reading ("Required reading")."""
    return bool(re.search(r"\breadings?\b", label, re.I))


def asks_to_read(text: str) -> bool:
    """Whether a sentence speaks of something to be read."""
    return bool(_ASKS.search(text))


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


def is_resource(text: str) -> bool:
    """Whether a line only names a session's materials ("Slides", "Video", "Homework 2")."""
    found = re.findall(r"[^\W\d_]+", text.lower())
    return 0 < len(found) <= 4 and all(word in _MATERIALS for word in found)


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
    title = _WRITTEN_ARXIV.sub("", re.sub(r"https?://\S+", " ", text)).replace("**", " ")
    title = " ".join(title[:_LONGEST_TITLE].split())
    for _ in range(8):  # one decoration may hide another
        before = title
        title = _EMOJI.sub("", title)
        title = re.sub(r"\s[+]$", "", title.strip(" \t:：,/|–—-•*([{"))
        title = re.sub(r"^[\"“]([^\"“”]+?)[,.]?[\"”][,.]?$", r"\1", title)
        title = _LETTER.sub("", title)
        title = _LEAD_IN.sub("", title)
        title = _RESOURCE.sub("", title)
        title = _TRAILING_DATE.sub("", title)
        title = _VENUE.sub("", title)
        title = re.sub(r"(?<!\s)\s+(?:at|from|via|URL|Link)$", "", title)
        title = re.sub(r"\(\s*\)|\[\s*\]", "", title).strip()
        if title == before:
            break
    return title or None


def arxiv_id(urls: Sequence[str], text: str = "") -> str | None:
    """The arXiv id of the first address that has one, or as written out; without version."""
    written = _WRITTEN_ARXIV.search(text)
    named = arxiv_alone(written[1]) if written else None
    return next((found for url in urls if (found := arxiv_of_address(url))), named)


def written_doi(text: str) -> list[tuple[str, int, int]]:
    """The address of the one DOI that is written out in a text without addresses, "doi:10.1/2",
    with the place where it begins and ends."""
    found = [] if "://" in text else list(_WRITTEN_DOI.finditer(text))
    if len(found) != 1:
        return []
    doi, at = found[0][1].rstrip(".,;:*_’”"), found[0].start(1)
    return [(f"https://doi.org/{doi}", at, at + len(doi))]
