"""Files of variables: read by python-dotenv, and written so that it and a shell read the same.

The two differ where a value has quotes, backslashes or dollar signs in it (theskumar/python-dotenv#422 and #544), so
each value that is written is read back first.
"""

from __future__ import annotations

import io
import logging

from mct_s2s.plain_text import is_one_line

logging.getLogger("dotenv").addHandler(logging.NullHandler())  # a line that is no assignment is no one's business

_PLAIN = frozenset("-._~:/@%+=,")
"""What a shell takes as it is, beside letters and digits."""


def variables_in(text: str) -> dict[str, str]:
    """The variables of a file's text that have a value. `$` and backticks mean nothing in it."""
    if not text.strip():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  # 25 ms, for those who have such a file

    stream = io.StringIO(text.removeprefix("\ufeff"))  # as some editors on Windows begin a file
    return {name: value for name, value in dotenv_values(stream=stream, interpolate=False).items() if value}


def assignment(name: str, value: str) -> str:
    """The line that sets a variable. Raises ValueError: there is no line that every reader takes for this value."""
    if not is_one_line(value):
        raise ValueError(name)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    forms = {
        value: all(char in _PLAIN or (char.isascii() and char.isalnum()) for char in value) and value[:1] != "~",
        f"'{value}'": "'" not in value,
        f'"{escaped}"': not {"$", "`"} & set(value),
    }
    for form, suits_shell in forms.items():
        if suits_shell and variables_in(f"{name}={form}") == {name: value}:
            return f"{name}={form}"
    raise ValueError(name)


def lines_of(text: str | None) -> list[str]:
    """The lines of a text as a shell, or any other reader of the file, sees them: only a line feed ends one."""
    return [line.removesuffix("\r") for line in (text or "").split("\n")]
