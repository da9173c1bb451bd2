"""How often the keys of certificates may be read: one budget for the tenant, whoever asks.

Source: graph: api/application-get, api/application-list, api/serviceprincipal-get (`$select` of `keyCredentials`);
docs/azure-contract.md, section 3.5.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.wire_errors import graph_error

A_MINUTE = 60.0
IN_A_MINUTE = 150


@dataclass
class KeyReads:
    """The reads of the last minute; not saved, so that a fresh start has none."""

    clock: Clock
    _moments: deque[float] = field(default_factory=deque)

    def draw(self) -> None:
        now = self.clock.timestamp()
        while self._moments and self._moments[0] <= now - A_MINUTE:
            self._moments.popleft()
        if len(self._moments) >= IN_A_MINUTE:
            wait = max(1, round(self._moments[0] + A_MINUTE - now + 0.5))
            raise graph_error(429, "TooManyRequests", "Too many requests.", headers={"Retry-After": str(wait)})
        self._moments.append(now)
