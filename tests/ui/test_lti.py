"""Launches from a course site that signs real tokens and serves its keys; no page is built."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from course_site import CLIENT, COURSE, DEPLOYMENT, NAME, CourseSite, new_key
from fake_course import FakeCourse
from fastapi import FastAPI
from fastapi.testclient import TestClient

from seminar_rag.errors import ConfigError, ServeError
from seminar_rag.ui.app import launches_of
from seminar_rag.ui.lti import launch as launching
from seminar_rag.ui.lti.claims import CLAIM, DEEP_LINKING
from seminar_rag.ui.lti.launch import KEY_FILE, Launches, key_in
from seminar_rag.ui.lti.routes import Site
from seminar_rag.ui.shared.gate import Gate

pytestmark = pytest.mark.slow  # keys are made, and a server runs

TOOL = "https://chat.test"
OTHER_KEY = new_key()


@pytest.fixture(scope="module")
def site() -> Iterator[CourseSite]:
    running = CourseSite(TOOL)
    yield running
    running.close()


@pytest.fixture(scope="module")
def own_key():
    return new_key()


def opened(response) -> None:
    response.set_cookie("desk", "open")


def visit(site: CourseSite, own_key, let_in=opened) -> TestClient:
    """A browser at a server that was just started."""
    app = FastAPI()
    app.add_middleware(Gate)
    launches = Launches(site.platform(), own_key)
    Site(launches, FakeCourse(), "", let_in).add_to(app)
    return TestClient(app, TOOL, follow_redirects=False)


@pytest.fixture
def browser(site: CourseSite, own_key) -> TestClient:
    site.role, site.scope, site.works = "Learner", "session:15", True
    return visit(site, own_key)


def begin(browser: TestClient, site: CourseSite, **changes: str | None):
    sent = {"iss": site.url, "login_hint": "9", "client_id": CLIENT, **changes}
    return browser.post("/lti/login", data={name: one for name, one in sent.items() if one})


def begun(browser: TestClient, site: CourseSite) -> dict[str, str]:
    """State and nonce of a new launch, and what else the course site is sent."""
    address = urlsplit(begin(browser, site).headers["location"])
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def finish(browser: TestClient, state: str, token: str):
    return browser.post("/lti/launch", data={"state": state, "id_token": token})


def launched(browser: TestClient, site: CourseSite, **changes):
    sent = begun(browser, site)
    return finish(browser, sent["state"], site.token(sent["nonce"], **changes))


# Who comes in ---------------------------------------------------------------------------------


def test_a_student_is_led_to_the_session_that_was_placed(browser, site):
    sent = begun(browser, site)
    assert {name: sent[name] for name in sent if name not in ("state", "nonce")} == {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": CLIENT,
        "redirect_uri": f"{TOOL}/lti/launch",
        "login_hint": "9",
    }
    answer = finish(browser, sent["state"], site.token(sent["nonce"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "../#scope=session:15")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("scope", "address"),
    [
        ("", "../"),
        ("reading:rag,required", "../#scope=reading:rag,required"),
        ("$Canvas.course.id", "../"),
        ("session:1\r\nset-cookie: a=b", "../"),
        ("javascript:alert(1)", "../"),
    ],
)
def test_a_link_leads_to_a_part_of_the_course_or_to_all_of_it(browser, site, scope, address):
    site.scope = scope
    assert launched(browser, site).headers["location"] == address


def test_a_launch_begins_by_an_address_too_and_keeps_the_hint(browser, site):
    query = {"iss": site.url, "login_hint": "9", "lti_message_hint": "ü&=%"}
    answer = browser.get("/lti/login", params=query)
    sent = parse_qs(urlsplit(answer.headers["location"]).query)
    assert sent["lti_message_hint"] == ["ü&=%"]
    cookie = answer.headers["set-cookie"]
    for attribute in ("Path=/lti", "SameSite=none", "Secure", "HttpOnly", "Partitioned"):
        assert f"; {attribute}" in cookie


def test_two_launches_of_one_page_do_not_disturb_each_other(browser, site):
    site.role, site.scope = "Instructor", "desk"
    both = [begun(browser, site) for _ in range(2)]
    for sent in both:
        answer = finish(browser, sent["state"], site.token(sent["nonce"]))
        assert answer.headers["location"] == "../desk/"


# Who is refused -------------------------------------------------------------------------------

CHANGED = {
    "another tool's token": ({"aud": "tool-43"}, "[lti] client_id has to be the client ID"),
    "a token for several tools": ({"aud": [CLIENT, "tool-43"]}, "[lti] client_id has to be"),
    "a token that another tool asked for": ({"azp": "tool-43"}, "[lti] client_id has to be"),
    "another site's token": ({"iss": "https://evil.test"}, "[lti] issuer has to be"),
    "an old token": ({"iat": 1_000, "exp": 2_000}, "has run out. Open the link"),
    "a token from the future": ({"iat": time.time() + 9_999}, "is from the future"),
    "a token without an end": ({"exp": None}, "cannot be read"),
    "a token without a nonce": ({"nonce": None}, "cannot be read"),
    "another deployment": (
        {f"{CLAIM}deployment_id": "deployment-2"},
        "the deployment 'deployment-2', which is not listed here. If it is yours, add it to [lti]",
    ),
    "no deployment": ({f"{CLAIM}deployment_id": None}, "not one of LTI 1.3: deployment_id"),
    "another version": ({f"{CLAIM}version": "1.2.0"}, "not one of LTI 1.3: version"),
    "another message": ({f"{CLAIM}message_type": "LtiX"}, "not one of LTI 1.3: message_type"),
    "another launch's nonce": ({"nonce": "guessed"}, "belongs to another launch. Open the link"),
}


def said(answer) -> str:
    """What a person reads of a refusal."""
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    return unescape(answer.text)


@pytest.mark.parametrize("name", CHANGED)
def test_a_token_that_says_something_else_is_refused(browser, site, name):
    changes, says = CHANGED[name]
    assert says in said(launched(browser, site, **changes))


def signed_otherwise(site: CourseSite, nonce: str) -> dict[str, str]:
    """The claims of a launch, signed by others or not at all."""
    claims, named = site.claims(nonce), {"kid": site.kid}
    public = json.dumps(site.keys()["keys"][0])
    head, body, signature = site.token(nonce).split(".")
    return {
        "with another key of the same name": jwt.encode(claims, OTHER_KEY, "RS256", named),
        "with an unknown key": jwt.encode(claims, OTHER_KEY, "RS256", {"kid": "unknown"}),
        "with a key without a name": jwt.encode(claims, OTHER_KEY, "RS256"),
        "with the public key as a password": jwt.encode(claims, public * 2, "HS256", named),
        "not at all": jwt.encode(claims, None, "none", named),
        "and changed": f"{head}.{body[:-8]}{body[-7:]}A.{signature}",
        "in part": f"{head}.{body}",
        "as nonsense": "[" * 10_000,
        "as nothing": "",
    }


@pytest.mark.parametrize("name", signed_otherwise(CourseSite(), ""))
def test_a_token_that_the_course_site_did_not_sign_is_refused(browser, site, name):
    sent = begun(browser, site)
    says = said(finish(browser, sent["state"], signed_otherwise(site, sent["nonce"])[name]))
    assert "not signed with a key of the course site" in says or "cannot be read" in says


def test_nothing_comes_twice(browser, site):
    sent = begun(browser, site)
    token = site.token(sent["nonce"])
    assert finish(browser, sent["state"], token).status_code == 303
    assert "was used already" in said(finish(browser, sent["state"], token))
    another = site.token(sent["nonce"])
    assert "was used already" in said(finish(browser, sent["state"], another))
    later = begun(browser, site)
    assert "belongs to another launch" in said(finish(browser, later["state"], token))
    newer = site.token(later["nonce"])
    assert "belongs to another launch" in said(finish(browser, sent["state"], newer))
    assert finish(browser, later["state"], newer).status_code == 303


def test_a_state_that_was_not_given_or_is_old_is_refused(browser, site, own_key, monkeypatch):
    elsewhere = begun(visit(site, own_key), site)
    for state in ("", "guessed", elsewhere["state"]):
        answer = finish(browser, state, site.token(elsewhere["nonce"]))
        assert "was not begun here, or more than 10 minutes ago" in said(answer)
    monkeypatch.setattr(launching, "STATE_SECONDS", -1)
    assert "was not begun here" in said(launched(browser, site))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"iss": "https://evil.test"}, "names itself 'https://evil.test' as the issuer"),
        ({"client_id": "tool-43"}, "names itself 'tool-43' as the client_id"),
        ({"lti_deployment_id": "deployment-2"}, "add it to [lti] deployment_id"),
        ({"iss": None}, "not a login of LTI 1.3: iss"),
        ({"login_hint": None}, "not a login of LTI 1.3: login_hint"),
        ({"login_hint": "x" * 5_000}, "not a login of LTI 1.3: login_hint"),
        ({f"x{n}": "y" for n in range(60)}, "too many values"),
        ({"iss": "<script>alert(1)</script>"}, "names itself '<script>alert(1)</script>'"),
    ],
)
def test_a_request_of_another_site_does_not_begin_a_launch(browser, site, changes, says):
    answer = begin(browser, site, **changes)
    assert says in said(answer)
    assert "<script>" not in answer.text


def test_what_the_course_site_says_when_it_lets_nobody_in_is_shown(browser):
    answer = browser.post("/lti/launch", data={"error": "login_required", "state": "x"})
    assert "It says: login_required" in said(answer)


def test_a_launch_that_is_too_large_is_not_read(browser):
    assert browser.post("/lti/launch", data={"id_token": "x" * 70_000}).status_code == 413


# Keys -----------------------------------------------------------------------------------------


def test_a_course_site_without_its_keys_is_named_and_asked_again(browser, site):
    site.works = False
    assert "does not hand out its keys: look at [lti] keys_url" in said(launched(browser, site))
    site.works = True
    assert launched(browser, site).status_code == 303


def test_a_new_key_of_the_course_site_is_fetched_but_not_for_every_guess(
    browser, site, own_key, monkeypatch
):
    assert launched(browser, site).status_code == 303
    asked = site.asked_for_keys
    for _ in range(5):
        sent = begun(browser, site)
        guess = jwt.encode(site.claims(sent["nonce"]), OTHER_KEY, "RS256", {"kid": "guess"})
        assert "not signed with a key" in said(finish(browser, sent["state"], guess))
    assert site.asked_for_keys == asked
    monkeypatch.setattr(site, "key", OTHER_KEY)
    monkeypatch.setattr(site, "kid", "second")
    monkeypatch.setattr(time, "monotonic", lambda before=time.monotonic: before() + 60)
    assert launched(browser, site).status_code == 303


def test_the_own_key_is_kept_for_its_owner_alone(tmp_path: Path):
    first = key_in(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert key_in(tmp_path).private_numbers() == first.private_numbers()
    (tmp_path / KEY_FILE).write_text("nonsense")
    with pytest.raises(ServeError, match=r"lti\.pem cannot be used: .* — remove it to get a new"):
        key_in(tmp_path)


# The desk -------------------------------------------------------------------------------------


def test_an_instructor_of_a_listed_course_may_enter_the_desk(browser, site):
    site.role = "Instructor"
    answer = launched(browser, site)
    assert answer.headers["location"] == "../?desk#scope=session:15"
    assert answer.headers["set-cookie"].startswith("desk=open")
    site.scope = "desk"
    assert launched(browser, site).headers["location"] == "../desk/"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "The desk is for the instructors of the course."),
        (
            {
                f"{CLAIM}roles": [
                    "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"
                ]
            },
            "The desk is for the instructors of the course.",
        ),
        (
            {f"{CLAIM}roles": ["Instructor"], f"{CLAIM}context": {"id": "sandbox"}},
            "Add 'sandbox' there and restart",
        ),
        ({f"{CLAIM}roles": ["Instructor"], f"{CLAIM}context": None}, "Add '' there"),
    ],
)
def test_nobody_else_may(browser, site, changes, says):
    assert "set-cookie" not in launched(browser, site, **changes).headers
    site.scope = "desk"
    assert says in said(launched(browser, site, **changes))


def test_whoever_is_made_to_end_the_launch_of_another_browser_may_not(browser, site):
    site.role = "Instructor"
    sent = begun(browser, site)
    browser.cookies.clear()
    answer = finish(browser, sent["state"], site.token(sent["nonce"]))
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
    site.scope = "desk"
    sent = begun(browser, site)
    browser.cookies.clear()
    answer = finish(browser, sent["state"], site.token(sent["nonce"]))
    assert "Your browser keeps no cookies in this frame" in said(answer)


def test_a_course_without_a_desk_says_so(site, own_key):
    site.role, site.scope = "Instructor", "desk"
    assert "has no desk here" in said(launched(visit(site, own_key, let_in=None), site))


# Placing a link -------------------------------------------------------------------------------


def placing(browser: TestClient, site: CourseSite, **settings):
    sent = begun(browser, site)
    return finish(browser, sent["state"], site.to_place(sent["nonce"], **settings))


def test_an_instructor_places_the_chat_of_one_session_on_a_course_page(browser, site):
    from lxml import html

    site.role = "Instructor"
    page = placing(browser, site)
    assert page.status_code == 200
    assert "form-action" not in page.headers["content-security-policy"]
    (form,) = html.fromstring(page.text).forms
    assert (form.action, form.method) == (f"{site.url}/placed", "POST")
    offered = {one.text: one.get("value") for one in form.xpath(".//button")}
    assert list(offered) == [
        "Ask the readings of Reading seminar",
        "Ask the readings of session 3: How networks learn",
        "Ask the readings of session 15: Retrieval-augmented generation",
        "Ask the readings of session 16: Agents and tools",
        "The desk of Reading seminar",
    ]
    ours = jwt.PyJWKSet.from_dict(browser.get("/lti/keys").json())
    answers = {}
    for title, token in offered.items():
        key = ours[jwt.get_unverified_header(token)["kid"]].key
        answers[title] = jwt.decode(token, key, ["RS256"], audience=site.url, issuer=CLIENT)
    assert len({answer["nonce"] for answer in answers.values()}) == 5
    placed = {title: one[f"{DEEP_LINKING}content_items"] for title, one in answers.items()}
    title = list(placed)[2]
    (item,) = placed[title]
    assert item == {
        "type": "ltiResourceLink",
        "title": title,
        "url": f"{TOOL}/lti/launch",
        "custom": {"scope": "session:15"},
    }
    answer = answers[title]
    assert answer[f"{CLAIM}message_type"] == "LtiDeepLinkingResponse"
    assert answer[f"{CLAIM}deployment_id"] == DEPLOYMENT
    assert answer[f"{CLAIM}version"] == "1.3.0"
    assert answer[f"{DEEP_LINKING}data"] == "opaque"
    site.role, changes = "Learner", {f"{CLAIM}custom": item["custom"]}
    assert launched(browser, site, **changes).headers["location"] == "../#scope=session:15"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"deep_link_return_url": "javascript:alert(1)"}, "does not say where"),
        ({"accept_types": ["image"]}, "takes no links to tools"),
        ({"accept_types": None}, "not one of LTI 1.3"),
    ],
)
def test_where_nothing_can_be_placed_it_says_so(browser, site, settings, says):
    assert says in said(placing(browser, site, **settings))


# What is not kept -----------------------------------------------------------------------------


def test_no_name_is_kept_logged_or_shown(site, own_key, caplog):
    browser = visit(site, own_key)
    site.role, site.scope = "Instructor", ""
    with caplog.at_level(logging.DEBUG):
        answers = [
            launched(browser, site),
            placing(browser, site),
            launched(browser, site, aud="tool-43"),
            launched(browser, site, **{f"{CLAIM}version": NAME}),
        ]
    assert len(caplog.records) >= 2
    found = caplog.text + "".join(f"{one.headers} {one.text}" for one in answers)
    for private in (NAME, "ada@example.edu", "person-9"):
        assert private not in found
    launches = Launches(site.platform(), own_key)
    sent = parse_qs(urlsplit(launches.begin({"iss": site.url, "login_hint": "9"}, TOOL)[0]).query)
    launch = launches.finish(sent["state"][0], site.token(sent["nonce"][0]), {})
    for private in (NAME, "ada@example.edu", "person-9"):
        assert private not in f"{launch} {vars(launches)}"


# The configuration ----------------------------------------------------------------------------

SET = {
    "issuer": "https://moodle.test",
    "client_id": CLIENT,
    "deployment_id": "1, 2",
    "auth_url": "https://moodle.test/auth",
    "keys_url": "https://moodle.test/keys",
    "courses": "",
}


def test_what_is_not_set_is_named(tmp_path: Path):
    assert launches_of(dict.fromkeys(SET, ""), tmp_path) is None
    platform = launches_of(SET | {"courses": COURSE}, tmp_path).platform
    assert (platform.deployments, platform.courses) == ({"1", "2"}, {COURSE})
    for name in SET:
        if name != "courses":
            with pytest.raises(ConfigError, match=rf"\[lti\] {name} is '' — set what the course"):
                launches_of(SET | {name: ""}, tmp_path)
    with pytest.raises(ConfigError, match=r"\[lti\] keys_url is 'file:///etc/passwd'"):
        launches_of(SET | {"keys_url": "file:///etc/passwd"}, tmp_path)
