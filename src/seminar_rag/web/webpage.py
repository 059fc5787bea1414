"""A fetched web page → what it calls itself, the paper it points to, and its main text. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin

_NO_PAGE = re.compile(
    r"\b(?:page not found|not found|404|just a moment|attention required|access denied|forbidden"
    r"|sign in|log ?in|are you a robot|robot check|captcha|checking your browser|verify you are"
    r"|verifying your browser|cookies? required|enable javascript|service unavailable)\b",
    re.I,
)
_LEAST = 200
"""Characters of main text below which a page says nothing itself."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page, read."""

    title: str | None
    authors: tuple[str, ...] = ()
    """Of a paper's landing page."""
    pdf: str | None = None
    """The paper's PDF, where the page is a paper's landing page."""
    paper: bool = False
    """Whether it is a paper's landing page."""
    text: str = ""
    """Main text as Markdown; empty where the page has next to none."""
    obstacle: str = ""
    """Why this is not the page that was meant: a sign-in, a challenge, an error page."""


def decode(data: bytes) -> str:
    """A page's text, by the encoding it declares where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = re.search(rb"charset\s*=\s*[\"']?([\w-]+)", data[:4096])
    try:
        return data.decode(declared[1].decode("ascii") if declared else "cp1252", "replace")
    except LookupError:
        return data.decode("cp1252", "replace")


def read_page(html: str, url: str) -> WebPage:
    """Read a page.

    Title, authors and PDF are taken from the citation metadata that publishers and repositories
    give to search engines; main text by trafilatura (Barbaresi, ACL 2021 demos).
    """
    from lxml.etree import LxmlError
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8")  # whatever the page declares: it is decoded already
    try:
        root = document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (ValueError, AssertionError, LxmlError):
        return WebPage(None, obstacle="the page cannot be read")
    metas: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").lower()
        metas.setdefault(name, []).append(" ".join((meta.get("content") or "").split()))
    cited = next(iter(metas.get("citation_title", [])), None)
    title = cited or _own_title(root, metas)
    pdf = next(iter(metas.get("citation_pdf_url", [])), None)
    text = _main_text(html)
    # Articles may carry a sign-in box too; a page that is little else is one.
    signs_in = bool(root.xpath("//input[@type='password']")) and len(text) < 5 * _LEAST
    astray = signs_in or bool(_NO_PAGE.search((title or "")[:60]))
    return WebPage(
        title,
        tuple(metas.get("citation_author", [])),
        urljoin(url, pdf) if pdf else None,
        cited is not None,
        text if len(text) >= _LEAST else "",
        f"it shows “{title or 'a sign-in form'}” instead" if astray else "",
    )


def _own_title(root: object, metas: dict[str, list[str]]) -> str | None:
    from lxml.html import HtmlElement

    assert isinstance(root, HtmlElement)
    whole = " ".join((root.findtext(".//title") or "").split())
    headings = [" ".join(str(one.text_content()).split()) for one in root.iter("h1")]
    given = next((one for one in metas.get("og:title", []) if one), "")
    # A heading that the page's title repeats is the article's own, without the site's name.
    for heading in headings:
        if heading and heading.casefold() in whole.casefold():
            return heading
    return given or whole or next((one for one in headings if one), None)


def _main_text(html: str) -> str:
    import trafilatura

    return (
        trafilatura.extract(
            html,
            output_format="markdown",
            include_comments=False,
            include_tables=True,
            include_formatting=True,
        )
        or ""
    )
