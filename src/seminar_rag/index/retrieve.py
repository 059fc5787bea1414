"""Finds the passages that may answer a question.

Dense and lexical candidates are fused, then compared with the question word by word (`late`); the
best for each side of a comparison, and of a work called by its title, are moved up; a reranker
orders the first where one is configured.

Scores are fused, not ranks: each list's scores are standardised over its candidates and summed,
which was measured better on labelled questions than reciprocal rank fusion, since a clear winner
of one list stays a clear winner.

What each part carries, by recall at 5 (at 20) without it, on 130 questions to a seminar, all .900
(.954), and on 158 to biomedical papers, all .766 (.918); an interval of 95% is about ±.06:

    comparison word by word   .754 (.938)   .778 (.911), and at 1 .487 instead of .525
    moving up                 .854 (.946)   .766 (.918)
    spelling put right        .900 (.954)   .766 (.899); with a slip in one word of each
                              question .869 instead of .885, and .690 instead of .741
    abbreviations             .900 (.954)   .766 (.892)

The first and the last two were measured beside a part that was taken out since, .766 (.905) in all
on the biomedical papers. Of 180 pairs of labelled questions put in one sentence .656 have all
evidence among five with the best for each question moved up, .583 without: .07 [.03, .12] less.
`benchmarks/answers.py` measures this.

What was trained on the questions of other sources found no more of those of a source that it had
not seen. Of nine sets (the two above, QASPER, SQuAD 2, CLAPNQ, CondaQA, PubMedQA, more of COVID-QA
and QASPER) each field was left out in turn; recall at 5, .91 over 2,887 questions, changed by

    the question's vector by a linear map of rank 16, 64 or 384    .001 [-.001, .004], of 2,687,
                                                                   at best
    its words' vectors by one of rank 32, with learned weights     .001 [-.003, .006], of 1,358
    the three scores' weights                                      .000 [-.005, .004]
    a ranker of 20 features: linear, small network, LambdaMART     .003 [-.003, .009] at best
    the best passages' vectors or rare words added (not trained)   .004 [-.001, .009], of 1,090, at
                                                                   best, and recall at 1 by -.010
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from seminar_rag.index.late import CANDIDATES, compare, fuse, leave_out, query_words
from seminar_rag.index.lexical import COMMON, is_english, misspelt, query_terms, spelling_candidates
from seminar_rag.question.forms import headed
from seminar_rag.question.intent import learned
from seminar_rag.question.language import language_of, small_words
from seminar_rag.question.parts import Part
from seminar_rag.question.query import Query, understand
from seminar_rag.text import STOPWORDS, content_words, has_most
from seminar_rag.types import Document, Hit, Passage, Scope

if TYPE_CHECKING:
    from seminar_rag.index.store import Store
    from seminar_rag.models.embed import Embedder, Matrix, Words
    from seminar_rag.models.rerank import Reranker


COMPARED = 150
"""The best of both sides' candidates, which are compared word by word (`late`)."""
RERANKED = 30
"""Passages that a reranker reads for one question."""
_AT_ONCE = 8
"""Questions that are read at once; the embedder has its own threads for many texts."""
_EACH = 2
"""Passages for each thing compared, or of the work called by its title, that are moved up."""
_SIDES = 4
"""Things compared at most."""
_HOLDING = 40
"""Passages holding its name that are compared for one side."""
_SPARE = 5
"""Passages that are read at once beyond those asked for, since some have the same text."""
_QUESTION_WORDS = ("what", "which", "when", "where", "who", "why", "how", "explain", "tell")
_COMMON = 0.12
"""What more than this share of all passages holds does not tell sides apart."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What one search found: fused scores by passage id, with both sides' own."""

    dense: dict[str, float]
    sparse: dict[str, float]
    scores: dict[str, float]

    def ranked(self) -> list[str]:
        """Ids, best first."""
        return sorted(self.scores, key=lambda id_: (-self.scores[id_], id_))


