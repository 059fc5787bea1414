from __future__ import annotations

import argparse
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seminar_rag.check.support import Case
from seminar_rag.cli import ABSTAINED, open_course, open_sample, printing
from seminar_rag.cli.main import main, run
from seminar_rag.config import load
from seminar_rag.course import Course
from seminar_rag.journal.journal import Journal
from seminar_rag.types import WORDS_ONLY, Answer, Verdict
from shared_data import POST_TWO


@pytest.mark.slow
def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from seminar_rag.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "heavy = {'torch', 'chromadb', 'gradio', 'llama_index', 'numpy', 'rich', 'sqlite3'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in ("ingest", "ask", "check", "serve", "status", "remove", "models", "doctor"):
        assert command in shown.stdout
    assert "exit codes" in shown.stdout


def test_threads_of_numpy_do_not_spin_beside_those_that_read_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["seminar-rag", "--version"])

    def told() -> str:
        with pytest.raises(SystemExit):
            run()
        return os.environ["OPENBLAS_NUM_THREADS"]

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert told() == "3"  # who sets it knows why
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    assert told() == "1"


def test_what_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printing.console().print("The :key: of [bold]LoRA[/bold]")
    assert capsys.readouterr().out == "The :key: of [bold]LoRA[/bold]\n"


@pytest.mark.slow
def test_ask_streams_the_answer_and_lists_its_sources(
    tiny: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "What does reranking do with useful passages?"]) == 0
    said = capsys.readouterr().out
    assert "Reranking moves the useful passages to the front.” [" in said
    assert "Student notes: Retrieval (session 2)\n      Blog: Retrieval › Failure modes\n" in said
    assert "Answers are quoted from the readings." in said
    assert "Quoted verbatim from student notes\n" in said
    assert "supported" not in said


