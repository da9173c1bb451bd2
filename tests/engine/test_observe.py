"""What a command looks at: App Service, trust and callers; never a guess between two, and as much at once as can be."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.observe.rights_examination import examine
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.azure_resources import Subscription
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Application, Assignment, PrincipalKind, ServicePrincipal
from mct_s2s.model.ids import ClientId, PrincipalId, api_uri, client_unique_name, identity_tag, trust_tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId, SiteTarget

from tests.engine.memory import (
    TARGET,
    MemorySites,
    MemoryState,
    failing,
    look,
    memory_state,
    refused,
    run,
)
from tests.planning.scenarios import FOREIGN, ROLE, SERVICE_KEY, SUBSCRIPTION, TENANT, credential, guid, site

OTHER_SUBSCRIPTION = Subscription(guid("other subscription"), "Other", TENANT.id)
DENIED = PermissionMissing("permission-missing", "You can't.", remedy="Ask.")


def looked(here: MemoryState, **asked: Any) -> ObservedState:
    return run(observe(here.azure, look(**asked)))


def not_there(here: MemoryState, **asked: Any) -> NotThere:
    with pytest.raises(NotThere) as raised:
        looked(here, **asked)
    return raised.value


def configured(here: MemoryState, **settings: str) -> None:
    here.site_state(site().resource).settings = {**FOREIGN, **settings}


def service_in(here: MemoryState, unique_name: str | None = SERVICE_KEY, **more: Any) -> Application:
    """A service application with its URI and its role."""
    made = here.register("MCT service (contosolearn)", unique_name, app_roles=(ROLE,), **more)
    if not made.identifier_uris:
        made = replace(made, identifier_uris=(api_uri(made.client_id),))
        here.applications[made.object_id] = made
    return made


def principal_id(here: MemoryState, application: Application) -> PrincipalId:
    found = here.principal_of(application.client_id)
    assert found is not None
    return found.id


def consent(here: MemoryState, client: PrincipalId, service: Application) -> None:
    made = Assignment(here.new_id("assignment"), client, principal_id(here, service), ROLE.id)
    here.assignments.append(made)


# --- the subscription and the site ---

SEVERAL = [Subscription(SUBSCRIPTION, "Learning", TENANT.id), OTHER_SUBSCRIPTION]


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        (None, SEVERAL[:1], SUBSCRIPTION),
        ("learning", SEVERAL, SUBSCRIPTION),
        (OTHER_SUBSCRIPTION.id.upper(), SEVERAL, OTHER_SUBSCRIPTION.id),
    ],
    ids=["the only one", "by name in any case", "by id in any case"],
)
def test_the_subscription_that_is_meant(wanted: str | None, there: list[Subscription], found: str) -> None:
    assert run(find_subscription(MemorySites(MemoryState(subscriptions=there)), wanted)).id == found


@pytest.mark.parametrize(
    ("wanted", "there", "message", "remedy"),
    [
        (None, [], "access to no subscription", "Ask an Owner"),
        (None, SEVERAL, "No subscription given, and you have access to 2", "'Learning'"),
        ("Teaching", SEVERAL, "The subscription 'Teaching' does not exist", "'Other'"),
        (guid("no such"), SEVERAL, guid("no such"), "--subscription"),
        ("Twin", [*SEVERAL, replace(SEVERAL[0], name="Twin"), replace(SEVERAL[1], name="twin")], "'Twin'", "'twin'"),
    ],
    ids=["none", "several", "unknown name", "unknown id", "two of one name"],
)
def test_a_subscription_is_never_guessed(
    wanted: str | None, there: list[Subscription], message: str, remedy: str
) -> None:
    with pytest.raises(NotThere) as raised:
        run(find_subscription(MemorySites(MemoryState(subscriptions=there)), wanted))
    assert raised.value.code == "subscription-not-found"
    assert message in raised.value.message
    assert remedy in raised.value.remedy


TARGETS = {
    "everything said": TARGET,
    "without a group": replace(TARGET, group=None),
    "without a subscription": replace(TARGET, subscription=None),
    "by its name alone": SiteTarget("contosolearn"),
    "in another case": SiteTarget("ContosoLearn", None, "learning"),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_the_app_service_that_is_meant(target: SiteTarget) -> None:
    here = memory_state()
    here.add_site(site("contosolearn-fa-x", "functionapp"))
    found = looked(here, target=target).app_service
    assert found is not None
    assert found.site.resource == site().resource
    assert (dict(found.settings), found.tenant_id) == (FOREIGN, TENANT.id)


def test_two_sites_of_one_name_are_a_question() -> None:
    here = memory_state()
    twin = replace(site(), resource=ResourceId.site(SUBSCRIPTION, "mct-test", "ContosoLearn"))
    here.add_site(twin)
    error = not_there(here, target=SiteTarget("contosolearn"))
    assert error.code == "site-ambiguous"
    assert str(site().resource) in error.message
    assert str(twin.resource) in error.message
    assert "--resource-group" in error.remedy


def test_where_nothing_is_like_it_the_remedy_is_a_list() -> None:
    assert "az webapp list" in not_there(memory_state(), target=SiteTarget("zzz")).remedy


# --- the service application ---


@pytest.mark.parametrize(
    "by", ["--service-app appId", "--service-app URI", "the audience", "the audience's own URI", "key"]
)
def test_the_service_application_that_is_meant(by: str) -> None:
    here = memory_state()
    uri = "https://learn.contoso.com/api"
    service = service_in(here, SERVICE_KEY if by == "key" else None, identifier_uris=(uri,) if "URI" in by else ())
    asked: dict[str, Any] = {}
    if by == "--service-app appId":
        asked["adopt"] = f" {service.client_id.upper()} "
    elif by == "--service-app URI":
        asked["adopt"] = uri
    elif by != "key":
        configured(here, ServiceAuthAudience=uri if "own" in by else api_uri(service.client_id))
    trust = looked(here, **asked).trust
    assert trust.service == service
    assert trust.principal is not None
    assert trust.principal.id == principal_id(here, service)


def test_what_is_named_goes_before_what_the_site_says_and_that_before_the_key() -> None:
    here = memory_state()
    named, audience, keyed = service_in(here, None), service_in(here, None), service_in(here)
    configured(here, ServiceAuthAudience=api_uri(audience.client_id))
    assert looked(here, adopt=named.client_id).trust.service == named
    assert looked(here).trust.service == audience
    configured(here, ServiceAuthAudience="api://nobody")
    assert looked(here).trust.service == keyed


def test_two_registrations_of_one_uri_are_a_question() -> None:
    here = memory_state()
    for _ in range(2):
        service_in(here, None, identifier_uris=("https://learn.contoso.com/api",))
    error = not_there(here, adopt="https://learn.contoso.com/api")
    assert error.code == "service-application-ambiguous"
    assert "--service-app APP_ID" in error.remedy


# --- its clients ---


def with_clients() -> tuple[MemoryState, dict[str, Application]]:
    """A trust with a client by each of the ways in which one belongs to it."""
    here = memory_state()
    service = service_in(here)
    made = {
        "listed": here.register("Listed"),
        "consented": here.register("Consented"),
        "asked for": here.register("AskedVersion", client_unique_name(SERVICE_KEY, "AskedVersion")),
        "asked for by appId": here.register("By appId"),
        "foreign": here.register("Foreign"),
        "tagged": here.register("Tagged", tags=(trust_tag(SERVICE_KEY),)),
    }
    consent(here, principal_id(here, made["consented"]), service)
    configured(here, ServiceApplicationIds=f" {made['listed'].client_id.upper()} ; not-an-id;")
    return here, made


def test_clients_are_those_that_are_listed_consented_or_asked_for() -> None:
    here, made = with_clients()
    trust = looked(here, clients=("AskedVersion", made["asked for by appId"].client_id)).trust
    found = {client.display_name for client in trust.clients}
    assert found == {"Listed", "Consented", "AskedVersion", "By appId"}
    assert all(client.application and client.principal for client in trust.clients), "both halves of each"


def test_whoever_was_ever_made_for_it_is_looked_for_only_where_all_of_them_go() -> None:
    here, _ = with_clients()
    everybody = looked(here, everything=True).trust
    assert "Tagged" in {client.display_name for client in everybody.clients}
    assert "Foreign" not in {client.display_name for client in everybody.clients}
    assert "Tagged" not in {client.display_name for client in looked(here).trust.clients}


def test_clients_keys_are_made_from_the_adopted_service_applications_own() -> None:
    """Two App Services that share a service application share its clients."""
    here = memory_state()
    service_in(here, "mct-s2s-elsewhere")
    mine = here.register("Import", client_unique_name("mct-s2s-elsewhere", "Import"))
    theirs = here.register("Import", client_unique_name(SERVICE_KEY, "Import"))
    (service,) = [app for app in here.applications.values() if app.app_roles]
    trust = looked(here, adopt=service.client_id, clients=("Import",)).trust
    assert mine.client_id in {client.client_id for client in trust.clients}
    assert theirs.client_id not in {client.client_id for client in trust.clients}


@pytest.mark.parametrize("half", ["application", "principal"])
def test_a_client_of_which_one_half_is_missing_is_a_client(half: str) -> None:
    """A registration without a service principal, or a principal whose registration is in another tenant."""
    here = memory_state()
    service_in(here)
    client = here.register("Import")
    configured(here, ServiceApplicationIds=client.client_id)
    if half == "application":
        del here.principals[principal_id(here, client)]
    else:
        del here.applications[client.object_id]
    (found,) = looked(here).trust.clients
    assert (found.application is None, found.principal is None) == (half == "principal", half == "application")
    assert (found.client_id, found.display_name) == (client.client_id, "Import")


def test_managed_identities_are_told_from_client_applications() -> None:
    here = memory_state()
    service = service_in(here)
    listed, holding = (
        ServicePrincipal(PrincipalId(guid(name)), ClientId(guid(f"{name} app")), name, PrincipalKind.MANAGED_IDENTITY)
        for name in ("listed", "holding")
    )
    here.principals |= {listed.id: listed, holding.id: holding}
    consent(here, holding.id, service)
    configured(here, ServiceObjectIds=f"{listed.id};{guid('nobody')}")
    trust = looked(here).trust
    assert set(trust.identities) == {listed, holding}
    assert trust.clients == ()


def test_federated_credentials_are_asked_for_only_where_they_matter() -> None:
    """No list brings them along: asked for every client, they cost a request each."""
    here = memory_state()
    service_in(here)
    good, none, ended = (
        here.register("Good", credentials=(credential(),)),
        here.register("None"),
        here.register("Ended", credentials=(credential(days=-1),)),
    )
    wished = here.register("Wished", client_unique_name(SERVICE_KEY, "Wished"), credentials=(credential(),))
    everyone = ";".join(app.client_id for app in (good, none, ended, wished))
    configured(here, ServiceApplicationIds=everyone)
    row = Credential(CredentialKind.FEDERATED, credential().key_id, "github", None)
    here.federated[none.object_id] = [row]

    def asked(**more: Any) -> set[str]:
        here.forget()
        trust = looked(here, clients=("Wished",), **more).trust
        by_name = {client.display_name: client.application for client in trust.clients}
        assert by_name["None"] is not None
        assert by_name["None"].credentials == (row,)
        return {call.split()[1] for call in here.calls if call.startswith("federated_credentials")}

    assert asked() == {none.object_id, ended.object_id}
    assert asked(federated=True) == {none.object_id, ended.object_id, wished.object_id}


# --- callers ---


@pytest.mark.parametrize("wanted", ["reports-func", "Reports-Func", site("reports-func").resource], ids=str)
def test_the_callers_resource_that_is_meant(wanted: str | ResourceId) -> None:
    here = memory_state()
    here.add_site(site("reports-func", "functionapp"))
    (identity_resource,) = looked(here, identities=(wanted,), subscription="Learning").identity_resources
    assert identity_resource.resource == site("reports-func").resource


def test_a_callers_resource_that_is_not_there_is_told() -> None:
    where = site("nobody").resource
    error = not_there(memory_state(), identities=(where,))
    assert (error.code, f"az resource show --ids {where}" in error.remedy) == ("resource-not-found", True)
    assert not_there(memory_state(), identities=("nobody",)).code == "site-not-found"


def test_whoever_judges_rights_hears_of_a_resource_before_anything_is_asked_of_it() -> None:
    """Their questions go out beside ours, not after."""
    here = memory_state()
    here.add_site(site("reports-func", "functionapp"))
    heard: list[tuple[str, int]] = []
    query = look(identities=(site("reports-func").resource,))
    run(observe(here.azure, query, lambda where: heard.append((where.name, len(here.answered)))))
    assert sorted(name for name, _ in heard) == ["contosolearn", "reports-func"]
    assert all(answered == 0 for _, answered in heard)


def test_other_uses_of_an_identity_are_looked_for_only_where_it_may_be_switched_off() -> None:
    here = memory_state()
    function = here.add_site(site("reports-func", "functionapp"))
    key = str(function.site.resource).lower()
    here.identity_resources[key] = replace(here.identity_resources[key], principal_id=PrincipalId(guid("identity")))
    here.azure_roles[key] = ["/subscriptions/x"]
    service = service_in(here, tags=(identity_tag(str(function.site.resource)), "mct-s2s:identity:not-an-id", "other"))
    other = here.register("Other API")
    for api in (service, other):
        consent(here, PrincipalId(guid("identity")), api)
    assert looked(here).identity_uses == ()
    (use,) = looked(here, everything=True).identity_uses
    assert use.others == ("Azure role at /subscriptions/x", f"app role of {principal_id(here, other)}")


# --- how it is asked ---


@pytest.mark.parametrize(
    "call",
    ["tenant", "settings", "site", "subscription", "application_by_unique_name", "applications", "identity_resource"],
)
def test_the_first_refusal_ends_the_look_and_leaves_nothing_running(call: str) -> None:
    """What still runs would warn of an exception that nobody fetched, or use a session that is closed."""
    here = memory_state()
    here.add_site(site("reports-func", "functionapp"))
    configured(here, ServiceApplicationIds=guid("somebody"))
    here.latency = 1.0
    error, complaints = refused("arm-refused", 500), list[str]()
    here.before(call, failing(error))

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        query = look(identities=(site("reports-func").resource,))
        with pytest.raises(ServiceError) as raised:
            await observe(here.azure, query)
        assert raised.value is error
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(60)
        gc.collect()

    run(main())
    assert complaints == [], "asyncio says of each exception that nobody fetched that it was thrown away"


# --- doctor ---


@pytest.mark.parametrize(
    ("call", "part"),
    [("settings", "site"), ("site", "site"), ("tenant", "directory"), ("application_by_unique_name", "directory")],
)
def test_what_a_caller_may_not_see_is_an_answer_too(call: str, part: str) -> None:
    here = memory_state()
    here.before(call, *[failing(DENIED)] * 3)
    seen = run(examine(here.azure, look()))
    refusals: dict[str, S2SError | None] = {"site": seen.site_refusal, "directory": seen.directory_refusal}
    assert refusals.pop(part) is DENIED
    assert set(refusals.values()) == {None}


@pytest.mark.parametrize("call", ["tenant", "settings", "site"])
def test_a_service_that_is_down_is_no_answer(call: str) -> None:
    here = memory_state()
    here.before(call, failing(refused("arm-refused", 503)))
    with pytest.raises(ServiceError):
        run(examine(here.azure, look()))


def test_the_doctor_needs_no_app_service() -> None:
    here = memory_state()
    seen = run(examine(here.azure, look(None)))
    assert (seen.site, seen.tenant) == (None, TENANT)
    assert here.writes == []
