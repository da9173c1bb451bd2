"""When a changed state is written to disk.

A state of usual size is written before the answer to the change is sent. One so large that writing it takes longer than
a request should is written from time to time instead, and when the sandbox ends.
"""

from __future__ import annotations

import asyncio
import time

from mct_s2s.sandbox.state.state import SandboxState

BEARABLE_SECONDS = 0.005
"""Up to some 50 clients. Those who set up 200 at once would find a service that answers 40 requests in a second."""


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
