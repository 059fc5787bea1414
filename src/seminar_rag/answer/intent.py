"""What a question is after: the course itself, small talk, or a part of the readings. Pure rules.

A question counts as one about the course only when all of it has such a form, so that no question
about what the readings say is answered with a list of them. Names no course and no subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from seminar_rag.text import content_words

Wish = Literal[
    "greeting",
    "thanks",
    "help",
    "count",
    "sessions",
    "session",
    "readings",
    "when",
    "reading",
    "authors",
]

_ORDINALS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
)
_NUMBERS = {word: number for number, word in enumerate(_ORDINALS.split(), 1)}
_MEETING = r"(?:session|week|class|meeting|lecture|seminar)"
_N = rf"(?:{_MEETING}\s*(?:#|no\.?|number)?\s*(?P<number>\d{{1,3}}|{'|'.join(_NUMBERS)}))"
_TEXTS = r"(?:papers?|readings?|articles?|texts?|literature|reading list)"
_VERB = r"(?:which|what|list|show|name|give|tell)(?: me| us)?"
_WHICH = rf"(?:{_VERB}(?: are| is)?(?: all)?(?: of)?(?: the)?)"
_SECTION = (
    r"(?P<section>required|mandatory|assigned|obligatory|optional|additional|further|recommended|"
    r"other|more)?"
)
_TOPIC = r"(?P<topic>.{2,100})"
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|please|so|ok(?:ay)?|and|well)[,!.]?\s+)?"
    r"(?:(?:can|could|would) you (?:please )?)?(?:tell me,? |show me,? )?(?:please )?",
    re.IGNORECASE,
)

_FORMS: tuple[tuple[Wish, str], ...] = (
    ("greeting", r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day))(?: there| all)?"),
    (
        "thanks",
        r"(?:thanks?|thank you|thx|cheers|bye|goodbye|see you)(?: (?:a lot|so much|very much|you|"
        r"for (?:the|your) (?:help|answers?)))?(?:,? (?:bye|that (?:helps|helped)))?",
    ),
    (
        "help",
        r"(?:help|what can (?:you|i) (?:do|ask|help(?: me)? with)(?: (?:you|here|about))?|"
        r"who are you|what are you|what is this|how (?:do|does|can|should) (?:you|this|i) "
        r"(?:work|help|use (?:you|this))|what do you (?:do|know)(?: about)?)",
    ),
    (
        "count",
        rf"how many (?P<what>{_MEETING}e?s|{_TEXTS})"
        r"(?: are(?: there)?| (?:does|do) (?:the course|the seminar|"
        r"we|you) (?:have|cover|know|read)| are listed)?(?: in all| in total)?"
        rf"(?: (?:in|of|for|on) (?:{_N}|the (?:course|seminar|list)|this (?:course|seminar)))?",
    ),
    (
        "sessions",
        rf"{_WHICH} {_MEETING}s(?: are there| do we have| does the (?:course|seminar) have)?"
        r"(?: in (?:the|this) (?:course|seminar))?"
        r"|(?:what|which) (?:topics?|subjects?) (?:does|do|are|is) (?:the|this) "
        r"(?:course|seminar) (?:cover|about)(?:ed)?|what is (?:the|this) (?:course|seminar) about",
    ),
    (
        "session",
        rf"{_WHICH} {_SECTION} ?{_TEXTS}(?: (?:are|is|were|was|do|does))?"
        rf"(?: (?:we|i|there|listed|assigned|required|read|discussed|have|to read|need to read|"
        rf"must i read))*(?: (?:in|of|for|from|on|at))? (?:the )?{_N}(?: list| have| has)?"
        rf"|{_WHICH} {_SECTION} ?{_TEXTS} (?:does|do) {_N} (?:have|list|cover)"
        rf"|{_N}['’]s {_SECTION} ?{_TEXTS}"
        rf"|(?:the )?{_SECTION} ?{_TEXTS} (?:in|of|for|from) {_N}"
        rf"|what (?:do|should|must|did) (?:we|i) (?:have to )?(?:read|prepare) (?:for|in) {_N}"
        rf"|what(?: is|['’]s)? {_N}(?: is)? about"
        rf"|what (?:is|are) (?:in|on in|the topics? of|on) {_N}"
        rf"|(?:the )?topics? of {_N}|what (?:does|did) {_N} (?:cover|deal with|discuss)"
        rf"|what (?:do|did|will) we (?:discuss|do|cover) in {_N}|{_N}",
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
        "when",
        rf"(?:in |on )?(?:which|what) {_MEETING} (?:is|are|was) {_TOPIC} "
        r"(?:discussed|covered|read|treated)"
        rf"|(?:in |on )?(?:which|what) {_MEETING}s? (?:is|are|was|covers?|discuss(?:es)?|"
        r"deals? with|talks? about|treats?|d(?:o|id) we (?:discuss|cover|read|talk about))"
        rf"(?: (?:on|about))? {_TOPIC}"
        r"|when (?:do|did|will|shall) (?:we|you) (?:discuss|cover|talk about|read|learn about"
        rf"|treat|do|get to) {_TOPIC}|when (?:is|was) {_TOPIC} (?:discussed|covered)",
    ),
    (
        "reading",
        r"what (?:should|could|can|do) (?:i|we) (?:best )?read (?:on|about|to (?:learn|know|"
        r"understand)(?: more)?(?: about)?|if i want to (?:learn|know|understand)(?: more)? about) "
        rf"{_TOPIC}"
        rf"|{_WHICH} {_SECTION} ?{_TEXTS}(?: are there| do we have| is there| should i read| are"
        rf"| deal| can i read)? (?:on|about|with) {_TOPIC}"
        rf"|(?:are there |is there |do we have )?(?:any|some) {_SECTION} ?{_TEXTS} (?:on|about) "
        rf"{_TOPIC}"
        rf"|(?:recommend|suggest)(?: me)?(?: some| a| any)? ?{_TEXTS} (?:on|about) {_TOPIC}",
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
_POLITE = re.compile(r"[\s?!.]+$|,? please\W*$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|this) |[\"“”'‘’]", re.IGNORECASE)
_CALLED = re.compile(
    r"(?:,? (?:the )?)?\b(?:papers?|surveys?|articles?|reviews?|reports?|posts?)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CourseQuestion:
    """A question about the course itself, taken apart."""

    wish: Wish
    number: int | None = None
    """Of a session."""
    section: Literal["required", "more"] | None = None
    topic: str = ""
    """What the sessions or readings wanted are about; of "authors", the work."""
    what: str = ""
    """What "how many" counts, in the singular: "session" or "reading"."""


def course_question(text: str) -> CourseQuestion | None:
    """The question about the course that a text asks; None where it asks the readings."""
    bare = " ".join(text.split())
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
    if wish == "authors":
        topic = _CALLED.sub("", topic).strip() or topic
    what = groups.get("what", "").lower()
    return CourseQuestion(
        wish,
        number(groups["number"]) if "number" in groups else None,
        _section(section),
        topic,
        "" if not what else "session" if re.match(_MEETING, what) else "reading",
    )


def _section(word: str) -> Literal["required", "more"] | None:
    if word in ("required", "mandatory", "assigned", "obligatory"):
        return "required"
    return "more" if word else None


def number(word: str) -> int:
    """ "7" or "seven" as a number."""
    return int(word) if word.isdigit() else _NUMBERS[word.lower()]


# A part of the course

_WHOSE = (
    r"(?:(?:the )?(?P<kind>(?:students?['’]? )?notes?|papers?|readings?|texts?)"
    r"(?: (?:of|for|from|in|on))? )?"
)
_SESSIONS = re.compile(
    rf",?\s*\b(?:in|from|of|for|according to|within|only)\s+(?:the )?{_WHOSE}(?:the )?{_N}\b"
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
        numbers = ", ".join(map(str, sorted(self.sessions)))
        where = f"session {numbers}" if numbers else ""
        return f"{whose} of {where}" if whose and where else whose or where


def part_of(question: str) -> Part | None:
    """The part of the course that a question names; None where it names none."""
    if found := _SESSIONS.search(question):
        kind = (found["kind"] or found["kind2"] or "").lower()
        sessions = frozenset((number(found["number"]),))
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
