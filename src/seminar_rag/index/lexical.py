"""Full-text search, in the course's own database, so that both change together.

Ranking is BM25 (Robertson & Zaragoza 2009) over three weighted fields with Porter stems; the index
itself is the engine's (`FullText`). Queries are helped by the course's own wording: abbreviations
that its texts explain, and the words that a misspelt one may stand for.

What is an English word is told by the vocabulary of a tokenizer that comes with llama-index
(cl100k, fitted to the text of the web): those 24,000 of its tokens that stand behind a blank and
are small letters alone, whole words and some beginnings of words. It has few names and hardly a
misspelling: of 658 made ones that the readings put right it holds 3. Of 322 words of a seminar and
of biomedical papers that the other one's readings lack, 20 were "put right"; the list saves 9 of
these.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from seminar_rag.index.engine import Connection
from seminar_rag.text import STOPWORDS, content_words, porter, spaced, words

SCHEMA = """
CREATE TABLE IF NOT EXISTS abbreviation(key INTEGER NOT NULL, short TEXT NOT NULL, long TEXT);
CREATE INDEX IF NOT EXISTS abbreviation_key ON abbreviation(key);
"""

COMMON = 10_000
"""A word that more passages have is slow to rank by and tells little: without such words, the
search of 100,000 passages took a third of the time. Most courses have fewer passages in all."""
_BATCH = 500
"""Passages that are indexed at a time where all are, so that memory stays bounded."""
_READ = 20
"""Passages in which the forms of a word are looked for."""
_WHOLE = 4
"""Letters of a stem from which on a word that begins with it may be a form of it."""
_LONG_STEM = 5
"""The same where it begins so but for one edit."""
_SHORT = re.compile(r"\(([A-Z][A-Za-z0-9-]{1,9}?)s?\)")
_BOUND = re.compile(r"[.;:!?,()\[\]\"“”][\s\"“”]")
_WINDOW = 600
"""Characters before a short form that are looked at for its long one."""
_PLAIN = re.compile(r"[^\W\d_]{5,}")


def add(db: Connection, rows: Sequence[tuple[int, str, str, str]]) -> None:
    """Index passages: (key, title, heading, text)."""
    db.full_text.add(db, rows)
    db.executemany(
        "INSERT INTO abbreviation VALUES (?, ?, ?)",
        [(key, *pair) for key, *texts in rows for one in texts for pair in abbreviations(one)],
    )


def remove(db: Connection, keys: Sequence[int]) -> None:
    """Remove passages by key."""
    db.full_text.remove(db, keys)
    db.executemany("DELETE FROM abbreviation WHERE key = ?", [(key,) for key in keys])


def rebuild(db: Connection) -> int:
    """Drop the index and build it again from the stored passages; their number."""
    schema = SCHEMA + db.full_text.SCHEMA
    for kind, name in re.findall(r"(TABLE|VIEW) IF NOT EXISTS (\w+)", schema):
        db.execute(f"DROP {kind} IF EXISTS {name}")
    db.create(schema)
    last = count = 0
    query = "SELECT key, title, heading, text FROM passage WHERE key > ? ORDER BY key LIMIT ?"
    while rows := db.execute(query, (last, _BATCH)).fetchall():
        add(db, rows)
        last, count = rows[-1][0], count + len(rows)
    return count


def corrected(db: Connection, word: str, stems: Sequence[str]) -> str | None:
    """The word of the passages, whose vocabulary is `stems`, that an unknown word is a misspelling
    of; None where there is none."""
    near = [*spelling_candidates(word, stems), *spelling_candidates(porter(word), stems)]
    # An error leaves a stem far from the word, whole or not: "generaton", "gener"; "diffrence",
    # "differ".
    begun = [stem for stem in stems if len(stem) >= _WHOLE and _begins(word, stem)]
    for stem in dict.fromkeys([*near, *sorted(begun, key=len, reverse=True)]):
        rows = db.execute(
            "SELECT title || ' ' || heading || ' ' || text FROM passage WHERE key IN"
            " (SELECT CAST(value AS BIGINT) FROM json_each(?)) ORDER BY key",
            (json.dumps(db.full_text.having(db, [stem], _READ)),),
        )
        words = re.findall(r"[^\W_]+", spaced(" ".join(text for (text,) in rows)).lower())
        written = [one for one, _ in Counter(words).most_common()]
        found = spelling_candidates(word, written)
        if found:
            return found[0]
    return None


def _begins(word: str, stem: str) -> bool:
    """Whether a word begins with a stem, or with one edit of it where it is long enough to tell."""
    if word.startswith(stem) or len(stem) < _LONG_STEM or word[0] != stem[0]:
        return word.startswith(stem)
    from rapidfuzz.distance import OSA

    ends = range(len(stem) - 1, min(len(stem) + 2, len(word)))
    return any(OSA.distance(word[:end], stem, score_cutoff=1) <= 1 for end in ends)


def query_terms(question: str) -> list[str]:
    """The words of a question to search for: its content words, or all words without any."""
    return list(dict.fromkeys(content_words(question) or words(question)))


def idf(passages: int, having: int) -> float:
    """Inverse document frequency of a term: ln((n + 1) / (df + 0.5)), n passages in all."""
    return math.log((passages + 1) / (having + 0.5))


# --- wording ---------------------------------------------------------------------------------


def abbreviations(text: str) -> Iterator[tuple[str, str]]:
    """Pairs (short, long) that the text explains: "retrieval-augmented generation (RAG)". The short
    form's characters stand in the long form in order, the first at the start of a word (Schwartz &
    Hearst 2003). Short forms with one capital are names more often and are left out."""
    for match in _SHORT.finditer(text):
        short = match[1]
        if sum(c.isupper() for c in short) < 2:
            continue
        before = _BOUND.split(text[max(0, match.start() - _WINDOW) : match.start()])[-1].split()
        long = _long_form(short, " ".join(before[-min(len(short) + 5, 2 * len(short)) :]))
        if " " in long or "-" in long:
            yield short, long.lower()


def _long_form(short: str, before: str) -> str:
    """The shortest end of `before` that holds the characters of `short`; empty if none does."""
    letters = [c.lower() for c in short if c.isalnum()]
    lower = [c.lower() for c in before]
    at = len(before)
    for place in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and (
            lower[at] != letters[place] or (place == 0 and at > 0 and before[at - 1].isalnum())
        ):
            at -= 1
    long = before[max(at, 0) :] if at >= 0 else ""
    # Letters scattered over few words explain nothing ("OpenAI" in any long sentence).
    words = re.findall(r"\w+", long)
    return long if len(long) > len(short) + 2 and len(words) <= len(short) + 2 else ""


def misspelt(word: str) -> bool:
    """Whether an unknown word may be a misspelling: letters alone, and long enough to tell."""
    return bool(_PLAIN.fullmatch(word)) and word not in STOPWORDS


def spelling_candidates(word: str, vocabulary: Iterable[str]) -> list[str]:
    """Words of the vocabulary that `word` may be a misspelling of, nearest first. One edit, two in
    words of eight letters or more (Damerau 1964: a letter wrong, missing, too many, or two
    swapped); the first letter is taken to be right."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    edits = 1 if len(word) < 8 else 2
    near = process.extract(
        word,
        [one for one in vocabulary if one[:1] == word[:1]],
        scorer=OSA.distance,
        score_cutoff=edits,
        limit=5,
    )
    return [one for one, distance, _ in near if distance]


# --- English words ---------------------------------------------------------------------------

_LIST = Path("core", "_static", "tiktoken_cache", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4")
_BEGINS = (b"IG", b"IH")
"""How a blank and a small letter begin in base 64."""
_LEAST = 3


def is_english(word: str) -> bool:
    """Whether a word of three letters or more, in any case, is in the list; False without one."""
    return word.lower() in _known()


@cache
def _known() -> frozenset[str]:
    """The list; it is read when it is first needed, without loading the package."""
    spec = find_spec("llama_index")
    for folder in (spec and spec.submodule_search_locations) or ():
        try:
            lines = Path(folder, _LIST).read_bytes().splitlines()
            tokens = [base64.b64decode(one.split()[0])[1:] for one in lines if one[:2] in _BEGINS]
        except (OSError, binascii.Error, IndexError):
            continue
        return frozenset(
            one.decode() for one in tokens if len(one) >= _LEAST and one.isalpha() and one.islower()
        )
    return frozenset()
