"""What became of every reading of a course page, and of every known defect of the page.

Used by course.py. `gold/DEFECTS.md` beside the answer keys lists the defects in seven sections; the
cases are taken from the answer keys where these mark them, and by host or form of the link else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from seminar_rag.text import fold
from seminar_rag.types.catalogue import Catalogue, ListedReading, Lookup, Record
from seminar_rag.web.places import arxiv_id

# Reading, link on the page, right arXiv id: the link is another paper's (section 1).
WRONG_LINKS = (
    (
        "Survey of Vulnerabilities in Large Language Models",
        "arxiv.org/abs/2212.14834",
        "2310.10844",
    ),
    ("Scaling Laws for Neural Language Models", "github.com/RUCAIBox/LLMSurvey", "2001.08361"),
    ("Paged attention", "openreview.net/pdf?id=uNrFpDPMyo", "2309.06180"),
    ("QLoRA: Efficient Finetuning", "arxiv.org/abs/2106.09685", "2305.14314"),
    ("Audio Deepfake Detection", "openreview.net/forum?id=pSf8rrn49H", ""),
)
RETITLED = ("2307.15337", "2401.14295", "2401.07103", "2310.14735")
"""Papers whose title on arXiv is another by now (section 2)."""
HOSTILE = (
    "ieeexplore.ieee.org",
    "dl.acm.org",
    "www.tandfonline.com",
    "openai.com",
    "openreview.net",
    "doi.org",
    "www.csis.org",
    "medium.com",
    "techxplore.com",
    "pubmed.ncbi.nlm.nih.gov",
    "huggingface.co/spaces/",
    "huggingface.co/blog?tag",
)
MOVED = (
    "deci.ai",
    "python.langchain.com",
    "openai.com/research",
    "airc.nist.gov",
    "huggingface.co/spaces/lmsys",
    "deepmind.google/discover",
    "learn.microsoft.com",
    "www.ai21.com",
    "www.anthropic.com/news",
    "docs.llamaindex.ai",
    "www.databricks.com",
    "www.pinecone.io",
    "scale.com/leaderboard",
    "webarena.dev",
    "ai.meta.com",
)


@dataclass(frozen=True)
class Row:
    """A defect and how it was treated."""

    section: int
    kind: str
    what: str
    treated: str
    fine: bool
    """Whether it was mended or told; False: neither."""


class Outcome:
    """What there is of the readings of an answer key.

    Args:
        key: sessions with their readings, as in the answer keys.
    """

    def __init__(self, key: Sequence[dict[str, Any]], catalogue: Catalogue) -> None:
        self.key = key
        self.catalogue = catalogue
        self._listed = [(s.number, r) for s in catalogue.sessions for r in s.readings]
        self._lookups = {one.reading: one for one in catalogue.lookups}
        self._records: dict[str, list[Record]] = {}
        for record in catalogue.records.values():
            self._records.setdefault(record.document.reading, []).append(record)

    def readings(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Session number and reading of the answer key."""
        for session in self.key:
            for reading in session["readings"]:
                yield session["number"], reading

    def entry(self, session: int, one: dict[str, Any]) -> ListedReading | None:
        """The entry in the course that stands for a reading of the key."""
        mine = [reading for number, reading in self._listed if number == session]
        names = {fold(name) for name in (one["title"], *(one.get("alt_titles") or ())) if name}
        for reading in mine:
            if fold(reading.title) in names:
                return reading
        for reading in mine:
            if set(reading.urls) & set(one["urls"]):
                return reading
        whole = {fold(one.get("may_merge_into") or "-")}
        return next((reading for reading in mine if fold(reading.title) in whole), None)

    def lookups(self, entry: ListedReading) -> list[Lookup]:
        """What was found for an entry."""
        return [self._lookups[id_] for id_ in entry.listed if id_ in self._lookups]

    def has(self, entry: ListedReading, url: str = "") -> str:
        """What there is of a reading, or of one of its links, in a word or two."""
        records = [r for r in self._records.get(entry.id, []) if r.passages]
        files = {f.file: f for one in self.lookups(entry) for f in one.found}
        if url:
            found = [f for f in files.values() if f.url == url]
            return ("paper" if found[0].paper else "web page") if found else ""
        if any(f.paper for r in records if (f := files.get(r.document.path))):
            return "paper"
        if any(r.document.path in files for r in records):
            return "web page"
        described = any(r.document.kind == "abstract" for r in records)
        return "description" if described else "nothing"

    def told(self, entry: ListedReading) -> str:
        """What the instructor is told of an entry."""
        parts = [
            f"{s.problem}{' — ' if s.remedy else ''}{s.remedy}"
            for s in self.lookups(entry)
            if s.problem
        ]
        return "; ".join(parts)


