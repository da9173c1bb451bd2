"""Reports of `status`, made by hand: one App Service or several, with and without problems."""

from dataclasses import replace
from datetime import timedelta

from mct_s2s.errors import PermissionMissing
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite

from tests.planning.scenarios import NOW, SUBSCRIPTION, client, complete, credential, settings, site, site_of
from tests.render.examples import IDENTITY, WHERE, with_settings

WITHIN = timedelta(days=30)
REFUSED = PermissionMissing(
    "permission-missing", "You can't read the application settings of 'contosofail'.", remedy="Ask an Owner."
)
FAILED = ResourceId.site(SUBSCRIPTION, "mct-test", "contosofail")


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
    return replace(observed, app_service=replace(site_of(observed), **vars(site(name))))


def status_of(observed: ObservedState, where: str = WHERE) -> SiteStatus:
    return SiteStatus(observed, diagnose(observed, NOW, where, WITHIN), where)


def one(observed: ObservedState | None = None) -> StatusReport:
    """A report on one App Service."""
    return StatusReport(NOW, WITHIN, (status_of(observed or mixed()),))


def several() -> StatusReport:
    """Two App Services, one that could not be read, and one of which nothing is known."""
    other = named(complete(client("Training", credential(90, "t"))), "contosotrain")
    return StatusReport(
        NOW,
        WITHIN,
        (status_of(mixed()), status_of(other, "-a contosotrain -g mct-prod")),
        (UnreadSite(SiteTarget.of(FAILED), REFUSED, FAILED),),
        (ResourceId.site(SUBSCRIPTION, "web", "shop"),),
        is_list=True,
    )


def crowd(count: int = 1000) -> ObservedState:
    """So many clients; every hundredth has no admin consent."""
    clients = [client(f"Client {number:04}", credential(40 + number)) for number in range(count)]
    observed = complete(*clients)
    refused = {one.principal.id for one in clients[::100] if one.principal is not None}
    assignments = tuple(one for one in observed.trust.assignments if one.principal_id not in refused)
    return replace(observed, trust=replace(observed.trust, assignments=assignments))
