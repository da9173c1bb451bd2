"""What is there, what is missing, what will expire, for a person."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from rich.text import Text

from mct_s2s.model.client_credentials import EXPIRING_WITHIN, has_end
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import ours
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.permissions.callers import last_to_end, trust_picture
from mct_s2s.planning.registrations.app_role import wanted_role
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import is_allowed, is_consented, members
from mct_s2s.planning.reports.findings import Finding
from mct_s2s.planning.reports.status_report import StatusReport
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import Terminal
from mct_s2s.render.findings import show_findings
from mct_s2s.render.status_list import show_list
from mct_s2s.render.timeline import show_timeline
from mct_s2s.render.trust_picture import show_picture


def show_report(terminal: Terminal, report: StatusReport) -> None:
    """One App Service in full, or a list of several."""
    if report.is_list:
        show_list(terminal, report)
        return
    for site in report.sites:
        show_status(terminal, site.observed, site.findings, report.now, report.within)


def show_status(
    terminal: Terminal,
    observed: ObservedState,
    findings: tuple[Finding, ...],
    now: datetime,
    within: timedelta = EXPIRING_WITHIN,
) -> None:
    """The trust from top to bottom, then what is wrong with it."""
    table = Columns([None, None], narrow=[0])
    _tenant(table, observed)
    _service(table, observed)
    _site(table, observed)
    terminal.out.print(table)
    _clients(terminal, observed, now)
    show_timeline(terminal, members(observed), now, within)
    show_findings(terminal, findings)
    if observed.trust.service is not None:
        show_picture(terminal, trust_picture(observed, now, within))


def _tenant(table: Columns, observed: ObservedState) -> None:
    if observed.tenant is not None:
        table.add(Text("Tenant", style="head"), f"{observed.tenant.name}  ({observed.tenant.id})")


def _service(table: Columns, observed: ObservedState) -> None:
    application = observed.trust.service
    label = Text("Service application", style="head")
    if application is None:
        table.add(label, Text("none", style="warn"))
        return
    table.add(label, f"{application.display_name}  ({application.client_id})")
    table.add("  Application ID URI", uri_shown(application, observed) or Text("none", style="warn"))
    role = wanted_role(observed)
    off = "" if role is None or role.enabled else "  (disabled)"
    table.add("  App role", f"{role.value}{off}" if role else Text("none", style="warn"))


def _site(table: Columns, observed: ObservedState) -> None:
    site = observed.app_service
    if site is None:
        return
    table.add(Text("App Service", style="head"), f"{site.site.label}  {site.site.url}  ({site.site.state})")
    if site.refusal is not None:
        table.add("  settings", Text("not readable", style="warn"))
    for name, value in ours(site.settings).items():
        first, *others = _ids_apart(value)
        table.add(f"  {name}", Text(first))
        for one in others:
            table.add("", Text(one))


def _ids_apart(value: str) -> list[str]:
    """A list of ids in lines of one each: as one word, it would be folded within an id."""
    return [part for part in re.split(r"(?<=;)", value) if part] or [value]


def _clients(terminal: Terminal, observed: ObservedState, now: datetime) -> None:
    clients, identities = members(observed), observed.trust.identities
    if not clients and not identities:
        return
    site = observed.app_service if not observed.settings_unread else None
    table = Columns(["Client", "Id", "Consent", "Allowed", "Credential"], narrow=[1, 2, 3])
    for client in clients:
        table.add(
            client.display_name,
            client.client_id,
            _yes(is_consented(client, observed)),
            _yes(is_allowed(client, site)) if site is not None else Text("?"),
            _expiry(client, now),
        )
    for identity in identities:
        allowed = _yes(site.allowed_object_ids.holds(identity.id)) if site is not None else Text("?")
        table.add(identity.display_name, identity.id, Text("not needed", "quiet"), allowed, "managed identity")
    terminal.result()
    terminal.out.print(table)


def _expiry(client: ClientApplication, now: datetime) -> Text:
    if client.application is None:
        return Text("other tenant", style="quiet")
    longest = last_to_end(client.application.credentials)
    if longest is None:
        return Text("none", style="bad")
    if not has_end(longest.expires):
        return Text(f"{longest.kind.value}, does not expire")
    days = (longest.expires - now).days
    style = "bad" if days < 0 else "warn" if days <= 30 else "good"
    return Text.assemble(f"{longest.kind.value} until ", (f"{longest.expires:%Y-%m-%d}", style))


def _yes(value: bool) -> Text:
    return Text("yes", style="good") if value else Text("no", style="bad")
