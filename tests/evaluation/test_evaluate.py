from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from check import scripted
from seminar_rag.errors import SourceError
from seminar_rag.evaluation.evaluate import (
    QuoteMatcher,
    judge_citations,
    outcomes,
    place,
    supports,
    verified,
)
from seminar_rag.evaluation.page import render_page
from seminar_rag.evaluation.questions import Question, read_questions
from seminar_rag.evaluation.report import (
    Earlier,
    Figure,
    QualityReport,
    make_report,
    mean,
    ratio,
    read_earlier,
    render_table,
    to_json,
)
from seminar_rag.types import (
    Answer,
    AnswerEvent,
    Citation,
    Document,
    Event,
    Hit,
    HitsEvent,
    Passage,
    TokenEvent,
    Turn,
)
from shared_data import SHARED

TEXT = """# Caches
A **rolling** cache keeps [the latest](https://example.org) keys.
Older keys are
overwritten in turn.

# Routers
A router picks two experts."""
CACHE, ROUTER = "keeps [the latest](https://example.org) keys.", "A router picks two experts."
DOCUMENT = Document("d", "notes", "d", "Notes", path="folder/notes.md")


def passage(id_: str, start: str, end: str, text: str) -> Passage:
    """The passage from the words `start` through `end` of TEXT, cleaned as `text`."""
    a, b = TEXT.index(start), TEXT.index(end) + len(end)
    return Passage(id_, "d", 0, text, "", a, b, None, ())


ONE = passage(
    "one", "A **rolling", "in turn.", "A rolling cache keeps the latest keys. Older keys go."
)
TWO = passage("two", "A router", "experts.", ROUTER)


def hit(one: Passage) -> Hit:
    return Hit(one, DOCUMENT, 1.0, 0.5)


def cite(number: int, one: Passage, quote: str) -> Citation:
    return Citation(number, DOCUMENT, one, quote, None)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "notes.md").write_text(TEXT, encoding="utf-8")
    return tmp_path


def question(*quotes: str, id_: str = "q", unanswerable: str | None = None) -> Question:
    evidence = tuple(("notes.md", quote) for quote in quotes)
    return Question(id_, "What does a cache keep?", "factoid", evidence, (), False, unanswerable)


# matching


def test_a_passage_holds_what_it_covers_half_of(docs: Path) -> None:
    evidence = QuoteMatcher(docs)
    assert evidence.held(question(CACHE, ROUTER), ONE, "folder/notes.md") == {0}
    assert evidence.held(question(CACHE), ONE, "folder/other.md") == set()
    half = passage("half", "A **rolling", "Older keys are", "")
    assert evidence.held(question("Older keys are overwritten in turn."), half, "notes.md") == set()


def test_the_ranks_are_where_any_and_where_all_quotes_are_held(docs: Path) -> None:
    evidence = QuoteMatcher(docs)
    assert evidence.ranks(question(CACHE, ROUTER), [hit(ONE), hit(ONE), hit(TWO)]) == (1, 3)
    assert evidence.ranks(question(CACHE, ROUTER), [hit(ONE)]) == (1, None)
    assert evidence.ranks(question(ROUTER), [hit(ONE), hit(TWO)]) == (2, 2)
    assert evidence.ranks(question(ROUTER), [hit(ONE)]) == (None, None)


def test_cited_sentences_are_placed_in_spite_of_markup(docs: Path) -> None:
    evidence = QuoteMatcher(docs)
    whole = cite(1, ONE, "A rolling cache keeps the latest keys.")
    assert evidence.quoted(question(CACHE), [whole]) == {0}
    assert evidence.quoted(question(CACHE), [cite(1, ONE, "Older keys are overwritten")]) == set()


def test_two_citations_hold_a_quote_together(docs: Path) -> None:
    evidence = QuoteMatcher(docs)
    both = question("Older keys are\noverwritten in turn.")
    parts = [cite(1, ONE, "Older keys are"), cite(1, ONE, "in turn.")]
    assert evidence.quoted(both, parts[:1]) == set()
    assert evidence.quoted(both, parts) == {0}


def test_what_is_not_there_has_an_empty_place() -> None:
    assert place(TEXT, 0, len(TEXT), "bananas are yellow") == (0, 0)
    assert place(TEXT, 5, 20, "…") == (5, 5)


def test_a_quote_that_is_not_in_its_document_is_an_error(docs: Path) -> None:
    with pytest.raises(SourceError, match="“bananas” is not in its document — copy it"):
        QuoteMatcher(docs).held(question("bananas"), ONE, "notes.md")


