"""From a reading to its documents, against a small web on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from local_web import Page, Paper, Web, html, pdf, redirect
from seminar_rag.types import Block, ParsedDocument
from seminar_rag.types.catalogue import Lookup, LookupFile
from seminar_rag.web.identify import Described, Wanted, likeness, people, surely_is, titles_alike
from seminar_rag.web.places import arxiv_id
from seminar_rag.web.resolve import Resolver

pytestmark = pytest.mark.slow

ENGINES = Paper("2301.00001", "On Analytical Engines: Weaving Algebraic Patterns")
FUZZERS = Paper(
    "2212.14834",
    "Zero-Shot Fuzzers: Fuzzing Libraries with Engines",
    ("Yinlin Deng", "Chunqiu Xia"),
    "We fuzz deep learning libraries.",
)
SURVEY = Paper(
    "2310.10844",
    "Survey of Vulnerabilities Revealed by Adversarial Attacks",
    ("Erfan Shayegani", "Md Abdullah Al Mamun"),
    "We survey attacks on aligned models, their kinds and their causes, and say which of the"
    " defences that were proposed against them have held so far.",
)
LONG = "The store keeps the patterns of every card that it was given. " * 12


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as one:
        one.arxiv([ENGINES, FUZZERS, SURVEY])
        yield one


def parse(path: Path) -> ParsedDocument:
    """Title and text of the made-up PDFs, without a worker process."""
    from pypdf import PdfReader

    text = PdfReader(path).pages[0].extract_text()
    return ParsedDocument(text.split("\n")[0], (Block(text),))


Resolve = Callable[..., Lookup]


@pytest.fixture
def resolver(web: Web, tmp_path: Path) -> Iterator[Resolver]:
    with web.fetcher(tmp_path / "cache") as fetcher:
        yield Resolver(fetcher, parse)


@pytest.fixture
def resolve(resolver: Resolver) -> Resolve:
    def one(title: str | None, *urls: str, **more: Any) -> Lookup:
        return look_up_all(resolver, [Wanted("r", title, urls=urls, **more)])["r"]

    return one


def look_up_all(resolver: Resolver, wanted: list[Wanted]) -> dict[str, Lookup]:
    """Every reading's lookup, by reading."""
    events: SimpleQueue[Lookup | Exception] = SimpleQueue()
    stop = resolver.start(wanted, lambda _: None, lambda _, found: events.put(found), events.put)
    out: dict[str, Lookup] = {}
    while len(out) < len(wanted):
        event = events.get(timeout=60)
        if isinstance(event, Exception):
            raise event
        out[event.reading] = event
    stop()
    return out


def content(found: LookupFile, folder: Path) -> bytes:
    """What a found file holds."""
    return (folder / found.file).read_bytes()


def test_an_arxiv_link_gives_the_paper_under_the_listed_title(
    resolve: Resolve, tmp_path: Path
) -> None:
    got = resolve(ENGINES.title, "https://arxiv.org/abs/2301.00001v2")
    assert (got.state, got.arxiv_id, got.problem, got.remedy) == ("paper", "2301.00001", "", "")
    (found,) = got.found
    assert found.paper
    assert found.title == ENGINES.title
    assert found.authors == "Ada Lovelace, Charles Babbage"
    assert content(found, tmp_path).startswith(b"%PDF-")
    assert [event for _, event, _ in got.attempts] == ["fetched"]


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/papers/2301.00001",
        "https://doi.org/10.48550/arXiv.2301.00001",
        "https://arxiv.org/pdf/2301.00001.pdf",
        "https://www.arxiv.org/abs/2301.00001",
    ],
)
def test_other_addresses_of_an_arxiv_paper(resolve: Resolve, url: str) -> None:
    assert resolve(ENGINES.title, url).arxiv_id == "2301.00001"


def test_a_wrong_link_is_reported_and_the_right_paper_taken(resolve: Resolve) -> None:
    got = resolve(SURVEY.title, "https://arxiv.org/abs/2212.14834")
    assert (got.state, got.arxiv_id) == ("paper", "2310.10844")
    assert [one.title for one in got.found] == [SURVEY.title]
    assert f"2212.14834 leads to “{FUZZERS.title}”" in got.problem
    assert "is arXiv 2310.10844, which was taken" in got.problem
    assert got.remedy == "correct the link on the course page to arXiv 2310.10844"


