"""Arrays of directory objects are sets: the order of what is read is another one at each request.

The answer to a creation shows them as they were sent; later reads do not. Source: docs/azure-contract.md, section 3.11.
"""

from __future__ import annotations

from typing import Any

_APP_ID_FIRST = frozenset({"servicePrincipalNames"})
"""Recordings have it in either order, so that it is left as it is."""


def reordered(value: dict[str, Any], request: int) -> dict[str, Any]:
    """Return an object with its arrays, and those of its complex properties, in the order of this request."""
    return {name: inner if name in _APP_ID_FIRST else _shuffled(inner, request) for name, inner in value.items()}


def _shuffled(value: Any, request: int) -> Any:
    if isinstance(value, dict):
        return {name: _turned(inner, request) if isinstance(inner, list) else inner for name, inner in value.items()}
    return _turned(value, request) if isinstance(value, list) else value


def _turned(values: list[Any], request: int) -> list[Any]:
    if len(values) < 2:
        return values
    # Mixed, so that commands with the same number of requests do not always get the same order.
    first = (request * 2_654_435_761 >> 7) % len(values)
    backwards = values[::-1]  # as the recordings show it
    return backwards[first:] + backwards[:first]
