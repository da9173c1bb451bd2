"""The result of a verification, for a person."""

from itertools import groupby

from rich.text import Text

from mct_s2s.plain_text import counted
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification
from mct_s2s.render.console import Terminal

_SIGNS = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}
_TITLES = {CheckSubject.SITE: "App Service", CheckSubject.MANAGED_IDENTITY: "Managed identity"}


def show_verification(terminal: Terminal, verification: Verification) -> None:
    for (kind, client), checks in groupby(verification.checks, lambda check: (check.kind, check.client)):
        terminal.result(Text(f"{_TITLES.get(kind, 'Client')} {client or verification.url}", style="head"))
        for check in checks:
            sign, style = _SIGNS[check.ok]
            terminal.result(Text.assemble("  ", (sign, style), f" {check.message}"))
            if check.remedy:
                terminal.result(Text.assemble("    → ", (check.remedy, "command")))
    calls, failed = verification.calls, verification.failed
    untested = sum(check.ok is None and check.check == CALL for check in verification.checks)
    left = f"; {counted(untested, 'call')} not tested from here" if untested else ""
    result = Text(f"Not verified: no client call succeeded{left}.", style="warn")
    if failed:
        result = Text(f"Verification failed: {counted(failed, 'check')} failed{left}.", style="bad")
    elif calls:
        result = Text(f"Verified: {counted(calls, 'client')} called the MCT API{left}.", style="good")
    terminal.result()
    terminal.result(result)
