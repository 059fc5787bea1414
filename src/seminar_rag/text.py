"""Words, sentences, numbers and months: the text operations that several rooms share.

Every function is pure and safe to call from several threads.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from string import whitespace
from typing import Any

_ABBREVIATIONS = frozenset(
    "al e.g i.e cf vs fig figs eq eqs sec secs tab tabs ref refs ch chap app approx resp etc no nos"
    " vol pp p ed eds prof dr mr mrs ms st w.r.t ca viz incl def thm prop lem cor alg".split()
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:al|e\.g|i\.e|cf|vs|[Ff]igs?|[Ee]qs?|[Ss]ecs?|[Tt]abs?|[Rr]efs?|[Cc]hap|[Aa]pp"
    r"|w\.r\.t|approx|resp|Dr|Prof|No|[Vv]gl|bzw|u\. ?a|z\. ?B|d\. ?h|Mrd|Mio|Nr)\.|\b[A-Z]\.)$"
)
_LONGEST_ABBREVIATION = 20
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_CHARACTER = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Thai, Lao, Khmer, kana, Chinese characters."""
_UNSPACED = re.compile(f"[{_CHARACTER}]")
_RUN = re.compile(f"[{_CHARACTER}]+|[^{_CHARACTER}]+")
_WIDE = re.compile(f"[{_CHARACTER}\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff65]")
"""A character of such a script, or its punctuation."""
_WIDE_STOP = re.compile("[。！？｡]+[」』”’）〉》]*")
_CHARSET = re.compile(
    rb"charset\s{0,9}=\s{0,9}[\"']?(?P<name>iso-8859-\d{1,2}|windows-125\d|koi8-[ru]"
    rb"|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5|macintosh|ibm866)\b",
    re.IGNORECASE,
)
"""A declared encoding of those that browsers know (WHATWG Encoding Standard), but for Unicode's: a
text that is none of these is no UTF-8, whatever it declares."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&$^])")
_CITATION_MARK = re.compile(r" ?\[\d{1,3}\]")

FUNCTION_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could d did do does doing down during each either
    every few for from further had has have having he hence her here hers herself him himself his
    how however i if in into is it its itself just ll m may me might mine more most must my
    myself neither no nor not of off on once one only onto or other our ours ourselves out over own
    re s same shall she should since so some such t than that the their theirs them themselves then
    there therefore these they this those through thus to too under until up upon us ve very via was
    we were what when where whether which while who whom whose why will with within would
    you your yours""".split()
)
"""Words that belong to the grammar of a sentence and not to what it is about."""
OPEN_ENDS = frozenset("a an the and or nor but than whether if because".split())
"""Words that no sentence ends with, unless it breaks off."""
STOPWORDS = (FUNCTION_WORDS - {"may", "must", "might", "one"}) | frozenset(
    """ok okay please tell according say says said paper papers
    aren didn doesn don isn wasn won
    arent didnt doesnt dont hows isnt ive thats wasnt whats whens wheres whos whys""".split()
)
"""Dropped from lexical queries: they match everything and cost most of the search."""

