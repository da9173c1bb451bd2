"""The lines at the end of the screen that are drawn again and again, below all that stays.

Rich's own `Live` draws them after a fixed number of lines, which an Enter or a narrower window makes wrong, and only
for one console: here, two share the screen.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mct_s2s.render.console import Terminal
from mct_s2s.render.live.terminal_state import TerminalState

FRAMES = 10
"""A second: the spinner's own pace."""
FIRST_FRAME_SECONDS = 0.3
"""What is over by then is not worth a line that flickers."""
PATIENCE_SECONDS = 0.5
"""For so long a process that is about to end waits for a frame that is being written."""
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
FOLDS_NOTHING = ("linux", "vt100", "vt220")
"""Terminals that cut what no longer fits into a narrower window; xterm names itself in `XTERM_VERSION`. The others,
tmux and Windows Terminal among them, fold it into more lines."""

Frame = Callable[[int, int], Sequence[Text]]
"""The lines of this moment for a screen of so many columns and lines."""


class LiveArea:
    """Draws a frame ten times a second, by a thread of its own: the command may be busy importing something.

    Args:
        terminal: whose two streams share the screen.
        frame: what is drawn.
    """

    def __init__(self, terminal: Terminal, frame: Frame) -> None:
        self._terminal = terminal
        self._console = terminal.err
        self._frame = frame
        self._lock = threading.RLock()
        self._drawn: list[int] = []
        """How wide each line of the last frame is."""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = TerminalState(terminal.err.file, self._leave, self._come_back)
        self._is_away = False

    @property
    def is_open(self) -> bool:
        """Whether something is drawn from time to time."""
        return self._thread is not None

    def open(self) -> None:
        """Begin to draw."""
        if self._thread is not None:
            return
        self._terminal.out.beside = self._terminal.err.beside = self.hidden
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, args=(self._over,), name="live area", daemon=True)
        self._state.take()
        self._thread.start()

    def close(self) -> None:
        """Take it off the screen, and leave the terminal as it was."""
        self._over.set()
        if self._thread is None:
            return
        has_lock = self._lock.acquire(timeout=PATIENCE_SECONDS)
        try:
            self._thread = None
            self._erase()
            self._state.give_back()
        finally:
            if has_lock:
                self._lock.release()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Something else is printed, above it: the next frame follows below."""
        with self._lock:
            self._erase()
            yield

    def draw(self) -> None:
        """Draw a frame in the place of the last one."""
        with self._lock:
            if self._over.is_set() or self._is_away or not self._state.is_ours:
                return
            width, height = self._console.size
            lines = [line for line in self._frame(width - 1, height - 1) if line.plain]
            text = "\n".join(_rendered(self._console, line) for line in lines)
            before, self._drawn = self._to_top(), [cell_len(line.plain) for line in lines]
            self._write(f"{before or HIDE_CURSOR * bool(lines)}{text}{SHOW_CURSOR * (not lines and bool(before))}")

    def _draw_on(self, over: threading.Event) -> None:
        pause = FIRST_FRAME_SECONDS
        while not over.wait(pause):
            self.draw()
            pause = 1 / FRAMES

    def _erase(self) -> None:
        if self._drawn:
            before, self._drawn = self._to_top(), []
            self._write(before + SHOW_CURSOR)

    def _to_top(self) -> str:
        """Go to where the last frame began, and clear the screen from there on."""
        if not self._drawn:
            return ""
        width = self._console.width
        lines = sum(-(-max(1, drawn) // width) if _folds() else 1 for drawn in self._drawn)
        return "\r" + (f"\x1b[{lines - 1}A" if lines > 1 else "") + "\x1b[J"

    def _write(self, text: str) -> None:
        if text:
            self._console.file.write(text)
            self._console.file.flush()

    def _leave(self) -> None:
        """The process is about to stop or to end."""
        has_lock = self._lock.acquire(timeout=PATIENCE_SECONDS)
        try:
            self._is_away = True
            self._erase()
        finally:
            if has_lock:
                self._lock.release()

    def _come_back(self) -> None:
        self._is_away = False


def _rendered(console: Console, line: Text) -> str:
    with console.capture() as captured:
        Console.print(console, line, end="")
    return captured.get()


def _folds() -> bool:
    return "XTERM_VERSION" not in os.environ and os.environ.get("TERM") not in FOLDS_NOTHING
