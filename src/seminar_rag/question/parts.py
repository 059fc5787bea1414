"""The parts of a question that are looked for and answered one by one. Pure; knows no course.

A comparison asks what each side is, pros and cons ask for both, and two questions in one sentence
are two. Each part is a text to search for, so that no part is lost behind another that the
readings say more of (question decomposition, Min et al. 2019, by rules).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from seminar_rag.question.forms import OF_SIDE, SIDES, Form, form_of, is_thing
from seminar_rag.question.intent import Found, learned
from seminar_rag.question.pronouns import POINTS, in_place, points_back
from seminar_rag.text import content_words, stems


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question."""

    label: str
    """As the reader is told of it."""
    text: str
    """What is searched for."""
    name: str = ""
    """What a passage has to mention to answer it; empty where its meaning decides."""
    form: Form | None = None
    """The form of its answer; None where any will do."""
    typed: str = ""
    """Of a later one of several questions: as it was typed, to be asked after the ones before."""


_MOST = 4
_COMPARES = re.compile(
    r"\b(?:vs\.?|versus|compar(?:e|es|ed|ing|ison)|contrast\w*|differ\w*|distinguish\w*"
    r"|better|worse|similar\w*)\b",
    re.IGNORECASE,
)
_END = r"(?=\s*(?:[?.!,;:]|\s[-–—]\s|$|\b(?:in|for|with respect|regarding|when|on)\b))"
_PAIRS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\bcompare (?:and contrast )?(?P<one>.+?) (?:and|with|to|against|versus) "
        rf"(?P<two>.+?){_END}",
        rf"\b(?:differences?|comparison|similarit(?:y|ies)) between (?P<one>.+?) and "
        rf"(?P<two>.+?){_END}",
        rf"^(?:\W*compare )?(?P<one>[^?.!,;:]+?) (?:vs\.?|versus) (?P<two>.+?){_END}",
        r"\bhow (?:do|does|is|are) (?P<one>.+?) and (?P<two>.+?) (?:differ|compare|different)\b",
        rf"\bcontrast (?P<one>.+?) (?:and|with) (?P<two>.+?){_END}",
        rf"\bhow (?:do|does|is|are) (?P<one>.+?) (?:compare[sd]? (?:to|with)|differ(?:ent)? from)"
        rf" (?P<two>.+?){_END}",
    )
)
_ALIKE_ENDS = 2
"""Letters at the end of two words from which on they are taken for words of one kind."""
_ADJECTIVE = re.compile(
    r"[a-z-]{1,20}?(?:al|ar|ary|ate|ed|ful|ible|able|ic|ive|less|ous)"
    r"|abstract|big|cheap|closed?|cold|concrete|deep|dense|direct|discrete|dry|early|easy|exact"
    r"|exclusive|explicit|fast|free|full|good|hard|heavy|high|hot|human|implicit|indirect|large"
    r"|late|light|long|low|modern|narrow|new|offline|old|online|open|opaque|private|public|rich"
    r"|shallow|short|simple|slow|small|soft|sparse|strict|strong|unsafe|safe|warm|weak|wide|young"
)
"""What an adjective looks like by itself, roughly."""
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)
_AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|can|could|will|would|should)"
_ASKS = (
    r"(?:(?:what|how|why|when|where|which|who|whose)\b"
    r"|(?:in|on|at|for|from|to|by|with|of)\s++(?:what|how|which|whom|whose)\b"
    rf"(?=[^?.!;]{{0,80}}?\s{_AUXILIARY}\s))"
)
_ASKS_WHETHER = (
    rf"{_AUXILIARY}\s++"
    r"(?:there|it|they|he|she|we|you|one|this|that|these|those|any|anyone|anybody)\b"
)
_ASKS_FIRST = re.compile(_ASKS, re.IGNORECASE)
_ASKS_OR_WHETHER = re.compile(f"{_ASKS}|{_ASKS_WHETHER}", re.IGNORECASE)
_TWO_QUESTIONS = re.compile(
    rf"(?:[,;]?(?<!\s)\s++and(?: also)?\s++|[?.!;]\s++)(?={_ASKS}|{_ASKS_WHETHER})",
    re.IGNORECASE,
)
_DONE = (
    r"(?:published|released|introduced|proposed|made|trained|invented|developed|built|created|wrote"
    r"|designed|used|needed|done|called|found)"
)
_TO = r"(?:as|at|by|for|from|in|on|to|with)"
_SUBJECT = re.compile(
    rf"^{_ASKS}(?:(?:\s++[\w'’-]++){{0,4}}?\s++(?P<does>do|does|did|can)|\s++(?:is|are|was|were|has"
    rf"|have|{_DONE}))\s++(?P<subject>.+?)(?<!\s)(?:\s++{_DONE}(?:\s++{_TO}\b.*)?)?$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"how\s++(?P<kind>many|much)\s++[\w'’-]++", re.IGNORECASE)
"""The beginning of a question for a number, with the first word of what is counted."""
_OWN = re.compile(r"\s(?:do|does|did|has|have)\s|[A-Z]")
"""What says that a question for a number is asked of a subject, or names one."""
_TAIL = re.compile(
    r"(?<=\w)\s(?:in|during|at|for|on|of)\s(?!(?:it|total|all)\b)[^?]{3,80}$", re.IGNORECASE
)
"""What may belong to two questions alike: "how many fell ill and how many died in 1918"."""
_THERE = re.compile(
    r"(?:is|are|was|were)\s++there\b"
    r"(?!.*\b(?:about|against|between|for|from|in|of|on|that|to|with)\b)",
    re.IGNORECASE,
)
"""A question that lacks the subject of the one before: "is there a cure?"."""
_BECAME = re.compile(
    rf"^(?:how|when|where|why)\s.*?(?P<done>(?<=\w)\s[\w-]{{1,20}}ed(?:\s++{_TO}\b.*)?)$",
    re.IGNORECASE,
)
"""What happens to a subject: "how is rye milled in winter?"."""
_PEOPLE = frozenset("i we you they people one".split())
_ABOUT = re.compile(r"\s(?:about|on|of|with)\s++(?P<thing>\S[^?]*+)$", re.IGNORECASE)
"""What people do something with: "when do we talk about agents" is about agents."""
_NEAR = 4
"""Words of a subject with its verb, at most: of more it is not clear where the subject ends."""


def compared(question: str, names: Sequence[str]) -> tuple[str, ...]:
    """What a question sets side by side in words that say so; empty where it compares nothing.

    Args:
        names: what it names beside "and", "vs" and the like.
    """
    if not _COMPARES.search(question):
        return ()
    for form in _PAIRS:
        if found := form.search(question):
            *listed, last = [_bare(one) for one in (*_items(found["one"]), found["two"])]
            if all(0 < len(content_words(one)) <= 5 for one in (*listed, last)):
                sides = [*listed[:-1], *_whole(listed[-1], last)]
                apart = tuple({one.casefold(): one for one in sides}.values())
                return apart[:_MOST] if len(apart) > 1 else ()
    return tuple(names)[:_MOST] if len(names) > 1 else ()


def asks_more(question: str, sides: Sequence[str]) -> bool:
    """Whether a comparison asks something else of its sides than how they differ: "X vs Y: which
    needs less memory?"."""
    named = {word for side in sides for word in stems(side)}
    left = set(stems(_COMPARES.sub(" ", question))) - named
    return any(set(stems(word)) & left for word in content_words(question))


def _items(listed: str) -> list[str]:
    """The things that stand before "and": two of "BERT, GPT-3" in "BERT, GPT-3 and T5", one where
    commas set apart what is said of it, "BERT, which reads both ways,", or are a title's."""
    if re.search('["“”]', listed):
        return [listed]
    items = [one for one in (part.strip() for part in listed.split(",")) if one]
    bare = [_ARTICLE.sub("", one) for one in items]
    alike = len({one == item for one, item in zip(bare, items, strict=True)}) == 1
    return items if alike and all(content_words(one.split()[0]) for one in bare) else [listed]


def _bare(side: str) -> str:
    return _ARTICLE.sub("", side).strip(" ,'’\"“”")


def _whole(one: str, two: str) -> tuple[str, str]:
    """Both sides with the noun that they share: of "upper and lower case" both cases.

    The first is without a noun where it is one word in the form of the second's first: both are
    adjectives by their form, both end alike, or the second's is the first with something before or
    behind. A capital that only opens the question is none.
    """
    first, _, noun = two.partition(" ")
    small = one[:1].lower() + one[1:]
    if not noun or " " in one or small == first or not (small + first).islower():
        return one, two
    letters = zip(small[::-1], first[::-1], strict=False)
    ends = len(list(takewhile(lambda pair: pair[0] == pair[1], letters)))
    alike = ends >= _ALIKE_ENDS or all(map(_ADJECTIVE.fullmatch, (small, first)))
    return (f"{one} {noun}", two) if alike else (one, two)


def two_questions(question: str, whether: bool = False, *, named: str = "") -> tuple[Part, ...]:
    """The questions of a sentence that asks two or more; empty where it asks one.

    In a later one, "it" is put in the words of the first one's subject. What points back otherwise
    is searched for with that subject, or with the first one's words where that points back too.

    Args:
        whether: the first one may ask whether something is so: "is there class on Friday, and …".
        named: what it is about, where a question before it tells.
    """
    first_asks = _ASKS_OR_WHETHER if whether else _ASKS_FIRST
    asked = [one.strip(" ?.!,;") for one in _TWO_QUESTIONS.split(in_place(question, named))]
    if not 1 < len(asked) <= _MOST or not first_asks.match(asked[0]):
        return ()
    named = named or subject(asked[0])
    if POINTS.match(named):
        named = ""
    first = named or " ".join(content_words(asked[0]))  # what they did is not told by "they"
    out = [_part(f"{asked[0]}?", f"{asked[0]}{_shared(asked[0], asked[-1])}?")]
    for one in asked[1:]:
        label = text = in_place(f"{one}?", named)
        if (points_back(label) or _THERE.match(one)) and first not in label:
            text = f"{label} {first}".rstrip()
        out.append(replace(_part(label, text), typed=f"{one}?"))
    return tuple(out) if all(content_words(one.label) for one in out) else ()


def _part(label: str, text: str) -> Part:
    """One of several questions; what speaks for a thing, or against it, is searched for as that."""
    found = learned().of(label)
    kind = SIDES.get(found.intent)
    if kind and is_thing(found.topic):
        return Part(label, OF_SIDE[kind].format(found.topic), form=Form(kind, found.topic))
    return Part(label, text, form=form_of(label))


def _shared(first: str, last: str) -> str:
    """Where or when the first of two numbers is asked for, told with the last.

    A first question with a subject of its own shares nothing: "how many layers has BERT, and how
    many heads are used in GPT-3?".
    """
    one, other = _NUMBER.match(first), _NUMBER.match(last)
    if not (one and other and one["kind"].lower() == other["kind"].lower()):
        return ""
    if _OWN.search(first, one.end()) or _TAIL.search(first):
        return ""
    found = _TAIL.search(last)
    return found[0] if found else ""


def subject(question: str) -> str:
    """What a question asks something about, as written; empty where that is not clear."""
    if became := _BECAME.match(question):
        question = question[: became.start("done")]
    found = _SUBJECT.match(question)
    if found is None:
        return ""
    said: list[str] = re.sub(
        r"(?<!\s)\s++(?:from|for|to|in|on|with|of|at)$", "", found["subject"]
    ).split()
    if found["does"] and said[0].lower() in _PEOPLE:
        about = _ABOUT.search(found["subject"])
        return about["thing"] if about else " ".join(said[2:])
    if found["does"]:
        return " ".join(said[:-1]) if 1 < len(said) <= _NEAR else ""
    return " ".join(said)


def parts(
    own: str, found: Found, sides: Sequence[str], *, again: bool = False, named: str = ""
) -> tuple[Part, ...]:
    """The parts of a question; empty where it has only one.

    Args:
        own: what was typed last.
        found: what its asker is after.
        sides: what it compares.
        again: it compares what the question before compared, which said what each of them is.
        named: of a follow-up: what it is about.
    """
    topic = found.topic
    if found.intent == "pros and cons" and topic:
        good, bad = (OF_SIDE[kind].format(topic) for kind in ("for", "against"))
        return (
            Part(f"What speaks for {topic}", good, form=Form("for", topic)),
            Part(f"What speaks against {topic}", bad, form=Form("against", topic)),
        )
    if again:
        return tuple(Part(side, f"{side}: {own}", side, form_of(own)) for side in sides)
    if sides:
        return tuple(
            Part(side, f"What is {side}?", side, Form("definition", side)) for side in sides
        )
    return two_questions(own, named=named)
