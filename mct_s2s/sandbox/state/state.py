"""The state of a sandbox: tenant, subscriptions, clock; saved as one JSON file.

A state of usual size is written before the answer to the change is sent, so that a program that is
killed finds what it did. One so large that writing it takes longer than a request should is written
from time to time instead, and when the sandbox ends.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.encoding import Check, choice, number, seconds, whole
from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.replication import MODES, MOST_REPLICAS
from mct_s2s.sandbox.resources.store import Resources

SCHEMA = 1
_LAG = "directory.replication"
KNOBS: Mapping[str, tuple[str, Check]] = {
    "restartSeconds": ("resources.restart_seconds", seconds),
    "operationSeconds": ("resources.operation_seconds", seconds),
    "latencySeconds": ("latency_seconds", seconds),
    "lagSeconds": (f"{_LAG}.lag_seconds", seconds),
    "lagJitter": (f"{_LAG}.lag_jitter", number(1)),
    "replicas": (f"{_LAG}.replicas", whole(1, MOST_REPLICAS)),
    "lagSeed": (f"{_LAG}.lag_seed", whole(0, 2**31)),
    "lagMode": (f"{_LAG}.lag_mode", choice(*MODES)),
}
"""How long things take, and how the directory lags: the attribute of a state, and which values it
takes.
"""


class SandboxState:
    """Everything that a sandbox holds, apart from its signing keys.

    `latency_seconds` is added to every request. `path` is where the state is saved; without one it
    is in memory only.
    """

    def __init__(
        self, clock: Clock, directory: Directory, resources: Resources, *, path: Path | None = None
    ) -> None:
        self.clock = clock
        self.directory = directory
        self.resources = resources
        self.path = path
        self.latency_seconds = 0.0

    def knobs(self) -> dict[str, Any]:
        return {name: attrgetter(path)(self) for name, (path, _) in KNOBS.items()}

    def turn(self, sent: Mapping[str, Any]) -> None:
        """Change knobs, all of them or none.

        Raises ValueError: one is unknown, or its value is invalid.
        """
        if unknown := sent.keys() - KNOBS.keys():
            raise ValueError(f"Unknown knob '{min(unknown)}'. Known knobs: {', '.join(KNOBS)}.")
        for name, value in sent.items():
            if not KNOBS[name][1](value):
                raise ValueError(f"Invalid value {value!r} of the knob '{name}'.")
        for name, value in sent.items():
            holder, _, attribute = KNOBS[name][0].rpartition(".")
            setattr(attrgetter(holder)(self) if holder else self, attribute, value)
        self.directory.replication.start_over()

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "clockOffsetSeconds": self.clock.offset.total_seconds(),
            "knobs": self.knobs(),
            "directory": self.directory.to_dict(),
            "resources": self.resources.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, path: Path | None = None) -> Self:
        """Restore what `to_dict` returned.

        Raises ValueError: it is of another version of the sandbox.
        """
        if data.get("schema") != SCHEMA:
            raise ValueError(
                f"The state has the schema {data.get('schema')}, but only {SCHEMA} is supported."
            )
        clock = Clock(timedelta(seconds=data["clockOffsetSeconds"]))
        directory = Directory.from_dict(clock, data["directory"])
        state = cls(
            clock, directory, Resources.from_dict(clock, directory, data["resources"]), path=path
        )
        state.turn(data.get("knobs", {}))
        return state

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a state from its file.

        Raises OSError: it cannot be read; ValueError: it holds no state.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")), path=path)
        except (KeyError, TypeError, AttributeError) as wrong:
            raise ValueError(f"Invalid state file '{path}': {wrong}") from wrong

    def save(self, path: Path | None = None) -> None:
        """Write the state whole or not at all: to its file, if it has one, or readable to
        another.
        """
        target = path or self.path
        if target is not None:
            # Without indentation it takes a tenth of the time, and it is done for every change.
            text = json.dumps(self.to_dict(), indent=1 if path else None, ensure_ascii=False)
            replace_file(target, text.encode("utf-8"))

    def replace_with(self, other: "SandboxState") -> None:
        """Take over another state; the path and the keys stay."""
        key, addresses = self.directory.signing_key, self.directory.addresses
        other.clock.source = self.clock.source
        self.clock, self.directory, self.resources = other.clock, other.directory, other.resources
        self.latency_seconds = other.latency_seconds
        self.directory.signing_key = key
        self.directory.addresses = addresses


BEARABLE_SECONDS = 0.005
"""Up to some 50 clients.

Those who set up 200 at once would find a service that answers 40 requests in a second.
"""


class StateWriter:
    """Writes a state to disk. `flush` must be called at the end."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._cost = 0.0
        self._pending: asyncio.TimerHandle | None = None
        self._changed = False

    def changed(self) -> None:
        """Write the state now or later; called in the server's event loop after each change."""
        if self._state.path is None:
            return
        self._changed = True
        if self._cost <= BEARABLE_SECONDS:
            self.flush()
        elif self._pending is None:
            # At most a twentieth of the time is spent on writing.
            self._pending = asyncio.get_running_loop().call_later(self._cost * 20, self.flush)

    def flush(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        if self._changed:
            began, self._changed = time.perf_counter(), False
            self._state.save()
            self._cost = time.perf_counter() - began
