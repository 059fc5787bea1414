"""What each lever of retrieval is worth on the labelled questions: the ablation table.

    python benchmarks/answers.py [--shared ../shared] [--data FOLDER] [--sentences]

Ingests the posts of `../shared/course` into FOLDER (kept, and used again when it exists) and ranks
all passages for the questions of `../shared/questions/dev.jsonl` by each variant. The product's own
`Retriever` is the last line. `--sentences` also embeds every sentence, which doubles the time of
ingestion. Differences under .03 are within the noise of 130 questions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.answer.followup import standalone
from seminar_rag.evaluate import Evidence, Question, read_questions
from seminar_rag.index.embed import SentenceTransformerEmbedder
from seminar_rag.index.lexical import query_terms
from seminar_rag.index.retrieve import CANDIDATES, DENSE_WEIGHT, Retriever
from seminar_rag.index.store import Store
from seminar_rag.ingest.parse import Parser
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.types import Passage

Scores = Any
"""Shape (passages,), float."""
GROUPS = ("plainly worded", "paraphrased", "numeric", "follow-up", "multi-document")


class Bench:
    """All passages with their vectors, and the questions with the passages that hold evidence."""

    def __init__(self, store: Store, shared: Path) -> None:
        self.store = store
        self.embedder = SentenceTransformerEmbedder()
        self.paths = {id_: d.path for id_, d in store.catalogue().documents.items()}
        self.passages: list[Passage] = [p for id_ in self.paths for p in store.passages_of(id_)]
        self.index = {passage.id: i for i, passage in enumerate(self.passages)}
        vectors = store.vectors_of(list(self.index))
        self.vectors = np.stack([vectors[passage.id] for passage in self.passages])
        self.texts = [" ".join(passage.text.split()).casefold() for passage in self.passages]
        asked = read_questions(shared / "questions" / "dev.jsonl")
        self.questions = [one for one in asked if one.evidence]
        self.queries = [standalone(one.text, one.history) for one in self.questions]
        self.embedded = self.embedder.embed(self.queries)
        evidence = Evidence(shared / "course" / "posts")
        self.held = [self._held(evidence, one) for one in self.questions]

    def _held(self, evidence: Evidence, question: Question) -> dict[int, set[int]]:
        return {
            i: held
            for i, passage in enumerate(self.passages)
            if (held := evidence.held(question, passage, self.paths[passage.document]))
        }

    def dense(self, vector: Scores) -> Scores:
        """Cosines to all passages."""
        return self.vectors @ vector

    def lexical(self, query: str) -> Scores:
        """BM25 scores; not-a-number where no word matches."""
        out = np.full(len(self.passages), np.nan)
        for id_, score in self.store.lexical(query_terms(query), len(self.passages)):
            out[self.index[id_]] = score
        return out

    def rank(self, question: int, order: Sequence[int]) -> int | None:
        """How many first passages, no text twice, hold all evidence."""
        missing = set(range(len(self.questions[question].evidence)))
        texts: set[str] = set()
        for i in order:
            texts.add(self.texts[i])
            missing -= self.held[question].get(i, set())
            if not missing:
                return len(texts)
        return None


def z(scores: Scores) -> Scores:
    """Deviations from the mean of the best candidates; what was not found gets their minimum."""
    best = np.sort(scores[~np.isnan(scores)])[-CANDIDATES:]
    if not len(best) or best.std() < 1e-9:
        return np.zeros(len(scores))
    out = (scores - best.mean()) / best.std()
    return np.where(
        np.isnan(out) | (scores < best.min()), (best.min() - best.mean()) / best.std(), out
    )


def ranks(scores: Scores) -> Scores:
    """1 / (60 + rank), as in reciprocal rank fusion (Cormack et al. 2009)."""
    out = np.zeros(len(scores))
    order = np.argsort(-np.nan_to_num(scores, nan=-9.0))[:CANDIDATES]
    out[order] = 1 / (60 + np.arange(1, len(order) + 1))
    return out


def variants(bench: Bench) -> dict[str, Callable[[int], Scores]]:
    """Name → (question → scores of all passages)."""
    sections = _sections(bench.passages)

    def fused(q: int) -> Scores:
        return DENSE_WEIGHT * z(bench.dense(bench.embedded[q])) + z(bench.lexical(bench.queries[q]))

    def feedback(q: int) -> Scores:
        near = bench.vectors[np.argsort(-fused(q))[:3]].mean(axis=0)
        mixed = bench.embedded[q] + 0.3 * near
        mixed /= np.linalg.norm(mixed)
        return DENSE_WEIGHT * z(bench.dense(mixed)) + z(bench.lexical(bench.queries[q]))

    def neighbours(q: int) -> Scores:
        scores = fused(q)
        out = scores.copy()
        for i, j in pairwise(range(len(scores))):
            if bench.passages[i].document == bench.passages[j].document:
                out[i] = max(out[i], scores[i] + 0.2 * scores[j])
                out[j] = max(out[j], scores[j] + 0.2 * scores[i])
        return out

    def section(q: int) -> Scores:
        scores = fused(q)
        best = [np.sort(scores[members])[-2:].mean() for members in sections]
        out = scores.copy()
        for members, value in zip(sections, best, strict=True):
            out[members] += 0.2 * value
        return out

    return {
        "dense": lambda q: bench.dense(bench.embedded[q]),
        "BM25": lambda q: np.nan_to_num(bench.lexical(bench.queries[q]), nan=-1.0),
        "reciprocal rank fusion": lambda q: (
            ranks(bench.dense(bench.embedded[q])) + ranks(bench.lexical(bench.queries[q]))
        ),
        "z-scores, equal weights": lambda q: (
            z(bench.dense(bench.embedded[q])) + z(bench.lexical(bench.queries[q]))
        ),
        f"z-scores, dense × {DENSE_WEIGHT}": fused,
        "… + pseudo-relevance feedback": feedback,
        "… + neighbours": neighbours,
        "… + best of the section": section,
    }


def _sections(passages: Sequence[Passage]) -> list[list[int]]:
    by_name: dict[str, list[int]] = {}
    for i, passage in enumerate(passages):
        by_name.setdefault(f"{passage.document} {passage.heading.split(' › ')[0]}", []).append(i)
    return list(by_name.values())


def sentence_scores(bench: Bench) -> Callable[[int], Scores]:
    """The best cosine of a passage's sentences, as a third score."""
    texts: list[str] = []
    owners: list[int] = []
    for i, passage in enumerate(bench.passages):
        for sentence in passage.sentences:
            texts.append(passage.quote(sentence))
            owners.append(i)
    vectors = bench.embedder.embed(texts)

    def scores(q: int) -> Scores:
        best = np.full(len(bench.passages), -1.0)
        np.maximum.at(best, owners, vectors @ bench.embedded[q])
        dense, sparse = bench.dense(bench.embedded[q]), bench.lexical(bench.queries[q])
        return DENSE_WEIGHT * z(dense) + z(sparse) + 0.4 * z(best)

    return scores


