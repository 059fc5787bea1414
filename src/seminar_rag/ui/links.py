"""A question with its scope as an address: "#q=What is DPO?&scope=session:6,kind:notes". Pure."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, unquote, urlencode

from seminar_rag.types import Scope
from seminar_rag.ui.chat.conversations import scope_of

LONGEST = 10_000
"""Characters of an address that are read."""


def permalink(question: str, scope: Scope) -> str:
    """The part of the address behind the page's own, "#" included."""
    parts = [
        *(f"session:{one}" for one in sorted(scope.sessions)),
        *(f"reading:{quote(one, safe='')}" for one in sorted(scope.readings)),
        *(f"kind:{one}" for one in sorted(scope.kinds)),
        *(("required",) if scope.required_only else ()),
    ]
    pairs = {"q": question, "scope": ",".join(parts)}
    kept = {name: value for name, value in pairs.items() if value}
    return "#" + urlencode(kept, quote_via=quote, safe=":,")


def parse(fragment: object) -> tuple[str, Scope] | None:
    """Question and scope of an address; None where it names neither. Never raises."""
    if not isinstance(fragment, str) or not 1 < len(fragment) <= LONGEST:
        return None
    try:
        fields = parse_qs(fragment.removeprefix("#"), max_num_fields=10)
    except ValueError:
        return None
    question, named = fields.get("q", [""])[0], fields.get("scope", [""])[0]
    if not question and not named:
        return None
    found: dict[str, list[object]] = {"sessions": [], "readings": [], "kinds": []}
    for part in named.split(","):
        name, _, value = part.partition(":")
        if name == "session" and value.isdecimal() and len(value) < 6:
            found["sessions"].append(int(value))
        elif name in ("reading", "kind"):
            found[f"{name}s"].append(unquote(value))
    return question, scope_of({**found, "required": "required" in named.split(",")})
