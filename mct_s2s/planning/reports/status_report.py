"""The state of one App Service or of many, and every credential in it that ends: what all formats of `status` show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget, site_title
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.client_status import ClientStatus, client_statuses, verdict
from mct_s2s.planning.reports.findings import Finding, Severity, is_healthy
from mct_s2s.planning.secrets.renewal import renewal


@dataclass(frozen=True)
class SiteStatus:
    """One App Service with its trust, and what is wrong with it."""

    observed: ObservedState
    findings: tuple[Finding, ...]
    where: str
    """The options that name the App Service on a command line: `-a contosolearn -g mct-prod`."""
    key: str | None = None
    """What a trust file calls it, where it was named by one."""

    @property
    def site(self) -> Site | None:
        """The App Service; `None` where it was not looked at."""
        return self.observed.site

    @property
    def label(self) -> str:
        """What a person calls it: `contosolearn`, or `contosolearn/staging`."""
        return self.site.label if self.site is not None else ""

    @property
    def title(self) -> str:
        """The same, with what a trust file calls it: `learn (contosolearn)`."""
        return self.label if self.key is None else site_title(self.key, self.label)

    @property
    def is_healthy(self) -> bool:
        """Whether no finding is an error or a warning."""
        return is_healthy(self.findings)

    @cached_property
    def clients(self) -> tuple[ClientStatus, ...]:
        """Who can call, and what each needs next."""
        return client_statuses(self.observed, self.findings)

    @property
    def verdict(self) -> str:
        """`2 of 3 clients can call contosolearn. 1 problem.`."""
        count = sum(one.severity is not Severity.NOTE for one in self.findings)
        problems = f"{count} problem{'s' * (count != 1)}" if count else "No problems found"
        return f"{verdict(self.clients, self.label or 'the MCT API')}. {problems}."


@dataclass(frozen=True)
class UnreadSite:
    """An MCT App Service whose state could not be read."""

    target: SiteTarget
    error: S2SError
    resource: ResourceId | None = None
    """`None` where it could not be found."""
    key: str | None = None
    """What a trust file calls it, where it was named by one."""

    @classmethod
    def found(cls, resource: ResourceId, error: S2SError) -> UnreadSite:
        """One that is known to be there."""
        target = SiteTarget(resource.names[0], resource.resource_group, resource.subscription_id, resource.slot)
        return cls(target, error, resource)

    @property
    def title(self) -> str:
        """As for `SiteStatus`."""
        return self.target.label if self.key is None else site_title(self.key, self.target.label)


@dataclass(frozen=True)
class StatusReport:
    """What `status` found out."""

    now: datetime
    within: timedelta
    """How long before its end a credential counts as expiring."""
    sites: tuple[SiteStatus, ...]
    failed: tuple[UnreadSite, ...] = ()
    unchecked: tuple[ResourceId, ...] = ()
    """Web apps whose settings the caller cannot read, so that it is not known whether they are MCT App Services."""
    is_list: bool = False
    """Whether several App Services were asked for: all of the subscription, or those of a trust file."""

    @property
    def is_healthy(self) -> bool:
        """Whether no App Service has a problem. A subscription without any is not the one that was meant."""
        return all(site.is_healthy for site in self.sites) and not (self.is_list and not self.sites)

    def ending(self) -> list[EndingCredential]:
        """Each credential that ends, once, the first to end first."""
        found: dict[tuple[str, str], EndingCredential] = {}
        for site in self.sites:
            for client in members(site.observed):
                for one in client.application.credentials if client.application is not None else ():
                    if has_end(one.expires):
                        key = (client.client_id.casefold(), one.key_id.casefold())
                        known = found[key].sites if key in found else ()
                        remedy = renewal(client.client_id, (one,), self.now, site.where)
                        found[key] = EndingCredential(
                            client.display_name, client.client_id, one, one.expires, remedy, (*known, site.label)
                        )
        return sorted(found.values(), key=lambda one: (one.expires, one.client.casefold(), one.credential.key_id))


@dataclass(frozen=True)
class EndingCredential:
    """A credential that ends, whose it is, and the command that replaces it."""

    client: str
    """The display name."""
    client_id: str
    credential: Credential
    expires: datetime
    command: str
    sites: tuple[str, ...]
    """The App Services whose API its owner calls."""
