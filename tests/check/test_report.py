from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from check.scripted import ScriptedVerifier, Shelf, hit
from seminar_rag.check.readings import Readings, likeness
from seminar_rag.check.references import entry
from seminar_rag.check.report import Checker, works_of
from seminar_rag.cli.asking import text_lines
from seminar_rag.course import Course
from seminar_rag.types import WORDS_ONLY, Cited, Document, Scope, VerdictLabel
from seminar_rag.types.as_json import report_json
from seminar_rag.types.catalogue import Catalogue, ListedReading, ListedSession, Record
from seminar_rag.types.check import Report, Work
from seminar_rag.ui.export.check_report import to_html

TEXTS = Path(__file__).parent / "texts"
LORA = Work("lora", "LoRA: Low-Rank Adaptation of Large Language Models",
            "Edward J. Hu, Yelong Shen", "2106.09685")  # fmt: skip
COT = Work("cot", "Chain-of-Thought Prompting Elicits Reasoning in Large Language Models",
           "Jason Wei, Xuezhi Wang", "2201.11903")  # fmt: skip
FLAN = Work("flan", "Finetuned Language Models Are Zero-Shot Learners",
            "Jason Wei, Maarten Bosma", "2109.01652")  # fmt: skip
NATURE = Work("nature", "Highly accurate protein structure prediction", "John Jumper",
              urls=("https://doi.org/10.1038/s41586-021-03819-2",))  # fmt: skip
WORKS = (LORA, COT, FLAN, NATURE)


def cited(**given: object) -> Cited:
    return Cited("(mark)", 0, 6, **given)  # type: ignore[arg-type]


def ids(one: Cited) -> list[str]:
    return [work.id for work in Readings(WORKS).match(one).works]


def test_a_work_is_known_by_id_doi_title_or_author_and_year() -> None:
    assert ids(cited(arxiv_id="2106.09685")) == ["lora"]
    assert ids(cited(doi="10.48550/arxiv.2106.09685")) == ["lora"]
    assert ids(cited(doi="10.1038/s41586-021-03819-2")) == ["nature"]
    assert ids(cited(entry="LoRA: low-rank adaptation of large language models.")) == ["lora"]
    assert ids(cited(entry="Lora low rank adaptation of large language model")) == ["lora"]
    assert ids(cited(authors=("Hu",), year=2021)) == ["lora"]
    assert ids(cited(authors=("Hu",), year=2022)) == ["lora"]  # printed a year later
    assert ids(cited(authors=("Hu",), year=2020)) == []
    assert ids(cited(authors=("Shen",), year=2021)) == []  # not the first author
    assert ids(cited(authors=("Wei",), year=2022)) == ["cot", "flan"]
    assert ids(cited(authors=("Wei", "Bosma"), year=2022)) == ["flan"]


def test_a_title_without_its_subtitle_is_the_same_and_another_is_not() -> None:
    assert likeness("A Survey of Agents: Past and Future", "A survey of agents") == 100
    assert likeness("LoRA: Low-Rank Adaptation", "QLoRA: Efficient Finetuning") < 60
    assert ids(cited(entry="Highly accurate protein design")) == []


@pytest.mark.parametrize(
    "listed",
    [
        "1. Jumper, J. et al. Highly accurate protein structure prediction. Nature 596 (2021).",
        "Jumper J, Evans R. Highly accurate protein structure prediction. Nature. 2021;596:583.",
        "J. Jumper, R. Evans, Highly accurate protein structure prediction. Nature 596 (2021).",
        "Jumper, J.; Evans, R. Highly Accurate Protein Structure Prediction. Nature 2021, 596.",
        "John Jumper. 2021. Highly accurate protein structure prediction. Nature 596, (2021), 583.",
        "Jumper, John. “Highly Accurate Protein Structure Prediction.” Nature, 2021, pp. 583–9.",
    ],
)
def test_a_title_is_found_in_an_entry_of_any_style(listed: str) -> None:
    found = entry(listed, 0, len(listed))
    assert ids(found) == ["nature"]
    assert Readings(WORKS).match(replace(found, arxiv_id=LORA.arxiv_id)).problem == "mismatch"
    assert Readings(WORKS[:3]).match(found).reason.endswith("is not among the readings.")


