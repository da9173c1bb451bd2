"""`status -o json` for more than one App Service."""

from __future__ import annotations

from typing import Any

from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.render.documents import error_document, status_document

Json = dict[str, Any]


def report_document(report: StatusReport) -> Json:
    """`mct-s2s/status/v1` for the one App Service that was named, `mct-s2s/status-list/v1` for a list."""
    if not report.is_list:
        (only,) = report.sites
        return status_document(only.observed, only.findings)
    return {
        "schema": "mct-s2s/status-list/v1",
        "healthy": report.is_healthy,
        "sites": [_site(one) for one in report.sites],
        "failed": [_unread(one) for one in report.failed],
        "unchecked": [str(resource) for resource in report.unchecked],
    }


def _site(site: SiteStatus) -> Json:
    named = {} if site.key is None else {"site": site.key}
    return {**named, **status_document(site.observed, site.findings)}


def _unread(one: UnreadSite) -> Json:
    named = {} if one.key is None else {"site": one.key}
    resource = None if one.resource is None else str(one.resource)
    error: Json = error_document(one.error)["error"]
    return {**named, "appService": resource, "name": one.target.label, "error": error}
