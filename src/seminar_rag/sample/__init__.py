"""The bundled sample course: primers written for this project, labelled as such."""

from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER / "index.html"
"""Its course page, from which it is ingested."""


def is_sample(source: str) -> bool:
    """Whether a source is the bundled course: this installation's, or that of another one, which
    lies or lay elsewhere."""
    return Path(source).parts[-3:] == PAGE.parts[-3:]
