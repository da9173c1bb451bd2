"""One request to a control route, with what it acts on."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import json_of, object_of
from mct_s2s.sandbox.core.wire_errors import WireError, arm_error
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.state.state import SandboxState


@dataclass(frozen=True)
class ControlCall:
    """A request; `open_port` opens a port for a site, by its resource id, `fresh` makes the state of a reset."""

    state: SandboxState
    addresses: Addresses
    observability: Observability
    open_port: Callable[[str], Awaitable[int]]
    fresh: Callable[[], SandboxState] | None
    query: Mapping[str, str]
    raw_body: bytes = field(repr=False)

    @property
    def value(self) -> Any:
        try:
            return json_of(self.raw_body)
        except ValueError as error:
            raise _unreadable(str(error)) from error

    @property
    def body(self) -> dict[str, Any]:
        return object_of(self.raw_body, _unreadable)


def _unreadable(why: str) -> WireError:
    return arm_error(400, "InvalidRequestContent", f"Invalid JSON: {why}")


def member(sent: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """Return a member of an object; without a default it is required."""
    value = sent.get(name, default)
    if not isinstance(value, kind):
        raise arm_error(400, "InvalidRequestContent", f"'{name}' is missing or has the wrong type.")
    return value


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    """Turn a ValueError into a 400 with that code."""
    try:
        yield
    except ValueError as error:
        raise arm_error(400, code, str(error)) from error
