"""Finds what of a passage can be quoted: sentences that stand alone, lists with their lead, and
rows of tables with what names their cells.

Notes are mostly nested lists, where an item says little without the line it hangs under. So an
item is quoted with its short parent, a parent with its children, a row of a table with the line
above the table and the names of its columns, and what stands above a candidate in the outline is
kept beside it as its context. Everything here is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from seminar_rag.answer.persons import lists_persons
from seminar_rag.documents.readable import evidence, prose
from seminar_rag.question.language import language_of
from seminar_rag.text import OPEN_ENDS, names_columns
from seminar_rag.types import Hit, Passage, Sentence

LIST_ITEMS = 9
"""Items of a list that are quoted with the line that introduces it, at most."""
_LABEL_WORDS, _PARAGRAPH_LABEL_WORDS = 12, 6
"""The longest item, and the longest paragraph, that can be a label: a line that is quoted along
with what it introduces."""
_TERSE_WORDS, _ITEM_WORDS = 12, 40
"""Words of an average item of a list below a heading, and below any other line, at most."""
_SENTENCE_WORDS = 10
"""From this length on, the last line of a paragraph is a sentence even without a full stop."""
_EXPLANATION = 3
"""Sentences of a paragraph that are quoted with the label above it, at most."""
_LONGEST = 90
"""Words of the longest sentence that is quoted; a list may be half as long again."""

_ENDED = re.compile(r"[.!?…:;。！？：；][\"'”’)\]*]*$|[)\]”\"]$")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_OPENED = re.compile(r"^[\"'“‘(\[]*[^\W_]")
_ANAPHORIC = re.compile(
    r"^(?:this|these|those|it|its|they|their|he|she|such|here|there|however|moreover"
    r"|furthermore|therefore|thus|hence|additionally|in addition|in contrast|similarly|also|but"
    r"|and|so|then|the (?:former|latter|first|second|third|other|same)|both|instead"
    r"|for (?:example|instance))\b"
    r"|^(?:(?:to \w+|because of|as a result of|due to|despite|for|with|by|from|of|after|before)"
    r" (?:this|these|those|such))\b(?! (?:papers?|work|study|survey|review|article|blog|section"
    r"|chapter|lecture|session|course|post|notes?))",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:this|these|those|it|its|they|their)\b", re.IGNORECASE)
_CONTINUES_LOOSELY = re.compile(
    r"^(?:moreover|furthermore|additionally|in addition|also|and)\b", re.IGNORECASE
)
"""Opens a sentence that goes on from the one before but stands alone all the same."""
_ADDRESS = re.compile(r"\W*https?://")
_NUMBERED = re.compile(r"\s?(?:\[\^?\d[\d,;\s–-]*\]|【\d+】)")
_BULLET = re.compile(r"^(?:[+*•·–-]\s+\**|\*{2,})(?=\S)")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_ENTRY = re.compile(r"[^:\n]*\w: +\S")
"""A line that says all by itself, such as "Licence: free"; it introduces nothing."""
_CAPTION = re.compile(r"(?:table|tab\.)\s*[\dIVXA-Z]", re.IGNORECASE)
_LEAST_CAPTION = 4
"""Words below which a caption, such as "Table 2.", is read with the sentence after it."""
_ASIDE = re.compile(
    r"^(?:(?:figure|fig\.?|table|image|source|link|photo|slide|video|credit)s?\b\W{0,3}"
    r"(?:\d|:|credit|from)"
    r"|https?://|!?\[\[|!\[|(?:see|refer to|as shown in|image source)\b|\[?\d+\]?\W*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Neighbouring sentences of one passage that would be quoted together."""

    hit: int
    """1-based index of the passage among those offered."""
    sentences: tuple[Sentence, ...]
    text: str
    context: str
    """The lines above it in the outline, outermost first."""
    is_list: bool = False
    """Whether the first sentence introduces the others."""
    lead: int = 0
    """Of a row of a table: how many sentences before it the table's other rows are quoted with."""
    own: str = ""
    """Of a row of a table: its text without those."""

    @property
    def words(self) -> int:
        """Length in words."""
        return _length(self.text)


