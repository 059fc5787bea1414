"""What may be written to a log: no key, no password, no question."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Collection
from typing import Any

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
    """Replace `secrets`, and what looks like one, in `text`."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, HIDDEN)
    return _SECRETS.sub(
        lambda found: f"{found['kept'] or found['scheme'] or found['user'] or ''}{HIDDEN}", text
    )


def safe_traceback(error: BaseException, *private: str) -> str:
    """Format the traceback of an unforeseen error without `private` texts such as questions.

    The values of variables are never part of it; a message that repeats what was asked is cut.
    """
    text = "".join(traceback.format_exception(error)).rstrip()
    for one in sorted(private, key=len, reverse=True):
        if one.strip():
            text = text.replace(one, "[question]").replace(repr(one)[1:-1], "[question]")
    return scrubbed(text)


def scrub_logs(secrets: Collection[str] = ()) -> None:
    """Keep secrets out of every log line of this process, those of libraries included.

    Records are rewritten where they are made, so that it does not matter which handlers libraries
    add later, nor that Python writes warnings to a handler of last resort.
    """
    hidden = tuple(secrets)

    def record(*arguments: Any, **more: Any) -> logging.LogRecord:
        made = logging.LogRecord(*arguments, **more)
        if made.exc_info:
            text = logging.Formatter().formatException(made.exc_info)
            made.exc_text = scrubbed(text, hidden)
        made.msg, made.args = scrubbed(made.getMessage(), hidden), ()
        return made

    logging.setLogRecordFactory(record)
