"""Requests to the service that runs the pipeline: JSON, with a token that is sent nowhere else."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 30
_BYTES = 20_000_000
_TRIES = 3
_PASSING = frozenset({429, 500, 502, 503, 504})


class RequestFailed(Exception):
    """The service refused, or did not answer; `status` is 0 then."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Another address would be sent the token as well."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def ask(method: str, address: str, token: str, body: Any = None) -> Any:
    """Send a request; returns the JSON of its answer, `None` if there is none.

    What can be sent twice without harm is tried three times if the service is busy.
    """
    tries = 1 if method == "POST" else _TRIES
    for tries_left in reversed(range(tries)):
        try:
            return _once(method, address, token, body)
        except RequestFailed as error:
            if not tries_left or (error.status and error.status not in _PASSING):
                raise
    raise AssertionError


def _once(method: str, address: str, token: str, body: Any) -> Any:
    try:
        parts = urlsplit(address)
        if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
            raise RequestFailed(f"{_shown(address)} is not an https address.")
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": "mct-s2s",
        }
        sent = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        headers |= {"Content-Type": "application/json"} if sent else {}
        request = urllib.request.Request(address, sent, headers, method=method)
        with _OPENER.open(request, timeout=_SECONDS) as answer:
            content = answer.read(_BYTES)
        return json.loads(content) if content.strip() else None
    except urllib.error.HTTPError as error:
        message = error.read(500).decode(errors="replace")
        raise RequestFailed(
            f"{method} {_shown(address)}: {error.code} {message!a}", error.code
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RequestFailed(f"{method} {_shown(address)}: {error}") from None


def _shown(address: str) -> str:
    return repr(address.partition("?")[0])