def test_a_wrong_link_without_a_right_paper_gives_nothing(resolve: Resolve) -> None:
    got = resolve("A History of Weaving Looms in Lyon", "https://arxiv.org/abs/2212.14834")
    assert (got.state, got.found) == ("nothing", ())
    assert got.remedy == "correct the link on the course page"


def test_a_title_that_changed_between_versions_is_the_same_paper(
    web: Web, resolve: Resolve
) -> None:
    now = Paper("2401.00002", "Reinforcement for Post-Training", ("A One", "B Two"))
    web.arxiv([now])
    first = Paper("2401.00002", "Alignment Techniques Compared: Feedback of Every Kind")

    def api(path: str) -> Page:
        from local_web import _api

        return _api({now.id: first if "v1" in path else now}, path)

    web.put("https://export.arxiv.org/api/query", api)
    got = resolve(first.title, "https://arxiv.org/abs/2401.00002")
    assert (got.state, got.problem) == ("paper", "")


def test_labels_authors_and_abstracts_count(resolve: Resolve) -> None:
    url = "https://arxiv.org/abs/2310.10844"
    labelled = resolve("aligned models", url)
    assert labelled.found[0].title == SURVEY.title, "a label never names the document"
    assert labelled.remedy == ""
    named = resolve("Attacks in Other Words Entirely Here", url, authors="Erfan Shayegani, M Mamun")
    assert named.state == "paper"
    quoted = resolve("Something in Other Words Here", url, abstract=SURVEY.summary)
    assert quoted.state == "paper"
    odd = resolve("Week seven", url)
    assert odd.found[0].title == SURVEY.title
    assert "calls itself" in odd.problem


def test_without_a_link_only_a_near_exact_title_is_taken(resolve: Resolve, web: Web) -> None:
    got = resolve(SURVEY.title.replace(" by", " By").upper())
    assert (got.state, got.arxiv_id) == ("paper", "2310.10844")
    other = resolve(SURVEY.title, authors="Somebody Else, Another Person")
    assert other.state == "nothing"
    assert "it may be arXiv 2310.10844; add the link if it is" in other.problem
    none = resolve("A Title That Nobody Ever Gave to a Paper")
    assert none.problem == "it has no link, and arXiv has no paper of that title"
    assert "add a link" in none.remedy
    gone = resolve("A Title That Nobody Ever Gave to a Paper", "papers/gone.pdf")
    assert gone.problem.startswith("its link papers/gone.pdf leads to no file beside the page")
    asked = web.count("export.arxiv.org")
    assert resolve("axolotl").state == "nothing"
    assert web.count("export.arxiv.org") == asked, "a mere word is not searched for"


def test_direct_pdfs_are_checked_by_their_own_title(resolve: Resolve, web: Web) -> None:
    page = Page(pdf("What Are Tools Anyway? A Survey of Means", (), LONG), type="text/plain")
    web.put("https://lab.test/tools.pdf", page)
    got = resolve("What Are Tools Anyway", "https://lab.test/tools.pdf")
    assert (got.state, got.problem) == ("paper", "")
    wrong = resolve("Weaving Looms and Their Punched Cards", "https://lab.test/tools.pdf")
    assert wrong.state == "nothing"
    assert "leads to “What Are Tools Anyway?" in wrong.problem
    assert web.count("lab.test") == 1


def test_a_sign_in_page_is_no_paper(resolve: Resolve, web: Web) -> None:
    web.put("https://export.arxiv.org/pdf/2301.00001", html("Sign in", "Please sign in."))
    got = resolve(ENGINES.title, "https://arxiv.org/abs/2301.00001")
    assert got.state == "nothing"
    assert "gives a web page instead of a PDF (a sign-in?)" in got.problem
    assert got.remedy == "download it yourself and ingest the file"


