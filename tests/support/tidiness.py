"""A run that is interrupted says which tests were running, and no run leaves a process behind."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

import pytest

MARK = "S2S_TEST_RUN"
"""In the environment of everything that a run starts, so that what is left of it can be found."""
_running: dict[str, None] = {}
asked_to_end = Event()
"""Set once SIGTERM has come, for whoever the KeyboardInterrupt does not reach."""


def pytest_configure(config: pytest.Config) -> None:
    """Mark what is started from here, and end on SIGTERM as on Ctrl-C.

    A shell starts what goes into the background with SIGINT ignored, and everything below it
    inherits that: programs would sit out the Ctrl-C that tests send them.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[MARK] = secrets.token_hex(8)
        signal.signal(signal.SIGTERM, _interrupt)


def pytest_runtest_logstart(nodeid: str) -> None:
    _running[nodeid] = None


def pytest_runtest_logfinish(nodeid: str) -> None:
    _running.pop(nodeid, None)


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int) -> None:
    """Name the tests that were cut off."""
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        for nodeid in _running:
            terminalreporter.write_line(f"interrupted while running {nodeid}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever is left: a worker that was killed has left its own children."""
    if not hasattr(config, "workerinput"):
        for pid in _left_behind(os.environ[MARK]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _interrupt(*_: object) -> NoReturn:
    asked_to_end.set()
    raise KeyboardInterrupt


def _left_behind(mark: str) -> Iterator[int]:
    entry = f"{MARK}={mark}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if (
                entry in environ.read_bytes().split(b"\0")
                and int(environ.parent.name) != os.getpid()
            ):
                yield int(environ.parent.name)
