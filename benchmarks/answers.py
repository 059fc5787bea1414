"""What each lever of retrieval is worth on the labelled questions: the ablation table.

    python benchmarks/answers.py [--shared ../shared] [--data FOLDER] [--questions FILE]
        [--baselines]

Ingests the posts of `../shared/course` into FOLDER (kept, and used again when it exists) and ranks
all passages for the questions of `../shared/questions/dev.jsonl` by vectors, full text and both,
then by the product's own `Retriever` with one part taken out at a time, and as it is in the last
line. `--baselines` puts llama-index itself in front: its defaults, smaller chunks, and both sides
fused. R@k asks for all evidence of a question, MRR is of the first passage that holds any, and
`1500` is R within 1,500 tokens. Differences under .03 are within the noise of 130 questions.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from seminar_rag.documents.parse import Parser
from seminar_rag.evaluation.evaluate import CONTEXT, QuoteMatcher
from seminar_rag.evaluation.questions import Question, read_questions
from seminar_rag.index import late
from seminar_rag.index.late import CANDIDATES, DENSE_WEIGHT
from seminar_rag.index.lexical import query_terms
from seminar_rag.index.retrieve import Retriever
from seminar_rag.index.store import Store
from seminar_rag.ingest.embedding import PassageEmbedding
from seminar_rag.ingest.pipeline import Ingestor
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.question.followup import standalone
from seminar_rag.types import Passage

Scores = Any
"""Shape (passages,), float."""
DEEPEST = 60
"""How far down a ranking evidence is looked for."""
GROUPS = ("plainly worded", "paraphrased", "numeric", "follow-up", "multi-document")


class Bench:
    """All passages with their vectors, and the questions with the passages that hold evidence."""

    def __init__(self, store: Store, posts: Path, asked: Sequence[Question]) -> None:
        self.store = store
        self.embedder = SentenceTransformerEmbedder()
        self.paths = {id_: d.path for id_, d in store.catalogue().documents.items()}
        self.passages: list[Passage] = [p for id_ in self.paths for p in store.passages_of(id_)]
        self.index = {passage.id: i for i, passage in enumerate(self.passages)}
        vectors = store.vectors_of(list(self.index))
        self.vectors = np.stack([vectors[passage.id] for passage in self.passages])
        self.texts = [" ".join(passage.text.split()).casefold() for passage in self.passages]
        self.questions = [one for one in asked if one.evidence]
        self.queries = [standalone(one.text, one.history) for one in self.questions]
        self.embedded = self.embedder.embed(self.queries)
        evidence = QuoteMatcher(posts)
        self.held = [self._held(evidence, one) for one in self.questions]

    def _held(self, evidence: QuoteMatcher, question: Question) -> dict[int, set[int]]:
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

    def rank(self, question: int, order: Sequence[int]) -> Found:
        """What the passages in this order hold, no text twice."""
        texts: set[str] = set()
        kept = [i for i in order if not (self.texts[i] in texts or texts.add(self.texts[i]))]
        held = self.held[question]
        return judge(
            len(self.questions[question].evidence),
            ((held.get(i, set()), self.passages[i].text) for i in kept[:DEEPEST]),
            self.embedder.count,
        )


class Found(NamedTuple):
    """Where a question's evidence stands in a ranking."""

    all: int | None
    """How many passages hold all of it together."""
    first: int | None
    """The first that holds any."""
    tokens: int
    """Of the passages up to `all`, where these are few."""


