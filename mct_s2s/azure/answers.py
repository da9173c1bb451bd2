"""What every answer of every service has to be before it is looked at: of a sane size, and from there.

An answer comes from whatever is at the other end: the service, a proxy's page, a captive portal, or someone hostile.
Each value in its JSON is what it has to be, or `ValueError` is raised, which `RemoteService.readable` translates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from mct_s2s import clock
from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.ids import is_guid

ANSWER_BYTES = 16 << 20
"""Of a body, unpacked. The longest real ones, pages of a thousand objects, have about one MiB."""


class OddAnswer(Exception):
    """An answer that is refused whatever it says: too large, nested too deeply, or leading to another address.

    Its text completes "The response …".
    """


def check_address(link: object, address: str) -> None:
    """Stop before a link in an answer is followed to anywhere but where the answer came from.

    Raises:
        OddAnswer: it is another host, port or scheme.
    """
    if not isinstance(link, str) or not same_origin(link, address):
        raise OddAnswer(f"redirects to an address other than {address}")


def check_size(size: int) -> None:
    if size > ANSWER_BYTES:
        raise OddAnswer(f"is larger than {ANSWER_BYTES // 1024 // 1024} MiB")


def parse_json(body: bytes | str, each: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse an answer's body, and look at each object in it.

    Raises:
        ValueError: it is no JSON.
        OddAnswer: it is nested too deeply.
    """
    try:
        return json.loads(body, object_hook=each)
    except RecursionError:
        raise OddAnswer("is nested too deeply") from None


_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


def guid(value: object) -> str:
    """An id that becomes part of a path or of a sign-in's address."""
    if not isinstance(value, str) or not is_guid(value):
        raise ValueError(f"{value!r} is not a GUID")
    return value


def text(value: object) -> str:
    """A text; empty where there is none."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")  # what was received is wrong, not its type
    return value


def optional(value: object) -> str | None:
    """A text, or `None` where there is none."""
    return None if value is None else text(value)


def texts(value: object) -> tuple[str, ...]:
    """A list of texts; empty where there is none."""
    return tuple(text(entry) for entry in _list(value))


def rows(value: object) -> list[Mapping[str, Any]]:
    """A list of JSON objects; empty where there is none."""
    return [members(entry) for entry in _list(value)]


def listed(value: object) -> list[Mapping[str, Any]]:
    """A list of JSON objects, which has to be there: "none" would be taken for an answer."""
    if value is None:
        raise ValueError("there is not a list")
    return rows(value)


def members(value: object) -> Mapping[str, Any]:
    """A JSON object; empty where there is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not an object")  # as above
    return value


def seconds(header: str | None) -> float | None:
    """What `Retry-After` asks for, in seconds or as a date; `None` for anything else."""
    if not header:
        return None
    if _SECONDS.fullmatch(header.strip()):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - clock.now()).total_seconds())
    except (TypeError, ValueError):
        return None


def _list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")  # as above
    return value
