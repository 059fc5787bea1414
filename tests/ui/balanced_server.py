"""A server with scripted answers, one of several behind a balancer; run by test_balanced.py.

python -m balanced_server DATABASE, in a folder whose seminar.toml says the port
"""

from __future__ import annotations

import sys
from pathlib import Path

from fake_course import FakeCourse

from seminar_rag.config import load
from seminar_rag.index.postgres import CommonTable
from seminar_rag.ui.app import serve
from seminar_rag.ui.shared.limits import Limits


class Followed(FakeCourse):
    def take_shared_settings(self) -> None:
        """Its settings never change."""


if __name__ == "__main__":
    serve(
        Followed(pace=0.05),  # type: ignore[arg-type]
        port=load(Path()).serve_port,
        limits=Limits(0, 0),
        trusted_proxies="127.0.0.1",
        common=CommonTable(sys.argv[1]),
    )
