"""Reports of `status`, made by hand: one App Service or several, with and without problems."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mct_s2s.errors import PermissionMissing
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Application, Owner
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status_report import SiteStatus, StatusReport, TenantRegistration, TenantWide, UnreadSite

from tests.planning.scenarios import NOW, SUBSCRIPTION, client, complete, credential, guid, settings, site
from tests.render.examples import IDENTITY, WHERE, site_of, with_settings

WITHIN = timedelta(days=30)
REFUSED = PermissionMissing(
    "permission-missing", "You can't read the application settings of 'contosofail'.", remedy="Ask an Owner."
)


def mixed() -> ObservedState:
    """One client that can call, one whose secret is about to end, one that is refused, and a managed identity."""
    good, ending = client("Import", credential(400)), client("Nightly", credential(20, "n"))
    refused = client("Reports", credential(-20, "r"))
    observed = complete(good, ending, refused)
    listed = f"{good.client_id};{ending.client_id}"
    seen = with_settings(
        observed, settings(ServiceApplicationIds=listed, ServiceObjectIds=IDENTITY.id, ServiceAuthRole="S2SAppRole")
    )
    return replace(seen, trust=replace(seen.trust, identities=(IDENTITY,)))


def named(observed: ObservedState, name: str) -> ObservedState:
    """The same at an App Service of another name."""
    there = site_of(observed)
    return replace(observed, app_service=AppService(site(name), there.settings, there.tenant_id))


def status_of(observed: ObservedState, where: str = WHERE) -> SiteStatus:
    return SiteStatus(observed, diagnose(observed, NOW, where, WITHIN), where)


def one(observed: ObservedState | None = None) -> StatusReport:
    """A report on one App Service."""
    return StatusReport(NOW, WITHIN, (status_of(observed or mixed()),))


def registration(name: str, *credentials: Credential, owners: tuple[str, ...] | None = ()) -> TenantRegistration:
    application = Application(
        ApplicationObjectId(guid(f"{name}-object")), ClientId(guid(name)), name, credentials=credentials
    )
    known = None if owners is None else tuple(Owner(PrincipalId(guid(owner)), owner) for owner in owners)
    return TenantRegistration(application, known)


def several(name: str = "Grafana") -> StatusReport:
    """Two App Services, one that could not be read, and registrations of the tenant."""
    other = named(complete(client("Training", credential(90, "t"))), "contosotrain")
    certificate = credential(5, "c", CredentialKind.CERTIFICATE)
    wide = TenantWide(
        (
            registration(name, certificate, owners=("ada@contoso.com", name)),
            registration("Payroll export", credential(300, "p"), owners=None),
            registration("Import", credential(400), owners=("ada@contoso.com",)),
        )
    )
    return StatusReport(
        NOW,
        WITHIN,
        (status_of(mixed()), status_of(other, "-a contosotrain -g mct-prod")),
        (UnreadSite.found(ResourceId.site(SUBSCRIPTION, "mct-test", "contosofail"), REFUSED),),
        (ResourceId.site(SUBSCRIPTION, "web", "shop"),),
        wide,
        lists_sites=True,
    )


def crowd(count: int = 1000) -> ObservedState:
    """So many clients; every hundredth has no admin consent."""
    clients = [client(f"Client {number:04}", credential(40 + number)) for number in range(count)]
    observed = complete(*clients)
    refused = {one.principal.id for one in clients[::100] if one.principal is not None}
    assignments = tuple(one for one in observed.trust.assignments if one.principal_id not in refused)
    return replace(observed, trust=replace(observed.trust, assignments=assignments))