def test_evidence_is_looked_up_before_anything_is_asked(docs: Path) -> None:
    asked: list[str] = []

    def search(query: str, k: int) -> list[Hit]:
        asked.append(query)
        return []

    wrong = replace(question(CACHE, "bananas", id_="q7"), line=3)
    with pytest.raises(SourceError, match=r"^line 3 \(question q7\): the quote “bananas” is not"):
        list(outcomes(ask, search, [question(CACHE), wrong], docs))
    missing = replace(wrong, evidence=(("other.md", "x"),))
    with pytest.raises(SourceError, match=r"line 3 .*other\.md cannot be read"):
        list(outcomes(ask, search, [missing], docs))
    assert asked == []


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"notes\.md cannot be read"):
        QuoteMatcher(tmp_path).held(question(CACHE), ONE, "notes.md")


# citations


def rulings(text: str, *citations: Citation) -> list[tuple[bool, int, int]]:
    answer = Answer("?", text, "test", citations=citations)
    return [(r.recall, r.cited, r.precise) for r in judge_citations(answer)]


def test_a_supported_sentence_has_recall_and_precision() -> None:
    assert rulings(f"“{ROUTER}” [1]", cite(1, TWO, ROUTER)) == [(True, 1, 1)]


def test_a_needless_citation_is_imprecise() -> None:
    both = cite(1, TWO, ROUTER), cite(2, ONE, "A rolling cache")
    assert rulings(f"{ROUTER} [1][2]", *both) == [(True, 2, 1)]


def test_an_unsupported_or_uncited_sentence_has_no_recall() -> None:
    assert rulings("Bananas are grown in the north. [1]", cite(1, TWO, ROUTER)) == [(False, 1, 0)]
    assert rulings("Bananas are grown in the north.") == [(False, 0, 0)]


def test_a_lead_is_not_judged() -> None:
    assert rulings(f"From Notes:\n\n“{ROUTER}” [1]", cite(1, TWO, ROUTER)) == [(True, 1, 1)]


def test_support_needs_the_numbers_too() -> None:
    said = "Here it has 7 experts"
    seven = [cite(1, replace(TWO, text=said), said)]
    assert supports("It has 7 experts here", seven)
    assert not supports("It has 8 experts here", seven)


def test_the_verifier_of_the_answers_judges_their_citations() -> None:
    verifier = scripted.ScriptedVerifier({"router": "supported", "caches": "partly"})
    one, two = scripted.hit("one", CACHE).passage, scripted.hit("two", ROUTER).passage
    answer = Answer("?", "It has a router [1]. It caches [1][2].", "test",
                    citations=(cite(1, two, ROUTER), cite(2, one, CACHE)))  # fmt: skip
    judged = judge_citations(answer, verified(verifier))
    assert [(r.recall, r.cited, r.precise) for r in judged] == [(True, 1, 1), (False, 2, 0)]
    assert [passages for _, passages, _ in verifier.asked][-1] == (two.id, one.id)


# figures


def test_the_interval_holds_the_value_and_narrows_with_n() -> None:
    few, many = mean([1, 0] * 5), mean([1, 0] * 200)
    assert few.value == many.value == 0.5
    assert few.low < 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    assert (few.n, many.n) == (10, 400)


def test_a_certain_figure_has_no_width_and_none_is_zero() -> None:
    assert mean([1, 1, 1]) == Figure(1.0, 1.0, 1.0, 3)
    assert mean([]) == Figure(0.0, 0.0, 0.0, 0)


def test_a_ratio_weighs_by_what_it_counts() -> None:
    assert ratio([(1, 1), (0, 3), (0, 0)]).value == 0.25
    assert ratio([(1, 1), (0, 3)]).n == 4


# a run

GOOD = question(CACHE, id_="good")
MISSED = question(ROUTER, id_="missed")
REFUSED = question(id_="refused", unanswerable="off_topic")
WRONG = question(id_="wrong", unanswerable="on_topic")


def ask(text: str, history: Sequence[Turn]) -> Iterator[Event]:
    """Every question is answered from the first passage, the third is refused."""
    said = f"“{ONE.text}” [1]"
    yield HitsEvent(text, (hit(ONE),))
    yield TokenEvent(said)
    yield AnswerEvent(Answer(text, said, "test", citations=(cite(1, ONE, ONE.text[:38]),)))