@pytest.mark.parametrize(
    "listed", ["[1] arXiv:2106.09685", "[1] Hu et al. 2021. arXiv:2106.09685."]
)
def test_an_entry_without_a_title_does_not_disagree_with_its_id(listed: str) -> None:
    found = Readings(WORKS).match(entry(listed, 0, len(listed)))
    assert ([work.id for work in found.works], found.problem) == (["lora"], None)


def test_the_text_stands_in_the_report_with_its_marks() -> None:
    report = checked()
    page = to_html(report, "essay", text=TEXT)
    shown = re.search(r'<details class="marked-text".*?</details>', page, re.DOTALL)
    assert shown
    bare = unescape(re.sub(r"<sup.*?</sup>|<summary>.*?</summary>|<[^>]+>", "", shown[0]))
    assert bare.strip() == TEXT.strip(), "nothing is lost or added"
    marked = re.findall(r'href="#(claim-\d+)" data-label="([\w-]+)"[^>]*>([^<]+)<', shown[0])
    assert ("claim-2", "supported", "LoRA freezes the weights [1].") in marked
    assert all(f'<li class="item" id="{one}"' in page for one, *_ in marked)
    assert "I think this is nice" not in " ".join(said for *_, said in marked)


def test_title_and_id_that_disagree_are_told() -> None:
    other_title = Readings(WORKS).match(
        cited(arxiv_id="2106.09685", entry="Deep residual learning of images")
    )
    assert other_title.problem == "mismatch"
    assert "not “Deep residual learning of images”" in other_title.reason
    other_reading = Readings(WORKS).match(cited(arxiv_id="2106.09685", entry=FLAN.title))
    assert "that of another reading" in other_reading.reason
    other_id = Readings(WORKS).match(cited(arxiv_id="2012.00001", entry=LORA.title))
    assert other_id.problem == "mismatch"
    assert "is arXiv 2106.09685, not 2012.00001" in other_id.reason


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (f"{FLAN.title} (arXiv:2106.09685) asks.", FLAN.title),
        (f"As in “{FLAN.title.upper()}” [arXiv:2106.09685].", FLAN.title),
        ("Fine-tuned models (arXiv:2106.09685) ask.", ""),
        (f"{FLAN.title} is cited, and so is another (arXiv:2106.09685).", ""),
    ],
)
def test_the_title_before_an_id_belongs_to_it(text: str, title: str) -> None:
    mark = replace(cited(arxiv_id="2106.09685"), text="arXiv:2106.09685")
    named = Readings(WORKS).named_before(mark, text)
    assert named.title == title
    assert Readings(WORKS).match(named).problem == ("mismatch" if title else None)


def test_who_wrote_a_reading_is_known_from_its_text_where_the_page_is_silent() -> None:
    page = ListedReading("a", "On Mills", None), ListedReading("b", "On Kilns", "C. Potter")
    texts = [
        Document(id_, "paper", id_, "T", by) for id_, by in (("a", "A. Miller"), ("b", "An Other"))
    ]
    records = {one.id: Record(one, "page", "h") for one in texts}
    found = works_of(Catalogue(None, (), (ListedSession(1, "Crafts", readings=page),), records))
    assert [work.authors for work in found] == ["A. Miller", "C. Potter"]


def test_what_is_not_a_reading_is_told_by_its_name() -> None:
    assert Readings(WORKS).match(cited(authors=("Vapnik", "Chervonenkis"), year=1971)).reason == (
        "No reading by Vapnik et al. (1971) is known."
    )
    assert (
        Readings(WORKS)
        .match(cited(arxiv_id="2401.00001"))
        .reason.startswith("arXiv 2401.00001 is not")
    )
    assert Readings(WORKS).match(cited(number=7)).problem == "unlisted"
    assert Readings(WORKS).match(cited(number=7), numbered=False).problem is None