def candidates(index: int, hit: Hit, persons: bool = False) -> Iterator[Candidate]:
    """Yield the candidates of one offered passage in order; they may overlap.

    Args:
        index: 1-based index of the hit among those offered.
        persons: a list of persons may answer the question.
    """
    outline = _Outline(hit.passage, hit.document.title, persons)
    for at, sentence in enumerate(outline.sentences):
        if sentence.kind == "code":
            continue
        if sentence.kind == "table":
            lead, row = outline.row(at)
            if row:
                one = outline.candidate(index, [*lead, *row], above=outline.above(at))
                yield replace(one, lead=len(lead), own=outline.texts[at])
            continue
        whole_list = outline.whole_list(at)
        if whole_list:
            yield outline.candidate(index, whole_list, above=outline.above(at), is_list=True)
        if sentence.kind != "heading" and outline.quotable(at):
            lead_in, is_list = outline.lead_in(at)
            above = [one for one in outline.above(at) if one not in lead_in]
            yield outline.candidate(index, [*lead_in, at], above=above, is_list=is_list)


def unread(one: Candidate, passage: Passage, shown: str) -> Candidate | None:
    """What of a candidate was not shown yet, with what introduces it; None where that is nothing.

    Args:
        shown: earlier answers without their marks, white space folded; empty for most questions,
            whose candidates need no look then.
    """
    if not shown:
        return one
    lead = one.sentences[: max(one.lead, int(one.is_list))]
    own = one.sentences[len(lead) :]
    new = [each for each in own if not _was_shown(bare(passage.quote(each)), shown)]
    if not new or len(new) == len(own):
        return one if new else None
    text = " ".join(tidy(passage.quote(each)) for each in (*lead, *new))
    return replace(one, sentences=(*lead, *new), text=text)


def _was_shown(text: str, shown: str) -> bool:
    """Whether a text was quoted, or is a sentence that was written as it stands."""
    return f"“{text}”" in shown or (_length(text) >= _SENTENCE_WORDS and text in shown)


def lines_above(passage: Passage, at: int) -> list[int]:
    """The lines that a sentence stands below in the outline, as indices, outermost first."""
    return _Outline(passage).above(at)


