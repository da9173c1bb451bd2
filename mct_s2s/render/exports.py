"""`status` for spreadsheets and auditors.

What comes from Azure is data: each format escapes it.
"""

import csv
import io
import re
from collections.abc import Iterator

from mct_s2s.model.client_credentials import has_end
from mct_s2s.model.observed import ClientApplication
from mct_s2s.plain_text import plain
from mct_s2s.planning.credential_plan import validity
from mct_s2s.planning.reports.renewal import is_replaced, renewing
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.render.markdown import fenced, table, text
from mct_s2s.render.status import facts, next_expiry

END, FINDING = "\r\n", "finding"
Row = dict[str, str]
COLUMNS = (
    "appService", "resourceGroup", "subscription", "client", "id", "kind", "name", "keyId",
    "expires", "daysLeft",
    "state", "canCall", "message", "command",
)  # fmt: skip
"""Stable: new columns are added at the end."""


def _rows(site: SiteStatus, report: StatusReport) -> Iterator[Row]:
    """A row for each credential, for each client without one, and for each finding."""
    place = {"appService": site.label}
    if site.observed.app_service is not None:
        resource = site.observed.app_service.resource
        place |= {
            "resourceGroup": resource.resource_group,
            "subscription": resource.subscription_id,
        }
    for client in site.clients:
        kind = "none" if client.is_application else "managedIdentity"
        can_call = {True: "yes", False: "no", None: "unknown"}[client.can_call]
        about = {**place, "client": client.name, "id": client.id, "kind": kind, "canCall": can_call}
        if not client.credentials:
            yield about
        for credential in client.credentials:
            row = {
                **about,
                "kind": credential.kind.value,
                "name": credential.name or "",
                "keyId": credential.key_id,
            }
            row["state"] = validity(credential.expires, report.now, report.within)
            if has_end(credential.expires) and isinstance(client.client, ClientApplication):
                row["expires"] = f"{credential.expires:%Y-%m-%dT%H:%M:%SZ}"
                row["daysLeft"] = str((credential.expires - report.now).days)
                if not is_replaced(credential, client.client, site.observed):
                    row["command"] = renewing(
                        client.client, (credential,), site.observed, report.within
                    )
            yield row
    for finding in site.findings:
        yield {
            **place,
            "client": finding.subject if finding.client else "",
            "id": finding.client,
            "kind": FINDING,
            "name": finding.code,
            "state": finding.severity.value,
            "message": finding.message,
            "command": finding.remedy,
        }


def _failed(unread: UnreadSite) -> Row:
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


# --- csv (RFC 4180) ---

BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads another encoding than UTF-8."""
_FORMULA = re.compile(r'((?:^|[;,|:\t])[\s"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])')
"""Where a spreadsheet would begin a formula, also in full-width forms: at the beginning, or after a
separator of cells.

Source: owasp.org/www-community/attacks/CSV_Injection.
"""


def as_csv(report: StatusReport) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator=END)
    writer.writeheader()
    rows = [row for site in report.sites for row in _rows(site, report)]
    for row in [*rows, *map(_failed, report.failed)]:
        writer.writerow(
            {name: value if name == "daysLeft" else cell(value) for name, value in row.items()}
        )
    return BYTE_ORDER_MARK + file.getvalue()


def cell(value: str) -> str:
    return _FORMULA.sub(r"\1'", plain(value))


# --- markdown: for a wiki, an issue, an auditor ---

_SHOWN = {
    "Client": "client", "ID": "id", "Can call": "canCall", "Kind": "kind", "Name": "name",
    "Key ID": "keyId",
    "Expires": "expires", "State": "state",
}  # fmt: skip


def as_markdown(report: StatusReport) -> str:
    lines = [
        "# Service-to-service authentication of MCT",
        "",
        f"{report.now:%Y-%m-%d %H:%M} UTC, by mct-s2s status.",
    ]
    if len(report.sites) + len(report.failed) > 1:
        lines += table(("App Service", "Can call", "Problems", "Next expiry"), _overview(report))
    for site in report.sites:
        lines += ["", f"## {text(site.title)}", "", f"**{text(site.verdict)}**"]
        for finding in site.findings:
            lines += _problem(finding.severity.value, finding.message, finding.remedy)
        clients = (row for row in _rows(site, report) if row["kind"] != FINDING)
        lines += table(
            [*_SHOWN], ([row.get(name, "") for name in _SHOWN.values()] for row in clients)
        )
        app_service = site.observed.app_service
        resource = [("Resource ID", str(app_service.resource))] if app_service is not None else []
        lines += table(("Fact", "Value"), [*resource, *facts(site.observed)])
        lines += table(
            ("Setting", "Value"), site.observed.api.shown(site.observed.settings).items()
        )
    for unread in report.failed:
        lines += ["", f"## {text(unread.title)}", "", "**Its state could not be read.**"]
        lines += _problem("error", unread.error.message, unread.error.remedy)
    return "\n".join(lines) + "\n"


def _overview(report: StatusReport) -> Iterator[tuple[str, ...]]:
    """A row for each App Service, those that could not be read last."""
    for site in report.sites:
        calling = site.calling if site.is_set_up else "not set up"
        yield site.title, calling, str(len(site.problems)), next_expiry(site)
    for unread in report.failed:
        yield unread.title, "unknown", f"not read: {unread.error.code}", ""


def _problem(severity: str, message: str, remedy: str) -> Iterator[str]:
    yield from ("", f"**{severity}:** {text(message)}", "", *fenced(remedy))


FORMATS = {"csv": as_csv, "markdown": as_markdown}
