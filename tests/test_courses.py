"""Several courses in one folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from seminar_rag.config import load
from seminar_rag.courses import Courses
from seminar_rag.errors import ConfigError
from seminar_rag.models_in_use import Shared


def put(folder: Path, name: str, toml: str = "") -> Path:
    course = folder / name
    course.mkdir()
    (course / "seminar.toml").write_text(toml, encoding="utf-8")
    return course


@pytest.fixture
def courses(tmp_path: Path) -> Iterator[Courses]:
    put(tmp_path, "one", '[course]\nname = "One"\n')
    put(tmp_path, "two")
    (tmp_path / "notes").mkdir()  # has no seminar.toml
    (tmp_path / "README").touch()
    opened = Courses(tmp_path)
    opened.refresh()
    yield opened
    opened.close()


def test_the_courses_of_a_folder_share_their_models_and_nothing_else(courses: Courses) -> None:
    one, two = courses.open["one"], courses.open["two"]
    assert sorted(courses.open) == ["one", "two"]
    assert one.name == "One"
    assert one.embedder is two.embedder
    assert one.parts.extract is two.parts.extract
    assert one.store is not two.store
    assert one.config.data != two.config.data


def test_courses_come_and_go(courses: Courses, tmp_path: Path) -> None:
    assert courses.refresh() == ((), ())
    new = put(tmp_path, "new")
    assert courses.refresh() == ((), ()), "it may still be being copied"
    (new / "more").touch()
    assert courses.refresh() == ((), ())
    assert courses.refresh().opened == ("new",)
    course = courses.open["new"]
    shutil.rmtree(new)
    assert courses.refresh().gone == (("new", course),)
    assert "new" not in courses.open
    course.close()


def test_a_folder_that_takes_the_place_of_another_is_another_course(
    courses: Courses, tmp_path: Path
) -> None:
    before = courses.open["two"]
    (tmp_path / "two").rename(tmp_path / "notes" / "two")
    put(tmp_path, "two", '[course]\nname = "Another"\n')
    assert courses.refresh().gone == (("two", before),)
    courses.refresh()
    assert courses.open["two"].name == "Another"
    before.close()


@pytest.mark.parametrize(
    ("name", "toml", "says"),
    [
        ("broken", "[nonsense]\nx = 1\n", "unknown section [nonsense]"),
        ("half", "[course\n", "cannot be read"),
        ("with space", "", "cannot be part of an address"),
        ("thief", '[data]\ndir = "../one/.seminar"\n', "has the data folder of one"),
    ],
)
def test_a_broken_course_is_named_and_takes_no_other_down(
    courses: Courses, tmp_path: Path, name: str, toml: str, says: str
) -> None:
    course = put(tmp_path, name, toml)
    courses.refresh()
    courses.refresh()
    assert says in courses.broken[name]
    assert sorted(courses.open) == ["one", "two"]
    shutil.rmtree(course)
    courses.refresh()
    assert courses.broken == {}


def test_a_broken_course_opens_once_it_is_mended(courses: Courses, tmp_path: Path) -> None:
    course = put(tmp_path, "broken", "[nonsense]\nx = 1\n")
    for _ in range(2):
        courses.refresh()
    (course / "seminar.toml").write_text("", encoding="utf-8")
    for _ in range(2):
        courses.refresh()
    assert (list(courses.broken), sorted(courses.open)) == ([], ["broken", "one", "two"])


def test_two_courses_do_not_share_a_collection_of_a_chroma_server(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    put(tmp_path, "one", f'[store]\nurl = "{url}"\n')
    put(tmp_path, "same", f'[store]\nurl = "{url}"\n')
    put(tmp_path, "two", f'[store]\nurl = "{url}/two"\n')
    opened = Courses(tmp_path)
    opened.refresh()
    assert sorted(opened.open) == ["one", "two"]
    assert f"{url}/same" in opened.broken["same"]
    opened.close()


def test_what_nobody_uses_is_forgotten_and_can_be_used_again(courses: Courses) -> None:
    before = courses.open["one"]
    courses.renew("one")
    assert courses.open["one"] is not before
    assert courses.open["one"].catalogue().sessions == ()


def test_a_course_takes_what_holds_for_all_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    (tmp_path / "seminar.toml").write_text(
        '[llm]\nmodel = "model.gguf"\nmax_tokens = 200\n'
        '[course]\nname = "All"\n[serve]\nrate = 5\n',
        encoding="utf-8",
    )
    course = put(tmp_path, "one", "[serve]\nrate = 7\n")
    config = load(course, {}, base=load(tmp_path, {}))
    assert config.llm_model == str(tmp_path / "model.gguf")
    assert (config.llm_max_tokens, config.serve_rate, config.course_name) == (200, 7, "")
    assert config.data == course / ".seminar"


def test_there_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        Courses(tmp_path / "nowhere")


def test_a_model_is_made_once_and_freed_when_nobody_holds_it() -> None:
    class Model:
        pass

    made = []

    def make() -> Model:
        made.append(1)
        return Model()

    models = Shared()
    one = models.get("a", make)
    assert models.get("a", make) is one
    assert models.get("b", make) is not one
    assert len(made) == 2
    del one
    models.get("a", make)
    assert len(made) == 3


def test_workers_are_kept_until_all_are_closed() -> None:
    closed = []

    class Workers:
        def close(self) -> None:
            closed.append(self)

    shared = Shared()
    first = shared.workers(Workers)
    assert shared.workers(Workers) is first
    shared.close()
    assert closed == [first]


@pytest.mark.slow
def test_courses_share_a_language_model_that_lies_in_their_folder(
    tmp_path: Path, tiny_gguf: Path
) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    (tmp_path / ".seminar" / "models").mkdir(parents=True)
    shutil.copy(tiny_gguf, tmp_path / ".seminar" / "models")
    (tmp_path / "seminar.toml").write_text("[llm]\nthreads = 1\n", encoding="utf-8")
    put(tmp_path, "one")
    put(tmp_path, "two")
    opened = Courses(tmp_path)
    opened.refresh()
    one, two = (opened.open[name].parts.llm for name in ("one", "two"))
    assert one is not None
    assert one is two
    opened.close()
