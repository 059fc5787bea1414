"""The layers, by import statements: dependencies point one way, vendors stay in their room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "src" / "seminar_rag"

# Each room may import itself and what stands below it; rooms on one line are siblings.
LAYERS = [
    {"cli"},
    {"ui"},
    {"ui/desk"},
    {"ui/chat"},
    {"ui/lti"},
    {"ui/api"},
    {"ui/export"},
    {"ui/shared"},
    {"evaluation"},
    {"__init__"},
    {"courses"},
    {"course"},
    {"doctor", "upkeep", "comparing", "learning", "doubting"},
    {"for_programs"},
    {"assembly"},
    {"models_in_use"},
    {"compare"},
    {"study"},
    {"ingest", "answer", "pages"},
    {"web", "check", "sample", "journal"},
    {"documents", "index"},
    {"question", "syllabus"},
    {"models"},
    {"config", "guard", "html", "for_llama_index"},
    {"types"},
    {"errors"},
    {"text", "ids", "files"},
]
FACADE = {
    "course",
    "courses",
    "upkeep",
    "types",
    "errors",
    "evaluation",
    "__init__",
    "files",
    "html",
    "text",
    "ids",
}
"""What `cli` and `ui` may import beside themselves: the façade and modules of plain values."""

HOMES = {
    "html": {"syllabus"},  # pages are made by templates, which escape by themselves
    "jinja2": {"html.py", "models"},
    "gradio": {"ui"},
    "fastapi": {"ui"},
    "uvicorn": {"ui"},
    "chromadb": {"index/vectors.py"},
    "llama_cpp": {"models/local.py"},
    "sentence_transformers": {"models/embed.py", "models/rerank.py"},
    "torch": {"models/embed.py"},
    "pypdf": {"documents"},
    "rapidocr": {"documents/ocr.py"},
    "mammoth": {"syllabus/markup_office.py"},
    "bibtexparser": {"syllabus/references.py"},
    "pypandoc": {"documents/pandoc.py", "syllabus/markup_office.py"},
    "rispy": {"syllabus/references.py"},
    "pypdfium2": {"documents", "pages/sheet.py", "syllabus/markup_office.py"},
    "pptx": {"documents/forms.py"},
    "matplotlib": {"evaluation/page.py"},
    "genanki": {"ui/export/learning.py"},
    "obstore": {"index/kept.py"},
    "psycopg": {"index/postgres.py"},
    "mcp": {"ui/api/mcp_server.py"},
    "jwt": {"ui/lti"},
    "reportlab": {"ui/export/pdf.py"},
    "arabic_reshaper": {"ui/export/pdf.py"},
    "bidi": {"ui/export/pdf.py"},
    "sklearn": {"question/intent.py"},
    "tomlkit": {"config.py"},
    "rich": {"cli/printing.py"},
}
CONFIG_READERS = {"cli", "course", "courses", "upkeep", "assembly", "models_in_use", "doctor"}

LONGEST = 400
"""Lines of a module."""


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    """The folder below the package; of `ui`, which has rooms of its own, two levels."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:2]) if parts[0] == "ui" and len(parts) > 2 else parts[0].split(".")[0]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements below it; an expression has none."""
    yield node
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for below in getattr(node, name, ()):
            yield from statements(below)


@cache
def imported(path: Path) -> frozenset[str]:
    def names() -> Iterator[str]:
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    return frozenset(names())


def rooms_imported(path: Path) -> set[str]:
    """The other rooms of this package that a module imports from."""
    found = set()
    for name in imported(path):
        first, *rest = name.split(".")
        target = ROOT.joinpath(*rest)
        if first == "seminar_rag" and rest and target.with_suffix(".py").exists():
            found.add(room(target.with_suffix(".py")))
        elif first == "seminar_rag" and rest and (target / "__init__.py").exists():
            found.add(room(target / "__init__.py"))
    return found - {room(path)}


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def wrong_arrows(path: Path) -> set[str]:
    """The rooms that a module imports and should not know."""
    mine = room(path)
    theirs = rooms_imported(path)
    upwards = {name for name in theirs if level(name) <= level(mine)}
    if mine.split("/")[0] in ("cli", "ui"):
        upwards |= {name for name in theirs if name.split("/")[0] not in FACADE | {"cli", "ui"}}
    if mine not in CONFIG_READERS:
        upwards |= theirs & {"config"}
    return upwards


def test_no_module_is_long() -> None:
    """The list names those that still are; it only shrinks."""
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in modules()
    }
    grown = {name: lines for name, lines in lengths.items() if lines > LONGEST}
    assert not grown, "divide what has grown"


def test_imports_point_downwards() -> None:
    wrong = {path.relative_to(ROOT).as_posix(): wrong_arrows(path) for path in modules()}
    assert {place: rooms for place, rooms in wrong.items() if rooms} == {}


def test_vendors_stay_at_home() -> None:
    def at_home(place: str, name: str) -> bool:
        homes = HOMES.get(name.split(".")[0])
        return homes is None or any(place == h or place.startswith(f"{h}/") for h in homes)

    found = {(path.relative_to(ROOT).as_posix(), n) for path in modules() for n in imported(path)}
    assert [(place, name) for place, name in sorted(found) if not at_home(place, name)] == []


def test_only_config_reads_the_environment() -> None:
    # cli/main.py and ui/app.py set variables that NumPy and gradio read while they are imported;
    # they read none. The two of models hand all of them on to the processes that they start.
    readers = {
        p.relative_to(ROOT).as_posix() for p in modules() if "os.environ" in p.read_text("utf-8")
    }
    starting = {"models/packages.py", "models/weights.py"}
    assert readers <= {"config.py", "cli/main.py", "ui/app.py"} | starting


def test_no_global_settings_of_llama_index() -> None:
    for path in modules():
        assert "llama_index.core.Settings" not in imported(path)


def test_every_room_is_in_a_layer() -> None:
    known = set().union(*LAYERS)
    assert {room(path) for path in modules()} <= known


def test_layers_would_notice_an_upward_import() -> None:
    assert level("types") > level("ingest") > level("cli")
    assert not level("cli") > level("types")
