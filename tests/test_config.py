from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.config import Config, changed, from_environment, keys, load, save, settings
from seminar_rag.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    (folder / "seminar.toml").write_text(text, encoding="utf-8")
    return folder


def test_defaults_without_a_file(tmp_path: Path) -> None:
    config = load(tmp_path, {})
    assert config == Config(folder=tmp_path)
    assert config.data == tmp_path / ".seminar"


def test_file_then_environment_then_option(tmp_path: Path) -> None:
    write(tmp_path, '[serve]\nport = 8000\n[llm]\nurl = "http://127.0.0.1:1/v1"\n')
    config = load(tmp_path, {"SEMINAR_RAG_SERVE_PORT": "9000", "SEMINAR_RAG_LLM_ENABLED": "false"})
    assert (config.serve_port, config.llm_url) == (9000, "http://127.0.0.1:1/v1")
    assert config.llm_enabled is False
    assert load(tmp_path, {}, data=tmp_path / "elsewhere").data == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[llm\n", "correct it"),
        ("[lmm]\nurl = ''\n", "unknown section [lmm]"),
        ("[llm]\nurll = ''\n", "unknown key 'urll' in [llm]"),
        ("[check]\nmodel = 'x'\n", "[check] model was removed, claims are checked by the built-in"),
        ("[serve]\nport = '8000'\n", "[serve] port is '8000' — use a whole number"),
        ("[serve]\ntrusted_proxies = '*'\n", "use addresses or networks, separated by commas"),
        ("[serve]\nframe_ancestors = 'https://a.edu; script-src *'\n", "beginnings of addresses"),
        ("[serve]\nframe_ancestors = 'https://a.edu/course'\n", "what follows the host"),
        ("[serve]\nframe_ancestors = '*'\n", "beginnings of addresses"),
        ("[llm]\nenabled = 1\n", "[llm] enabled is 1 — use true or false"),
        ("title = 'x'\n", "unknown section [title]"),
        ("[journal]\ndays = 0\n", "use 1 or more"),
        ("[embed]\nprecision = 'int8'\n", 'use "auto"'),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SEMINAR_RAG_SERVE_PORT is 'many' — use a whole number"):
        load(tmp_path, {"SEMINAR_RAG_SERVE_PORT": "many"})


def test_every_field_is_a_key() -> None:
    assert keys()["llm"]["url"] == ""
    assert "folder" not in keys()


COMMENTED = """# The seminar of this spring.

[llm]   # a server in the basement
url = 'http://127.0.0.1:1/v1'  # never leaves the house
name = "basement"

[journal]
days = 30 # as agreed with the students
"""


def test_a_key_is_saved_and_everything_else_stays(tmp_path: Path) -> None:
    write(tmp_path, COMMENTED)
    (tmp_path / "seminar.toml").chmod(0o640)
    save(tmp_path, "journal", "days", 60)
    save(tmp_path, "journal", "enabled", True)
    save(tmp_path, "desk", "password_hash", 'a "quoted" $hash$')
    text = (tmp_path / "seminar.toml").read_text(encoding="utf-8")
    assert text.startswith(COMMENTED.replace("days = 30", "days = 60").rstrip("\n"))
    config = load(tmp_path, {})
    assert (config.journal_days, config.journal_enabled) == (60, True)
    assert config.desk_password_hash == 'a "quoted" $hash$'
    assert (tmp_path / "seminar.toml").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["seminar.toml"]


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    save(tmp_path, "desk", "password_hash", "x")
    assert (tmp_path / "seminar.toml").stat().st_mode & 0o777 == 0o600
    assert load(tmp_path, {}).desk_password_hash == "x"


def test_a_file_with_dotted_keys_can_be_changed(tmp_path: Path) -> None:
    save(write(tmp_path, "serve.port = 8000\n"), "serve", "host", "::1")
    config = load(tmp_path, {})
    assert (config.serve_port, config.serve_host) == (8000, "::1")


@pytest.mark.parametrize(
    ("text", "key", "value", "says"),
    [
        ("[llm\n", "days", 3, "cannot be changed"),
        ("journal = 3\n", "days", 3, "cannot be changed"),
        ("", "day", 3, "unknown key 'day'"),
        ("", "days", "3", "use a whole number"),
    ],
)
def test_what_cannot_be_saved_leaves_the_file_alone(
    tmp_path: Path, text: str, key: str, value: object, says: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError, match=says):
        save(tmp_path, "journal", key, value)  # type: ignore[arg-type]
    assert (tmp_path / "seminar.toml").read_text(encoding="utf-8") == text


def test_keys_of_the_environment_are_known() -> None:
    assert from_environment({"SEMINAR_RAG_LLM_URL": "x", "PATH": "y"}) == {"llm_url"}


def test_a_live_key_is_changed_here_and_in_the_file(tmp_path: Path) -> None:
    config = changed(load(tmp_path, {}), "answer", "passages", 5, {})
    assert config.answer_passages == 5
    assert load(tmp_path, {}) == config


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("answer", "passages", 0, "from 1 to 20"),
        ("answer", "passages", "5", "from 1 to 20"),
        ("journal", "enabled", 1, "true or false"),
        ("llm", "url", "http://127.0.0.1", "restart"),
        ("desk", "password_hash", "", "restart"),
        ("llm", "enabled", False, "SEMINAR_RAG_LLM_ENABLED decides"),
    ],
)
def test_what_may_not_change_is_refused(
    tmp_path: Path, section: str, key: str, value: object, says: str
) -> None:
    environ = {"SEMINAR_RAG_LLM_ENABLED": "true"}
    with pytest.raises(ConfigError, match=says):
        changed(load(tmp_path, environ), section, key, value, environ)  # type: ignore[arg-type]
    assert not (tmp_path / "seminar.toml").exists()


def test_settings_show_no_secret_and_what_is_fixed(tmp_path: Path) -> None:
    environ = {"SEMINAR_RAG_LLM_KEY": "hush", "SEMINAR_RAG_ANSWER_PASSAGES": "4"}
    shown = {(one.section, one.key): one for one in settings(load(tmp_path, environ), environ)}
    assert shown["llm", "key"].value == "set"
    assert shown["desk", "password_hash"].value == ""
    assert (shown["zotero", "key"].live, shown["zotero", "key"].secret) == (True, True)
    assert not shown["answer", "passages"].live
    assert shown["journal", "days"].live
    assert not shown["store", "url"].live
