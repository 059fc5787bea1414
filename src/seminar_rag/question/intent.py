"""What a question is after: small talk, the course itself, a summary, or what the readings say.

Learned from the example questions in `data/intents.txt`, where a new wording is a new line. One
logistic regression tells of each word whether it belongs to the topic, by the words around it; the
likeliest run of such words is one slot. Another one tells the intent from what is left: words,
pairs and triples of them, and, of a word that few examples have, its letters, so that a mistyped
word is still like itself. What is no request is "plain", and so is what is not surely one. The
weights lie in `data/intents.npz` and `data/topics.npz`; `benchmarks/questions.py --fit` fits them.

Of 60 requests worded by others, none of them among the examples, 50 are told (.83 [.72, .91]; 28 by
lists of the examples' words, as before), and 40 of 40 look-alikes about content are left alone; of
187 of all kinds, worded before the examples were, 163 (.87 [.82, .91]; 108) and 129 of 136 (134).
Thresholds and examples were changed while the 187 and 136 were looked at. Of 5,565 real questions
of four sources, a third of which was looked at, 21 are taken for requests about the course (.004
[.002, .006]), 13 of them for such as are searched for where nothing is called as their topic.
Words of a topic are drawn from many fields and at random, since else its letters were learned;
examples with a word exchanged at random were no better than a higher threshold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import log
from typing import Literal

from seminar_rag.question import patterns, works
from seminar_rag.question.learned import Weights, read_list, read_weights
from seminar_rag.text import CARDINALS, content_words
from seminar_rag.types import WorkKind

Section = Literal["required", "more"]

PLAIN = "plain"
TOPIC = "{topic}"
TEXTS = frozenset("article chapter handout manuscript preprint primer".split())
"""What a reading is called as well as a paper, and that is hardly ever a topic."""
DATA, DATA_TOPICS = "intents", "topics"
"""Names of the examples and of the weights that tell the intent, and of the subjects that fill the
examples and the weights that tell the topic."""
IN_TOPIC = "in"
"""The class of a word of the topic."""
LEAST = 0.55
"""How probable a request must be not to be searched for in the readings."""
LOOKED_UP = frozenset("after authors before link required".split())
"""Intents whose questions are searched for all the same where nothing is called as their topic."""
_LISTING = frozenset(
    "readings,session,count readings,session on,reading,links,first,there".split(",")
)
"""Intents that are answered with readings."""
_LEAST_LOOKED_UP = 0.25
"""How probable these must be."""
_UNKNOWN = 1.0
"""What is added to the logarithm of the odds that a word belongs to the topic where no wording has
it: a topic may be of any field."""
_TITLE = 6.0
"""The same of a title, which the course's titles and quotation marks tell."""
_JOINS = frozenset("and for from in of on or to with".split())
_JOINED = -0.5
"""The least logarithm of the odds of a word that joins two words of the topic."""
_AHEAD = 4
"""Words behind a small one among which the next word of the topic stands."""
_LONGEST = 12
"""Words of a topic."""
_MOST_UNKNOWN, _MOST_WORDS = 4, 24
"""From how many on it makes no difference."""
_GRAMS = (3, 4)
"""Letters that are looked at together."""
_BEFORE_TOPIC = frozenset("a an the about of on".split())
"""Words that no topic begins with."""
_REQUIRED = frozenset("required mandatory assigned obligatory compulsory must-read".split())
_MORE = frozenset(
    "optional additional further recommended supplementary extra suggested skip".split()
)


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
    kinds: tuple[WorkKind, ...] = ()
    """Kinds of works that are asked for; none for all."""


