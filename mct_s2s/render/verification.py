"""The result of a verification, for a person."""

from itertools import groupby

from rich.text import Text

from mct_s2s.plain_text import counted
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification
from mct_s2s.render.console import SIGNS, Terminal

_TITLES = {CheckSubject.SITE: "App Service", CheckSubject.MANAGED_IDENTITY: "Managed identity"}


def show_verification(terminal: Terminal, verification: Verification) -> None:
    for (kind, client), checks in groupby(verification.checks, lambda check: (check.kind, check.client)):
        terminal.result(f"{_TITLES.get(kind, 'Client')} {client or verification.url}", "head")
        for check in checks:
            terminal.result(Text.assemble("  ", SIGNS[check.ok], check.message))
            if check.remedy:
                terminal.result(Text.assemble("    → ", (check.remedy, "command")))
    calls, failed = verification.calls, verification.failed
    untested = sum(check.ok is None and check.check == CALL for check in verification.checks)
    left = f"; {counted(untested, 'call')} not tested from here" if untested else ""
    said, style = f"Not verified: no client call succeeded{left}.", "warn"
    if failed:
        said, style = f"Verification failed: {counted(failed, 'check')} failed{left}.", "bad"
    elif calls:
        said, style = f"Verified: {counted(calls, 'client')} called the MCT API{left}.", "good"
    terminal.result()
    terminal.result(said, style)
