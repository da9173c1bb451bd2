"""Reading and checking the body of a control request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request

from mct_s2s.sandbox.core.encoding import json_of
from mct_s2s.sandbox.core.wire_errors import arm_error


async def json_value(request: Request) -> Any:
    """Return the JSON that was sent."""
    try:
        return json_of(await request.body())
    except ValueError as error:
        raise arm_error(400, "InvalidRequestContent", f"Invalid JSON: {error}") from error


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    sent = await json_value(request)
    if not isinstance(sent, dict):
        raise arm_error(400, "InvalidRequestContent", "The body must be a JSON object.")
    return sent


def member(sent: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """Return a member of an object; without a default it is required."""
    value = sent.get(name, default)
    if not isinstance(value, kind):
        raise arm_error(400, "InvalidRequestContent", f"'{name}' is missing or has the wrong type.")
    return value


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    """Turn a ValueError into a 400 with that code."""
    try:
        yield
    except ValueError as error:
        raise arm_error(400, code, str(error)) from error
