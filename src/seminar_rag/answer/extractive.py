"""The embedded answerer: quotes what answers the question, and writes nothing but a lead.

What can be quoted are `units`; `worth` weighs them and `choice` takes what belongs together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seminar_rag.answer.choice import choose, speak_of
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.units import Unit, opens, tidy, units, unnumbered
from seminar_rag.answer.worth import Asked, like_worth, plain_worth, promise
from seminar_rag.index import late
from seminar_rag.models.embed import Side, Words
from seminar_rag.question.patterns import is_called
from seminar_rag.question.query import Query
from seminar_rag.text import content_words, stems, words
from seminar_rag.types import Document, Hit, Sentence, Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

Read = Callable[[Sequence[str], Side], "tuple[Matrix, list[Words]]"]
Rarity = Callable[[Sequence[str]], Mapping[str, float]]

EMBEDDED = 24
"""Units whose meaning is compared; four more change no answer's evidence among 226 questions."""

_SECTION_NUMBER = re.compile(r"^#*\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.\d+(?:\.\d+)*\.?)\s+|^#+\s*")
_REFERENCE = re.compile(r"\s?(?:\[\^?\d[\d,;\s–-]*\]|【\d+】)")


class Extractive:
    """Answers with quotations."""

    name = "extractive"
    notice = "Answers are quoted from the readings. No language model is in use."

    def __init__(self, read: Read, rarity: Rarity) -> None:
        """Args:
        read: texts → unit vectors, shape (n, dimensions), and words with theirs; `Embedder.read`.
        rarity: words → inverse document frequency in the course.
        """
        self._read = read
        self._rarity = rarity

    def draft(
        self,
        query: Query,
        hits: Sequence[Hit],
        history: Sequence[Turn],
        stop: Stop,
    ) -> Draft:
        offered = tuple(hits)
        asked = self._asked(query)
        again = any(turn.role == "user" and turn.text.strip() == query.own_text for turn in history)
        said = (turn.text for turn in history if turn.role == "assistant" and not again)
        heard = tidy(" ".join(said))
        return Draft(offered, self._quotations(asked, offered, heard, stop))

    def _quotations(
        self, asked: Asked, hits: tuple[Hit, ...], heard: str, stop: Stop
    ) -> Iterator[str]:
        chosen = _authorship(asked.query, hits) or self._chosen(asked, hits, heard)
        if not chosen or stop():
            return
        yield _lead([hits[one.hit - 1].document for one in chosen])
        for one in chosen:
            if stop():
                return
            yield "\n\n" + _quoted(one, hits)

    def _chosen(self, asked: Asked, hits: tuple[Hit, ...], heard: str) -> list[Unit]:
        """The units to quote.

        Args:
            heard: what the conversation's earlier answers said; a follow-up wants to know
                something else, unless its own words ask for what was said.
        """
        offered = dict(enumerate(hits, 1))
        compared = asked.query.sides
        if not compared:
            offered = _of_named_work(asked.query, offered) or offered
        return _in_order(self._best(asked, offered, heard, compared))

    def _best(
        self, asked: Asked, hits: Mapping[int, Hit], heard: str, compared: Sequence[str]
    ) -> list[Unit]:
        candidates = [
            (plain_worth(asked, one, rank, hit), one)
            for rank, (i, hit) in enumerate(hits.items(), 1)
            for one in units(i, hit)
            if not any(
                _names_authors(text, hit.document) or _titles(text, hit.document)
                for text in map(hit.passage.quote, one.sentences)
            )
            and not (_heard(one, hit, heard) and not _asks_for(asked.query.own_text, one))
        ]
        candidates.sort(key=lambda pair: pair[0] + promise(asked, pair[1], compared), reverse=True)
        candidates = candidates[:EMBEDDED]
        if not candidates:
            return []
        likeness = self._likeness(asked, hits, [one for _, one in candidates])
        worth = [plain + like for (plain, _), like in zip(candidates, likeness, strict=True)]
        found = [one for _, one in candidates]
        where = [f"{hits[one.hit].document.id} {hits[one.hit].passage.heading}" for one in found]
        speaks = speak_of(found, hits, compared)
        return choose(found, worth, asked, speaks, where, differ=asked.query.only_difference)

    def _likeness(
        self, asked: Asked, hits: Mapping[int, Hit], candidates: Sequence[Unit]
    ) -> list[float]:
        """What units are worth for saying what is asked, as a whole and word by word.

        A unit is read below its title and the lines above it, which tell what its words mean; only
        its own words are compared.
        """
        questions = list(dict.fromkeys((asked.query.search_text, asked.query.own_text)))
        looked_for, of_questions = self._read(questions, "question")
        above = [_above(one, hits[one.hit]) for one in candidates]
        texts = [f"{lines}{one.text}" for lines, one in zip(above, candidates, strict=True)]
        vectors, of_units = self._read(texts, "passage")
        cosines = vectors @ looked_for.mean(axis=0)
        wanted = [late.query_words(one, self._rarity) for one in of_questions]
        out: list[float] = []
        for unit, cosine, lines, read in zip(candidates, cosines, above, of_units, strict=True):
            own = _after(read, lines)
            near = sum(one.similarity(own) for one in wanted) / len(wanted)
            out.append(like_worth(asked, unit, float(cosine), near))
        return out

    def _asked(self, query: Query) -> Asked:
        weights: dict[str, float] = {}
        for word, value in self._rarity(
            list(dict.fromkeys(content_words(query.search_text)))
        ).items():
            for stem in stems(word):
                weights[stem] = max(weights.get(stem, 0.1), value)
        total = sum(weights.values()) or 1.0
        return Asked(query, {stem: value / total for stem, value in weights.items()})


