"""Train what tells the kind of a reading, and measure it on courses left out.

    python benchmarks/train_kinds.py [--parts 6] [--write]

Learned from the labelled pages of `../shared/pages`, their entries cut as their keys say, and from
made-up references (`made_references.py`). A key's "web" is a web page; "other" (poems, slides,
laws, lecture notes: 3 of 100) is none of the kinds, is not learned from and not counted. Each part
of the courses is left out in turn, with the titles and names that made-up references take from it.
Beside the figures stand those of the most frequent kind for all, and of the links' hosts alone.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from made_references import references
from seminar_rag.syllabus.assemble import complete, entry_reading
from seminar_rag.syllabus.kinds import KINDS, clues, entry_clues
from seminar_rag.syllabus.meetings import meetings_of
from seminar_rag.syllabus.model import PARTS, Forest, flat, trained
from seminar_rag.types import WORK_KINDS
from train_syllabus import SHARED, files_of, load

WEB = {"web": "web page"}
MADE, MADE_WEIGHT, BARE_WEIGHT = 300, 0.5, 0.7
"""Made-up references of each kind, and what they and readings without their entry weigh."""
RARE, RARE_WEIGHT = "podcast", 2.0
"""A kind of which the pages have few, and what its made-up references weigh."""
TREES, LEAST = 100, 3
"""Trees of each kind, and courses or made-up references that a clue must be in."""


@dataclass
class Row:
    """A labelled reading."""

    page: str
    course: str
    kind: str
    key: dict[str, Any]
    entry: set[str]
    """Its clues, with its entry in view."""
    bare: set[str]
    """Those of its title, links and authors alone."""


def rows_of(pages: Collection[str] = ()) -> list[Row]:
    """The readings of the labelled pages, of all or of those with such names."""
    found = []
    for folder in sorted((SHARED / "pages").iterdir()):
        if not (folder / "key.json").exists() or (pages and folder.name not in pages):
            continue
        page = load(folder)
        for part in files_of(page):
            pieces, labels = page.pieces[part], page.labels[part].tolist()
            meetings = meetings_of(pieces, labels, [1.0] * len(pieces))
            complete(meetings, pieces, labels, trained())
            for entry in (one for meeting in meetings for one in meeting.entries):
                due = page.starts.get(part.start + entry.first)
                if due is None or due[1].get("kind") in (None, "other"):
                    continue
                read, _ = entry_reading(entry, pieces)
                kind = WEB.get(due[1]["kind"], due[1]["kind"])
                known = (read.title or "", read.urls, read.authors)
                own = (entry_clues(entry, *known), clues(*known))
                found.append(Row(page.name, page.course, kind, due[1], *own))
    return found


def made(rows: Sequence[Row]) -> list[tuple[str, set[str]]]:
    """Made-up references with the titles and names of these readings."""
    titles: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.key.get("title"):
            titles[row.kind].append(row.key["title"])
    names = sorted({one for row in rows for one in row.key.get("authors") or [] if one})
    found = []
    for one in references(titles, names, MADE):
        known = (one.title, one.urls, one.authors)
        said = {"before": one.before, "after": one.after, "said": one.said, "marks": one.marks}
        found.append((str(one.kind), clues(*known, **said)))
        if one.urls:
            found.append((str(one.kind), clues(*known)))
    return found


@dataclass
class Fitted:
    """What is fitted to readings."""

    columns: dict[str, int]
    arrays: dict[str, np.ndarray]

    def tell(self, found: Sequence[set[str]]) -> list[str]:
        """The likeliest kind of each."""
        forest = Forest(**{part: self.arrays[part] for part in PARTS}, classes=len(WORK_KINDS))
        scores = forest.scores(_matrix(found, self.columns).toarray())
        return [WORK_KINDS[n] for n in scores.argmax(1)]


def _matrix(found: Sequence[set[str]], columns: dict[str, int]) -> csr_matrix:
    places = [(n, columns[one]) for n, own in enumerate(found) for one in own if one in columns]
    down, across = zip(*places, strict=True)
    ones = np.ones(len(places), np.float32)
    return csr_matrix((ones, (down, across)), shape=(len(found), len(columns)))


def fitted(rows: Sequence[Row]) -> Fitted:
    """The forest that readings and made-up references teach, with the clues that it looks at."""
    import lightgbm

    taught = [(row.kind, own, row.course) for row in rows for own in (row.entry, row.bare)]
    taught += [(kind, own, f"made {n % 50}") for n, (kind, own) in enumerate(made(rows))]
    weight = [BARE_WEIGHT] * (2 * len(rows))
    weight += [
        RARE_WEIGHT if kind == RARE else MADE_WEIGHT for kind, _, _ in taught[2 * len(rows) :]
    ]
    seen: dict[str, set[str]] = defaultdict(set)
    for _, own, course in taught:
        for one in own:
            seen[one].add(course)
    names = sorted(one for one, courses in seen.items() if len(courses) >= LEAST)
    columns = {one: n for n, one in enumerate(names)}
    table = _matrix([own for _, own, _ in taught], columns)
    labels = [WORK_KINDS.index(kind) for kind, _, _ in taught]  # type: ignore[arg-type]
    options = {
        "objective": "multiclass", "num_class": len(WORK_KINDS), "learning_rate": 0.15,
        "num_leaves": 7, "min_data_in_leaf": 5, "feature_fraction": 0.3, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 2, "verbose": -1, "num_threads": 1, "seed": 1,
    }  # fmt: skip
    trees = lightgbm.train(options, lightgbm.Dataset(table, labels, weight=weight), TREES)
    arrays = flat(trees.dump_model(), len(WORK_KINDS))
    used = sorted(set(arrays["feature"][arrays["feature"] >= 0].tolist()))
    place = {old: new for new, old in enumerate(used)}
    arrays["feature"] = np.array([place.get(one, -1) for one in arrays["feature"]], np.int16)
    arrays["values"] = arrays["values"].astype(np.float16)
    return Fitted({names[old]: new for old, new in place.items()}, arrays)


def hosts_of(rows: Sequence[Row]) -> Callable[[Sequence[Row]], list[str]]:
    """Tells a kind by the host of the first link as these readings have it; else the commonest."""

    def host(row: Row) -> str:
        return next((one for one in sorted(row.bare) if one.startswith("host:")), "")

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[host(row)][row.kind] += 1
        counts["any"][row.kind] += 1
    return lambda given: [
        (counts.get(host(row)) or counts["any"]).most_common(1)[0][0] for row in given
    ]


def figures(name: str, rows: Sequence[Row], told: Sequence[str]) -> None:
    """Print the shares of right kinds: of readings, and as the mean of pages with its interval."""
    right = np.array([row.kind == kind for row, kind in zip(rows, told, strict=True)])
    names = np.array([row.page for row in rows])
    pages = np.array([right[names == one].mean() for one in sorted(set(names))])
    draws = np.random.RandomState(0).choice(pages, (2000, len(pages))).mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    print(
        f"{name:28} mean of {len(pages)} pages {pages.mean():.3f} [{low:.3f}, {high:.3f}]"
        f"  of {len(rows)} readings {right.mean():.3f}"
    )


def by_kind(rows: Sequence[Row], told: Sequence[str]) -> None:
    """Print precision and recall of each kind."""
    for kind in WORK_KINDS:
        due = [one == kind for one in (row.kind for row in rows)]
        given = [one == kind for one in told]
        both = sum(a and b for a, b in zip(due, given, strict=True))
        recall, precision = both / max(1, sum(due)), both / max(1, sum(given))
        print(f"  {kind:10} recall {recall:.2f} precision {precision:.2f} n = {sum(due)}")


def main() -> None:
    """Measure on courses left out, or write the weights of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=6, help="leave out courses in so many parts")
    parser.add_argument("--write", action="store_true", help="train on all and write the weights")
    options = parser.parse_args()
    rows = rows_of()
    if options.write:
        own = fitted(rows)
        names = np.array(sorted(own.columns, key=own.columns.__getitem__))
        kept = {part: own.arrays[part] for part in PARTS}
        np.savez_compressed(KINDS, clues=names, **kept)
        print(f"{KINDS}: {KINDS.stat().st_size:,} bytes, {len(names)} clues")
        return
    courses = sorted({row.course for row in rows})
    order = np.random.RandomState(0).permutation(len(courses))
    part = {courses[n]: at % options.parts for at, n in enumerate(order)}
    left: list[Row] = []
    told: dict[str, list[str]] = defaultdict(list)
    for number in range(options.parts):
        test = [row for row in rows if part[row.course] == number]
        train = [row for row in rows if part[row.course] != number]
        own = fitted(train)
        left += test
        told["entries"] += own.tell([row.entry for row in test])
        told["titles and links alone"] += own.tell([row.bare for row in test])
        told["hosts alone"] += hosts_of(train)(test)
        told["most frequent kind"] += ["paper"] * len(test)
    for name, kinds in told.items():
        figures(name, left, kinds)
    by_kind(left, told["entries"])


if __name__ == "__main__":
    main()
