"""`--watch`: the same page repeatedly; redrawn on a terminal, elsewhere printed only when something has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mct_s2s import clock
from mct_s2s.errors import S2SError
from mct_s2s.plain_text import json_text
from mct_s2s.render.console import Terminal
from mct_s2s.render.diagnostics import show_error


class Watching:
    """Shows page after page, and remembers the last one.

    Args:
        terminal: where it is shown.
        seconds: the interval.
    """

    def __init__(self, terminal: Terminal, seconds: float) -> None:
        self._terminal = terminal
        self._seconds = seconds
        self._last: str | None = None

    def seen(self, document: dict[str, Any], show: Callable[[Terminal], None]) -> None:
        """Show a result.

        Args:
            document: it as JSON: one line for each change.
            show: prints it for a person.
        """
        if self._terminal.json:
            self._print_line(document)
            return
        with self._terminal.out.capture() as page:
            show(self._terminal)
        self._print_page(page.get())

    def failed(self, error: S2SError, document: dict[str, Any]) -> None:
        """Show an error; the next check follows."""
        if self._terminal.json:
            self._print_line(document)
            return
        show_error(self._terminal, error)
        self._last = None

    def _print_line(self, document: dict[str, Any]) -> None:
        line = json_text(document)
        if line != self._last:
            self._terminal.document(document, indent=None)
        self._last = line

    def _print_page(self, page: str) -> None:
        out, changed = self._terminal.out, page != self._last
        at = f"{clock.now().astimezone():%Y-%m-%d %H:%M:%S}"
        if out.is_terminal:
            out.clear()
            out.file.write(page)
            self._terminal.result()
            self._terminal.result(f"{at}, every {self._seconds:g} s. Press Ctrl-C to stop.", style="quiet")
        elif changed:
            out.file.write(f"{at}\n{page}\n")
        out.file.flush()
        self._last = page
