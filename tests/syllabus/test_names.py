"""Authors and title of a reference written out in a line."""

from __future__ import annotations

import pytest

from seminar_rag.syllabus.names import split_citation


@pytest.mark.parametrize(
    ("text", "authors", "title"),
    [
        ("Falk, R. B. et al. Rivers of sand", "Falk, R. B. et al.", "Rivers of sand"),
        ("Falk, R. B. Rivers of sand. Oslo.", "Falk, R. B.", "Rivers of sand"),
        ("Falk, R., Moe, T. B. C. Rivers of sand.", "Falk, R., Moe, T. B. C.", "Rivers of sand"),
        ("Falk, R. (2001). Rivers of sand. Oslo.", "Falk, R.", "Rivers of sand"),
        ("van der Falk, R. (2001). Rivers of sand. Oslo.", "van der Falk, R.", "Rivers of sand"),
        ("Falk, R. (Ed.). (2001). Rivers of sand. Oslo.", "Falk, R.", "Rivers of sand"),
        (
            "Falk, R., ... Moe, T. (2001). Rivers of sand.",
            "Falk, R., ... Moe, T.",
            "Rivers of sand",
        ),
        ("Rivers of sand", None, "Rivers of sand"),
    ],
)
def test_initials_end_no_list_of_authors(text: str, authors: str | None, title: str) -> None:
    assert split_citation(text) == (authors, title)