def test_openreview_and_the_anthology_give_pdfs(resolve: Resolve, web: Web) -> None:
    paper = Page(pdf("Deep Weaving from Human Preferences", ("A B",), LONG))
    web.put("https://openreview.net/pdf?id=Gis", paper)
    web.put("https://aclanthology.org/2023.findings-acl.719.pdf", paper)
    for url in (
        "https://openreview.net/forum?id=Gis",
        "https://openreview.net/pdf?id=Gis",
        "https://aclanthology.org/2023.findings-acl.719/",
    ):
        got = resolve("Deep Weaving from Human Preferences", url)
        assert got.state == "paper", url
        assert got.found[0].url == url


def test_a_refused_archive_falls_back_to_arxiv(resolve: Resolve, web: Web) -> None:
    web.put("https://openreview.net/pdf?id=X", Page(status=403))
    web.put("https://openreview.net/forum?id=X", html("Just a moment...", "Checking."))
    got = resolve(SURVEY.title, "https://openreview.net/forum?id=X")
    assert (got.state, got.arxiv_id) == ("paper", "2310.10844")
    assert "refuses (403)" in got.problem
    assert [event for _, event, _ in got.attempts] == ["failed", "failed", "fetched"]


def test_a_landing_page_leads_to_its_pdf(resolve: Resolve, web: Web) -> None:
    head = (
        '<meta name="citation_title" content="Generating Proteins with Looms">'
        '<meta name="citation_author" content="Ada Lovelace">'
        '<meta name="citation_pdf_url" content="/full.pdf">'
    )
    web.put("https://doi.org/10.1101/2024.01", redirect("https://bio.test/10.1101"))
    web.put("https://bio.test/10.1101", html("Generating Proteins", LONG, head=head))
    web.put("https://bio.test/full.pdf", Page(pdf("Generating Proteins with Looms", (), LONG)))
    got = resolve("Generating Proteins with Looms", "https://doi.org/10.1101/2024.01")
    assert got.state == "paper"
    web.put("https://bio.test/full.pdf", Page(status=403))
    web.put("https://doi.org/10.1101/2024.02", redirect("https://bio.test/10.1101?again"))
    web.put(
        "https://bio.test/10.1101?again", html("Generating", LONG, head=head.replace("l.p", "l2.p"))
    )
    got = resolve("Generating Proteins with Looms", "https://doi.org/10.1101/2024.02")
    assert (got.state, got.found[0].paper) == ("page", False)
    wrong = resolve("Cooking with Steam Engines", "https://doi.org/10.1101/2024.02")
    assert wrong.state == "nothing"


def test_a_blog_gives_its_main_text_under_its_own_title(
    resolve: Resolve, web: Web, tmp_path: Path
) -> None:
    web.put("https://blog.test/jamba", html("Announcing Jamba, a hybrid loom", LONG))
    got = resolve("JAMBA", "https://blog.test/jamba")
    assert got.state == "page"
    (found,) = got.found
    assert (found.title, found.paper) == ("Announcing Jamba, a hybrid loom", False)
    text = content(found, tmp_path).decode()
    assert "The store keeps the patterns" in text
    assert "Cookie settings" not in text


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (html("Leaderboard", "Loading"), "holds next to no text of its own"),
        (html("Page not found", LONG), "shows “Page not found” instead"),
        (html("Just a moment...", "Checking your browser"), "cannot be read"),
        (redirect("https://blog.test/"), "leads to a home page"),
        (redirect("https://buyer.test/new"), "leads to “Buy Our Cards” on buyer.test"),
        (Page(b"\x89PNG\r\n\x1a\n\0\0\0"), "neither a document nor a web page"),
        (Page(status=404), "is gone (404)"),
    ],
)
def test_pages_that_are_not_the_reading(resolve: Resolve, web: Web, page: Page, says: str) -> None:
    web.put("https://blog.test/", html("The Blog", LONG))
    web.put("https://buyer.test/new", html("Buy Our Cards", LONG))
    web.put("https://blog.test/list/of/looms", page)
    got = resolve("A List of Weaving Looms in Open Source", "https://blog.test/list/of/looms")
    assert got.state == "nothing"
    assert says in got.problem
    assert got.remedy


