"""Untrusted TOML: bounded in depth. The reader of the standard library takes the square of a key's length in time."""

from __future__ import annotations

import re
import tomllib
from typing import Any

DEEPEST = 16
"""Parts of one key, `a.b.c`. None of our files has more than four."""

_TOKEN = re.compile(
    r"""
    \#[^\n]*
    | \"{3} (?: \\. | [^\\] )*? (?: \"{3} | \Z )
    | '{3} .*? (?: '{3} | \Z )
    | \" (?: \\. | [^"\\\n] )*+ \"?
    | ' [^'\n]*+ '?
    | [.=\n\[\]{},]
    """,
    re.VERBOSE | re.DOTALL,
)
"""A comment, a string, ended or not, or a character that counts. At a quote it always matches: linear in any text."""


def load_toml(text: str) -> dict[str, Any]:
    """A TOML text's values.

    Raises:
        ValueError: it is no TOML, or nested as no one would write it who means well.
    """
    parts = 1
    for token in _TOKEN.finditer(text):
        if token[0] == ".":
            parts += 1
            if parts > DEEPEST:
                raise ValueError(f"it has a key of more than {DEEPEST} parts")
        elif token[0][0] not in "\"'#":
            parts = 1
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
