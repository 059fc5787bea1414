"""Which language a text is in, and what is said where it is not that of the readings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from seminar_rag.text import STOPWORDS, words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "nl": "Dutch", "pt": "Portuguese", "pl": "Polish", "tr": "Turkish", "zh": "Chinese",
    "ja": "Japanese", "ko": "Korean", "ru": "Russian", "el": "Greek", "he": "Hebrew",
    "ar": "Arabic", "hi": "Hindi", "sv": "Swedish", "da": "Danish", "no": "Norwegian",
    "cs": "Czech", "fi": "Finnish", "ro": "Romanian", "hu": "Hungarian", "uk": "Ukrainian",
    "bg": "Bulgarian", "sr": "Serbian", "fa": "Persian",
}  # fmt: skip
"""Languages that are told apart."""
_SURE, _LIKELY = 0.8, 0.5
"""How probable a language is that is believed, and one that has the most small words besides."""
_CLEAR = 2
"""Small words of English that need no model."""
_LATIN = 0x24F
"""The last letter of Latin script."""


def language_of(text: str) -> str:
    """The language of a text, as far as its small words or a trained model tell; else empty.

    The model (py3langid, of runs of letters) is read when a text has no two small words of English.
    Of 60 short questions in ten languages on which nothing was chosen, 51 are told (.85 [.74, .92])
    and one wrongly; by small words alone 29, and 4 wrongly. Of 80 English ones full of jargon and
    names none is taken for another language (.00 [.00, .05]), and of 2,448 more none.
    """
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return ""
    counts = _counted(text)
    told = _most(counts)
    if told == "en" and counts["en"] >= _CLEAR:
        return "en"
    code, probable = _model().classify(text)
    foreign = 2 * sum(ord(letter) > _LATIN for letter in letters) >= len(letters)
    if foreign or probable >= (_LIKELY if code == told != "en" else _SURE):
        return str(code)
    return "en" if told == "en" else ""


def _counted(text: str) -> dict[str, int]:
    said = words(text)
    return {code: sum(word in small for word in said) for code, small in _small().items()}


def _most(counts: Mapping[str, int]) -> str:
    first, second = sorted(counts.values(), reverse=True)[:2]
    return max(counts, key=counts.__getitem__) if first > second else ""


@cache
def _model() -> LanguageIdentifier:
    """Made when it is first needed, which takes half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(list(_NAMES))
    return model


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