class Retriever:
    """Hybrid retrieval over one store."""

    def __init__(self, store: Store, embedder: Embedder, reranker: Reranker | None = None) -> None:
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._spoken: dict[str, str] = {}
        """Documents whose language is known, with it."""

    def search(
        self, query: Query | str, k: int = 20, scope: Scope | None = None
    ) -> tuple[Hit, ...]:
        """The k best passages, best first, no text twice.

        The scores are those of the whole question and do not descend where sides of a comparison
        were moved up.

        Raises:
            StoreError: the index cannot be read.
            ModelError: the reranker cannot be loaded.
        """
        catalogue = self._store.catalogue()
        within = catalogue.within(scope or Scope())
        if not catalogue.documents or within == set():
            return ()
        if isinstance(query, str):
            query = understand(query, titles=catalogue.titles, spelled=self.spelled)
        text = query.search_text
        asked = _read_in_thread(self._embedder, [text])
        # What has no name is searched for by a vector of its own, meanwhile.
        unnamed = [part.text for part in query.parts[:_SIDES] if not part.name]
        own = _read_in_thread(self._embedder, unnamed) if unnamed else None
        sparse = self._store.lexical(self._terms(text), CANDIDATES, within)
        ((vector, words),) = asked.result()
        found = self._find(sparse, vector, words, within)
        if self._reranker is not None:
            self._rerank(self._reranker, text, found)
        ranked = found.ranked()
        read = iter(own.result() if own else ())
        up = self._moved_up(query, words, read, within)
        ranked = list(dict.fromkeys([*ranked[:1], *up, *ranked]))
        return _headed_first(query, self._hits(ranked[: 2 * k + 10], found, k))

    def _find(
        self,
        lexical: Sequence[tuple[str, float]],
        vector: Matrix,
        words: Words,
        within: set[str] | None,
    ) -> _Found:
        """The candidates of both sides, with their fused scores."""
        dense = dict(self._store.dense(vector, CANDIDATES, within))
        sparse = dict(lexical)
        dense |= self._store.cosines(vector, [id_ for id_ in sparse if id_ not in dense])
        scores = fuse(dense, sparse)
        best = sorted(scores, key=lambda id_: (-scores[id_], id_))[:COMPARED]
        return _Found(dense, sparse, compare(scores, self._near(words, best)))

    def _near(self, words: Words, ids: Sequence[str]) -> dict[str, float | None]:
        """How near passages are to the question's words, by id; None without words."""
        packed = self._store.words_of(ids)
        near = query_words(words, self._store.rarity).scores([packed.get(id_, b"") for id_ in ids])
        return dict(zip(ids, near, strict=True))

    def spelled(self, text: str) -> str:
        """A question as it can be searched for: misspelt words that no passage has put right. Of a
        question in a language that no reading is in, the words that they have are left."""
        first = re.search(r"[^\W\d_]{3,}", text)
        if first and (right := self._small_word(first[0])):
            text = f"{text[: first.start()]}{right}{text[first.end() :]}"
        asked = language_of(text)
        if asked and not self._has_readings_in(asked):
            small = small_words(asked)
            kept = [
                word
                for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text)
                if word.lower() not in small and self._store.holding(query_terms(word), 1)
            ]
            return " ".join(kept) or text
        before = ""
        for word in dict.fromkeys(re.findall(r"[^\W\d_]{3,}", text)):
            name = before and word[0].isupper()  # if no reading has it, that is to be said
            right = None if name else self._course_word(word.lower())
            before = word
            if right and right != word.lower():
                text = re.sub(rf"(?<!\w){word}(?!\w)", right, text)
        return text

    def _has_readings_in(self, language: str) -> bool:
        """Whether a reading begins in a language; true too where none can be told."""
        told: set[str] = set()
        for id_ in self._store.catalogue().documents:
            if id_ not in self._spoken:
                some = self._store.passages_of(id_)[:2]
                self._spoken[id_] = language_of(" ".join(one.text for one in some))
            told.add(self._spoken[id_])
            if language in told:
                return True
        return not any(told)

    def _course_word(self, word: str) -> str | None:
        """The readings' word that a word is a misspelling of; None where it may be right."""
        # A word that the model has a token of its own for is a word, if not of the course.
        if word in STOPWORDS or not misspelt(word) or self._embedder.count(word) == 1:
            return None
        # "summarise" asks for something, and is no misspelt "summaries".
        if learned().knows(word) or is_english(word):
            return None
        return self._store.spelled(word)

    def _small_word(self, word: str) -> str | None:
        """The question word that a short word of no reading stands for: "waht", "wat"."""
        if len(word) > 5 or word.lower() in STOPWORDS or word.isupper():
            return None
        if word[1:].lower() != word[1:] or self._store.holding([word.lower()], 1):
            return None
        found = spelling_candidates(word.lower(), _QUESTION_WORDS)
        # "whats" is short for "what is", which a question's form is read from.
        return found[0] if found and word.lower() != f"{found[0]}s" else None

    def _terms(self, query: str) -> list[str]:
        """What is searched for: the query's words, and abbreviations both short and long."""
        terms = query_terms(query)
        folded = query.lower()
        written = set(re.findall(r"[\w-]+", query))
        for short, long in self._store.glossary().items():
            if short in written:
                terms.append(long)
            elif long in folded:
                terms.append(short.lower())
        return list(dict.fromkeys(terms))

    def _rerank(self, reranker: Reranker, query: str, found: _Found) -> None:
        """Hand the first scores out anew, in the reranker's order."""
        first = found.ranked()[:RERANKED]
        passages = self._store.passages(first)
        first = [id_ for id_ in first if id_ in passages]
        # Equal scores are told apart by as little as keeps the order.
        heights = [found.scores[id_] - 1e-9 * i for i, id_ in enumerate(first)]
        documents = self._store.catalogue().documents
        texts = [_read(passages[id_], documents) for id_ in first]
        judged = dict(zip(first, reranker.scores(query, texts), strict=True))
        order = sorted(first, key=lambda id_: -judged[id_])
        found.scores.update(zip(order, heights, strict=True))

    def _moved_up(
        self,
        query: Query,
        words: Words,
        unnamed: Iterator[tuple[Matrix, Words]],
        within: set[str] | None,
    ) -> list[str]:
        """The best few ids for each of the things compared, in turn, or else of the work that the
        question calls by its title or arXiv id.

        A side, or a part that has a name, is looked for among the passages that hold its name, by
        the question's words without the others' names.

        Args:
            words: the question's.
            unnamed: the vector and the words of each of its parts that has no name.
        """
        names = self._apart(query.sides[:_SIDES])
        columns = []
        for name in names if len(names) > 1 else ():
            own, held = _without(words, names, name), query_terms(name)
            wanted = [*held, *content_words(" ".join(own.texts))]
            columns.append(self._nearest(own, wanted, within, held))
        parts = query.parts[:_SIDES]
        named = [part.name for part in parts if part.name]
        for part in parts:
            if part.name:
                own, held = _without(words, named, part.name), query_terms(part.name)
                columns.append(self._nearest(own, query_terms(part.text), within, held))
            else:
                columns.append(self._about(part, *next(unnamed), within))
        if not columns and query.readings:
            work = {
                id_
                for id_, one in self._store.catalogue().documents.items()
                if one.reading in query.readings and (within is None or id_ in within)
            }
            columns.append(self._nearest(words, query_terms(query.search_text), work))
        return [id_ for id_ in chain.from_iterable(zip_longest(*columns)) if id_ is not None]

    def _about(
        self, part: Part, vector: Matrix, words: Words, within: set[str] | None
    ) -> list[str]:
        """The best few ids for one part of a question that is asked for itself."""
        sparse = self._store.lexical(self._terms(part.text), CANDIDATES, within)
        return self._find(sparse, vector, words, within).ranked()[:_EACH]

    def _nearest(
        self, words: Words, terms: Sequence[str], within: set[str] | None, held: Sequence[str] = ()
    ) -> list[str]:
        """Of the passages that have any of the terms, and all that must be held, the nearest."""
        found = self._store.lexical(terms, _HOLDING, within, held)
        near = self._near(words, [id_ for id_, _ in found])
        return sorted(near, key=lambda id_: -(near[id_] or -1.0))[:_EACH]

    def _apart(self, names: Iterable[str]) -> list[str]:
        """Those names that different passages hold."""
        total = sum(record.passages for record in self._store.catalogue().records.values())
        most = min(max(3, int(_COMMON * total)), COMMON)
        apart: dict[str, set[int]] = {}
        for name in names:
            holding = self._store.holding(query_terms(name), most + 1)
            if not holding or len(holding) > most:
                continue
            if all(
                2 * len(holding & other) < min(len(holding), len(other)) for other in apart.values()
            ):
                apart[name] = holding
        return list(apart)

    def _hits(self, ranked: Sequence[str], found: _Found, k: int) -> tuple[Hit, ...]:
        documents = self._store.catalogue().documents
        lowest = min(found.scores.values(), default=0.0)
        hits: list[Hit] = []
        texts: set[str] = set()
        for passage in self._passages(ranked, k + _SPARE):
            if passage.document not in documents:
                continue
            text = " ".join(passage.text.split()).casefold()
            if text in texts:
                continue
            texts.add(text)
            document = documents[passage.document]
            score = found.scores.get(passage.id, lowest)
            hits.append(Hit(passage, document, score, found.dense.get(passage.id)))
            if len(hits) == k:
                break
        return tuple(hits)

    def _passages(self, ids: Sequence[str], together: int) -> Iterator[Passage]:
        """The passages of these ids in their order, of which some are read at a time: few that are
        found have a text that another one before them has, so that the first are mostly enough. A
        vector may outlive its passage for a moment, while another process writes."""
        for at in range(0, len(ids), together):
            some = ids[at : at + together]
            found = self._store.passages(some)
            yield from (found[id_] for id_ in some if id_ in found)


