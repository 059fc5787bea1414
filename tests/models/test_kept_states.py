"""What was read, copied out of a context: which copies are kept and used, and what spoils one."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import ChatMessage

from gguf_fixture import build_gguf
from seminar_rag.models import reader, states
from seminar_rag.models.local import LlamaCpp
from seminar_rag.models.states import State

pytestmark = [pytest.mark.slow, pytest.mark.model]

BEGIN = ChatMessage("Answer from the passages. " * 20, role="system")


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def opened(gguf: Path) -> Iterator[LlamaCpp]:
    llm = LlamaCpp(gguf, context=1024, threads=1, opening=[BEGIN])
    yield llm
    llm.close()


def said(llm: LlamaCpp, *messages: ChatMessage) -> str:
    return "".join(llm.stream(messages, max_tokens=2, stop=lambda: False))


def about(word: str, times: int = 32) -> ChatMessage:
    return ChatMessage(f"{word} is a word. " * times)


def waiting(llm: LlamaCpp) -> list[list[int]]:
    return [one.tokens for one in llm._reader._waiting]


def test_a_state_larger_than_all_the_room_leaves_the_others(
    gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = LlamaCpp(gguf, context=1024, threads=1)
    for word in ("Tea", "Ink", "Oak", "Bee"):
        said(llm, about(word))
    room = sum(len(one.content) for one in llm._reader._waiting)
    monkeypatch.setattr(reader, "WAITING", room)
    said(llm, about("Sun", 110))
    before = waiting(llm)
    assert before
    assert llm._api.llama_state_seq_get_size(llm._reader._context, 0) > room
    said(llm, about("Elm"))
    assert waiting(llm) == before
    llm.close()


def test_a_new_conversation_goes_on_from_the_opening_and_moves_no_other(
    opened: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for word in ("Tea", "Ink", "Oak"):
        said(opened, BEGIN, about(word))
    said(opened, ChatMessage("Of what?"))
    before, loaded = waiting(opened), list[State]()
    put = states.put
    monkeypatch.setattr(states, "put", lambda *to: loaded.append(to[-1]) or put(*to))
    said(opened, BEGIN, about("Sun"))
    assert loaded == [opened._reader._opening]
    assert waiting(opened)[:3] == before


def test_without_memory_for_a_copy_questions_are_answered(
    gguf: Path, tmp_path: Path, opened: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(BEGIN, about(word)) for word in ("Tea", "Ink", "Tea")]
    answers = [said(opened, *messages) for messages in asked]
    monkeypatch.setattr(opened._api, "llama_state_seq_get_data", lambda *_: 0)
    kept = tmp_path / "tiny.opening"
    llm = LlamaCpp(gguf, context=1024, threads=1, opening=[BEGIN], kept=kept)
    assert [said(llm, *messages) for messages in asked] == answers
    assert not waiting(llm)
    llm.choose("Say A or B. " * 20, [], ["Is it?"], ["A", "B"])
    assert not list(tmp_path.iterdir())
    llm.close()


@pytest.mark.parametrize(("size", "written"), [(1 << 46, 1 << 46), (8, 0), (8, 4), (0, 0)])
def test_what_cannot_be_copied_is_no_state(size: int, written: int) -> None:
    api = SimpleNamespace(
        llama_state_seq_get_size=lambda *_: size, llama_state_seq_get_data=lambda *_: written
    )
    assert states.copied(api, None, 0, [1, 2]) is None


@pytest.mark.parametrize("speed", [b"1000.0", b"nan", b"inf", b"-5.0", b"1e1"])
def test_a_speed_that_was_changed_is_not_believed(tmp_path: Path, speed: bytes) -> None:
    file = tmp_path / "x.opening"
    states.save(file, State([1, 2], (ctypes.c_uint8 * 3)(7, 8, 9)), "model", 10.0)
    found = states.load(file, [1, 2], "model")
    assert found is not None
    assert (bytes(found[0].content), found[1]) == (b"\7\10\11", 10.0)
    head, content = file.read_bytes().split(b"\n")
    file.write_bytes(head.split()[0] + b" " + speed + b"\n" + content)
    assert states.load(file, [1, 2], "model") is None


@pytest.mark.parametrize("speed", [float("nan"), float("inf"), -5.0])
def test_a_speed_that_is_none_is_refused_under_a_right_seal(tmp_path: Path, speed: float) -> None:
    file = tmp_path / "x.opening"
    states.save(file, State([1], (ctypes.c_uint8 * 1)()), "model", speed)
    assert hashlib.sha256(f"model [1] {speed:.1f}".encode() + b"\0").hexdigest() in file.read_text()
    assert states.load(file, [1], "model") is None
