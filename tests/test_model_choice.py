"""A language model is offered, fetched and taken into use; nothing is downloaded here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seminar_rag.cli.main import main
from seminar_rag.config import load, save
from seminar_rag.course import Course
from seminar_rag.errors import ModelError
from seminar_rag.models import weights
from seminar_rag.models.suggested import GB, LANGUAGE_MODELS, LanguageModel, suggest

SPEC = LANGUAGE_MODELS[0].spec


@pytest.fixture
def fetched(tiny_course: Course, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Downloads put an empty file in place; the specs that were asked for."""
    asked: list[str] = []

    def get(
        models: Sequence[LanguageModel], folder: Path, **_: object
    ) -> weights.DownloadedWeights:
        asked.extend(one.spec for one in models)
        folder.mkdir(exist_ok=True)
        path = folder / models[0].file
        path.touch()
        return weights.DownloadedWeights(models[0].spec, path, "from the hub")

    monkeypatch.setattr(weights, "get", get)
    monkeypatch.setattr(Course, "open", lambda folder=None, data=None: tiny_course)
    return asked


def test_what_is_fetched_is_used_and_offered_no_more(
    tiny_course: Course, fetched: list[str]
) -> None:
    assert tiny_course.offer() is not None
    done = tiny_course.fetch_language_model(SPEC)
    assert "is in place, from the hub; answers are written with it from now on." in done
    assert tiny_course.parts.gguf() == tiny_course.parts.models_folder / LANGUAGE_MODELS[0].file
    assert tiny_course.offer() is None
    assert fetched == [SPEC]


def test_a_model_that_was_configured_gives_way(tiny_course: Course, fetched: list[str]) -> None:
    folder = tiny_course.config.folder
    save(folder, "llm", "model", "old.gguf")
    tiny_course.parts.config = replace(tiny_course.config, llm_model="old.gguf")
    assert tiny_course.offer() is not None  # it is not there
    tiny_course.fetch_language_model(SPEC)
    assert load(folder, {}).llm_model == SPEC
    assert tiny_course.parts.gguf() is not None


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("llm_url", "http://127.0.0.1:1/v1", "still written by the server at http://127.0.0.1:1"),
        ("llm_enabled", False, "quotations until [llm] enabled is true"),
    ],
)
def test_what_stands_in_its_way_is_told(
    tiny_course: Course, fetched: list[str], setting: str, value: object, says: str
) -> None:
    tiny_course.parts.config = replace(tiny_course.config, **{setting: value})  # type: ignore[arg-type]
    assert says in tiny_course.fetch_language_model(SPEC)


def test_get_prints_the_cost_and_takes_what_suits(
    fetched: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    suited = suggest(8 * GB, 2)
    monkeypatch.setattr("seminar_rag.models.suggested.suggest_here", lambda: suited)
    first = suited.require()[0]
    assert main(["models", "get", "--dry-run"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert f"8 GB of memory and 2 cores, so {first.name}: {first.cost}." in told
    assert "Where the hub cannot be reached, qwen2.5-coder-1.5b" in told
    assert fetched == []
    assert main(["models", "get"]) == 0
    assert fetched == [one.spec for one in suited.models]
    assert "is in place" in " ".join(capsys.readouterr().err.split())


def test_a_machine_that_is_too_small_gets_the_reason(
    fetched: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seminar_rag.models.suggested.suggest_here", lambda: suggest(GB, 1))
    assert main(["models", "get"]) == ModelError.exit_code
    assert "quotations, or a server" in " ".join(capsys.readouterr().err.split())
    assert fetched == []
