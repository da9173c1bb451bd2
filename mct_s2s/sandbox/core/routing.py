"""Routes of services that look every path up in a table of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Anything(PathConvertor):
    """The rest of a path including line breaks, which `path` does not match."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


def below(prefix: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return the route of every path that begins with `prefix`; the rest is the path parameter `path`."""
    return Route(prefix + "{path:anything}", answer, methods=_METHODS)