def judge(
    quotes: int, ranked: Iterable[tuple[set[int], str]], count: Callable[[str], int]
) -> Found:
    """Args:
    ranked: for each passage, the indices of the quotes that it holds, and its text.
    """
    missing = set(range(quotes))
    first, tokens = None, 0
    for rank, (held, text) in enumerate(ranked, 1):
        first = first or (rank if held else None)
        missing -= held
        tokens += count(text) if tokens <= CONTEXT else 0
        if not missing:
            return Found(rank, first, tokens)
    return Found(None, first, tokens)


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

    def joined(q: int, weight: float) -> Scores:
        return weight * z(bench.dense(bench.embedded[q])) + z(bench.lexical(bench.queries[q]))

    return {
        "dense": lambda q: bench.dense(bench.embedded[q]),
        "BM25": lambda q: np.nan_to_num(bench.lexical(bench.queries[q]), nan=-1.0),
        "reciprocal rank fusion": lambda q: (
            ranks(bench.dense(bench.embedded[q])) + ranks(bench.lexical(bench.queries[q]))
        ),
        "z-scores, equal weights": lambda q: joined(q, 1.0),
        f"z-scores, dense × {DENSE_WEIGHT}": lambda q: joined(q, DENSE_WEIGHT),
    }


def line(name: str, questions: Sequence[Question], found: Sequence[Found]) -> str:
    """A row of the table."""

    def recall(cut: int, group: str | None = None) -> float:
        chosen = [
            one.all
            for one, question in zip(found, questions, strict=True)
            if group in (None, question.group)
        ]
        return sum(rank is not None and rank <= cut for rank in chosen) / max(1, len(chosen))

    count = max(1, len(found))
    within = sum(one.all is not None and one.tokens <= CONTEXT for one in found) / count
    mrr = sum(1 / one.first for one in found if one.first) / count
    overall = " ".join(f"{recall(cut):.3f}" for cut in (1, 5, 20))
    by_group = " ".join(f"{recall(cut, group):10.2f}" for cut in (5, 20) for group in GROUPS)
    return f"{name:<36}{overall} {within:.3f} {mrr:.3f} {by_group}"


class _Lexical(BaseRetriever):
    """BM25 over llama-index nodes by SQLite, with Porter stems."""

    def __init__(self, nodes: Sequence[TextNode]) -> None:
        super().__init__()
        self._nodes = nodes
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE VIRTUAL TABLE f USING fts5(text, tokenize='porter unicode61')")
        self._db.executemany("INSERT INTO f VALUES (?)", ([node.text] for node in nodes))

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        match = " OR ".join(f'"{term}"' for term in query_terms(query_bundle.query_str))
        rows = self._db.execute(
            "SELECT rowid, -bm25(f) FROM f WHERE f MATCH ? ORDER BY 2 DESC LIMIT ?",
            (match, DEEPEST),
        )
        return [NodeWithScore(node=self._nodes[row - 1], score=score) for row, score in rows]


