"""Keys and values as TOML writes them."""

from __future__ import annotations

import re

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(key: str) -> str:
    """A key, quoted where it has to be."""
    return key if _BARE_KEY.fullmatch(key) else toml_value(key)


def toml_value(value: str | bool) -> str:
    """A text on one line, or `true` or `false`."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
