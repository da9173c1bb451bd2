"""The result of a verification, for a person."""

from itertools import groupby

from rich.text import Text

from mct_s2s.plain_text import counted
from mct_s2s.planning.reports.verification import CheckSubject, FileVerification, Verification
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import DONE, SIGNS, UNKNOWN, Terminal
from mct_s2s.render.status import show_not_set_up, show_unread

_TITLES = {CheckSubject.SITE: "App Service", CheckSubject.MANAGED_IDENTITY: "Managed identity"}


def show_verification(terminal: Terminal, verification: Verification) -> None:
    _show_checks(terminal, verification)
    calls = verification.calls
    failed = verification.failed
    untested = _untested(verification)
    headline, style = f"Not verified: no client call succeeded{untested}.", "warn"
    if failed:
        headline = f"Verification failed: {counted(failed, 'check')} failed{untested}."
        style = "bad"
    elif calls:
        headline = (
            f"Verified: {counted(calls, 'client')} called {verification.api.called}{untested}."
        )
        style = "good"
    terminal.result()
    terminal.result(headline, style)


def show_verifications(terminal: Terminal, report: FileVerification, setting_up: str) -> None:
    """A line for each site where all is well, what is wrong at the others, and a total.

    `setting_up`: a command.
    """
    table = Columns()
    for site in report.proved:
        called = f"{counted(site.calls, 'client')} called {site.api.called}{_untested(site)}"
        table.add(Text.assemble(DONE, (site.title, "head")), called)
    for site in report.only_unreadable:
        reasons = "; ".join(
            f"{check.client}: {check.why_unreadable}" for check in site.unreadable_calls
        )
        table.add(Text.assemble(UNKNOWN, (site.title, "head")), reasons)
    terminal.out.print(table)
    show_not_set_up(terminal, [site.title for site in report.not_set_up], setting_up)
    for site in (*report.open, *report.lacking, *report.disproved):
        terminal.result()
        terminal.result(f"Site {site.title}", "head")
        _show_checks(terminal, site)
    show_unread(terminal, report.failed, ())
    counts = (
        (len(report.proved), "verified"),
        (len(report.not_set_up), "not set up"),
        (len(report.only_unreadable), "with clients that can't sign in from here"),
        (len(report.open), "not tested from here"),
        (len(report.lacking), "with a lost secret"),
        (len(report.disproved), "failed"),
        (len(report.failed), "not read"),
    )
    total = counted(len(report.sites) + len(report.failed), "site")
    results = ", ".join(f"{count} {what}" for count, what in counts if count)
    calls = sum(site.calls for site in report.sites)
    apis = dict.fromkeys(site.api.called for site in report.sites)
    terminal.result()
    style = "good" if report.is_proved and not report.failed else "bad"
    terminal.result(
        f"{total}: {results}; {counted(calls, 'client')} called {' and '.join(apis) or 'the API'}.",
        style,
    )


def _show_checks(terminal: Terminal, verification: Verification) -> None:
    for (kind, client), checks in groupby(
        verification.checks, lambda check: (check.kind, check.client)
    ):
        terminal.result(f"{_TITLES.get(kind, 'Client')} {client or verification.url}", "head")
        for check in checks:
            terminal.result(Text.assemble("  ", SIGNS[check.ok], check.message))
            if check.remedy:
                terminal.result(Text.assemble("    → ", (check.remedy, "command")))


def _untested(verification: Verification) -> str:
    counts = (
        (verification.untested, "call", "not tested from here"),
        (len(verification.unreadable_calls), "client", "that can't sign in from here"),
        (verification.lost, "secret", "lost"),
    )
    return "".join(f"; {counted(count, noun)} {what}" for count, noun, what in counts if count)
