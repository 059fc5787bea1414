"""What kind of work a reading is: stated by a list of references, or told."""

from __future__ import annotations

from pathlib import Path

import pytest

from seminar_rag.syllabus.read import read_syllabus
from seminar_rag.types import WorkKind

STATED: dict[str, dict[str, WorkKind]] = {
    ".bib": {
        "@article": "paper",
        "@inproceedings": "paper",
        "@phdthesis": "paper",
        "@book": "book",
        "@incollection": "chapter",
        "@inbook": "chapter",
        "@online": "web page",
        "@video": "video",
    },
    ".ris": {
        "JOUR": "paper",
        "CONF": "paper",
        "BOOK": "book",
        "CHAP": "chapter",
        "NEWS": "article",
        "BLOG": "article",
        "VIDEO": "video",
        "SOUND": "podcast",
        "ELEC": "web page",
    },
    ".json": {
        "article-journal": "paper",
        "paper-conference": "paper",
        "book": "book",
        "chapter": "chapter",
        "article-newspaper": "article",
        "post-weblog": "article",
        "motion_picture": "video",
        "song": "podcast",
        "webpage": "web page",
    },
}
FORMS = {
    ".bib": "{kind}{{k, title = {{Harbours}}, url = {{https://example.org/x}}}}",
    ".ris": "TY  - {kind}\nTI  - Harbours\nUR  - https://example.org/x\nER  - \n",
    ".json": '[{{"id": 1, "type": "{kind}", "title": "Harbours"}}]',
}


@pytest.mark.parametrize(
    ("suffix", "stated", "due"),
    [(suffix, stated, due) for suffix, own in STATED.items() for stated, due in own.items()],
)
def test_a_list_of_references_states_what_kind_a_work_is(
    suffix: str, stated: str, due: WorkKind, tmp_path: Path
) -> None:
    path = tmp_path / f"coast{suffix}"
    path.write_text(FORMS[suffix].format(kind=stated), encoding="utf-8")
    assert [r.kind for s in read_syllabus(path).sessions for r in s.readings] == [due]
