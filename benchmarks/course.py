"""A whole course ingested from a web that is played on the loopback, defects included.

    python benchmarks/course.py [--shared ../shared] [--form site|text] [--verbose]

Serves the course site of `../shared` and plays the hosts its readings link to: arXiv with every id
of the answer keys (made-up text, real titles), paywalls and bot walls that refuse, pages that have
moved or gone, pages drawn by scripts, repositories, OpenReview, the ACL Anthology. Prints what
became of every reading, what needs attention, and whether the known defects of the page were found.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # before this folder, whose ingest.py is another thing

from local_web import PUBLIC, Page, Paper, Web, html, pdf, redirect  # noqa: E402
from seminar_rag.documents.parse import Parser  # noqa: E402
from seminar_rag.index.store import Store  # noqa: E402
from seminar_rag.ingest.pipeline import Ingestor, Network  # noqa: E402
from seminar_rag.models.embed import HashEmbedder  # noqa: E402
from seminar_rag.syllabus.read import read_syllabus  # noqa: E402
from seminar_rag.text import fold  # noqa: E402
from seminar_rag.types.catalogue import Catalogue  # noqa: E402
from seminar_rag.types.ingest import IngestReport, Options  # noqa: E402
from seminar_rag.web.fetch import Fetcher  # noqa: E402
from seminar_rag.web.places import arxiv_id  # noqa: E402

sys.path.append(str(ROOT / "benchmarks"))
import course_defects  # noqa: E402

sys.path.pop()  # the workers that parse start with this path

COURSE = "course.example"
# Titles as arXiv has them where the course page has an older one, or a wrong link.
RETITLED = {
    "2212.14834": "Large Language Models are Zero-Shot Fuzzers: Fuzzing Deep-Learning Libraries"
    " via Large Language Models",
    "2307.15337": "Skeleton-of-Thought: Prompting LLMs for Efficient Parallel Generation",
    "2401.14295": "Demystifying Chains, Trees, and Graphs of Thoughts",
    "2303.18223": "A Survey of Large Language Models",
}
FASTGEN = "Model Tells You What to Discard: Adaptive KV Cache Compression for LLMs"
REFUSING = (
    "ieeexplore.ieee.org",
    "dl.acm.org",
    "www.tandfonline.com",
    "openai.com",
    "www.csis.org",
    "medium.com",
    "techxplore.com",
)
MOVED = ("deepmind.google", "airc.nist.gov", "learn.microsoft.com")
"""Hosts that send old addresses on to new ones of their own."""
GONE = ("python.langchain.com",)
DRAWN = "huggingface.co/spaces/"
LONG = "This page was made up for the benchmark and speaks of its subject at some length. " * 8


def readings(shared: Path) -> Iterator[dict[str, Any]]:
    """Every reading of both answer keys."""
    for form in ("markdown", "text"):
        key = json.loads((shared / "gold" / f"readings-{form}.json").read_text("utf-8"))
        for session in key:
            yield from ({**one, "session": session["number"]} for one in session["readings"])


def true_title(reading: dict[str, Any]) -> str:
    """What the document itself is called."""
    return (reading.get("alt_titles") or [None])[-1] or reading["title"] or "A page"


def papers(shared: Path) -> list[Paper]:
    """arXiv: every paper the page links, and those its titles identify."""
    out: dict[str, Paper] = {}
    page = read_syllabus(shared / "course" / "lectures-by-date.txt")
    quoted = {fold(r.label): r.abstract for s in page.sessions for r in s.readings if r.abstract}
    for one in readings(shared):
        names = tuple(part.strip() for part in (one["authors"] or "Ada Writer").split(","))[:8]
        ids = [one["arxiv_id"], (one.get("suggested_arxiv") or {}).get("id")]
        for id_ in filter(None, ids):
            wrong = one.get("arxiv_id_is_wrong") and id_ == one["arxiv_id"]
            if wrong:
                names = ("Yinlin Deng", "Chunqiu Steven Xia")
            title = RETITLED.get(id_) or true_title(one)
            # arXiv has the abstract that the page quotes, but of the paper the title means.
            summary = "" if wrong else quoted.get(fold(one["title"] or ""), "")
            summary = summary or f"We study this: {title}. " * 2
            out.setdefault(id_, Paper(id_, title, names, summary))
    for id_, title in RETITLED.items():
        out.setdefault(id_, Paper(id_, title, ("Ada Writer",), title))
    return list(out.values())


def play(web: Web, shared: Path) -> None:
    """Put every host up."""
    web.arxiv(papers(shared))
    web.folders[COURSE] = shared / "course" / "site"
    for one in readings(shared):
        for url in one["urls"]:
            if arxiv_id(url) is None:
                put(web, url, one)
    web.put("https://www.nvidia.com/", html("World Leader in AI Computing", LONG))
    for host in ("deci.ai",):  # bought, and shut down
        for path in web.sites[host]:
            web.put(f"https://{host}{path}", redirect("https://www.nvidia.com/", 301))


def put(web: Web, url: str, one: dict[str, Any]) -> None:
    """One address, by what its host is like."""
    parts = urlsplit(url)
    title = true_title(one)
    text = f"{LONG}It stands at {url}."
    paper = Page(pdf(title, ("Ada Writer",), f"{title}. {LONG}"), type="application/pdf")
    if parts.hostname in REFUSING:
        web.put(url, Page(b"Forbidden", 403))
    elif parts.hostname in GONE:
        web.put(url, Page(b"Not found", 404))
    elif parts.hostname in MOVED:
        web.put(url, redirect(f"https://{parts.hostname}/new{parts.path}", 301))
        web.put(f"https://{parts.hostname}/new{parts.path}", html(title, text))
    elif parts.hostname == "doi.org":  # to a publisher that refuses programs
        web.put(url, redirect(f"https://publisher.example{parts.path}"))
        web.put(f"https://publisher.example{parts.path}", Page(b"Forbidden", 403))
    elif parts.hostname == "openreview.net":
        key = parts.query.removeprefix("id=")
        if key == "GisHNaleWiA":
            web.put(f"https://openreview.net/pdf?id={key}", Page(status=403))
            web.put(f"https://openreview.net/forum?id={key}", html("Verifying your browser"))
        else:
            own = FASTGEN if key == "uNrFpDPMyo" else title
            web.put(f"https://openreview.net/pdf?id={key}", Page(pdf(own, ("A B",), LONG)))
    elif parts.hostname == "aclanthology.org":
        web.put(url.rstrip("/") + ".pdf", paper)
    elif parts.hostname == "github.com":
        owner, name = parts.path.strip("/").split("/")[:2]
        wrong = name == "LLMSurvey"
        about = "A collection of papers and resources on models" if wrong else title
        readme = f"# {name}\n\n{about}\n\n{LONG}"
        web.put(
            f"https://raw.githubusercontent.com/{owner}/{name}/HEAD/README.md",
            Page(readme.encode(), type="text/plain"),
        )
    elif DRAWN in url:
        web.put(url, html("Spaces", "Loading"))
    elif parts.path.endswith(".pdf"):
        web.put(url, paper)
    elif parts.hostname == "pubmed.ncbi.nlm.nih.gov":
        head = f'<meta name="citation_title" content="{title}">'
        web.put(url, html(title, text, head=head))
    else:
        web.put(url, html(title, text))


def run(shared: Path, form: str, folder: Path) -> tuple[IngestReport, IngestReport, Catalogue, Web]:
    """Ingest twice; the reports, the catalogue and the web."""
    source = (
        f"https://{COURSE}/LecturesByDate/"
        if form == "site"
        else str(shared / "course" / "lectures-by-date.txt")
    )
    with Web() as web:
        play(web, shared)
        store = Store(folder)

        def fetcher() -> Fetcher:
            return Fetcher(
                folder / "web",
                transport=web.transport(),
                resolve=lambda *_: [PUBLIC],
                sleep=lambda _: None,
            )

        ingestor = Ingestor(store, HashEmbedder(), Parser, network=Network(fetcher))
        reports = []
        for _ in range(2):
            started = time.monotonic()
            with store.writer():
                reports.append(ingestor.ingest(source, Options(fetch=True)))
            print(
                f"run {len(reports)}: {time.monotonic() - started:.1f} s,"
                f" {reports[-1].fetched} bodies fetched, {reports[-1].embedded} passages embedded,"
                f" {len(web.seen)} requests in all"
            )
        catalogue = store.catalogue()
        print("index:", store.findings() or "sound")
        store.close()
    return reports[0], reports[1], catalogue, web


def table(report: IngestReport, catalogue: Catalogue) -> None:
    """What there is of every reading on the page."""
    kinds: Counter[str] = Counter()
    listed = [(s.number, r) for s in catalogue.sessions for r in s.readings]
    for _, reading in listed:
        mine = [
            r for r in catalogue.records.values() if r.document.reading == reading.id and r.passages
        ]
        paper = any(r.document.kind == "paper" and _is_paper(catalogue, r) for r in mine)
        page = any(r.document.kind == "paper" for r in mine)
        abstract = any(r.document.kind == "abstract" for r in mine)
        kinds[
            "paper"
            if paper
            else "web page and description"
            if page and abstract
            else "web page"
            if page
            else "description on the course page"
            if abstract
            else "nothing"
        ] += 1
    print(f"\n{report.readings} entries on the page, {len(listed)} after joining repeats:")
    for kind, count in kinds.most_common():
        print(f"  {count:4} {kind}")
    print("documents:", dict(Counter(r.document.kind for r in catalogue.records.values())))


def _is_paper(catalogue: Catalogue, record: Any) -> bool:
    return any(
        f.paper for s in catalogue.lookups for f in s.found if f.file == record.document.path
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT / ".." / "shared")
    parser.add_argument("--form", choices=("site", "text"), default="site")
    parser.add_argument("--verbose", action="store_true", help="list what needs attention")
    options = parser.parse_args()
    shared = options.shared.resolve()
    if not shared.is_dir():
        sys.exit(f"{shared} is not there — give --shared")
    with tempfile.TemporaryDirectory() as folder:
        first, _, catalogue, _ = run(shared, options.form, Path(folder))
    table(first, catalogue)
    name = "text" if options.form == "text" else "markdown"
    key = json.loads((shared / "gold" / f"readings-{name}.json").read_text("utf-8"))
    outcome = course_defects.Outcome(key, catalogue)
    course_defects.accounted(outcome)
    course_defects.print_table(course_defects.table(outcome), options.verbose)
    hand = [need for need in first.needs if need.remedy]
    print(f"\n{len(hand)} need attention, {len(first.needs) - len(hand)} are worth a look")
    if options.verbose:
        for need in first.needs:
            print(f"  {need.sessions} {need.title} [{need.state}]: {need.problem} — {need.remedy}")


if __name__ == "__main__":
    main()
