"""Workers of a program that has no `__main__` guard, as scripts and notebooks have none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import operator
from seminar_rag.guard import WorkerPool

print("the script begins")
pool = WorkerPool(workers=1, memory=1 << 32)
print(pool.run(30, operator.add, 40, 2))
pool.close()
"""


@pytest.mark.parametrize("how", ["file", "input"])
def test_a_script_without_a_main_guard_runs_once_and_its_workers_answer(
    how: str, tmp_path: Path
) -> None:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    command = [sys.executable, str(file) if how == "file" else "-"]
    given = SCRIPT if how == "input" else None
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
    assert ran.stdout.split("\n") == ["the script begins", "42", ""], ran.stderr
    assert ran.returncode == 0
