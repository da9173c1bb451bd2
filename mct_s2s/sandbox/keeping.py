"""When a changed world goes to disk.

A world of usual size is written before the answer to the change leaves. One so large that writing it takes longer
than a request should is written every now and then instead, and when the sandbox ends.
"""

from __future__ import annotations

import asyncio
import time

from mct_s2s.sandbox.world import World

BEARABLE_SECONDS = 0.025


class Keeper:
    """Writes one world. `flush` must be called at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cost = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Say that the world has changed; called in the server's event loop."""
        if self._cost <= BEARABLE_SECONDS:
            self._write()
        elif self._timer is None:
            # A twentieth of the time, at most, is spent on writing.
            self._timer = asyncio.get_running_loop().call_later(self._cost * 20, self._write)

    def flush(self) -> None:
        """Write what has not been written yet."""
        if self._timer is not None:
            self._write()

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        began = time.perf_counter()
        self._world.save()
        self._cost = time.perf_counter() - began
