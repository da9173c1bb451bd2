"""Every MCT App Service of a subscription and every registration of the tenant: side by side, and nothing is hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.engine.observe.all_sites import find_mct_sites, read_each
from mct_s2s.engine.observe.site_survey import AT_ONCE
from mct_s2s.engine.observe.tenant_wide import find_tenant_wide
from mct_s2s.errors import NotThere, PermissionMissing, S2SError
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import PrincipalId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.reports.status_report import TenantWide

from tests.engine.memory import (
    MemoryDirectory,
    MemorySites,
    MemoryState,
    elapsed_since,
    failing,
    memory_state,
    refused,
    run,
)
from tests.planning.scenarios import FOREIGN, NOW, SUBSCRIPTION, credential, guid, settings, site

DENIED = PermissionMissing("permission-missing", "You can't.", remedy="Ask.")
WITHIN = timedelta(days=30)
FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None)


def many() -> MemoryState:
    """MCT's by its settings, MCT's by its function app, a shop, and function apps."""
    made = MemoryState()
    made.add_site(site("zeta"), settings())
    made.add_site(site("alpha"), FOREIGN)
    made.add_site(site("alpha-fa-x7k2q", "functionapp"), settings())
    made.add_site(site("shop"), FOREIGN)
    made.add_site(site("reports", "functionapp,linux"), settings())
    return made


def found(here: MemoryState, subscription: str | None = SUBSCRIPTION) -> tuple[list[str], list[str]]:
    """MCT's, and those of which that is not known."""
    survey = run(find_mct_sites(MemorySites(here), subscription))
    return [one.name for one in survey.mct], [site.name for site in survey.unread]


def test_they_are_told_by_their_settings_or_by_their_function_app() -> None:
    here = many()
    assert found(here) == (["alpha", "zeta"], [])
    assert not any("fa-x7k2q" in call or "reports" in call for call in here.calls)


def test_a_web_app_whose_settings_cannot_be_read_is_named_and_stops_nothing() -> None:
    here = many()
    here.before("settings", failing(DENIED), failing(DENIED), failing(DENIED))
    assert found(here) == (["alpha"], ["shop", "zeta"])


def test_a_subscription_that_is_not_there_is_an_error() -> None:
    with pytest.raises(NotThere):
        found(many(), guid("another"))


def test_a_subscription_may_have_none() -> None:
    assert found(MemoryState()) == ([], [])


def test_settings_are_read_side_by_side_and_of_all_web_apps() -> None:
    here = MemoryState(latency=1.0)
    for number in range(6 * AT_ONCE):
        here.add_site(site(f"shop-{number}"), FOREIGN)

    async def timed() -> float:
        began = elapsed_since(0)
        await find_mct_sites(MemorySites(here), SUBSCRIPTION)
        return elapsed_since(began)

    assert run(timed()) == pytest.approx(2.0 + 6)


def test_one_that_fails_does_not_stop_the_others() -> None:
    apps = tuple(site(name).resource for name in ("a", "b", "c"))
    error = refused()

    async def read(app: ResourceId) -> str:
        if app.name == "b":
            raise error
        return app.name

    assert run(read_each(apps, read)) == tuple(zip(apps, ("a", error, "c"), strict=True))


# the whole tenant


def tenant(*credentials: Credential, owner: str = "ada@contoso.com") -> MemoryState:
    here = memory_state()
    made = here.register("Grafana", credentials=credentials)
    here.register("Without")
    here.owners[made.object_id] = (Owner(PrincipalId(guid(owner)), owner),)
    return here


def wide(here: MemoryState) -> TenantWide:
    return run(find_tenant_wide(MemoryDirectory(here), NOW, WITHIN))


def test_registrations_with_a_credential_that_ends_have_their_owners() -> None:
    (only,) = wide(tenant(credential(9))).registrations
    assert only.application.display_name == "Grafana"
    assert [owner.name for owner in only.owners or ()] == ["ada@contoso.com"]


def test_a_registration_whose_credentials_do_not_end_is_none_of_them() -> None:
    assert wide(tenant(replace(credential(), expires=None))).registrations == ()


def test_federated_credentials_are_asked_for_only_where_nothing_else_is_good_for_long() -> None:
    for days, asked in ((-9, True), (9, True), (90, False)):
        here = tenant(credential(days))
        here.federated[here.application_of("Grafana").object_id] = [FEDERATED]
        (only,) = wide(here).registrations
        assert (FEDERATED in only.application.credentials) is asked
        assert [one.expires for one in only.ending] == [credential(days).expires]


def test_who_may_not_read_the_registrations_gets_the_reason() -> None:
    here = tenant(credential(9))
    here.before("applications_with_credentials", failing(DENIED))
    assert wide(here) == TenantWide(error=DENIED)


@pytest.mark.parametrize("error", [DENIED, refused()])
def test_who_may_not_read_the_owners_gets_the_rest(error: S2SError) -> None:
    here = tenant(credential(9))
    here.before("owners_of", failing(error))
    (only,) = wide(here).registrations
    assert only.owners is None


def test_a_bug_is_no_permission() -> None:
    here = tenant(credential(9))
    here.before("owners_of", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        wide(here)