def test_a_repository_gives_its_readme_if_it_is_about_the_reading(
    resolve: Resolve, web: Web
) -> None:
    web.put(
        "https://raw.githubusercontent.com/ada/baseline/HEAD/README.md",
        Page(
            f"# Baseline\n\nCode for “Baseline Looms Against Adversarial Cards”.\n\n{LONG}".encode()
        ),
    )
    got = resolve("Baseline Looms Against Adversarial Cards", "https://github.com/ada/baseline")
    assert [one.title for one in got.found] == ["ada/baseline (README)"]
    wrong = resolve("Scaling Laws for Punched Card Readers", "https://github.com/ada/baseline?x#y")
    assert wrong.state == "nothing"
    assert "leads to “ada/baseline (README)”" in wrong.problem
    gone = resolve("Baseline Looms", "https://github.com/ada/nowhere/tree/main")
    assert "has no README" in gone.problem


def test_second_links_are_documents_of_the_same_reading(resolve: Resolve, web: Web) -> None:
    web.put("https://blog.test/engines", html("Engines explained", LONG))
    web.put("https://blog.test/gone", Page(status=410))
    got = resolve(
        ENGINES.title,
        "https://arxiv.org/abs/2301.00001",
        "https://blog.test/engines",
        "https://arxiv.org/pdf/2301.00001",
        "https://blog.test/gone",
    )
    assert [one.title for one in got.found] == [ENGINES.title, "Engines explained"]
    assert (got.state, "is gone" in got.problem) == ("paper", True)
    assert got.remedy == "correct the link on the course page"


def test_metadata_is_asked_for_at_once_and_everything_is_remembered(
    web: Web, resolver: Resolver
) -> None:
    wanted = [
        Wanted(p.id, p.title, urls=(f"https://arxiv.org/abs/{p.id}",))
        for p in (ENGINES, FUZZERS, SURVEY)
    ]
    first = look_up_all(resolver, wanted)
    assert sum("/api/" in one.path for one in web.seen) == 1
    assert web.count("export.arxiv.org") == 4
    again = look_up_all(resolver, wanted)
    assert web.count() == 4
    assert {k: v.found for k, v in first.items()} == {k: v.found for k, v in again.items()}


def test_without_the_api_papers_are_still_had(resolve: Resolve, web: Web) -> None:
    web.put("https://export.arxiv.org/api/query", Page(status=503))
    got = resolve(ENGINES.title, "https://arxiv.org/abs/2301.00001")
    assert (got.state, got.arxiv_id) == ("paper", "2301.00001")


def test_a_file_in_a_repository_is_that_file(resolve: Resolve, web: Web) -> None:
    paper = Page(pdf("What Looms Are Good For", (), LONG))
    web.put("https://raw.githubusercontent.com/ada/talks/main/looms.pdf", paper)
    got = resolve("What Looms Are Good For", "https://github.com/ada/talks/blob/main/looms.pdf")
    assert got.state == "paper"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + b"<div>" * 100_000 + b"deep",
        b"<html>" + b"<a " * 300_000,
        b"<!doctype html>\x00\xff\xfe" + b"\x80" * 5000,
        b"<html>" + b"<table><tr><td>" * 3000,
        b"<!doctype html>",
        b"<html>" + b"x" * (9 << 20),
    ],
    ids=["deep", "open tags", "bytes", "tables", "empty", "large"],
)
def test_hostile_pages_cost_one_reading_and_little_time(
    resolver: Resolver, web: Web, body: bytes
) -> None:
    import time

    web.put("https://evil.test/", Page(body))
    wanted = [
        Wanted("evil", "A Page That Means Harm To Us", urls=("https://evil.test/",)),
        Wanted("good", ENGINES.title, urls=("https://arxiv.org/abs/2301.00001",)),
    ]
    started = time.monotonic()
    states = {id_: one.state for id_, one in look_up_all(resolver, wanted).items()}
    assert states["good"] == "paper"
    assert time.monotonic() - started < 30


def test_a_library_that_fails_stops_no_other_reading(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch, web: Web
) -> None:
    from seminar_rag.web import resolve as module

    def upset(html: str, url: str) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(module, "read_page", upset)
    web.put("https://evil.test/", html("A page", LONG))
    got = look_up_all(resolver, [Wanted("r", None, urls=("https://evil.test/",))])["r"]
    assert (got.state, "RecursionError" in got.problem) == ("nothing", True)
    assert got.remedy


