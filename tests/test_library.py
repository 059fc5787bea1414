"""The documented Python example, run as it stands on the sample course."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from seminar_rag.course import Course

pytestmark = pytest.mark.model
PROGRAMS = Path(__file__).resolve().parents[1] / "docs" / "programs.md"


def test_the_example_of_the_readme_is_true(
    sample_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMINAR_RAG_DATA_DIR", str(sample_course.config.data))
    found = doctest.testfile(str(PROGRAMS), module_relative=False, verbose=False)
    assert found.attempted > 8
    assert found.failed == 0