class _Outline:
    """The sentences of a passage as lines of an outline; methods take and return their indices."""

    def __init__(self, passage: Passage, title: str = "", persons: bool = False) -> None:
        self.persons = persons
        self.title = tidy(title).casefold()
        self.sentences = passage.sentences
        self.heading = passage.own_heading
        self.texts = [tidy(passage.quote(one)) for one in passage.sentences]
        self.opens = [opens_block(passage, one) for one in passage.sentences]

    @cached_property
    def prose(self) -> list[float]:
        """The logarithm of the odds that each sentence is prose, as `readable` tells it."""
        if language_of(" ".join(self.texts)) not in ("en", ""):
            return [0.0] * len(self.texts)  # the small words of other languages are not known
        return prose(self.texts)

    def candidate(
        self, index: int, own: Sequence[int], *, above: Sequence[int], is_list: bool = False
    ) -> Candidate:
        text = " ".join(self.texts[i] for i in own)
        context = [self.texts[i] for i in above]
        if self.heading and self.heading not in context and not text.startswith(self.heading):
            context.insert(0, self.heading)
        sentences = tuple(self.sentences[i] for i in own)
        return Candidate(index, sentences, text, " › ".join(context), is_list)

    def quotable(self, at: int) -> bool:
        if self.texts[at].casefold() == self.title or self.texts[at].endswith(":"):
            return False
        last = at + 1 == len(self.sentences) or self.opens[at + 1]
        return quotable(self.texts[at], self._is_item(at), last, self.persons, self.prose[at])

    def lead_in(self, at: int) -> tuple[list[int], bool]:
        """Find the line that a sentence is quoted with, and whether that line introduces it."""
        if self._points_back(at):
            return [at - 1], False
        parent = next(reversed(self.above(at)), None)
        if parent is None or self.sentences[parent].kind == "heading":
            return [], False
        goes_on = self.texts[at][:1].islower() and self.opens[at]
        short = _length(self.texts[parent]) <= _LONGEST // 2
        return ([parent], True) if self._is_label(parent) or (goes_on and short) else ([], False)

    def row(self, at: int) -> tuple[list[int], list[int]]:
        """What a row of a table is quoted with, and the row; both empty where it says nothing."""
        first = at
        while first and self.sentences[first - 1].kind == "table" and not self.opens[first]:
            first -= 1
        rows = [first]
        while self._is_row(rows[-1] + 1) and not self.opens[rows[-1] + 1]:
            rows.append(rows[-1] + 1)
        head = [first] if names_columns([self.texts[i] for i in rows]) else []
        text = self.texts[at]
        cells = [cell for cell in text.split("|") if cell.strip()]
        # One row without figures may be the names of columns that go on in another passage.
        alone = len(rows) == 1 and not re.search(r"\d", text)
        if at in head or alone or len(cells) < 2 or not _worded(text):
            return [], []
        return [*self._caption(first, rows[-1]), *head], [at]

    def _caption(self, first: int, last: int) -> list[int]:
        """The sentence above a table that names or introduces it; none where there is doubt.

        A numbered caption between two tables may belong to either.
        """
        above = first - 1
        if above < 0 or self.sentences[above].kind != "paragraph":
            return []
        begins = above
        while begins and not self.opens[begins]:
            begins -= 1
        if _CAPTION.match(self.texts[begins]):
            if (begins and self._is_row(begins - 1)) or self._is_caption(last + 1):
                return []
            ends = begins + (_length(self.texts[begins]) < _LEAST_CAPTION and begins < above)
            return list(range(begins, ends + 1))
        text = self.texts[above]
        named = text[:1].isalpha() and (text.endswith(":") or self._is_label(above))
        return [above] if named and _length(text) <= _LONGEST // 2 else []

    def _is_row(self, at: int) -> bool:
        return 0 <= at < len(self.sentences) and self.sentences[at].kind == "table"

    def _is_caption(self, at: int) -> bool:
        return at < len(self.sentences) and bool(_CAPTION.match(self.texts[at]))

    def whole_list(self, at: int) -> list[int]:
        """A line with all that it introduces; empty where that is nothing, or not a list."""
        items = self._introduced(at)
        if not items:
            return []
        texts = [self.texts[i] for i in items]
        if any(text.casefold() == self.title for text in texts):
            return []
        if 2 * sum(self.prose[i] < 0 for i in items) > len(items):
            return []
        below_heading = self.sentences[at].kind == "heading"
        # An abstract set as items under its title is no list, and a title is no label.
        if below_heading and any(text.endswith(":") for text in texts):
            return []
        longest_item = _TERSE_WORDS if below_heading else _ITEM_WORDS
        words = sum(map(_length, texts))
        if words > min(1.5 * _LONGEST, longest_item * len(items)) or not any(
            _worded(text) and not _ADDRESS.match(text) for text in texts
        ):
            return []
        before = [at - 1] if _PRONOUN.match(self.texts[at]) and self._points_back(at) else []
        return [*before, at, *items[:LIST_ITEMS]]

    def above(self, at: int) -> list[int]:
        """The lines that a sentence hangs under, outermost first."""
        level = self.sentences[at].level if self._is_item(at) else -1
        found: list[int] = []
        for i in range(at - 1, -1, -1):
            line = self.sentences[i]
            if line.kind == "heading":
                found.append(i)
                break
            if line.kind == "item" and line.level < level:
                found.append(i)
                level = line.level
            elif line.kind == "paragraph" and level >= 0:
                if self.texts[i].endswith(":") or self._is_label(i):
                    found.append(i)
                level = -1
        return found[::-1]

    def _introduced(self, at: int) -> list[int]:
        """What a line introduces: the items nested in it, or those after a line with a colon."""
        lead, text = self.sentences[at], self.texts[at]
        items: list[int] = []
        for i in range(at + 1, len(self.sentences)):
            nested = lead.kind != "item" or self.sentences[i].level > lead.level
            if not (self._is_item(i) and nested):
                break
            items.append(i)
        if not items and lead.kind != "heading" and self._is_label(at):
            return self._explanation(at)
        if text.endswith(":"):
            return items
        if lead.kind == "item":
            return items if self.opens[at] else []
        unfinished = lead.kind == "paragraph" and self.opens[at] and not _ENDED.search(text)
        short = unfinished and _length(text) <= _LABEL_WORDS
        return items if short or self._is_label(at) else []

    def _explanation(self, at: int) -> list[int]:
        """The first sentences of the paragraph right below a label."""
        found: list[int] = []
        for i in range(at + 1, min(at + 1 + _EXPLANATION, len(self.sentences))):
            if self.sentences[i].kind != "paragraph" or self.opens[i] == bool(found):
                break
            if _ADDRESS.match(self.texts[i]):
                break
            found.append(i)
        return found

    def _points_back(self, at: int) -> bool:
        """Whether a sentence needs the one before it, and that one can be quoted."""
        text = self.texts[at]
        if not at or not _ANAPHORIC.match(text) or _CONTINUES_LOOSELY.match(text):
            return False
        if self.sentences[at - 1].kind != self.sentences[at].kind:
            return False
        if self._is_item(at) and self.opens[at]:
            return False
        return quotable(self.texts[at - 1], self._is_item(at - 1))

    def _is_item(self, at: int) -> bool:
        return self.sentences[at].kind == "item"

    def _is_label(self, at: int) -> bool:
        text = self.texts[at]
        longest = _PARAGRAPH_LABEL_WORDS
        if self._is_item(at) or text.endswith(":"):
            longest = _LABEL_WORDS
        return (
            _length(text) <= longest
            and not text.endswith((".", "!", ";", "。", "！"))
            and not _ANAPHORIC.match(text)
            and not _ADDRESS.match(text)
            and not (self.sentences[at].kind == "paragraph" and _ENTRY.match(text))
            and _worded(text)
        )


