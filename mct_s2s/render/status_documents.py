"""`status -o json` for more than one App Service."""

from __future__ import annotations

from typing import Any

from mct_s2s.errors import S2SError
from mct_s2s.planning.reports.status_report import EndingCredential, SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.secrets.renewal import expiry
from mct_s2s.render.documents import error_document, status_document, timestamp

Json = dict[str, Any]


def report_document(report: StatusReport) -> Json:
    """`mct-s2s/status/v1` for the one App Service that was named, `mct-s2s/status-list/v1` for a list."""
    if not report.is_list:
        (only,) = report.sites
        return status_document(only.observed, only.findings)
    wide = report.tenant_wide
    return {
        "schema": "mct-s2s/status-list/v1",
        "healthy": report.is_healthy,
        "sites": [_site(one) for one in report.sites],
        "failed": [_unread(one) for one in report.failed],
        "unchecked": [str(resource) for resource in report.unchecked],
        "registrations": None if wide is None or wide.error is not None else _registrations(report),
        "registrationsError": None if wide is None or wide.error is None else _error(wide.error),
    }


def _site(site: SiteStatus) -> Json:
    named = {} if site.key is None else {"site": site.key}
    return {**named, **status_document(site.observed, site.findings)}


def _unread(one: UnreadSite) -> Json:
    named = {} if one.key is None else {"site": one.key}
    resource = None if one.resource is None else str(one.resource)
    return {**named, "appService": resource, "name": one.target.label, "error": _error(one.error)}


def _error(error: S2SError) -> Json:
    found: Json = error_document(error)["error"]
    return found


def _registrations(report: StatusReport) -> list[Json]:
    known = {one.key: one for one in report.ending()}
    return [
        {
            "displayName": one.application.display_name,
            "appId": one.application.client_id,
            "objectId": one.application.object_id,
            "owners": None if one.owners is None else [{"id": owner.id, "name": owner.name} for owner in one.owners],
            "credentials": [
                _ending(known[one.application.client_id.casefold(), credential.key_id.casefold()], report)
                for credential in one.ending
            ],
        }
        for one in report.registrations
    ]


def _ending(one: EndingCredential, report: StatusReport) -> Json:
    return {
        "kind": one.credential.kind.value,
        "keyId": one.credential.key_id,
        "name": one.credential.name,
        "expires": timestamp(one.expires),
        "state": expiry(one.expires, report.now, report.within).value,
        "command": one.command,
    }
