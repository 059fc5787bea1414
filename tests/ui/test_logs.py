"""Nothing secret in a log line, and nothing that was asked."""

from __future__ import annotations

import io
import logging

import pytest

from seminar_rag.ui.shared.logs import HIDDEN, safe_traceback, scrub_logs, scrubbed


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ('{"api_key": "0123456789abcdef"}', "0123456789abcdef"),
        ("got sk-proj-AbCdEf0123456789xyz back", "AbCdEf0123456789xyz"),
        ("hf_abcdefghijklmnopqrst", "abcdefghijklmnopqrst"),
        ("https://user:hunter22@host/v1", "hunter22"),
        ("password: hunter22", "hunter22"),
        ("$scrypt$ln=14,r=8$c2FsdHNhbHQ$aGFzaGhhc2g", "aGFzaGhhc2g"),
    ],
)
def test_secrets_are_hidden(line, secret):
    shown = scrubbed(line)
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "line",
    [
        "the index was made with all-MiniLM-L6-v2 in float32",
        "http://127.0.0.1:8000/v1 does not answer",
        "2311.05232: 12 passages",
        "task-oriented-dialogue-systems.pdf holds no text",
    ],
)
def test_other_lines_stay(line):
    assert scrubbed(line) == line


def test_a_configured_key_is_hidden_whatever_it_looks_like():
    assert scrubbed("key is swordfish!", ["swordfish"]) == f"key is {HIDDEN}!"


def test_a_traceback_tells_the_place_but_not_what_was_asked():
    question = "Was ist 'RAG'?\nZweite Zeile"
    try:
        raise ValueError(f"cannot parse {question!r} with api_key=0123456789")
    except ValueError as error:
        told = safe_traceback(error, question)
    assert "test_logs.py" in told
    assert "ValueError: cannot parse" in told
    assert "Zweite" not in told
    assert "0123456789" not in told


def test_no_log_line_of_any_library_has_a_secret():
    usual = logging.getLogRecordFactory()
    written = io.StringIO()
    log = logging.getLogger("a library")
    scrub_logs(["swordfish"])
    handler = logging.StreamHandler(written)  # made afterwards, as uvicorn makes its own
    log.addHandler(handler)
    try:
        raise ValueError("swordfish in the traceback")
    except ValueError:
        log.exception("with %s and %s", "swordfish", "Bearer abcdefgh12345678")
        log.warning("%d%% done", 50)
    finally:
        log.removeHandler(handler)
        logging.setLogRecordFactory(usual)
    assert "swordfish" not in written.getvalue()
    assert "abcdefgh" not in written.getvalue()
    assert f"ValueError: {HIDDEN} in the traceback" in written.getvalue()
    assert "50% done" in written.getvalue()
