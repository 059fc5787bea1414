from __future__ import annotations

import pytest

from seminar_rag.check.claims import extract
from seminar_rag.course import Course


@pytest.fixture
def tiny(tiny_course: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    """The tiny course is what every command opens; texts are read without a process for it."""
    tiny_course.parts.extract.close()
    monkeypatch.setattr(
        type(tiny_course.parts.extract), "__call__", lambda _self, text: extract(text)
    )
    monkeypatch.setattr(Course, "open", lambda folder=None, data=None: tiny_course)
    return tiny_course
