from __future__ import annotations

import pytest

from seminar_rag.ids import arxiv_alone, arxiv_in, arxiv_of_address, arxiv_year


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://arxiv.org/abs/1706.03762v5", "1706.03762"),
        ("https://www.arxiv.org/pdf/2310.01234.pdf", "2310.01234"),
        ("https://export.arxiv.org/abs/hep-th/9901001v2", "hep-th/9901001"),
        ("https://huggingface.co/papers/2310.01234", "2310.01234"),
        ("https://ar5iv.labs.arxiv.org/html/2310.01234", "2310.01234"),
        ("https://doi.org/10.48550/arXiv.2310.01234", "2310.01234"),
        ("10.48550/arxiv.2310.01234", "2310.01234"),
        ("https://notarxiv.org/abs/2301.00001", None),
        ("https://example.org/2301.00001", None),
    ],
)
def test_addresses(address: str, found: str | None) -> None:
    assert arxiv_of_address(address) == found


def test_ids_alone_and_in_text() -> None:
    assert arxiv_alone(" arXiv:1706.03762v2 ") == "1706.03762"
    assert arxiv_alone("see 1706.03762") is None
    assert arxiv_in("1706.03762v2 and 2310.01234, not 12310.01234") == ["1706.03762", "2310.01234"]


def test_years() -> None:
    assert arxiv_year("1706.03762") == 2017
    assert arxiv_year("1713.03762") is None
    assert arxiv_year("hep-th/9901001") is None
