"""How long checking takes: a text of 200 claims, and an answer of five sentences.

    python benchmarks/check_speed.py [--passages 7000] [--data DIR] [--json FILE]

The index is filled with passages made of sentences of the bundled primers, in each of which words
are exchanged, so that hardly a sentence comes twice, until it has as many as asked for. Their
vectors are the means of the vectors of the sentences they were made of, with some noise, so that
filling it takes minutes and not an hour; searching and verifying embed with the real model.
`--data` keeps the index for another run.

The claims are the hand-written paraphrases, faults and inventions of `faults.jsonl`. The answer
has five of the paraphrases, each with the mark of its passage; its time is what verdicts add to
the answer: with a verifier that knows nothing yet, with passages met for the first time, and met
before.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seminar_rag.answer.citations import MarkFilter
from seminar_rag.answer.review import Review
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.models.embed import Embedder, Side, Words, unit
from seminar_rag.sample import FOLDER
from seminar_rag.syllabus.markup import markdown_blocks
from seminar_rag.text import sentence_spans

FAULTS = Path(__file__).with_name("faults.jsonl")
CLAIMS = 200
PER_DOCUMENT = 100
"""Passages of a made-up document."""
SENTENCES = 9
"""Of a made-up passage."""


class Mean:
    """The default model, but a made-up passage's vector is the mean of its sentences' originals,
    with noise."""

    def __init__(self, model: Embedder) -> None:
        self._model = model
        self.name, self.precision = self._model.name, self._model.precision
        self.max_tokens = self._model.max_tokens
        self.count = self._model.count
        self._known: dict[str, Any] = {}

        self._words: dict[str, Any] = {}
        self._noise = np.random.default_rng(5)

    def learn(self, sentences: Sequence[str]) -> None:
        rows = self._model.embed(sentences)
        self._known = {_first_words(one): row for one, row in zip(sentences, rows, strict=True)}

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> Any:
        if not texts:
            return self._model.embed(texts)
        parts = [self._parts(text) for text in texts]
        other = [text for text, own in zip(texts, parts, strict=True) if not own]
        rows = iter(self._model.embed(other))
        progress(len(texts))
        out = np.stack([np.mean(own, axis=0) if own else next(rows) for own in parts])
        noise = self._noise.normal(0, 0.02, out.shape).astype(np.float32)
        return unit(out + noise * np.array([bool(own) for own in parts])[:, None])

    def read(
        self, texts: Sequence[str], side: Side, progress: Callable[[int], None] = lambda _: None
    ) -> tuple[Any, list[Words]]:
        """A made-up passage's words have random vectors, each word always the same."""
        if side == "question" or not texts:
            return self._model.read(texts, side, progress)
        found = [tuple(text.lower().split()) for text in texts]
        words = [Words(one, np.stack([self._word(word) for word in one])) for one in found]
        return self.embed(texts, progress), words

    def _word(self, word: str) -> Any:
        if word not in self._words:
            self._words[word] = unit(self._noise.normal(size=(1, 384)).astype(np.float32))[0]
        return self._words[word]

    def _parts(self, text: str) -> list[Any]:
        pieces = [_first_words(text[start:end]) for start, end in sentence_spans(text)]
        parts = [self._known[one] for one in pieces if one in self._known]
        return parts if len(parts) > 3 else []


def _first_words(sentence: str) -> str:
    return " ".join(sentence.split()[:3])


def varied(sentence: str, words: Sequence[str], rng: random.Random) -> str:
    """`sentence` with three of its words exchanged, those at the beginning kept."""
    own = sentence.split()
    for at in rng.sample(range(3, len(own) - 1), min(3, max(0, len(own) - 4))):
        own[at] = rng.choice(words)
    return " ".join(own)


def primer_sentences() -> list[str]:
    found: dict[str, None] = {}
    for path in sorted((FOLDER / "primers").glob("*.md")):
        for block in markdown_blocks(path.read_text("utf-8")):
            if block.kind == "paragraph":
                spans = sentence_spans(block.text)
                found |= dict.fromkeys(block.text[start:end] for start, end in spans)
    return list(found)


