"""How large a text from outside may be. How deep, Python's parsers say themselves."""

from __future__ import annotations

import json
from typing import Any

FILE_BYTES = 1 << 20
"""No document, key or note that a person gives us is larger."""
ANSWER_BYTES = 16 << 20
"""Of an answer's body, unpacked. The longest real ones, pages of a thousand objects, have about one MiB."""


def load_json(content: str | bytes) -> Any:
    """A JSON text's value, which can be written again. Bytes are UTF-8, with or without a byte order mark.

    Raises:
        ValueError: it is no JSON text, nested too deeply, or contains half a character.
    """
    try:
        value: Any = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it contains half a character (a lone surrogate)") from None
    return value
