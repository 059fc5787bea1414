"""Measures the PDF parser: robustness over broken and hostile files, quality over real papers.

    python benchmarks/pdf.py [robustness] [quality] [order] [--data ../shared] [--misses]

Robustness: each file of `pdf-robustness/{files,damaged,hostile}` through the guarded parser; the
outcomes, what the labels say, and the time. A damaged paper is compared with the undamaged one by
the share of its distinct runs of three words that is recovered.

Quality: sentences of poppler's `pdftotext` found in the blocks, letter by letter
("recall": case, spaces and punctuation ignored, since poppler itself writes "R ERANK") and token
by token ("exact": hyphens ignored, split small capitals joined); references are left out of both.
Where a paper has broken ToUnicode maps, poppler gets the repaired file: it cannot read the original
either. "Glued" are words that poppler has as two. "Order" is the share of neighbouring sentences
that keep their order (floats move).

Order: words out of order per thousand, on pages of `pdf_layouts` as Chromium draws them and drawn
again row by row, and on the papers, of which the text as it is drawn counts as the truth (they are
set with LaTeX, which draws column after column). Words in order are the longest common subsequence
with the truth; out of order are the others that both have. "Missing" are words that only the truth
has: in papers, references and running heads too.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pdf_layouts
from seminar_rag.documents.parse import Parser
from seminar_rag.documents.pdf import read_pdf
from seminar_rag.documents.pdf_repair import rewritten
from seminar_rag.errors import DocumentError
from seminar_rag.text import spaced
from seminar_rag.types import ParsedDocument

_SMALL_CAPITALS = re.compile(r"\b[A-Z] [A-Z]{2,}(?: [A-Z] [A-Z]{2,})*\b")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Result:
    path: Path
    outcome: str
    seconds: float
    text: str
    document: ParsedDocument | None = None
    message: str = ""


def read(parser: Parser, path: Path) -> Result:
    started = time.perf_counter()
    try:
        document = parser.parse(path)
    except DocumentError as error:
        return Result(path, error.failure, time.perf_counter() - started, "", None, str(error))
    seconds = time.perf_counter() - started
    return Result(path, "text", seconds, "\n".join(b.text for b in document.blocks), document)


# -- robustness -------------------------------------------------------------------------------


def robustness(data: Path, verbose: bool) -> dict[str, Any]:
    root = data / "pdf-robustness"
    with (root / "labels.tsv").open(newline="") as file:
        labels = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    with Parser(ocr=None) as parser:
        groups = {
            name: [read(parser, path) for path in sorted((root / name).iterdir())]
            for name in ("files", "damaged", "hostile")
        }
        papers = {path.name: read(parser, path) for path in sorted((data / "papers").glob("*.pdf"))}
    print("outcomes")
    for name, results in groups.items():
        counts = Counter(result.outcome for result in results)
        times = sorted(result.seconds for result in results)
        print(
            f"  {name:8} {len(results):4} files  "
            + "  ".join(f"{outcome} {count}" for outcome, count in counts.most_common())
            + f"   p50 {statistics.median(times):.3f} s"
            f"  p99 {times[int(0.99 * (len(times) - 1))]:.2f} s  max {times[-1]:.2f} s"
        )
    readable = by_labels(groups["files"], labels, verbose)
    texts = [result.text for results in groups.values() for result in results]
    unstorable = sum(len(_UNSTORABLE.findall(text)) for text in texts)
    print(f"unstorable characters: {unstorable}")
    print("damaged: share of the paper's word triples that is recovered")
    whole = {"ALCE": "2305.14627-alce.pdf", "WizardMath_Paper": "2308.09583-wizardmath.pdf"}
    for result in groups["damaged"]:
        paper, _, damage = result.path.stem.partition("__")
        share = recovered(papers[whole[paper]].text, result.text)
        partial = result.document is not None and result.document.partial
        print(f"  {paper:17} {damage:10} {share:.2f}  {result.outcome}{' partial' * partial}")
    print("hostile")
    for result in groups["hostile"]:
        print(
            f"  {result.path.name:24} {result.outcome:8} {result.seconds:6.2f} s  {result.message}"
        )
    return {"files with text": readable, "unstorable": unstorable}


def by_labels(
    results: list[Result], labels: dict[str, dict[str, str]], verbose: bool
) -> tuple[int, int]:
    wanted = got = 0
    table: Counter[tuple[str, str]] = Counter()
    for result in results:
        label = labels[result.path.name]
        table[label["class"], result.outcome] += 1
        has_text = max(int(label["chars_pypdf"]), int(label["chars_pdfium"])) > 0
        if has_text and result.outcome == "no_text" and not storable(result.path):
            print(f"  only characters that cannot be stored: {result.path.name} → no_text")
            has_text = False
        wanted += has_text
        got += has_text and result.outcome == "text"
        odd = has_text != (result.outcome == "text")
        if odd or (verbose and result.outcome == "corrupt"):
            print(
                f"  differs: {result.path.name} {dict(label)} → {result.outcome}: {result.message}"
            )
    print("class of the labels → outcome")
    for (label_class, outcome), count in sorted(table.items()):
        print(f"  {label_class:20} {outcome:9} {count}")
    print(f"files with text where pypdf or pdfium has text: {got}/{wanted} = {got / wanted:.1%}")
    return got, wanted


def storable(path: Path) -> bool:
    """Whether pypdf or pdfium finds a character in a file that is neither space nor unstorable."""
    import pypdf
    import pypdfium2

    texts = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    document = pypdfium2.PdfDocument(path)
    texts += [page.get_textpage().get_text_range() for page in document]
    return any(_UNSTORABLE.sub("", text).strip() for text in texts)


def recovered(paper: str, text: str) -> float:
    """The share of the paper's distinct word triples that the text has."""
    wanted, found = triples(paper), triples(text)
    return len(wanted & found) / len(wanted)


