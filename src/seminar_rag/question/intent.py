"""What a question is after: the course itself, small talk, or a part of the readings. Pure rules.

A question counts as one about the course only when all of it has such a form, so that no question
about what the readings say is answered with a list of them. Names no course and no subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from seminar_rag.text import CARDINALS, ORDINALS, content_words

Wish = Literal[
    "greeting",
    "thanks",
    "help",
    "organisation",
    "count",
    "sessions",
    "session",
    "readings",
    "when",
    "reading",
    "authors",
    "by",
    "link",
]

_NUMBERS = CARDINALS | ORDINALS
LAST = -1
"""The number of the last session."""
_MEETING = r"(?:sessions?|weeks?|class(?:es)?|meetings?|lectures?|seminars?)"
_DIGITS = r"\d{1,3}"
_NTH = (
    rf"{_MEETING}\s*(?:#|no\.?|number|nr\.?)?\s*"
    rf"(?P<number>{_DIGITS}(?:(?:\s*(?:,|and|&|-|–|to)\s*)+{_DIGITS})*"
    rf"|(?:{'|'.join(CARDINALS)})\b)"
)
_N = rf"(?:{_NTH}|(?:very )?(?P<number>{'|'.join(ORDINALS)}|last|final|latest) {_MEETING})"
_TEXTS = r"(?:papers?|readings?|articles?|texts?|literature|reading list)"
_SUMMED = (
    r"(?:(?P<summed>summari[sz]e|sum up|outline|describe|tell me about|(?:give )?(?:me )?"
    r"(?:an? |the )?(?:short |brief |quick )?(?:summary|overview|outline|gist) (?:of|for))"
    r" (?:the )?)"
)
_VERB = r"(?:which|what|list|show|name|give|tell)(?: me| us)?"
_WHICH = rf"(?:{_VERB}(?: are| is)?(?: all)?(?: of)?(?: the)?)"
_SECTION = (
    r"(?P<section>required|mandatory|assigned|obligatory|optional|additional|further|recommended|"
    r"other|more)?"
)
_TOPIC = r"(?P<topic>.{2,100})"
_FEW = r"(?P<topic>\S+(?: \S+){0,3})"
"""A subject of four words at most: what is longer tells more than a subject."""
_COURSE = r"(?:the|this|our|your) (?:course|seminar|class|syllabus)"
_WE = r"(?:we|i|you|the course|the seminar|this course|this seminar)"
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|please|so|ok(?:ay)?|and|well|just|thanks)[,!.]?\s+)*"
    r"(?:do you know,? |i(?: would|['’]d) like to know,? |i want to know,? )?"
    r"(?:(?:can|could|would|will) you (?:please )?)?(?:(?:tell|show) me,? (?!about))?(?:please )?",
    re.IGNORECASE,
)
_WRITTEN_OUT = (
    (re.compile(r"\bwks?\b\.?|\bwk(?=\d)", re.IGNORECASE), "week"),
    (re.compile(r"\blec(?:s|ture)?\b\.?(?= ?\d)", re.IGNORECASE), "lecture"),
    (re.compile(r"\b(what|who|where|when|there)(?:['’]?s)\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\b(what|who|where|when)['’]?re\b", re.IGNORECASE), r"\1 are"),
)

_FORMS: tuple[tuple[Wish, str], ...] = (
    (
        "greeting",
        r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day))(?: there| all)?"
        r"|how are you(?: doing)?(?: today)?",
    ),
    (
        "thanks",
        r"(?:(?:ok(?:ay)?|great|perfect|cool|nice|good|super)[,!. ]*)?"
        r"(?:thanks?|thank you|thx|ty|cheers|bye|good ?bye|see you|ok(?:ay)?|great|perfect|cool|"
        r"nice|got it|i see|understood)"
        r"(?: (?:a lot|so much|very much|you|for (?:the|your) (?:help|answers?)))?"
        r"(?:,? (?:bye|that (?:helps|helped|is (?:great|helpful))))?",
    ),
    (
        "help",
        r"(?:help|what can (?:you|i) (?:do|ask|help(?: me)? with)(?: (?:you|here|about))?|"
        r"who are you|what are you|what is this|how (?:do|does|can|should) (?:you|this|i) "
        r"(?:work|help|use (?:you|this))|what do you (?:do|know)(?: about)?|are you (?:an? )?"
        r"(?:chat ?gpt|chat ?bot|bot|ai|human|person|robot|llm|language model|machine|real)|"
        r"do you speak \w+|(?:which|what) (?:language )?model are you|who (?:made|built) you)",
    ),
    (
        "organisation",
        rf"who (?:teaches|gives|runs|holds|leads|is teaching)(?: (?:this|{_COURSE}))?"
        r"|who (?:is|are) (?:the|our|my) (?:\w+ )?(?:instructors?|teachers?|professors?|lecturers?|"
        r"tutors?|tas?|teaching assistants?)(?: (?:of|for) (?:this|the) (?:course|class|seminar))?"
        r"|what (?:is|do (?:we|i) have) (?:due|next|on|up next)"
        r"(?: (?:for|on|by|next|this|today|tomorrow|week|"
        r"(?:mon|tues|wednes|thurs|fri|satur|sun)day))*"
        r"|(?:what|which)(?: (?:is|are|do|does|should|must|will|have|we|i|to|need|read|prepare|"
        rf"discuss|due|the|topics?|of|for|in|on|{_TEXTS}))* (?:next|this|the (?:next|coming)|today"
        rf"['’]s) {_MEETING}(?: about)?"
        r"|when (?:is|are|does|do) (?:the |our |we )?(?:next |final |first |midterm )?(?:exams?|"
        rf"deadlines?|homework|assignments?|projects?|presentations?|{_MEETING})"
        r"(?: due| meets?| starts?| begins?| take place)?"
        r"|when (?:is|are) (?:the|our|my) (?:\S+ ){1,4}due\b.{0,80}"
        r"|(?:what are |when are )?(?:the |your )?office hours"
        rf"|how (?:is|are|will) (?:{_COURSE}|we|i)(?: be)? graded"
        rf"|(?:where|what time|when) (?:is|does|do) (?:{_COURSE}|{_MEETING}|we)"
        r"(?: held| take place| meet| start| begin)?",
    ),
    (
        "count",
        rf"how many {_SECTION} ?(?P<what>{_MEETING}|{_TEXTS})"
        r"(?: are(?: there)?| is there| (?:does|do) (?:the course|the seminar|"
        r"we|you) (?:have|cover|know|read)| are listed)?(?: in all| in total)?"
        rf"(?: (?:in|of|for|on) (?:the )?(?:{_N}|(?:course|seminar|list)|this (?:course|seminar)))?"
        rf"|how many {_SECTION} ?(?P<what>{_TEXTS}) (?:does|do|did) {_N} (?:have|list)",
    ),
    (
        "sessions",
        rf"{_WHICH} {_MEETING}s?(?: are there| do we have| does the (?:course|seminar) have)?"
        r"(?: in (?:the|this) (?:course|seminar))?"
        r"|(?:what|which) (?:topics?|subjects?) (?:does|do|are|is) (?:the|this) "
        r"(?:course|seminar) (?:cover|about)(?:ed)?|what is (?:the|this) (?:course|seminar) about"
        rf"|{_SUMMED}{_COURSE}|(?:the )?(?:course|seminar) (?:overview|outline|schedule|plan)"
        r"|(?:show |give |what is )?(?:me |us )?(?:the )?(?:syllabus|schedule|course plan)",
    ),
    (
        "session",
        rf"{_WHICH} {_SECTION} ?{_TEXTS}(?: (?:are|is|were|was|do|does|did|will|should|must))?"
        rf"(?: (?:we|i|there|listed|assigned|required|read|discussed|have|to read|need to read|"
        rf"must i read))*(?: (?:in|of|for|from|on|at))? (?:the )?{_N}(?: list| have| has)?"
        rf"|{_WHICH} {_SECTION} ?{_TEXTS} (?:does|do) {_N} (?:have|list|cover)"
        rf"|{_WHICH} {_TEXTS} (?:are|is) (?P<section>required|mandatory|optional)"
        rf" (?:in|of|for) (?:the )?{_N}"
        rf"|(?:the )?{_N}(?:['’]s?)? {_SECTION} ?{_TEXTS}|s(?P<number>\d{{1,2}}) {_TEXTS}"
        rf"|(?:the )?{_SECTION} ?{_TEXTS} (?:in|of|for|from) s(?P<number>\d{{1,2}})"
        rf"|(?:the )?{_SECTION} ?{_TEXTS} (?:in|of|for|from) (?:the )?{_N}"
        rf"|what (?:do|should|must|did|will) (?:we|i) (?:have to )?(?:read|prepare) (?:for|in) "
        rf"(?:the )?{_N}"
        rf"|what is (?:the )?{_N}(?: is)? about"
        rf"|what (?:is|are|was) (?:in|on in|(?:the )?(?:topics?|title|subject|name) of|on) "
        rf"(?:the )?{_N}"
        rf"|(?:the )?(?:topics?|title|subject) of (?:the )?{_N}"
        rf"|what (?:does|did) (?:the )?{_N} (?:cover|deal with|discuss)"
        rf"|what (?:do|did|will) we (?:discuss|do|cover|learn) in (?:the )?{_N}"
        rf"|{_SUMMED}{_N}|(?:the )?{_N}",
    ),
    (
        "readings",
        rf"{_WHICH} {_SECTION} ?{_TEXTS}"
        r"(?: (?:are there|there are|do we have|are listed|do we read))?"
        r"(?: (?:in|of|for|on) (?:the|this) (?:course|seminar|list))?"
        r"|(?:all )?(?:the )?(?P<section>required|mandatory|assigned) readings"
        r"|(?:the )?reading list"
        rf"|(?:which|what) {_TEXTS} (?:are|is) (?P<section>required|mandatory|optional)",
    ),
    (
        "by",
        rf"(?:{_WHICH} |any |are there (?:any )?|do we (?:have|read) (?:any )?)?{_TEXTS}"
        r"(?: are| are there| do we have| do we read)? (?:written )?by "
        r"(?P<topic>\S+(?: \S+){0,2})",
    ),
    (
        "link",
        r"(?:(?:give|send|show)(?: me)? |what is |where is )?(?:the |a )?"
        rf"(?:links?|url|address|pdf) (?:to|of|for) {_TOPIC}"
        r"|where (?:can|do|could) (?:i|we) (?:find|get|download|read) "
        r"(?P<topic>.{2,100}? (?:paper|article|reading|pdf))",
    ),
    (
        "when",
        rf"(?:in |on )?(?:which|what) {_MEETING} (?:is|are|was) {_TOPIC} "
        r"(?:discussed|covered|read|treated|in|on)"
        rf"|(?:in |on )?(?:which|what) {_MEETING} (?:(?:is|are|was) (?:on|about)|covers?|"
        r"discuss(?:es)?|deals? with|talks? about|treats?|d(?:o|id) we (?:discuss|cover|read|talk "
        rf"about))(?: (?:on|about))? {_TOPIC}"
        rf"|(?:when|where) (?:do|did|will|shall) {_WE} (?:discuss|cover|talk about|read|learn about"
        rf"|treat|do|get to) {_TOPIC}|(?:when|where) (?:is|was) {_TOPIC} (?:discussed|covered)"
        rf"|(?:do|does|did|will) {_WE} (?:cover|discuss|treat|talk about|deal with) {_FEW}",
    ),
    (
        "reading",
        r"what (?:should|could|can|do) (?:i|we) (?:best )?read (?:on|about|to (?:learn|know|"
        r"understand)(?: more)?(?: about)?|if i want to (?:learn|know|understand)(?: more)? about) "
        rf"{_TOPIC}"
        rf"|{_WHICH} {_SECTION} ?{_TEXTS}(?: are there| do we have| is there| should i read| are"
        r"| deal| can i read| (?:did|do|will) (?:we|i) (?:read|have|discuss|cover))?"
        rf" (?:on|about|with) {_TOPIC}"
        rf"|{_SECTION} ?{_TEXTS} (?:on|about) {_TOPIC}"
        rf"|(?:are there |is there |do we have |have we )?(?:any|some) {_SECTION} ?{_TEXTS} "
        rf"(?:on|about) {_TOPIC}"
        rf"|(?:is there |are there |do {_WE} (?:have|read) |does {_WE} have )?"
        rf"(?:anything|something)(?: to read)? (?:on|about) {_FEW}"
        r"|(?:recommend|suggest)(?: me)?(?: some| a| an| any)?(?: good| nice| short| introductory)?"
        rf" ?{_TEXTS} (?:on|about) {_TOPIC}",
    ),
    (
        "authors",
        rf"who (?:wrote|authored|(?:are|is|were|was) the authors? of) {_TOPIC}"
        rf"|(?:who are )?(?:the )?authors of {_TOPIC}",
    ),
)


def _numbered(pattern: str) -> re.Pattern[str]:
    """A form as a pattern; a group's name that comes again gets a number behind it."""
    seen: dict[str, int] = {}

    def name(match: re.Match[str]) -> str:
        seen[match[1]] = seen.get(match[1], 0) + 1
        return f"(?P<{match[1]}_{seen[match[1]]}>"

    return re.compile(re.sub(r"\(\?P<(\w+)>", name, pattern), re.IGNORECASE)


