"""What each part of quoting is worth, and the fit of the weights that score quotations.

    python benchmarks/quotations.py [--shared ../shared] [--data FOLDER] [--most N] [--fit]

Three sets of labelled questions are asked: the seminar of `../shared/course`, and the papers of
`../shared/outside` (biomedicine; language technology, each question within its paper). They are
ingested into FOLDER, where it does not hold them yet. The product searches and decides; what it
would offer to the answerer is quoted by each variant: with one kind of candidate or one feature
left out, and with another selection.

Every figure is of a set that the weights have not seen: they are fitted on the other two, to the
candidates that the product compares in the end. A line
tells for each set the share of questions whose evidence is quoted in full, the mean share of
their quotes, and the mean number of words quoted; `all` is over the questions of all sets. A
question that is refused, or whose evidence is not found, counts as not quoted.

--most limits the candidates of a question that are read (all by default), for a quick look.
--fit also writes src/seminar_rag/answer/quotation_weights.json, fitted on all three sets.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from seminar_rag.answer import candidates, scoring
from seminar_rag.answer.candidates import Candidate
from seminar_rag.answer.engine import Draft, Stop
from seminar_rag.answer.extractive import EMBEDDED, Extractive
from seminar_rag.answer.scoring import FEATURES, FIRST_FEATURES, Features, QuestionWords, choose
from seminar_rag.config import load
from seminar_rag.course import Course
from seminar_rag.evaluation.evaluate import QuoteMatcher
from seminar_rag.evaluation.questions import Question, read_questions
from seminar_rag.models.embed import SentenceTransformerEmbedder, Side, Words
from seminar_rag.question.query import Query
from seminar_rag.types import AnswerEvent, Citation, Hit, Scope, Turn

WEIGHTS = Path(scoring.__file__).with_name("quotation_weights.json")
PENALTY = 50.0
"""Of the squared weights of standardised features, over all questions together."""
RESAMPLES = 2000
SETS = {
    "course": ("course/posts", "questions/dev.jsonl", "course/posts"),
    "covid": (
        "outside/covid/readings.toml",
        "outside/covid/questions.jsonl",
        "outside/covid/papers",
    ),
    "qasper": (
        "outside/qasper/readings.toml",
        "outside/qasper/questions.jsonl",
        "outside/qasper/papers",
    ),
}
"""Source, questions and documents of each set, below the shared folder."""
SELECTIONS = (
    ("NEW_WORDS", 0.0),
    ("MARGIN", 1.5),
    ("MARGIN", 3.0),
    ("SHARE", 0.0),
    ("MOST", 3),
    ("ENOUGH_WORDS", 100),
)
"""Constants of `scoring`, with other values to try."""
PARTS = {
    "lists": ("whole_list", lambda *_: []),
    "labels of paragraphs": ("_explanation", lambda *_: []),
    "sentences pointed back to": ("_points_back", lambda *_: False),
}
"""Kinds of candidates, with what takes them out."""


class Recorder:
    """An answerer that keeps what it is offered and writes nothing."""

    name = "recorder"
    notice = ""
    offered: tuple[Query, tuple[Hit, ...]] | None = None

    def draft(
        self,
        query: Query,
        hits: Sequence[Hit],
        history: Sequence[Turn],  # noqa: ARG002
        stop: Stop,  # noqa: ARG002
    ) -> Draft:
        self.offered = query, tuple(hits)
        return Draft(tuple(hits), iter(()))


class Reader:
    """The embedding model, which reads no text twice."""

    def __init__(self) -> None:
        self._embedder = SentenceTransformerEmbedder()
        self._known: dict[tuple[str, Side], tuple[Any, Words]] = {}

    def __call__(self, texts: Sequence[str], side: Side) -> tuple[Any, list[Words]]:
        new = [text for text in dict.fromkeys(texts) if (text, side) not in self._known]
        if new:
            vectors, words = self._embedder.read(new, side)
            for text, vector, read in zip(new, vectors, words, strict=True):
                half = replace(read, vectors=read.vectors.astype(np.float16))
                self._known[text, side] = vector, half
        found = [self._known[text, side] for text in texts]
        return np.stack([vector for vector, _ in found]), [words for _, words in found]


@dataclass
class Asked:
    """A question with the candidates for its answer."""

    question: Question
    words: QuestionWords
    candidates: list[Candidate]
    features: list[Features]
    hits: tuple[Hit, ...]
    evidence: QuoteMatcher
    gains: Any = None
    """Share of its quotes that each candidate holds, shape (candidates,)."""

    def quoted(self, chosen: Sequence[Candidate]) -> float:
        """The share of the question's quotes that the chosen candidates hold together."""
        citations = [
            Citation(1, hit.document, hit.passage, hit.passage.quote(sentence), None)
            for one in chosen
            for hit in (self.hits[one.hit - 1],)
            for sentence in one.sentences
        ]
        return len(self.evidence.quoted(self.question, citations)) / len(self.question.evidence)


