"""Placeholders in the skeletons of recorded answers: what stands in place of what differs between tenants and moments.

- `{name}`: the same value wherever it stands in a story. A name may say more: `{version: 32 lower-case hex}` (a
  format), `{a or b}` (the first one that is bound), `{name without dashes}`.
- `<words>`: a type or a format only (`FORMATS`, `TYPES`); words that are neither mean any text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

Bindings = MutableMapping[str, str]

_SECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORMATS: dict[str, str] = {
    "guid": _GUID,
    "utc seconds": _SECONDS + "Z",
    "utc 7 decimals": _SECONDS + r"\.\d{7}Z",
    "utc no zone": _SECONDS,
    "utc no zone, 0 to 7 decimals, trailing zeros cut": _SECONDS + r"(?:\.\d{0,6}[1-9])?",
    "utc blank Z": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ",
    "graph json": re.escape(
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    ),
    "domain": r"[a-z0-9-]+(?:\.[a-z0-9-]+)+",
    "digits": r"\d+",
    "seconds": r"\d+",
    "hex": r"[0-9A-Fa-f]+",
    "base64": r"[A-Za-z0-9+/]+=*",
    "base64url": r"[A-Za-z0-9_-]+",
}
"""What the words of a `<format>` mean, as regular expressions. The part before a colon or a comma is enough."""

_ALPHABETS = {
    "upper-case hex": "[0-9A-F]",
    "lower-case hex": "[0-9a-f]",
    "hex": "[0-9A-Fa-f]",
    "characters base64url": "[A-Za-z0-9_-]",
    "characters": ".",
}
_COUNTED = re.compile(rf"(?:first )?(?P<count>\d+) (?P<about>or so )?(?P<alphabet>{'|'.join(_ALPHABETS)})")
_BEGINS = re.compile(r"begins: (.*?)(?: ?\.\.\.|;|$)")
_CONTAINS = re.compile(r"contains: ([^;]*)")
TYPES: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "number": (int, float),
    "epoch seconds": int,
    "object": dict,
    "array": list,
}
PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z][^{}\"]*)\}|<(?P<words>[A-Za-z0-9][^<>]*)>")


def filled(value: Any, bindings: Mapping[str, str]) -> Any:
    """Put bound values in place of names, in whatever a request is made of.

    Raises:
        KeyError: a name is not bound.
    """
    if isinstance(value, list):
        return [filled(item, bindings) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, bindings) for name, item in value.items()}
    if not isinstance(value, str):
        return value

    def bound(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        found = bound_value(match["name"], bindings)
        if found is None:
            raise KeyError(match["name"])
        return found

    return PLACEHOLDER.sub(bound, value)


def bound_value(name: str, bindings: Mapping[str, str]) -> str | None:
    """Return the value of a name, or of the first bound one of several; None where none is bound."""
    for one in plain_name(name).split(" or "):
        bare = one.removesuffix(" without dashes")
        if bare in bindings:
            return bindings[bare] if bare == one else bindings[bare].replace("-", "")
    return None


def plain_name(name: str) -> str:
    """Return a name without what it says of its format: `version` of `version: 32 lower-case hex`."""
    return re.split(r"[:,]", name, maxsplit=1)[0].strip()


def named_pattern(name: str) -> str:
    """Return the regular expression, one group, of a name that is not bound yet."""
    _, _, words = name.partition(":")
    return f"({pattern_of(words.strip()) if words else '.+?'})"


def pattern_of(words: str) -> str:
    """Return the regular expression of a format; any text for words that are none."""
    words = words.removesuffix(" or null")
    known = FORMATS.get(words) or FORMATS.get(plain_name(words))
    if known is not None:
        return known
    if counted := _COUNTED.match(words):
        return _ALPHABETS[counted["alphabet"]] + ("+" if counted["about"] else f"{{{counted['count']}}}")
    if begins := _BEGINS.match(words):
        parts = (re.escape(part.strip()) + ".*" for part in _CONTAINS.findall(words))
        return re.escape(begins[1]) + ".*" + "".join(parts)
    return ".*"
