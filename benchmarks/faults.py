"""How many planted errors the check catches, and how often it cries wolf.

    python benchmarks/faults.py [--half dev|test] [--model FILE.gguf] [--misses] [--json FILE]

`faults.jsonl` beside this file has, for sentences of the bundled primers, faithful paraphrases and
damaged versions (negation, comparison, claim widened), all written by hand, and invented
sentences. Numbers and names are damaged here by rule, citations and findings are mixed between
primers. Every text is held against the three passages of its primer that are nearest to it. A
fault is caught when the verdict is not "supported"; a quotation or paraphrase whose verdict is
not "supported" is a false alarm. The "second set" holds comparisons of other sentences, written
later, when the rules of the first were done; "both sets" are the two together.

The rules were developed on the primers of the half "dev" (every other one by name); figures to
quote are those of the half "test".
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from claims import CACHE, CachedChooser, CachedEmbedder
from seminar_rag.check.judge import ModelVerifier
from seminar_rag.check.support import BuiltinVerifier
from seminar_rag.documents.chunk import split
from seminar_rag.models.embed import SentenceTransformerEmbedder
from seminar_rag.sample import FOLDER
from seminar_rag.syllabus.markup import markdown_blocks
from seminar_rag.types import Document, Passage

FAULTS = Path(__file__).with_name("faults.jsonl")
CITED = 3
SECOND = ", second set"

KINDS = (
    "GPT-2 GPT-3 GPT-4 GPT-3.5 GPT-J PaLM BERT Mixtral Chinchilla Gopher Mamba Jamba Llama T5",
    "LoRA QLoRA DPO PPO DDPM DDIM FlashAttention PagedAttention ReAct Reflexion Toolformer",
    "RAG-Sequence RAG-Token SelfCheckGPT FActScore vLLM InstructGPT FLAN HELM AgentDojo CaMeL",
    "GSM8K MMLU HotpotQA FEVER ALFWorld WebShop SVAMP AQuA MultiArith CIFAR-10 Path-X TruthfulQA",
    "Wei Kojima Wang Turpin Ho Rombach Rafailov Zheng Hu Dettmers Carlini Nasr Lee Gao Liu Yao"
    " Lewis Kaplan Hoffmann Vaswani Shazeer Ainslie Kwon Huang Greshake Ouyang Gu Dao Jelassi",
    "Wikipedia Reddit Sphere",
    "A100 P100 H100",
)
SPELLED = "two three four five six seven eight nine ten twelve twenty".split()


@dataclass(frozen=True)
class Case:
    kind: str
    text: str
    primer: str
    """The primer that is cited."""


class Primers:
    """The bundled primers as passages with their vectors."""

    def __init__(self, embedder: SentenceTransformerEmbedder, embed: CachedEmbedder) -> None:
        self._embed = embed
        self.passages: dict[str, list[Passage]] = {}
        self.titles: dict[str, str] = {}
        paths = sorted([*(FOLDER / "primers").glob("*.md"), *(FOLDER / "sources").glob("*.md")])
        for path in paths:
            blocks = markdown_blocks(path.read_text("utf-8"))
            heads = [block.text for block in blocks if block.kind == "heading" and block.level == 1]
            self.titles[path.stem] = heads[0] if heads else path.stem
            document = Document(path.stem, "paper", path.stem, self.titles[path.stem])
            chunks = split(document, blocks, embedder.count)
            self.passages[path.stem] = [chunk.passage for chunk in chunks]
        self._vectors = {
            name: embed([passage.text for passage in passages])
            for name, passages in self.passages.items()
        }

    def nearest(self, text: str, primer: str) -> list[Passage]:
        cosine = self._vectors[primer] @ self._embed([text])[0]
        return [self.passages[primer][i] for i in np.argsort(-cosine)[:CITED]]

    def likest(self, text: str, primer: str) -> str:
        """The other primer with the nearest passage."""
        vector = self._embed([text])[0]
        others = {k: float((v @ vector).max()) for k, v in self._vectors.items() if k != primer}
        return max(others, key=others.__getitem__)


def other_number(text: str, rng: random.Random) -> str | None:
    """`text` with one of its numbers changed."""
    found = list(re.finditer(r"(?<![\w-])\d[\d,.]*\d|(?<![\w-])\d", text))
    spelled = [m for m in re.finditer(r"\b[a-z]+\b", text) if m[0] in SPELLED]
    if not found and not spelled:
        return None
    match = rng.choice(found or spelled)
    if match in spelled:
        new = rng.choice([word for word in SPELLED if word != match[0]])
    else:
        value = float(match[0].replace(",", ""))
        decimals = len(match[0].split(".")[1]) if "." in match[0] else 0
        year = 1990 < value < 2030 and not decimals
        value = value + rng.choice((-3, -2, 2, 3)) if year else value * rng.choice((0.5, 1.4, 2, 3))
        new = f"{value:.{decimals}f}" if year or decimals else f"{max(1, round(value)):,}"
        if new == match[0]:
            new = f"{round(value) + 2}"
    return text[: match.start()] + new + text[match.end() :]


def other_name(text: str, rng: random.Random) -> str | None:
    """`text` with one of its names replaced by another of its kind, wherever it occurs."""
    found = [
        (name, names)
        for names in (kind.split() for kind in KINDS)
        for name in names
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    ]
    if not found:
        return None
    name, names = rng.choice(found)
    new = rng.choice([other for other in names if other not in text and name not in other])
    return re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", new, text)


def cases(primers: Primers, half: set[str]) -> Iterator[Case]:
    every = [json.loads(line) for line in FAULTS.read_text("utf-8").splitlines()]
    rows = [row for row in every if "set" not in row]
    rng = random.Random(5)
    names = sorted(primers.passages)
    for name in names:
        if name in half:
            for passage in primers.passages[name]:
                for sentence in passage.sentences:
                    text = passage.quote(sentence)
                    if sentence.kind == "paragraph" and text.endswith(".") and text.count(" ") > 5:
                        yield Case("any quotation", text, name)
    pairs = [row for row in rows if "sentence" in row]
    for row in rows:
        name = row["primer"]
        elsewhere = rng.choice([other for other in names if other != name])
        second = rng.choice([other for other in pairs if other["primer"] != name])["sentence"]
        if name not in half:
            continue
        if "invented" in row:
            yield Case("invented", row["invented"], name)
            continue
        for kind, text in row["damaged"].items():
            yield Case(kind, text, name)
        for form in ("sentence", "paraphrase"):
            text = row[form]
            yield Case("quotation" if form == "sentence" else "paraphrase", text, name)
            yield Case("citation swapped", text, elsewhere)
            yield Case("citation swapped, likest", text, primers.likest(text, name))
            for kind, damage in (("number", other_number), ("name", other_name)):
                damaged = damage(text, rng)
                if damaged:
                    yield Case(kind, damaged, name)
        joined = row["sentence"].rstrip(".") + ", and " + second[0].lower() + second[1:]
        yield Case("findings merged", joined, name)
    for row in every:
        if row.get("set") == "second" and row["primer"] in half:
            yield Case(f"paraphrase{SECOND}", row["paraphrase"], row["primer"])
            yield Case(f"comparison{SECOND}", row["damaged"]["comparison"], row["primer"])


def measure(half: str, misses: bool, model: Path | None, cache: Path) -> dict[str, Any]:
    embedder = SentenceTransformerEmbedder()
    embed = CachedEmbedder(embedder)
    primers = Primers(embedder, embed)
    names = sorted(primers.passages)
    chosen = {"dev": names[::2], "test": names[1::2], "both": names}[half]
    words = BuiltinVerifier(embed)
    chooser = CachedChooser(model, cache) if model else None
    verifier = ModelVerifier(chooser, words) if chooser else words
    flagged: dict[str, list[bool]] = defaultdict(list)
    for case in cases(primers, set(chosen)):
        passages = primers.nearest(case.text, case.primer)
        verdict = verifier.verify(case.text, passages, known=primers.titles[case.primer])
        flagged[case.kind].append(verdict.label != "supported")
        sound = case.kind.startswith(("any quotation", "quotation", "paraphrase"))
        if misses and flagged[case.kind][-1] == sound:
            print(f"{case.kind}: {verdict.label} {verdict.score} — {verdict.reason}")
            print(f"    {case.text}\n    {verdict.evidence[0].quote if verdict.evidence else ''}")
    for kind in [one for one in flagged if one.endswith(SECOND)]:
        first = kind.removesuffix(SECOND)
        flagged[f"{first}, both sets"] = flagged[first] + flagged[kind]
    embed.save()
    return {
        "half": half,
        "primers": len(chosen),
        **{
            kind: {"texts": len(hits), "flagged": round(sum(hits) / len(hits), 3)}
            for kind, hits in sorted(flagged.items())
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=("dev", "test", "both"), default="test")
    parser.add_argument("--misses", action="store_true", help="print what was judged wrongly")
    parser.add_argument("--model", type=Path, metavar="FILE.gguf", help="let it judge")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FILE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    found = measure(args.half, args.misses, args.model, args.cache)
    text = json.dumps(found, indent=2, ensure_ascii=False)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
