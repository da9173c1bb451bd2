"""The sandbox as a process of its own: serves until it is interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from mct_s2s.sandbox import listening, session
from mct_s2s.sandbox.environment import exports, ports_from
from mct_s2s.sandbox.lock import Lock
from mct_s2s.sandbox.state import State
from mct_s2s.sandbox.world import replace_file


def serve(port: int, *, state_dir: Path | None = None, announce: Callable[[str], None]) -> None:
    """Serve the world of a state directory until interrupted.

    Args:
        port: Resource Manager and sign-in; Graph takes the next one, then the sites in their order.
        state_dir: where the world is kept; the user's own by default.
        announce: called with each line to show once the sandbox is ready.

    Raises:
        PortTaken: one of the ports is not free.
        TimeoutError: another process serves this directory.
        ValueError: the kept world is of another version.
    """
    state = State(state_dir)
    lock = Lock.wait(state.directory / "lock", seconds=2)
    running = state.directory / "running.json"
    try:
        world = state.world()
        opened = listening.open_exactly(ports_from(port, session.names_of(world)))
        server, addresses, _ = session.prepare(state, world, opened)
        replace_file(running, json.dumps({"pid": os.getpid(), "port": port}).encode())

        def ready() -> None:
            announce(f"Sandbox ready: {addresses.arm}")
            for name, value in exports(port, state_dir=state.directory).items():
                announce(f"export {name}={shlex.quote(value)}")

        server.started_up = ready
        with contextlib.suppress(KeyboardInterrupt):
            server.run(session.all_of(opened))
    finally:
        running.unlink(missing_ok=True)
        lock.release()


def reset(state_dir: Path | None = None) -> None:
    """Bring the kept world back to its seed.

    Raises:
        TimeoutError: it is being served at this moment.
    """
    state = State(state_dir)
    lock = Lock.wait(state.directory / "lock", seconds=10)
    try:
        state.reset()
    finally:
        lock.release()
