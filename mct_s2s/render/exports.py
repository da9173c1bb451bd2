"""`status` for spreadsheets, calendars and auditors. Nothing secret is in any format.

What comes from Azure is data: `plain_text.plain` makes it one line of characters that are shown, and each format
escapes what would mean something in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.site_settings import ours
from mct_s2s.plain_text import plain
from mct_s2s.planning.credentials import renewal, validity
from mct_s2s.planning.reports.status import ClientStatus, SiteStatus, StatusReport
from mct_s2s.render.markdown import fenced, table, text
from mct_s2s.render.status import facts

END = "\r\n"


# --- csv: a row for each credential, for each client without one, and for each finding (RFC 4180) ---

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


def as_csv(report: StatusReport) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator=END)
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: value if name == "daysLeft" else cell(value) for name, value in row.items()})
    return BYTE_ORDER_MARK + file.getvalue()


def cell(value: str) -> str:
    """A text that a spreadsheet takes for one: an apostrophe is put before what would be a formula."""
    return _FORMULA.sub(r"\1'", plain(value))


def _rows(report: StatusReport) -> Iterator[dict[str, str]]:
    for site in report.sites:
        place = {"appService": site.label}
        if site.observed.app_service is not None:
            resource = site.observed.app_service.resource
            place |= {"resourceGroup": resource.resource_group, "subscription": resource.subscription_id}
        for client in site.clients:
            about = {
                **place,
                "client": client.name,
                "id": client.id,
                "kind": "none" if client.is_application else "managedIdentity",
                "canCall": "unknown" if client.can_call is None else "yes" if client.can_call else "no",
            }
            yield from [about | _credential(client, one, site, report) for one in client.credentials] or [about]
        for finding in site.findings:
            yield {
                **place,
                "client": finding.subject if finding.client else "",
                "id": finding.client,
                "kind": "finding",
                "name": finding.code,
                "state": finding.severity.value,
                "message": finding.message,
                "command": finding.remedy,
            }
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


def _credential(client: ClientStatus, one: Credential, site: SiteStatus, report: StatusReport) -> dict[str, str]:
    state = validity(one.expires, report.now, report.within)
    row = {"kind": one.kind.value, "name": one.name or "", "keyId": one.key_id, "state": state}
    if has_end(one.expires):
        row |= {"expires": f"{one.expires:%Y-%m-%dT%H:%M:%SZ}", "daysLeft": str((one.expires - report.now).days)}
        row["command"] = renewal(client.id, (one,), report.now, site.where)
    return row


# --- ics: a calendar with an event, and an alarm before it, for each credential that ends (RFC 5545) ---


def as_ics(report: StatusReport) -> str:
    """The calendar. All times are in UTC; one that is imported again updates its events, as each keeps its UID."""
    events: dict[tuple[datetime, str, str], tuple[SiteStatus, ClientStatus, Credential, list[str]]] = {}
    for site in report.sites:
        for client in site.clients:
            for one in client.credentials:
                if has_end(one.expires):
                    key = (one.expires, client.name.casefold(), f"{one.key_id}.{client.id}@mct-s2s".casefold())
                    events.setdefault(key, (site, client, one, []))[-1].append(site.label)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//mct-s2s//mct-s2s//EN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:MCT credentials",
    ]
    for (expires, _, uid), (site, client, one, labels) in sorted(events.items()):
        noun, run = one.kind.noun.capitalize(), renewal(client.id, (one,), report.now, site.where)
        summary = f"{noun} of {client.name} expires ({', '.join(labels)})"
        lines += ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{_utc(report.now)}", f"LAST-MODIFIED:{_utc(report.now)}"]
        lines += [f"DTSTART:{_utc(expires)}", f"SUMMARY:{_ics_text(summary)}"]
        details = (f"App ID: {client.id}", f"Credential: {one.name or one.key_id} ({one.key_id})")
        lines.append(f"DESCRIPTION:{_ics_text(*details, 'To replace it, run:', run)}")
        lines.append("TRANSP:TRANSPARENT")
        if expires > report.now:
            minutes = report.within // timedelta(minutes=1)
            lines += ["BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-PT{minutes}M"]
            lines += [f"DESCRIPTION:{_ics_text(f'{summary}. Run: {run}')}", "END:VALARM"]
        lines.append("END:VEVENT")
    return "".join(_folded(line) + END for line in [*lines, "END:VCALENDAR"])


def _ics_text(*lines: str) -> str:
    """A value of type TEXT: a line each; section 3.3.11."""
    escaped = (plain(line).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,") for line in lines)
    return "\\n".join(escaped)


def _folded(line: str) -> str:
    """A line in pieces of at most 75 octets, of which a character takes up to four; section 3.1."""
    width = 74 if line.isascii() else 18
    return f"{END} ".join(line[at : at + width] for at in range(0, len(line), width))


def _utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


# --- markdown: for a wiki, an issue, an auditor ---

_ANSWERS = {True: "yes", False: "no", None: "not known"}


def as_markdown(report: StatusReport) -> str:
    lines = ["# Service-to-service authentication of MCT", "", f"{_time(report.now)}, by mct-s2s status."]
    for site in report.sites:
        lines += ["", f"## {text(site.title)}", "", f"**{text(site.verdict)}**"]
        for finding in site.findings:
            lines += _problem(finding.severity.value, finding.message, finding.remedy)
        lines += _tables(site, report)
    for unread in report.failed:
        lines += ["", f"## {text(unread.title)}", "", "**Its state could not be read.**"]
        lines += _problem("error", unread.error.message, unread.error.remedy)
    return "\n".join(lines) + "\n"


def _tables(site: SiteStatus, report: StatusReport) -> Iterator[str]:
    clients = (
        (
            one.name,
            one.id,
            "application" if one.is_application else "managed identity",
            _ANSWERS[one.can_call],
            one.needs,
            _ANSWERS[one.consented] if one.is_application else "not needed",
            _ANSWERS[one.allowed],
        )
        for one in site.clients
    )
    yield from table(("Client", "ID", "Kind", "Can call", "Needs next", "Admin consent", "Allowed"), clients)
    there = site.observed.app_service
    resource = [("Resource ID", str(there.resource))] if there is not None else []
    yield from table(("Fact", "Value"), [*resource, *facts(site.observed)])
    if not site.observed.settings_unread:
        yield from table(("Setting", "Value"), ours(site.observed.settings).items())
    credentials = (
        (
            client.name,
            one.kind.value,
            one.name or "",
            one.key_id,
            _time(one.expires) if has_end(one.expires) else "never",
            validity(one.expires, report.now, report.within),
        )
        for client in site.clients
        for one in client.credentials
    )
    yield from table(("Client", "Credential", "Name", "ID", "Expires", "State"), credentials)


def _problem(severity: str, message: str, remedy: str) -> Iterator[str]:
    yield from ("", f"**{severity}:** {text(message)}", "", *fenced(remedy))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


FORMATS = {"csv": as_csv, "ics": as_ics, "markdown": as_markdown}