CARDINALS: dict[str, int] = {
    word: number
    for number, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty""".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
"""Number words by value."""
ORDINALS: dict[str, int] = {
    word: number
    for number, word in enumerate(
        """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
        thirteenth fourteenth fifteenth""".split(),
        1,
    )
}
MAGNITUDES: dict[str, float] = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
}  # fmt: skip
NUMBER_WORD = (
    "(?:"
    + "|".join(word for word, value in CARDINALS.items() if value > 1)
    + "|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|thirds?|quarters?)"
)
"""Pattern of a word for a number; "one" is a pronoun more often than one."""
MONTHS = tuple(
    "january february march april may june july august september october november december".split()
)
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
"""Pattern of an English month name or its abbreviation, for use with `re.IGNORECASE`."""


def words(text: str) -> list[str]:
    """The words of `text` in lower case; inner hyphens, dots and apostrophes kept together. Of
    scripts that put no space between words, pairs of neighbouring characters, as in Lucene's
    analyser for Chinese and Japanese."""
    found = [word.lower() for word in _WORD.findall(text)]
    if text.isascii() or not _UNSPACED.search(text):
        return found
    return [part for word in found for part in _pairs(word)]


def spaced(text: str) -> str:
    """A text with spaces around each character of scripts that put none between words."""
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def between(before: str, after: str) -> str:
    """What joins two lines or sentences: a space, or nothing in scripts without spaces."""
    wide = before and after and _WIDE.match(before[-1]) and _WIDE.match(after[0])
    return "" if wide else " "


def names_columns(rows: Sequence[str]) -> bool:
    """Whether the first of a table's rows names the columns: it has words, and fewer figures than
    any other row."""
    figures = [sum(map(_has_digit, row.split())) for row in rows]
    few = not figures[0] or figures[0] < min(figures[1:], default=0)
    return len(rows) > 1 and few and any(map(str.isalpha, rows[0]))


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _pairs(word: str) -> list[str]:
    """The pairs of characters of a word's unspaced runs, and its other parts."""
    if not _UNSPACED.search(word):
        return [word]
    out: list[str] = []
    for run in _RUN.findall(word):
        if _UNSPACED.match(run):
            out += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
        else:
            out += _WORD.findall(run)
    return out


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, repeats kept."""
    return [word for word in words(text) if word not in STOPWORDS]


def decoded(data: bytes) -> str:
    """A text in UTF-8, in UTF-16 with its mark, in the encoding that a page declares, or else in
    the code page of western Europe."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # it ends within a character
            return data.decode("utf-8-sig", "replace")
    declared = _CHARSET.search(data[:4096])
    if declared:
        with suppress(LookupError, UnicodeError):  # no such part of a standard, or not in it
            return data.decode(declared["name"].decode("ascii"))
    return data.decode("cp1252", "replace")


def one_line(text: str) -> str:
    """A text on one line, with single spaces."""
    return " ".join(text.split())


def for_markdown(text: str) -> str:
    """A text on one line, in which nothing is markup."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def fold(text: str) -> str:
    """Lower case, without accents, LaTeX and punctuation, words joined by single spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"\\[a-z]+|[$^{}]", "", plain)
    return " ".join(re.findall(r"\w+", plain))


def main_title(title: str) -> str:
    """The part before the subtitle."""
    return re.split(r"(?<!\s)(?:\s*[:?]\s+|\s+[-–—]\s+)", title.strip(), maxsplit=1)[0]


def fingerprint(text: str) -> str:
    """Sixteen hexadecimal digits that are the same for the same text alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def unmarked(text: str) -> str:
    """An answer without its citation marks [n]."""
    return _CITATION_MARK.sub("", text)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The word's English Snowball stem (Porter 2)."""
    return str(_stemmer("english").stemWord(word.removesuffix("'s").removesuffix("’s")))


@lru_cache(maxsize=65536)
def porter(word: str) -> str:
    """The word's stem by Porter's first algorithm, which SQLite's full text uses."""
    return str(_stemmer("porter").stemWord(word))


def stems(text: str) -> list[str]:
    """Stems of the content words; compounds ("state-of-the-art") give their parts."""
    out: list[str] = []
    for word in content_words(text):
        parts = [part for part in re.split(r"[-'’]", word) if part and part not in STOPWORDS]
        out.extend(stem(part) for part in parts)
    return out


def has_most(text: str, phrase: str) -> bool:
    """Whether a text has most of a phrase's content words, by their stems, wherever they stand."""
    wanted = set(stems(phrase))
    return len(wanted & set(stems(text))) > len(wanted) / 2


def plural(number: int, noun: str, many: str = "") -> str:
    """A number with its noun or its plural, which is the noun with an "s" if not given: "1
    reading", "1,200 readings"."""
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"


def numbered(noun: str, numbers: Iterable[int]) -> str:
    """A noun with the numbers it is known by: "session 3", "sessions 3, 4"; "" without numbers."""
    listed = [str(number) for number in numbers]
    return f"{noun}{'s' if len(listed) > 1 else ''} {', '.join(listed)}" if listed else ""


def first_of(names: Sequence[str], most: int = 30) -> str:
    """Names in a sentence, of very many only the first: "a, b and 12 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def cut(text: str, most: int) -> str:
    """A text, cut before a word with an ellipsis where it has more characters."""
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"


def common_length(one: Iterable[object], other: Iterable[object]) -> int:
    """How many characters, or tokens, both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


