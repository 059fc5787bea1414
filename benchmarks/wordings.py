"""Examples of what a question is after, as people type them: `question/data/intents.txt` with its
slots filled, its choices made, and with what a chat adds or leaves out. Every draw is repeatable.
"""

from __future__ import annotations

import random
import re
import string
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seminar_rag.question import followup, intent, referent
from seminar_rag.question.intent import PLAIN, TOPIC, Wording, form, wording
from seminar_rag.question.learned import read_examples

Example = tuple[str, str]
"""A class and a line."""

ALSO_PLAIN = (followup.DATA, referent.DATA)
"""Further examples, of which most ask what the readings say."""
OTHER = "other"
"""The heading of those of them that do not."""
DRAWS = {True: 12, False: 5}
"""Questions made of a line with choices, and of one without."""
LOOSE = 0.4
"""Share of the topics that are words of plain questions, put together at random, so that no topic
is known by its letters."""
LEAST = 2
"""Lines of requests that a word must be in to be known."""

_CHOICE = re.compile(r"\(([^()]*)\)")
_NAMED = re.compile(r"<(\w+)>")
_OPENINGS = (
    "hi, |hey |hello, |quick q: |ok so |so |and |sorry, |well, |please |can you tell me "
    "|could you tell me |do you know |i was wondering, |tell me |i'd like to know "
    "|just wondering, |one question: |btw |also |good morning, |question: |now "
).split("|")
_ENDINGS = (
    " please| pls| plz| thanks| thx| thank you|, thanks!| again| btw| asap| if you know| i forgot"
    "| exactly| actually"
).split("|")
_SHORT = {
    "you": "u", "are": "r", "for": "4", "your": "ur", "tomorrow": "tmrw", "what": "wat",
    "please": "plz", "about": "abt", "with": "w", "want to": "wanna", "give me": "gimme",
    "week": "wk", "what is": "whats", "I am": "im",
}  # fmt: skip
_CONTRACTED = {
    "what is": "what's", "who is": "who's", "when is": "when's", "where is": "where's",
    "I am": "I'm", "do not": "don't", "how is": "how's",
}  # fmt: skip
_MEETINGS = "session week class lecture meeting session week wk seminar".split()
_ARTICLES = ("the", "a", "an")
_CARDINALS = "one two three four five six seven eight nine ten eleven twelve".split()
_ORDINALS = "first second third fourth fifth sixth last final".split()
_AMOUNTS = "3 5 10 2 4 500 1000".split()


