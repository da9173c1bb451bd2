"""Ctrl-C and SIGTERM: they end the program, cancel the command, or come too late."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""As a shell tells it: 128 and the signal's number."""
PATIENCE = 3
"""Who interrupts as often as this does not want to wait for an orderly end."""

_Handler = Callable[[int, FrameType | None], Any]


def exit_on_signals() -> None:
    _handle(_leave)


def restore_signals() -> None:
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
    ):
        if (
            signal.getsignal(number) is _leave
            and threading.current_thread() is threading.main_thread()
        ):
            signal.signal(number, handler)


def ignore_signals() -> None:
    _handle(signal.SIG_IGN)


class Interruption:
    """`restore` is called where the command ends at once."""

    def __init__(self, restore: Callable[[], None] = lambda: None) -> None:
        self._restore = restore
        self._times = 0
        self._cancel: Callable[[], object] = lambda: None
        self._previous: dict[signal.Signals, Any] = {}
        self.number: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        return CODES[self.number or signal.SIGINT]

    def __enter__(self) -> "Interruption":
        self._previous = _handle(self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def ends(
        self, task: "asyncio.Task[Any] | None", loop: "asyncio.AbstractEventLoop"
    ) -> Iterator[None]:
        assert task is not None  # called from within it
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.number is not None:
            self._cancel()
        try:
            yield
        finally:
            self._cancel = lambda: None

    def _came(self, number: int, frame: FrameType | None) -> None:
        self._times += 1
        if self._times >= PATIENCE:
            self._restore()
            _leave(number, frame)
        if self.number is None:
            self.number = signal.Signals(number)
            self._cancel()


def _leave(number: int, _: FrameType | None) -> None:
    os.write(2, b"\nInterrupted.\n")
    os._exit(CODES[signal.Signals(number)])


def _handle(handler: _Handler | signal.Handlers) -> dict[signal.Signals, Any]:
    """Set it for both, unless a parent ignores them; return what was set before."""
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [
        number for number in CODES if is_main and signal.getsignal(number) is not signal.SIG_IGN
    ]
    return {number: signal.signal(number, handler) for number in numbers}
