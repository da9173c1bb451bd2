"""How much one application may ask of Graph in one tenant: resource units in 10 s, writes in 150 s.

Source: graph: concepts/throttling-limits, "Identity and access service limits"; docs/azure-contract.md, section 3.12.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.options import Tunable, whole
from mct_s2s.sandbox.core.wire_errors import graph_error

UNIT_SECONDS, WRITE_SECONDS = 10.0, 150.0
PAGE_OF_LITTLE = 20
NEARLY = 0.8
"""From this share on, answers say how much of the units is used."""
_COSTS_TWO = re.compile(
    r"applications\b(?!/)|applications/[^/]+$|.*/(appRoleAssignments|appRoleAssignedTo|transitiveMemberOf)\b"
)


@dataclass
class _Window:
    """What has been used since a moment; the next window begins with the first request after its end."""

    began: float = -math.inf
    used: int = 0

    def room(self, now: float, seconds: float, most: int) -> float:
        """Return the seconds until there is room for one more; 0 where there is some."""
        if now >= self.began + seconds:
            self.began, self.used = now, 0
        return self.began + seconds - now if self.used >= most else 0.0


@dataclass
class RequestQuota(Tunable):
    """The limits of one tenant, each for one application; not saved, so that a fresh start has used nothing.

    Attributes:
        graph_units: resource units in ten seconds; 3,500 in a tenant of fewer than 50 users.
        graph_writes: writes in two and a half minutes.
    """

    clock: Clock
    graph_units: int = 3_500
    graph_writes: int = 3_000
    _units: dict[str, _Window] = field(default_factory=dict)
    _writes: dict[str, _Window] = field(default_factory=dict)

    OPTIONS: ClassVar = {"graph_units": whole(1, 1_000_000), "graph_writes": whole(1, 1_000_000)}

    def draw(self, application: str, method: str, path: str, query: Mapping[str, str]) -> dict[str, str]:
        """Count one request; return the headers that say what it has cost.

        Raises:
            WireError: 429 with `Retry-After`, a limit is reached.
        """
        now, cost = self.clock.timestamp(), cost_of(method, path, query)
        units = self._units.setdefault(application, _Window())
        writes = self._writes.setdefault(application, _Window())
        wait = units.room(now, UNIT_SECONDS, self.graph_units)
        which = "ResourceUnitLimitExceeded"
        if not wait and method != "GET":
            wait, which = writes.room(now, WRITE_SECONDS, self.graph_writes), "WriteLimitExceeded"
        if wait:
            headers = {
                "Retry-After": str(math.ceil(wait)),
                "x-ms-throttle-scope": f"Tenant_Application/ReadWrite/{application}",
                "x-ms-throttle-information": which,
            }
            raise graph_error(429, "TooManyRequests", "Too many requests.", headers=headers)
        units.used += cost
        writes.used += method != "GET"
        share = units.used / self.graph_units
        nearly = {"x-ms-throttle-limit-percentage": f"{share:.1f}"} if share > NEARLY else {}
        return {"x-ms-resource-unit": str(cost), **nearly}


def cost_of(method: str, path: str, query: Mapping[str, str]) -> int:
    """Return a request's resource units."""
    cost = 2 if method == "GET" and _COSTS_TWO.match(path) else 1
    if method == "GET":
        top = query.get("$top", "")
        cost += ("$expand" in query) - ("$select" in query) - (top.isdecimal() and int(top) < PAGE_OF_LITTLE)
    return max(1, cost)
