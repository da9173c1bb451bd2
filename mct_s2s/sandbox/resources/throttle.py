"""Rate limits: one bucket of requests for each subscription, principal and kind of operation.

Source: ARM: resource-manager/management/request-limits-and-throttling (token buckets, since 2024).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mct_s2s.sandbox.core.wire_errors import arm_error

# Requests at most at once, and how many come back each second.
LIMITS = {"reads": (250, 25.0), "writes": (200, 10.0), "deletes": (200, 10.0)}


def kind_of(method: str) -> str:
    """Return the bucket of an HTTP method."""
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


@dataclass
class Throttle:
    """The buckets; not saved, so that a fresh start has full ones."""

    seconds: Callable[[], float] = time.monotonic
    _levels: dict[tuple[str, str, str], tuple[float, float]] = field(default_factory=dict)

    def draw(self, subscription: str, principal: str, method: str, *, shown: str | None = None) -> dict[str, str]:
        """Take one request out of its bucket; return the headers with the number that is left.

        `shown` is the bucket's name in the header, where that is not the kind.

        Raises:
            WireError: 429 TooManyRequests with Retry-After, the bucket is empty.
        """
        kind = kind_of(method)
        size, refill = LIMITS[kind]
        key = (subscription.lower(), principal, kind)
        now = self.seconds()
        level, since = self._levels.get(key, (float(size), now))
        level = min(size, level + (now - since) * refill)
        if level < 1:
            self._levels[key] = (level, now)
            raise arm_error(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{kind}' requests for subscription '{subscription}' actor '{principal}' exceeded. "
                "Please try again after '1' seconds after additional tokens are available. "
                "Refer to https://aka.ms/arm-throttling for additional information.",
                headers={"Retry-After": "1", f"x-ms-ratelimit-remaining-subscription-{kind}": "0"},
            )
        self._levels[key] = (level - 1, now)
        return {f"x-ms-ratelimit-remaining-subscription-{shown or kind}": str(int(level - 1))}
