"""`status -o csv`: a row for each credential, for each client without one, and for each other finding (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.trust import ClientApplication
from mct_s2s.plain_text import plain
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.status_report import EndingCredential, SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.secrets.renewal import expiry, renewal
from mct_s2s.render.documents import timestamp

COLUMNS = (
    "appService",
    "resourceGroup",
    "subscription",
    "client",
    "id",
    "kind",
    "name",
    "keyId",
    "expires",
    "daysLeft",
    "state",
    "owners",
    "message",
    "command",
)
"""Stable: a new column is added at the end."""
FORMULAS = "=+-@\uff1d\uff0b\uff0d\uff20"
"""A cell that begins with one of these is a formula to a spreadsheet: the last four are their full-width forms, which
some keyboards type. Source: owasp.org/www-community/attacks/CSV_Injection."""

Row = dict[str, str]


def write(report: StatusReport) -> str:
    """The table, with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: value if name == "daysLeft" else cell(value) for name, value in row.items()})
    return file.getvalue()


def cell(text: str) -> str:
    """A text that a spreadsheet takes for one: where it would be a formula, an apostrophe is put before it."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip()[:1] and shown.lstrip()[0] in FORMULAS else shown


def _rows(report: StatusReport) -> Iterator[Row]:
    owned = {one.key: one for one in report.ending()}
    for site in report.sites:
        yield from _of_site(site, report, owned)
    for unread in report.failed:
        yield _unread(unread)
    for one in owned.values():
        if not one.sites:
            yield {**_ending(one.credential, report), **_tenant_wide(one, report)}


def _of_site(site: SiteStatus, report: StatusReport, owned: dict[tuple[str, str], EndingCredential]) -> Iterator[Row]:
    place, described = _place(site), set()
    for client in members(site.observed):
        about = {**place, "client": client.display_name, "id": client.client_id}
        described.add(client.display_name)
        yield from ({**about, **row} for row in _credentials(client, site, report, owned))
    for identity in site.observed.trust.identities:
        yield {**place, "client": identity.display_name, "id": identity.id, "kind": "managedIdentity"}
    for finding in site.findings:
        yield {
            **place,
            "client": finding.subject if finding.subject in described else "",
            "kind": "finding",
            "name": finding.code,
            "state": finding.severity.value,
            "message": finding.message,
            "command": finding.remedy,
        }


def _credentials(
    client: ClientApplication, site: SiteStatus, report: StatusReport, owned: dict[tuple[str, str], EndingCredential]
) -> Iterator[Row]:
    if client.application is None or not client.application.credentials:
        yield {"kind": "none"}
        return
    for one in client.application.credentials:
        key = (client.client_id.casefold(), one.key_id.casefold())
        row = _ending(one, report)
        if key in owned:
            row |= {"owners": _owners(owned[key]), "message": owned[key].sentence(report.now)}
            row["command"] = renewal(client.client_id, (one,), report.now, site.where)
        yield row


def _ending(one: Credential, report: StatusReport) -> Row:
    ends = one.expires if has_end(one.expires) else None
    return {
        "kind": one.kind.value,
        "name": one.name or "",
        "keyId": one.key_id,
        "expires": timestamp(ends) if ends is not None else "",
        "daysLeft": str((ends - report.now).days) if ends is not None else "",
        "state": expiry(one.expires, report.now, report.within).value,
    }


def _tenant_wide(one: EndingCredential, report: StatusReport) -> Row:
    return {
        "client": one.client,
        "id": one.client_id,
        "owners": _owners(one),
        "message": one.sentence(report.now),
        "command": one.command,
    }


def _owners(one: EndingCredential) -> str:
    return "; ".join(owner.name for owner in one.owners or ())


def _place(site: SiteStatus) -> Row:
    if site.site is None:
        return {}
    resource = site.site.resource
    return {
        "appService": site.label,
        "resourceGroup": resource.resource_group,
        "subscription": resource.subscription_id,
    }


def _unread(unread: UnreadSite) -> Row:
    return {
        "appService": unread.target.label,
        "resourceGroup": unread.target.group or "",
        "subscription": unread.target.subscription or "",
        "kind": "failed",
        "name": unread.error.code,
        "state": "error",
        "message": unread.error.message,
        "command": unread.error.remedy,
    }
