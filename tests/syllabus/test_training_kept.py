"""A training that was broken off goes on where it stopped, if it learns from the same."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from bench import benchmark

training = benchmark("train_syllabus")
OPTIONS = {"folds": 8, "random": 5, "weight": 0.3, "made": 0.25, "dressed": 0.12, "trees": 60}


def test_a_part_that_was_done_is_not_done_again(tmp_path: Path) -> None:
    done: list[int] = []

    def work(number: int) -> int:
        done.append(number)
        return number * number

    for _ in range(2):
        assert training.in_turn(work, 3, 1, tmp_path / "labels") == [0, 1, 4]
    assert training.in_turn(work, 3, 1, tmp_path / "context") == [0, 1, 4]
    assert training.in_turn(work, 1, 1) == [0]
    assert done == [0, 1, 2, 0, 1, 2, 0]


def test_other_options_are_another_training() -> None:
    first = training.fingerprint(Namespace(**OPTIONS, jobs=1))
    assert training.fingerprint(Namespace(**OPTIONS, jobs=2)) == first
    assert training.fingerprint(Namespace(**{**OPTIONS, "trees": 61})) != first
