"""Answers written by a real language model: are their citations honest, and what do they cost?

    python benchmarks/llm.py MODEL.gguf [--shared ../shared] [--data FOLDER] [--out FOLDER]
        [--label NAME] [--set course covid] [--second] [--limit N] [--only ID …] [--threads N]
        [--labels FILE] [--peer]

Asks 40 fixed questions, half of the course (`questions/dev.jsonl`), half of biomedical papers
(`outside/covid`): in each half 15 that can be answered, with gold evidence, and 5 on topic that
the readings do not answer. They were drawn at random, within kinds, before any answer was seen.
`--second` asks 40 others, drawn in the same way: none of them, and none of the questions that
thresholds were chosen on, for what was changed after a look at the answers to the first.

`--data` holds the ingested courses `course` and `covid`, as `benchmarks/kept.py --data` leaves
them. What the model writes is kept in OUT by its prompt, so that a run that was interrupted goes
on, and what is done with the text (citing, checking) can be measured again without the model.
OUT/NAME.txt has the answers for reading, OUT/NAME.jsonl the figures of each question.

Whether a citation supports its sentence is judged by people: OUT/NAME.todo.jsonl lists each
sentence with the passages that it cites and "supported": null. Fill in true or false, and give the
file as `--labels`. Beside it stands a proxy that no part of the product uses for citing: whether
the passages have 85% of the sentence's word stems and all its numbers. The proxy is no judgement.

`--peer` asks llama-index's CitationQueryEngine, as it comes, the same questions with the same
model and embeddings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from kept import share
from llm_times import FILES, SECOND, course_of
from seminar_rag.answer.citations import introduces, split_answer
from seminar_rag.evaluation.evaluate import QuoteMatcher, supports
from seminar_rag.evaluation.questions import Question, read_questions
from seminar_rag.models.local import LlamaCpp
from seminar_rag.question.followup import standalone
from seminar_rag.text import FUNCTION_WORDS, OPEN_ENDS
from seminar_rag.types import Answer, AnswerEvent, HitsEvent, TokenEvent

QUESTIONS = {
    "course": (
        "dev-129 dev-034 dev-024 dev-137 dev-098 dev-083 dev-013 dev-143 dev-090 dev-057 "
        "dev-130 dev-132 dev-051 dev-058 dev-116 dev-135 dev-077 dev-043 dev-094 dev-134"
    ),
    "covid": (
        "covid-3862 covid-1108 covid-3267 off-covid-3713 covid-3253 covid-3679 covid-2150 "
        "off-covid-662 covid-1175 covid-1891 covid-586 off-covid-833 covid-1630 covid-1085 "
        "covid-1120 off-covid-295 covid-3875 covid-3855 covid-1614 off-covid-2976"
    ),
}


class Kept:
    """Rows of a JSON-lines file by their key; what is added is written at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self.rows: dict[str, dict[str, Any]] = {
            row["key"]: row for row in map(json.loads, filter(None, lines))
        }

    def add(self, key: str, **row: Any) -> dict[str, Any]:
        """Keep a row."""
        self.rows[key] = {"key": key, **row}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[key], ensure_ascii=False) + "\n")
        return self.rows[key]