def refuse(text: str, history: Sequence[Turn]) -> Iterator[Event]:
    yield AnswerEvent(Answer(text, "The readings don't say.", "test", abstained=True))


@pytest.fixture
def report(docs: Path) -> QualityReport:
    turns = itertools.cycle([ask, ask, refuse, ask])
    ticks = itertools.count()
    told = outcomes(
        lambda text, history: next(turns)(text, history),
        lambda query, k: [hit(ONE), hit(TWO)][:k],
        [GOOD, MISSED, REFUSED, WRONG],
        docs,
        confidence=lambda query, hits: 0.5,
        clock=lambda: float(next(ticks)),
    )
    return make_report(list(told))


def test_a_run_tells_retrieval_answers_and_refusals(report: QualityReport) -> None:
    figures = report.figures
    assert figures["retrieval"]["R@1"].value == 0.5
    assert figures["retrieval"]["R@3"].value == 1.0
    assert figures["retrieval"]["MRR"].value == 0.75
    assert figures["retrieval"]["recall@1500tok"].value == 1.0
    assert figures["answer"]["evidence"].value == 0.5
    assert figures["answer"]["citation_precision"].value == 1.0
    assert figures["abstention"]["off_topic"].value == 1.0
    assert figures["abstention"]["on_topic"].value == 0.0
    assert figures["abstention"]["injection"].n == 0
    assert figures["abstention"]["false_refusals"].value == 0.0
    assert figures["latency_ms"]["retrieval_p50"].value == 1000.0
    assert [one.good for one in report.outcomes] == [True, False, True, False]


def test_evidence_beyond_the_context_does_not_count(docs: Path) -> None:
    told = outcomes(
        ask,
        lambda query, k: [hit(ONE), hit(TWO)],
        [GOOD, MISSED],
        docs,
        count=lambda text: 1000,
    )
    assert make_report(list(told)).figures["retrieval"]["recall@1500tok"].value == 0.5


def test_the_curve_starts_with_the_most_confident_and_leaves_refusals_out(
    report: QualityReport,
) -> None:
    assert [coverage for coverage, _ in report.curve] == [0.25, 0.5, 0.75]
    assert report.curve[0][1] == 0.0
    assert report.curve[-1][1] == pytest.approx(2 / 3)


GROUPS = {
    "retrieval": {"R@1", "R@3", "R@5", "R@10", "R@20", "recall@1500tok", "MRR"},
    "answer": {"evidence", "citation_precision", "citation_recall", "tokens"},
    "abstention": {"on_topic", "off_topic", "injection", "false_refusals"},
    "latency_ms": {
        f"{what}_p{level}" for what in ("retrieval", "first_token", "answer") for level in (50, 95)
    },
}


def test_json_has_every_figure_with_its_interval(report: QualityReport) -> None:
    told = to_json(report, {"answers by": "a script"})
    assert told["about"] == {"answers by": "a script"}
    for group, names in GROUPS.items():
        assert told[group].keys() == names
    by_type = told["by_type"]["plainly worded"]
    assert by_type.keys() == GROUPS["retrieval"] | {"evidence"}
    for figure in (*told["retrieval"].values(), *told["latency_ms"].values(), *by_type.values()):
        assert figure.keys() == {"value", "low", "high", "n"}
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert len(told["risk_coverage"]) == 3


def test_json_comes_back_as_an_earlier_run(report: QualityReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(to_json(report)), encoding="utf-8")
    before = read_earlier(path)
    assert before.figures["retrieval"]["R@1"].value == 0.5
    assert before.figures["answer"].keys() == report.figures["answer"].keys()
    assert before.by_type["plainly worded"]["R@3"].value == 1.0
    assert before.good == {"good": True, "missed": False, "refused": True, "wrong": False}


def test_json_tells_what_was_wanted_found_and_said(report: QualityReport) -> None:
    told = to_json(report)["questions"]
    assert [one["id"] for one in told] == ["good", "missed", "refused", "wrong"]
    assert told[0]["wanted"] == [{"doc": "notes.md", "quote": CACHE}]
    assert told[0]["citations"][0]["quote"] == "A rolling cache keeps the latest keys."
    assert {"reason", "restricted", "verdicts", "answer"} <= told[0].keys()
    assert [(one["passage"], one["holds_evidence"]) for one in told[0]["hits"]] == [
        ("one", True),
        ("two", False),
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"retrieval": {}}', '{"retrieval": {"R@1": 1}}'])
def test_a_foreign_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="no report of an earlier evaluation — write one"):
        read_earlier(path)
    with pytest.raises(SourceError, match=r"none\.json does not exist — write it with --json"):
        read_earlier(tmp_path / "none.json")


