"""A server of a course that others serve too, without its pages; run by test_killed_replica.py.

    python -m replica_driver FOLDER PORT DATABASE CHROMA

FOLDER holds its data, PORT is that of the web of the tests, DATABASE and CHROMA are what the
servers share, as is FOLDER/../shared. What an instructor does at its desk comes by standard input:
"begin" or "update" a line.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ingest.kill_driver import HOST, network_at
from played_course import PlainParser
from seminar_rag.config import Config
from seminar_rag.course import Course
from seminar_rag.documents import parse
from seminar_rag.models.embed import HashEmbedder
from seminar_rag.ui.desk import jobs
from seminar_rag.ui.desk.actions import Desk, DeskForm
from seminar_rag.ui.desk.jobs import CommonJobs

PAGE = f"https://{HOST}/2026/ByDate/"
SILENCE, PULSE = 2.0, 0.2
"""Of servers that speak faster than real ones, so that a test is short."""


def main(folder: Path, port: int, database: str, chroma: str) -> None:
    jobs.SILENCE, jobs.PULSE = SILENCE, PULSE
    parser: Any = PlainParser()
    parse.Parser = parser  # type: ignore[misc]
    config = Config(
        folder=folder,
        data_dir="data",
        store_database=database,
        store_url=chroma,
        store_files=(folder.parent / "shared").as_uri(),
    )
    course = Course(config, embedder=HashEmbedder(), network=network_at(port, folder / "data"))
    assert course.common is not None
    desk = Desk(course, CommonJobs(course.common))
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "begin":
            desk.act(DeskForm(act="begin", what=PAGE))
        else:
            desk.update()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
