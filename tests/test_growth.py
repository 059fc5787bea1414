"""Whatever a text of unknown origin holds, the time that it takes grows with its length.

Patterns and functions are found in the package, so that new ones are tried as well. A table of how
each grows: `python tests/test_growth.py`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hostile import MOST, UNITS, growth
from patterns import Use, attacks, modules, uses
from seminar_rag.answer.citations import MarkFilter
from seminar_rag.documents.chunk import split
from seminar_rag.errors import SeminarError
from seminar_rag.question.intent import Found
from seminar_rag.syllabus import assemble, labels, references
from seminar_rag.syllabus.model import Forest, Model
from seminar_rag.syllabus.structure import structural_post
from seminar_rag.types import Block, Document, Passage, Session
from seminar_rag.ui.chat.render import exchange
from seminar_rag.ui.shared.conversation import Exchange

# What is read here a thousand times is covered by the tests of each reader.
pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

MADE_OF = {
    "answer.course_parts: f'\\\\b(?:in|of|for|from|under) (?:the )?({title})\\\\b'": "a part",
    "answer.course_parts: f\"\\\\b(?:{'|'.join(map(re.escape, sorted(words)))})s?\\\\b\"": (
        "single words of parts' names"
    ),
    "answer.forms: f'(?<![^\\\\W_]){joined}'": "the letters of a name",
    "answer.forms: f'{introduced}|{meant}'": "a word of a question; tried below, by names_kind()",
    "answer.forms: kind": "a word of a question; tried below, by names_kind()",
    "answer.forms: one": "tried below, by defines()",
    "documents.chunk: pattern": "three patterns of two characters",
    "documents.forms: magic": "the first bytes of a file",
    "documents.forms: pattern": "fixed names of files in an archive",
    "index.postgres: pattern": "fixed words of the tables' definitions",
    "index.retrieve: f'(?<!\\\\w){word}(?!\\\\w)'": "one word of a question",
    "models.embed: family": "names of models",
    "question.language: pattern": "fixed words that name a course",
    "question.parts: form": "four patterns that are tried below, by compared()",
    "question.patterns: whole": "words of a title",
    "syllabus.asking: f'(?<!\\\\w){re.escape(folded)}(?!\\\\w)'": "a title of bounded length",
    "study.items: f'(?<![\\\\w-]){re.escape(name)}(?![\\\\w-])'": "a term of a sentence",
    "study.items: f'(?<!\\\\w){re.escape(_folded(text))}(?!\\\\w)'": "a term of a sentence",
    "syllabus.features: f\"\\\\b(?:{'|'.join(words)})\\\\b\"": "fixed words",
    "ui.shared.gate: f'/c/[^/]+(?:{one.path.pattern})'": "the same below a course",
    "ui.shared.gate: path": "the paths of the application, which the browser does not choose",
    "ui.shared.wording: '\\\\s+'.join(map(re.escape, words))": "tried below, by find_quote()",
}
"""Patterns that only a call can make, and what they are made of."""
NO_ROOMS = ("cli", "evaluation", "models", "sample")
"""What reads no text of unknown origin: the instructor's own words, settings and questions."""
TEXTS = ("str", "str | None")
GIVEN: dict[str, Any] = {
    "code": "",
    "document": Document("d", "paper", "r", "A title"),
    "embed": lambda texts: [[1.0]] * len(texts),
    "end": 10,
    "ending": "md",
    "fits": lambda line: len(line) < 80,
    "found": Found("plain"),
    "longest": 80,
    "passage": Passage("d:0", "d", 0, "A text.", "1 A heading", 0, 7, None, ()),
    "places": range(100_000),
    "post": Session(1, "A title"),
    "quote": "A quotation of words.",
    "stop": lambda: False,
    "titles": ("A title: of a work",),
    "understand": lambda text: text,
    "url": "https://uni.edu/page",
    "vocabulary": {"weights"},
    "words": ("weights",),
}
"""Values for parameters beside the text, by their names."""
ELSEWHERE = {
    "answer.citations.introduces": "a sentence of split_answer(), compared by place",
    "answer.citations.supporting_sentence": "a sentence and a passage, both of bounded length",
    "answer.instructions.build_messages": "takes excerpts, which split() has cut",
    "answer.reread.reread": "what a language model writes, of bounded length",
    "check.conflicts.find_conflict": "a claim, after compare()",
    "check.features.compare": "a claim and sentences of passages",
    "check.support.verbatim": "compares words with passages",
    "documents.pdf.read_pdf": "in a worker process with a limit",
    "documents.pdf_clean.join_line": "in a worker process with a limit",
    "html.static": "takes names of files of the package",
    "index.kept.added_name": "takes the bytes of a file, which it hashes",
    "ingest.sources.page_text": "fetches a page, then page_lines()",
    "pages.locate.find": "in a worker process with a limit",
    "question.learned.read_examples": "takes the name of a data file of the package",
    "question.learned.read_list": "the same",
    "question.learned.read_weights": "the same",
    "syllabus.spans.trimmed": "a stretch of a text that is cut to 900 characters",
    "syllabus.toml.read_toml": "an instructor's own file; tomllib is slow with keys of many dots",
    "ui.desk.auth.hashed": "meant to take time, for a password of at most 1,000 characters",
    "ui.desk.auth.matches": "the same",
    "ui.shared.browser.permalink": "encodes a link",
    "web.connect.system_resolve": "asks the network",
    "web.zotero.collection_of": "the same; takes an address",
    "web.places.place_of": "patterns of addresses, tried above",
    **dict.fromkeys(
        (
            "types.as_json.status_json",
            "ui.chat.render.masthead",
            "ui.desk.students.table",
            "ui.shared.gradio_pages.html_part",
            "ui.shared.gradio_pages.static",
        ),
        "fills a template",
    ),
}
"""Functions that are not called here, with what speaks for them."""
OTHERS: dict[str, Callable[[str], object]] = {
    "a stream with marks": lambda text: _streamed(text),
    "a page of references, BibTeX": lambda text: references.references_in(Path("a.bib"), text),
    "a page of references, RIS": lambda text: references.references_in(Path("a.ris"), text),
    "a page of references, CSL": lambda text: references.references_in(Path("a.json"), text),
    "a page's front matter": lambda text: structural_post(f"---\n{text}\n---\n", (), "a.md", 1),
    "a document in passages": lambda text: split(PAPER, [Block(text)], lambda one: len(one) // 4),
    "an answer shown": lambda text: exchange(Exchange(1, text, "done", text, markdown=True)),
    "a list of references, checked": lambda text: _function("check.claims", "extract")(
        f"# References\n\n{text}"
    ),
}
"""What reads text and is no public function whose first parameter is one."""
PAGES = ("syllabus.read.", "a page ")
PAPER = Document("d", "paper", "r", "A title")


def _streamed(text: str) -> None:
    marks = MarkFilter(3)
    for at in range(0, len(text), 4):
        marks.feed(text[at : at + 4])
    marks.finish()
    marks.warnings()


def _function(module: str, name: str) -> Callable[..., Any]:
    return getattr(sys.modules[f"seminar_rag.{module}"], name)  # type: ignore[no-any-return]


def readers() -> dict[str, Callable[[str], object]]:
    """The public functions whose first parameter is a text, and `OTHERS`, taking a text alone."""
    found: dict[str, Callable[[str], object]] = {}
    for module in modules():
        short = module.__name__.removeprefix("seminar_rag.")
        if short.split(".")[0] in NO_ROOMS:
            continue
        for name, one in vars(module).items():
            function = inspect.unwrap(one) if callable(one) else one
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            taken = list(inspect.signature(function).parameters.values()) if own else []
            if name.startswith("_") or not taken or taken[0].annotation not in TEXTS:
                continue
            if f"{short}.{name}" not in ELSEWHERE:
                needed = [each for each in taken[1:] if each.default is each.empty]
                named = {
                    each.name: _value(each) for each in needed if each.kind != each.VAR_KEYWORD
                }
                found[f"{short}.{name}"] = partial(_called, function, named)
    return found | {name: partial(_called, one, {}) for name, one in OTHERS.items()}


def _value(parameter: inspect.Parameter) -> Any:
    """A value for a parameter beside the text, by its name or else its type."""
    simple = {"str": "A title of a work", "int": 1, "float": 1.0, "bool": False, "Path": Path("a")}
    simple |= {"Mapping[str, str]": {}, "dict[str, frozenset[str]]": {}}
    return GIVEN.get(parameter.name, simple.get(str(parameter.annotation), ()))


def _called(function: Callable[..., Any], named: dict[str, Any], text: str) -> None:
    try:
        found = function(text, **named)
        if isinstance(found, Iterator):
            for _ in found:
                pass
    except (SeminarError, ValueError):
        pass  # refused; here the time alone counts


def with_an_eager_model() -> None:
    """Let every piece of a page begin a reading, the worst for what comes after, at no cost.

    What the model looks at is bounded for each piece; it would hide the rest.
    """

    def forest(count: int) -> Forest:
        none, zero = np.full(count, -1, np.int16), np.zeros(count, np.uint8)
        scores = np.zeros(count, np.float32)
        scores[-2:-1] = 5.0
        trees = np.arange(count, dtype=np.int32)
        return Forest(trees, none, scores[:0], scores.astype(np.float16), zero, count)

    model = Model(*(forest(n) for n in (6, 6, 1, 1, 1, 1, 1)), np.zeros((6, 6), np.float32))
    assert labels.READING == 4
    assemble.trained = lambda: model  # type: ignore[assignment]
    assemble.features = lambda pieces: np.zeros((len(pieces), 80), np.float32)
    assemble.complete = lambda *_: None


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("trained", "features", "complete"):
        monkeypatch.setattr(assemble, name, getattr(assemble, name))
    with_an_eager_model()


def test_the_time_of_every_pattern_grows_with_the_text() -> None:
    found, made = uses()
    assert len(found) > 400
    assert made == set(MADE_OF), "say of a pattern that is made in a call what it is made of"
    _all_linear({f"{use}": worst_of(use) for use in found})


@pytest.mark.parametrize(
    ("pattern", "linear"), [(r"\s+$", False), (r"a[\w.-]*?b", False), (r"(?<!\s)\s++$", True)]
)
def test_a_slow_pattern_is_found(pattern: str, linear: bool) -> None:
    # Other work may make a pattern look slower than it is, never faster: so two tries suffice.
    use = Use("here", 1, re.compile(pattern), frozenset({"search"}))
    grown, _ = worst_of(use, tries=2)
    assert (grown <= MOST) == linear


def worst_of(use: Use, tries: int = 9) -> tuple[float, str]:
    """The fastest growth of a pattern's time, and the text that does it."""
    worst = (1.0, "")
    for way in use.ways:
        for before, unit in attacks(use.pattern):
            grown = growth(partial(use.applied, way), unit, before, tries=tries)
            worst = max(worst, (grown, f"{way} {before!r} {unit!r}"))
            if grown > MOST:
                return worst
    return worst


def test_the_time_of_every_reader_of_text_grows_with_the_text() -> None:
    found = readers()
    assert len(found) > 130
    _all_linear({name: worst_unit(name, function) for name, function in found.items()})


def worst_unit(
    name: str, function: Callable[[str], object], thorough: bool = False
) -> tuple[float, str]:
    """The fastest growth of a function's time, and the unit of text that does it."""
    function(UNITS[0])  # what is loaded first
    # Whole pages take long, and single signs make no structure.
    units = [unit for unit in UNITS if len(unit) > 1] if name.startswith(PAGES) else UNITS
    return max((growth(function, unit, thorough=thorough), repr(unit)) for unit in units)


def _all_linear(told: dict[str, tuple[float, str]]) -> None:
    slow = [f"{what}: {grown:.1f} {how}" for what, (grown, how) in told.items() if grown > MOST]
    assert not slow, f"4,000 to 16,000 characters take {MOST} times as long:\n" + "\n".join(slow)


if __name__ == "__main__":
    with_an_eager_model()
    print("| function | growth from 4,000 to 16,000 characters | by |\n|---|---|---|")
    for name, function in readers().items():
        grown, how = worst_unit(name, function, thorough=True)
        print(f"| {name} | {grown:.1f} | {how} |", flush=True)
