from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.config import Config, keys, load
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
    config = load(tmp_path, {"SEMINAR_RAG_SERVE_PORT": "9000", "SEMINAR_RAG_LLM_GRAMMAR": "false"})
    assert (config.serve_port, config.llm_url) == (9000, "http://127.0.0.1:1/v1")
    assert config.llm_grammar is False
    assert load(tmp_path, {}, data=tmp_path / "elsewhere").data == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[llm\n", "correct it"),
        ("[lmm]\nurl = ''\n", "unknown section [lmm]"),
        ("[llm]\nurll = ''\n", "unknown key 'urll' in [llm]"),
        ("[serve]\nport = '8000'\n", "[serve] port must be a whole number"),
        ("[llm]\ngrammar = 1\n", "[llm] grammar must be true or false"),
        ("title = 'x'\n", "unknown section [title]"),
        ("[embed]\nprecision = 'int8'\n", 'use "auto"'),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SEMINAR_RAG_SERVE_PORT must be a whole number"):
        load(tmp_path, {"SEMINAR_RAG_SERVE_PORT": "many"})


def test_every_field_is_a_key() -> None:
    assert keys()["llm"]["url"] == (str, "")
    assert "folder" not in keys()
