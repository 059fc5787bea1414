"""The layers, by import statements: dependencies point one way, vendors stay in their room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "src" / "seminar_rag"

# Each room may import itself and what stands below it; rooms on one line are siblings.
LAYERS = [
    {"cli"},
    {"printing_ingest"},
    {"printing", "ui"},
    {"evaluate", "evaluate_page"},
    {"evaluate_report"},
    {"evaluate_questions"},
    {"course"},
    {"ingest", "answer", "pages"},
    {"index", "check", "sample", "insights"},
    {"config", "guard", "journal", "password", "text"},
    {"types"},
    {"__init__"},
    {"errors"},
]
HOMES = {
    "arxiv": {"ingest/arxiv.py"},
    "gradio": {"ui"},
    "fastapi": {"ui"},
    "uvicorn": {"ui"},
    "chromadb": {"index/vectors.py"},
    "llama_cpp": {"answer/llm.py"},
    "sentence_transformers": {"index/embed.py", "index/rerank.py", "check/entailment.py"},
    "torch": {"index/embed.py", "check/entailment.py"},
    "pypdf": {"ingest"},
    "rapidocr": {"ingest/ocr.py"},
    "pypdfium2": {"ingest", "pages/sheet.py"},
    "docx": {"ingest/docx.py"},
    "matplotlib": {"evaluate_page.py"},
    "mcp": {"ui/mcp_server.py"},
    "reportlab": {"ui/export_pdf.py", "sample/make.py"},
    "tomlkit": {"config.py"},
    "rich": {"printing.py", "printing_ingest.py"},
}
CONFIG_READERS = {"cli", "course"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    mine = room(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "seminar_rag" or len(parts) < 2:
            continue
        theirs = parts[1]
        if not ((ROOT / theirs).is_dir() or (ROOT / f"{theirs}.py").exists()):
            continue  # a name of the package itself, such as __version__
        assert theirs == mine or level(theirs) > level(mine), f"{mine} imports {theirs}"
        if theirs == "config":
            assert mine in CONFIG_READERS


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_vendors_stay_at_home(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for name in imported(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or any(place == h or place.startswith(f"{h}/") for h in homes), name


def test_only_config_reads_the_environment() -> None:
    # ui/app.py sets two variables that gradio reads while it is imported; it reads none.
    readers = {
        p.relative_to(ROOT).as_posix() for p in modules() if "os.environ" in p.read_text("utf-8")
    }
    assert readers <= {"config.py", "ui/app.py"}


def test_no_global_settings_of_llama_index() -> None:
    for path in modules():
        assert "llama_index.core.Settings" not in set(imported(path))


def test_every_room_is_in_a_layer() -> None:
    known = set().union(*LAYERS)
    assert {room(path) for path in modules()} <= known


def test_layers_would_notice_an_upward_import() -> None:
    assert level("types") > level("ingest") > level("cli")
    assert not level("cli") > level("types")
