"""`--verbose`: one line for each request. Never a header, a query or a body: tokens and secrets live there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class SentRequest:
    """One request that was answered, or was not (`status` 0)."""

    service: str
    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str | None


Trace = Callable[[SentRequest], None]


def silent(request: SentRequest) -> None:
    """Nothing is traced."""
    del request


def path_of(url: str) -> str:
    """A URL's path alone."""
    return urlsplit(url).path
