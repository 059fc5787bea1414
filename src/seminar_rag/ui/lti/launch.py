"""Launches: who is sent here by the course site, and what is signed for it.

A launch has two steps. The course site sends the browser here to log in (`Launches.begin`), which
sends it on with a state and a nonce; then it brings a token that the course site has signed, for
that nonce (`Launches.finish`). The token says which course it is and which role somebody has there.

Sources: 1EdTech Learning Tools Interoperability 1.3, its Security Framework 1.0 (§5.1, messages
that a platform begins), and LTI Deep Linking 2.0. PyJWT verifies and signs. Imported only where
a course site is configured.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from seminar_rag.errors import ServeError
from seminar_rag.files import write
from seminar_rag.types.serving import Common
from seminar_rag.ui.lti.claims import (
    CLAIM,
    DEEP_LINKING,
    Claims,
    LaunchError,
    Login,
    Placement,
    Platform,
    validated,
)

KEY_FILE = "lti.pem"
STATE_SECONDS = 600
"""From the first step of a launch to the second."""
CLOCKS_DIFFER = 60
"""Seconds that the clocks of the course site and this machine may differ by."""
PLACED_SECONDS = 3600
"""How long an instructor may think about what to place on the course page."""
KEYS_SECONDS = 5.0
"""How long the course site may take to hand out its keys."""

AGAIN = "Open the link on the course page again."
UNREADABLE = f"The course site's token cannot be read. {AGAIN}"
NO_KEYS = f"The course site does not hand out its keys: look at [lti] keys_url. {AGAIN}"
NOT_THEIR_KEY = (
    "The token is not signed with a key of the course site. [lti] keys_url has to be the public"
    " keyset URL that the course site shows for this tool."
)
OTHER_TOOL = (
    "The course site's token is for another tool. [lti] client_id has to be the client ID that the"
    " course site shows for this tool."
)
REFUSALS: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: f"The course site's token has run out. {AGAIN}",
    jwt.ImmatureSignatureError: "The course site's token is from the future. Look at both clocks.",
    jwt.InvalidAudienceError: OTHER_TOOL,
    jwt.InvalidIssuerError: (
        "The course site's token is of another site. [lti] issuer has to be the platform ID or"
        " issuer that the course site shows for this tool."
    ),
    jwt.InvalidSignatureError: NOT_THEIR_KEY,
    jwt.InvalidKeyError: NOT_THEIR_KEY,
}
"""What is wrong with a token → what a person is told."""


@dataclass(frozen=True)
class Launch:
    """A launch that was verified."""

    claims: Claims
    opens_desk: bool
    """Whether it may open the desk: for an instructor of a course that `Platform` lists."""
    same_browser: bool
    """Whether the browser that began it has ended it, as far as its cookie says."""
    placement: Placement | None


def _new_key() -> bytes:
    made = generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_in(folder: Path, common: Common | None = None) -> RSAPrivateKey:
    """The key that signs what is placed on course pages, made where there is none: in common to all
    servers of a course, or in the folder.

    Raises:
        ServeError: it cannot be read or written.
        StoreError: what the servers have in common cannot be reached.
    """
    path = folder / KEY_FILE
    try:
        if common is not None:
            kept = common.get("key", "lti") or common.first("key", "lti", _new_key().decode())
            pem = kept.encode()
        else:
            if not path.exists():
                write(path, _new_key())
            pem = path.read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("it is no RSA key")
    except (OSError, ValueError, TypeError) as error:
        raise ServeError(f"{path} cannot be used: {error} — remove it to get a new key") from error
    return key


class Launches:
    """Verifies the launches of one course site, and signs what it is to place."""

    def __init__(
        self, platform: Platform, key: RSAPrivateKey, common: Common | None = None
    ) -> None:
        """Args:
        common: lets a launch that began at one server of the course end at another.
        """
        self.platform = platform
        self._common = common
        self._key = key
        public = key.public_key()
        der = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._kid = hashlib.sha256(der).hexdigest()[:16]
        described = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
        self.keys = {"keys": [{**described, "kid": self._kid, "alg": "RS256", "use": "sig"}]}
        """The public key as a JSON Web Key Set (RFC 7517)."""
        self._their_keys = jwt.PyJWKClient(platform.keys_url, timeout=KEYS_SECONDS)
        # Not kept: what was begun before a restart has to begin again, so that none comes twice.
        self._secret = secrets.token_bytes(32)
        if common is not None:  # which remembers longer than a launch lasts what was used
            self._secret = bytes.fromhex(common.first("key", "launches", secrets.token_hex(32)))
        self._used: dict[str, float] = {}
        """Nonces that came back, and when their states end."""
        self._lock = threading.Lock()

    def begin(self, sent: Mapping[str, str], launch_url: str) -> tuple[str, str, str]:
        """The first step: the address to send the browser to, and a cookie's name and value.

        Nothing is remembered; all of it is in the state, which is signed.

        Args:
            launch_url: where the token is to be brought.

        Raises LaunchError: another course site, or not all values.
        """
        login = validated(Login, sent, "The course site's request is not a login of LTI 1.3")
        platform = self.platform
        _same("issuer", login.iss, platform.issuer)
        if login.client_id is not None:
            _same("client_id", login.client_id, platform.client_id)
        if login.lti_deployment_id is not None:
            self._check_deployment(login.lti_deployment_id)
        nonce = secrets.token_urlsafe(16)
        state = {"nonce": nonce, "exp": time.time() + STATE_SECONDS}
        query = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": launch_url,
            "login_hint": login.login_hint,
            "state": jwt.encode(state, self._secret, "HS256"),
            "nonce": nonce,
        }
        if login.lti_message_hint is not None:
            query["lti_message_hint"] = login.lti_message_hint
        joint = "&" if urlsplit(platform.auth_url).query else "?"
        return platform.auth_url + joint + urlencode(query), *self._cookie(nonce)

    def finish(self, state: str, token: str, cookies: Mapping[str, str]) -> Launch:
        """The second step. It may wait for the course site's keys, `KEYS_SECONDS` at most. Raises
        LaunchError: the token is not one of this course site for this launch."""
        nonce, ends = self._begun(state)
        claims = self._verified(token)
        if claims.nonce != nonce:
            raise LaunchError(f"The course site's token belongs to another launch. {AGAIN}")
        placement = claims.placement
        self._use(nonce, ends)
        cookie, value = self._cookie(nonce)
        return Launch(
            claims,
            opens_desk=claims.teaches and claims.course in self.platform.courses,
            same_browser=hmac.compare_digest(cookies.get(cookie, "").encode(), value.encode()),
            placement=placement,
        )

    def placed(self, placement: Placement, title: str, wanted: str, launch_url: str) -> str:
        """The signed answer that places a link to the chat on a course page.

        Args:
            launch_url: where the link leads.
        """
        item = {"type": "ltiResourceLink", "title": title, "url": launch_url}
        custom = {"custom": {"scope": wanted}} if wanted else {}
        data = {} if placement.data is None else {f"{DEEP_LINKING}data": placement.data}
        now = int(time.time())
        answer = {
            "iss": self.platform.client_id,
            "aud": [self.platform.issuer],
            "iat": now,
            "exp": now + PLACED_SECONDS,
            "nonce": secrets.token_urlsafe(16),
            f"{CLAIM}deployment_id": placement.deployment,
            f"{CLAIM}message_type": "LtiDeepLinkingResponse",
            f"{CLAIM}version": "1.3.0",
            f"{DEEP_LINKING}content_items": [item | custom],
            **data,
        }
        return jwt.encode(answer, self._key, "RS256", headers={"kid": self._kid})

    def _cookie(self, nonce: str) -> tuple[str, str]:
        """Name and value of the cookie by which the browser that began a launch is known.

        A launch has a cookie of its own, since a page of the course site may show several at once.
        """
        value = hmac.new(self._secret, nonce.encode(), "sha256").hexdigest()
        return f"seminar_lti_{nonce[:8]}", value

    def _begun(self, state: str) -> tuple[str, float]:
        """Nonce and end of a state that was given. Raises LaunchError."""
        try:
            found = jwt.decode(state, self._secret, ["HS256"], options={"require": ["exp"]})
        except jwt.InvalidTokenError:
            minutes = STATE_SECONDS // 60
            raise LaunchError(
                f"This launch was not begun here, or more than {minutes} minutes ago. {AGAIN}"
            ) from None
        return found["nonce"], found["exp"]

    def _verified(self, token: str) -> Claims:
        """What a token says, if the course site signed it for this tool. Raises LaunchError."""
        platform = self.platform
        key = self._their_key(token)
        try:
            found = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=platform.client_id,
                issuer=platform.issuer,
                leeway=CLOCKS_DIFFER,
                options={"require": ["exp", "iat", "iss", "aud", "nonce"]},
            )
        except jwt.PyJWTError as error:
            says = (text for kind, text in REFUSALS.items() if isinstance(error, kind))
            raise LaunchError(next(says, UNREADABLE)) from error
        claims = validated(Claims, found, "The course site's token is not one of LTI 1.3")
        several = isinstance(claims.aud, list) and len(claims.aud) > 1
        if claims.azp != platform.client_id and (claims.azp is not None or several):
            raise LaunchError(OTHER_TOOL)
        self._check_deployment(claims.deployment)
        return claims

    def _their_key(self, token: str) -> Any:
        """The course site's key that a token says it is signed with. Raises LaunchError."""
        try:
            name = str(jwt.get_unverified_header(token).get("kid"))
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise LaunchError(UNREADABLE) from error
        try:
            return self._their_keys.get_signing_key(name).key
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, OSError, ValueError) as error:
            raise LaunchError(NO_KEYS) from error
        except jwt.PyJWTError as error:
            raise LaunchError(NOT_THEIR_KEY) from error

    def _check_deployment(self, deployment: str) -> None:
        if deployment not in self.platform.deployments:
            raise LaunchError(
                f"The course site names the deployment {deployment[:80]!r}, which is not listed"
                " here. If it is yours, add it to [lti] deployment_id and restart."
            )

    def _use(self, nonce: str, ends: float) -> None:
        """Let a nonce come back once. Raises LaunchError."""
        if self._common is not None:
            mine = secrets.token_hex(8)
            if self._common.first("launch", nonce, mine, 2 * STATE_SECONDS) != mine:
                raise LaunchError(f"This launch was used already. {AGAIN}")
            return
        with self._lock:
            now = time.time()
            self._used = {one: end for one, end in self._used.items() if end > now}
            if nonce in self._used:
                raise LaunchError(f"This launch was used already. {AGAIN}")
            self._used[nonce] = ends


def _same(name: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise LaunchError(
            f"The course site names itself {found[:200]!r} as the {name}, and here [lti] {name} is"
            f" {wanted!r}. Correct the one that is wrong."
        )