def triples(text: str) -> set[tuple[str, str, str]]:
    words = tokens(text)
    return set(zip(words, words[1:], words[2:], strict=False))


# -- quality ----------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """Lower-case words and numbers; hyphens are dropped, so that dehyphenation cannot differ.

    Small capitals that were read as words of their own ("R ERANK") are joined, on either side.
    """
    text = _SMALL_CAPITALS.sub(lambda match: match[0].replace(" ", ""), text)
    text = unicodedata.normalize("NFKC", text).lower()
    text = re.sub(r"[-\u2010\u00ad]\s*", "", text)
    return re.findall(r"[^\W_]+", text)


def poppler(path: Path) -> str:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(rewritten(path.read_bytes()))
        file.flush()
        command = ["pdftotext", "-enc", "UTF-8", file.name, "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8")


def letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def without_references(text: str) -> str:
    start = re.search(r"(?m)^\W*References$", text)
    if not start:
        return text
    stop = re.search(r"(?m)^([A-K]|Appendix.*)\n*\s+[A-Z][a-z]", text[start.end() :])
    return text[: start.start()] + (text[start.end() + stop.start() :] if stop else "")


def sentences(text: str) -> Iterator[str]:
    """Poppler's sentences of prose: within a paragraph of its output, at least seven words."""
    for paragraph in re.split(r"\n\s*\n|\f", text):
        flat = re.sub(r"(?<=[^\W\d_])-\n", "-", paragraph).replace("\n", " ")
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", flat):
            words = re.findall(r"[^\W\d_]{2,}", sentence)
            plain = sum(c.isalpha() or c.isspace() for c in sentence) > 0.85 * len(sentence)
            if len(words) >= 7 and plain and re.match(r"[A-Z]", sentence) and sentence[-1] in ".!?":
                yield sentence


def glued(text: str, reference: str) -> list[str]:
    """Words that poppler does not have, but has as two neighbouring words of their own.

    Both halves must occur elsewhere too: poppler breaks small capitals ("R ERANK").
    """
    known = Counter(tokens(reference))
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", reference).lower())
    pairs: dict[str, int] = {}
    neighbours = Counter(pairwise(words))
    for (a, b), count in neighbours.items():
        if min(known[a], known[b]) > count:
            pairs[a + b] = count
    unbroken = re.sub(r"[-\u2010\u00ad]\s*", "-", reference.lower())
    compounds = {a + b for a, b in re.findall(r"([^\W_]+)-([^\W_]+)", unbroken)}
    return [
        word
        for word in tokens(text)
        if len(word) > 4 and word.isalpha() and word in pairs and word not in compounds
        if word not in known
    ]


