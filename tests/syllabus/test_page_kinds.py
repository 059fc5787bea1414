"""Kinds of course pages that are easily misread, a small page of each.

`keys.json` says of each page, in order, its sessions with readings: title, and the title and
section of each reading.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seminar_rag.syllabus.read import read_syllabus

PAGES = Path(__file__).parent / "kinds"
KEYS: dict[str, Any] = json.loads((PAGES / "keys.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", KEYS)
def test_a_page_of_this_kind_is_read_right(name: str) -> None:
    found = [
        [session.title, [[reading.title, reading.section] for reading in session.readings]]
        for session in read_syllabus(PAGES / name).sessions
        if session.readings
    ]
    assert found == KEYS[name]
