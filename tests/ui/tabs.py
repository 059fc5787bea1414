"""An open page of the chat in a real browser, as the browser tests use it."""

from __future__ import annotations

from dataclasses import dataclass, field

ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--no-first-run", "--disable-quic"),
)
BOX = "#question textarea"


@dataclass
class Tab:
    """An open page; what it asked the network for and complained about."""

    page: object
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, question: str) -> None:
        self.page.fill(BOX, question)
        self.page.press(BOX, "Enter")

    def answered(self, number: int = 1) -> None:
        """Wait until the exchange is complete and the page can ask again."""
        self.page.wait_for_selector(f"#past #exchange-{number}")
        self.page.wait_for_selector("#send", state="visible")

    def overflow(self) -> int:
        """Pixels that the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
