"""Gradio is loaded without what it does for others."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from seminar_rag.ui.shared.gradio_pages import without_stubs


class _Component:
    __module__ = "gradio.components.invented"


def test_only_classes_of_gradio_seem_to_come_from_no_file() -> None:
    before = inspect.getfile
    with without_stubs():
        with pytest.raises(OSError, match="without a file"):
            inspect.getfile(_Component)
        assert inspect.getfile(pytest.Item).endswith(".py")
        assert inspect.getfile(inspect).endswith("inspect.py")
    assert inspect.getfile is before


def test_files_are_known_again_after_an_error() -> None:
    before = inspect.getfile
    with pytest.raises(ImportError), without_stubs():
        raise ImportError
    assert inspect.getfile is before


@pytest.mark.slow
def test_a_report_is_made_without_what_serves_pages() -> None:
    script = """
import sys
import seminar_rag.ui.export.check_report
assert not {"gradio", "starlette", "fastapi"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.slow
def test_gradio_leaves_out_classes_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradio import component_meta

    def parsed(*_: object) -> tuple[str, int]:
        raise AssertionError("a stub is made")

    monkeypatch.setattr(component_meta, "extract_class_source_code", parsed)
    with without_stubs():
        component_meta.create_or_modify_pyi(_Component, "_Component", [])


@pytest.mark.slow
def test_gradio_is_loaded_without_pandas_and_tools_and_both_are_there_when_used() -> None:
    script = """
import sys
from seminar_rag.ui.shared.gradio_pages import load_gradio, not_mounted
load_gradio()
import gradio.blocks, gradio.caching
assert not {"pandas", "mcp"} & set(sys.modules)
with not_mounted():
    with gradio.Blocks() as page: pass
assert page.app is None
with gradio.Blocks() as another: pass
assert another.app, "a program's own pages are as ever"
frame = gradio.caching.pd.DataFrame({"a": [1]})
import pandas
assert isinstance(frame, pandas.DataFrame) and gradio.caching.cache_hash(frame)
import mcp
from gradio.utils import MatplotlibBackendMananger as drawing
load_gradio()
from types import SimpleNamespace
from seminar_rag.ui.shared.gradio_pages import _without_plots
_without_plots(SimpleNamespace(__name__="gradio.utils"))  # a Gradio that has another name for it
with drawing(): pass
assert "matplotlib" not in sys.modules
import matplotlib
matplotlib.use("svg")
with drawing(): assert matplotlib.get_backend() == "agg", "a program's plots are drawn as ever"
assert matplotlib.get_backend() == "svg"
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
