"""One request to Resource Manager, unpacked; its answer; and what an operation is.

Source: ARM: resource-manager api contracts, "Common request/response headers".
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import object_of
from mct_s2s.sandbox.core.operation import Answer, Operation
from mct_s2s.sandbox.core.wire_errors import service_error
from mct_s2s.sandbox.entra.directory import Caller
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.state.state import SandboxState


@dataclass(frozen=True)
class ArmCall:
    """A request with its operation's parameters from the path, as the client spelled them.

    `open_port` lets a site answer, by its resource id.
    """

    state: SandboxState
    addresses: Addresses
    open_port: Callable[[str], int]
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
        named = next(value for name, value in self.query.items() if name.lower() == "api-version")
        return f"api-version={named}"

    @cached_property
    def resource_id(self) -> ResourceId:
        return ResourceId.parse(self.params["id"])

    @cached_property
    def body(self) -> dict[str, Any]:
        return object_of(self.raw_body, _unreadable)


def _unreadable(why: str) -> Exception:
    return service_error("InvalidRequestContent unreadable", why=why)


_RESOURCE = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers"


@dataclass(frozen=True)
class ArmOperation(Operation[ArmCall, Answer | Awaitable[Answer]]):
    """An operation of the sandbox's Resource Manager.

    `{scope}` is any number of segments, `{id}` a resource's whole id, `{site}` the id of a web app
    or of a slot and `{scaleSet}` that of a scale set; `{type}` in `action` and `versions` is the
    resource's type.

    Attributes:
        versions: full type whose api-versions are accepted; empty: any.
    """

    SHAPES: ClassVar = {
        "scope": r"(?P<scope>(?:/[^/]+)*?)",
        "id": rf"(?P<id>{_RESOURCE}/[^/]+(?:/[^/]+/[^/]+)+)",
        "scaleSet": rf"(?P<id>{_RESOURCE}/Microsoft\.Compute/virtualMachineScaleSets/[^/]+)",
        "site": rf"(?P<id>{_RESOURCE}/Microsoft\.Web/sites/[^/]+(?:/slots/[^/]+)?)",
    }

    versions: str = ""
