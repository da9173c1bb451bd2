"""The state of App Services, who can call, and what each client needs next: for all formats of
`status`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import NEVER, Credential, has_end
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget, site_title
from mct_s2s.plain_text import counted
from mct_s2s.planning.ownership import (
    is_allowed,
    is_allowed_by_object_id,
    is_consented,
    is_identity_allowed,
    members,
)
from mct_s2s.planning.reports.findings import NOT_CONFIGURED, Finding, Severity

_NEEDS = {
    "client-not-consented": "admin consent",
    "client-not-allowed": "allow list",
    "no-credential": "credential",
    "secret-expired": "new credential",
}
FIXED = "blocked: see the error above"


@dataclass(frozen=True)
class ClientStatus:
    client: ClientApplication | ServicePrincipal
    allowed: bool | None
    """`None` where the App Service's settings were not read."""
    can_call: bool | None
    needs: str
    """`admin consent`, `new secret by 2027-11-24`, `nothing`."""
    consented: bool | None = None
    """`None` where it needs no admin consent."""
    ends: datetime | None = None
    """When its last credential expires; `None` where none does, or it is not known."""
    is_due: bool = False

    @property
    def is_application(self) -> bool:
        return isinstance(self.client, ClientApplication)

    @property
    def name(self) -> str:
        return self.client.display_name

    @property
    def id(self) -> str:
        """The appId of a client application, the object ID of a managed identity."""
        return (
            self.client.client_id if isinstance(self.client, ClientApplication) else self.client.id
        )

    @property
    def credentials(self) -> tuple[Credential, ...]:
        return self.client.credentials if isinstance(self.client, ClientApplication) else ()

    @property
    def urgency(self) -> tuple[int, datetime, str, str]:
        order = 0 if self.can_call is False else 1 if self.is_due else 2
        return order, self.ends or NEVER, self.name.casefold(), self.id


@dataclass(frozen=True)
class SiteStatus:
    """An App Service, and what was found there."""

    observed: ObservedState
    findings: tuple[Finding, ...]
    key: str | None = None
    """A trust file's name for it."""

    @property
    def label(self) -> str:
        return self.observed.app_service.label if self.observed.app_service is not None else ""

    @property
    def title(self) -> str:
        return site_title(self.key, self.label)

    @property
    def is_healthy(self) -> bool:
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    @property
    def is_set_up(self) -> bool:
        """Whether anything of service-to-service authentication is there yet."""
        return not any(finding.code == NOT_CONFIGURED for finding in self.findings)

    @cached_property
    def clients(self) -> tuple[ClientStatus, ...]:
        """The clients: those that need attention first, then those that expire first."""
        observed, own = self.observed, defaultdict[str, list[Finding]](list)
        for finding in self.findings:
            own[finding.client].append(finding)
        stopping = [finding for finding in own[""] if finding.stops_calls]
        stopped = any(not one.concerns_role for one in stopping)
        site, otherwise = (None, None) if observed.settings_unread else (observed.app_service, True)
        found = []
        for client in members(observed):
            mine, credentials = own[client.client_id], client.credentials
            needs_role = not is_allowed_by_object_id(client, observed)
            needs = [_NEEDS[finding.code] for finding in mine if finding.stops_calls]
            needs = needs or [FIXED] * (bool(stopping) if needs_role else stopped)
            last = max(
                credentials, key=lambda credential: credential.expires or NEVER, default=None
            )
            ends = last.expires if last is not None and has_end(last.expires) else None
            renewed = (
                f"new {last.kind.noun} by {ends:%Y-%m-%d}"
                if last is not None and ends is not None
                else "nothing"
            )
            found.append(
                ClientStatus(
                    client,
                    allowed=None if site is None else is_allowed(client, observed),
                    can_call=False if needs else otherwise,
                    needs=", ".join(needs) or renewed,
                    consented=is_consented(client, observed),
                    ends=ends,
                    is_due=any(finding.severity is Severity.WARNING for finding in mine),
                )
            )
        # An allow list of identities asks for no role.
        stops_identities = stopped if observed.api.lists else bool(stopping)
        for identity in observed.trust.identities:
            allowed = None if site is None else is_identity_allowed(identity, observed)
            needed = FIXED if stops_identities else ""
            if allowed is False:
                needed = "allow list" if observed.api.lists else "admin consent"
            found.append(
                ClientStatus(identity, allowed, False if needed else otherwise, needed or "nothing")
            )
        return tuple(sorted(found, key=lambda client: client.urgency))

    @property
    def calling(self) -> str:
        """How many clients can call: `2 of 3`; `?` where that is not known."""
        if self.observed.settings_unread and not self.clients:
            return "?"
        is_known = all(client.can_call is not None for client in self.clients)
        count = sum(client.can_call is True for client in self.clients)
        return f"{count if is_known else '?'} of {len(self.clients)}"

    @property
    def verdict(self) -> str:
        """The result in two sentences: `2 of 3 clients can call contosolearn. 1 problem.`."""
        no_one = "It is not known who" if self.observed.settings_unread else "No client"
        who = f"{self.calling} client{'s' * (len(self.clients) != 1)}" if self.clients else no_one
        count = sum(finding.severity is not Severity.NOTE for finding in self.findings)
        problems = counted(count, "problem") if count else "No problems found"
        return f"{who} can call {self.label or self.observed.api.called}. {problems}."


@dataclass(frozen=True)
class UnreadSite:
    target: SiteTarget
    error: S2SError
    resource: ResourceId | None = None
    """`None` where it could not be found."""
    key: str | None = None

    @property
    def title(self) -> str:
        return site_title(self.key, self.target.label)


@dataclass(frozen=True)
class StatusReport:
    now: datetime
    within: timedelta
    """How long before its end a credential counts as expiring."""
    sites: tuple[SiteStatus, ...]
    failed: tuple[UnreadSite, ...] = ()
    unchecked: tuple[ResourceId, ...] = ()
    """Web apps that may be MCT App Services: the caller cannot read their settings."""
    is_list: bool = False
    setting_up: str = ""
    """The command that sets up the sites of a trust file; empty where no file asks for them."""

    @property
    def sick(self) -> tuple[SiteStatus, ...]:
        """Without those of a subscription that are not set up, and that no one has asked for."""
        is_survey = self.is_list and not self.setting_up
        return tuple(
            site
            for site in self.sites
            if not site.is_healthy and not (is_survey and not site.is_set_up)
        )

    @property
    def is_healthy(self) -> bool:
        """A subscription without any App Service is not the one that was meant."""
        return not self.sick and not (self.is_list and not self.sites)
