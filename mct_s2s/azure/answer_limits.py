"""What every answer of every service has to be before it is looked at: of a sane size and depth, and from there.

An answer comes from whatever is at the other end: the service, a proxy's page, a captive portal, or someone hostile.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mct_s2s.azure.clouds import same_origin

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer's body, unpacked. The longest real ones, pages of a thousand objects, have about one MiB."""
DEEPEST = 64
"""Levels of JSON. The deepest real ones have about ten; Python gives up between some hundreds and a thousand."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


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
    if size > MOST_BYTES:
        raise OddAnswer(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")


def check_length(header: str | None) -> None:
    """The same before the first byte, by `Content-Length`, as far as that says anything.

    Raises:
        OddAnswer: it is too large.
    """
    if header and header.isascii() and header.isdigit():
        check_size(int(header[:20]))


def check_depth(body: bytes) -> None:
    """Stop before an answer is parsed that is nested so deeply that parsers fail in their own ways.

    Raises:
        OddAnswer: it is JSON, more than `DEEPEST` levels deep.
    """
    is_json = body.lstrip(b"\xef\xbb\xbf\x00 \t\r\n")[:1] in {b"[", b"{"}
    if not is_json or body.count(b"[") + body.count(b"{") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in {b"[", b"{"} else -1
        if depth > DEEPEST:
            raise OddAnswer(f"has more than {DEEPEST} nested levels")


def parse_json(body: bytes | str) -> Any:
    """Parse an answer's body.

    Raises:
        ValueError: it is no JSON.
        OddAnswer: it is nested too deeply.
    """
    check_depth(body.encode("utf-8", "replace") if isinstance(body, str) else body)
    return json.loads(body)
