"""What an auditor is shown, whatever the format: facts, settings, clients, credentials, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import has_end
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import ours
from mct_s2s.plain_text import plain
from mct_s2s.planning.permissions.callers import TrustPicture, trust_picture
from mct_s2s.planning.registrations.app_role import wanted_role
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import is_allowed, is_consented, members
from mct_s2s.planning.reports.status_report import EndingCredential, SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.secrets.renewal import expiry

Cells = tuple[str, ...]


@dataclass(frozen=True)
class AuditTable:
    """A table; its cells are plain text."""

    title: str
    head: Cells
    rows: tuple[Cells, ...]
    empty: str
    """What is said in place of a table without rows."""


@dataclass(frozen=True)
class AuditFinding:
    """What is wrong, and the command that cures it."""

    severity: str
    message: str
    remedy: str


@dataclass(frozen=True)
class AuditSection:
    """One App Service, or whatever else was asked for."""

    title: str
    verdict: str
    is_good: bool
    picture: TrustPicture | None = None
    tables: tuple[AuditTable, ...] = ()
    findings: tuple[AuditFinding, ...] = ()


@dataclass(frozen=True)
class AuditReport:
    """The whole document."""

    title: str
    made: str
    """When, and by what."""
    sections: tuple[AuditSection, ...]


def audit(report: StatusReport) -> AuditReport:
    """Put it together. Every text is one line of characters that are shown; none is escaped for any format."""
    sections = [*(_site(site, report) for site in report.sites), *map(_unread, report.failed)]
    if report.tenant_wide is not None:
        sections.append(_tenant_wide(report))
    names = [site.label for site in report.sites]
    title = f"Service-to-service authentication of {', '.join(names)}" if len(names) == 1 else "MCT App Services"
    made = f"{_time(report.now)}, by mct-s2s status"
    return AuditReport(plain(title), made, tuple(sections))


def _site(site: SiteStatus, report: StatusReport) -> AuditSection:
    count = site.problems
    verdict = "No problems found." if not count else f"{count} {'problem' if count == 1 else 'problems'} found."
    unread = site.observed.settings_unread
    settings = () if unread else ours(site.observed.settings).items()
    return AuditSection(
        plain(site.title),
        verdict,
        site.is_healthy,
        trust_picture(site.observed, report.now, report.within) if site.observed.trust.service else None,
        (
            _table("Facts", ("Fact", "Value"), _facts(site, report.now), ""),
            _table(
                "Settings",
                ("Setting", "Value"),
                settings,
                "They could not be read." if unread else "None of the settings is set.",
            ),
            _table("Clients", ("Client", "ID", "Kind", "Admin consent", "Allowed"), _clients(site), "No clients."),
            _table(
                "Credentials",
                ("Client", "Kind", "Name", "ID", "Expires", "State"),
                _credentials(site, report),
                "No credentials.",
            ),
        ),
        tuple(AuditFinding(one.severity.value, plain(one.message), plain(one.remedy)) for one in site.findings),
    )


def _facts(site: SiteStatus, now: datetime) -> Iterator[Cells]:
    observed = site.observed
    yield "Checked", _time(now)
    yield "Cloud", observed.cloud
    if observed.tenant is not None:
        yield "Tenant", observed.tenant.name
        yield "Tenant ID", observed.tenant.id
    if site.site is not None:
        yield "App Service", site.label
        yield "Resource ID", str(site.site.resource)
        yield "Address", site.site.url
        yield "State", site.site.state
    yield from _service(observed)


def _service(observed: ObservedState) -> Iterator[Cells]:
    service, principal = observed.trust.service, observed.trust.principal
    if service is None:
        yield "Service application", "none"
        return
    role = wanted_role(observed)
    yield "Service application", service.display_name
    yield "Application ID", service.client_id
    yield "Application ID URI", uri_shown(service, observed) or "none"
    yield "Service principal", principal.id if principal is not None else "none"
    yield "App role", "none" if role is None else f"{role.value}{'' if role.enabled else ' (disabled)'}"


def _clients(site: SiteStatus) -> Iterator[Cells]:
    observed = site.observed
    service = None if observed.settings_unread else observed.app_service
    for client in members(observed):
        allowed = "not known" if service is None else _yes(is_allowed(client, service))
        yield client.display_name, client.client_id, "application", _yes(is_consented(client, observed)), allowed
    for identity in observed.trust.identities:
        allowed = "not known" if service is None else _yes(service.allowed_object_ids.holds(identity.id))
        yield identity.display_name, identity.id, "managed identity", "not needed", allowed


def _credentials(site: SiteStatus, report: StatusReport) -> Iterator[Cells]:
    for client in members(site.observed):
        for one in client.application.credentials if client.application is not None else ():
            ends = _time(one.expires) if has_end(one.expires) else "never"
            state = expiry(one.expires, report.now, report.within).value
            yield client.display_name, one.kind.value, one.name or "", one.key_id, ends, state


def _unread(unread: UnreadSite) -> AuditSection:
    return AuditSection(
        plain(unread.title), "Its state could not be read.", is_good=False, findings=(_error(unread.error),)
    )


def _tenant_wide(report: StatusReport) -> AuditSection:
    wide = report.tenant_wide
    title = "App registrations with a credential that expires"
    if wide is None or wide.error is not None:
        findings = (_error(wide.error),) if wide is not None and wide.error is not None else ()
        return AuditSection(title, "They could not be read.", is_good=False, findings=findings)
    due = [one for one in wide.registrations if report.is_due(one)]
    head = ("Registration", "App ID", "Credential", "ID", "Expires", "State", "Owners", "App Service")
    rows = (_registration(one, report) for one in report.ending())
    verdict = f"{len(wide.registrations)} registrations; the last credential of {len(due)} is expiring or has expired."
    return AuditSection(
        title,
        verdict,
        not due,
        tables=(_table("Credentials", head, rows, "No credential expires."),),
        findings=tuple(
            AuditFinding("warning", plain(one.sentence(report.now)), plain(one.command))
            for one in report.ending()
            if one.client_id in {registration.application.client_id for registration in due}
        ),
    )


def _registration(one: EndingCredential, report: StatusReport) -> Cells:
    owners = "not read" if one.owners is None else ", ".join(owner.name for owner in one.owners) or "none"
    credential = f"{one.credential.kind.value} {one.credential.name or ''}".rstrip()
    state = expiry(one.expires, report.now, report.within).value
    ends, sites = _time(one.expires), ", ".join(one.sites)
    return one.client, one.client_id, credential, one.credential.key_id, ends, state, owners, sites


def _error(error: S2SError) -> AuditFinding:
    return AuditFinding("error", plain(error.message), plain(error.remedy))


def _table(title: str, head: Cells, rows: Iterable[Cells], empty: str) -> AuditTable:
    return AuditTable(title, head, tuple(tuple(map(plain, row)) for row in rows), empty)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
