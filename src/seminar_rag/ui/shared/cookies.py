"""Cookies that work where the page stands in a frame of another site."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response


def is_framed(request: Request) -> bool:
    """Whether a browser loads what it asks for into a frame (Fetch Metadata, Sec-Fetch-Dest).

    Browsers say so over https, and to the machine that they run on.
    """
    return request.headers.get("sec-fetch-dest") == "iframe"


def set_framed_cookie(response: Response, name: str, value: str, lasts: int, path: str) -> None:
    """Set a cookie that is sent back from a frame too, as long as the same site is around it.

    SameSite=None sends it from a frame, which browsers allow with Secure alone. Partitioned (CHIPS,
    draft-cutler-httpbis-partitioned-cookies) keeps it to pages of the site around the frame, so
    that it reaches nobody who follows a person from site to site, and needs no consent.

    Args:
        lasts: seconds; 0 removes it.
    """
    response.set_cookie(
        name, value, max_age=lasts, path=path, secure=True, httponly=True, samesite="none"
    )
    # Starlette writes the attribute from Python 3.14 on.
    key, cookie = response.raw_headers[-1]
    response.raw_headers[-1] = key, cookie + b"; Partitioned"