def opens_block(passage: Passage, sentence: Sentence) -> bool:
    """Whether a sentence is the first of its paragraph or item."""
    return passage.text[: sentence.start].endswith("\n") or not sentence.start


def quotable(
    text: str,
    item: bool = False,
    last: bool = False,
    persons: bool = False,
    prose: float | None = None,
) -> bool:
    """Whether a sentence reads well on its own: whole, made of words, neither scrap nor wall.

    Args:
        item: it stands in a list, where a phrase will do.
        last: it ends its paragraph.
        persons: it may list persons.
        prose: the logarithm of the odds that it is prose, where more is known than its own text.
    """
    length, last_word = _length(text), text.split()[-1:]
    if not (3 if item else 4) <= length <= _LONGEST or _ASIDE.match(text):
        return False
    listed = lists_persons(text)
    if listed or (evidence(text) if prose is None else prose) < 0:
        return listed and persons
    if item:
        return True
    if not _OPENED.match(text) or text[0].islower():
        return False
    broken_off = last_word[0].lower() in OPEN_ENDS or text.endswith(",")
    return bool(_ENDED.search(text)) or (last and length >= _SENTENCE_WORDS and not broken_off)


def tidy(text: str) -> str:
    """Fold white space, and take off markup that was left standing in the text."""
    return " ".join(_BULLET.sub("", _EMPHASIS.sub(r"\2", text)).split())


def bare(text: str) -> str:
    """Take off quotation marks around the whole, and the paper's own reference numbers, which
    would be read as marks of the answer."""
    text = tidy(_NUMBERED.sub("", text))
    inner = text[1:-1]
    if len(text) > 2 and text[0] in '"“' and text[-1] in '"”' and not re.search(r'["“”]', inner):
        return inner
    return text


def _length(text: str) -> int:
    """Length in words; two characters of a script without spaces count as one."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


def _worded(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]{2}", text))
