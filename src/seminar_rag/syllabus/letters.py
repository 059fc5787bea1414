"""Capital and small letters as classes of patterns, which `re` has no names for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

_ALPHABETS = 0x2000
"""Below it lie all letters of Latin, Greek, Cyrillic, Armenian and Georgian that pages are written
in, and that are capital or small."""


def _letters(kind: Callable[[str], bool]) -> str:
    """The letters of a kind, as what stands between the brackets of a pattern's class."""
    runs = [list(run) for has, run in groupby(map(chr, range(_ALPHABETS)), kind) if has]
    return "".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


CAPITALS, SMALL = _letters(str.isupper), _letters(str.islower)
"""What `str.isupper` and `str.islower` say of a letter: "Š" and "Ł" are capitals like "S"."""
