"""Serves the page: one HTML document without anything from elsewhere, made anew for each request.

Names, settings and addresses in it are whatever clients have sent: the template escapes all of them, and the policy
lets a browser run this page's own script and nothing else.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.services.page import contents
from mct_s2s.sandbox.state.state import SandboxState

if TYPE_CHECKING:
    from jinja2 import Template

PATH = "/_sandbox/"


def routes(state: SandboxState, addresses: Addresses, observability: Observability) -> list[Route]:
    """Return the routes of the page."""

    async def show(request: Request) -> Response:
        del request
        text = _template().render(style=_style(), script=_script(), **contents.of(state, addresses, observability))
        # Names may have lone surrogates, which JSON can carry and UTF-8 cannot.
        return Response(text.encode("utf-8", "replace"), headers=_headers())

    async def lead_there(request: Request) -> Response:
        del request
        return RedirectResponse(PATH)

    return [Route(PATH, show), Route(PATH.rstrip("/"), lead_there)]


@functools.cache
def _template() -> Template:
    import jinja2  # noqa: PLC0415  # most sandboxes are never looked at

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("page.html"))


@functools.cache
def _headers() -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": _hash(_script()),
        "style-src": _hash(_style()),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(" ".join(rule) for rule in policy.items()),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _style() -> str:
    return _file("page.css")


def _script() -> str:
    return _file("page.js")


@functools.cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