_COMPILED = tuple((wish, _numbered(pattern)) for wish, pattern in _FORMS)
_POLITE = re.compile(
    r"[\s?!.:)]+$|(?<=.),? (?:please|pls|plz|thanks|thx|thank you)\W*$", re.IGNORECASE
)
_ARTICLE = re.compile(r"^(?:the|a|an|this) |[\"“”'‘’]", re.IGNORECASE)
_CALLED = re.compile(
    r"(?:,? (?:the )?)?\b(?:papers?|surveys?|articles?|reviews?|reports?|posts?|readings?|pdf)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CourseQuestion:
    """A question about the course itself, taken apart."""

    wish: Wish
    number: int | None = None
    """Of a session; `LAST` for the last."""
    section: Literal["required", "more"] | None = None
    topic: str = ""
    """What the sessions or readings wanted are about; of "authors" and "link" the work, of "by"
    the author."""
    what: str = ""
    """What "how many" counts, in the singular: "session" or "reading"."""
    also: tuple[int, ...] = ()
    """Further sessions."""
    summed: bool = False
    """A summary was asked for."""


def course_question(text: str) -> CourseQuestion | None:
    """The question about the course that a text asks; None where it asks the readings."""
    bare = " ".join(text.split())
    for short, long in _WRITTEN_OUT:
        bare = short.sub(long, bare)
    while (shorter := _POLITE.sub("", bare)) != bare:
        bare = shorter
    for candidate in dict.fromkeys((bare, _OPENING.sub("", bare))):
        for wish, form in _COMPILED:
            if found := form.fullmatch(candidate):
                return _taken(wish, found)
    return None


def _taken(wish: Wish, found: re.Match[str]) -> CourseQuestion:
    groups: dict[str, str] = {}
    for name, value in found.groupdict().items():
        if value:
            groups.setdefault(name.rsplit("_", 1)[0], value)
    section = groups.get("section", "").lower()
    topic = _ARTICLE.sub("", groups.get("topic", "")).strip()
    if wish in ("authors", "link", "when"):
        topic = _CALLED.sub("", topic).strip() or topic
    what = groups.get("what", "").lower()
    first, *others = numbers(groups.get("number", "")) or (None,)
    return CourseQuestion(
        wish,
        first,
        _section(section),
        topic,
        "" if not what else "session" if re.match(_MEETING, what) else "reading",
        tuple(others),
        "summed" in groups,
    )


def _section(word: str) -> Literal["required", "more"] | None:
    if word in ("required", "mandatory", "assigned", "obligatory"):
        return "required"
    return "more" if word else None


def numbers(words: str) -> tuple[int, ...]:
    """ "7", "seven", "seventh", "3 and 4", "3-5" or "last" as numbers of sessions."""
    lower = words.lower().strip()
    if lower in _NUMBERS:
        return (_NUMBERS[lower],)
    if lower in ("last", "final", "latest"):
        return (LAST,)
    out: list[int] = []
    for part in re.split(r"\s*(?:,|&|and)+\s*", lower):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 < ends[1] - ends[0] < 30:
            ends = list(range(ends[0], ends[1] + 1))
        out.extend(ends)
    return tuple(dict.fromkeys(out))


# A part of the course

_WHOSE = (
    r"(?:(?:the )?(?P<kind>(?:students?['’]? )?notes?|papers?|readings?|texts?)"
    r"(?: (?:of|for|from|in|on))? )?"
)
_SESSIONS = re.compile(
    rf",?\s*\b(?:in|from|of|for|according to|within|only)\s+(?:the )?{_WHOSE}(?:the )?{_NTH}\b"
    r"(?:['’]s (?P<kind2>notes?|papers?|readings?))?,?",
    re.IGNORECASE,
)
_NOTES = re.compile(
    r",?\s*\b(?:in|from|according to|only in)\s+(?:the |our )(?:students?['’]? |class )?notes\b"
    r"(?! (?:on|about|that|of|for)\b),?",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"\b(?:the |a )?(?:required|mandatory|assigned) readings?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the course that a question asks for in so many words."""

    sessions: frozenset[int] = frozenset()
    kind: Literal["notes", "readings"] | None = None
    required: bool = False
    rest: str = ""
    """The question without those words."""

    @property
    def words(self) -> str:
        """The part in words: "the notes of session 4"."""
        whose = {"notes": "the notes", "readings": "the readings", None: ""}[self.kind]
        if self.required:
            whose = "the required readings"
        listed = ", ".join(map(str, sorted(self.sessions)))
        where = f"session{'s' if len(self.sessions) > 1 else ''} {listed}" if listed else ""
        return f"{whose} of {where}" if whose and where else whose or where


def part_of(question: str) -> Part | None:
    """The part of the course that a question names; None where it names none."""
    if found := _SESSIONS.search(question):
        kind = (found["kind"] or found["kind2"] or "").lower()
        sessions = frozenset(numbers(found["number"]))
        part = Part(sessions, _kind(kind), bool(_REQUIRED.search(question)))
    elif found := _NOTES.search(question):
        part = Part(frozenset(), "notes")
    elif found := _REQUIRED.search(question):
        return Part(required=True, rest=question)
    else:
        return None
    rest = " ".join(f"{question[: found.start()]} {question[found.end() :]}".split())
    rest = re.sub(r"\s+([?.!,])", r"\1", rest)
    return Part(part.sessions, part.kind, part.required, rest) if content_words(rest) else None


def _kind(word: str) -> Literal["notes", "readings"] | None:
    if not word:
        return None
    return "notes" if "note" in word else "readings"
