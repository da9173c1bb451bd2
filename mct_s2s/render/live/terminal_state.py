"""The state of the user's terminal while something is drawn on it again and again.

What is typed meanwhile is not echoed: an Enter would move the cursor off the lines that are to be drawn anew. However
the process ends or stops, the terminal is as before: by an error, a signal, Ctrl-Z.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import IO, Any

if sys.platform != "win32":
    import termios

ENDINGS = ("SIGTSTP", "SIGQUIT", "SIGHUP")
"""Signals that stop or end the process by themselves; Ctrl-C and SIGTERM are `cli.interruption`'s."""


class TerminalState:
    """What is changed about the terminal, and how it was.

    Args:
        stream: leads to it.
        leave: takes off the screen what is drawn; called before the process stops or ends.
        come_back: draws it again; called when a stopped process goes on.
    """

    def __init__(self, stream: IO[str], leave: Callable[[], None], come_back: Callable[[], None]) -> None:
        self._stream = stream
        self._leave = leave
        self._come_back = come_back
        self._handlers: dict[signal.Signals, Any] = {}
        self._hides_echo = False

    @property
    def is_ours(self) -> bool:
        """Whether this process is in the foreground: a job of the shell's in the background draws nothing."""
        if sys.platform == "win32":
            return True
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except (OSError, ValueError):
            return True  # no terminal of the system's

    def take(self) -> None:
        """Echo nothing from now on, and be ready for signals."""
        self._set_echo(False)
        if threading.current_thread() is not threading.main_thread():
            return
        for name in (*ENDINGS, "SIGCONT"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                self._handlers[number] = signal.signal(number, self._go_on if name == "SIGCONT" else self._stop)

    def give_back(self) -> None:
        """Leave it as it was."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        self._set_echo(True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Do what the signal does by itself, with the terminal in order."""
        del frame
        self._leave()
        self._set_echo(True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        """The process was stopped, and goes on: in the foreground, or not."""
        del number, frame
        if "SIGTSTP" in ENDINGS and self._handlers:
            signal.signal(signal.SIGTSTP, self._stop)
        self._set_echo(False)
        self._come_back()

    def _set_echo(self, on: bool) -> None:
        """Switch it, where it is ours to switch: a pager that reads our output has the terminal for itself."""
        if sys.platform == "win32" or on is not self._hides_echo:
            return
        with suppress(OSError, ValueError, termios.error):
            if not self.is_ours or _is_piped(sys.stdout):
                return  # from the background, the system would stop the process for it
            terminal = self._stream.fileno()
            state = termios.tcgetattr(terminal)
            if bool(state[3] & termios.ECHO) is not on:
                state[3] ^= termios.ECHO
                termios.tcsetattr(terminal, termios.TCSADRAIN, state)
                self._hides_echo = not on


def _is_piped(stream: IO[str]) -> bool:
    return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
