"""Whether a sentence has the form of the answer that a question asks for. Pure.

The other half of `question/forms.py`: a number question wants a sentence with a number of the thing
asked for, a why a cause, a definition a sentence that says what the thing is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seminar_rag.question.forms import Form
from seminar_rag.question.patterns import names
from seminar_rag.text import MONTH, NUMBER_WORD, stem, stems, words

_AMOUNT = re.compile(rf"\d|^(?:{NUMBER_WORD}|one|single|no|none|zero)$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d(?:-\d{2,4})?+")
_HYPHENED = re.compile(r"(?<=\d)-(?=[^\W\d_])")
"""Joins an amount to what it counts: "a 1,000-example set"."""
_COMPARED = re.compile(
    r"\b(?:than|compared (?:to|with)|versus|vs|unlike|reproduction of|instead of)\b", re.I
)
"""Before the name of another thing, of which what follows may be said."""
_REACH = 5
"""Words between an amount and what it counts, at most."""
_SIZE = re.compile(r"\b\d++[.,]*+\s?(?:[bmt]|billion|million|trillion)\b", re.IGNORECASE)
"""How the size of a model is written: "175B" needs no word for what it counts."""
_SIZED = frozenset(stems("parameters params weights tokens"))
_PRICE = re.compile(r"[$€£¥]\s?\d")
_MONEY = frozenset(stems("money dollars euros pounds"))
"""What a sign before an amount says already: "$38,000" is so much money."""
_OPENING, _WITHIN = 60, 200
"""Characters within which a definition names its thing, and within which one in apposition does."""
_CUES = {
    "time": re.compile(rf"\b(?:1[5-9]|20)\d\d\b|\b{MONTH}", re.IGNORECASE),
    "person": re.compile(
        r"(?<![\w.’'-])(?=[\w.’'-]*?\b[A-Z][\w.’'-])[\w.’'-]++ (?:[A-Z][\w.’'-]|et al)"
    ),
    "cause": re.compile(
        r"\b(?:because|due to|caus(?:e|es|ed|ing)|since|reasons?|leads? to|led to|owing to|thus"
        r"|results? (?:in|from)|resulting (?:in|from)|stems? from|aris(?:e|es|ing) from|hence"
        r"|attribut\w+ to|contribut\w+ to|responsible for|as a result|therefore|so that"
        r"|consequently|explain(?:s|ed)?)\b",
        re.IGNORECASE,
    ),
    "means": re.compile(
        r"\b(?:by \w+ing|via|through|using|uses?|used to|in order to|steps?|first|then|instead of"
        r"|with the help|so that|inhibit\w*|enabl\w+|allow\w*)\b",
        re.IGNORECASE,
    ),
    "for": re.compile(
        r"\b(?:advantag\w+|benefi\w+|strengths?|improv\w+|outperform\w*|better|effective\w*"
        r"|efficien\w+|enabl\w+|reduc\w+|mitigat\w+|allow\w*|useful|help\w*|promis\w+"
        r"|valuable|superior|faster|cheaper|simpler|pros)\b",
        re.IGNORECASE,
    ),
    "against": re.compile(
        r"\b(?:limit(?:s|ed|ation|ations)|challeng\w+|disadvantag\w+|drawbacks?|risks?|cost\w*"
        r"|problem\w*|fail\w*|weak\w*|difficult\w*|expensive|unstable|instability|harm\w*"
        r"|concern\w*|critici\w+|bias\w*|lack\w*|cannot|not|no|against|danger\w*|cons"
        r"|suffer\w*|vulnerab\w+|complex|unable|worse|slow\w*|shortcomings?)\b",
        re.IGNORECASE,
    ),
}
_NAME = re.compile(r"[A-Z][^A-Z0-9\n]*+[A-Z0-9]|\d[^\dA-Za-z\n]*+[A-Za-z]")
"""What no ordinary word looks like."""
_SAYS = (
    r"(?:(?:is|are|was|were|has|have)(?!\s+(?:also|always|been|both|especially|generally|less|more"
    r"|never|not|now|often|only|particularly|still|therefore|thus|too|usually|very)\b)"
    r"|refers? to|means|denotes|describes?|consists? of|stands? for|involves?"
    r"|aims? to|adds?|lets|uses?|allows?|enables?|trains?|introduces?|provides?|combines?|gives?"
    r"|works?"
    r"|can be (?:defined|described|seen|thought of)|(?:is|are) (?:called|known as))"
)

_SUBJECT = "".join(
    rf"(?<!\b{word}\s{article})"
    for word in "between by for from in on than using with".split()
    for article in ("", r"the\s", r"an\s", r"a\s")
)
"""What no thing that a sentence is about stands behind: "the cells found by it are few"."""

_NEW = r"(?:introduc|propos|present|develop|describ)(?:e[sd]?|ed|s|ing)?"


def has_form(form: Form | None, text: str, above: str = "") -> bool:
    """Whether a text has a form; false where any form will do.

    Args:
        above: what the text stands under: its title, its heading, the lines above it.
    """
    if form is None:
        return False
    if form.kind == "definition":
        return any(defines(one, text) for one in (form.thing, form.long) if one)
    if form.kind == "number":
        return gives_number(text, form.thing) if form.thing else bool(re.search(r"\d", text))
    if form.of_one_side:
        # A list under "Limitations" says so once.
        return bool(_CUES[form.kind].search(f"{above} {text}"))
    return bool(_CUES[form.kind].search(text))


def defines(thing: str, text: str) -> bool:
    """Whether a text says what a thing is: it begins with "X (Y) is a …" or "X: …", or has "X, a …"
    or "its long name, X, does …" in it."""
    parts = (word.strip("-") for word in re.findall(r"[\w.+-]+", thing))
    *before, last = [re.escape(word) for word in parts if word] or [""]
    if not last:
        return False
    spelled = r"[\s-]+".join([*before, last.removesuffix("s") + "s?"])
    named = rf"(?<!\w){spelled}(?!\w)"
    aside = r"(?:\s+[\w-]+){0,2}?(?:\s*\([^)]*\))?(?:,[^,.]{0,80},)?"
    opens = rf"(?s:.{{0,{_OPENING}}}?){_SUBJECT}{named}{aside}\s+{_SAYS}\b"
    labels = rf"\W*(?:(?:an?|the)\s+)?{named}{aside}\s*[:–—]\s*\w"
    within = rf"(?s:.{{0,{_WITHIN}}}?)"
    apposed = rf"{within}{named}(?:\s*\([^)]*\))?,\s+(?:an?|which\s+(?:is|are))\s"
    short = (
        rf"{within}\w(?:,\s(?:or\s|called\s|named\s)?|\s\(){named}[,)]\s+(?:(?:then|which|that)\s+)?"
        rf"(?:{_SAYS}|to\s+[a-z]+|[a-z]+s)\b"
    )
    return any(re.match(one, text, re.IGNORECASE) for one in (opens, labels, apposed, short))


def names_kind(thing: str, text: str) -> int:
    """How surely a text says of what kind a thing is: 2 where its authors introduce it, or say what
    it means, 1 where it is said in passing: "X is a …"; 0 where a text may tell its parts and leave
    it unknown."""
    last = re.escape((re.findall(r"[\w.+-]+", thing) or ["$^"])[-1].removesuffix("s"))
    named = rf"(?<![\w-]){last}s?(?![\w-])(?:\s?\([^()]{{0,80}}\))?+"
    introduced = rf"\b{_NEW}\s(?:[^.;:]{{0,80}}?\s)?{named},?\s(?:an?|which|that|to)\b"
    meant = rf"{named}\s++(?:refers?\sto|means|denotes?|(?:is|are)\s(?:defined|described)\sas)\b"
    if re.search(rf"{introduced}|{meant}", text, re.IGNORECASE):
        return 2
    kind = rf"{named}\s++(?:is|are|was|were)\s++(?:an?|the|one|any|to|considered|when)\b"
    return int(bool(re.search(kind, text, re.IGNORECASE)))


def gives_number(text: str, counted: str) -> bool:
    """Whether a text has an amount near a word for what is counted."""
    thing = stems(counted)[-1] if stems(counted) else ""
    if (thing in _SIZED and _SIZE.search(text)) or (thing in _MONEY and _PRICE.search(text)):
        return True
    said = words(_HYPHENED.sub(" ", text))
    counts = [_same(stem(word), thing) for word in said]
    # "1918" tells when, unless what is counted follows: "2000 people".
    amounts = [
        i
        for i, word in enumerate(said)
        if _AMOUNT.search(word) and (not _YEAR.fullmatch(word) or any(counts[i + 1 : i + 2]))
    ]
    return any(
        same and any(abs(i - amount) <= _REACH for amount in amounts)
        for i, same in enumerate(counts)
    )


def belongs(text: str, above: str, asked: Sequence[str]) -> bool:
    """Whether a number in a text is said of the things asked about, and not of another.

    It is where one of them is the text's first name and nothing is compared with it before the
    last number, or where no name stands before that and one of them stands above the text. "UL2
    does better than GPT-3 with 20B" is said of UL2.
    """
    own = [found for one in asked if (found := _written(one).search(text))]
    if own:
        first = min(own, key=re.Match.start)
        figures = [found.start() for found in re.finditer(r"(?<![\w.-])\d", text)]
        between = text[first.end() : max([first.end(), *figures])]
        before = text[: first.start()]
        # "The Proxy of Risks (PR)" names one thing twice.
        earlier = not before.endswith("(") and any(map(_NAME.search, names(before)))
        return not earlier and not _COMPARED.search(between)
    figures = [found.end() for found in re.finditer(r"(?<![\w.-])\d", text)]
    others = any(map(_NAME.search, names(text[: max(figures, default=len(text))])))
    return not asked or (not others and any(_written(one).search(above) for one in asked))


def outdone(thing: str, text: str) -> bool:
    """Whether a text only compares another thing with this one: "it learns more than X"."""
    compared = _COMPARED.search(text)
    first = _written(thing).search(text)
    return bool(compared and first and compared.start() < first.start())


def _written(name: str) -> re.Pattern[str]:
    """A name, its parts joined by any of blank, hyphen and nothing."""
    parts = re.findall(r"[^\W_]+", name)
    joined = r"[\s-]?".join(map(re.escape, parts))
    return re.compile(rf"(?<![^\W_]){joined}", re.IGNORECASE)


def _same(one: str, other: str) -> bool:
    """Equal stems, or one the other's abbreviation ("param")."""
    shorter = min(one, other, key=len)
    return one == other or (
        len(shorter) > 3 and one.startswith(shorter) and other.startswith(shorter)
    )