class Intents:
    """Tells the intent of a question and its topic, by weights that were fitted to examples."""

    def __init__(
        self, intents: Weights, topics: Weights, words: Collection[str], filled: Collection[str]
    ) -> None:
        """Args:
        intents: of `shape`.
        topics: of `around`.
        words: the words of which wordings are made.
        filled: what an intent's examples have, as `form` writes it.
        """
        self._intents = intents
        self._topics = topics
        self._words = frozenset(words)
        self._filled = frozenset(filled)

    def of(self, text: str) -> Found:
        """The intent of a question with its topic, sessions, section and the kinds of works that it
        names; "plain" in doubt. Kinds are looked for where readings are listed, and what is asked
        of videos or books is told as if it were asked of readings."""
        found, named = self._of(text), works.named(text)
        on_a_thing = bool(found.topic) and not works.is_kind(found.topic)
        if on_a_thing and (found.intent not in _LISTING or works.named(found.topic).kinds):
            return found  # "what should I read on video generation?"
        put = self._of(named.as_readings) if named.kinds else found
        if put.intent in _LISTING and not works.says_reading(put.topic):
            return replace(put, kinds=named.kinds)
        return replace(found, kinds=named.kinds) if found.intent in _LISTING else found

    def _of(self, text: str) -> Found:
        """The same without kinds."""
        asked = wording(text)
        start, end = self.topic(asked)
        found = self._filled_by(asked, start, end)
        if found.intent == PLAIN and self._words.issuperset(asked.tokens[start:end]):
            return self._filled_by(asked, 0, 0)  # "a test on Friday" is on nothing
        return found

    def _filled_by(self, asked: Wording, start: int, end: int) -> Found:
        """The intent of a question whose topic, if any, stands there."""
        topic = _without_possessive(" ".join(asked.written[start:end]))
        probable = self._intents.probabilities(shape(asked, start, end, self._words))
        best = max(
            (one for one in probable if form(one, topic, asked.sessions) in self._filled),
            key=probable.__getitem__,
            default=PLAIN,
        )
        if best == PLAIN or probable[best] <= (_LEAST_LOOKED_UP if best in LOOKED_UP else LEAST):
            return Found(PLAIN)
        return Found(best, topic, asked.sessions, section_in(asked.tokens))

    def topic(self, asked: Wording) -> tuple[int, int]:
        """Where the topic stands: the first of its words, and the one behind it."""
        odds: list[float] = []
        for token, features in zip(asked.tokens, around(asked, self._words), strict=True):
            inside = self._topics.probabilities(features)[IN_TOPIC]
            more = 0.0 if token in self._words else _TITLE if " " in token else _UNKNOWN
            odds.append(log(max(inside, 1e-9)) - log(max(1 - inside, 1e-9)) + more)
        start, end = _likeliest_run(_joined(asked.tokens, odds, self._words))
        while start < end and asked.tokens[start] in _BEFORE_TOPIC:
            start += 1
        return (start, end) if content_words(" ".join(asked.written[start:end])) else (0, 0)

    def knows(self, word: str) -> bool:
        """Whether a word, in lower case, belongs to the wording of some request."""
        return word in self._words


def form(intent: str, topic: object, sessions: object) -> str:
    """An intent with whether a topic and sessions fill it: "when+topic"."""
    return f"{intent}{'+topic' if topic else ''}{'+session' if sessions else ''}"


def _joined(
    tokens: Sequence[str], odds: Sequence[float], known: Collection[str]
) -> Sequence[float]:
    """The odds, those of small words that join what belongs to the topic to a word of no wording
    raised: "a vaccine for chikungunya" is one topic."""
    found = list(odds)
    for at in range(1, len(tokens) - 1):
        if tokens[at] in _JOINS and odds[at - 1] > 0:
            ahead = range(at + 1, min(at + _AHEAD, len(tokens)))
            after = next((n for n in ahead if tokens[n] not in known and odds[n] > 0), at)
            found[at:after] = [max(own, _JOINED) for own in odds[at:after]]
    return found


