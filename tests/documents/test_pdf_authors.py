"""The lines below a title → the authors, as far as they are sure. Layouts, with names made up."""

from __future__ import annotations

import pytest

from seminar_rag.documents.pdf_blocks import authors_of

LAYOUTS = {
    "by commas": (["Ada Byron, Charles B. Babbage, and Mary Somerville"], "Ada Byron, Charles B."
                  " Babbage, Mary Somerville"),
    "over two lines": (["Ada Byron,† Jean le Rond,‡ and Mary", "D. Somerville∗,‡"],
                       "Ada Byron, Jean le Rond, Mary D. Somerville"),
    "by marks": (["Ada Byron1∗ Wei Li2 Łucja Żak1,2", "1University of Mills"],
                 "Ada Byron, Wei Li, Łucja Żak"),
    "by raised figures": (["Ada Byron¹ Wei Li¹²"], "Ada Byron, Wei Li"),
    "by wide blanks": (["Ada Byron\tWei Li", "Kiln Institute\tMill School"], "Ada Byron, Wei Li"),
    "each above where they work": (
        ["Ada Byron∗", "Loom Works", "ada@loom.org", "Wei Li", "Loom Works", "wei@loom.org"],
        "Ada Byron, Wei Li",
    ),
    "with nothing between them": (
        ["Ada Byron Wei Li Mary Somerville Jean Rond", "Department of Looms"], "Ada Byron et al."
    ),
    "a list without end": (["Ada Byron⇤ Wei Li†", "Mary Somerville Jean Rond Łucja Żak"],
                           "Ada Byron, Wei Li et al."),
    "nobody": (["March 13, 2019", "Version 2", "https://loom.org/"], None),
    "a sentence": (["A primer on looms, for those who weave with them."], None),
    "a place alone": (["University of Mills", "Mill Road 1, 12345 Millton"], None),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_authors_are_read_from_below_the_title(layout: str) -> None:
    lines, authors = LAYOUTS[layout]
    assert authors_of(lines) == authors
