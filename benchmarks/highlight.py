"""Whether the sentences that were read out of PDFs are found on their pages again, and how fast
pages are drawn.

    python benchmarks/highlight.py [FOLDER] [--boxes OUT]

Every sentence of every PDF in FOLDER (default ../shared/papers) is looked up as the page view does
it. `--boxes` draws the found boxes of all pages into OUT, to be looked at.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from seminar_rag.documents.chunk import split
from seminar_rag.documents.parse import Parser
from seminar_rag.pages.render import WIDTHS, Renderer, workers
from seminar_rag.pages.sheet import Quote, Sheets
from seminar_rag.types import Document, Passage

PAPERS = Path(__file__).resolve().parents[2] / "shared" / "papers"


def passages(path: Path, parser: Parser) -> list[Passage]:
    """The passages that an ingest makes of a file, but for the tokenizer."""
    document = Document("d", "paper", "r", "")
    blocks = parser.parse(path).blocks
    return [c.passage for c in split(document, blocks, lambda text: len(text) // 4 + 1)]


def quotes(found: list[Passage]) -> list[tuple[str, Quote]]:
    """Every sentence with its kind, as the page view asks for it."""
    out = []
    for one in found:
        for sentence in one.sentences:
            page = sentence.page or one.page or 1
            before = one.text[: sentence.start]
            out.append((sentence.kind, Quote(one.quote(sentence), page, before)))
    return out


def draw_boxes(renderer: Renderer, path: Path, looked: Sheets, out: Path) -> None:
    """Every page with its boxes in two alternating colours."""
    from PIL import Image, ImageDraw

    for page in sorted({spot.page for spot in looked.spots}):
        picture = Image.open(io.BytesIO(renderer.page(path, page, 1200))).convert("RGBA")
        over = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        pen = ImageDraw.Draw(over)
        across, down = picture.size
        for spot in looked.spots:
            if spot.page == page:
                colour = (255, 220, 0, 110) if spot.quote % 2 else (90, 200, 255, 110)
                for left, top, width, height in spot.boxes:
                    corner = ((left + width) * across, (top + height) * down)
                    pen.rectangle([left * across, top * down, *corner], fill=colour)
        Image.alpha_composite(picture, over).convert("RGB").save(out / f"{path.stem}-{page}.png")


def p(values: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] * 1000


def main() -> None:
    """Measure and print."""
    parse = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parse.add_argument("folder", type=Path, nargs="?", default=PAPERS)
    parse.add_argument("--boxes", type=Path)
    parse.add_argument("--missed", action="store_true", help="print what was not found")
    options = parse.parse_args()
    files = sorted(options.folder.glob("*.pdf"))
    if not files:
        sys.exit(f"no PDF in {options.folder}")
    hows: dict[str, Counter[str]] = defaultdict(Counter)
    look_times: list[float] = []
    drawn: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as cache, Parser() as parser:
        pool = workers()
        renderer = Renderer(Path(cache), pool)
        for path in files:
            asked = quotes(passages(path, parser))
            looked = renderer.look(path, [quote for _, quote in asked])
            for (kind, quote), how in zip(asked, looked.found, strict=True):
                hows[kind][how or "none"] += 1
                hows["all"][how or "none"] += 1
                if options.missed and how in (None, "some"):
                    print(f"{path.name} p.{quote.page} {kind} {how}: {quote.text[:110]!r}")
            count = Counter(how or "none" for how in looked.found)
            print(f"{path.name}: {len(asked)} sentences, {dict(count)}")
            for _, quote in asked[:: max(1, len(asked) // 25)]:
                started = time.perf_counter()
                renderer.look(path, [quote])
                look_times.append(time.perf_counter() - started)
            for width in WIDTHS[:3]:
                for page in range(1, min(len(looked.sizes), 12) + 1):
                    for state in ("drawn", "cached"):
                        started = time.perf_counter()
                        renderer.page(path, page, width)
                        drawn[f"{width} px {state}"].append(time.perf_counter() - started)
            if options.boxes:
                options.boxes.mkdir(parents=True, exist_ok=True)
                draw_boxes(renderer, path, looked, options.boxes)
        pool.close()
    for kind, counts in hows.items():
        total = sum(counts.values())
        shares = ", ".join(f"{how} {n / total:.3f}" for how, n in counts.most_common())
        located = (counts["exact"] + counts["parts"]) / total
        print(f"{kind:>10}: {total} sentences, located {located:.3f} ({shares})")
    print(
        f"look up one sentence: p50 {p(look_times, 0.5):.0f} ms, p95 {p(look_times, 0.95):.0f} ms"
    )
    for state, times in drawn.items():
        print(f"page {state}: p50 {p(times, 0.5):.0f} ms, p95 {p(times, 0.95):.0f} ms")


if __name__ == "__main__":
    main()
