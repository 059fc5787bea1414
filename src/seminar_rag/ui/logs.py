"""What may be written to a log: no key, no password, no question."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Collection

HIDDEN = "[hidden]"
_SECRETS = re.compile(
    r"""(?ix)
    (?P<kept> \b(?:authorization|x-api-key|api[-_ ]?key|llm[-_]key|token|secret|password)\b
        ["']? \s* [:=] \s* (?:(?:bearer|basic)\s+)? ["']? )
        [^\s"',;&]{4,}
    | (?P<scheme> \bbearer\s+ ) [\w.~+/=-]{8,}
    | (?P<user> ://[^\s/:@]+: ) [^\s/@]+ (?=@)
    | \b(?:sk|pk|rk|hf|gsk|ghp|gho|xox[abp]|key)[-_][\w-]{12,}
    | \$(?:argon2\w*|scrypt|2[aby]|pbkdf2[\w-]*)\$[^\s"']+
    """
)
"""Whatever looks like an API key, a token, or a password or its hash."""


def scrubbed(text: str, secrets: Collection[str] = ()) -> str:
    """`text` without what looks like a secret, and without `secrets`."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, HIDDEN)
    return _SECRETS.sub(
        lambda found: f"{found['kept'] or found['scheme'] or found['user'] or ''}{HIDDEN}", text
    )


def told_of(error: BaseException, *private: str) -> str:
    """An unforeseen error with its place in the code, without `private` texts such as questions.

    The values of variables are never part of it; a message that repeats what was asked is cut.
    """
    told = "".join(traceback.format_exception(error)).rstrip()
    for text in sorted(private, key=len, reverse=True):
        if text.strip():
            told = told.replace(text, "[question]").replace(repr(text)[1:-1], "[question]")
    return scrubbed(told)


class Scrub(logging.Filter):
    """Takes secrets out of every line that passes, tracebacks included."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites the record; never drops it."""
        text = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrubbed(record.exc_text, self._secrets)
        record.msg, record.args = scrubbed(text, self._secrets), ()
        return True


def scrub_logs(secrets: Collection[str] = ()) -> None:
    """Let no secret through any handler that writes, those of libraries included.

    Without a handler of its own, Python writes warnings to the last resort, so that has the
    filter too.
    """
    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    handlers = {handler for logger in (logging.root, *known) for handler in logger.handlers}
    if logging.lastResort is not None:
        handlers.add(logging.lastResort)
    for handler in handlers:
        handler.filters[:] = [one for one in handler.filters if not isinstance(one, Scrub)]
        handler.addFilter(Scrub(secrets))
