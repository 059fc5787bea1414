"""The table of states: what is told while an ingest goes on, and how long it will take."""

from __future__ import annotations

from pathlib import Path

from fakes import Clock
from seminar_rag.ingest.plan import PlannedDocument
from seminar_rag.ingest.states import DocumentProgress, ProgressTable
from seminar_rag.types import Block, Document, ParsedDocument
from seminar_rag.types.ingest import DocumentOutcome, Progress


def job(name: str, text: str = "") -> PlannedDocument:
    document = Document(name, "paper" if not text else "notes", "r", name)
    file = None if text else Path(f"{name}.pdf")
    return PlannedDocument(document, "", name, (Block(text),) if text else (), file)


def store(table: ProgressTable, row: DocumentProgress, passages: int) -> None:
    table.embed(passages, 1.0)
    table.finish(row, DocumentOutcome("new", row.document, passages))


def test_a_document_goes_through_the_states() -> None:
    told: list[Progress] = []
    table = ProgressTable(told.append)
    table.want("r", "A reading")
    assert table.wanted == {"r"}
    assert not table.finished
    table.looking_up("r")
    table.looked_up("r", "paper")
    assert table.finished, "nothing was found, so nothing is left to do"
    row = table.add(job("a"))
    assert (row.state, table.finished) == ("fetched", False)
    row.parsed(ParsedDocument("Its own title", (Block("x" * 1700),), 3), "a")
    assert (row.state, row.passages, row.document.title) == ("parsed", 2, "a")
    store(table, row, 3)
    assert (row.state, row.passages, table.finished) == ("stored", 3, True)
    assert [(one.stage, one.done, one.total) for one in told] == [
        ("fetching", 0, 1),
        ("found", 1, 1),
        ("embedding", 0, 1),
        ("indexed", 1, 1),
    ]


def test_documents_that_are_kept_do_not_count() -> None:
    told: list[Progress] = []
    table = ProgressTable(told.append)
    known = job("known")
    table.keep(known, DocumentOutcome("unchanged", known.document, 70))
    store(table, table.add(job("notes", "words " * 40)), 1)
    assert (told[-1].done, told[-1].total, told[-1].passages) == (1, 1, 1)
    assert [one.change for one in table.outcomes] == ["unchanged", "new"]


def test_time_left_comes_from_passages() -> None:
    clock = Clock()
    table = ProgressTable(clock=clock)
    assert table.seconds_left == 0.0
    clock.now = 100.0
    first, second = table.add(job("a")), table.add(job("b"))
    assert table.seconds_left is None, "there is no pace yet"
    clock.now = 110.0
    store(table, first, 50)
    # The other document is expected to have as many passages as the first one.
    assert (table.passages_left, table.seconds_left) == (50, 10.0)
    second.parsed(ParsedDocument(None, (Block("x" * 8000),)), "b")
    assert (table.passages_left, table.seconds_left) == (10, 2.0)


def test_time_left_for_lookups_comes_from_their_own_pace() -> None:
    clock = Clock()
    table = ProgressTable(clock=clock)
    for number in range(10):
        table.want(str(number), "A reading")
    clock.now = 60.0  # the first answer of a slow host says nothing of the others
    table.looked_up("0", "nothing")
    assert table.seconds_left is None
    for number in (1, 2, 3):
        clock.now += 2.0
        table.looked_up(str(number), "nothing")
    assert table.seconds_left == 12.0, "six readings at two seconds each"
    store(table, table.add(job("notes", "words " * 40)), 1)
    assert table.seconds_left == 12.0, "one stored passage makes no reading longer"


def test_the_first_short_text_of_many_tells_no_time() -> None:
    clock = Clock()
    table = ProgressTable(clock=clock)
    rows = [table.add(job(str(number))) for number in range(30)]
    clock.now = 60.0  # most of which was the model being loaded
    store(table, rows[0], 1)
    assert table.seconds_left is None
    store(table, rows[1], 1)
    store(table, rows[2], 1)
    assert table.seconds_left == 27 * 20.0


def test_nothing_is_left_once_all_is_stored_however_slow_it_was() -> None:
    clock = Clock()
    told: list[Progress] = []
    table = ProgressTable(told.append, clock)
    rows = [table.add(job(name)) for name in "abc"]
    clock.now = 2700.0
    for row in rows:
        store(table, row, 10)
    assert told[-1].left == 0.0
    assert table.finished


def test_a_document_of_which_more_is_known_has_one_row() -> None:
    table = ProgressTable()
    table.add(job("a", "old"))
    table.add(job("a", "new"))
    assert [row.blocks[0].text for row in table.in_state("parsed")] == ["new"]