def _of_named_work(query: Query, hits: Mapping[int, Hit]) -> dict[int, Hit]:
    """The hits from the work, or from the notes on it, that the question calls by its title."""
    # A work that an earlier question named does not restrict a follow-up.
    names = [name for name in query.works if name in query.own_text]
    return {
        i: hit
        for i, hit in hits.items()
        if any(
            hit.document.reading == name
            or any(
                is_called(name, title) or _holds_name(title, name)
                for title in (hit.document.title, *hit.passage.heading.split(" › "))
            )
            for name in names
        )
    }


def _holds_name(title: str, name: str) -> bool:
    """Whether a title has all the words of a name, of two or more: "the wide tree paper"."""
    asked = set(stems(name))
    return len(asked) > 1 and asked <= set(stems(title))


def _heard(one: Unit, hit: Hit, heard: str) -> bool:
    """Whether all of a unit was quoted before."""
    return all(_bare(hit.passage.quote(sentence)) in heard for sentence in one.sentences)


def _asks_for(question: str, one: Unit) -> bool:
    """Whether a unit holds all that a question asks in its own words: "which one is slower?"."""
    own = set(stems(question)) - {"one"}
    return bool(own) and own <= set(stems(one.text))


def _above(one: Unit, hit: Hit) -> str:
    lines = one.context or hit.passage.heading.rsplit(" › ", 1)[-1]
    return f"{hit.document.title} › {lines}: "


def _after(read: Words, lines: str) -> Words:
    """The words of a text that come after these lines, with which it begins."""
    left = len("".join(lines.split()))
    at = 0
    while left > 0 and at < len(read.texts):
        left -= len(read.texts[at])
        at += 1
    return Words(read.texts[at:], read.vectors[at:])


def _authorship(query: Query, hits: Sequence[Hit]) -> list[Unit]:
    """Title and author line of the work that "who wrote …" asks about; else nothing."""
    if not query.asks_authors:
        return []
    asked = set(stems(query.search_text))
    best: tuple[float, int, tuple[Sentence, ...]] | None = None
    for index, hit in enumerate(hits, 1):
        sentences = hit.passage.sentences
        for at, sentence in enumerate(sentences):
            if not _names_authors(hit.passage.quote(sentence), hit.document):
                continue
            title = set(stems(hit.document.title))
            share = len(title & asked) / (len(title) or 1)
            own = sentences[at - 1 : at + 1] if at else (sentence,)
            if share >= 0.3 and (best is None or share > best[0]):
                best = share, index, own
    if best is None:
        return []
    _, index, own = best
    text = " ".join(tidy(hits[index - 1].passage.quote(one)) for one in own)
    return [Unit(index, own, text, "", listed=False)]


def _names_authors(text: str, document: Document) -> bool:
    """Whether a line gives the document's authors and nothing else."""
    if not document.authors:
        return False
    said, known = words(text), set(words(document.authors))
    return bool(said) and sum(word in known for word in said) >= 0.8 * len(said)


def _titles(text: str, document: Document) -> bool:
    """Whether a line says no more than the document's title."""
    return set(words(text)) <= set(words(document.title))


def _in_order(chosen: Sequence[Unit]) -> list[Unit]:
    """The best first; of the others, what comes from the same passage together, in its order."""
    hits = list(dict.fromkeys(one.hit for one in chosen))
    others = sorted(chosen[1:], key=lambda one: (hits.index(one.hit), one.sentences[0].start))
    return [*chosen[:1], *others]


def _lead(documents: Sequence[Document]) -> str:
    """ "From A (session 15) and B (session 3):" """
    named = []
    for document in {one.id: one for one in documents}.values():
        where = ""
        if document.sessions:
            where = f" (session {', '.join(map(str, document.sessions[:3]))})"
        named.append(f"{document.title}{where}")
    *others, last = named
    return f"From {', '.join(others)} and {last}:" if others else f"From {last}:"


def _quoted(one: Unit, hits: Sequence[Hit]) -> str:
    passage = hits[one.hit - 1].passage
    said = [passage.quote(sentence) for sentence in one.sentences]
    if one.counted:
        said = [*map(unnumbered, said[:-1]), said[-1]]
    quotes = [f"“{_bare(text)}” [{one.hit}]" for text in said]
    lead = tidy(passage.quote(one.sentences[0]))
    if one.listed and lead[-1] not in ".!?:":  # tells what the rest is of, but says nothing itself
        quotes[0] = f"{_SECTION_NUMBER.sub('', lead)}:"
    out = quotes[0]
    for quote, sentence in zip(quotes[1:], one.sentences[1:], strict=True):
        as_item = one.counted or (sentence.kind == "item" and opens(passage, sentence))
        out += f"\n- {quote}" if as_item else f" {quote}"
    return out


def _bare(text: str) -> str:
    """Without quotation marks around the whole, and without a paper's own reference numbers:
    they would be read as marks of the answer."""
    text = tidy(_REFERENCE.sub("", text))
    inner = text[1:-1]
    if len(text) > 2 and text[0] in '"“' and text[-1] in '"”' and not re.search(r'["“”]', inner):
        return inner
    return text
