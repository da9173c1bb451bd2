"""When a changed state is written to disk.

A state of usual size is written before the answer to the change is sent. A state so large that writing it takes longer
than a request should is written from time to time instead, by a thread beside the server, and when the sandbox ends.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from mct_s2s.sandbox.state.state import SandboxState

BEARABLE_SECONDS = 0.005
"""Up to some 50 clients. Those who set up 200 at once would find a service that answers 40 requests in a second."""
_BYTES_PER_SECOND = 25e6


class StateWriter:
    """Writes a state to disk. `flush` must be called at the end."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._cost = _expected_cost(state)
        self._pending: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._changed = False
        # A thread that is still writing must not replace a newer state by an older one.
        self._one_at_a_time = threading.Lock()
        self._newest = 0

    def changed(self) -> None:
        """Write the state now or later; called in the server's event loop after each change."""
        if self._state.path is None:
            return
        self._changed = True
        if self._cost <= BEARABLE_SECONDS:
            self.flush()
        elif self._pending is None and self._writing is None:
            self._later()

    def flush(self) -> None:
        """Write what has not been written yet."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        if self._changed:
            self._write(*self._taken())

    def _later(self) -> None:
        # At most a twentieth of the time is spent on writing.
        self._pending = asyncio.get_running_loop().call_later(self._cost * 20, self._write_beside)

    def _write_beside(self) -> None:
        self._pending = None
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, *self._taken())
        self._writing.add_done_callback(self._written)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = None
        if not done.cancelled() and done.exception() is not None:
            self._changed = True
        if self._changed and not done.cancelled():
            self._later()

    def _taken(self) -> tuple[Callable[[], None], int]:
        """Return a function that writes the present state, and its number."""
        self._changed = False
        self._newest += 1
        return self._state.saving(), self._newest

    def _write(self, write: Callable[[], None], number: int) -> None:
        with self._one_at_a_time:
            began = time.perf_counter()
            if number == self._newest:
                write()
                self._cost = time.perf_counter() - began


def _expected_cost(state: SandboxState) -> float:
    """Estimate the first write by the size of the file, so that not even that one delays an answer."""
    if state.path is None or not state.path.exists():
        return 0.0
    return state.path.stat().st_size / _BYTES_PER_SECOND
