"""JSON files of our own that a user gives back: told apart by their `schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_document(path: Path, schema: str) -> Any:
    """The file's document.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or says another schema.
        AttributeError: it is no JSON object.
    """
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schema") != schema:
        raise ValueError(f"its schema is {document.get('schema')!r}, not '{schema}'")
    return document