def accounted(outcome: Outcome) -> None:
    """Print what there is of every reading of the key; none may be missing."""
    kinds: Counter[str] = Counter()
    lost: list[str] = []
    apart: list[str] = []
    for session, one in outcome.readings():
        entry = outcome.entry(session, one)
        name = one["title"] or (one.get("alt_titles") or one["urls"] or ["?"])[0]
        if entry is None:
            lost.append(f"{session}: {name}")
            kinds["NOT ACCOUNTED FOR"] += 1
            continue
        if one["title"] and fold(entry.title) == fold(one["title"]):
            kinds[outcome.has(entry)] += 1
            continue
        # An entry without a title of its own, or one that turned out to be the same reading.
        link = next((had for url in one["urls"] if (had := outcome.has(entry, url))), "")
        kinds[f"{link or 'not taken'}, as a further link of another entry"] += 1
        if not link:
            apart.append(f"{session}: {name} (with {entry.title}): {outcome.told(entry)}")
    print(f"\nThe {sum(kinds.values())} readings of the answer key:")
    for kind, count in kinds.most_common():
        print(f"  {count:4} {kind}")
    for text in (*(f"lost: {one}" for one in lost), *(f"not taken: {one}" for one in apart)):
        print(f"       {text}")


def table(outcome: Outcome) -> list[Row]:
    """Every defect of sections 1 to 7."""
    return [
        *_wrong_links(outcome),
        *_titles(outcome),
        *_no_links(outcome),
        *_forms(outcome),
        *_hosts(outcome, 5, "hostile host", HOSTILE),
        *_hosts(outcome, 6, "moved or gone", MOVED),
        *_structure(outcome),
    ]


def print_table(rows: Sequence[Row], verbose: bool) -> None:
    """The sums per section and kind, then the single cases."""
    print("\nDefects of the page, by section and how they were treated:")
    sums = Counter((row.section, row.kind, row.treated.partition(":")[0]) for row in rows)
    for (section, kind, treated), count in sorted(sums.items()):
        print(f"  {section}  {kind:28} {count:3}  {treated}")
    bad = [row for row in rows if not row.fine]
    print(f"{len(rows)} cases, {len(bad)} neither mended nor told")
    for row in rows if verbose else bad:
        print(f"  {row.section} {'' if row.fine else 'BAD '}{row.kind}: {row.what} → {row.treated}")


def _wrong_links(outcome: Outcome) -> Iterator[Row]:
    for title, link, right in WRONG_LINKS:
        for session, one in outcome.readings():
            named = (one["title"] or "").startswith(title)
            entry = outcome.entry(session, one) if named else None
            if entry is None:
                continue
            linked = next((url for url in entry.urls if link in url), "")
            told = outcome.told(entry)
            as_paper = bool(linked) and bool(outcome.has(entry, linked))
            if not linked:
                treated = "the link does not stand under this entry"
            elif as_paper:
                treated = f"TAKEN under the wrong name: {link}"
            else:
                took = f"right paper {right} taken, " if entry.arxiv_id == right else ""
                treated = f"{took}link refused and reported: {told}"
            yield Row(1, "wrong link", one["title"], treated, not as_paper)
            break


def _titles(outcome: Outcome) -> Iterator[Row]:
    for session, one in outcome.readings():
        entry = outcome.entry(session, one)
        if entry is None or not one["title"] or not one["urls"]:
            continue
        other = bool(one.get("alt_titles"))
        again = one["arxiv_id"] in RETITLED
        raw = bool(one.get("title_raw"))
        if not (other or again or raw):
            continue
        kind = "label or reworded title" if other else "title changed" if again else "decorated"
        first = outcome.has(entry, one["urls"][0])
        told = outcome.told(entry)
        treated = f"{first} taken" if first else f"{outcome.has(entry)}, told"
        fine = bool(first or told)
        yield Row(2, kind, one["title"], f"{treated}{': ' if told else ''}{told}", fine)