def _without(words: Words, names: Iterable[str], name: str) -> Words:
    """A question's words without those of all names but one."""
    return leave_out(words, " ".join(other for other in names if other != name), name)


def is_on(hit: Hit, thing: str) -> bool:
    """Whether a passage's title or headings have most words of a thing."""
    return has_most(f"{hit.document.title} {hit.passage.heading}", thing)


def _headed_first(query: Query, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Hits with those in front whose heading says that what speaks for a thing, or against it, is
    told below: "Limits" shares no word with "the drawbacks of it"."""
    forms = [form for form in (query.form, *(part.form for part in query.parts)) if form]
    first = [
        hit
        for form in forms
        for hit in [one for one in hits if headed(form, one.passage.own_heading)]
        if is_on(hit, form.thing)
    ]
    return tuple(dict.fromkeys([*first[:_EACH], *hits]))


@cache
def _reading_threads() -> ThreadPoolExecutor:
    """Threads that read questions while the full text is searched."""
    return ThreadPoolExecutor(_AT_ONCE, "question")


def _read_in_thread(embedder: Embedder, texts: Sequence[str]) -> Future[list[tuple[Matrix, Words]]]:
    """The vector and the words of each text, by another thread."""

    def read() -> list[tuple[Matrix, Words]]:
        return list(zip(*embedder.read(texts, "question"), strict=True))

    return _reading_threads().submit(read)


def _read(passage: Passage, documents: Mapping[str, Document]) -> str:
    """A passage as a reranker reads it: where it stands, then what it says."""
    document = documents.get(passage.document)
    place = [document.title] if document else []
    return "\n".join([" › ".join([*place, *filter(None, [passage.heading])]), passage.text])