TEXT = """# On adapters

LoRA freezes the weights [1]. LoRA needs more memory [1]. Kernels are kind (Wei et al., 2022).
I think this is nice. Is it?

Nothing is known of unicorns (Vapnik, 1995). Adapters are thin [9].

## References

[1] E. J. Hu, Y. Shen. LoRA: Low-Rank Adaptation of Large Language Models. arXiv:2106.09685, 2021.
"""
LABELS: dict[str, VerdictLabel] = {
    "freezes": "supported",
    "more memory": "contradicted",
    "Kernels": "partly",
    "Adapters are thin": "supported",
}
SHELF = (
    hit("lora", "LoRA freezes the weights.", "It needs less memory."),
    hit("cot", "Kernels are not the subject.", kind="abstract", page=None),
    hit("other", "Adapters are thin."),
)


def checked(text: str = TEXT, labels: dict[str, VerdictLabel] | None = None) -> Report:
    verifier = ScriptedVerifier(LABELS if labels is None else labels)
    checking = Checker(Shelf(*SHELF), verifier, WORKS).check(text)
    assert len(list(checking)) == checking.total
    return checking.report()


def test_every_sentence_has_its_label_and_every_citation_its_holding() -> None:
    report = checked()
    told = {i.claim.text: (i.label, [c.holding for c in i.citations]) for i in report.items}
    assert told["LoRA freezes the weights [1]."] == ("supported", ["holds"])
    assert told["LoRA needs more memory [1]."] == ("contradicted", ["not said"])
    assert told["Kernels are kind (Wei et al., 2022)."] == ("partly", ["partly"])
    assert told["I think this is nice."] == ("not a claim", [])
    assert told["Is it?"] == ("not a claim", [])
    assert told["Nothing is known of unicorns (Vapnik, 1995)."] == ("not found", ["no reading"])
    assert told["Adapters are thin [9]."] == ("supported", ["unlisted"])
    assert told["On adapters"] == ("not a claim", [])
    assert report.items[-1].citations[0].holding == "holds"  # the entry of the reference list
    assert report.failed
    assert report.summary == (
        "5 claims: 2 supported, 1 partly, 1 contradicted, 1 not found; 5 citations:"
        " 1 confirmed, 1 partly, 2 wrong, 1 of works that are not among the readings"
    )


def test_the_built_in_check_confirms_nothing() -> None:
    verifier = ScriptedVerifier(LABELS)
    verifier.name = "built-in"
    checking = Checker(Shelf(*SHELF), verifier, WORKS).check(TEXT)
    next(iter(checking))
    assert checking.report(running=True).summary.endswith(f"1 of {checking.total} sentences so far")
    list(checking)
    report = checking.report()
    assert report.summary == (
        "5 claims: 2 with a similar sentence, 1 partly similar, 1 contradicted, 1 not found;"
        " 5 citations: 1 with a similar sentence, 1 partly similar, 2 wrong,"
        " 1 of works that are not among the readings"
    )
    lines = "\n".join(text_lines(report, 200))
    assert "≈ line 3, similar sentence found: LoRA freezes the weights [1]." in lines
    assert "✓ line 3" not in lines
    assert WORDS_ONLY in lines
    assert report_json(report)["counts"]["supported"] == 2  # programs read the labels
    page = to_html(report, "essay")
    assert '<span aria-hidden="true">≈</span> similar sentence found' in page
    assert page.count("✓") == 1  # the reference list's entry is among the readings
    assert WORDS_ONLY in page


def test_a_citation_is_looked_up_in_its_reading_only() -> None:
    shelf, verifier = Shelf(*SHELF), ScriptedVerifier(LABELS)
    list(Checker(shelf, verifier, WORKS).check("LoRA freezes the weights (Hu et al., 2021)."))
    assert shelf.scopes == [None, Scope(readings=frozenset({"lora"}))]
    assert verifier.asked[-1][1] == ("lora:0",)
    assert "Ada Example" in verifier.asked[-1][2]


