"""JSON files of our own that a user gives back: recognized by their `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mct_s2s.limits import load_json
from mct_s2s.local_files import read_given


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """The file's document.

    Raises:
        ValueError: it cannot be read, is not our file, is no JSON, or says another schema.
    """
    try:
        content = read_given(path)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    return document_in(content, schema)


def document_in(content: bytes, schema: str) -> dict[str, Any]:
    """The document of a file that has been read. Raises ValueError: it is no JSON, or says another schema."""
    document = load_json(content)
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    if document.get("schema") != schema:
        raise ValueError(f"its schema is {str(document.get('schema'))[:80]!r}, not '{schema}'")
    return document
