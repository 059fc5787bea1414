"""A course site in the tests: an LTI 1.3 platform with keys of its own, served on loopback.

Its pages stand in for those of Moodle and its like: `/course` shows the tool in a frame, which
begins a launch; `/auth` ends it with a token, as the course site's login does.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from loopback import Handler, LocalServer
from seminar_rag.ui.lti.claims import CLAIM, DEEP_LINKING, Platform

CLIENT = "tool-42"
COURSE = "course-7"
DEPLOYMENT = "deployment-1"
NAME = "Ada Lovelace"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class CourseSite(LocalServer):
    """The platform; what it does is set by its fields."""

    tool: str = ""
    """The address of the chat."""
    role: str = "Learner"
    scope: str = "session:15"
    key: rsa.RSAPrivateKey = field(default_factory=new_key)
    kid: str = "first"
    works: bool = True
    """Whether it hands out its keys."""
    asked_for_keys: int = 0

    def __post_init__(self) -> None:
        super().__init__(_handler(self))
        self.start()

    def platform(self) -> Platform:
        return Platform(
            self.url,
            CLIENT,
            frozenset({DEPLOYMENT}),
            f"{self.url}/auth",
            f"{self.url}/keys",
            frozenset({COURSE}),
        )

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        """What a token of a launch says, with changes; None takes a claim out."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "sub": "person-9",
            "name": NAME,
            "email": "ada@example.edu",
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}deployment_id": DEPLOYMENT,
            f"{CLAIM}roles": [f"{ROLE}{self.role}"],
            f"{CLAIM}context": {"id": COURSE, "title": "Rhetoric"},
            f"{CLAIM}custom": {"scope": self.scope},
            **changes,
        }
        return {name: value for name, value in said.items() if value is not None}

    def token(self, nonce: str, /, **changes: Any) -> str:
        return jwt.encode(self.claims(nonce, **changes), self.key, "RS256", {"kid": self.kid})

    def to_place(self, nonce: str, **settings: Any) -> str:
        """The token of a request to choose what stands on a course page."""
        wanted = {
            "deep_link_return_url": f"{self.url}/placed",
            "accept_types": ["link", "ltiResourceLink"],
            "data": "opaque",
            **settings,
        }
        named = {
            f"{CLAIM}message_type": "LtiDeepLinkingRequest",
            f"{DEEP_LINKING}deep_linking_settings": wanted,
        }
        return self.token(nonce, **named)

    def page(self, path: str, query: dict[str, str]) -> str:
        if path == "/course":
            start = (
                f"{self.tool}/lti/login?iss={quote(self.url)}&login_hint=9&client_id={CLIENT}"
                f"&target_link_uri={quote(self.tool)}"
            )
            frame = query.get("frame", start)
            return (
                "<!doctype html><title>Rhetoric</title>"
                "<style>body { margin: 24px } iframe { width: 100%; height: 600px }</style>"
                f'<h1>Rhetoric 101</h1><iframe name="tool" src="{escape(frame)}"></iframe>'
            )
        token = escape(self.token(query.get("nonce", "")))
        return (
            f'<form method="post" action="{escape(query.get("redirect_uri", ""))}">'
            f'<input name="id_token" value="{token}">'
            f'<input name="state" value="{escape(query.get("state", ""))}"></form>'
            "<script>document.forms[0].submit()</script>"
        )

    def keys(self) -> dict[str, Any]:
        described = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**described, "kid": self.kid, "alg": "RS256", "use": "sig"}]}


def _handler(site: CourseSite) -> type[Handler]:
    class ToSite(Handler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            kind, body = "text/html", ""
            if address.path == "/keys":
                site.asked_for_keys += 1
                kind, body = "application/json", json.dumps(site.keys())
            elif address.path in ("/course", "/auth"):
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                body = site.page(address.path, query)
            status = 200 if body and site.works else 503
            self.reply(status, body.encode(), Content_Type=f"{kind}; charset=utf-8")

    return ToSite
