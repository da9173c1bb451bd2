"""`status -o prometheus`: gauges in the text exposition format, for the textfile collector of a node exporter.

Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mct_s2s.model.client_credentials import has_end
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.plain_text import plain
from mct_s2s.planning.permissions.callers import last_to_end, trust_picture
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.status_report import EndingCredential, SiteStatus, StatusReport
from mct_s2s.planning.secrets.renewal import renewal

Labels = Mapping[str, str]


@dataclass
class Metric:
    """A gauge with its samples, each set of labels once."""

    name: str
    meaning: str
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def set(self, value: float, **labels: str) -> None:
        """Give one set of labels a value."""
        self.samples[tuple((name, plain(text)) for name, text in labels.items())] = value

    def lines(self) -> Iterator[str]:
        """It as text; none without a sample."""
        if self.samples:
            yield f"# HELP {self.name} {self.meaning}"
            yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples.items():
            written = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            yield f"{self.name}{{{written}}} {value:.0f}" if labels else f"{self.name} {value:.0f}"


def metrics() -> dict[str, Metric]:
    """All that there are, by what they are called without `mct_s2s_`; their names are stable."""
    meanings = {
        "checked_timestamp_seconds": "When the status was read, in seconds since 1970.",
        "site_up": "Whether the state of the App Service could be read (1) or not (0).",
        "site_healthy": "Whether no finding about the App Service is an error or a warning (1) or some are (0).",
        "site_clients": "Clients of the App Service: client applications and managed identities.",
        "site_clients_able_to_call": "Clients that nothing keeps from calling the MCT API.",
        "finding": "A problem (1), by its code and severity, with the command that cures it.",
        "credential_expiry_timestamp_seconds": "When a credential expires, with the command that replaces it.",
        "client_expiry_timestamp_seconds": "When the last credential of a client expires, with the command to run.",
        "tenant_wide_up": "Whether the app registrations of the tenant could be read (1) or not (0).",
    }
    return {name: Metric(f"mct_s2s_{name}", meaning) for name, meaning in meanings.items()}


def write(report: StatusReport) -> str:
    """All metrics of the report."""
    found = metrics()
    found["checked_timestamp_seconds"].set(report.now.timestamp())
    for site in report.sites:
        _site(found, site, report)
    for unread in report.failed:
        found["site_up"].set(0, **_unread(unread.target))
    for one in report.ending():
        _credential(found["credential_expiry_timestamp_seconds"], one)
    if report.tenant_wide is not None:
        found["tenant_wide_up"].set(report.tenant_wide.error is None)
    return "".join(f"{line}\n" for metric in found.values() for line in metric.lines())


def _site(found: Mapping[str, Metric], site: SiteStatus, report: StatusReport) -> None:
    if site.site is None:
        return
    place = _place(site.site.resource)
    picture = trust_picture(site.observed, report.now, report.within)
    found["site_up"].set(1, **place)
    found["site_healthy"].set(site.is_healthy, **place)
    found["site_clients"].set(len(picture.callers), **place)
    if picture.calling is not None:
        found["site_clients_able_to_call"].set(picture.calling, **place)
    for one in site.findings:
        about = {"code": one.code, "severity": one.severity.value, "subject": one.subject}
        found["finding"].set(1, **place, **about, command=one.remedy)

    for client in members(site.observed):
        credentials = client.application.credentials if client.application is not None else ()
        last = last_to_end(credentials)
        if last is not None and has_end(last.expires):
            about = {"client": client.display_name, "app_id": client.client_id}
            remedy = renewal(client.client_id, credentials, report.now, site.where)
            found["client_expiry_timestamp_seconds"].set(last.expires.timestamp(), **place, **about, command=remedy)


def _credential(metric: Metric, one: EndingCredential) -> None:
    metric.set(
        one.expires.timestamp(),
        site=",".join(one.sites),
        client=one.client,
        app_id=one.client_id,
        kind=one.credential.kind.value,
        key_id=one.credential.key_id,
        owners=",".join(owner.name for owner in one.owners or ()),
        command=one.command,
    )


def _place(resource: ResourceId) -> dict[str, str]:
    return {
        "site": resource.name,
        "resource_group": resource.resource_group,
        "subscription": resource.subscription_id,
    }


def _unread(target: SiteTarget) -> dict[str, str]:
    return {
        "site": target.label,
        "resource_group": target.group or "",
        "subscription": target.subscription or "",
    }


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
