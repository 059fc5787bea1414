"""Which language a text is in, and what is said where it is not that of the readings. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import resources

from seminar_rag.text import STOPWORDS, words

_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
"""Languages by the script that most of their texts are in; of two alike, the first."""
_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "nl": "Dutch", "pt": "Portuguese", "pl": "Polish", "tr": "Turkish", "zh": "Chinese",
    "ja": "Japanese", "ko": "Korean", "ru": "Russian", "el": "Greek", "he": "Hebrew",
    "ar": "Arabic", "hi": "Hindi",
}  # fmt: skip


def language_of(text: str) -> str:
    """The language whose small words a text has most of; empty for none, or two alike.

    A text mostly in letters of a script has that of it; of none that is known, "other".
    """
    letters = [letter for letter in text if letter.isalpha()]
    if letters and 2 * sum(ord(letter) > 0x24F for letter in letters) >= len(letters):
        found = Counter({code: len(script.findall(text)) for code, script in _SCRIPTS.items()})
        if found["ja"]:  # its texts have Chinese characters too
            return "ja"
        code, most = found.most_common(1)[0]
        return code if most else "other"
    said = words(text)
    counts = {code: sum(word in small for word in said) for code, small in _small().items()}
    first, second = sorted(counts.values(), reverse=True)[:2]
    return max(counts, key=counts.__getitem__) if first > second else ""


def name_of(code: str) -> str:
    """The English name of a language."""
    return _NAMES.get(code, "the language of the question")


def small_words(code: str) -> frozenset[str]:
    """The small words of a language; empty where they are not known."""
    return _small().get(code, frozenset())


def differs(asked: str, read: str) -> bool:
    """Whether a question is in another language than the readings, as far as both are known."""
    return bool(asked) and bool(read) and asked != read


def quoted_in(asked: str, read: str) -> str:
    """What is said above quotations to a question in another language; empty without need."""
    if not differs(asked, read):
        return ""
    own = _sentences().get(asked)
    if own and read == "en":
        return own[0]
    return f"The readings are in {_NAMES[read]} and quoted as they are." if read in _NAMES else ""


def ask_in(asked: str, read: str) -> str:
    """Why a question in another language is not answered, without its full stop."""
    if not differs(asked, read) or read not in _NAMES:
        return ""
    own = _sentences().get(asked)
    if own and read == "en":
        return own[1]
    return f"the readings are in {_NAMES[read]}; ask in {_NAMES[read]}"


def without_source(text: str, code: str) -> str:
    """A question without what names the course itself as the source: "the course says", "in our
    seminar". The text as it is where nothing else is asked.

    "The course of a disease" and "online courses" are what a question is about, and stay.

    Args:
        code: of its language; where that is not clear, the words of any may name the course.
    """
    rest = text
    for known, pattern in _sources().items():
        if code in ("", known):
            rest = pattern.sub(" ", rest)
    rest = " ".join(rest.split()).lstrip(" ,;:")
    small = small_words(code) | STOPWORDS
    return rest if any(word not in small for word in words(rest)) else text


@cache
def _sources() -> dict[str, re.Pattern[str]]:
    rows = (line.split("|") for line in _lines("sources.txt"))
    return {code.strip(): _source(*map(_any_of, fields)) for code, *fields in rows}


def _any_of(listed: str) -> str:
    """Pattern of any of the words of a list; a dot in one stands for a space."""
    return "|".join(re.escape(one).replace(r"\.", r"\s+") for one in listed.split())


def _source(says: str, beside: str, the: str, this: str, course: str, of: str) -> re.Pattern[str]:
    named = rf"(?:{course})(?!['’]?\w|-|\s+(?:{of})(?!\w))"
    ours = rf"(?:(?:{beside})\s+)?(?:{this})\s+{named}(?:\s+(?:{says})(?!\w))?"
    placed = rf"(?:{says}|{beside})\s+(?:(?:{the})\s+)?{named}"
    pattern = rf"(?<![\w-])(?:{ours}|{placed}|(?:{the})\s+{named}\s+(?:{says})(?!\w))"
    return re.compile(pattern, re.IGNORECASE)


@cache
def _small() -> dict[str, frozenset[str]]:
    lines = (line.split(":") for line in _lines("languages.txt"))
    return {code: frozenset(small.split()) for code, small in lines}


@cache
def _sentences() -> dict[str, tuple[str, str]]:
    rows = ([part.strip() for part in line.split("|")] for line in _lines("foreign.txt"))
    return {code: (found, none) for code, found, none in rows}


def _lines(name: str) -> Iterator[str]:
    file = resources.files("seminar_rag.question").joinpath(f"data/{name}")
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line
