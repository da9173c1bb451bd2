"""Replicas of the directory that lag behind what was written.

A request is served by one replica. A write arrives there after the lag, give or take its jitter;
until every replica has it, requests see it or do not. Sources: graph:
concepts/best-practices-concept (eventual consistency); entra: architecture/architecture (replicas).
"""

import random
from dataclasses import dataclass, field
from typing import Any

from mct_s2s.sandbox.core.clock import Clock

Value = dict[str, Any]

MODES = ("replicas", "adversarial")
"""`replicas`: each request is served by a random one.

`adversarial`: requests see the old and the new state of a young object in turn, the old one first.
"""

MOST_REPLICAS = 16


@dataclass(frozen=True)
class Version:
    """A state of an object (None: none) and when it arrives at each replica, in seconds since 1970;
    empty: always.
    """

    value: Value | None
    arrivals: tuple[float, ...] = ()


@dataclass
class History:
    """The states of a young object, oldest first: the first one is known everywhere, the last one
    is not yet.
    """

    versions: list[Version]
    request: int = -1
    shows_new: bool = True
    known: bool = True

    def settle(self, now: float) -> bool:
        """Drop states that no replica returns any more; return whether only the newest one
        is left.
        """
        while len(self.versions) > 1 and max(self.versions[1].arrivals) <= now:
            del self.versions[0]
        return len(self.versions) == 1


@dataclass
class Replication:
    """How the replicas of one tenant lag, and which of them serves the current request.

    Attributes:
        clock: the sandbox's time; advancing it lets replication catch up.
        lag_seconds: how long replication takes; 0: it is immediate.
        lag_jitter: by which share, 0 to 1, the lag differs from write to write and from replica to
            replica.
        replicas: how many there are.
        lag_seed: the seed of the random generator, so that a run can be repeated.
        lag_mode: one of `MODES`.
        request: the number of the current request.
    """

    clock: Clock = field(repr=False)
    lag_seconds: float = 0.0
    lag_jitter: float = 0.0
    replicas: int = 3
    lag_seed: int = 1
    lag_mode: str = "replicas"

    def __post_init__(self) -> None:
        self._chance = random.Random(self.lag_seed)  # noqa: S311 - to be repeatable is its point
        self.request = 0
        self._replica = 0

    def begin_request(self) -> None:
        """Choose the replica that serves the next reads."""
        self.request += 1
        self._replica = self._chance.randrange(self.replicas)

    def arrivals(self) -> tuple[float, ...]:
        now = self.clock.timestamp()
        if self.lag_mode == "adversarial":
            return (now + self.lag_seconds * (1 + self.lag_jitter),)
        off = (
            self._chance.uniform(-self.lag_jitter, self.lag_jitter) for _ in range(self.replicas)
        )
        return tuple(now + self.lag_seconds * (1 + share) for share in off)

    def seen(self, history: History) -> Value | None:
        if self.lag_mode == "adversarial":
            if history.request != self.request:
                history.request, history.shows_new = self.request, not history.shows_new
            return history.versions[-1 if history.shows_new else 0].value
        now = self.clock.timestamp()
        arrived = (
            version for version in reversed(history.versions) if _is_at(version, self._replica, now)
        )
        return next(arrived, history.versions[0]).value

    def is_known_elsewhere(self, history: History) -> bool:
        if history.versions[0].value is not None:
            return True
        if self.lag_mode == "adversarial":
            history.known = not history.known
            return history.known
        other = self._chance.randrange(self.replicas)
        return _is_at(history.versions[1], other, self.clock.timestamp())

    def happens(self, share: float) -> bool:
        return self._chance.random() < share

    def start_over(self) -> None:
        self._chance = random.Random(self.lag_seed)  # noqa: S311 - as above


def _is_at(version: Version, replica: int, now: float) -> bool:
    return not version.arrivals or version.arrivals[replica % len(version.arrivals)] <= now