def fill(course: Course, folder: Path, passages: int) -> int:
    """Ingest made-up documents until there are `passages`; returns how many there are."""
    rng = random.Random(5)
    sentences = primer_sentences()
    words = sorted({word for one in sentences for word in one.split() if word.isalpha()})
    embedder = course.embedder
    assert isinstance(embedder, Mean)
    embedder.learn(sentences)
    posts = folder / "made"
    if posts.exists():  # of an earlier run
        return sum(record.passages for record in course.catalogue().records.values())
    posts.mkdir()
    for number in range(1, -(-passages // PER_DOCUMENT) + 1):
        parts = [
            f"---\ntitle: Made {number}\n---",
            "## Required Readings:",
            f"### Made paper {number}",
        ]
        parts += [f"+ https://example.org/{number}", "<!--excerpt.start-->", f"# Blog: {number}"]
        for part in range(PER_DOCUMENT):
            parts.append(f"## Part {part} of {number}")
            chosen = rng.sample(sentences, SENTENCES)
            parts.append(" ".join(varied(one, words, rng) for one in chosen))
        (posts / f"S{number:03}.md").write_text("\n\n".join(parts), encoding="utf-8")
    for _ in course.ingest([posts]):
        pass
    return sum(record.passages for record in course.catalogue().records.values())


def claims() -> list[str]:
    rows = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    texts = [text for row in rows for text in _texts(row)]
    random.Random(5).shuffle(texts)
    return [text for text in texts if text.endswith(".")][:CLAIMS]


def _texts(row: dict[str, Any]) -> list[str]:
    given = [row.get("paraphrase"), row.get("invented"), *row.get("damaged", {}).values()]
    return [text for text in given if isinstance(text, str)]


def time_text(course: Course) -> dict[str, Any]:
    text = "\n\n".join(claims())
    times = []
    started, worked = time.perf_counter(), time.process_time()
    checking = course.check(text)
    for _ in checking:
        times.append(time.perf_counter())
    each = np.diff([started, *times])
    return {
        "claims": len(times),
        "seconds": round(times[-1] - started, 1),
        "seconds of all cores together": round(time.process_time() - worked, 1),
        "milliseconds a claim, median": round(1000 * float(np.median(each))),
        "slowest": round(1000 * float(each.max())),
        "summary": checking.report().summary,
    }


def time_answers(course: Course, embed: Callable[[Sequence[str]], Any]) -> dict[str, int]:
    """What verdicts add to an answer of five sentences, milliseconds, over ten answers.

    "cold" are those of a new verifier each, which knows no word yet; "fresh" and "again" are those
    of one verifier for all, as a course has it, with passages met for the first time and met
    before. Medians.

    Args:
        embed: has not read the sentences as questions.
    """
    rows = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    said = [row["paraphrase"] for row in rows if "paraphrase" in row]
    embed(["loaded"])
    one = BuiltinVerifier(embed)
    times: dict[str, list[float]] = {"cold": [], "fresh": [], "again": []}
    for at in range(0, 50, 5):
        offered = [course.search(text, 1)[0] for text in said[at : at + 5]]
        text = " ".join(f"{text} [{i}]" for i, text in enumerate(said[at : at + 5], 1))
        new = BuiltinVerifier(embed)
        for name, verifier in (("cold", new), ("fresh", one), ("again", one)):
            marks = MarkFilter(len(offered))
            marks.feed(text)
            marks.finish()
            started = time.perf_counter()
            verdicts = list(Review(verifier, offered, marks).finish())
            times[name].append(1000 * (time.perf_counter() - started))
            assert len(verdicts) >= 5
    return {name: round(float(np.median(each))) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=7_000)
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the index here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.data or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        configured = Course(Config(folder=folder)).embedder
        course = Course(Config(folder=folder), embedder=Mean(configured))
        started = time.perf_counter()
        figures: dict[str, Any] = {"passages": fill(course, folder, args.passages)}
        figures["filled in seconds"] = round(time.perf_counter() - started)
        figures["five sentences, milliseconds"] = time_answers(
            course, Course(Config(folder=folder)).embedder.embed
        )
        figures["a text"] = time_text(course)
        course.close()
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
