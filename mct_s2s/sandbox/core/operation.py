"""What an operation of a service is, a row of the service's table; its answer; and the route to
such a table.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Call = TypeVar("Call")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Operation(Generic[Call, Outcome]):
    """An operation of a service.

    What a parameter of its path looks like is said by the service's own subclass.

    Attributes:
        method: HTTP method.
        template: the path; `{name}` is one segment, unless `SHAPES` has another pattern for that
            name.
        run: unpacks the request, calls the rules, packs the answer.
        source: the public page that it follows.
        fidelity: how much of the real operation there is: `full`, `usual` or `stub`.
        action: the required permission, if any.
    """

    SEGMENT: ClassVar[str] = "[^/]+"
    SHAPES: ClassVar[Mapping[str, str]] = {}

    method: str
    template: str
    run: Callable[[Call], Outcome]
    source: str
    fidelity: str = "usual"
    action: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.template)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = [self.SHAPES.get(name, f"(?P<{name}>{self.SEGMENT})") for name in parts[1::2]]
        return re.compile("".join(parts) + "/?", re.IGNORECASE)


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Anything(PathConvertor):
    """The rest of a path including line breaks, which `path` does not match."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


def below(prefix: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return the route of every path that begins with `prefix`; the rest is the path parameter
    `path`.
    """
    return Route(prefix + "{path:anything}", answer, methods=_METHODS)


@dataclass(frozen=True)
class Answer:
    """An answer: status, JSON body (None: empty), headers. Graph sets its own media type."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json; charset=utf-8"
