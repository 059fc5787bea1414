"""Sentences about the passages: that they do not say something, or only that they answer.

A model that is asked to answer from passages may write of them instead of from them. Such a
sentence states nothing that a passage could bear out, and is no answer.
"""

from __future__ import annotations

import re

_OURS = r"(?:passages?|excerpts?|quotations?|readings?)"
"""Words for what is shown that a sentence from the readings seldom has."""
_THEIRS = r"(?:texts?|sources?|documents?)"
_GIVEN = r"(?:provided|given|shown|supplied|above|available)"
_THE = r"(?:(?:the|these|those|this|that|your|all|both|any|either|each|of)\s++){0,4}+"
_MORE = rf"(?:,?\s++(?:\d{{1,2}}|and|or|{_GIVEN})\b)*+"
_GIVEN_ONES = rf"{_GIVEN}\s++(?:{_OURS}|{_THEIRS}|context|information)"
_PLACE = (
    rf"{_THE}(?:(?:two|three|four|other|specific)\s++)*+"
    rf"(?:{_OURS}{_MORE}|{_GIVEN_ONES}|(?:{_THEIRS}|context|information)\s++{_GIVEN})\b"
)
_SUBJECT = rf"(?:{_PLACE}|{_THE}{_THEIRS}\b)"
_DENIES = (
    r"(?:\w{2,6} ?n[o’']t|cannot|lacks?|fails?|only|no|nothing|neither|nor|silent|without|nowhere)"
)
_NOT = r"(?:\w{2,6} ?n[o’']t|cannot|no|nothing|neither|nowhere|unclear|unknown|impossible)"
"""What denies something wherever it stands; "only" and "fails" do so of the passages alone."""
_SAYING = (
    r"(?:answer|address|mention|say|state|specif|provide|contain|discuss|give|name|tell|explain"
    r"|include|describe|indicate|offer|define|cover|list)\w*+"
)
_LEAD = (
    r"(?:(?:however|but|unfortunately|sadly|sorry|thus|yes|so|note that|it seems that)\b,?\s++)*+"
)
_ABOUT = re.compile(
    rf"{_LEAD}(?:"
    rf"{_PLACE},?(?:\s++(?:however|also|do|does|is|are)\b,?)*?\s++"
    rf"(?:{_DENIES}\b|\w++\s++(?:no|nothing)\b|(?:answers?|address(?:es)?)\b)"
    # A reading may be about texts and sources: "the sources do not agree".
    rf"|{_THE}{_THEIRS}\s++(?:(?:do|does|did) ?n[o’']t\s++(?:\w{{1,20}}ly\s++)?{_SAYING}"
    rf"|{_SAYING}\s++(?:no|nothing)\b|answers?\b)"
    rf"|(?:none of|neither of)\s++{_SUBJECT}|(?:neither|no)\s++{_OURS}\b"
    r"|i(?:['’]m| am) (?:sorry|unable|not (?:able|sure))\b"
    r"|i (?:cannot|can ?n[o’']t|could ?n[o’']t|do ?n[o’']t|was (?:not|unable))\b"
    r"|(?:there (?:is|are|was|were) )?no (?:\w++ )?(?:mention\b|(?:information|details?|answer)"
    r"(?:\W*+$|\s++(?:about|on|regarding|concerning|of|as|to|whether|that|in|here|given|provided"
    r"|available|(?:is|are|was|were) (?:\w++ )?(?:given|provided|available|mentioned|found|stated"
    r"|specified|there))\b))"
    rf"|.{{0,120}}?\b(?:{_NOT}|insufficient)\b.{{0,120}}?"
    rf"\b(?:in|by|from|within|with|using|on|of)\s++"
    rf"(?:(?!{_OURS}\s++[^\W\d]){_PLACE}(?!['’])|the text\b(?=\W*+$))"
    rf"|(?:based on|according to|from|in|while)\s++{_SUBJECT}.{{0,80}}?"
    rf"(?:\bit is (?:not (?:possible|clear)|impossible|unclear)\b|\bthere is no\b"
    rf"|\bthey {_DENIES}\b)"
    r")",
    re.IGNORECASE,
)


def leaves_open(sentence: str) -> bool:
    """Whether a sentence tells of the passages that they do not say something, or only that they
    answer a question."""
    return bool(_ABOUT.match(sentence))
