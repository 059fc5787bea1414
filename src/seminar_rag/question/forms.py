"""What kind of answer a question asks for: a number, a cause, a definition. Pure.

A sentence that has the form of the answer is worth more than one that shares as many words with
the question (answer typing, Li & Roth 2002, by a few coarse types). `answer/forms.py` tells
whether a sentence has a form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seminar_rag.text import CARDINALS, content_words, stems

Kind = Literal["definition", "number", "time", "person", "cause", "means", "for", "against"]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of the answer to a question."""

    kind: Kind
    thing: str = ""
    """Of a definition: what is defined. Of a number: what is counted. Of what speaks for or against
    a thing: the thing."""
    long: str = ""
    """Of a definition: what the thing is short for, where the readings say that."""

    @property
    def of_one_side(self) -> bool:
        """Whether it is what speaks for a thing, or against it."""
        return self.kind in ("for", "against")


_NUMBER = re.compile(
    r"\bhow (?:many|much|big|large|long|old|far|fast|often|tall|high|heavy|deep|common|likely"
    r"|frequent(?:ly)?|expensive)\b"
    r"|\b(?:what|which)(?:['’]?s|\s+(?:is|are|was|were))?\s+(?:the\s+)?(?:[\w-]+\s+){0,2}?"
    r"(?:percentages?|percent|shares?|proportions?|fractions?|rates?|incidences?|prevalences?"
    r"|numbers?|sizes?|amounts?|scores?|accurac(?:y|ies)|values?|costs?|prices?|lengths?"
    r"|doses?|frequenc(?:y|ies)|ratios?|averages?|means?|medians?)\s+(?:of|for|in|on|did|do|does"
    r"|was|were|is|are|has|have)\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"^\W*(?:and\s+)?when (?:was|were|did|is|are)\b|\b(?:what|which) year\b", re.I)
_PERSON = re.compile(
    r"^\W*(?:and\s+)?who (?:is|are|was|were|wrote|made|proposed|invented|introduced|discovered"
    r"|developed|built|found|first|came)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"^\W*(?:and\s+|but\s+)?why\b|\bwhat (?:causes|caused|are the (?:causes|reasons)|is the"
    r" (?:cause|reason)|makes|made|leads to|led to)\b|\bhow come\b",
    re.IGNORECASE,
)
_MEANS = re.compile(
    r"^\W*(?:and\s+)?how (?:do|does|did|can|could|is|are|was|were|to|should)\b", re.IGNORECASE
)
_COUNTED = (
    # how many things; "why … how many things" asks for no number
    re.compile(
        r"(?:^|[.?!,;:]\s*|\b(?:and|by|in|of|to|for|with|on|at|after)\s+)how (?:many|much)\s+"
        r"(?:of\s+)?((?:[\w'’-]+\s+){0,3}?[\w-]+)\s+(?:do|does|did|is|are|was|were|has|have|had|can"
        r"|could|will|would|should|may|might|must|in|of|on|with|there|to|from|per|for|used?|gets?"
        r"|needs?|came|comes?|went|made|took|takes?|\w+ed)\b",
        re.IGNORECASE,
    ),
    # in what unit
    re.compile(
        r"^(?>.*?\b(?:how (?:much|big|large|long|high)|what)\b).*\bin (tokens|bytes|bits|dollars"
        r"|euros|hours|days|weeks|months|years|minutes|(?:milli)?seconds)\W*$",
        re.IGNORECASE | re.DOTALL,
    ),
    # which value of what
    re.compile(
        r"\b(?:what|which)(?:['’]s| is| are)?(?: the)?(?: (?!do|does|did\b)\w+){0,2}? "
        r"(?:values? of (\w+)|(?P<value>values?|rate|score|accuracy))\b",
        re.IGNORECASE,
    ),
)


SIDES: Mapping[str, Kind] = {"for": "for", "against": "against"}
"""Intents that want what speaks for a thing or against it, with the form of the answer."""
OF_SIDE: Mapping[str, str] = {
    "for": "advantages, benefits and strengths of {}",
    "against": "criticism, limitations, problems and risks of {}",
}
"""What is searched for then."""
_HEADINGS = {
    "for": re.compile(r"\b(?:advantages?|benefits?|strengths?|merits?|pros)\b", re.IGNORECASE),
    "against": re.compile(
        r"\b(?:limits|limitations?|drawbacks?|disadvantages?|weakness(?:es)?|shortcomings?"
        r"|challenges|problems|risks|criticisms?|downsides?|pitfalls?|cons)\b",
        re.IGNORECASE,
    ),
}
"""How what speaks for or against a thing is called by the heading above it. "The problem" is what
the thing solves, and "the risk" what it is about."""
_DEGREE = re.compile(r"an?\s", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|should)\s", re.IGNORECASE
)
"""What nothing that is counted begins with: "how much does a dose of it cost?" counts no doses."""


_BESIDE_ANOTHER = re.compile(
    r" (?:over|versus|vs|compared|relative to|as opposed|instead of|rather than|gegenüber"
    r"|verglichen|im vergleich|par rapport)\b|(?<!er) than\b",
    re.IGNORECASE,
)
"""Between a thing and what it is compared with. "Models larger than seven billion" are one thing,
and "against" and the German "als" mostly belong to one: "defences against attacks"."""
_DOES = re.compile(r"(?<=\w) (?:do|does|did|is|are|was|were|has|have|had|can|could)(?= \w)", re.I)
"""What no name of a thing has in it but behind `_RELATIVE`: the words around it are a clause."""
_RELATIVE = re.compile(r" (?:that|which|who|whom|whose) ", re.IGNORECASE)
"""Before a clause that says of what kind a thing is: "models that are trained on it"."""


def is_thing(topic: str) -> bool:
    """Whether what fills a wish for what speaks for a thing, or against it, is one thing by itself.

    "The advantage of X over Y" is what X and Y are compared by, and of "which drawbacks of X does
    Y avoid" no side is asked for: a list of X's own advantages or drawbacks answers neither."""
    before = _RELATIVE.split(topic, maxsplit=1)[0]
    return not (_BESIDE_ANOTHER.search(topic) or _DOES.search(before))


def counted(question: str) -> tuple[str, ...]:
    """What a question wants a number of, in its own words: "how many …", "… in dollars".

    "How much of a risk" asks for a degree, not for a number, and "how much does it cost" for a
    number of nothing that the answer would name.
    """
    found = [list(form.finditer(question)) for form in _COUNTED]
    things = [next((one for one in each[-1].groups() if one), "") for each in found if each]
    return tuple(
        thing
        for thing in things
        if stems(thing) and not _DEGREE.match(thing) and not _AUXILIARY.match(thing)
    )


_DEFINED = re.compile(
    r"^\W*(?:(?:so|and|ok|please|hi|hey|can you|could you|tell me),?\s+)*+"
    r"(?:what(?:['’]?s|\s+(?:exactly\s+|actually\s+)?(?:is|are|does(?!.*\sdo\b)|do(?=\s+(?:\w+\s+){1,2}mean\b)))"
    r"|define|explain(?!\s+(?:how|why|what|when|where|which|who|if|the|to|your)\b)"
    r"|definition of|meaning of)\s++"
    r"(?:exactly\s++|actually\s++|(?:you|they|we|people|the\s+authors)\s+mean\s+by\s++|meant\s+by\s++"
    r"|the\s+(?:meaning|definition)\s+of\s++)?(?:the\s++|an?\s++)?(?=[^?.!]*+\W*+$)"
    r"(?P<thing>[^?.!,;:]+?)(?:(?<!\s)\s++(?:mean|means|stands? for|when|in the context|exactly"
    r"|again|actually|in short)\b|(?<=\w)\W*$)",
    re.IGNORECASE,
)


def defined(question: str) -> str:
    """What a question asks the meaning of: of "What is a reward model?" the "reward model"."""
    found = _DEFINED.match(question)
    thing = found["thing"].strip(" '\"“”‘’") if found else ""
    return thing if 0 < len(content_words(thing)) <= 4 and len(thing.split()) <= 6 else ""


_PIECES = re.compile(
    rf"\b(?P<number>\d{{1,2}}|{'|'.join(CARDINALS)})\s+(?:\w+\s+){{0,2}}?"
    r"(?:sentences?|points?|bullets?|questions?|lines?|takeaways?|flashcards?)\b",
    re.IGNORECASE,
)


def amount(question: str) -> int:
    """How many sentences, points or questions a request asks for; 0 where it does not say."""
    found = _PIECES.search(question)
    if found is None:
        return 0
    number = found["number"].lower()
    return int(number) if number.isdigit() else CARDINALS[number]


_NO_THING = "is|was|as|has|does|this|its|us|uses|needs"
"""What ends in an s and is no plural: "which of the two is better?"."""
_SO_MANY = re.compile(
    r"\b(?:what|which|list|name|give)\b(?:\s+(?-i:[a-z'’]+)){0,3}?\s+"
    rf"(?P<number>\d{{1,2}}|{'|'.join(CARDINALS)})\s+(?:(?!(?:{_NO_THING})\s)[\w-]+\s+){{0,4}}?"
    rf"(?!(?:{_NO_THING})\b)[\w-]+s\b",
    re.IGNORECASE,
)


def so_many(question: str) -> int:
    """How many things a question asks to be told: 4 of "what are the four seasons?"; 0 where it
    does not say."""
    found = _SO_MANY.search(question)
    number = found["number"].lower() if found else "0"
    return int(number) if number.isdigit() else CARDINALS[number]


def form_of(question: str) -> Form | None:
    """The form of the answer that a question asks for; None where any will do."""
    if found := counted(question):
        return Form("number", found[0])
    asked: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("number", _NUMBER),
        ("time", _TIME),
        ("person", _PERSON),
        ("cause", _CAUSE),
        ("means", _MEANS),
    )
    kind = next((kind for kind, pattern in asked if pattern.search(question)), None)
    if kind:
        return Form(kind)
    thing = defined(question)
    return Form("definition", thing) if thing else None


def headed(form: Form, lines: str) -> bool:
    """Whether headings say that what speaks for a thing, or against it, is told below them."""
    return form.of_one_side and bool(_HEADINGS[form.kind].search(lines))
