"""Where Chromium is. Run as a script it says how to get one."""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find() -> str | None:
    """SEMINAR_RAG_CHROMIUM, else the first browser on the path."""
    named = os.environ.get("SEMINAR_RAG_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (MAC if os.path.exists(MAC) else None)


if __name__ == "__main__":
    if find() is None:
        sys.stderr.write(
            "No Chromium was found, so the browser tests are skipped. To run them: apt install"
            " chromium (Debian, Ubuntu), install Chrome (macOS), or set SEMINAR_RAG_CHROMIUM.\n"
        )