class Remembering:
    """A language model that answers from what was kept where it was asked the same before."""

    def __init__(self, load: Callable[[], LlamaCpp], name: str, kept: Kept, context: int) -> None:
        self._load = load
        self._loaded: LlamaCpp | None = None
        self._kept = kept
        self.name = name
        self.context = context
        self.speed: float | None = 100.0
        """As of two cores with 1.5 billion parameters, so that prompts are of the same length on
        every machine."""
        self.tokens: int | None = 0
        """Of what was written since this was last set to 0; None where some of it was kept."""

    @property
    def model(self) -> LlamaCpp:
        """The model, loaded when it is first needed."""
        self._loaded = self._loaded or self._load()
        return self._loaded

    def count(self, text: str) -> int:
        """The number of tokens of a text."""
        return self.model.count(text)

    def stream(self, messages: Sequence[Any], **options: Any) -> Iterator[str]:
        """The answer in pieces."""
        stop = options.pop("stop")
        said = [(message.role.value, message.content) for message in messages]
        asked = json.dumps([self.name, said, options], sort_keys=True)
        key = hashlib.sha256(asked.encode()).hexdigest()[:16]
        if key in self._kept.rows:
            self.tokens = None
            yield from self._kept.rows[key]["pieces"]
            return
        pieces = []
        for piece in self.model.stream(messages, stop=stop, **options):
            pieces.append(piece)
            if self.tokens is not None:
                self.tokens += 1
            yield piece
        self._kept.add(key, pieces=pieces, prompt=said)

    def weigh(self, messages: Sequence[Any], answers: Sequence[str], *stop: Any) -> Any:
        """How likely each answer is, from what was kept where the same was asked before."""
        said = [(message.role.value, message.content) for message in messages]
        asked = json.dumps([self.name, said, answers])
        key = hashlib.sha256(asked.encode()).hexdigest()[:16]
        if key in self._kept.rows:
            self.tokens = None
            return np.array(self._kept.rows[key]["likely"])
        likely = self.model.weigh(messages, answers, *stop)
        self._kept.add(key, likely=likely.tolist())
        return likely

    def choose(self, *asked: Any, **options: Any) -> Any:
        """As the model does."""
        return self.model.choose(*asked, **options)


def main() -> int:
    options = _options()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    judged = {}
    if options.labels:
        rows = map(json.loads, options.labels.read_text("utf-8").splitlines())
        judged = {row["key"]: row["supported"] for row in rows if row["supported"] is not None}
    written = Kept(out / "written.jsonl")
    rows = []
    for name in options.set:
        questions, docs = _questions(options.shared, name, options)
        ask = _peer(options, docs, written) if options.peer else _product(options, name, written)
        evidence = QuoteMatcher(docs)
        for question in questions:
            row = _row(question, evidence, *ask(question))
            rows.append(row)
            print(_told(row), flush=True)
    label = options.label or options.model.stem
    report = "\n".join(_figures(rows, judged))
    (out / f"{label}.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8"
    )
    (out / f"{label}.txt").write_text("\n\n".join(map(_told, rows)) + f"\n\n{report}\n", "utf-8")
    _to_judge(out / f"{label}.todo.jsonl", rows, judged)
    print(f"\n{label}\n{report}")
    return 0


