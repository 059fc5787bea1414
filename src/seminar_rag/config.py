"""seminar.toml and the environment → one frozen Config. The only reader of either.

Every key can also come from the environment: SEMINAR_RAG_LLM_URL is [llm] url. The environment
wins. Reading the configuration has no effects: it creates nothing and sets nothing. `save` alone
writes, one key at a time, and leaves the rest of the file as it is.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from seminar_rag.errors import ConfigError
from seminar_rag.files import write
from seminar_rag.types.serving import Setting

FILE = "seminar.toml"
DATA = ".seminar"
_ENV = "SEMINAR_RAG_"
_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.I)
_EXPECTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "value_error": "{error}",
}
"""Kind of error that pydantic reports → what to use instead."""
_REMOVED = {
    "check_model": "claims are checked by the built-in check or the language model",
    "llm_grammar": "answers are no longer forced into a form",
    "llm_server_grammar": "answers are no longer forced into a form",
}
"""Keys of earlier versions → what is done instead."""


def _networks(value: str) -> str:
    """Check addresses or networks, separated by commas. Raises ValueError."""
    try:
        for one in filter(None, value.split(",")):
            ipaddress.ip_network(one.strip())
    except ValueError as error:
        raise ValueError(f"addresses or networks, separated by commas: {error}") from error
    return value


def _origins(value: str) -> str:
    """Check origins of web pages, separated by commas. Raises ValueError."""
    for one in filter(None, value.split(",")):
        if not _ORIGIN.fullmatch(one.strip()):
            raise ValueError(
                'the beginnings of addresses, such as "https://moodle.uni.edu" without what follows'
                f" the host, separated by commas: {one.strip()}"
            )
    return value


_Count = Annotated[int, Field(ge=0)]
_Some = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, by section and key: `llm_url` is [llm] url."""

    course_name: str = ""
    """Shown as the page's title; empty takes it from the course page."""
    data_dir: str = DATA
    """All state; relative to the folder of seminar.toml."""
    store_url: str = ""
    """A Chroma server, "http://127.0.0.1:8000"; empty keeps the vectors in the data folder."""
    store_database: str = ""
    """A PostgreSQL database, "postgresql://user:password@host/name"; empty keeps SQLite in the data
    folder."""
    store_files: str = ""
    """Where servers have files in common, "s3://bucket/course"; empty takes the data folder."""
    fetch_contact: str = ""
    """Your e-mail address or page, sent to every host that readings are fetched from."""
    fetch_allow_hosts: str = ""
    """Hosts that may lie in a private network, separated by commas."""
    fetch_max_age: _Count = 7
    """Days for which a fetched file is taken without asking whether it has changed."""
    fetch_max_mib: _Some = 64
    """The largest file that is fetched, in MiB."""
    fetch_arxiv: str = "https://export.arxiv.org"
    """Where arXiv's PDFs are fetched from; a mirror, if you have one."""
    fetch_arxiv_api: str = "https://export.arxiv.org/api/query"
    """Where arXiv is asked for titles and authors."""
    zotero_key: str = ""
    """The API key that reads your collections at zotero.org; public groups need none."""
    embed_model: str = "all-MiniLM-L6-v2"
    """The packaged weights, a local folder, or a hub name."""
    embed_precision: Literal["auto", "float32", "bfloat16"] = "auto"
    retrieve_reranker: str = ""
    """A cross-encoder that reorders the passages found: a local folder, a hub name, "off"; empty
    takes a suggested one once it is downloaded."""
    llm_model: str = ""
    """A GGUF file, or "repo:file" on the model hub; empty takes a downloaded one, if any."""
    llm_url: str = ""
    """An OpenAI-compatible server, "http://127.0.0.1:11434/v1"; never contacted unless set."""
    llm_name: str = ""
    """The model's name at that server."""
    llm_key: str = ""
    """Its API key, if it wants one; better in the environment than in the file."""
    llm_context: _Some = 4096
    """Context window in tokens."""
    llm_threads: _Count = 0
    """Threads for a local model; 0 takes all cores."""
    llm_max_tokens: _Some = 400
    """Longest answer in tokens."""
    llm_enabled: bool = True
    """False answers with quotations although a language model is configured."""
    answer_passages: _Some = 8
    """How many passages the answer may draw on."""
    check_verifier: Literal["auto", "builtin", "llm"] = "auto"
    """Who checks claims: "builtin" or "llm", the language model that answers; "auto" takes a
    language model whose file is large enough, else the built-in check."""
    serve_host: str = "127.0.0.1"
    serve_port: Annotated[int, Field(ge=0, le=65535)] = 7860
    serve_address: str = ""
    """Where other servers of the course reach this one; empty where they do where it listens."""
    serve_rate: _Count = 20
    """Questions a minute that one open page may ask; 0 for any number."""
    serve_rate_address: _Count = 200
    """Questions a minute of all pages and programs of one address; 0 for any number."""
    serve_trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses or networks of proxies, separated by commas, that say whose requests they pass on;
    empty believes nobody."""
    serve_frame_ancestors: Annotated[str, AfterValidator(_origins)] = ""
    """Sites that may show the page in a frame, "https://moodle.uni.edu", separated by commas."""
    serve_api_key: str = ""
    """What programs have to send that ask at /v1, as OpenAI's clients do; empty asks for none."""
    lti_issuer: str = ""
    """The course site that launches the chat by LTI 1.3, as it names itself; empty for none."""
    lti_client_id: str = ""
    """The client ID that the course site gave this tool."""
    lti_deployment_id: str = ""
    """The deployments there, separated by commas."""
    lti_auth_url: str = ""
    """The course site's authentication request URL."""
    lti_keys_url: str = ""
    """The course site's public keyset URL."""
    lti_courses: str = ""
    """Ids of the courses there whose instructors open the desk, separated by commas."""
    journal_enabled: bool = False
    """Record what students ask, without who: question, answer, citations, verdicts."""
    journal_days: _Some = 90
    """Days after which questions and feedback are removed."""
    desk_password_hash: str = ""
    """The hash of the instructor's password, from `seminar-rag passwd`; empty closes the desk."""
    folder: Path = Path()
    """The folder of seminar.toml, whether the file exists or not; not a key."""
    base: Config | None = None
    """What holds for all courses of a server, if this is one of several; not a key."""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / Path(self.data_dir).expanduser()