def baselines(bench: Bench, posts: Path) -> Iterator[tuple[str, list[Found]]]:
    """llama-index over the same files: its default chunks, and smaller ones with BM25 beside."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.retrievers import QueryFusionRetriever

    model = PassageEmbedding(bench.embedder)
    documents = [
        Document(text=file.read_text("utf-8"), id_=file.name) for file in sorted(posts.glob("*.md"))
    ]
    evidence = QuoteMatcher(posts)

    def judged(retriever: BaseRetriever) -> list[Found]:
        out = []
        for query, question in zip(bench.queries, bench.questions, strict=True):
            ranked = []
            for node, _ in ((one.node, one.score) for one in retriever.retrieve(query)):
                assert isinstance(node, TextNode)
                start, end = node.start_char_idx or 0, node.end_char_idx or 0
                file = node.ref_doc_id or ""
                passage = Passage("", file, 0, node.text, "", start, end, None, ())
                ranked.append((evidence.held(question, passage, file), node.text))
            out.append(judge(len(question.evidence), ranked, bench.embedder.count))
        return out

    for name, splitter in (
        ("llama-index as it comes, 1024", SentenceSplitter()),
        ("llama-index, 256", SentenceSplitter(chunk_size=256, chunk_overlap=20)),
    ):
        nodes = [one for one in splitter(documents) if isinstance(one, TextNode)]
        texts = [one.get_content(metadata_mode=MetadataMode.EMBED) for one in nodes]
        for node, vector in zip(nodes, bench.embedder.embed(texts), strict=True):
            node.embedding = vector.tolist()
        index = VectorStoreIndex(nodes, embed_model=model)
        dense = index.as_retriever(similarity_top_k=DEEPEST)
        yield name, judged(dense)
    words = _Lexical(nodes)
    yield "BM25 over the same, 256", judged(words)
    fused = QueryFusionRetriever(
        [dense, words],
        llm=MockLLM(),
        mode=FUSION_MODES.RECIPROCAL_RANK,
        similarity_top_k=DEEPEST,
        num_queries=1,
        use_async=False,
    )
    yield "… with BM25, by QueryFusion", judged(fused)


class _Less(Retriever):
    """The product with parts taken out."""

    def __init__(self, bench: Bench, *without: str) -> None:
        super().__init__(bench.store, bench.embedder)
        nothing: dict[str, Callable[..., Any]] = {
            "_moved_up": lambda *_: [],
            "spelled": lambda text: text,
            "_terms": query_terms,
        }
        for name in without:
            setattr(self, name, nothing[name])


def product(bench: Bench) -> Iterator[tuple[str, list[Found]]]:
    """The product's retriever, a part taken out each time, then whole."""

    def found(retriever: Retriever) -> list[Found]:
        return [
            bench.rank(q, [bench.index[hit.passage.id] for hit in retriever.search(query, DEEPEST)])
            for q, query in enumerate(bench.queries)
        ]

    weight, length = late.LATE_WEIGHT, late.LENGTH
    late.LATE_WEIGHT = 0.0
    yield "the product without word by word", found(_Less(bench))
    late.LATE_WEIGHT = weight
    late.LENGTH = 0.0
    yield "… whatever the passage's length", found(_Less(bench))
    late.LENGTH = length
    yield "… without sides and named works", found(_Less(bench, "_moved_up"))
    yield "… without spelling", found(_Less(bench, "spelled"))
    yield "… without abbreviations", found(_Less(bench, "_terms"))
    yield "the product", found(Retriever(bench.store, bench.embedder))


def _ingested(folder: Path, posts: Path) -> Store:
    store = Store(folder)
    if not store.catalogue().documents:
        with store.writer():
            Ingestor(store, SentenceTransformerEmbedder(), Parser).ingest(posts)
    return store


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Returns 0, or 1 without the shared data."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--questions", type=Path, help="others than dev.jsonl")
    parser.add_argument("--baselines", action="store_true")
    options = parser.parse_args(argv)
    questions = options.questions or options.shared / "questions" / "dev.jsonl"
    posts = options.shared / "course" / "posts"
    if not questions.exists() or not posts.exists():
        print(f"no labelled questions under {options.shared} — give their folder by --shared")
        return 1
    asked = read_questions(questions)
    with tempfile.TemporaryDirectory() as temporary:
        store = _ingested(options.data or Path(temporary), posts)
        bench = Bench(store, posts, asked)
        _table(bench, posts if options.baselines else None)
        store.close()
    return 0


def _table(bench: Bench, posts: Path | None) -> None:
    def show(name: str, found: Sequence[Found]) -> None:
        print(line(name, bench.questions, found), flush=True)

    print(f"{len(bench.passages)} passages, {len(bench.questions)} answerable questions")
    heads = " ".join(f"{f'{cut} {group}'[:10]:>10}" for cut in (5, 20) for group in GROUPS)
    print(f"{'':<36}R@1   R@5   R@20  1500  MRR   {heads}")
    for name, found in baselines(bench, posts) if posts else ():
        show(name, found)
    for name, scores in variants(bench).items():
        orders = (np.argsort(-scores(q), kind="stable") for q in range(len(bench.questions)))
        show(name, [bench.rank(q, [int(i) for i in order]) for q, order in enumerate(orders)])
    for name, found in product(bench):
        show(name, found)


if __name__ == "__main__":
    sys.exit(main())