def test_each_document_is_taken_by_itself_until_one_supports() -> None:
    shelf = Shelf(
        hit("lora", "LoRA freezes the weights."),
        hit("cot", "The weights are frozen, as LoRA freezes them."),
        hit("other", "Bees fly south."),
    )

    def documents(labels: dict[str, VerdictLabel]) -> list[tuple[str, ...]]:
        verifier = ScriptedVerifier(labels)
        list(Checker(shelf, verifier, ()).check("LoRA freezes the weights."))
        return [passages for _, passages, _ in verifier.asked]

    assert documents({"freezes": "partly"}) == [("lora:0",), ("cot:0",)]  # no word in the third
    assert documents({"freezes": "supported"}) == [("lora:0",)]


def test_a_bare_description_that_says_nothing_fails_no_citation() -> None:
    report = checked("Chains are long (Wei et al., 2022).")
    (item,) = report.items
    assert (item.label, item.citations[0].holding) == ("not found", "unread")
    assert "has only its description" in item.citations[0].reason
    assert not report.failed


def test_what_the_readings_lack_does_not_fail_a_text() -> None:
    report = checked("Unicorns like rain (Vapnik, 1995). Bees fly south.")
    assert {item.label for item in report.items} == {"not found"}
    assert not report.failed
    assert all(item.evidence == () for item in report.items)


def test_evidence_has_its_place() -> None:
    source = checked().items[1].evidence[0]
    assert (source.quote, source.page, source.section) == ("LoRA freezes the weights.", 1, "1 Head")
    assert source.document.sessions == (3,)


def test_a_check_can_be_stopped_and_tells_what_it_has() -> None:
    checking = Checker(Shelf(*SHELF), ScriptedVerifier(LABELS), WORKS).check(TEXT)
    steps = iter(checking)
    next(steps)
    next(steps)
    report = checking.report()
    assert len(report.items) == 2
    assert f"stopped after 2 of {checking.total} sentences" in report.summary


def test_groups_of_claims_keep_their_order_and_what_is_asked_together_goes_to_each() -> None:
    colours = [f"Colour {number} is {'red' if number % 3 else 'blue'}." for number in range(40)]
    shelf = Shelf(hit("one", *colours), hit("two", *colours))
    verifier = ScriptedVerifier({"blue": "supported", "red": "partly"})
    report = Checker(shelf, verifier, ()).check("\n\n".join(colours))
    items = list(report)
    assert [item.claim.text for item in items] == colours
    assert [item.label for item in items] == [
        "partly" if number % 3 else "supported" for number in range(40)
    ]


def test_an_empty_text_is_a_report_too() -> None:
    report = checked("\n\n")
    assert report.items == ()
    assert report.summary == "0 claims"
    assert not report.failed


def test_lines_name_the_verdict_the_place_and_the_citation() -> None:
    lines = "\n".join(text_lines(checked(), 200))
    assert "✗ line 3, contradicted: LoRA needs more memory [1]." in lines
    assert "    Title of lora (session 3), p. 1: “LoRA freezes the weights.”" in lines
    assert "    ✗ [9]: It has no entry in the reference list." in lines
    assert "I think" not in lines
    assert "checked by: scripted" in lines
    assert all(len(line) <= 60 for line in "\n".join(text_lines(checked(), 60)).splitlines())


def test_json_has_places_that_point_into_the_text() -> None:
    told = json.loads(json.dumps(report_json(checked())))
    assert told["failed"] is True
    assert told["counts"]["contradicted"] == 1
    for item in told["items"]:
        if item["kind"] == "claim":
            assert TEXT[item["start"] : item["end"]].split() == item["text"].split()
    (wrong,) = [c for i in told["items"] for c in i["citations"] if c["holding"] == "not said"]
    assert wrong["wrong"] is True
    assert wrong["readings"] == [{"id": "lora", "title": LORA.title}]