def quality(data: Path, misses: bool) -> dict[str, Any]:
    if not shutil.which("pdftotext"):
        sys.exit("pdftotext is missing — install poppler-utils.")
    print(f"{'paper':33}  pages  blocks  sentences  recall  exact  order  glued/10k  title")
    total = hits = same = words = stuck = 0
    with Parser(ocr=None) as parser:
        for path in sorted((data / "papers").glob("*.pdf")):
            result = read(parser, path)
            assert result.document is not None, result.message
            reference = poppler(path)
            ours = " " + " ".join(tokens(result.text)) + " "
            wanted = list(sentences(without_references(reference)))
            exact = sum(f" {' '.join(tokens(s))} " in ours for s in wanted)
            stream = letters(result.text)
            missed = [s for s in wanted if letters(s) not in stream]
            places = [stream.find(letters(s)) for s in wanted if s not in missed]
            order = sum(a <= b for a, b in pairwise(places)) / max(1, len(places) - 1)
            count, bad = len(tokens(result.text)), glued(result.text, reference)
            print(
                f"{path.stem[:33]:33} {result.document.pages:6} {len(result.document.blocks):7}"
                f" {len(wanted):10}  {1 - len(missed) / len(wanted):.3f}"
                f"  {exact / len(wanted):.3f}  {order:.3f}"
                f" {1e4 * len(bad) / count:9.1f}   {result.document.title}"
            )
            if misses:
                for sentence in missed:
                    print(f"    miss: {sentence}")
                print(f"    glued: {bad}")
            if "llama2" in path.stem:
                print(f'    "Llama 2" is found {result.text.count("Llama 2")} times')
            total, hits = total + len(wanted), hits + len(wanted) - len(missed)
            same += exact
            words, stuck = words + count, stuck + len(bad)
    print(
        f"all: {total} sentences, recall {hits / total:.4f}, exact {same / total:.4f},"
        f" glued {1e4 * stuck / words:.1f}/10k"
    )
    return {"sentences letter by letter": (hits, total), "sentences token by token": (same, total)}


# -- order ------------------------------------------------------------------------------------


@dataclass
class Tally:
    """Words of the truth, and how many of them are out of order, missing, or not of it."""

    words: int = 0
    moved: int = 0
    missing: int = 0
    extra: int = 0

    def add(self, truth: str, data: bytes) -> None:
        from rapidfuzz.distance import LCSseq

        read = " ".join(b.text for b in read_pdf(data, "sheet.pdf", 60.0).blocks)
        a, b = tokens(spaced(truth)), tokens(spaced(read))
        common = (Counter(a) & Counter(b)).total()
        self.words += len(a)
        self.moved += common - LCSseq.similarity(a, b)
        self.missing += len(a) - common
        self.extra += len(b) - common

    def __str__(self) -> str:
        each = 1000 / max(self.words, 1)
        return (
            f"{self.words:7} {self.moved * each:9.1f} {self.missing * each:8.1f}"
            f" {self.extra * each:7.1f}"
        )


def order(data: Path, seeds: range) -> None:
    """Print words out of order on printed pages and on papers."""
    rows: dict[str, tuple[Tally, Tally]] = {}
    for sheet in layouts(seeds):
        drawn, again = rows.setdefault(sheet.name, (Tally(), Tally()))
        drawn.add(sheet.text, sheet.data)
        if sheet.name != "right to left":  # reportlab does not draw it
            again.add(sheet.text, pdf_layouts.row_by_row(sheet.data))
    for path in sorted((data / "papers").glob("*.pdf")):
        truth = as_drawn(path)
        drawn, again = rows[path.stem[:24]] = (Tally(), Tally())
        drawn.add(truth, path.read_bytes())
        again.add(truth, pdf_layouts.row_by_row(path.read_bytes()))
    print(f"{'':24}   words out of order  missing  extra (‰)   row by row: words, the same")
    for name, (drawn, again) in rows.items():
        print(f"{name:24} {drawn}   |{again}")


def layouts(seeds: range) -> Iterator[pdf_layouts.Sheet]:
    """The sheets of every seed, printed by Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("Chromium is missing — install it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        for seed in seeds:
            yield from pdf_layouts.printed(page, seed)
        browser.close()


def as_drawn(path: Path) -> str:
    """A paper's text in the order in which it is drawn, hyphens at line ends dropped."""
    import pypdfium2

    pages = pypdfium2.PdfDocument(rewritten(path.read_bytes()))
    text = "\n".join(page.get_textpage().get_text_range() for page in pages)
    return re.sub(r"[\ufffe\x02]\s*", "", text)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("what", nargs="*", default=["quality", "robustness"])
    arguments.add_argument("--data", type=Path, default=Path("../shared"))
    arguments.add_argument("--misses", action="store_true", help="list what was missed")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="also write the counts here")
    arguments.add_argument("--seeds", type=int, nargs=2, default=(100, 105), metavar="N")
    options = arguments.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data} is missing — pass the folder of papers with --data.")
    counts: dict[str, Any] = {}
    if "quality" in options.what:
        counts |= quality(options.data, options.misses)
    if "order" in options.what:
        order(options.data, range(*options.seeds))
    if "robustness" in options.what:
        counts |= robustness(options.data, options.misses)
    if options.json:
        options.json.write_text(json.dumps(counts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
