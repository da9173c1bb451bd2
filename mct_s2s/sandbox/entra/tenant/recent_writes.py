"""What a tenant limits: writes to an object that is still locked by the last one, reads of
certificates' keys, and an application's writes in all.

Sources: docs/azure-contract.md, section 3.1, `Directory_ConcurrencyViolation`, 3.5 and 3.12; graph:
api/application-get, api/application-list, api/serviceprincipal-get (`$select` of `keyCredentials`),
resources/throttling-limits.
"""

from collections import deque
from dataclasses import dataclass, field

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.wire_errors import entra_error, graph_error, service_error

_STATUSES = (409, 409, 503, 409, 400)
"""Mostly the first; all three have been seen."""


@dataclass
class RecentWrites:
    """When each object can be written again; not saved, so that a fresh start has no locks."""

    clock: Clock
    _ends: dict[str, list[float]] = field(default_factory=dict)
    _refused: int = 0

    def check(self, written: str, at_once: int) -> None:
        now = self.clock.timestamp()
        self._ends[written] = [end for end in self._ends.get(written, ()) if end > now]
        if len(self._ends[written]) >= at_once:
            self._refused += 1
            raise graph_error(
                _STATUSES[self._refused % len(_STATUSES)],
                "Directory_ConcurrencyViolation",
                "Error due to concurrent requests being made to the tenant. Please wait briefly "
                "and retry.",
            )

    def note(self, written: str, seconds: float) -> None:
        self._ends.setdefault(written, []).append(self.clock.timestamp() + seconds)


A_MINUTE = 60.0
IN_A_MINUTE = 150


@dataclass
class KeyReads:
    """The reads of the last minute; not saved, so that a fresh start has none."""

    clock: Clock
    _moments: deque[float] = field(default_factory=deque)

    def draw(self) -> None:
        _draw(self._moments, self.clock.timestamp(), A_MINUTE, IN_A_MINUTE)


WRITES_SECONDS = 150.0


@dataclass
class GraphWrites:
    """Each application's writes of the last two and a half minutes; not saved."""

    clock: Clock
    _moments: dict[str, deque[float]] = field(default_factory=dict)

    def draw(self, app_id: str, most: int) -> None:
        """Count a write; 0: none are counted."""
        if most:
            moments = self._moments.setdefault(app_id, deque())
            _draw(moments, self.clock.timestamp(), WRITES_SECONDS, most)


def _draw(moments: deque[float], now: float, seconds: float, most: int) -> None:
    while moments and moments[0] <= now - seconds:
        moments.popleft()
    if len(moments) >= most:
        wait = max(1, round(moments[0] + seconds - now + 0.5))
        raise graph_error(
            429, "TooManyRequests", "Too many requests.", headers={"Retry-After": str(wait)}
        )
    moments.append(now)


IN_SECONDS, THROTTLED_SECONDS = 10.0, 60.0


@dataclass
class TokenRefusals:
    """Token requests of each client that were refused a moment ago, and until when it is throttled;
    not saved.
    """

    clock: Clock
    _moments: dict[str, deque[float]] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def check(self, client_id: str, *, as_loop: bool) -> None:
        if self.clock.timestamp() < self._until.get(client_id, 0.0):
            if as_loop:
                raise service_error("request_loop")
            headers = {"Retry-After": f"{THROTTLED_SECONDS:.0f}"}
            text = "The request was throttled by the service. Please retry later."
            raise entra_error(429, "temporarily_unavailable", 90055, text, headers=headers)

    def add(self, client_id: str, most: int) -> None:
        """Count a refusal; 0: none are counted."""
        now, moments = self.clock.timestamp(), self._moments.setdefault(client_id, deque())
        moments.append(now)
        while moments[0] <= now - IN_SECONDS:
            moments.popleft()
        if most and len(moments) > most:
            self._until[client_id] = now + THROTTLED_SECONDS
