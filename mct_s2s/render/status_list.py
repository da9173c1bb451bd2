"""Several App Services, and the registrations of the tenant, for a person: a row each, then what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from rich.text import Text

from mct_s2s.planning.permissions.callers import trust_picture
from mct_s2s.planning.reports.status_report import EndingCredential, SiteStatus, StatusReport
from mct_s2s.planning.secrets.renewal import Expiry, expiry
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.findings import show_findings

T = TypeVar("T")
MOST = 40
"""Credentials that a terminal shows: some two screens. The other formats list all."""
EXPIRY_STYLE = {Expiry.EXPIRED: "bad", Expiry.EXPIRING: "warn", Expiry.VALID: "good", Expiry.UNENDING: "quiet"}


def show_list(terminal: Terminal, report: StatusReport) -> None:
    """The sites, the problems of each, what could not be read, and every credential that ends."""
    if report.lists_sites:
        _sites(terminal, report)
        for site in report.sites:
            if site.findings:
                show_findings(terminal, site.findings, site.title)
    _ending(terminal, report)
    if report.is_healthy:
        terminal.result()
        is_whole = not report.failed and not report.unchecked
        terminal.result(f"No problems found{'' if is_whole else ' in what could be read'}.", style="good")
    show_unread(terminal, report)


def show_unread(terminal: Terminal, report: StatusReport) -> None:
    """What could not be read, on standard error: whatever the format, no one takes a part for the whole."""
    for site in report.failed:
        prose(terminal.err, Text.assemble((f"{site.title}: ", "head"), "its state could not be read."))
        show_error(terminal, site.error)
    if report.unchecked:
        count, word = len(report.unchecked), "app" if len(report.unchecked) == 1 else "apps"
        prose(
            terminal.err,
            f"{count} web {word} not shown: you can't read the settings that would tell whether they belong to MCT.",
        )
        for resource in report.unchecked:
            terminal.say(f"  {resource}")
    if report.tenant_wide is not None and report.tenant_wide.error is not None:
        prose(terminal.err, Text("The app registrations of the tenant could not be read.", style="head"))
        show_error(terminal, report.tenant_wide.error)


def _sites(terminal: Terminal, report: StatusReport) -> None:
    if not report.sites and not report.failed:
        terminal.result("No MCT App Service found in the subscription.", style="warn")
        return
    table = Columns(["App Service", "Resource group", "State", "Clients", "Next expiry"], narrow=[3])
    for site in report.sites:
        table.add(site.title, _group(site), _state(site), _clients(site, report), _next_expiry(site, report))
    for unread in report.failed:
        table.add(unread.title, unread.target.group or "", Text("not read", style="bad"), "?", "?")
    terminal.out.print(table)


def _group(site: SiteStatus) -> str:
    return site.site.resource.resource_group if site.site is not None else ""


def _state(site: SiteStatus) -> Text:
    count = site.problems
    if not count:
        return Text("no problems", style="good")
    return Text(f"{count} {'problem' if count == 1 else 'problems'}", style="bad")


def _clients(site: SiteStatus, report: StatusReport) -> str:
    return str(len(trust_picture(site.observed, report.now, report.within).callers))


def _next_expiry(site: SiteStatus, report: StatusReport) -> Text:
    callers = trust_picture(site.observed, report.now, report.within).callers
    ends = [(caller.ends, caller.name) for caller in callers if caller.ends is not None]
    if not ends:
        return Text("none", style="quiet")
    moment, name = min(ends)
    style = EXPIRY_STYLE[expiry(moment, report.now, report.within)]
    return Text.assemble((f"{moment:%Y-%m-%d}", style), f"  {name}")


def _ending(terminal: Terminal, report: StatusReport) -> None:
    rows = report.ending()
    if not rows:
        return
    terminal.result()
    title = "Credentials that expire" + (", in the whole tenant" if report.tenant_wide is not None else "")
    terminal.result(Text(title, style="head"))
    terminal.out.print(_table(rows[:MOST], report))
    if len(rows) > MOST:
        terminal.result(f"and {len(rows) - MOST} more: -o csv lists all of them", style="quiet")
    due = {one.application.client_id for one in report.registrations if report.is_due(one)}
    for row in rows[:MOST]:
        if not row.sites and row.client_id in due:
            prose(terminal.out, Text.assemble(("warning: ", "warn"), row.sentence(report.now)), indent=2)
            terminal.result(Text.assemble("  → ", (row.command, "command")))


def _table(rows: Sequence[EndingCredential], report: StatusReport) -> Columns:
    shows_sites, shows_owners = report.lists_sites, report.tenant_wide is not None
    heads = ["Registration", "App ID", "Credential", "Expires", "App Service", "Owners"]
    table = Columns(_chosen(heads, shows_sites, shows_owners), narrow=[1, 2, 3])
    for row in rows:
        cells: list[str | Text] = [row.client, row.client_id, row.credential.kind.value, _expires(row.expires, report)]
        table.add(*_chosen([*cells, ", ".join(row.sites), _owners(row)], shows_sites, shows_owners))
    return table


def _chosen(cells: Sequence[T], sites: bool, owners: bool) -> list[T]:
    return [*cells[:4], *(cells[4:5] if sites else ()), *(cells[5:] if owners else ())]


def _expires(expires: datetime, report: StatusReport) -> Text:
    days = (expires - report.now).days
    left = "expired" if expires <= report.now else f"{days} {'day' if days == 1 else 'days'}"
    return Text(f"{expires:%Y-%m-%d}  {left}", style=EXPIRY_STYLE[expiry(expires, report.now, report.within)])


def _owners(row: EndingCredential) -> Text:
    if row.owners is None:
        return Text("not read", style="quiet")
    return Text(", ".join(owner.name for owner in row.owners)) if row.owners else Text("none", style="warn")