@dataclass
class Set:
    """One course with its labelled questions."""

    name: str
    course: Course
    evidence: QuoteMatcher
    offered: list[tuple[Question, Query, tuple[Hit, ...]]]
    answerable: int
    refused: int
    from_catalogue: int
    """Questions that the catalogue answers, with all of their evidence."""

    def asked(self, reader: Reader, most: int) -> list[Asked]:
        """The questions that were not refused, with their candidates as the code makes them now."""
        writer = Extractive(reader, self.course.store.rarity)
        out = []
        for question, query, hits in self.offered:
            words = QuestionWords(query.search_text, self.course.store.rarity)
            found = writer.featured(query, words, hits, most)
            one = Asked(
                question, words, [c for c, _ in found], [f for _, f in found], hits, self.evidence
            )
            one.gains = np.array([one.quoted([candidate]) for candidate in one.candidates])
            out.append(one)
        return out


def opened(shared: Path, data: Path, name: str) -> Set:
    """Ingest a set, unless it is there, and search for its questions."""
    source, questions, docs = (shared / part for part in SETS[name])
    recorder = Recorder()
    course = Course(load(Path(), data=data / name), answerer=recorder)
    if not course.catalogue().documents:
        list(course.ingest([source]))
    sessions = {
        Path(document.path).name: document.sessions[0]
        for document in course.documents().values()
        if document.sessions
    }
    asked = [one for one in read_questions(questions) if not one.unanswerable]
    offered = []
    evidence = QuoteMatcher(docs)
    refused = from_catalogue = 0
    for one in asked:
        recorder.offered = None
        scope = Scope()
        if name == "qasper":  # its questions lean on their paper: "What baselines are used?"
            scope = Scope(sessions=frozenset({sessions[one.evidence[0][0]]}))
        *_, last = course.ask(one.text, one.history, scope)
        assert isinstance(last, AnswerEvent)
        if recorder.offered:
            offered.append((one, *recorder.offered))
        elif last.answer.abstained:
            refused += 1
        else:
            quoted = evidence.quoted(one, last.answer.citations)
            from_catalogue += len(quoted) == len(one.evidence)
    return Set(name, course, evidence, offered, len(asked), refused, from_catalogue)


def fit(asked: Sequence[Asked], names: Sequence[str]) -> dict[str, float]:
    """Weights by a listwise softmax loss (ListNet, Cao et al. 2007), L2 penalty."""
    useful = [one for one in asked if len(one.gains) and one.gains.any()]
    rows = [np.array([[f[name] for name in names] for f in one.features]) for one in useful]
    scale = np.concatenate(rows).std(axis=0) + 1e-9
    targets = [one.gains / one.gains.sum() for one in useful]

    def loss(weights: Any) -> tuple[float, Any]:
        value, slope = PENALTY * weights @ weights, 2 * PENALTY * weights
        for row, target in zip(rows, targets, strict=True):
            standard = row / scale
            scores = standard @ weights
            log = scores - np.logaddexp.reduce(scores)
            value -= target @ log
            slope -= standard.T @ (target - np.exp(log))
        return value, slope

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / scale
    return dict(zip(names, found.round(3).tolist(), strict=True))


def weighted(features: Features, weights: Mapping[str, float]) -> float:
    known = sum(weight * features[name] for name, weight in weights.items())
    return known - scoring.ITSELF * features["itself"]


def read(one: Asked, first: Mapping[str, float]) -> Asked:
    """A question with the candidates alone that the product compares in the end.

    The weights are fitted to these: most others are told from an answer by any feature, and what
    tells rivals apart drowns among them.
    """
    order = best(one, first, EMBEDDED)
    return replace(
        one,
        candidates=[one.candidates[i] for i in order],
        features=[one.features[i] for i in order],
        gains=one.gains[order],
    )


def best(one: Asked, first: Mapping[str, float], most: int) -> list[int]:
    """Indices of the best candidates by their text."""
    values = [weighted(features, first) for features in one.features]
    return sorted(range(len(values)), key=values.__getitem__, reverse=True)[:most]


def quote(
    one: Asked, weights: Mapping[str, float], first: Mapping[str, float], most: int = EMBEDDED
) -> list[Candidate]:
    """What the product would quote with these weights."""
    order = best(one, first, most)
    scores = [weighted(one.features[i], weights) for i in order]
    return choose(one.words, [one.candidates[i] for i in order], scores, share=scoring.SHARE)


class Result:
    """What one variant quotes, by set: (share of quotes, words) of every question asked."""

    def __init__(self, sets: Sequence[Set]) -> None:
        self._sets = {one.name: one for one in sets}
        self._rows: dict[str, list[tuple[float, int]]] = {}

    def add(self, name: str, rows: list[tuple[float, int]]) -> None:
        self._rows[name] = rows

    def line(self) -> str:
        parts = []
        for name, rows in self._rows.items():
            of = self._sets[name].answerable
            known = self._sets[name].from_catalogue
            whole = (sum(share == 1 for share, _ in rows) + known) / of
            mean = (sum(share for share, _ in rows) + known) / of
            words = np.mean([words for _, words in rows])
            parts.append(f"{name} {whole:.3f} {mean:.3f} {words:4.0f}")
        return "   ".join([*parts, f"all {self.flags().mean():.3f}"])

    def flags(self, name: str | None = None) -> Any:
        """1 for every question whose evidence is quoted in full, 0 for the others."""
        out: list[int] = []
        for known, rows in self._rows.items():
            if name in (None, known):
                one = self._sets[known]
                quoted = [int(share == 1) for share, _ in rows] + [1] * one.from_catalogue
                out += quoted + [0] * (one.answerable - len(quoted))
        return np.array(out)


