"""The credentials by expiry, each with a bar that shows the time left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text

from mct_s2s.model.client_credentials import Credential
from mct_s2s.model.trust import ClientApplication
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal

COLUMNS = 24
"""Characters of a bar: two a month."""
HORIZON = timedelta(days=365)
"""The time at which the bars are full."""
FAR = timedelta(days=3660)
"""Dates beyond this mean never."""


def show_timeline(terminal: Terminal, clients: tuple[ClientApplication, ...], now: datetime, within: timedelta) -> None:
    """Show the credentials of all clients by expiry, without those that do not expire."""
    rows = sorted(_ending(clients, now), key=lambda row: row[0])
    if not rows:
        return
    table = Columns([None] * 5, narrow=[0, 1, 2])
    for ends, client, credential in rows:
        left = ends - now
        style = "bad" if left <= timedelta(0) else "warn" if left <= within else "good"
        table.add(
            Text(f"{ends:%Y-%m-%d}", style=style),
            Text(_bar(left), style=style),
            Text(_time_left(left), style=style),
            client,
            Text(f"{credential.kind.value} {credential.name or credential.key_id}", style="quiet"),
        )
    terminal.result()
    terminal.result(f"Expiry (to {HORIZON.days} days from {now:%Y-%m-%d})", style="head")
    terminal.out.print(table)


def _ending(clients: tuple[ClientApplication, ...], now: datetime) -> Iterator[tuple[datetime, str, Credential]]:
    for client in clients:
        for credential in client.application.credentials if client.application else ():
            if credential.expires is not None and credential.expires - now < FAR:
                yield credential.expires, client.display_name, credential


def _bar(left: timedelta) -> str:
    share = min(1.0, max(0.0, left / HORIZON))
    filled = round(share * COLUMNS)
    return "━" * filled + "╌" * (COLUMNS - filled)


def _time_left(left: timedelta) -> str:
    ago = (-left).days
    if left <= timedelta(0):
        return f"{ago} days ago" if ago > 1 else "1 day ago" if ago == 1 else "expired"
    return f"in {left.days} days" if left.days != 1 else "in 1 day"