LIVE: dict[str, tuple[int, int] | None] = {
    "course_name": None,
    "zotero_key": None,
    "answer_passages": (1, 20),
    "llm_enabled": None,
    "llm_max_tokens": (50, 4_000),
    "journal_enabled": None,
    "journal_days": (1, 3_650),
}
"""The keys that may change while the course is served, numbers with their least and most."""
_FILES = frozenset({"llm_model", "embed_model", "retrieve_reranker"})
"""The keys whose values may be paths."""
SECRET = frozenset("store_database zotero_key llm_key serve_api_key desk_password_hash".split())
"""The keys whose values are shown to nobody."""


OF_ONE_COURSE = frozenset({"course", "data", "store", "desk", "lti"})
"""The sections that a course does not take from the folder of several courses."""


@cache
def keys() -> dict[str, dict[str, object]]:
    """Section → key → default."""
    out: dict[str, dict[str, object]] = {}
    for one in fields(Config):
        section, _, key = one.name.partition("_")
        if key:
            out.setdefault(section, {})[key] = one.default
    return out


def platform_folder(course: str) -> Path:
    """A course's folder below the one where the platform keeps the data of programs."""
    import platformdirs

    return platformdirs.user_data_path("seminar-rag", appauthor=False) / course


def default_folder(environ: Mapping[str, str] = os.environ, data: Path | None = None) -> Path:
    """The folder of the course where none is named. It is the one whose seminar.toml lies in `data`
    or has its data there; else the current one where a course lies there or the environment says
    where the data are, and else the platform's, so that commands work from any folder."""
    own = None if data is None else Path(os.path.abspath(data))
    for folder in (own, own.parent) if own else ():
        if (folder / FILE).is_file() and own in (folder, load(folder, {}).data.absolute()):
            return folder
    here = any(map(os.path.lexists, (FILE, DATA))) or f"{_ENV}DATA_DIR" in environ
    return Path() if here else platform_folder("course")


def load(
    folder: Path | None,
    environ: Mapping[str, str] = os.environ,
    data: Path | None = None,
    base: Config | None = None,
) -> Config:
    """The configuration that holds in `folder`.

    Args:
        folder: None takes the one that `default_folder` says.
        data: the --data option, which wins over everything.
        base: of the folder of several courses; its settings hold where the course's own file has
            none, except those of `OF_ONE_COURSE`. Its paths to models are relative to it.

    Raises:
        ConfigError: unreadable TOML, an unknown section or key, or a value that is not allowed;
            the message names the key, where it stands and what to use.
    """
    given = _from_environment(environ)
    if folder is None:
        folder = default_folder(environ, data)
        if folder != Path():  # a path in the environment is relative to the current folder
            here = (name for name in _FILES & given.keys() if Path(given[name]).exists())
            given |= {name: str(Path(given[name]).resolve()) for name in here}
    path = folder / FILE
    table = {}
    if path.is_file():
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {error} — correct it") from error
    values = _from_file(path, table) | given
    if data is not None:
        values["data_dir"] = str(data.resolve())
    return Config(folder=folder, base=base, **(_inherited(base) | values if base else values))