def left_out(
    sets: Sequence[Set],
    asked: Mapping[str, Sequence[Asked]],
    without: str = "",
    most: int = EMBEDDED,
) -> Result:
    """Quote each set with weights that were fitted on the others."""
    names = [name for name in FEATURES if name != without]
    plain = [name for name in FIRST_FEATURES if name != without]
    result = Result(sets)
    for one in sets:
        others = [each for name, of in asked.items() if name != one.name for each in of]
        first = fit(others, plain)
        weights = fit([read(each, first) for each in others], names)
        rows = []
        for each in asked[one.name]:
            chosen = quote(each, weights, first, most)
            rows.append((each.quoted(chosen), sum(candidate.words for candidate in chosen)))
        result.add(one.name, rows)
    return result


@contextmanager
def without_part(name: str) -> Iterator[None]:
    attribute, nothing = PARTS[name]
    kept = getattr(candidates._Outline, attribute)
    setattr(candidates._Outline, attribute, nothing)
    yield
    setattr(candidates._Outline, attribute, kept)


@contextmanager
def selection(name: str, value: float) -> Iterator[None]:
    kept = getattr(scoring, name)
    setattr(scoring, name, value)
    yield
    setattr(scoring, name, kept)


def interval(flags: Any) -> dict[str, Any]:
    """Mean with its 95% bootstrap interval."""
    rng = np.random.default_rng(0)
    means = rng.choice(flags, (RESAMPLES, len(flags))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    value = round(float(flags.mean()), 3)
    return {
        "value": value,
        "interval": [round(float(low), 3), round(float(high), 3)],
        "n": len(flags),
    }


def write(
    shared: Path, sets: Sequence[Set], asked: Mapping[str, Sequence[Asked]], result: Result
) -> None:
    """Fit on all sets, and write the weights with what they were fitted on."""
    everything = [one for of in asked.values() for one in of]
    first = fit(everything, FIRST_FEATURES)
    digest = hashlib.sha256()
    for one in sets:
        digest.update((shared / SETS[one.name][1]).read_bytes())
    provenance = {
        "fitted by": "benchmarks/quotations.py --fit",
        "on": "labelled questions of a seminar on language models, of COVID-QA (Möller et al. 2020)"
        " and of QASPER (Dasigi et al. 2021); no text of them is here",
        "questions whose evidence a candidate holds": {
            name: sum(bool(len(one.gains) and one.gains.any()) for one in of)
            for name, of in asked.items()
        },
        "sha256 of the questions": digest.hexdigest(),
        "embedding": "all-MiniLM-L6-v2",
        "method": f"listwise softmax loss, L2 penalty {PENALTY:g} on standardised features; with"
        f" the model over the {EMBEDDED} candidates that are best without it",
        "evidence quoted in full, weights fitted on the other sets": {
            **{one.name: interval(result.flags(one.name)) for one in sets},
            "all": interval(result.flags()),
        },
    }
    data = {
        "provenance": provenance,
        "weights": fit([read(one, first) for one in everything], FEATURES),
        "weights without the model": first,
    }
    WEIGHTS.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--most", type=int, default=10_000)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args(argv)
    if not all((options.shared / file).exists() for parts in SETS.values() for file in parts):
        print(f"no labelled questions under {options.shared} — give their folder by --shared")
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        sets = [opened(options.shared, options.data or Path(temporary), name) for name in SETS]
        for one in sets:
            print(f"{one.name}: {one.answerable} answerable questions, {one.refused} refused")
        _table(sets, options.shared, options.most, fitted=options.fit)
        for one in sets:
            one.course.close()
    return 0


def _table(sets: Sequence[Set], shared: Path, most: int, *, fitted: bool) -> None:
    reader = Reader()

    def show(name: str, result: Result) -> None:
        print(f"{name:<42}{result.line()}", flush=True)

    asked = {one.name: one.asked(reader, most) for one in sets}
    whole = left_out(sets, asked)
    show("as shipped, weights of the other sets", whole)
    if fitted:
        write(shared, sets, asked, whole)
    show("… every candidate read by the model", left_out(sets, asked, most=10_000))
    for name in dict.fromkeys((*FIRST_FEATURES, *FEATURES)):
        show(f"… without {name}", left_out(sets, asked, without=name))
    for name, value in SELECTIONS:
        with selection(name, value):
            show(f"… {name} {value:g}", left_out(sets, asked))
    for name in PARTS:
        with without_part(name):
            fewer = {one.name: one.asked(reader, most) for one in sets}
        show(f"… without {name}", left_out(sets, fewer))


if __name__ == "__main__":
    raise SystemExit(main())
