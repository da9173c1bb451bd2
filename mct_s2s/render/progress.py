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
from mct_s2s.planning.changes import (
    Action,
    AnyChange,
    AssignAppRole,
    DisableIdentity,
    EnableIdentity,
    PurgeApplication,
    RefreshReference,
    RestartSite,
    RestoreApplication,
    RestoreServicePrincipal,
    RevokeAppRole,
)
from mct_s2s.render.console import Terminal

LONGEST_NAME = 30
"""Longer names are cut, except ids: half an id is none."""
FRAMES = 12
"""Of the spinner, a second: with rich's own 4 it jerks."""
SHORTEST_DETAIL = 16
"""Columns that the last column keeps, however narrow the terminal is."""
MARGINS = 14
"""Columns between and beside the four columns of text."""


_VERBS: dict[type[AnyChange], tuple[str, str]] = {
    AssignAppRole: ("Granted", "grant"),
    RevokeAppRole: ("Revoked", "revoke"),
    EnableIdentity: ("Enabled", "enable"),
    DisableIdentity: ("Disabled", "disable"),
    RestoreApplication: ("Restored", "restore"),
    RestoreServicePrincipal: ("Restored", "restore"),
    PurgeApplication: ("Purged", "purge"),
    RefreshReference: ("Refreshed", "refresh"),
    RestartSite: ("Restarted", "restart"),
}
_VERBS_OF_ACTIONS = {
    Action.CREATE: ("Created", "create"),
    Action.UPDATE: ("Updated", "update"),
    Action.DELETE: ("Deleted", "delete"),
    Action.NONE: ("Checked", "check"),
}
_NOUNS = {
    "admin consent": "admin consent for",
    "API permission": "API permission of",
    "application settings": "application settings of",
    "certificate": "certificate of",
    "federated credential": "federated credential of",
    "key vault reference": "key vault reference of",
    "managed identity": "managed identity of",
    "recycle bin": "deleted app registration",
    "secret": "secret of",
    "service principal": "service principal of",
}
"""How a resource is joined to the name that follows it, where the two do not simply follow each other."""


def done_text(change: AnyChange) -> str:
    """`Created client application S2S-client`, `Granted admin consent for S2S-client`."""
    return f"{_verbs(change)[0]} {_object(change)}"


def failed_text(change: AnyChange) -> str:
    """`Failed to create client application S2S-client`."""
    return f"Failed to {_verbs(change)[1]} {_object(change)}"


def _verbs(change: AnyChange) -> tuple[str, str]:
    return _VERBS.get(type(change), _VERBS_OF_ACTIONS[change.action])


def _object(change: AnyChange) -> str:
    return f"{_NOUNS.get(change.resource, change.resource)} {change.name}"


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
        """What was done: `Created secret of S2S-client (expires 2027-11-24, saved to file:…)`."""
        self._terminal.say(f"{done_text(change)}{f' ({detail})' if detail else ''}")

    def skipped(self, change: AnyChange, why: str) -> None:
        """What was not done, and why."""
        self._terminal.say(f"Skipped {change.resource} {change.name}: {why}")

    def failed(self, change: AnyChange, error: S2SError) -> None:
        """The error itself is told at the end, once."""
        del error
        self._terminal.say(failed_text(change))


class LiveProgress:
    """A list that fills while the steps run, several at a time."""

    def __init__(self, terminal: Terminal) -> None:
        self._console = terminal.err
        self._lines: dict[str, tuple[AnyChange, float, Text | None]] = {}
        self._spinner = Spinner("dots" if terminal.err.encoding.startswith("utf") else "line")
        self._live = Live(get_renderable=self._table, console=terminal.err, refresh_per_second=FRAMES)

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

    def skipped(self, change: AnyChange, why: str) -> None:
        """A dash, and why."""
        _, began, _ = self._lines[change.key]
        self._lines[change.key] = (change, began, Text.assemble(("-", "quiet"), (why, "quiet")))

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