def test_a_refusal_names_the_scope_that_was_asked(
    tiny: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--session", "2", "How do bees survive the winter?"]) == ABSTAINED
    said = capsys.readouterr().out
    assert "Session 2 doesn't say." in said
    assert "The readings don't say." not in said


def test_check_reports_each_claim_and_fails_with_its_own_exit_code(
    tiny: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    essay, page = tmp_path / "essay.md", tmp_path / "report.html"
    right = "Multi-head attention runs eight heads side by side in the base model."
    essay.write_text(f"# Essay\n\n{right} Bees sleep in winter.\n", encoding="utf-8")
    assert main(["check", str(essay), "--html", str(page)]) == 0
    said = capsys.readouterr().out
    assert f"≈ line 3, similar sentence found: {right}" in " ".join(said.split())
    assert "? line 3, not found: Bees sleep in winter." in said
    assert "2 claims: 1 with a similar sentence, 1 not found" in said
    assert WORDS_ONLY in " ".join(said.split())
    html = page.read_text(encoding="utf-8")
    assert "<h1>essay.md</h1>" in html
    assert WORDS_ONLY in html
    assert "supported" not in html.partition("</style>")[2]
    essay.write_text(right.replace("eight", "twelve"), encoding="utf-8")
    assert main(["check", "--json", str(essay)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["failed"] is True
    assert [item["label"] for item in told["items"]] == ["contradicted"]


def test_check_reads_the_standard_input(
    tiny: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys,
        "stdin",
        io.StringIO(
            "Positions must be added by hand [1].\n\n"
            "[1] A. Vaswani, N. Shazeer. Attention is all you need. arXiv:2005.11401, 2017."
        ),
    )
    assert main(["check", "-"]) == 1
    assert "Title and id disagree" in " ".join(capsys.readouterr().out.split())


def test_an_interrupted_check_tells_what_it_has(
    tiny: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verify_all = tiny.verifier.verify_all

    def interrupted(cases: Sequence[Case]) -> list[Verdict]:
        if any("Bees" in claim for claim, *_ in cases):
            raise KeyboardInterrupt
        return verify_all(cases)

    monkeypatch.setattr(tiny.verifier, "verify_all", interrupted)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Positions must be added by hand. Bees sleep."))
    assert main(["check", "-"]) == 130
    assert "stopped after 1 of 2 sentences" in capsys.readouterr().out


def test_ask_json_has_the_whole_answer(tiny: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--json", "What does reranking do with useful passages?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"question", "answer", "answerer", "abstained", "citations", "seconds"} <= set(answer)
    for citation in answer["citations"]:
        assert {
            "number",
            "reading",
            "kind",
            "session",
            "page",
            "place",
            "section",
            "quote",
            "passage",
            "url",
        } <= set(citation)
        assert citation["quote"] in citation["passage"]
        assert f"[{citation['number']}]" in answer["answer"]
    assert answer["checked"] == "1 of 1 sentence supported"
    verdict = next(v for v in answer["verdicts"] if v["label"] != "uncheckable")
    assert verdict["sentence"] == answer["answer"][verdict["start"] : verdict["end"]]
    assert "Reranking moves" in verdict["evidence"][0]["quote"]
    assert verdict["verifier"] == "built-in"


def test_ask_abstains_with_its_own_exit_code(
    tiny: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Who won the football world cup in Qatar?"]) == 8
    said = capsys.readouterr().out
    assert said.startswith("The readings don't say.")
    assert " https://arxiv.org/abs/" in said.partition("Nearest readings:")[2]
    assert "Sources" not in said


def test_study_and_differences_are_printed_and_saved(
    tiny: Course, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["study", "2"]) == 0
    assert "Nothing of session 2 is approved" in capsys.readouterr().out
    assert main(["study", "2", "--propose"]) == 0
    assert "## What “" in capsys.readouterr().out
    assert main(["study", "2", "--propose", "--out", str(tmp_path / "guide.pdf")]) == 0
    assert (tmp_path / "guide.pdf").read_bytes().startswith(b"%PDF")
    assert main(["study", "2", "--out", str(tmp_path / "guide.odt")]) != 0
    assert "ends in one of .md, .pdf, .apkg" in capsys.readouterr().err
    assert main(["differences", "2"]) == 0
    assert "No difference between readings of session 2" in capsys.readouterr().out


def test_ask_keeps_to_its_scope(tiny: Course, capsys: pytest.CaptureFixture[str]) -> None:
    question = "What does a retriever return to the generator?"
    assert main(["ask", "--json", "--session", "2", "--kind", "notes", question]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {(c["session"], c["kind"]) for c in answer["citations"]} == {(2, "notes")}


def test_status_lists_sessions_and_readings(
    tiny: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "1. Attention" in said
    assert "[more] Layer Normalization (1607.06450): abstract, 1 passage\n" in said
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(s["readings"]) for s in told["sessions"]] == [2, 1]
    assert {d["outcome"] for d in told["documents"]} == {"indexed"}


@pytest.mark.slow
def test_eval_measures_and_compares(
    tiny: Course, posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    asked = [
        {
            "id": "q1",
            "question": "What does reranking do with the useful passages?",
            "type": "factoid",
            "doc": "S02.md",
            "evidence": ["Reranking moves the useful passages to the front."],
        },
        {
            "id": "q2",
            "question": "Who won the football world cup in Qatar?",
            "type": "unanswerable",
            "unanswerable_kind": "off_topic",
        },
    ]
    questions.write_text("\n".join(json.dumps(one) for one in asked), encoding="utf-8")
    told, page = tmp_path / "now.json", tmp_path / "report.html"
    command = ["eval", str(questions), "--docs", str(posts)]
    assert main([*command, "--json", str(told), "--html", str(page)]) == 0
    figures = json.loads(told.read_text(encoding="utf-8"))
    assert figures["retrieval"]["R@5"]["value"] == 1
    assert figures["answer"]["evidence"]["value"] == 1
    assert figures["abstention"]["off_topic"]["value"] == 1
    assert "What does reranking do" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main([*command, "--against", str(told)]) == 0
    said = capsys.readouterr().out
    assert "R@5                     1.000  [1.000, 1.000]  n=1         =\n" in said
    assert "as wished now, not then: none" in said
    assert "citations judged by: built-in" in said


def test_eval_says_what_stands_in_its_way_before_it_asks(
    tiny: Course, posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.jsonl"
    row = {"id": "q1", "question": "Why?", "type": "why", "doc": "new.md", "evidence": "Because."}
    questions.write_text(json.dumps(row), encoding="utf-8")
    command = ["eval", str(questions), "--docs", str(posts)]
    assert main([*command, "--json", str(tmp_path / "none" / "now.json")]) == 3
    assert "which does not exist — name a file" in capsys.readouterr().err
    assert main(command) == 3
    assert "line 1 (question q1): " in capsys.readouterr().err
    (posts / "new.md").write_text("Because.", encoding="utf-8")
    assert main(command) == 0
    assert "not ingested, so the questions on it count as missed: new.md" in capsys.readouterr().err


def test_eval_that_is_stopped_tells_of_what_was_asked(
    tiny: Course,
    posts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = {"question": "Who?", "type": "unanswerable", "unanswerable_kind": "off_topic"}
    questions = tmp_path / "questions.jsonl"
    rows = [json.dumps({"id": n, **row}) for n in range(3)]
    questions.write_text("\n".join(rows), encoding="utf-8")
    asked = 0
    ask = Course.ask

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise KeyboardInterrupt
        return ask(*args, **kwargs)

    monkeypatch.setattr(Course, "ask", interrupted)
    told = tmp_path / "now.json"
    assert main(["eval", str(questions), "--docs", str(posts), "--json", str(told)]) == 130
    said = capsys.readouterr()
    assert "stopped after 2 of 3 questions" in said.err
    assert "n=2" in said.out
    assert not told.exists()


def test_ingest_reports_what_it_did(
    tiny: Course, posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post = posts / "S02.md"
    post.write_text(POST_TWO.replace("to the front", "to the top"), encoding="utf-8")
    assert main(["ingest", str(posts)]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "2 sessions, 3 readings; documents: 1 changed, 4 unchanged; 1 passages embedded" in said


def test_doctor_replaces_a_damaged_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    (data / "course.db").write_bytes(b"not a database " * 400)
    Journal(data / "journal.sqlite").feedback(Answer("Why?", "So.", "someone"), good=True)
    assert main(["status", "--data", "data"]) == 4
    assert "doctor --repair" in capsys.readouterr().err
    assert main(["doctor", "--data", "data"]) == 1
    assert "✗ the database in " in capsys.readouterr().out
    main(["doctor", "--data", "data", "--repair"])
    said = capsys.readouterr().out
    assert "it was moved to" in said
    assert "· index: empty" in said
    assert [one.question for one in Journal(data / "journal.sqlite").opinions()] == ["Why?"]
    assert main(["status", "--data", "data"]) == 7


def test_remove_and_doctor(tiny: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["remove", "1607.06450"]) == 0
    assert "removed: Layer Normalization" in capsys.readouterr().out
    assert main(["doctor"]) == 0
    assert "✓ index: 4 documents" in capsys.readouterr().out
    assert main(["doctor", "--repair"]) == 0


BAD = [
    (["ingest"], 3, "no source given"),
    (["ingest", "nowhere.html"], 3, "does not exist"),
    (["ingest", "empty"], 3, "holds neither"),
    (["ingest", "page.html"], 3, "page.html"),
    (["ingest", "empty.pdf"], 3, "empty.pdf"),
    (["ask", "What?"], 7, "nothing is ingested yet"),
    (["status"], 7, "nothing is ingested yet"),
    (["check", "nowhere.md"], 3, "nowhere.md cannot be read"),
    (["check", "page.html"], 7, "nothing is ingested yet"),
    (["remove", "x"], 7, "no source, reading or document is called 'x'"),
    (["models", "not-a-spec"], 5, "write REPO:FILE"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input_is_one_line_with_the_mend(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.html").write_text("<html><body><p>Nothing to read.</p></body></html>")
    (tmp_path / "empty.pdf").write_bytes(b"")
    assert main(arguments) == code
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if says in " ".join(line.split())]
    assert lines, said.err
    assert "Traceback" not in said.err


def test_an_unknown_key_names_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seminar.toml").write_text("[serve]\nporte = 1\n")
    assert main(["status"]) == 2
    assert "unknown key 'porte' in [serve] — known are host, port" in capsys.readouterr().err


def test_a_gguf_that_is_none_is_refused(
    tiny_course: Course,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "fake.gguf").write_bytes(b"not a model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seminar.toml").write_text('[data]\ndir = "data"\n[llm]\nmodel = "fake.gguf"\n')
    assert main(["ask", "What is attention?"]) == 5
    assert "fake.gguf" in capsys.readouterr().err


def test_the_sample_to_try_lies_with_the_data_of_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "seminar.toml").write_text('[course]\nname = "Mine"\n')
    monkeypatch.chdir(here)
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "programs")
    with closing(open_sample(argparse.Namespace(data=None))) as course:
        assert course.config.data.is_relative_to(tmp_path / "programs" / "sample")
        assert course.name != "Mine"
    assert [one.name for one in here.iterdir()] == ["seminar.toml"]


@pytest.mark.parametrize("data", ["kept", "kept/data"])
def test_the_sample_in_a_folder_has_the_settings_of_that_folder(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs" / "sample"
    for folder, name in ((programs, "Other"), (tmp_path / "kept", "Tried")):
        folder.mkdir(parents=True)
        (folder / "seminar.toml").write_text(
            f'[course]\nname = "{name}"\n[data]\ndir = "data"\n', encoding="utf-8"
        )
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "programs")
    with closing(open_sample(argparse.Namespace(data=tmp_path / data))) as course:
        assert course.name == "Tried"
        assert course.config.data == tmp_path / data
    with closing(open_sample(argparse.Namespace(data=tmp_path / "new"))) as course:
        assert course.config.folder == tmp_path / "new"


def test_a_course_lies_in_the_folder_that_has_one_else_with_the_data_of_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told by seminar.toml, by `.seminar`, by the environment or by --data; else the platform's."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "programs")
    own = tmp_path / "programs" / "course"

    def data_of(name: str, *arguments: str) -> tuple[Path, str]:
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        options = argparse.Namespace(data=Path(*arguments) if arguments else None)
        with closing(open_course(options)) as course:
            return course.config.data.resolve(), capsys.readouterr().err

    assert data_of("anywhere") == (own / ".seminar", f"The course lies in {own / '.seminar'}.\n")
    assert list((tmp_path / "anywhere").iterdir()) == []
    (tmp_path / "model.gguf").touch()
    monkeypatch.chdir(tmp_path)
    assert load(None, {"SEMINAR_RAG_LLM_MODEL": "model.gguf"}).llm_model == str(
        tmp_path / "model.gguf"
    )
    (own / "seminar.toml").write_text('[course]\nname = "Mine"\n')
    assert load(None, {}).course_name == "Mine"

    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "seminar.toml").write_text("[llm]\nenabled = false\n")
    told, said = data_of("told")
    assert told == tmp_path / "told" / ".seminar"
    assert said == f"This folder begins a course of its own; the one in {own} is another.\n"
    (tmp_path / "told" / "seminar.toml").unlink()
    assert data_of("told") == (told, "")
    assert data_of("anywhere", "here") == (tmp_path / "anywhere" / "here", "")
    monkeypatch.setenv("SEMINAR_RAG_DATA_DIR", "there")
    assert data_of("anywhere") == (
        tmp_path / "anywhere" / "there",
        "The course lies in there.\n",
    )


@pytest.mark.slow
def test_a_port_in_use_is_said_before_anything_loads(
    tiny: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 6
    said = capsys.readouterr().err
    assert f"Port {port}" in said
    assert "Loading" not in said


def test_an_interrupt_says_how_to_go_on(
    tiny: Course, posts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny, "ingest", interrupted)
    assert main(["ingest", str(posts)]) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_a_full_disk_is_said_plainly(
    tiny: Course, posts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tiny, "ingest", full)
    assert main(["ingest", str(posts)]) == 1
    assert "free some space" in capsys.readouterr().err