def _inherited(base: Config) -> dict[str, Any]:
    """What a course takes from the folder that it lies in."""
    out = {}
    for one in fields(Config):
        section, _, key = one.name.partition("_")
        value = getattr(base, one.name)
        if not key or section in OF_ONE_COURSE or value == one.default:
            continue
        if one.name in _FILES and (at := base.folder / Path(value).expanduser()).exists():
            value = str(at.resolve())
        out[one.name] = value
    return out


def save(folder: Path, section: str, key: str, value: str | int | bool) -> Path:
    """Set one key in the folder's seminar.toml; comments and order stay. Returns the file's path.
    Raises ConfigError for no such key, a value that is not allowed, a key that the environment
    decides, or a file that cannot be read or written."""
    import tomlkit

    path = folder / FILE
    _from_file(path, {section: {key: value}})
    if f"{section}_{key}" in from_environment():
        variable = f"{_ENV}{section}_{key}".upper()
        raise ConfigError(f"{variable} is set and would win over the file — unset it first")
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
        if section not in document:
            document[section] = tomlkit.table()
        document[section][key] = value  # type: ignore[index]  # a table, or it did not load
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        write(path.resolve(), tomlkit.dumps(document), sync=True, mode=mode)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} cannot be changed: {error} — correct it") from error
    return path


# --- while the course is served ------------------------------------------------------------------


def settings(config: Config, environ: Mapping[str, str] = os.environ) -> tuple[Setting, ...]:
    """All keys with their values, without secrets. What the environment decides is not live."""
    live, out = LIVE.keys() - from_environment(environ), []
    for section, entries in keys().items():
        for key in entries:
            name = f"{section}_{key}"
            value = getattr(config, name)
            if name in SECRET:
                value = "set" if value else ""
            out.append(Setting(section, key, value, name in live, LIVE.get(name), name in SECRET))
    return tuple(out)


def changed(
    config: Config,
    section: str,
    key: str,
    value: str | int | bool,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """The configuration with one live key changed, there and in seminar.toml. Raises ConfigError
    where it cannot be changed while serving, or the value is out of bounds."""
    name = f"{section}_{key}"
    if name not in LIVE:
        raise ConfigError(f"[{section}] {key} holds from the start — set it in {FILE} and restart")
    if name in from_environment(environ):
        raise ConfigError(f"{_ENV}{name.upper()} decides this — change it there and restart")
    if name == "llm_enabled" and not value and config.check_verifier == "llm":
        raise ConfigError('[check] verifier is "llm", which needs it — change that first')
    limits = LIVE[name]
    if limits and not (isinstance(value, int) and limits[0] <= value <= limits[1]):
        raise ConfigError(
            f"[{section}] {key} is {value!r} — use a number from {limits[0]} to {limits[1]}"
        )
    save(config.folder, section, key, value)
    return replace(config, **{name: value})  # type: ignore[arg-type]  # `save` has checked it


def from_environment(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """The keys that the environment decides, whatever the file says, such as "llm_url"."""
    return frozenset(_from_environment(environ))


# --- validation ----------------------------------------------------------------------------------


def _from_file(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file, by field of Config. Raises ConfigError."""
    known = keys()
    out: dict[str, Any] = {}
    for section, entries in table.items():
        if section not in known:
            names = ", ".join(f"[{name}]" for name in known)
            raise ConfigError(f"{path}: unknown section [{section}] — known are {names}")
        if not isinstance(entries, dict):
            raise ConfigError(f"{path}: {section} is {entries!r} — use a section, [{section}]")
        for key, value in entries.items():
            if key not in known[section]:
                if why := _REMOVED.get(f"{section}_{key}"):
                    raise ConfigError(f"{path}: [{section}] {key} was removed, {why} — delete it")
                names = ", ".join(known[section])
                raise ConfigError(f"{path}: unknown key {key!r} in [{section}] — known are {names}")
            name = f"{section}_{key}"
            out[name] = _validated(name, value, f"{path}: [{section}] {key}", strict=True)
    return out


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of the environment, by field of Config. Raises ConfigError."""
    names = (f"{section}_{key}" for section, entries in keys().items() for key in entries)
    variables = {name: f"{_ENV}{name}".upper() for name in names}
    return {
        name: _validated(name, environ[variable], variable, strict=False)
        for name, variable in variables.items()
        if variable in environ
    }


def _validated(name: str, value: object, place: str, *, strict: bool) -> Any:
    """The value as the field's type.

    Args:
        place: where the value stands, for the message.
        strict: whether it must have the type already; else text is converted.
    """
    try:
        return _types()[name].validate_python(value, strict=strict)
    except ValidationError as error:
        found = error.errors()[0]
        wanted = _EXPECTED.get(found["type"], found["msg"]).format(**found.get("ctx", {}))
        raise ConfigError(
            f"{place} is {value!r} — use {wanted.replace(chr(39), chr(34))}"
        ) from None


@cache
def _types() -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(Config, include_extras=True)
    return {name: TypeAdapter(hint) for name, hint in hints.items()}
