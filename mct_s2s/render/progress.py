"""The steps as they run: a live list on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mct_s2s.errors import S2SError
from mct_s2s.model.ids import is_guid
from mct_s2s.plain_text import plain
from mct_s2s.planning.changes import AnyChange
from mct_s2s.render.console import Terminal

LONGEST_NAME = 30
"""Longer names are cut, but for ids: half an id is none."""
SHORTEST_DETAIL = 16
MARGINS = 14
"""Columns between and beside the four columns of text."""


class PlainProgress:
    """One line for each step that has ended."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def aside(self) -> AbstractContextManager[None]:
        """Something else may be written to the terminal."""
        return nullcontext()

    def started(self, change: AnyChange) -> None:
        """Said when it is done."""

    def finished(self, change: AnyChange, detail: str) -> None:
        """`done: service principal MCT service (contosolearn)`."""
        told = f" ({detail})" if detail else ""
        self._terminal.say(f"done: {change.resource} {change.name}{told}")

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error itself is told at the end, once."""
        del error
        self._terminal.say(f"failed: {change.resource} {change.name}")


class LiveProgress:
    """A list that fills while the steps run, several at a time."""

    def __init__(self, terminal: Terminal) -> None:
        self._console = terminal.err
        self._lines: dict[str, tuple[AnyChange, float, Text | None]] = {}
        self._spinner = Spinner("dots" if terminal.err.encoding.startswith("utf") else "line")
        self._live = Live(get_renderable=self._table, console=terminal.err, refresh_per_second=12)

    def __enter__(self) -> LiveProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key, (change, began, end) in self._lines.items():
            if end is None:
                self._lines[key] = (change, began, Text("?", style="warn"))
        if self._live.is_started:
            self._live.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Something else may be written to the terminal: the list would draw over it, so it ends and begins anew."""
        was_started = self._live.is_started
        self._live.stop()
        try:
            yield
        finally:
            if was_started:
                self._live.start()

    def started(self, change: AnyChange) -> None:
        """A spinner. The list appears with the first step, below whatever was asked before."""
        if not self._live.is_started:
            self._live.start()
        self._lines[change.key] = (change, time.monotonic(), None)

    def finished(self, change: AnyChange, detail: str) -> None:
        """A tick, and how long it took."""
        _, began, _ = self._lines[change.key]
        took = f"{time.monotonic() - began:.1f} s"
        self._lines[change.key] = (
            change,
            began,
            Text.assemble(("✓", "good"), f"{took}  ", (detail or change.detail, "quiet")),
        )

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """A cross; the error itself is told at the end, once."""
        del error
        _, began, _ = self._lines[change.key]
        self._lines[change.key] = (change, began, Text("✗", style="bad"))

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2))
        changes = [change for change, _, _ in self._lines.values()]
        fixed = max(
            (len(change.resource) + min(len(change.name), _room_for(change.name)) for change in changes), default=0
        )
        room = max(SHORTEST_DETAIL, self._console.width - fixed - MARGINS)
        for change, _, end in self._lines.values():
            sign = self._spinner if end is None else end[:1]
            detail = Text(change.detail, style="quiet") if end is None else end[1:]
            name = Text(plain(change.name))
            name.truncate(_room_for(change.name), overflow="ellipsis")
            detail.truncate(room, overflow="ellipsis")
            table.add_row("", sign, Text(change.resource), name, detail)
        return Group(table)


def _room_for(name: str) -> int:
    return len(name) if is_guid(name) else LONGEST_NAME


def progress(terminal: Terminal) -> PlainProgress | LiveProgress:
    """Whichever fits standard error."""
    return LiveProgress(terminal) if terminal.err.is_terminal else PlainProgress(terminal)
