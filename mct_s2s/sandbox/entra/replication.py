"""Replicas of the directory that lag behind what was written.

A request is served by one replica. What was written arrives there after the lag, give or take its jitter, and until
every replica has it, requests see it or do not. Sources: graph: concepts/best-practices-concept (eventual
consistency); entra: architecture/architecture (replicas).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mct_s2s.sandbox.core.clock import Clock

Value = dict[str, Any]

MODES = ("replicas", "adversarial")
"""`replicas`: each request asks one of them, by chance. `adversarial`: of an object that is young, every request
sees the old and the new state in turn, beginning with the old one."""

MOST_REPLICAS = 16


@dataclass(frozen=True)
class Version:
    """A state of an object (None: not there) and when each replica has it, in seconds since 1970; empty: always."""

    value: Value | None
    arrivals: tuple[float, ...] = ()


@dataclass
class History:
    """The states of a young object, oldest first: the first one is known everywhere, the last one is not yet."""

    versions: list[Version]
    request: int = -1
    shows_new: bool = True
    known: bool = True

    def settle(self, now: float) -> bool:
        """Forget what no replica gives any more; tell whether only the newest state is left."""
        while len(self.versions) > 1 and max(self.versions[1].arrivals) <= now:
            del self.versions[0]
        return len(self.versions) == 1


@dataclass
class Replication:
    """How the replicas of one tenant lag, and which of them serves the request at hand.

    Attributes:
        clock: the sandbox's time; advancing it lets replication catch up.
        lag_seconds: how long a write travels; 0: replication is immediate.
        lag_jitter: by which share, 0 to 1, the lag differs from write to write and from replica to replica.
        replicas: how many there are.
        lag_seed: what chance begins with, so that a run can be repeated.
        lag_mode: one of `MODES`.
        request: the number of the request at hand.
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
        """Let another replica serve what is read from now on."""
        self.request += 1
        self._replica = self._chance.randrange(self.replicas)

    def arrivals(self) -> tuple[float, ...]:
        """Give the moments at which a write made now is at each replica."""
        now = self.clock.timestamp()
        if self.lag_mode == "adversarial":
            return (now + self.lag_seconds * (1 + self.lag_jitter),)
        off = (self._chance.uniform(-self.lag_jitter, self.lag_jitter) for _ in range(self.replicas))
        return tuple(now + self.lag_seconds * (1 + share) for share in off)

    def seen(self, history: History) -> Value | None:
        """Give the state that the replica at hand has."""
        if self.lag_mode == "adversarial":
            if history.request != self.request:
                history.request, history.shows_new = self.request, not history.shows_new
            return history.versions[-1 if history.shows_new else 0].value
        now = self.clock.timestamp()
        there = (one for one in reversed(history.versions) if _is_at(one, self._replica, now))
        return next(there, history.versions[0]).value

    def is_known_elsewhere(self, history: History) -> bool:
        """Tell whether another replica than the one at hand has heard of the object at all."""
        if history.versions[0].value is not None:
            return True
        if self.lag_mode == "adversarial":
            history.known = not history.known
            return history.known
        other = self._chance.randrange(self.replicas)
        return _is_at(history.versions[1], other, self.clock.timestamp())

    def happens(self, share: float) -> bool:
        """Tell, by chance, whether something that happens in a `share` of the cases happens now."""
        return self._chance.random() < share

    def settings(self) -> dict[str, Any]:
        """Give the knobs by the names that they have over the wire."""
        return {wire: getattr(self, own) for wire, (own, _) in _KNOBS.items()}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn knobs; all or none.

        Raises:
            ValueError: something is no knob, or its value is not one that it takes.
        """
        for wire, value in sent.items():
            if wire not in _KNOBS or not _KNOBS[wire][1](value):
                raise ValueError(f"Unknown replication knob '{wire}', or invalid value {value!r}.")
        for wire, value in sent.items():
            setattr(self, _KNOBS[wire][0], value)
        self._chance = random.Random(self.lag_seed)  # noqa: S311 - as above


def _is_at(version: Version, replica: int, now: float) -> bool:
    return not version.arrivals or version.arrivals[replica % len(version.arrivals)] <= now


def _is_number(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


_KNOBS: dict[str, tuple[str, Any]] = {
    "lagSeconds": ("lag_seconds", lambda value: _is_number(value, 86_400)),
    "lagJitter": ("lag_jitter", lambda value: _is_number(value, 1)),
    "replicas": ("replicas", lambda value: _is_whole(value, 1, MOST_REPLICAS)),
    "lagSeed": ("lag_seed", lambda value: _is_whole(value, 0, 2**31)),
    "lagMode": ("lag_mode", lambda value: value in MODES if isinstance(value, str) else False),
}