def test_pages_in_other_encodings_are_read(resolve: Resolve, web: Web, tmp_path: Path) -> None:
    text = "Der Webstuhl hält die Fäden und die Muster über viele Jahre hinweg zusammen. " * 9
    page = f"<html><meta charset='iso-8859-1'><title>Webstühle</title><body><p>{text}</p></body>"
    web.put("https://alt.test/", Page(page.encode("latin-1")))
    (found,) = resolve(None, "https://alt.test/").found
    assert found.title == "Webstühle"
    assert "hält die Fäden" in content(found, tmp_path).decode()


def test_a_cover_page_does_not_make_a_paper_another(resolve: Resolve, web: Web) -> None:
    begin = f"Practices and their costs when governing agentic looms and systems. {LONG}"
    web.put("https://lab.test/x.pdf", Page(pdf("Microsoft Word - final2", (), begin)))
    got = resolve("Practices for Governing Agentic Looms Systems", "https://lab.test/x.pdf")
    assert (got.state, got.remedy) == ("paper", "")
    assert got.found[0].title == "Practices for Governing Agentic Looms Systems"


# --- the parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "own", "verdict"),
    [
        ("Skeleton-of-Looms: Weaving in Parallel", "Skeleton-of-Looms: Efficient Weaving", "same"),
        ("Topologies: Demystifying Chains and Graphs", "Demystifying Chains, Graphs", "same"),
        ("DPO Direct Preference Weaving", "Direct Preference Weaving", "same"),
        ("Scaling Laws for Neural Language Models", "A Survey of Large Language Models", "other"),
        ("Attention Is All You Need", "Attention is all you need", "same"),
        ("Large Language Models: A Survey", "Large Language Models: An Introduction", "unsure"),
        ("A Survey on Security", "A Survey on Music", "other"),
    ],
)  # fmt: skip
def test_titles(listed: str, own: str, verdict: str) -> None:
    assert titles_alike(listed, own) == verdict


def test_judgement_uses_what_there_is() -> None:
    wanted = Wanted("x", "paged looms")
    assert likeness(wanted, Described("Memory for Weaving with PagedLooms")) == "same"
    assert likeness(wanted, Described("What to Discard")) == "other"
    assert likeness(Wanted("x", None), Described("Anything")) == "unsure"
    assert people("Ada Lovelace, Ch. Babbage and José Núñez et al.") == {
        "lovelace",
        "babbage",
        "nunez",
    }
    short = Wanted("x", "Mistral 7B")
    assert not surely_is(short, Described("Mistral 7B", ("Albert Jiang",)))
    assert surely_is(
        Wanted("x", "Mistral 7B", "Albert Jiang"), Described("Mistral 7B", ("Albert Jiang",))
    )


@pytest.mark.parametrize(
    "feed",
    [
        b"<html><body>Rate exceeded.",
        b"not xml",
        b"",
        b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
        b"<id>http://arxiv.org/abs/2301.00001v1</id><updated>2023-01-01T00:00:00Z</updated>"
        b"<published>2023-01-01T00:00:00Z</published>"
        b"<title>On Analytical Engines: Weaving Algebraic Patterns &a;</title></entry></feed>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><updated>yesterday</updated>'
        b"<published>never</published><id>http://arxiv.org/abs/2301.00001v1</id>"
        b"<title>On Analytical Engines: Weaving Algebraic Patterns</title></entry></feed>",
    ],
    ids=["rate", "text", "empty", "entity", "dates"],
)
def test_hostile_feeds_are_harmless(resolve: Resolve, web: Web, feed: bytes) -> None:
    web.put("https://export.arxiv.org/api/query", Page(feed, type="application/atom+xml"))
    got = resolve(ENGINES.title, "https://arxiv.org/abs/2301.00001")
    assert (got.state, got.arxiv_id) == ("paper", "2301.00001"), "the PDF's own title serves"
    assert "root:" not in got.found[0].title


def test_addresses_that_name_a_paper() -> None:
    assert arxiv_id("https://notarxiv.org/abs/2301.00001") is None
    assert arxiv_id("https://arxiv.org/abs/hep-th/9901001v2") == "hep-th/9901001"