def _likeliest_run(odds: Sequence[float]) -> tuple[int, int]:
    """Where the neighbours stand whose sum is highest; nowhere where none is above 0."""
    best, where = 0.0, (0, 0)
    for start in range(len(odds)):
        total = 0.0
        for end in range(start, min(len(odds), start + _LONGEST)):
            total += odds[end]
            if total > best:
                best, where = total, (start, end + 1)
    return where


def around(asked: Wording, known: Collection[str]) -> Iterator[str]:
    """Of each word what tells whether it belongs to the topic: itself, its letters where it is not
    known, and its neighbours."""
    looks = ["<<", "<", *_looks(asked, known), ">", ">>"]
    for at, token in enumerate(asked.tokens):
        two_before, before, own, after, two_after = looks[at : at + 5]
        features = [
            f"0{own}", f"-{before}", f"+{after}", f"--{two_before}", f"++{two_after}",
            f"-{before}0{own}", f"0{own}+{after}", f"-{before}+{after}",
            f"--{two_before}-{before}", f"+{after}++{two_after}",
            f"--{two_before}-{before}0{own}", f"-{before}0{own}+{after}",
        ]  # fmt: skip
        mistyped = token not in known and " " not in token
        yield " ".join([*features, *(_letters(token) if mistyped else ())])


def shape(asked: Wording, start: int, end: int, known: Collection[str]) -> str:
    """What tells the intent: the words outside of the topic, in runs of up to three, the letters of
    those that are not known, and how many there are.

    Args:
        start, end: where the topic stands.
    """
    looks = _looks(asked, known)
    slot = [TOPIC] if start < end else []
    words = ["<", *looks[:start], *slot, *looks[end:], ">"]
    features = [*words, *("_".join(pair) for pair in pairwise(words))]
    features += ["_".join(words[at : at + 3]) for at in range(len(words) - 2)]
    unknown = [
        token for token in (*asked.tokens[:start], *asked.tokens[end:]) if token not in known
    ]
    for token in unknown:
        features += _letters(token)
    features.append(f"unknown={min(len(unknown), _MOST_UNKNOWN)}")
    features.append(f"words={min(len(words), _MOST_WORDS) // 3}")
    features.append(f"topic={min(end - start, _MOST_WORDS // 4)}")
    if slot:
        named = any(word[:1].isupper() for word in asked.written[start:end])
        features.append("named" if named else "common")
    return " ".join(features)


def _looks(asked: Wording, known: Collection[str]) -> list[str]:
    """The known words, and what the others look like."""
    return [
        token if token in known else _look(token, written)
        for token, written in zip(asked.tokens, asked.written, strict=True)
    ]


def _look(token: str, written: str) -> str:
    if " " in token:
        return "Title"
    if token.isalpha() and not written[:1].isupper():
        return "Other"
    return "Name" if any(letter.isalpha() for letter in token) else "Number"


def _letters(token: str) -> list[str]:
    """The runs of letters of a word."""
    word = f"<{'_'.join(token.split())}>"
    return [f"~{word[at : at + n]}" for n in _GRAMS for at in range(len(word) - n + 1)]


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


def _without_possessive(text: str) -> str:
    """A word or a name without "'s", or the apostrophe after a plural's "s"."""
    bare = text.removesuffix("'s").removesuffix("’s")
    return bare if bare != text or not text.endswith(("s'", "s’")) else text[:-1]


def _one_word(word: str) -> str:
    """A word in the form in which it is compared."""
    lower = _without_possessive(word.lower())
    if lower in TEXTS:
        return "paper"
    return "number" if lower.isdigit() or lower in CARDINALS else lower


def section_in(tokens: Sequence[str]) -> Section | None:
    """The kind of readings that words in lower case ask for."""
    if _REQUIRED & set(tokens):
        return "required"
    return "more" if _MORE & set(tokens) else None


@cache
def learned() -> Intents:
    """What was fitted to all the examples."""
    return Intents(
        read_weights(DATA)[0],
        read_weights(DATA_TOPICS)[0],
        read_list(DATA, "words"),
        read_list(DATA, "filled"),
    )