_STOPS = re.compile(r"[.!?…](?:[ \t]?[.!?…]){3,}")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, white space trimmed, in order, none empty. Punkt (Kiss &
    Strunk 2006) with the abbreviations of scientific prose; a break after "et al." or before a
    lower-case word or a bracket is undone."""
    # The dots of a table of contents end no sentence, and take Punkt minutes where there are many.
    plain = _STOPS.sub(lambda found: "-" * len(found[0]), text)
    spans: list[tuple[int, int]] = []
    for start, end in _wide_stops(plain, _punkt(plain)):
        if spans:
            first, last = spans[-1]
            if _continues(text[max(first, last - _LONGEST_ABBREVIATION) : last], text[start:end]):
                spans[-1] = (first, end)
                continue
        spans.append((start, end))
    return spans


def _wide_stops(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans, cut at the full stops of Chinese and Japanese, which no space follows."""
    for start, end in spans:
        first = start
        for stop in _WIDE_STOP.finditer(text, start, end):
            if rest := text[stop.end() : end].lstrip():
                yield first, stop.end()
                first = end - len(rest)
        yield first, end


def _continues(before: str, after: str) -> bool:
    """Whether the sentence that ends in `before` goes on with `after`."""
    if _ABBREVIATED.search(before):
        return True
    return after[:1].islower() or after[:1] in ")]},;:" or not re.search(r"\w", after)


_QUOTES = "\u2018\u2019\u201c\u201d\xab\xbb"
_BESIDE = rf"[)\";}}\]*:@'({{\[?!{_QUOTES}]"
"""Characters that stand in no word."""
_RUNS = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_TOKEN = re.compile(
    rf"""{_RUNS}
    |(?=[^(\"`{{\[:;&\#*@)}}\]\-,])\S+?(?=\s|$|{_BESIDE}|{_RUNS}|,(?=$|\s|{_BESIDE}|{_RUNS}))
    |\S""",
    re.VERBOSE,
)
_END = re.compile(rf"[.?!](?=(?P<after>{_BESIDE}|\s+(?P<next>\S+)))")
_CLOSING = re.compile(rf"[\"')\]}}{_QUOTES}]+?(?:\s+|(?=--)|$)", re.MULTILINE)
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?")
_INITIAL = re.compile(r"[^\W\d]\.")


def _punkt(text: str) -> Iterator[tuple[int, int]]:
    """The spans that NLTK's PunktSentenceTokenizer gives with our abbreviations, untrained. Without
    the seconds that NLTK takes to load; a test holds both against each other."""
    slices = list(_slices(text))
    moved = 0
    for (first, end), following in zip(slices, [*slices[1:], None], strict=True):
        start = first + moved
        moved = 0
        # Closing quotes and brackets belong to the sentence before them.
        if following and (closing := _CLOSING.match(text, *following)):
            moved = closing.end() - following[0]
            yield start, following[0] + len(closing[0].rstrip())
        elif start < end:
            yield start, end


def _slices(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark, context in _ends(text):
        tokens = [token for line in context.split("\n") for token in _TOKEN.findall(line)]
        if any(map(_ends_sentence, tokens, tokens[1:])):
            yield start, mark.end()
            start = mark.start("next") if mark["next"] else mark.end()
    yield start, len(text.rstrip())


def _ends(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each mark that may end a sentence, with the word before and what follows."""
    start = stop = 0
    mark: re.Match[str] | None = None
    for found in _END.finditer(text):
        before = text[stop : found.start()]
        space = max(map(before.rfind, whitespace))
        first = stop + space + 1 if space > 0 else start
        if mark and stop <= first:
            yield mark, text[start:stop] + mark[0] + mark["after"]
        mark, start, stop = found, first, found.start()
    if mark:
        yield mark, text[start:stop] + mark[0] + mark["after"]


def _ends_sentence(mark: str, following: str) -> bool:
    """Whether a sentence ends with this word or mark."""
    if mark in (".", "?", "!"):
        return True
    word, dot, rest = mark.rpartition(".")
    if not dot or rest or word.endswith("."):
        return False
    word = word.lower()
    if word in _ABBREVIATIONS or word.split("-")[-1] in _ABBREVIATIONS:
        return False
    initial = _INITIAL.fullmatch(mark)
    if initial or _NUMBER.fullmatch(mark):
        # "J. Bach" and "the 3. day" go on.
        goes_on = following in tuple(";:,.!?") or following[0].islower()
        return not (goes_on or (initial and following[0].isupper()))
    return True


_stemmers = threading.local()


def _stemmer(algorithm: str) -> Any:
    """The stemmer of this thread: it keeps the word that it works on in itself."""
    found = getattr(_stemmers, algorithm, None)
    if found is None:
        import snowballstemmer

        found = snowballstemmer.stemmer(algorithm)
        setattr(_stemmers, algorithm, found)
    return found
