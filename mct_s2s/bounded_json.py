"""Untrusted JSON: bounded in depth, and without lone surrogates, which cannot be written again."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 64
"""Levels of nesting. None of our documents, and none of Azure's that we read, comes near it."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""A string, ended or not, or a bracket. Possessive, and never without a match at a quote: linear in any text."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def load_json(content: str | bytes) -> Any:
    """A JSON text's value. Bytes are UTF-8, with or without a byte order mark.

    Raises:
        ValueError: it is no JSON text, or one that no one would write who means well.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    depth = 0
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it has more than {DEEPEST} nested levels")
        elif bracket in "]}":
            depth -= 1
    value: Any = json.loads(text)
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _check_surrogates(value: Any) -> None:
    """A lone surrogate can be read from JSON, but not be written to a file, a screen or a request."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it contains half a character (a lone surrogate)") from None
