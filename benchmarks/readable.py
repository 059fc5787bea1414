"""Fits what tells readable prose from debris: entries of lists of references, authors, title pages.

    python benchmarks/readable.py [--shared ../shared] [--fit]

The lines are sentences of the papers, notes and PDFs in the shared folder, labelled by where they
stand: below a heading "References", in a table, before the abstract, or in the text; no text of
them is kept. 900 references, lists of authors and lines of title pages are made up beside them, in
the styles of several fields, their titles from pieces of the papers on biomedicine and language
technology. Each source is told by weights that were fitted on the others. --fit writes the weights.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seminar_rag.answer.persons import lists_persons
from seminar_rag.documents import readable
from seminar_rag.documents.parse import Parser
from seminar_rag.text import sentence_spans

WEIGHTS = Path(readable.__file__).with_name("readable.json")
STRENGTH = 3.0
"""Inverse of the regularisation."""
FOLDERS = ("outside/covid/papers", "outside/qasper/papers", "course/posts", "papers")
UNHEADED = "doc091"
"""A paper whose list of references has no heading: nothing says where its text ends."""
MADE_UP = "made up"
_REFERENCES = re.compile(
    r"\W*(?:&nbsp;)?\W*(?:[\dA-Z.]*\s*)?(?:references|bibliography|literature cited)\W*",
    re.IGNORECASE,
)
_TITLE_PAGE = re.compile(r"(?:SHA|Authors|DOI|License|Date):|https?://")
_WIDTH = 66
"""Characters of a line of a list of references that a file has cut into lines."""

SURNAMES = (
    "Anders Bakker Castro Dubois Eriksen Fonseca Gruber Haddad Ivanova Jansen Kowalski Larsen"
    " Moreau Nakata Okafor Petrov Quist Rossi Silva Tanaka Ueda Vargas Weber Xu Yilmaz Zhou O'Neil"
).split()
FIRST_NAMES = "Anna Jun Maria Tom Lena Paul Wei Omar Jun-Ho Clara Igor Ada".split()
JOURNALS = (
    "J Virol|N Engl J Med|Nature|Proc Natl Acad Sci U S A|Journal of Applied Ecology|Am J Hist"
    "|Lancet|Soc Stud Sci|Annals of Botany|IEEE Trans. Signal Process.|Computational Linguistics"
).split("|")
MEETINGS = (
    "Proceedings of the 3rd Conference on Soils|Advances in Bridge Design|ICML|Proc. of the"
    " Workshop on Maps"
).split("|")
PRESSES = "London: Routledge|New York: Norton|Cambridge University Press|MIT Press".split("|")
COUNTRIES = "Germany Japan USA Chile Kenya".split()


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence with its label."""

    text: str
    source: str
    kind: str
    prose: bool


def lines(shared: Path) -> Iterator[Line]:
    """The sentences of the shared documents, in order."""
    with Parser(ocr=None, references=True) as parser:
        for folder in FOLDERS:
            for path in sorted((shared / folder).iterdir()):
                if path.suffix not in (".pdf", ".md") or path.stem == UNHEADED:
                    continue
                source = path.stem if folder == "papers" else folder.split("/")[1]
                yield from _of_document(parser, path, source)


def _of_document(parser: Parser, path: Path, source: str) -> Iterator[Line]:
    listed, begun = False, path.suffix == ".md"
    for block in parser.parse(path).blocks:
        if block.kind == "heading" or _REFERENCES.fullmatch(block.text):
            listed = bool(_REFERENCES.fullmatch(block.text.strip()))
            begun = begun or bool(re.search("abstract|introduction", block.text, re.IGNORECASE))
            continue
        if block.kind == "code":
            continue
        for start, end in sentence_spans(block.text):
            text = " ".join(block.text[start:end].split())
            if listed or block.kind == "table":
                yield Line(text, source, "reference" if listed else "table", False)
            elif not begun or _TITLE_PAGE.match(text):
                yield Line(text, source, "title page", False)
            elif lists_persons(text):
                yield Line(text, source, "authors", False)
            elif len(text.split()) >= 4:
                yield Line(text, source, block.kind, True)