def _options() -> argparse.Namespace:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--shared", type=Path, default=here.parents[1] / "shared")
    parser.add_argument("--data", type=Path, default=Path("kept-data"))
    parser.add_argument("--out", type=Path, default=Path("llm-answers"))
    parser.add_argument("--label", help="of this configuration; the model's name if not given")
    parser.add_argument("--set", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--second", action="store_true", help="ask 40 others")
    parser.add_argument("--limit", type=int, help="questions of each set, the first ones")
    parser.add_argument("--only", nargs="+", metavar="ID")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--labels", type=Path, help="judgements of sentences")
    parser.add_argument("--peer", action="store_true", help="ask CitationQueryEngine instead")
    options = parser.parse_args()
    if not options.model.is_file():
        parser.error(f"{options.model} is not there; `make llm` gets a model")
    for name in options.set:
        if not (options.data / name / "course.db").exists():
            parser.error(
                f"{options.data / name} holds no course; "
                f"`python benchmarks/kept.py --only questions outside --data {options.data}` "
                "makes it"
            )
    return options


def _questions(shared: Path, name: str, options: argparse.Namespace) -> tuple[list[Question], Path]:
    file, docs = FILES[name]
    known = {one.id: one for one in read_questions(shared / file)}
    ids = (SECOND if options.second else QUESTIONS)[name].split()[: options.limit]
    return [known[id_] for id_ in ids if not options.only or id_ in options.only], shared / docs


Asked = tuple[Answer, tuple[Any, ...], dict[str, Any]]
"""An answer, the passages that retrieval offered its writer, and what it took."""


def _product(options: argparse.Namespace, name: str, written: Kept) -> Callable[[Question], Asked]:
    course = course_of(options, name)
    llm = Remembering(
        course.parts._load_llm, options.model.stem, written, course.config.llm_context
    )
    course.parts.__dict__["llm"] = llm

    def ask(question: Question) -> Asked:
        llm.tokens = 0
        started, first, sources, text = time.perf_counter(), None, None, None
        hits: tuple[Any, ...] = ()
        for event in course.ask(question.text, question.history):
            if isinstance(event, HitsEvent):
                hits, sources = event.hits or hits, time.perf_counter() - started
            elif isinstance(event, TokenEvent):
                text = time.perf_counter() - started
                first = first or text
            elif isinstance(event, AnswerEvent):
                answer = event.answer
        whole = time.perf_counter() - started
        took = {"sources": sources, "first": first, "written": text or whole, "whole": whole}
        took |= {"tokens": llm.tokens}
        if hits:  # what retrieval found, whatever the writer was shown of it
            hits = course.search(
                standalone(question.text, question.history), course.config.answer_passages
            )
        return answer, hits, took if llm.tokens is not None else {}

    return ask


def _peer(options: argparse.Namespace, docs: Path, written: Kept) -> Callable[[Question], Asked]:
    from llm_peer import CitationQueryEngineAnswers

    threads = options.threads or None
    llm = Remembering(
        lambda: LlamaCpp(options.model, threads=threads), options.model.stem, written, 4096
    )
    peer = CitationQueryEngineAnswers(docs, llm)

    def ask(question: Question) -> Asked:
        llm.tokens, started = 0, time.perf_counter()
        answer, hits = peer.ask(standalone(question.text, question.history))
        whole = time.perf_counter() - started
        took = {"first": whole, "written": whole, "whole": whole, "tokens": llm.tokens}
        return answer, hits, took if llm.tokens is not None else {}

    return ask


def _row(question: Question, evidence: QuoteMatcher, answer: Answer, hits: Any, took: Any) -> Any:
    """The figures of one answer, with what is needed to read and judge it."""
    offered: set[int] = set()
    cited: set[int] = set()
    for one in hits if question.evidence else ():
        offered |= evidence.held(question, one.passage, one.document.path)
    for one in answer.citations if question.evidence else ():
        cited |= evidence.held(question, one.passage, one.document.path)
    sentences = [] if answer.abstained else list(_sentences(answer))
    return {
        "id": question.id,
        "question": question.text,
        "unanswerable": question.unanswerable or "",
        "abstained": answer.abstained,
        "reason": answer.reason,
        "text": answer.text,
        "warnings": answer.warnings,
        "checked": answer.checked,
        "labels": [one.verdict.label for one in answer.verdicts],
        "evidence": len(question.evidence),
        "offered": len(offered),
        "cited": len(cited & offered),
        "sentences": sentences,
        "cut": [one["text"] for one in sentences if _cut(one["text"], one["item"])],
        **took,
    }


def _sentences(answer: Answer) -> Iterator[dict[str, Any]]:
    by_number = {one.number: one for one in answer.citations}
    for sentence in split_answer(answer.text):
        if introduces(answer.text, sentence):
            continue
        cited = [by_number[n] for n in sentence.numbers if n in by_number]
        passages = {one.passage.id: f"{one.document.title}: {one.passage.text}" for one in cited}
        asked = json.dumps([sentence.text, sorted(passages)])
        yield {
            "key": hashlib.sha256(asked.encode()).hexdigest()[:12],
            "text": sentence.text,
            "item": answer.text[sentence.start :].startswith(("- ", "* ")),
            "numbers": sentence.numbers,
            "proxy": bool(cited) and supports(sentence.text.strip('“”"- '), cited),
            "passages": list(passages.values()),
        }


def _cut(sentence: str, item: bool) -> bool:
    """Whether a sentence breaks off: without a terminal mark, or after a word that ends none.

    An item of a list may be a phrase.
    """
    bare = re.sub(r"[\"'”’»)\]*]+$", "", sentence.strip())
    last = re.findall(r"\w+", bare)[-1:]
    ended = bare.endswith((".", "!", "?", "…", ":", "。", "！", "？"))
    if last and last[0].lower() in (OPEN_ENDS if ended or item else FUNCTION_WORDS):
        return True
    return not (ended or item) and len(bare.split()) > 6  # an answer may be a name or number


def _told(row: dict[str, Any]) -> str:
    seconds = (
        f"first {row['first'] or 0:.1f} s, whole {row['whole']:.1f} s, " if "whole" in row else ""
    )
    gold = f"gold {row['cited']} of {row['offered']} offered of {row['evidence']}"
    lines = [
        f"{row['id']} {row['unanswerable']}: {row['question']}",
        f"  {'[abstained: ' + row['reason'] + '] ' if row['abstained'] else ''}{row['text']}",
        f"  ({seconds}{gold}; {row['checked']}; cut: {row['cut']}; {'; '.join(row['warnings'])})",
    ]
    return "\n".join(lines)


def _figures(rows: Sequence[dict[str, Any]], judged: dict[str, bool]) -> Iterator[str]:
    def line(name: str, hits: float, n: int) -> str:
        if not n:
            return f"  {name:58} -"
        one = share(hits, n)
        return f"  {name:58} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]  n={n}"

    known = [row for row in rows if not row["unanswerable"]]
    sentences = [one for row in rows for one in row["sentences"]]
    cited = [one for one in sentences if one["numbers"]]
    labelled = [one for one in cited if one["key"] in judged]
    yield line(
        "citation precision, judged by people",
        sum(judged[one["key"]] for one in labelled),
        len(labelled),
    )
    yield line("citation precision, the proxy", sum(one["proxy"] for one in cited), len(cited))
    labels = [label for row in rows for label in row["labels"] if label != "uncheckable"]
    yield line(
        "sentences that the product's check supports", labels.count("supported"), len(labels)
    )
    yield line("sentences without a citation", len(sentences) - len(cited), len(sentences))
    yield line(
        "gold quotes cited, of those offered",
        sum(row["cited"] for row in known),
        sum(row["offered"] for row in known),
    )
    yield line(
        "gold quotes offered",
        sum(row["offered"] for row in known),
        sum(r["evidence"] for r in known),
    )
    wrong = [row for row in known if row["abstained"]]
    yield line("answerable questions refused", len(wrong), len(known))
    topic = [row for row in rows if row["unanswerable"]]
    yield line("unanswerable questions refused", sum(row["abstained"] for row in topic), len(topic))
    yield line("answers with a cut sentence", sum(bool(row["cut"]) for row in rows), len(rows))
    timed = [row for row in rows if row.get("first")]
    if timed:
        speed = median(row["tokens"] / max(1e-6, row["written"] - row["first"]) for row in timed)
        yield (
            f"  medians of {len(timed)}:"
            f" sources {median(r.get('sources') or 0 for r in timed):.1f} s,"
            f" first token {median(r['first'] for r in timed):.1f} s,"
            f" text {median(r['written'] for r in timed):.1f} s,"
            f" with its check {median(r['whole'] for r in timed):.1f} s,"
            f" {speed:.1f} tokens a second"
        )


def _to_judge(file: Path, rows: Sequence[dict[str, Any]], judged: dict[str, bool]) -> None:
    """Write down the sentences with the passages that they cite, for people to judge."""
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            for one in row["sentences"]:
                if one["numbers"]:
                    todo = {key: one[key] for key in ("key", "text", "passages")}
                    todo |= {"question": row["question"], "supported": judged.get(one["key"])}
                    out.write(json.dumps(todo, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
