"""Bytes as text, text as JSON, and which values an option takes: a knob (see `state`), or a member
of a fault.
"""

import base64
import json
from collections.abc import Callable
from typing import Any


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def json_of(raw: bytes) -> Any:
    """Read JSON that a client sent.

    Python reads more than there is in JSON and in Unicode, and could not write it into an answer:
    lone surrogates, `NaN`, lists in lists beyond its own depth.
    """
    try:
        value = json.loads(raw.decode(json.detect_encoding(raw)), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if rb"\ud" in raw.lower():
        check_text(value)
    return value


def object_of(raw: bytes, refused: Callable[[str], Exception]) -> dict[str, Any]:
    """Read a JSON object that a client sent; `refused` makes the refusal of anything else."""
    try:
        sent = json_of(raw)
    except ValueError as error:
        raise refused(str(error)) from error
    if not isinstance(sent, dict):
        raise refused("an object is expected")
    return sent


def check_text(value: Any) -> None:
    """Make sure that JSON values can be written as text."""
    json.dumps(value, ensure_ascii=False).encode()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


Check = Callable[[object], bool]
"""Return whether a value is valid."""

DAY_SECONDS = 86_400


def choice(*values: object) -> Check:
    """Accept one of some values; true is not 1 here."""
    return lambda value: any(
        type(value) is type(choice_value) and value == choice_value for choice_value in values
    )


def number(most: float) -> Check:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
    )


def whole(least: int, most: int) -> Check:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    )


seconds = number(DAY_SECONDS)
"""Accept a duration of up to a day."""
