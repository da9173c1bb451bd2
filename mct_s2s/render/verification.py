"""The result of a verification, for a person and as JSON."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.text import Text

from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification
from mct_s2s.render.console import Terminal, prose

_SIGNS = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}
_TITLES = {CheckSubject.SITE: "App Service", CheckSubject.MANAGED_IDENTITY: "Managed identity"}


def verification_document(verification: Verification) -> dict[str, Any]:
    """`mct-s2s/verify/v1`."""
    return {
        "schema": "mct-s2s/verify/v1",
        "proved": verification.is_proved,
        "url": verification.url,
        "path": verification.path,
        "checks": [
            {
                "client": check.client,
                "kind": check.kind.value,
                "check": check.check,
                "ok": check.ok,
                "message": check.message,
                "remedy": check.remedy,
            }
            for check in verification.checks
        ],
    }


def show_verification(terminal: Terminal, verification: Verification) -> None:
    """Show the checks under the name of each subject, then the summary."""
    for (kind, client), checks in groupby(verification.checks, lambda check: (check.kind, check.client)):
        title = f"{_TITLES.get(kind, 'Client')} {client or verification.url or ''}"
        terminal.result(Text(title.strip(), style="head"))
        for check in checks:
            sign, style = _SIGNS[check.ok]
            prose(terminal.out, Text.assemble("  ", (sign, style), f" {check.message}"), indent=4)
            if check.remedy:
                terminal.result(Text.assemble("    → ", (check.remedy, "command")))
    terminal.result()
    terminal.result(_sum(verification))


def _sum(verification: Verification) -> Text:
    calls, failed = verification.calls, len(verification.failed)
    unproven = sum(check.ok is None and check.check == CALL for check in verification.checks)
    left = f"; {_counted(unproven, 'call')} not tested from here" if unproven else ""
    if failed:
        return Text(f"Verification failed: {_counted(failed, 'check')} failed{left}.", style="bad")
    if not calls:
        return Text(f"Not verified: no client call succeeded{left}.", style="warn")
    return Text(f"Verified: {_counted(calls, 'client')} called the MCT API{left}.", style="good")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