def choice_of(line: str, rng: random.Random) -> str:
    """A line with one of its choices made, at random."""
    made = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), line)
    return " ".join(made.replace("(", " ").replace(")", " ").split())


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question made of an example."""

    line: int
    """The number of the example."""
    intent: str
    asked: Wording
    inside: tuple[bool, ...]
    """Of each word whether it belongs to the topic."""
    topics: int
    """How many topics there are; of several none is the slot."""

    @property
    def slot(self) -> tuple[int, int]:
        """Where the topic stands."""
        if self.topics != 1 or True not in self.inside:
            return 0, 0
        return self.inside.index(True), len(self.inside) - self.inside[::-1].index(True)


def examples() -> list[Example]:
    """All examples, requests and others."""
    own = [one for one in read_examples(intent.DATA) if one[0]]
    requests = {line for name, line in own if name == OTHER}
    further = [(PLAIN, line) for name in ALSO_PLAIN for _, line in read_examples(name)]
    return [
        *((name, line) for name, line in own if name != OTHER),
        *((name, line) for name, line in further if line not in requests),
    ]


class Drawing:
    """Draws questions of examples."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        named = (line.split() for name, line in read_examples(intent.DATA) if not name)
        self._named = {name.strip("<>"): words for name, *words in named}
        self._topics = [line for _, line in read_examples(intent.DATA_TOPICS)]
        self._loose: list[str] = []

    def draw(self, given: Sequence[Example], times: int | None = None) -> list[Drawn]:
        """Questions of each example; without `times` as many as `DRAWS` says."""
        known = self.words(given)
        plain = (line for name, line in given if name == PLAIN and TOPIC not in line)
        said = {token for line in plain for token in wording(line).tokens if token.isalpha()}
        self._loose = sorted(said - known)
        return [
            self._one(at, name, line)
            for at, (name, line) in enumerate(given)
            for _ in range(times or DRAWS[bool(_CHOICE.search(line) or _NAMED.search(line))])
        ]

    def words(self, given: Sequence[Example]) -> frozenset[str]:
        """The words of which the wordings of requests are made, in lower case."""
        lines: dict[str, set[int]] = defaultdict(set)
        for at, (name, line) in enumerate(given):
            if name != PLAIN:
                for choice in self._all_choices(line):
                    for token in wording(choice.replace(TOPIC, " ")).tokens:
                        lines[token].add(at)
        return frozenset(word for word, found in lines.items() if len(found) >= LEAST)

    def _all_choices(self, line: str) -> Iterator[str]:
        """The line without its choices, and they: all that can stand in it."""
        yield _CHOICE.sub(" ", _NAMED.sub(" ", line)).replace("(", " ").replace(")", " ")
        for found in _CHOICE.finditer(line):
            yield from found[1].replace("<", " ").replace(">", " ").split("|")
        for found in _NAMED.finditer(line):
            yield from self._named.get(found[1], ())

    def _one(self, at: int, name: str, line: str) -> Drawn:
        text = self._typed(self._chosen(line))
        small = self._random.random() < 0.5
        tokens: list[str] = []
        written: list[str] = []
        sessions: list[int] = []
        inside: list[bool] = []
        pieces = re.split(r"(\{topic\}(?:'s)?)", text)
        for piece in pieces:
            filled = piece.startswith(TOPIC)
            said = wording(self._topic(small) + piece.removeprefix(TOPIC) if filled else piece)
            tokens += said.tokens
            written += said.written
            sessions += said.sessions
            inside += [filled and (n or word not in _ARTICLES) > 0 for n, word in
                       enumerate(said.tokens)]  # fmt: skip
        asked = Wording(tuple(tokens), tuple(written), tuple(dict.fromkeys(sessions)))
        return Drawn(at, name, asked, tuple(inside), len(pieces) // 2)

    def _topic(self, small: bool) -> str:
        draw = self._random
        topic = draw.choice(self._topics)
        if self._loose and draw.random() < LOOSE:
            topic = " ".join(draw.choices(self._loose, k=draw.choice((1, 1, 2, 2, 3))))
        if topic[:1].islower() and topic.split()[0] not in _ARTICLES and draw.random() < 0.1:
            topic = f"{draw.choice(_ARTICLES)} {topic}"
        if small:
            return topic.lower()
        if draw.random() < 0.1:
            return f'"{topic}"'
        return self._mistyped(topic) if draw.random() < 0.04 else topic

    def _chosen(self, line: str) -> str:
        """A line with its choices made, but for the topic."""
        draw = self._random
        line = _NAMED.sub(lambda found: draw.choice(self._named.get(found[1], [found[0]])), line)
        while found := _CHOICE.search(line):
            line = f"{line[: found.start()]}{draw.choice(found[1].split('|'))}{line[found.end() :]}"
        line = re.sub(r"<N>", lambda _: self._session(), line)
        line = line.replace("{n}", draw.choice(_AMOUNTS))
        return re.sub(r" +([?,.:;])", r"\1", " ".join(line.split()))

    def _session(self) -> str:
        """A session by its number."""
        draw = self._random
        kind, meeting, n = draw.random(), draw.choice(_MEETINGS), draw.randint(1, 14)
        if kind < 0.55 or (kind >= 0.75 and meeting == "wk"):
            return f"{meeting} {n}"
        if kind < 0.65:
            return f"{meeting}{draw.choice(('', ' '))}{n}"
        if kind < 0.75:
            return f"{meeting} {draw.choice(_CARDINALS)}"
        if kind < 0.83:
            return f"the {draw.choice(_ORDINALS)} {meeting}"
        if kind < 0.9:
            return f"{meeting}{'es' if meeting == 'class' else 's'} {n} and {n + 1}"
        return f"{meeting} {draw.choice(('number ', 'nr. ', 'no. ', '#'))}{n}"

    def _typed(self, line: str) -> str:
        """A line as it may be typed: opened, ended, shortened, mistyped."""
        draw = self._random
        if draw.random() < 0.35:
            line = line.rstrip("?.! ")
        if draw.random() < 0.18:
            small = line if line.startswith("I ") else line[:1].lower() + line[1:]
            line = draw.choice(_OPENINGS) + small
        if draw.random() < 0.1:
            end = line[-1:] if line[-1:] in "?." else ""
            line = line.rstrip("?.") + draw.choice(_ENDINGS) + end
        shorter = {}
        if draw.random() < 0.25:
            shorter = _CONTRACTED
        elif draw.random() < 0.12:
            shorter = _SHORT
        for long, short in shorter.items():
            if draw.random() < 0.8:
                line = re.sub(rf"(?<![\w{{]){long}(?![\w}}])", short, line)
        if draw.random() < 0.2:
            parts = line.split(" ")
            at = draw.randrange(len(parts))
            if parts[at].isalpha():
                parts[at] = self._mistyped(parts[at])
            line = " ".join(parts)
        if draw.random() < 0.25:
            line = line.replace("'", "")
        if draw.random() < 0.4:
            return line.lower()
        return line[:1].upper() + line[1:] if draw.random() < 0.5 else line

    def _mistyped(self, word: str) -> str:
        """A word with two letters in the wrong order, or one lacking, doubled or wrong."""
        draw = self._random
        if len(word) < 5:
            return word
        at, kind = draw.randrange(len(word) - 1), draw.random()
        if kind < 0.35:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind < 0.7:
            return word[: at + 1] + word[at + 2 :]
        if kind < 0.85:
            return word[:at] + word[at] + word[at:]
        return word[:at] + draw.choice(string.ascii_lowercase) + word[at + 1 :]


def filled(drawn: Iterable[Drawn]) -> frozenset[str]:
    """What the examples of each request have: a topic, a session."""
    return frozenset(
        form(one.intent, one.topics, one.asked.sessions) for one in drawn if one.intent != PLAIN
    )
