"""What every answer of every service has to be before it is looked at: of a sane size, and from there.

An answer comes from whatever is at the other end: the service, a proxy's page, a captive portal, or someone hostile.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mct_s2s.azure.clouds import same_origin
from mct_s2s.limits import ANSWER_BYTES


class OddAnswer(Exception):
    """An answer that is refused whatever it says: too large, nested too deeply, or leading to another address.

    Its text completes "The response …".
    """


def check_address(link: object, address: str) -> None:
    """Stop before a link in an answer is followed to anywhere but where the answer came from.

    Args:
        link: what the answer says.
        address: the service's own.

    Raises:
        OddAnswer: it is another host, port or scheme.
    """
    if not isinstance(link, str) or not same_origin(link, address):
        raise OddAnswer(f"redirects to an address other than {address}")


def check_size(size: int) -> None:
    """Stop reading an answer that is too large.

    Raises:
        OddAnswer: it is.
    """
    if size > ANSWER_BYTES:
        raise OddAnswer(f"is larger than {ANSWER_BYTES // 1024 // 1024} MiB")


def check_length(header: str | None) -> None:
    """The same before the first byte, by `Content-Length`, as far as that says anything.

    Raises:
        OddAnswer: it is too large.
    """
    if header and header.isascii() and header.isdigit():
        check_size(int(header[:20]))


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
