"""The one module with regular expressions about questions: names, sides, numbers, orders. Pure.

Each function takes a question's text and finds one thing in it; `query.understand` calls them all
once and keeps what they found in a `Query`. Knows no course.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from seminar_rag.ids import arxiv_in
from seminar_rag.text import CARDINALS, STOPWORDS, content_words, sentence_spans, stems

_SETS_APART = re.compile(
    r"\b(?:vs\.?|versus|compar\w+|differ\w*|each|both|respectively|agree\w*)\b"
    r"|(?<=[\w,'’\")] )(?:and|but)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“]([^\"”]{3,})[\"”]|(?<!\w)['‘]([^'’]{6,})['’](?!\w)")
_WORK = re.compile(
    r"\b(?:the|this|that|in|of)\s+((?:[^\W_][\w.\-–’']*\s+){1,5}?)"
    r"(?:papers?|surveys?|reviews?|notes|study|article|blog|authors)\b",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"\b(?:the|this|that|and|in|of|do|does|did)\s", re.IGNORECASE)
_VERSUS_PAIR = re.compile(r"([\w-]+) (?:vs\.?|versus) ([\w-]+)", re.IGNORECASE)
_SAME_TITLE = 88
"""Likeness of a name to a title, of 100."""
_NAME_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_MIXED = re.compile(r"[A-Z].*[A-Z]|[a-z][A-Z]|\d\D*[A-Za-z]|[A-Za-z]\D*\d")
_NUMBER = re.compile(r"\d+[\w.-]*")
_POSSESSIVE = re.compile(r"['’]s$")


def compares(question: str) -> bool:
    """Whether a question may set things side by side."""
    return bool(_SETS_APART.search(question))


def named(question: str) -> tuple[str, ...]:
    """What the question names, as written; of two that contain each other, the longer."""
    found = [first or second for first, second in _QUOTED.findall(question)]
    for match in _WORK.finditer(question):
        name = _DETERMINER.split(match[1])[-1].strip()
        if content_words(name):
            found.append(name)
    found += proper_names(question)
    for match in _VERSUS_PAIR.finditer(question):
        found += [side for side in match.groups() if content_words(side)]
    kept: list[str] = []
    for name in sorted(found, key=len, reverse=True):
        if not any(name.lower() in other.lower() for other in kept):
            kept.append(name)
    return tuple(sorted(kept, key=question.find))


def works(question: str) -> tuple[str, ...]:
    """Titles in quotation marks, works called a paper or survey, and arXiv ids."""
    found = [first or second for first, second in _QUOTED.findall(question)]
    found += [_DETERMINER.split(match[1])[-1].strip() for match in _WORK.finditer(question)]
    return tuple(dict.fromkeys([*found, *arxiv_in(question)]))


def is_called(name: str, title: str) -> bool:
    """Whether a work of this title may be called so: by all of it, or by what leads its colon."""
    from rapidfuzz import fuzz, utils

    plain = utils.default_process
    return any(
        fuzz.ratio(name, one, processor=plain) >= _SAME_TITLE
        for one in (title, title.split(":")[0])
    )


def proper_names(question: str) -> list[str]:
    """Runs of capitalised or mixed tokens, as written: "Llama 2-Chat", "SayCan"."""
    tokens = list(_NAME_TOKEN.finditer(question))
    following = {one.start(): two[0] for one, two in pairwise(tokens)}
    names: list[str] = []
    run: list[str] = []
    end = 0
    for token in tokens:
        word = _POSSESSIVE.sub("", token[0])
        goes_on = bool(run) and not question[end : token.start()].strip()
        if _is_name(question, token, following.get(token.start(), "")) or (
            goes_on and _NUMBER.fullmatch(word)
        ):
            if run and not goes_on:
                names.append(" ".join(run))
                run = []
            run.append(word)
        elif run:
            names.append(" ".join(run))
            run = []
        end = token.end()
    return [*names, " ".join(run)] if run else names


def _is_name(question: str, token: re.Match[str], following: str) -> bool:
    word = token[0]
    if _MIXED.search(word):
        return True
    if not word[0].isupper() or word.lower() in STOPWORDS:
        return False
    before = question[: token.start()].rstrip()
    if before and before[-1] not in ".?!:":
        return True
    # The first word of a sentence is a name where a name, a number or another side follows it.
    return following[:1].isupper() or following[:1].isdigit() or following in ("and", "vs", "or")


# What is set side by side

_TOKEN = re.compile(r"[^\W_]+(?:[-'’./][^\W_]+)*|[,:;?!()]")
_VERSUS = frozenset({"vs", "versus"})
_JOINS = frozenset({*_VERSUS, "and", "or"})
_COMPARES = re.compile(
    r"\b(?:vs|versus|compar\w+|differ\w*|each|both|respectively|between|agree\w*)\b"
    r"|\w, (?:[\w-]+ ){0,2}[\w-]+,? (?:and|or)\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(?:vs|versus|compar\w+|differ\w*|between|contrast\w*|distinguish\w*|main|tell|apart)\b",
    re.IGNORECASE,
)
_TOWARDS = re.compile(r"(?:compared (?:to|with)|differ(?:s|ent)? from|rather than)$")
_WIDEST = 3
"""Words of a side at most."""
_SKIPPED = 4
"""Small words that may stand between what joins and the side it joins."""
_NAME = re.compile(r"[A-Z\d]")


def sides(question: str) -> tuple[str, ...]:
    """Two or more, as written, in order; empty where nothing is set side by side.

    Of several words a side keeps those that the other sides lack: "soft vs hard compression" has
    the sides "soft" and "hard".
    """
    joined = _joined(question)
    names = named(question) if compares(question) else ()
    written = joined and all(_NAME.search(side) for side in joined)
    if written or len(names) < 2 or (joined and _VERSUS & set(question.lower().split())):
        return joined
    return names


def only_differ(question: str, compared: Sequence[str]) -> bool:
    """Whether a question wants to know how its sides differ, and nothing more of them."""
    rest = set(stems(_DIFFERENCE.sub(" ", question))) - set(stems(" ".join(compared)))
    return bool(compared) and not rest


def _joined(question: str) -> tuple[str, ...]:
    tokens = _TOKEN.findall(question)
    at = _join(question, [token.lower() for token in tokens])
    if at is None:
        return ()
    before, after = tokens[: at[0]], tokens[at[1] :]
    if before[-1:] == [","]:
        before = before[:-1]
    left, right = _sides_of(before[::-1], {*_JOINS, ","}), _sides_of(after, _JOINS)
    found = [side[::-1] for side in left[::-1]] + right
    if not left or not right:
        return ()
    return tuple(dict.fromkeys(_distinct(found, i) for i in range(len(found))))


def _join(question: str, tokens: Sequence[str]) -> tuple[int, int] | None:
    """Where the sides are joined, as a span of tokens."""
    weak: tuple[int, int] | None = None
    for i in range(1, len(tokens) - 1):
        if tokens[i] in _VERSUS:
            return i, i + 1
        if _TOWARDS.search(" ".join(tokens[i - 1 : i + 1])):
            return i - 1, i + 1
        if weak is None and tokens[i] in ("and", "or") and _COMPARES.search(question):
            weak = i, i + 1
    return weak


def _sides_of(tokens: Sequence[str], joins: Collection[str]) -> list[list[str]]:
    """The sides that come one after the other, the nearest to the join first."""
    found: list[list[str]] = []
    at = 0
    while at < len(tokens) and at < _SKIPPED and not found and not _carries(tokens[at]):
        if not tokens[at][0].isalnum():
            return []
        at += 1
    while at < len(tokens):
        run: list[str] = []
        while at < len(tokens) and len(run) < _WIDEST and _carries(tokens[at]):
            run.append(tokens[at])
            at += 1
        if not run:
            break
        found.append(run)
        if at == len(tokens) or tokens[at].lower() not in joins:
            break
        while at < len(tokens) and tokens[at].lower() in joins:
            at += 1
    return found


def _carries(token: str) -> bool:
    return bool(content_words(token)) and not _COMPARES.fullmatch(token)


def _distinct(found: Sequence[Sequence[str]], index: int) -> str:
    """What of a side the others lack; at the open ends only what stands next to the join."""
    others = {word.lower() for i, side in enumerate(found) if i != index for word in side}
    own = [word for word in found[index] if word.lower() not in others] or list(found[index])
    sizes = {len(side) for side in found}
    if len(sizes) > 1 or _WIDEST in sizes or len({*others, *own}) < sum(map(len, found)):
        names = [word for word in own if _NAME.search(word)]
        if index == 0:
            own = names if own[-1] in names else own[-1:]
        elif index == len(found) - 1:
            own = names if own[0] in names else own[:1]
    return " ".join(own)


# What is asked for

_NUMERIC = re.compile(
    r"\b(?:how (?:many|much|long|large|big|often|old|far|fast)|what (?:percentage|percent|share|"
    r"number|size|fraction|rate|score|accuracy|year)|when|which year|at what)\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"\bhow (?:many|much) ((?:[\w-]+ ){0,3}?[\w-]+)(?= (?:do|does|did|is|are|was|were|can|could"
    r"|will|would|should|has|have|had|of|in|on|to|from|by|with|for|per|there|they|you|it|the|an?)\b"
    r"|\W*$)",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"\b(?:percent\w*|share|fraction|proportion|how much|rate|accuracy)\b|%", re.IGNORECASE
)
_HOW_LONG = re.compile(
    r"\b(?:what|which|name|list)\b(?: [\w'’-]+){0,3}? "
    r"(two|three|four|five|six|seven|eight|nine|ten|[2-9]|10)\b",
    re.IGNORECASE,
)
_TERM = re.compile(
    r"^\W*(?:(?:and|so|ok|okay|then)\W+)*(?:(?:what|how) about|what(?:['’]?s| is| are| was| were"
    r"| does| do)|define|explain) (?:an? |the )?((?:[\w-]+ ){0,3}?[\w-]+)"
    r"(?: mean| stand for| measure| refer to)?(?: (?:in|according to|again|and (?:why|how))\b.*)?"
    r"\W*$",
    re.IGNORECASE,
)
_WHY = re.compile(r"\b(?:why|how come|what makes|reason)\b", re.IGNORECASE)


_AUTHORS = re.compile(
    r"\bwho (?:wrote|authored|published|proposed|(?:is|are|was|were) (?:the )?(?:\w+ )?authors?)\b"
    r"|\bauthors? of\b|\bwritten by (?:whom|who)\b|\bby whom\b",
    re.IGNORECASE,
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
        r"\b(?:how (?:much|big|large|long|high)|what)\b.*\bin (tokens|bytes|bits|dollars|euros"
        r"|hours|days|weeks|months|years|minutes|(?:milli)?seconds)\W*$",
        re.IGNORECASE,
    ),
    # which value of what
    re.compile(
        r"\b(?:what|which)(?:['’]s| is| are)?(?: the)?(?: \w+){0,2}? "
        r"(?:values? of (\w+)|(?P<value>values?|rate|score|accuracy))\b",
        re.IGNORECASE,
    ),
)


def term(question: str) -> str:
    """What a definition is asked of; empty where none is, or where a number is asked for."""
    found = _TERM.search(question)
    return found[1] if found and not wants_number(question) else ""


def wants_number(question: str) -> bool:
    """Whether a number is asked for."""
    return bool(_NUMERIC.search(question))


def wants_share(question: str) -> bool:
    """Whether a percentage or another share is asked for."""
    return bool(_SHARE.search(question))


def items(question: str) -> int:
    """How many things "which three …" asks for; 0 where it does not say."""
    found = _HOW_LONG.search(question)
    if not found:
        return 0
    number = found[1].lower()
    return int(number) if number.isdigit() else CARDINALS[number]


def how_many(question: str) -> str:
    """What "how many …" asks the number of; empty where it does not."""
    found = _HOW_MANY.search(question)
    return found[1] if found else ""


def counted(question: str) -> tuple[str, ...]:
    """What a question wants a number of, in its own words: "how many …", "… in dollars"."""
    found = [list(form.finditer(question)) for form in _COUNTED]
    things = [next((one for one in each[-1].groups() if one), "") for each in found if each]
    return tuple(thing for thing in things if stems(thing))


def asks_why(question: str) -> bool:
    """Whether a reason is asked for."""
    return bool(_WHY.search(question))


def asks_authors(question: str) -> bool:
    """Whether the question is who wrote something."""
    return bool(_AUTHORS.search(question))


# Orders to the chatbot

_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|discard)\b.{0,60}"
    r"\b(?:instructions?|prompts?|rules?|documents?|passages?|notes|sources|readings?|above)\b"
    r"|\b(?:print|reveal|repeat|show|output|leak|dump|tell me|give me)\b.{0,60}"
    r"\b(?:system prompt|your (?:\w+ )?(?:prompt|instructions)|(?:everything|text) above|hidden)\b"
    r"|\byou are now\b|\bfrom now on\b|\bpretend (?:to be|you are|that you)\b"
    r"|\bstay in character\b|\b(?:act|respond|behave) as (?:if you|an? )\b"
    r"|\b(?:reply|respond|answer) (?:only )?with (?:only|just|the word|['\"“])"
    r"|\breply only\b|\bend every (?:reply|answer|message)\b|\bstop citing\b"
    r"|\bsystem (?:update|override|message)\b|\badmin(?:istrator)? (?:request|override|mode)\b"
    r"|\bdeveloper mode\b|\bobey\b|\b(?:answer|reply|respond)\b.{0,20}\bnothing but\b"
    r"|\bwhatever the (?:notes|readings|passages|documents|sources) say\b"
    r"|\b(?:rules|filters|guidelines|restrictions|instructions) (?:are|have been|were) (?:now )?"
    r"(?:switched off|turned off|off|disabled|lifted|suspended|removed|void)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_order(text: str) -> bool:
    """Whether a text gives the chatbot orders instead of asking about the readings.

    What stands in quotation marks, or in a sentence that asks, may be about such orders.
    """
    plain = _QUOTED.sub(" ", text)
    sentences = [plain[start:end] for start, end in sentence_spans(plain)]
    return any(_ORDERS.search(one) for one in sentences if not one.rstrip().endswith("?"))


def entities(question: str) -> list[str]:
    """Proper names of models, methods or people; of "RL-based" the name alone."""
    out: list[str] = []
    for run in proper_names(question):
        kept: list[str] = []
        for word in run.split():
            parts = word.split("-")
            proper = [part for part in parts if not part.islower()]
            if len(proper) < len(parts) and any(len(part) > 3 for part in parts if part.islower()):
                out.append(" ".join(kept))
                out.extend(proper)
                kept = []
            else:
                kept.append(word)
        out.append(" ".join(kept))
    return [name for name in dict.fromkeys(out) if len(name) > 1]
