"""Cookies that scripts cannot read, and that work where the page stands in a frame."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response


def set_cookie(
    request: Request, response: Response, name: str, value: str, lasts: int, path: str
) -> None:
    """Set a cookie that no other site's page makes a browser send, as `set_framed_cookie` where the
    request was made for a frame.

    Browsers say so over https, and to the machine that they run on (Fetch Metadata).

    Args:
        lasts: seconds; 0 removes it.
    """
    if request.headers.get("sec-fetch-dest") == "iframe":
        set_framed_cookie(response, name, value, lasts, path)
        return
    secure = request.scope.get("scheme") == "https"
    response.set_cookie(
        name, value, max_age=lasts, path=path, secure=secure, httponly=True, samesite="strict"
    )


def set_framed_cookie(response: Response, name: str, value: str, lasts: int, path: str) -> None:
    """Set a cookie that is sent back from a frame too, as long as the same site is around it.

    SameSite=None sends it from a frame, which browsers allow with Secure alone. Partitioned (CHIPS,
    draft-cutler-httpbis-partitioned-cookies) keeps it to pages of the site around the frame, so
    that nobody is followed from site to site by it, and browsers that block such cookies keep it.

    Args:
        lasts: seconds; 0 removes it.
    """
    response.set_cookie(
        name, value, max_age=lasts, path=path, secure=True, httponly=True, samesite="none"
    )
    # Starlette writes the attribute from Python 3.14 on.
    key, cookie = response.raw_headers[-1]
    response.raw_headers[-1] = key, cookie + b"; Partitioned"
