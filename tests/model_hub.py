"""As much of a model hub as a download of a whole model needs, on the loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loopback import Handler, LocalServer

COMMIT = "5" * 40


@contextmanager
def model_hub(
    folder: Path, name: str, lacking: Sequence[str] = ()
) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has the files of a folder as the model `name`, and those that it
    gave.

    Args:
        lacking: files that it says to have beside them.
    """
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
    sizes |= dict.fromkeys(lacking, 5)
    given: list[str] = []

    class ToHub(Handler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            file = path.partition(f"/{name}/resolve/")[2].partition("/")[2]
            if path.startswith(f"/api/models/{name}/tree/"):
                one = {"type": "file", "oid": COMMIT}
                self._json([one | {"path": at, "size": size} for at, size in sizes.items()])
            elif path.startswith(f"/api/models/{name}"):
                siblings = [{"rfilename": at} for at in sizes]
                self._json({"id": name, "sha": COMMIT, "siblings": siblings})
            elif file and (folder / file).is_file():
                body = (folder / file).read_bytes()
                if self.command == "GET":
                    given.append(file)
                etag = f'"{hashlib.sha1(body).hexdigest()}"'
                self.reply(200, body, ETag=etag, X_Repo_Commit=COMMIT)
            else:
                self.reply(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)

        do_HEAD = do_GET

        def _json(self, value: object) -> None:
            self.reply(200, json.dumps(value).encode(), Content_Type="application/json")

    with LocalServer(ToHub) as server:
        yield server.url, given