class MakeUp:
    """Makes lines up that no prose has."""

    def __init__(self, prose: list[str]) -> None:
        self._random = random.Random(0)
        self._prose = prose

    def lines(self) -> Iterator[Line]:
        made = [piece for _ in range(900) for piece in self._pieces(self._reference())]
        made += [self._authors() for _ in range(120)]
        for _ in range(60):
            made += [self._number(), self._address()]
        for text in made:
            yield Line(text, MADE_UP, "made up", False)

    def _pieces(self, entry: str) -> list[str]:
        """An entry as sentences, or as the lines of a narrow column; of its title alone nothing
        says that it is no prose."""
        if self._random.random() < 0.35:
            out, line = [], ""
            for word in entry.split():
                if len(line) + len(word) > _WIDTH:
                    out.append(line)
                    line = ""
                line = f"{line} {word}".strip()
            out.append(line)
        else:
            out = [entry[start:end] for start, end in sentence_spans(entry)]
        return [one for one in out if re.search(r"\d|[A-Z]\w*\W+[A-Z]", one[1:])]

    def _reference(self) -> str:
        pick, number = self._random.choice, self._random.randint
        year, volume, page = number(1950, 2024), number(1, 400), number(1, 9000)
        pages = f"{page}–{page + number(1, 30)}"
        style = pick("vafi")
        by, title, journal = self._by(style), self._title(), pick(JOURNALS)
        entry = pick(
            (
                f"{by}. {title}. {journal}. {year};{volume}:{pages}.",
                f"{by} ({year}) {title}. {journal} {volume}({number(1, 12)}):{pages}.",
                f"{by} ({year}). {title}. {journal}, {volume}({number(1, 12)}), {pages}."
                f" https://doi.org/10.{page}/{volume}",
                f"{by}. {year}. {title}. In {pick(MEETINGS)}, pages {pages}.",
                f"{by}, “{title},” {journal}, vol. {volume}, no. {page % 9}, pp. {pages}, {year}.",
                f"{by}. {title}. arXiv preprint arXiv:{number(1001, 2412)}.{page + 10000}, {year}.",
                f"{by} {title}. {pick(PRESSES)}, {year}.",
                f"{by}. {title}. {journal} {pick(('in press', 'submitted'))} ({year}).",
            )
        )
        return pick(("", f"{number(1, 99)}. ", f"[{number(1, 99)}] ")) + entry

    def _by(self, style: str) -> str:
        """Names as medicine (v), psychology (a), the humanities (f), engineering (i) write them."""
        pick = self._random.choice
        names = []
        for _ in range(self._random.randint(1, 7)):
            surname, initial = pick(SURNAMES), pick("ABCDEFGHJKLMNPRST")
            second = pick("ABCDEFGHJKLMNPRST") if self._random.random() < 0.6 else ""
            names.append(
                {
                    "v": f"{surname} {initial}{second}",
                    "a": f"{surname}, {initial}.",
                    "f": f"{pick(FIRST_NAMES)} {surname}",
                    "i": f"{initial}. {surname}",
                }[style]
            )
        if self._random.random() < 0.3:
            names.append("et al.")
        if self._random.random() < 0.5 or len(names) == 1:
            return ", ".join(names)
        return f"{', '.join(names[:-1])}{' & ' if style == 'a' else ' and '}{names[-1]}"

    def _title(self) -> str:
        words = re.sub(r"[^\w\s-]", "", self._random.choice(self._prose)).split()
        length = self._random.randint(4, 12)
        start = self._random.randint(0, max(0, len(words) - length))
        title = " ".join(words[start : start + length])
        return self._random.choice((title.capitalize(), title.title()))

    def _authors(self) -> str:
        pick, count = self._random.choice, self._random.randint(2, 12)
        if self._random.random() < 0.5:
            names = (f"{pick(SURNAMES)}, {pick(FIRST_NAMES)}" for _ in range(count))
            return pick(("", "Authors: ", "By ")) + "; ".join(names)
        marks = ("", "1", "1,2", "*")
        names = (f"{pick(FIRST_NAMES)} {pick(SURNAMES)}{pick(marks)}" for _ in range(count))
        return ", ".join(names)

    def _number(self) -> str:
        label = self._random.choice(
            ("SHA", "Received", "Correspondence", "DOI", "Published online", "ISSN")
        )
        length = self._random.randint(8, 30)
        return f"{label}: {''.join(self._random.choice('0123456789abcdef') for _ in range(length))}"

    def _address(self) -> str:
        pick = self._random.choice
        name = self._title()[:20].title()
        return (
            f"{self._random.randint(1, 5)} Department of {name}, University of {pick(SURNAMES)},"
            f" {pick(SURNAMES)}, {pick(COUNTRIES)}. {pick(SURNAMES).lower()}@example.org"
        )


def main() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import Pipeline

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    found = [one for one in lines(options.shared) if one.text]
    outside = [one.text for one in found if one.prose and one.source in ("covid", "qasper")]
    every = [*found, *MakeUp(outside).lines()]
    texts = [one.text for one in every]
    prose = np.array([one.prose for one in every])
    # Debris counts half as much as prose, which it is a quarter of.
    weight = np.where(prose, 1.0, 0.5 * prose.sum() / (~prose).sum())

    def fitted(rows: np.ndarray) -> Pipeline:
        words = TfidfVectorizer(analyzer=readable.shapes, binary=True, use_idf=False, min_df=4)
        model = Pipeline(
            [("words", words), ("odds", LogisticRegression(C=STRENGTH, max_iter=2000))]
        )
        model.fit([texts[i] for i in rows], prose[rows], odds__sample_weight=weight[rows])
        return model

    odds = np.zeros(len(every))
    sources = np.array([one.source for one in every])
    for source in dict.fromkeys(sources):
        own = np.flatnonzero(sources == source)
        odds[own] = fitted(np.flatnonzero(sources != source)).decision_function(
            [texts[i] for i in own]
        )
    real = len(found)
    beside = np.concatenate(
        [
            readable.smoothed(odds[:real][sources[:real] == one].tolist())
            for one in dict.fromkeys(sources[:real])
        ]
    )
    for name, values in (("by itself", odds[:real]), ("with its neighbours", beside)):
        area = roc_auc_score(prose[:real], values)
        print(f"{name}: area under the curve {area:.3f}; called prose:")
        for kind in dict.fromkeys(one.kind for one in found):
            own = np.array([one.kind == kind for one in found])
            print(f"  {kind:12} {np.mean(values[own] > 0):.3f}  n={own.sum()}")
    if options.fit:
        model = fitted(np.arange(len(every)))
        (slopes,), (bias,) = model["odds"].coef_, model["odds"].intercept_
        terms = zip(model["words"].get_feature_names_out(), slopes, strict=True)
        data = {
            "fitted by": "benchmarks/readable.py --fit",
            "bias": round(float(bias), 3),
            "weights": {
                term: round(float(slope), 2) for term, slope in terms if abs(slope) >= 0.005
            },
        }
        WEIGHTS.write_text(json.dumps(data, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
