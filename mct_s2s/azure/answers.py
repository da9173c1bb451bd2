"""What every answer of every service has to be before it is looked at, and what is said of one that is something else.

An answer comes from whoever sits at the other end: the service, a proxy's page, a captive portal, or somebody hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mct_s2s.azure.clouds import NEVER_CONNECTED, same_origin
from mct_s2s.errors import ServiceError, UsageError
from mct_s2s.model.ids import is_guid

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer's body, unpacked. The longest real ones, pages of a thousand objects, have about one MiB."""
DEEPEST = 64
"""Levels of JSON. The deepest real ones have about ten; Python gives up between some hundreds and a thousand."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


class OddAnswer(Exception):
    """An answer that is refused whatever it says: too large, nested too deeply, or leading to another address.

    Its text completes "The answer …".
    """


@dataclass(frozen=True)
class Service:
    """Whose answers they are, in the words of a message."""

    name: str
    unreachable: str
    """The error code of a service that does not answer: of a wrong answer no more is known than of none."""

    def unreadable(self, doing: str) -> ServiceError:
        """An answer of another shape: a proxy's page, or nothing. Whether the request took effect is unknown.

        Args:
            doing: the step, as a verb phrase: `restart the App Service`.
        """
        return ServiceError(
            self.unreachable,
            f"{self.name} returned an unreadable response to the request to {doing}.",
            remedy="Check the network and the proxy, then run the same command again to resume.",
        )

    def refused(self, odd: OddAnswer, doing: str) -> ServiceError:
        """An odd answer; asking once more would bring the same again."""
        return ServiceError(
            self.unreachable,
            f"{self.name} returned an invalid response to the request to {doing}: it {odd}.",
            remedy="Check --cloud, the network and the proxy, then run the same command again to resume.",
            status=NEVER_CONNECTED,
        )

    @contextmanager
    def readable(self, doing: str) -> Iterator[None]:
        """Translate what reading a successful answer of another shape raises. Wrap the reading only, not the request.

        Raises:
            ServiceError: the answer is unreadable.
        """
        try:
            yield
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
            raise self.unreadable(doing) from error
        except UsageError as error:  # an id of the service's, where a checker of what users type said no
            raise self.unreadable(doing) from error


GRAPH = Service("Microsoft Graph", "graph-unreachable")
ARM = Service("Azure Resource Manager", "arm-unreachable")
LOGIN = Service("The login service", "login-unreachable")


def odd_answer(error: BaseException | None) -> OddAnswer | None:
    """The odd answer that an SDK's error was made from, if there is one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OddAnswer):
            return error
        seen.add(id(error))
        error = error.__cause__ or getattr(error, "inner_exception", None) or error.__context__
    return None


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
    """The JSON of an answer.

    Raises:
        ValueError: it is none.
        OddAnswer: it is nested too deeply.
    """
    check_depth(body.encode("utf-8", "replace") if isinstance(body, str) else body)
    return json.loads(body)


def seconds(header: str | None) -> float | None:
    """What `Retry-After` asks for; `None` for a date and for anything else."""
    return float(header) if header and _SECONDS.fullmatch(header.strip()) else None


def guid(value: object) -> str:
    """An id that becomes part of a path or of a sign-in's address.

    Raises:
        ValueError: it is no GUID.
    """
    if not isinstance(value, str) or not is_guid(value):
        raise ValueError(f"{value!r} is not a GUID")
    return value


def text(value: object) -> str:
    """A text; empty where there is none.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")  # what was received is wrong, not its type
    return value


def optional(value: object) -> str | None:
    """A text, or `None` where there is none.

    Raises:
        ValueError: it is something else.
    """
    return None if value is None else text(value)


def texts(value: object) -> tuple[str, ...]:
    """A list of texts; empty where there is none.

    Raises:
        ValueError: it is something else.
    """
    return tuple(text(entry) for entry in _list(value))


def rows(value: object) -> list[Mapping[str, Any]]:
    """A list of JSON objects; empty where there is none.

    Raises:
        ValueError: it is something else.
    """
    return [members(entry) for entry in _list(value)]


def members(value: object) -> Mapping[str, Any]:
    """A JSON object; empty where there is none.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not an object")  # as above
    return value


def _list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")  # as above
    return value
