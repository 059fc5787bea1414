"""What deploy/ says is true of this program: its files, commands and settings exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from seminar_rag.cli.main import _parser
from seminar_rag.config import load
from seminar_rag.ui.shared.gate import COURSES_OPEN, OPEN

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "seminar-rag.service").read_text(encoding="utf-8")
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
SCALE = (ROOT / "deploy" / "compose.scale.yaml").read_text(encoding="utf-8")
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def commands() -> list[list[str]]:
    """The commands of this program that are run or advised, as words after its name."""
    (run,) = [json.loads(rest) for name, rest in instructions() if name == "CMD"]
    text = UNIT.replace("%S", "/var/lib") + COMPOSE + SCALE
    said = re.findall(r"(?:bin/|seminar |seminar-1 )seminar-rag ([a-z].*)", text)
    return [run[1:], *map(shlex.split, said)]


def test_every_command_is_one_of_the_program() -> None:
    assert len(commands()) >= 5
    for words in commands():
        _parser().parse_args(words)


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = {
        word
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert copied == kept
    assert all((ROOT / one).exists() for one in copied)


def test_the_image_asks_for_health_where_it_is_told_and_runs_as_nobody() -> None:
    text = " ".join(rest for name, rest in instructions() if name == "HEALTHCHECK")
    port, path = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", text).groups()
    assert int(port) == load(ROOT / "deploy", {}).serve_port
    for openings in (OPEN, COURSES_OPEN):
        assert any(one.path.fullmatch(path) for one in openings)
    assert ("USER", "10001:10001") in instructions()
    assert ("EXPOSE", port) in instructions()


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE, SCALE], ids=["Dockerfile", "one", "scale"])
def test_settings_in_the_environment_are_settings(text: str) -> None:
    found = dict(re.findall(r"(SEMINAR_RAG_\w+)[=:] ?(\S+)", text))
    assert found
    before = load(ROOT / "deploy", {})
    for name, value in found.items():
        assert load(ROOT / "deploy", {name: value}) != before, name


@pytest.fixture(scope="module")
def specification() -> Validator:
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text(encoding="utf-8"))
    made: Validator = validator_for(schema)(schema)
    return made


@pytest.mark.parametrize("text", [COMPOSE, SCALE], ids=["one", "scale"])
def test_compose_files_are_as_their_specification_says(text: str, specification: Validator) -> None:
    specification.validate(yaml.safe_load(text))
    for right, wrong in (
        ("condition: service_healthy", "condition: healthy"),
        ("volumes:", "disks:"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            specification.validate(yaml.safe_load(text.replace(right, wrong)))


def test_compose_waits_for_health_and_keeps_the_server_inside() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    assert services["caddy"]["depends_on"]["seminar"]["condition"] == "service_healthy"
    assert "ports" not in services["seminar"]
    assert "seminar:7860" in services["caddy"]["command"]
    assert (ROOT / "deploy" / services["seminar"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / services["seminar"]["build"]["dockerfile"]).is_file()
    assert services["seminar"]["volumes"] == ["./courses:/courses"]


def test_the_scaled_servers_wait_for_all_they_need_and_nginx_knows_each() -> None:
    described = yaml.safe_load(SCALE)
    services, settings = described["services"], tomllib.loads(given_settings())["store"]
    servers = {name for name in services if name.startswith("seminar-")}
    assert len(servers) == 2
    for name in servers:
        one = services[name]
        assert one["build"]["args"]["EXTRAS"].split(",") == ["mcp", "lti", "postgres", "s3"]
        for other, how in one["depends_on"].items():
            assert how == {"condition": "service_healthy"}
            assert services[other]["healthcheck"]["test"][0] == "CMD"
        assert one["depends_on"].keys() == services.keys() - servers - {"nginx"}
    assert services["nginx"]["depends_on"].keys() == servers
    known = dict(re.findall(r"server ([\w-]+):(\d+) ", NGINX))
    assert known == dict.fromkeys(servers, str(load(ROOT / "deploy", {}).serve_port))
    (port,) = re.findall(r"listen (\d+);", NGINX)
    assert services["nginx"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert all("ports" not in one for name, one in services.items() if name != "nginx")
    address = urlsplit(settings["database"])
    assert (address.hostname, address.username) == ("postgres", "seminar")
    assert services["postgres"]["environment"]["POSTGRES_USER"] == address.username
    assert urlsplit(settings["url"]).hostname in services
    assert urlsplit(services["seminar-1"]["environment"]["SEMINAR_RAG_LLM_URL"]).hostname == "llm"
    used = {each.partition(":")[0] for one in services.values() for each in one.get("volumes", ())}
    assert {name for name in used if not name.startswith(".")} == set(described["volumes"])


def given_settings() -> str:
    """The settings of a course that the head of compose.scale.yaml writes."""
    found = re.search(r"printf '(.*)' >", SCALE)
    assert found
    return found[1].replace("\\n", "\n").replace("%%", "%")