def _no_links(outcome: Outcome) -> Iterator[Row]:
    for session, one in outcome.readings():
        entry = outcome.entry(session, one)
        known = (one.get("suggested_arxiv") or {}).get("id")
        if entry is None or (one["urls"] and (not known or one.get("arxiv_id_is_wrong"))):
            continue
        told = outcome.told(entry)
        state = outcome.has(entry)
        if one["urls"]:
            kind = "linked elsewhere, on arXiv"
            took = entry.arxiv_id == known
            treated = f"arXiv {'copy' if took else ''} taken" if took else f"{state} from its link"
            fine = state in ("paper", "web page") or bool(told)
        elif known:
            kind = "no link, title on arXiv"
            took = entry.arxiv_id == known
            treated = "taken by its title" if took else f"{state}, told" if told else "MISSED"
            fine = took or bool(told)
        else:
            kind = "no link, not on arXiv"
            treated = f"{state}, told" if told else f"{state} from a link of its neighbour"
            fine = bool(told) or state in ("paper", "web page")
        name = one["title"] or (one.get("alt_titles") or ["?"])[0]
        yield Row(3, kind, f"{name} ({known})", f"{treated}{': ' if told else ''}{told}", fine)


def _form(url: str, one: dict[str, Any]) -> str:
    parts = urlsplit(url)
    if one.get("urls_raw"):
        return "stray mark after the link"
    if arxiv_id(url):
        if "arxiv.org" not in (parts.hostname or ""):
            return "arXiv id at another host"
        if one.get("arxiv_version"):
            return "versioned id"
        return "PDF instead of abstract" if "/pdf/" in parts.path else ""
    if "//" in parts.path:
        return "double slash"
    if parts.query or parts.fragment:
        return "query or fragment"
    return "direct PDF" if parts.path.endswith(".pdf") else ""


def _forms(outcome: Outcome) -> Iterator[Row]:
    for session, one in outcome.readings():
        entry = outcome.entry(session, one)
        for url in one["urls"]:
            form = _form(url, one)
            if form and entry is not None:
                yield Row(4, form, url, *_link(outcome, entry, url))
        if entry is not None and len(one["urls"]) > 1:
            had = sum(bool(outcome.has(entry, url)) for url in one["urls"])
            told = outcome.told(entry)
            fine = had == len(one["urls"]) or bool(told)
            treated = "all taken" if had == len(one["urls"]) else f"{had} taken, rest told: {told}"
            yield Row(4, "several links", entry.title, treated, fine)


def _link(outcome: Outcome, entry: ListedReading, url: str) -> tuple[str, bool]:
    """How one link was treated, and whether that is fine."""
    had = outcome.has(entry, url)
    if had:
        return f"{had} taken", True
    told = next(
        (says for s in outcome.lookups(entry) for at, event, says in s.attempts
         if event == "failed" and (at == url or url in says)),
        "",
    ) or outcome.told(entry)  # fmt: skip
    state = outcome.has(entry)
    instead = "arXiv copy" if entry.arxiv_id and state == "paper" else state
    return f"{instead} stands in, told: {told}" if told else f"{instead}, UNTOLD", bool(told)


def _hosts(outcome: Outcome, section: int, kind: str, hosts: Sequence[str]) -> Iterator[Row]:
    for session, one in outcome.readings():
        entry = outcome.entry(session, one)
        for url in one["urls"]:
            if entry is not None and url.partition("://")[2].startswith(hosts):
                yield Row(section, kind, url, *_link(outcome, entry, url))


def _structure(outcome: Outcome) -> Iterator[Row]:
    sessions = outcome.catalogue.sessions
    count = len(sessions) == len(outcome.key)
    yield Row(7, "sessions", f"{len(outcome.key)} in the key", f"{len(sessions)} read", count)
    lost = [one for s, one in outcome.readings() if outcome.entry(s, one) is None]
    yield Row(7, "readings", "all of the key", f"{len(lost)} lost", not lost)
    must_not = {fold(t) for s in outcome.key for t in s.get("must_not_emit", ())}
    false = [r.title for s in sessions for r in s.readings if fold(r.title) in must_not]
    yield Row(7, "false readings", f"{len(must_not)} traps", f"{len(false)} fallen for", not false)
    notes = {
        number
        for record in outcome.catalogue.records.values()
        if record.document.kind == "notes"
        for number in record.document.sessions
    }
    yield Row(7, "student notes", "kept apart", f"of {len(notes)} sessions", bool(notes))
