"""Values of the wrong type in a trust file: what they are, and the form that is right."""

from __future__ import annotations

import datetime as dt

from mct_s2s.model.trust_file import key_text

_LARGEST = 64
"""Bits of a number that a person may have meant; Python refuses to write out a far larger one."""
_KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
    dt.datetime: "a date and time",
    dt.date: "a date without quotation marks",
    dt.time: "a time",
}


def kind_of(value: object) -> str:
    """What a reader of the file calls it."""
    return _KINDS.get(type(value), "this value")


def right_form(key: str, value: object, wanted: type) -> str:
    """How the key has to be written.

    Args:
        key: the key, which may be anything.
        value: what is there instead.
        wanted: the type of the key's values.
    """
    name = key_text(key)
    if wanted is bool:
        return f"Write {name} = true or {name} = false."
    if wanted is list:
        return f"Begin each of them with [[sites.NAME.{name}]]."
    if wanted is dict:
        return f"Write tables: [{name}.NAME]"
    if isinstance(value, dict | list) or (isinstance(value, int) and value.bit_length() > _LARGEST):
        return f'Write one text: {name} = "…"'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'Write it in quotation marks: {name} = "{text}"'
