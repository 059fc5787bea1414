"""The bundled sample course: primers written for this project, labelled as such."""

from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER / "index.html"
"""Its course page, from which it is ingested."""
