"""Ctrl-C and SIGTERM: told alike, at whatever moment they come, with an account of what has been done.

Three times in the life of a process: while it is being loaded nothing has been done, so that it leaves at once; while a
command runs its task is cancelled, and whatever it has begun comes to an orderly end; and after that no one is told
twice.
"""

from __future__ import annotations

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
    """From now on, either signal ends the process, without a traceback: nothing has been done yet."""
    _handle(_leave)


def restore_signals() -> None:
    """From now on, the signals do what they do in any Python program."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is _leave and threading.current_thread() is threading.main_thread():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """From now on, neither signal does anything: all is done, and told."""
    _handle(signal.SIG_IGN)


class Interruption:
    """Whether a running command was interrupted, and by what; `restore` is called where it ends at once."""

    def __init__(self, restore: Callable[[], None] = lambda: None) -> None:
        self._restore = restore
        self._times = 0
        self._cancel: Callable[[], object] = lambda: None
        self._previous: dict[signal.Signals, Any] = {}
        self.number: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        return CODES[self.number or signal.SIGINT]

    def __enter__(self) -> Interruption:
        self._previous = _handle(self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def ends(self, task: asyncio.Task[Any] | None, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Cancel a task of this loop when a signal comes, or at its next pause if one has come already."""
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
    """Set it for both, without those that a parent has switched off; return what was set before."""
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [one for one in CODES if is_main and signal.getsignal(one) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in numbers}
