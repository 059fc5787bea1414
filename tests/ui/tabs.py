"""An open page of the chat in a real browser, as the browser tests use it."""

from __future__ import annotations

from dataclasses import dataclass, field

ARGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--no-first-run", "--disable-quic"),
)
BOX = "#question textarea"
TIMEOUT = 30_000  # milliseconds; two cores may be busy with other tests


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

    def ask_and_wait(self, question: str, number: int = 1) -> None:
        """Ask, and wait until the answer is complete."""
        self.ask(question)
        self.answered(number)

    def open_scope(self) -> None:
        """Open the scope bar, and wait until what is chosen in it stays chosen.

        Gradio mounts the bar's components when it is opened, and sets each to its value once more
        in the next frame. No hand is as fast as that; a script can be.
        """
        self.page.click("#scope > button")
        self.page.wait_for_selector("#kind input", state="attached")
        self.page.evaluate(
            "() => new Promise(then => requestAnimationFrame(() => requestAnimationFrame(then)))"
        )

    def overflow(self) -> int:
        """Pixels that the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


def still(locator: object) -> dict[str, float]:
    """Where an element stands, as soon as it stands still: one that is being drawn anew has no
    place in that moment, and one that grows or slides in is elsewhere in the next."""
    last = None
    for _ in range(TIMEOUT // 50):
        now = locator.bounding_box()
        if now and now == last:
            return now
        last = now
        locator.page.wait_for_timeout(50)
    raise AssertionError(f"{locator} does not stand still: {last}")


def recolour(page: object, scheme: str) -> None:
    """Switch an open page to its light or dark colours, and wait until it shows them.

    The body changes at once, while the colours of Gradio's buttons take a fifth of a second.
    """
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"before => {paper} !== before", arg=before)
    page.wait_for_function("!document.getAnimations().some(one => one instanceof CSSTransition)")
