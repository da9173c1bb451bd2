"""The state of one App Service or of many, and every credential in it that ends: what all formats of `status` show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.client_credentials import Credential, has_end
from mct_s2s.model.directory_objects import Application, Owner, Tenant
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget, site_title
from mct_s2s.planning.registrations.membership import members
from mct_s2s.planning.reports.findings import Finding, Severity, is_healthy
from mct_s2s.planning.secrets.renewal import is_due, renewal, renewal_elsewhere


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
        return self.observed.app_service.site if self.observed.app_service is not None else None

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

    @property
    def problems(self) -> int:
        """How many findings are errors or warnings."""
        return sum(one.severity is not Severity.NOTE for one in self.findings)


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
class TenantRegistration:
    """An app registration of the tenant that has a credential which ends."""

    application: Application
    owners: tuple[Owner, ...] | None
    """`None` where they cannot be read."""

    @property
    def ending(self) -> tuple[Credential, ...]:
        """Its credentials that end, the first to end first."""
        ends = (one for one in self.application.credentials if has_end(one.expires))
        return tuple(sorted(ends, key=lambda one: (one.expires.timestamp() if one.expires else 0.0, one.key_id)))


@dataclass(frozen=True)
class TenantWide:
    """All registrations of the tenant with a credential that ends, or why they cannot be read."""

    registrations: tuple[TenantRegistration, ...] = ()
    error: S2SError | None = None


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
    tenant_wide: TenantWide | None = None
    """`None` where it was not asked for."""
    lists_sites: bool = False
    """Whether several App Services were asked for: all of the subscription, or those of a trust file."""

    @property
    def is_list(self) -> bool:
        """Whether more than one App Service was asked for, however many there are."""
        return self.lists_sites or self.tenant_wide is not None

    @property
    def tenant(self) -> Tenant | None:
        """The tenant; of several sites, that of the first."""
        return next((one.observed.tenant for one in self.sites if one.observed.tenant is not None), None)

    @property
    def is_healthy(self) -> bool:
        """Whether no App Service has a problem, and no registration of the tenant will soon be unable to sign in.

        A subscription without any is not the one that was meant.
        """
        if self.lists_sites and not self.sites:
            return False
        return all(site.is_healthy for site in self.sites) and not any(self.is_due(one) for one in self.registrations)

    @property
    def registrations(self) -> tuple[TenantRegistration, ...]:
        """The registrations of the tenant, where they were asked for and can be read."""
        return self.tenant_wide.registrations if self.tenant_wide is not None else ()

    def is_due(self, registration: TenantRegistration) -> bool:
        """Whether the last of a registration's credentials is expiring, or has expired."""
        return is_due(registration.application.credentials, self.now, self.within)

    def ending(self) -> tuple[EndingCredential, ...]:
        """Each credential that ends, once, the first to end first.

        A registration of the tenant that is a client of a site is listed as that.
        """
        found: dict[tuple[str, str], EndingCredential] = {}
        for one in (*self._of_sites(), *self._of_tenant()):
            known = found.get(one.key)
            found[one.key] = one if known is None else known.merged(one)
        return tuple(sorted(found.values(), key=lambda one: (one.expires, one.client.casefold(), one.key)))

    def _of_sites(self) -> Iterator[EndingCredential]:
        for site in self.sites:
            for client in members(site.observed):
                for one in client.application.credentials if client.application is not None else ():
                    if has_end(one.expires):
                        remedy = renewal(client.client_id, (one,), self.now, site.where)
                        yield EndingCredential(
                            client.display_name, client.client_id, one, one.expires, remedy, (site.label,)
                        )

    def _of_tenant(self) -> Iterator[EndingCredential]:
        for registration in self.registrations:
            application = registration.application
            for one in registration.ending:
                if has_end(one.expires):
                    remedy = renewal_elsewhere(application.client_id, one)
                    owners = registration.owners
                    yield EndingCredential(
                        application.display_name, application.client_id, one, one.expires, remedy, owners=owners
                    )


@dataclass(frozen=True)
class EndingCredential:
    """A credential that ends, whose it is, and the command that replaces it."""

    client: str
    """The display name."""
    client_id: str
    credential: Credential
    expires: datetime
    command: str
    sites: tuple[str, ...] = ()
    """The App Services whose API its owner calls; empty for any other registration of the tenant."""
    owners: tuple[Owner, ...] | None = None
    """Who owns the registration; `None` where they were not asked for, or cannot be read."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it apart from every other credential of the tenant."""
        return self.client_id.casefold(), self.credential.key_id.casefold()

    @property
    def label(self) -> str:
        """What it is called: its own name, or else its id."""
        return self.credential.name or self.credential.key_id

    def merged(self, other: EndingCredential) -> EndingCredential:
        """The same credential, with the sites and owners of another report of it."""
        sites = tuple(dict.fromkeys((*self.sites, *other.sites)))
        return EndingCredential(
            self.client,
            self.client_id,
            self.credential,
            self.expires,
            self.command,
            sites,
            self.owners if self.owners is not None else other.owners,
        )

    def sentence(self, now: datetime) -> str:
        """What a person has to know: `The secret of 'S2S-client' expires on 2027-11-24, in 365 days.`."""
        what = f"The {self.credential.kind.noun} of '{self.client}'"
        if self.expires <= now:
            return f"{what} expired on {self.expires:%Y-%m-%d}."
        days = (self.expires - now).days
        return f"{what} expires on {self.expires:%Y-%m-%d}, in {days} {'day' if days == 1 else 'days'}."