def line(name: str, bench: Bench, found: Sequence[int | None]) -> str:
    """A row of the table."""

    def recall(cut: int, group: str | None = None) -> float:
        chosen = [
            rank
            for rank, one in zip(found, bench.questions, strict=True)
            if group in (None, one.group)
        ]
        return sum(rank is not None and rank <= cut for rank in chosen) / max(1, len(chosen))

    mrr = sum(1 / rank for rank in found if rank) / max(1, len(found))
    overall = " ".join(f"{recall(cut):.3f}" for cut in (1, 5, 20))
    by_group = " ".join(f"{recall(5, group):10.2f}" for group in GROUPS)
    return f"{name:<32}{overall}  {mrr:.3f} {by_group}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sentences", action="store_true")
    options = parser.parse_args(argv)
    if not (options.shared / "questions" / "dev.jsonl").exists():
        print(f"no labelled questions under {options.shared} — give their folder by --shared")
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        store = Store(options.data or Path(temporary))
        if not store.catalogue().documents:
            with store.writer():
                Ingestor(store, SentenceTransformerEmbedder(), Parser).ingest(
                    options.shared / "course" / "posts"
                )
        _table(Bench(store, options.shared), options.sentences)
        store.close()
    return 0


def _table(bench: Bench, sentences: bool) -> None:
    print(f"{len(bench.passages)} passages, {len(bench.questions)} answerable questions")
    print(f"{'':<32}{'R@1   R@5   R@20  MRR':<25}R@5: " + " ".join(f"{g[:10]:>10}" for g in GROUPS))
    rows = variants(bench)
    if sentences:
        rows["… + sentence vectors"] = sentence_scores(bench)
    for name, scores in rows.items():
        orders = (np.argsort(-scores(q), kind="stable") for q in range(len(bench.questions)))
        print(line(name, bench, [bench.rank(q, list(o)) for q, o in enumerate(orders)]), flush=True)
    retriever = Retriever(bench.store, bench.embedder)
    found = []
    for q, query in enumerate(bench.queries):
        hits = retriever.search(query, 60)
        found.append(bench.rank(q, [bench.index[hit.passage.id] for hit in hits]))
    print(line("the product", bench, found))


if __name__ == "__main__":
    sys.exit(main())
