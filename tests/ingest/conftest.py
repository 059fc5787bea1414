from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_web import Web
from played_course import furnish


@pytest.fixture
def web() -> Iterator[Web]:
    """A web with a course and what it links to."""
    with Web() as one:
        furnish(one)
        yield one
