"""One request to Resource Manager, unpacked; its answer; and what an operation is.

Source: ARM: resource-manager api contracts, "Common request/response headers".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import json_of
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.caller import Caller
from mct_s2s.sandbox.resources.resource_id import ResourceId
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.state.state import SandboxState


@dataclass(frozen=True)
class ArmCall:
    """A request with its operation's parameters from the path, as the client spelled them."""

    state: SandboxState
    addresses: Addresses
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: bytes = field(repr=False)
    caller: Caller

    @property
    def resources(self) -> Resources:
        return self.state.resources

    @property
    def version(self) -> str:
        """The requested api-version as a query parameter."""
        named = next(value for name, value in self.query.items() if name.lower() == "api-version")
        return f"api-version={named}"

    @cached_property
    def resource_id(self) -> ResourceId:
        return ResourceId.parse(self.params["id"])

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent."""
        try:
            sent = json_of(self.raw_body)
        except ValueError as error:
            raise _unreadable(str(error)) from error
        if not isinstance(sent, dict):
            raise _unreadable("an object is expected")
        return sent


def _unreadable(why: str) -> Exception:
    return arm_error(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{why}'.",
    )


Handler = Callable[[ArmCall], Answer | Awaitable[Answer]]


@dataclass(frozen=True)
class ArmOperation:
    """An operation of the sandbox's Resource Manager.

    Attributes:
        method: HTTP method.
        template: the path; `{name}` is one segment, `{scope}` any number of them, `{id}` a resource's whole id
            and `{site}` the id of a web app or of a slot.
        action: the required permission; `{type}` is the resource's type; empty: any signed-in caller.
        versions: full type whose api-versions are accepted; `{type}` as above; empty: any.
        run: unpacks the request, calls the rules, packs the answer.
        source: the public page it follows.
        fidelity: how much of the real operation there is: `full`, `usual` or `stub`.
    """

    method: str
    template: str
    action: str
    versions: str
    run: Handler
    source: str
    fidelity: str = "usual"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        resource = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers"
        shapes = {
            "scope": r"(?P<scope>(?:/[^/]+)*?)",
            "id": rf"(?P<id>{resource}/[^/]+(?:/[^/]+/[^/]+)+)",
            "site": rf"(?P<id>{resource}/Microsoft\.Web/sites/[^/]+(?:/slots/[^/]+)?)",
        }
        parts = re.split(r"\{(\w+)\}", self.template)
        for index in range(1, len(parts), 2):
            parts[index] = shapes.get(parts[index], rf"(?P<{parts[index]}>[^/]+)")
        parts[::2] = [re.escape(part) for part in parts[::2]]
        return re.compile("".join(parts) + "/?", re.IGNORECASE)
