"""What a course site says of itself, of a launch and of who comes, as far as it is read.

A token may name the person too; no name, address or id of a person is among these fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from seminar_rag.errors import ConfigError
from seminar_rag.ui.shared.browser import parse_link, permalink

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
INSTRUCTOR = ("http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor", "Instructor")
"""The role in the course that opens the desk; roles at the institution do not."""
DESK = "desk"
"""In place of a scope: the instructor's desk."""
Short = Annotated[str, Field(max_length=4_000)]
M = TypeVar("M", bound=BaseModel)


class LaunchError(Exception):
    """A launch that is refused; the message says why, and what to do."""


@dataclass(frozen=True)
class Platform:
    """A course site as it describes itself to its tools, and what it may do here."""

    issuer: str
    client_id: str
    deployments: frozenset[str]
    auth_url: str
    keys_url: str
    courses: frozenset[str]
    """Ids of the courses there whose instructors open the desk."""


def platform_of(
    issuer: str, client_id: str, deployment_id: str, auth_url: str, keys_url: str, courses: str
) -> Platform:
    """The course site that a configuration describes; lists are separated by commas. Raises
    ConfigError: something is not set."""
    needed = {"issuer": issuer, "client_id": client_id, "deployment_id": deployment_id}
    addresses = {"auth_url": auth_url, "keys_url": keys_url}
    for name, value in (needed | addresses).items():
        if not value or (name in addresses and not _is_web(value)):
            raise ConfigError(f"[lti] {name} is {value!r} — set what the course site shows for it")
    return Platform(issuer, client_id, _listed(deployment_id), auth_url, keys_url, _listed(courses))


def _listed(value: str) -> frozenset[str]:
    return frozenset(one.strip() for one in value.split(",") if one.strip())


def _is_web(address: str) -> bool:
    return urlsplit(address).scheme in ("https", "http")


# --- requests and tokens --------------------------------------------------------------------------


class Login(BaseModel):
    """The request that begins a launch."""

    iss: Short
    login_hint: Short
    client_id: Short | None = None
    lti_deployment_id: Short | None = None
    lti_message_hint: Short | None = None


@dataclass(frozen=True)
class Placement:
    """Where the course site wants to know what to place on a course page."""

    return_url: str
    data: str | None
    deployment: str


class _Context(BaseModel):
    id: Short


class _Settings(BaseModel):
    deep_link_return_url: Short
    accept_types: list[str]
    data: str | None = None


class Claims(BaseModel):
    """What is read of a token."""

    nonce: Short
    aud: str | list[str]
    azp: Short | None = None
    version: Literal["1.3.0"] = Field(alias="https://purl.imsglobal.org/spec/lti/claim/version")
    deployment: Short = Field(alias="https://purl.imsglobal.org/spec/lti/claim/deployment_id")
    message: Literal["LtiResourceLinkRequest", "LtiDeepLinkingRequest"] = Field(
        alias="https://purl.imsglobal.org/spec/lti/claim/message_type"
    )
    roles: list[str] = Field([], alias="https://purl.imsglobal.org/spec/lti/claim/roles")
    context: _Context | None = Field(
        None, alias="https://purl.imsglobal.org/spec/lti/claim/context"
    )
    custom: dict[str, Any] = Field({}, alias="https://purl.imsglobal.org/spec/lti/claim/custom")
    settings: _Settings | None = Field(
        None, alias="https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
    )

    @property
    def course(self) -> str:
        """The id that the course site has for its course; "" where it names none."""
        return self.context.id if self.context else ""

    @property
    def teaches(self) -> bool:
        """Whether an instructor of that course comes."""
        return any(role in INSTRUCTOR for role in self.roles)

    @property
    def wanted(self) -> str:
        """The scope that the link was placed with, "session:3", or `DESK`; "" is the whole course,
        and so is what is not understood."""
        scope = self.custom.get("scope")
        if not isinstance(scope, str) or scope == DESK:
            return scope or ""
        link = parse_link(f"#scope={scope}")
        return permalink("", link[1]).partition("=")[2] if link else ""

    @property
    def placement(self) -> Placement | None:
        """None where nothing is to be placed. Raises LaunchError where nothing can be."""
        if self.message != "LtiDeepLinkingRequest":
            return None
        settings = self.settings
        if settings is None or not _is_web(settings.deep_link_return_url):
            raise LaunchError("The course site does not say where to place a link.")
        if "ltiResourceLink" not in settings.accept_types:
            raise LaunchError("This place of the course site takes no links to tools.")
        return Placement(settings.deep_link_return_url, settings.data, self.deployment)


def validated(model: type[M], found: Mapping[str, Any], says: str) -> M:
    """What was found as a model.

    Args:
        says: what is wrong where something is missing or not as it has to be.

    Raises LaunchError, which says so, where something is.
    """
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = str(first["loc"][0]).rpartition("/")[2]
        raise LaunchError(f"{says}: {name}: {first['msg']}.") from None
