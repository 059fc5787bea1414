"""What a question is after: small talk, the course itself, a summary, or what the readings say.

Learned from the example questions in `data/intents.txt`, where a new wording is a new line. A
question can have an intent only where its wording is made of that intent's words, but for one run
of others, which is then its topic. Among the intents that are possible and "plain", a logistic
regression over the wording's words and pairs of words decides. Its weights lie in
`data/intents.npz`, to which `benchmarks/questions.py --fit` fits them anew.

With a fifth of 2,700 examples left out in turn (`benchmarks/questions.py --folds 5`), 38 of 693
plain questions are taken for others (many of these examples are there because they look like
requests), 83 of 1,973 others for one another, and 606 for plain, mostly for a word that no other
example has: in doubt the readings are searched. With 40 examples less, 18 of 36 requests worded
after these were complete were told (.50 [.34, .66]); with 481 less, and no article before a topic,
2. Of 2,515 real questions of five sources about 15 were then taken for requests, as before; some
were looked at. Of 79 wishes for what speaks for or against a thing, in English, German or French
and in wordings that were then left out, 61 were told with their topic (.77 [.67, .85]; 3 before),
and none of 31 other questions was taken for one. "Why is X useful?" and "why use X?" were such
wishes too and are plain questions now: of 34 answers, read blind, a reader preferred that to a
plain question for 14 and that to a wish for 2 (8 and 2 of 20 asked after the wordings were chosen).
Of 60 requests that ask whether a reading is required, what the session on a subject has to read,
what comes before or after it and when something is read, worded by others once these examples were
there, 28 are told (.47 [.35, .59]; 5 before), and none of 40 questions on papers that look so.
Over sentence embeddings of the wording the same classifier was no better: before topics had to
stand beside known words, it took 11 plain questions for others, and this one 5.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Literal

from seminar_rag.question import patterns
from seminar_rag.question.language import by_small_words
from seminar_rag.question.learned import Weights, read_examples, read_weights
from seminar_rag.text import CARDINALS, STOPWORDS

Section = Literal["required", "more"]

PLAIN = "plain"
TOPIC = "{topic}"
_OWNER = f"{TOPIC}'s"
_TOPICS = frozenset((TOPIC, _OWNER))
_OFTEN = 6
"""Examples from which on a word belongs to the wording of requests and not to a topic."""
_LONGEST = 12
"""Words of a topic."""
TEXTS = frozenset("article chapter handout manuscript preprint primer".split())
"""What a reading is called as well as a paper, and that is hardly ever a topic."""
_ARTICLES = frozenset("a an the".split())
_PREPOSITIONS = frozenset("about concerning for in of on regarding to with".split())
_JOINING = _ARTICLES | frozenset("and but for in of or to with".split())
"""Words that only join a topic to what was asked before: "and of SARS?" asks that again."""
DATA = "intents"
"""Name of the examples and of the weights that were fitted to them."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as its intent is read from it."""

    tokens: tuple[str, ...]
    """In lower case; a session's number and other numbers by a word for all of them."""
    written: tuple[str, ...]
    """The same as typed."""
    sessions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """An intent with what fills it."""

    intent: str
    topic: str = ""
    sessions: tuple[int, ...] = ()
    section: Section | None = None