def test_the_page_needs_nothing_else_and_is_escaped() -> None:
    hostile = "LoRA freezes <img src=x onerror=alert(1)> weights. </section><script>x</script> is."
    page = to_html(checked(hostile), "<b>essay</b>.md")
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;b&gt;essay&lt;/b&gt;.md" in page
    assert "http" not in page.replace("http-equiv", "")
    assert '<span aria-hidden="true">✓</span> supported' in page


@pytest.mark.model
def test_the_three_texts_over_the_sample_course(sample_course: Course) -> None:
    reports = {}
    for name in ("faithful", "planted", "elsewhere"):
        checking = sample_course.check((TEXTS / f"{name}.md").read_text(encoding="utf-8"))
        list(checking)
        reports[name] = checking.report()
    faithful, planted, elsewhere = (reports[n].counts for n in ("faithful", "planted", "elsewhere"))
    assert faithful["supported"] >= 20
    assert faithful["contradicted"] <= 2
    assert planted["supported"] < faithful["supported"]
    wrong = json.loads((TEXTS / "planted.json").read_text(encoding="utf-8"))
    caught = [
        one
        for one in wrong
        for item in reports["planted"].items
        if one["mark"] in item.claim.text
        and (item.failed or item.label in ("partly", "not found", "contradicted"))
    ]
    assert len(caught) >= 8
    assert reports["planted"].failed
    assert elsewhere["supported"] == elsewhere["contradicted"] == 0
    assert not reports["elsewhere"].failed


def test_where_judging_is_slow_the_worst_comes_first() -> None:
    slow = ScriptedVerifier({"ranks": "supported", "layers": "contradicted"})
    slow.quick = ScriptedVerifier({"ranks": "supported", "layers": "contradicted"})
    shelf = Shelf(hit("lora", "LoRA trains two matrices of low ranks beside frozen layers."))
    text = "LoRA uses matrices of low ranks.\n\nLoRA trains all layers of the model."
    checking = Checker(shelf, slow, WORKS).check(text)
    first = next(iter(checking))
    assert first.label == "contradicted"
    assert "1 of 2 sentences so far" in checking.report(running=True).summary
    list(checking)
    assert [item.label for item in checking.report().items] == ["supported", "contradicted"]


def test_where_judging_is_slow_citations_are_looked_up_with_their_claim() -> None:
    slow = ScriptedVerifier({"ranks": "supported"})
    slow.quick = ScriptedVerifier({"ranks": "supported"})
    shelf = Shelf(hit("lora", "LoRA trains two matrices of low ranks beside frozen layers."))
    text = "LoRA uses matrices of low ranks (Hu, 2021).\n\nLoRA trains all layers (Hu, 2021)."
    checking = iter(Checker(shelf, slow, WORKS).check(text))
    next(checking)
    within = Scope(readings=frozenset({"lora"}))
    assert shelf.scopes == [None, None, within]
    next(checking)
    assert shelf.scopes == [None, None, within, within]


def test_where_judging_is_slow_two_documents_are_judged() -> None:
    slow = ScriptedVerifier({})
    slow.quick = ScriptedVerifier({})
    shelf = Shelf(*(hit(name, f"{name} trains two matrices of low ranks.") for name in "abcd"))
    list(Checker(shelf, slow, WORKS).check("It trains two matrices of low ranks."))
    assert len(slow.asked) == 2


def test_a_text_in_another_language_than_the_readings_is_told_so() -> None:
    text = "Der Transformer wurde von Vaswani vorgestellt und verzichtet ganz auf die Rekurrenz."
    text += "\n\n## Literatur\n\nVaswani, A. (2017). All of the things that you need is attention."
    why = Work("why", "What the weights of a model are and how they are frozen")
    checker = Checker(Shelf(), ScriptedVerifier({}), (*WORKS, why))
    said = "the text is in German, the readings are in English: little can be found"
    assert checker.check(text).report().summary.endswith(said)
    assert not checker.check(TEXT).report().note
