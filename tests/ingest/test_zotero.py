"""A collection at zotero.org, brought in as a course: read, fetched, kept, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_web import Page, Web, html, redirect
from played_course import PlainParser
from seminar_rag.documents.archive import Unpacker
from seminar_rag.errors import SourceError
from seminar_rag.index.store import Store
from seminar_rag.ingest.pipeline import Ingestor, Network
from seminar_rag.ingest.sources import page_text, read_list, read_source
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.types import Syllabus
from seminar_rag.types.ingest import IngestReport
from seminar_rag.web.fetch import Fetcher
from seminar_rag.web.zotero import headers, place_at
from zotero_web import API, PlayedZotero

pytestmark = pytest.mark.slow

COURSE = "https://www.zotero.org/groups/77/coastal_studies/collections/COASTAAA/collection"
HARBOURS = "Harbours that Remember Their Ships"
KEY = "P9NiFoyLeZu2bZNvvuQPDWsd"
BLOG = "The harbour keeps the patterns of every ship that ever came into it from the sea. " * 6


def names(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"creatorType": "author", "firstName": one, "lastName": two} for one, two in pairs]


def coast(**how: str) -> PlayedZotero:
    """A seminar of three sessions, as an instructor keeps it."""
    one = PlayedZotero(**how)  # type: ignore[arg-type]
    one.collection("COASTAAA", "The Coast, Spring 2026")
    one.collection("WEEK10AA", "Week 10: Wrecks", "COASTAAA")
    one.collection("WEEK2AAA", "Week 2 – Lights (Feb 3)", "COASTAAA")
    one.collection("WEEK1AAA", "Week 1: Harbours", "COASTAAA")
    one.collection("FURTHERA", "Further reading", "WEEK2AAA")
    one.collection("ELSEWHER", "Another course")
    one.item(
        "OKAFOR14",
        "Harbours that <i>Remember</i> Their Ships",
        "WEEK1AAA",
        "COASTAAA",
        creators=[
            *names(("Ngozi", "Okafor"), ("Marta", "López")),
            {"creatorType": "editor", "firstName": "Al", "lastName": "Editor"},
        ],
        date="June 2014",
        url="https://coast.test/harbours",
        DOI="10.5555/harbours",
        publicationTitle="Journal of Tides",
        abstractNote="We ask at some length what a harbour remembers of the ships it held.",
    )
    one.item(
        "BRANDT19", "What a Lighthouse Measures", "WEEK2AAA", creators=names(("Ilse", "Brandt"))
    )
    one.item("SCANNED1", "Brandt 2019.pdf", itemType="attachment", parentItem="BRANDT19",
             linkMode="imported_file", contentType="application/pdf")  # fmt: skip
    one.item("NOTENOTE", "", itemType="note", parentItem="BRANDT19", note="<p>Ask Ilse.</p>")
    one.item("TANAKA21", "Ropes and Knots in Practice", "FURTHERA", itemType="preprint",
             creators=[{"creatorType": "author", "name": "Coast Guard"}],
             archiveID="arXiv:2101.00042")  # fmt: skip
    one.item("RUIZ2011", "Tides and Their Tables", "WEEK10AA", tags=[{"tag": "optional"}],
             itemType="book", creators=names(("Ana", "Ruiz")))  # fmt: skip
    one.item("LINKED01", "The tables", itemType="attachment", parentItem="RUIZ2011",
             linkMode="linked_url", url="https://coast.test/tables.pdf")  # fmt: skip
    one.item("BLOGPOST", "On Wrecks", "WEEK10AA", itemType="blogPost", url="https://coast.test/wrecks",
             tags=[{"tag": "Recommender systems"}])  # fmt: skip
    one.item("OTHERONE", "Of another course", "ELSEWHER")
    return one


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as one:
        yield one


@pytest.fixture
def fetch(web: Web, tmp_path: Path) -> Iterator[Callable[..., Fetcher]]:
    made: list[Fetcher] = []

    def make(key: str = "", **how: object) -> Fetcher:
        made.append(
            Fetcher(
                tmp_path / "web",
                credentials=headers(key),
                pause=0.0,
                pauses={},
                transport=web.transport(),
                resolve=web.resolve,
                **how,  # type: ignore[arg-type]
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def listed(read: Syllabus) -> list[tuple[int, str, list[tuple[str, str]]]]:
    return [
        (one.number, one.title, [(each.label, each.section) for each in one.readings])
        for one in read.sessions
    ]


def test_collections_are_sessions_and_their_items_readings(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    coast().serve(web)
    read = read_list(COURSE, fetch())
    assert read.title == "The Coast, Spring 2026"
    assert listed(read) == [
        (1, "Harbours", [("Harbours that Remember Their Ships", "required")]),
        (
            2,
            "Lights",
            [("What a Lighthouse Measures", "required"), ("Ropes and Knots in Practice", "more")],
        ),
        (10, "Wrecks", [("Tides and Their Tables", "more"), ("On Wrecks", "required")]),
    ]
    assert read.sessions[1].date == "Feb 3"
    readings = [one for session in read.sessions for one in session.readings]
    assert [one.authors for one in readings] == [
        "Ngozi Okafor, Marta López",
        "Ilse Brandt",
        "Coast Guard",
        "Ana Ruiz",
        None,
    ]
    assert [one.kind for one in readings] == ["paper", "paper", "paper", "book", "article"]
    assert readings[0].urls == ("https://coast.test/harbours", "https://doi.org/10.5555/harbours")
    assert readings[1].urls == (f"https://{API}/groups/77/items/SCANNED1/file",)
    assert readings[2].arxiv_id == "2101.00042"
    assert readings[3].urls == ("https://coast.test/tables.pdf",)
    assert "what a harbour remembers" in (readings[0].abstract or "")


def test_what_the_desk_shows_of_a_collection_is_its_list(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    coast().serve(web)
    read_list(COURSE, fetch())
    before = web.count()
    shown = page_text(COURSE, fetch())
    assert "Ngozi Okafor, Marta López. Harbours that Remember Their Ships" in shown.lines
    assert web.count() == before


def test_a_collection_without_others_in_it_is_one_session(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    coast().serve(web)
    url = "https://www.zotero.org/groups/77/coastal_studies/collections/WEEK2AAA"
    assert listed(read_list(url, fetch())) == [
        (
            2,
            "Lights",
            [("What a Lighthouse Measures", "required"), ("Ropes and Knots in Practice", "more")],
        )
    ]


def test_a_group_is_a_course_with_all_its_collections(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    one = PlayedZotero()
    for key, name in (("UNITBBBB", "Unit B"), ("UNITAAAA", "Unit A")):
        one.collection(key, name)
    one.collection("MEMORYAA", "Memory", "UNITAAAA")
    one.collection("ATTENTIO", "Attention", "UNITBBBB")
    one.item("LOOSE001", "A Reading of the Whole Course")
    one.item("MEMORY01", "Remembering Ships", "MEMORYAA")
    one.item("ATTEND01", "Watching Ships", "ATTENTIO")
    one.serve(web)
    read = read_list("https://www.zotero.org/groups/77/coastal_studies", fetch())
    assert read.title == "Coastal Studies"
    assert [(one.title, [each.label for each in one.readings]) for one in read.sessions] == [
        ("General", ["A Reading of the Whole Course"]),
        ("Memory", ["Remembering Ships"]),
        ("Attention", ["Watching Ships"]),
    ]


def test_sessions_that_are_days_are_in_the_order_of_the_term(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    one = PlayedZotero()
    one.collection("COASTAAA", "The Coast")
    for n, day in enumerate(("Jan 12: Ice", "Nov 3: Fog", "10 October: Rain", "Dec 1: Snow")):
        one.collection(f"SESSION{n}", day, "COASTAAA")
        one.item(f"READING{n}", f"A Study of {day[-4:]}", f"SESSION{n}")
    one.serve(web)
    read = read_list(COURSE, fetch())
    assert [session.title for session in read.sessions] == ["Rain", "Fog", "Snow", "Ice"]


def test_all_pages_of_a_long_collection_are_asked_for(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    one = PlayedZotero()
    one.collection("COASTAAA", "The Coast")
    for n in range(230):
        one.item(f"ITEM{n:04}", f"Study number {n}", "COASTAAA")
    one.serve(web)
    (session,) = read_list(COURSE, fetch()).sessions
    assert [each.label for each in session.readings] == [f"Study number {n}" for n in range(230)]
    assert sum("/items?" in seen.path for seen in web.seen) == 3


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", r"make a key at .*settings/keys .*\[zotero\] key"),
        ("wrong-key-wrong-key", "give the key"),
    ],
)
def test_a_library_that_is_closed_says_what_key_it_wants(
    web: Web, fetch: Callable[..., Fetcher], key: str, said: str
) -> None:
    coast(key=KEY).serve(web)
    with pytest.raises(SourceError, match=said) as error:
        read_list(COURSE, fetch(key))
    assert not key or key not in str(error.value)
    assert len(listed(read_list(COURSE, fetch(KEY)))) == 3  # nothing of the refusal is kept


def test_a_key_is_shown_to_zotero_alone_and_never_kept(
    web: Web, fetch: Callable[..., Fetcher], tmp_path: Path
) -> None:
    one = coast(key=KEY, library="users/475425")
    one.files["SCANNED1"] = redirect("https://files.test/brandt.pdf")
    one.serve(web)
    web.put("https://files.test/brandt.pdf", Page(b"%PDF-1.4 text", type="application/pdf"))
    url = "https://www.zotero.org/ada_lovelace/collections/COASTAAA"
    fetcher = fetch(KEY)
    read = read_list(url, fetcher)
    (file,) = read.sessions[1].readings[0].urls
    assert fetcher.fetch(file).kind == "pdf"
    assert {seen.host for seen in web.seen if KEY in seen.headers.values()} == {API}
    kept = [path.read_bytes() for path in (tmp_path / "web").rglob("*") if path.is_file()]
    assert kept
    assert not any(KEY.encode() in data for data in kept)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://www.zotero.org/groups/77/x/collections/NOTTHERE", "no collection at .*copy its"),
        ("https://www.zotero.org/groups/99/x", "no collection at"),
        ("https://www.zotero.org/ada_lovelace/library", "names no collection"),
        ("https://www.zotero.org/ada_lovelace/collections/COASTAAA", "names a user by name"),
    ],
)
def test_an_address_of_nothing_says_what_to_give(
    web: Web, fetch: Callable[..., Fetcher], url: str, said: str
) -> None:
    coast().serve(web)
    with pytest.raises(SourceError, match=said):
        read_list(url, fetch())


def test_a_name_of_somebody_else_than_the_key_s_owner_is_told(
    web: Web, fetch: Callable[..., Fetcher]
) -> None:
    coast(key=KEY, library="users/475425").serve(web)
    with pytest.raises(SourceError, match="belongs to “Ada Lovelace”"):
        read_list("https://www.zotero.org/babbage/collections/COASTAAA", fetch(KEY))


def test_zotero_is_given_the_time_that_it_asks_for(web: Web, fetch: Callable[..., Fetcher]) -> None:
    one = coast()
    one.serve(web)
    slept: list[float] = []
    busy = Page(b"", 429, headers=(("Retry-After", "7"),), etag=False)
    first = one.answer("/groups/77/collections/COASTAAA?v=3", {})
    slower = Page(first.body, headers=(*first.headers, ("Backoff", "11")), etag=False)
    web.script(f"https://{API}/groups/77/collections/COASTAAA", busy, slower)
    read_list(COURSE, fetch(sleep=slept.append))
    assert [round(wait) for wait in slept[:2]] == [7, 11]


def test_places_of_all_forms_of_addresses() -> None:
    known = {
        "https://www.zotero.org/groups/77/c/collections/ABCD1234/items/XY/collection": "groups/77",
        "https://www.zotero.org/groups/77/coast/items/collectionKey/ABCD1234": "groups/77",
        "https://api.zotero.org/groups/77/collections/ABCD1234": "groups/77",
        "https://www.zotero.org/users/5/collections/ABCD1234": "users/5",
        "https://zotero.org/ada/collections/ABCD1234/library": "",
    }
    for url, library in known.items():
        place = place_at(url)
        assert place is not None
        assert (place.library, place.key) == (library, "ABCD1234"), url
    group = place_at("https://www.zotero.org/groups/77/coast/library")
    assert group is not None
    assert group.key == ""
    assert place_at("https://uni.edu/zotero.org/groups/77") is None


# --- as a course --------------------------------------------------------------------------------


@pytest.fixture
def ingest(
    web: Web, tmp_path: Path, embedder: HashEmbedder, fetch: Callable[..., Fetcher]
) -> Callable[[Store], IngestReport]:
    def run(store: Store) -> IngestReport:
        made: Any = PlainParser()
        with store.writer():
            ingestor = Ingestor(store, embedder, made, network=Network(fetch))
            return ingestor.ingest(COURSE)

    return run


def test_what_changed_at_zotero_is_brought_in_and_nothing_else_asked_for(
    web: Web, store: Store, ingest: Callable[[Store], IngestReport]
) -> None:
    one = coast()
    one.serve(web)
    for name, title in (
        ("harbours", "Harbours that Remember Their Ships"),
        ("wrecks", "On Wrecks"),
    ):
        web.put(f"https://coast.test/{name}", html(title, BLOG))
    ingest(store)
    before = store.catalogue()
    assert [session.number for session in before.sessions] == [1, 2, 10]
    assert {"Harbours that Remember Their Ships", "On Wrecks"} <= {
        each.title for session in before.sessions for each in session.readings
    }

    web.seen.clear()
    assert ingest(store).fetched == 0
    assert {seen.status for seen in web.seen if seen.host == API and "file" not in seen.path} == {
        304
    }

    one.version += 1
    one.items["BLOGPOST"] |= {"title": "On Wrecks and Salvage", "version": one.version}
    ingest(store)
    after = store.catalogue()
    titles = [each.title for session in after.sessions for each in session.readings]
    assert "On Wrecks and Salvage" in titles
    assert "On Wrecks" not in titles
    kept = set(before.records) & set(after.records)
    assert {before.records[id_].document.title for id_ in kept} >= {
        "Harbours that Remember Their Ships"
    }


def test_where_zotero_cannot_be_reached_nothing_is_lost(
    web: Web, store: Store, ingest: Callable[[Store], IngestReport], tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="check the network"):
        ingest(store)
    coast().serve(web)
    ingest(store)
    before = store.catalogue().sessions
    del web.sites[API]
    report = ingest(store)
    assert any("an earlier copy was taken" in note for note in report.notes)
    assert store.catalogue().sessions == before


def test_a_source_is_named_by_its_address(web: Web, fetch: Callable[..., Fetcher]) -> None:
    coast().serve(web)
    with Unpacker() as unpacker:
        found = read_source(COURSE, fetch(), unpacker)
    assert found.name == COURSE
    assert found.root is None
    assert found.syllabus is not None
    assert {one.url for one in found.syllabus.sessions} == {COURSE}