class Intents:
    """A classifier of questions, made of examples and of weights that were fitted to them."""

    def __init__(self, examples: Iterable[tuple[str, str]], weights: Weights | None = None) -> None:
        """Args:
        examples: pairs (intent, question), `TOPIC` in place of the topic.
        weights: needed by `of`.
        """
        self.weights = weights
        self._examples = [(intent, wording(text)) for intent, text in examples]
        self._words: dict[str, set[str]] = {}
        self._forms: dict[str, set[tuple[bool, bool]]] = {}
        for intent, one in self._examples:
            if intent != PLAIN:
                self._words.setdefault(intent, set(STOPWORDS)).update(one.tokens)
                form = (not _TOPICS.isdisjoint(one.tokens), bool(one.sessions))
                self._forms.setdefault(intent, set()).add(form)
        shared = Counter(word for known in self._words.values() for word in known)
        self._shared = {word for word, intents in shared.items() if intents > 1}
        self._beside = {
            (intent, *map(_alike, pair))
            for intent, one in self._examples
            for pair in pairwise(["<", *one.tokens, ">"])
            if not _TOPICS.isdisjoint(pair)
        }
        said = Counter(
            token
            for intent, one in self._examples
            if any(topic for topic, _ in self._forms.get(intent, ()))
            and by_small_words(" ".join(one.tokens)) in ("", "en")  # "gut" is a topic of English
            for token in set(one.tokens) - STOPWORDS
        )
        self._wording = {token for token, examples in said.items() if examples >= _OFTEN}

    def of(self, text: str) -> Found:
        """The intent of a question with its topic, sessions and section; "plain" in doubt."""
        asked = wording(text)
        read = {
            intent: found
            for intent in self._words
            if (found := self._read(asked, intent)) is not None
            and not _JOINING.issuperset({*found[0].split()} - {TOPIC})
        }
        if not read:
            return Found(PLAIN)
        assert self.weights is not None, "they are fitted by benchmarks/questions.py"
        odds = {}
        for intent, (shape, _) in read.items():
            probable = self.weights.probabilities(f"< {shape} >")
            odds[intent] = probable[intent] - probable[PLAIN]
        best = max(odds, key=odds.__getitem__)
        if odds[best] <= 0:
            return Found(PLAIN)
        return Found(best, read[best][1], asked.sessions, _section(asked.tokens))

    def knows(self, word: str) -> bool:
        """Whether a word, in lower case, belongs to the wording of some request."""
        return any(word in known for known in self._words.values())

    def _read(self, asked: Wording, intent: str) -> tuple[str, str] | None:
        """The wording with `TOPIC` for what the intent's examples lack, and the topic as typed.

        Words of several intents are lacking in none, if need be. None where the wording cannot have
        the intent: what they lack is no run of words of its own, or no example has a topic, or a
        session, as the question has or lacks them, or has the topic beside the same words, with an
        article or without.
        """
        own = self._words[intent]
        return self._with(asked, intent, own) or self._with(asked, intent, own | self._shared)

    def _with(self, asked: Wording, intent: str, known: Set[str]) -> tuple[str, str] | None:
        """What `_read` gives, these being the words that are no topic."""
        tokens = list(asked.tokens)
        others = [i for i, token in enumerate(tokens) if token not in known]
        if (bool(others), bool(asked.sessions)) not in self._forms[intent]:
            return None
        start, end = (others[0], others[-1] + 1) if others else (0, 0)
        run = tokens[start:end]
        if len(run) > _LONGEST or self._wording & set(run):
            return None
        article = bool(run) and start > 0 and tokens[start - 1] in _ARTICLES
        afters = (end, end + 1) if run and tokens[end : end + 1] == ["number"] else (end,)
        for after, before in product(afters, (start, start - 1) if article else (start,)):
            topic = " ".join(asked.written[start:after])  # "Claude 3"
            bare = _without_possessive(topic)
            for name in (TOPIC,) if topic == bare else (_OWNER, TOPIC):
                shape = [*tokens[:before], *([name] if run else []), *tokens[after:]]
                pairs = pairwise(["<", *shape, ">"])
                sides = ((intent, *map(_alike, pair)) for pair in pairs if name in pair)
                if all(side in self._beside for side in sides):
                    return " ".join(shape), bare
        return None

    def rows(self) -> list[tuple[str, str]]:
        """What the weights are fitted to: pairs (intent, wording between "<" and ">")."""
        rows = [(intent, " ".join(one.tokens)) for intent, one in self._examples]
        for intent, one in self._examples:
            if intent == PLAIN:  # as it looks where it is taken for another intent
                read = [found for other in self._words if (found := self._read(one, other))]
                rows += [(PLAIN, shape) for shape, topic in read if topic]
        return [(intent, f"< {shape} >") for intent, shape in rows]


def wording(text: str) -> Wording:
    """A question's words, with the sessions that it names."""
    tokens: list[str] = []
    written: list[str] = []
    sessions: list[int] = []
    for word, numbers in patterns.course_words(text):
        sessions += numbers
        tokens.append("session-number" if numbers else _one_word(word))
        written.append(word)
    return Wording(tuple(tokens), tuple(written), tuple(dict.fromkeys(sessions)))


def _alike(token: str) -> str:
    """A word beside a topic, all prepositions alike: what is "on" it may be "about" it."""
    return "about" if token in _PREPOSITIONS else token


def _without_possessive(text: str) -> str:
    """A word or a name without "'s", or the apostrophe after a plural's "s"."""
    bare = re.sub(r"['’]s$", "", text)
    return bare if bare != text else re.sub(r"(?<=s)['’]$", "", text)


def _one_word(word: str) -> str:
    """A word in the form in which it is compared."""
    lower = word.lower()
    if lower != _OWNER:
        lower = _without_possessive(lower)
    if lower in TEXTS:
        return "paper"
    return "number" if lower.isdigit() or lower in CARDINALS else lower


def _section(tokens: Sequence[str]) -> Section | None:
    if {"required", "mandatory", "assigned", "obligatory"} & set(tokens):
        return "required"
    return "more" if {"optional", "additional", "further", "recommended"} & set(tokens) else None


@cache
def learned() -> Intents:
    """The classifier of all the examples."""
    return Intents(read_examples(DATA), read_weights(DATA)[0])
