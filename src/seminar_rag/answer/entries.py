"""Tells a piece of a list of references, of which nothing is quoted, from prose. Pure."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"\barXiv preprint\b|\b(?:doi|DOI):|\bIn:? Proceedings of\b"
    r"|\b[A-Z]\.,? \(\d{4}[a-z]?\)\. [A-Z]"
    r"|, (?:(?:[A-Z]\. ?){1,3}|[A-Z]\w{1,20}, )et al\. [\"“A-Z]"
    r"|\b(?:19|20)\d\d ?; ?\d{1,4}(?:\(\d{1,3}\))?: ?e?\d"
    r"|\b\d{1,4} ?\(\d{1,3}\)[,:] ?e?\d|\bpp\. ?\d{1,5}[–-]\d{1,5}, (?:19|20)\d\d\b"
)
"""What an entry has and prose hardly ever. Prose that cites has "(pp. 195–198)" and "by Carey
(1978). Later" too, but no "Carey, S. (1978). The", and no volume with its pages."""
_ENTRIES = 3


def lists_works(text: str) -> bool:
    """Whether a passage has the marks of three entries."""
    return len(_MARK.findall(" ".join(text.split()))) >= _ENTRIES