EARLIER = Earlier(
    {"retrieval": {"R@1": Figure(0.2, 0.1, 0.3, 4), "R@3": Figure(1.0, 1.0, 1.0, 4)}},
    {"plainly worded": {"R@1": Figure(0.6, 0.4, 0.8, 4)}},
    {"good": False, "missed": True, "refused": True, "gone": True},
)


def test_the_table_compares_with_an_earlier_run(report: QualityReport) -> None:
    lines = render_table(report, EARLIER).splitlines()
    assert next(line for line in lines if line.startswith("  R@1 ")).endswith(
        "n=2         +0.300 *"
    )
    assert next(line for line in lines if line.startswith("  R@3 ")).endswith("n=2         =")
    typed = next(line for line in lines if line.startswith("  plainly worded"))
    assert "0.500 −0.100" in typed
    assert lines[-4:] == [
        "  * leaves the earlier 95% interval",
        "  as wished now, not then: 1 (good)",
        "  as wished then, not now: 1 (missed)",
        "  not asked in both runs, so the figures compare less: 2 questions",
    ]


def test_the_table_alone_has_no_changes_and_says_where_nothing_was_counted(
    report: QualityReport,
) -> None:
    table = render_table(report)
    assert "earlier" not in table
    assert next(one for one in table.splitlines() if "injection" in one).split()[1:] == [
        "–",
        "none",
        "of",
        "these",
    ]


@pytest.mark.slow
def test_the_page_is_one_file_and_escapes_what_it_shows(docs: Path) -> None:
    nasty = "<script>alert(1)</script>"

    def answer(text: str, history: Sequence[Turn]) -> Iterator[Event]:
        yield AnswerEvent(Answer(text, nasty, "test"))

    told = make_report(list(outcomes(answer, lambda query, k: [], [GOOD], docs)))
    page = render_page(told, Earlier(told.figures, told.by_type, {"good": True}), {nasty: nasty})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    loaded = re.findall(r"(?:src|href)=[\"'](?!#)", page)
    assert (loaded, "@import" in page, "url(http" in page) == ([], False, False)
    assert page.count("<svg") == 5  # no risk and coverage without a confidence


@pytest.mark.slow
def test_the_page_tells_of_each_question_what_was_wanted_and_came(report: QualityReport) -> None:
    page = render_page(report, EARLIER)
    assert page.count("<th>type") == 1
    assert "<tr><td>plainly worded<td class=n>" in page
    assert page.count("<svg") == 6
    assert 'aria-label="Risk and coverage"' in page
    assert f"<blockquote>{CACHE} <small>(notes.md)" in page
    assert "<p>Wanted: a refusal." in page
    assert "<li><b class=good>✓</b> Notes" in page
    assert "As wished then, not now: 1<ul><li>" in page
    assert page.index("(missed, ") < page.rindex("(good, ")  # what went wrong comes first


@pytest.mark.slow
def test_the_plots_are_the_same_every_time_and_take_the_pages_colour(report: QualityReport) -> None:
    page = render_page(report)
    assert page == render_page(report)
    assert "currentColor" in page
    assert "#010203" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_stream_without_an_answer_is_an_error(docs: Path) -> None:
    with pytest.raises(ValueError, match="without an answer"):
        list(outcomes(lambda text, history: iter(()), lambda query, k: [], [GOOD], docs))


@pytest.mark.skipif(
    not (SHARED / "questions/dev.jsonl").exists(), reason="no shared questions beside the checkout"
)
def test_every_quote_of_the_labelled_questions_is_in_its_document() -> None:
    questions = read_questions(SHARED / "questions/dev.jsonl")
    evidence = QuoteMatcher(SHARED / "course/posts")
    for one in questions:
        for name in {name for name, _ in one.evidence}:
            everything = Passage("all", "d", 0, "", "", 0, 10**9, None, ())
            held = evidence.held(one, everything, name)
            assert held >= {i for i, (doc, _) in enumerate(one.evidence) if doc == name}


def test_a_quotation_is_supported_whatever_the_verifier_makes_of_it() -> None:
    verifier = scripted.ScriptedVerifier({"router": "partly"})
    assert verified(verifier)("A router picks two experts.", [cite(1, TWO, ROUTER)])
    assert not verifier.asked
