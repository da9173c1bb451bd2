"""`status -o csv`: a row for each credential, for each client without one, and for each finding (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.plain_text import plain
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.status_report import SiteStatus, StatusReport
from mct_s2s.planning.secrets.renewal import expiry, renewal
from mct_s2s.render.documents import timestamp

COLUMNS = (
    "appService", "resourceGroup", "subscription", "client", "id", "kind", "name", "keyId", "expires", "daysLeft",
    "state", "canCall", "message", "command",
)  # fmt: skip
"""Stable: a new column is added at the end."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads another encoding than UTF-8."""
_FORMULA = re.compile(r'((?:^|[;,|:\t])[\s"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])')
"""Where a spreadsheet would begin a formula: at the beginning, or after what separates its cells, which in much of
Europe is a semicolon. The last four are full-width forms. Source: owasp.org/www-community/attacks/CSV_Injection."""

Row = dict[str, str]


def write(report: StatusReport) -> str:
    """The table, with a header."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: value if name == "daysLeft" else cell(value) for name, value in row.items()})
    return BYTE_ORDER_MARK + file.getvalue()


def cell(text: str) -> str:
    """A text that a spreadsheet takes for one: an apostrophe is put before what would be a formula."""
    return _FORMULA.sub(r"\1'", plain(text))


def _rows(report: StatusReport) -> Iterator[Row]:
    for site in report.sites:
        resource = site.site.resource if site.site is not None else None
        place = {"appService": site.label}
        if resource is not None:
            place |= {"resourceGroup": resource.resource_group, "subscription": resource.subscription_id}
        yield from ({**place, **row} for row in _of_site(site, report))
    for unread in report.failed:
        yield {
            "appService": unread.target.label,
            "resourceGroup": unread.target.group or "",
            "subscription": unread.target.subscription or "",
            "kind": "failed",
            "name": unread.error.code,
            "state": "error",
            "message": unread.error.message,
            "command": unread.error.remedy,
        }


def _of_site(site: SiteStatus, report: StatusReport) -> Iterator[Row]:
    held: dict[str, tuple[Credential, ...]] = {
        one.client_id: one.application.credentials for one in members(site.observed) if one.application is not None
    }
    for client in site.clients:
        about = {
            "client": client.name,
            "id": client.id,
            "kind": "none" if client.is_application else "managedIdentity",
            "canCall": "unknown" if client.can_call is None else "yes" if client.can_call else "no",
        }
        rows = [{**about, **_credential(client.id, one, site, report)} for one in held.get(client.id, ())]
        yield from rows or [about]
    for finding in site.findings:
        yield {
            "client": finding.subject if finding.client else "",
            "id": finding.client,
            "kind": "finding",
            "name": finding.code,
            "state": finding.severity.value,
            "message": finding.message,
            "command": finding.remedy,
        }


def _credential(client_id: str, one: Credential, site: SiteStatus, report: StatusReport) -> Row:
    row = {
        "kind": one.kind.value,
        "name": one.name or "",
        "keyId": one.key_id,
        "state": expiry(one.expires, report.now, report.within).value,
    }
    if has_end(one.expires):
        row |= {"expires": timestamp(one.expires), "daysLeft": str((one.expires - report.now).days)}
        row["command"] = renewal(client_id, (one,), report.now, site.where)
    return row
