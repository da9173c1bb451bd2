"""What a command looks at: App Service, trust and clients; never a guess between two, and as much
at once as can be.
"""

import asyncio
import gc
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from mct_s2s import clock
from mct_s2s.azure.graph import applications
from mct_s2s.engine.observe.observe import decide_trust, observe, read_custody
from mct_s2s.engine.observe.rights_lookup import RightsProbe
from mct_s2s.engine.observe.sites import AT_ONCE, find_sites, find_subscription
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import NotThere, S2SError, outcome_of
from mct_s2s.model.caller_rights import CallerRights
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.desired import ClientSpec, Removal, ServiceSpec, SettingsScope, Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import PrincipalId, Tag, api_uri, client_unique_name
from mct_s2s.model.observed import ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId, SiteTarget
from mct_s2s.planning.belief import Belief, TrustDecision
from mct_s2s.sandbox.state import seed
from mct_s2s.waits import AGREEING_READS, LOOK_PAUSE

from tests.conftest import SITE, Json
from tests.engine.conftest import LIST, TARGET, WHERE, Engine
from tests.planning.scenarios import SERVICE_KEY, guid
from tests.support.least_caller import ON_THE_SITE, READ
from tests.support.mct import MCT

OTHER = guid("other subscription")
URI = "https://learn.contosolearning.onmicrosoft.com/api"
ROLE = {"id": guid("role"), "value": "S2SAppRole", "displayName": "S", "description": "S",
        "isEnabled": True,
        "allowedMemberTypes": ["Application"]}  # fmt: skip


def look(
    *clients: str,
    adopt: str | None = None,
    federated: bool = False,
    everything: bool = False,
    **more: Any,
) -> Request:
    """A request that is only looked by."""
    credential = Federation("https://ci.example", "x") if federated else None
    service = ServiceSpec("MCT service", adopt=adopt)
    setup = Setup(service, tuple(ClientSpec(name, credential) for name in clients))
    desired = Removal(service, everything=True) if everything else setup
    return Request(
        desired, clock.now(), **{"target": TARGET, "unique_name": SERVICE_KEY, "api": MCT, **more}
    )


def trust_seen(engine: Engine, *clients: str, **options: Any) -> Trust:
    async def work(session: Session) -> Trust:
        return (await observe(session, look(*clients, **options))).trust

    return engine.run(work)


def registered(engine: Engine, name: str, unique_name: str | None = None, **body: Any) -> Json:
    """A registration with a service principal, as somebody else makes it; `principal` is that one's
    id.
    """
    application = engine.register(name, uniqueName=unique_name, **body)
    principal = engine.inside.azure.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}
    )
    return {**application, "principal": principal["id"]}


def service_in(engine: Engine, unique_name: str | None = SERVICE_KEY, uri: str = "") -> Json:
    """A service application with its URI and its role."""
    application = registered(engine, "MCT service (contosolearn)", unique_name, appRoles=[ROLE])
    body = {"identifierUris": [uri or api_uri(application["appId"])]}
    engine.inside.azure.graph("PATCH", f"/applications/{application['id']}", json=body)
    return application


# --- the subscription and the site ---

LEARNING, OTHERS = (seed.SUBSCRIPTION_ID, "Learning"), (OTHER, "Other")


def subscription(engine: Engine, wanted: str | None, there: Mapping[str, str]) -> str:
    engine.inside.azure.add_site(name="elsewhere", subscription=OTHER)
    known = engine.inside.state.resources.subscriptions
    for identifier in [*known]:
        if identifier in there:
            known[identifier]["displayName"] = there[identifier]
        else:
            del known[identifier]

    async def work(session: Session) -> str:
        return (await find_subscription(session.arm, wanted)).id

    return engine.run(work)


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        (None, [LEARNING], LEARNING),
        ("learning", [LEARNING, OTHERS], LEARNING),
        (OTHER.upper(), [LEARNING, OTHERS], OTHERS),
    ],
    ids=["the only one", "by name in any case", "by id in any case"],
)
def test_the_meant_subscription_is_found_by_name_id_or_default(
    wanted: str | None, there: list[tuple[str, str]], found: tuple[str, str], engine: Engine
) -> None:
    assert subscription(engine, wanted, dict(there)) == found[0]


@pytest.mark.parametrize(
    ("wanted", "there", "message", "remedy"),
    [
        (None, [], "access to no subscription", "Ask an Owner"),
        (None, [LEARNING, OTHERS], "No subscription given, and you have access to 2", "'Learning'"),
        ("Teaching", [LEARNING, OTHERS], "The subscription 'Teaching' does not exist", "'Other'"),
        (guid("no such"), [LEARNING, OTHERS], guid("no such"), "--subscription"),
        ("Twin", [(LEARNING[0], "Twin"), (OTHER, "twin")], "are named 'Twin'", "'twin'"),
        (guid("no such"), [(OTHER, guid("no such"))], guid("no such"), "--subscription"),
    ],
    ids=["none", "several", "unknown name", "unknown id", "two of one name", "an id for a name"],
)
def test_a_subscription_is_never_guessed(
    wanted: str | None, there: list[tuple[str, str]], message: str, remedy: str, engine: Engine
) -> None:
    with pytest.raises(NotThere) as raised:
        subscription(engine, wanted, dict(there))
    assert raised.value.code == "subscription-not-found"
    assert message in raised.value.message
    assert remedy in raised.value.remedy


def test_two_sites_of_one_name_are_a_question(engine: Engine) -> None:
    twin = engine.inside.azure.add_site(name="ContosoLearn", group="mct-test")["id"]
    with pytest.raises(S2SError) as raised:
        trust_seen(engine, target=SiteTarget("contosolearn"))
    assert raised.value.code == "site-ambiguous"
    assert {SITE, twin} <= set(raised.value.message.split()), raised.value
    assert "--resource-group" in raised.value.remedy


# --- the service application ---


@pytest.mark.parametrize("by", ["appId", "URI", "the audience", "the audience's own URI", "key"])
def test_the_meant_service_application_is_found(by: str, engine: Engine) -> None:
    service = service_in(
        engine, SERVICE_KEY if by == "key" else None, uri=URI if "URI" in by else ""
    )
    adopt = {"appId": f" {service['appId'].upper()} ", "URI": URI}.get(by)
    if "audience" in by:
        engine.settings.update(
            ServiceAuthAudience=URI if "own" in by else api_uri(service["appId"])
        )
    trust = trust_seen(engine, adopt=adopt)
    assert trust.service is not None
    assert trust.principal is not None
    assert (trust.service.object_id, trust.principal.id) == (service["id"], service["principal"])


@pytest.mark.parametrize("by", ["--service-app", "the audience"])
def test_a_uri_that_only_looks_like_an_app_id_names_the_registration_that_has_it(
    by: str, engine: Engine
) -> None:
    """One for v2 tokens may have any URI below `api://`, by the policy of most tenants too."""
    uri = f"api://{guid('no appId')}"
    service = service_in(engine, None)
    body = {"api": {"requestedAccessTokenVersion": 2}, "identifierUris": [uri]}
    engine.inside.azure.graph("PATCH", f"/applications/{service['id']}", json=body)
    if by == "the audience":
        engine.settings.update(ServiceAuthAudience=uri)
    trust = trust_seen(engine, adopt=None if by == "the audience" else uri)
    assert trust.service is not None
    assert (trust.service.object_id, trust.service.identifier_uris) == (service["id"], (uri,))


def test_a_named_service_application_goes_before_the_settings_and_those_before_the_unique_name(
    engine: Engine,
) -> None:
    named, audience, keyed = service_in(engine, None), service_in(engine, None), service_in(engine)
    for uri, adopt, expected in [
        (api_uri(audience["appId"]), named["appId"], named),
        (api_uri(audience["appId"]), None, audience),
        ("api://nobody", None, keyed),
    ]:
        engine.settings.update(ServiceAuthAudience=uri)
        service = trust_seen(engine, adopt=adopt).service
        assert service is not None
        assert service.client_id == expected["appId"]


@pytest.mark.parametrize(
    ("named", "keyed", "is_told"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_the_app_services_own_service_application_is_told_beside_another_one_that_it_uses(
    named: bool, keyed: bool, is_told: bool, engine: Engine
) -> None:
    own = service_in(engine)["appId"] if keyed else None
    other = service_in(engine, None)["appId"] if named else None
    trust = trust_seen(engine, adopt=other)
    assert trust.service is not None
    assert trust.service.client_id == (other or own)
    own_unused = trust.own_unused.client_id if trust.own_unused is not None else None
    assert own_unused == (own if is_told else None)


@pytest.mark.parametrize("is_set", [True, False])
def test_a_named_service_application_is_told_who_holds_the_role_of_the_one_in_the_settings(
    is_set: bool, engine: Engine
) -> None:
    """They lose access, also where no list names them; and sign in by a federated credential."""
    earlier, named = service_in(engine), service_in(engine, None)
    graph = engine.inside.azure.graph
    client = registered(engine, "Import")
    granted = {
        "principalId": client["principal"],
        "resourceId": earlier["principal"],
        "appRoleId": ROLE["id"],
    }
    graph("POST", f"/servicePrincipals/{earlier['principal']}/appRoleAssignedTo", json=granted)
    federated = {
        "name": "from-ci",
        "issuer": "https://ci.example",
        "subject": "x",
        "audiences": ["y"],
    }
    graph("POST", f"/applications/{client['id']}/federatedIdentityCredentials", json=federated)
    in_settings = earlier if is_set else named
    engine.settings.update(ServiceAuthAudience=api_uri(in_settings["appId"]))
    trust = trust_seen(engine, adopt=named["appId"])
    assert trust.clients == ()
    predecessor = trust.predecessor
    assert (predecessor is not None) == is_set
    if predecessor is None:
        return
    assert predecessor.service is not None
    assert predecessor.service.client_id == earlier["appId"]
    (holder,) = predecessor.clients
    assert (holder.display_name, len(holder.application.credentials)) == ("Import", 1)
    assert predecessor.has_any_role(client["principal"])


# --- its clients ---


def test_clients_are_those_that_are_listed_consented_or_asked_for(engine: Engine) -> None:
    """Whoever was ever made for it is looked for only where all of them go."""
    service = service_in(engine)
    graph = engine.inside.azure.graph
    listed, consented, by_id = (
        registered(engine, name) for name in ("Listed", "Consented", "By appId")
    )
    registered(engine, "Asked", client_unique_name(SERVICE_KEY, "Asked"))
    registered(engine, "Foreign")
    registered(engine, "Tagged", tags=[Tag.TRUST.of(SERVICE_KEY)])
    granted = {
        "principalId": consented["principal"],
        "resourceId": service["principal"],
        "appRoleId": ROLE["id"],
    }
    graph("POST", f"/servicePrincipals/{service['principal']}/appRoleAssignedTo", json=granted)
    engine.settings.update(ServiceApplicationIds=f" {listed['appId'].upper()} ; not-an-id;")
    trust = trust_seen(engine, "Asked", by_id["appId"])
    assert {client.display_name for client in trust.clients} == {
        "Listed",
        "Consented",
        "Asked",
        "By appId",
    }
    assert all(client.is_registered_here and client.principal for client in trust.clients), (
        "both halves of each"
    )
    everybody = {client.display_name for client in trust_seen(engine, everything=True).clients}
    assert everybody & {"Tagged", "Foreign"} == {"Tagged"}


def test_clients_are_named_after_their_app_service_whichever_service_application_it_uses(
    engine: Engine,
) -> None:
    """Two App Services that share a service application never share a client for its name."""
    service = service_in(engine, "mct-s2s-elsewhere")
    registered(engine, "Import", client_unique_name("mct-s2s-elsewhere", "Import"))
    mine = registered(engine, "Import", client_unique_name(SERVICE_KEY, "Import"))
    trust = trust_seen(engine, "Import", adopt=service["appId"])
    assert [client.client_id for client in trust.clients] == [mine["appId"]]


@pytest.mark.parametrize("half", ["application", "principal"])
def test_a_client_of_which_one_half_is_missing_is_a_client(half: str, engine: Engine) -> None:
    """A registration without a service principal, or a principal whose registration is in another
    tenant.
    """
    service_in(engine)
    client = registered(engine, "Import")
    engine.settings.update(ServiceApplicationIds=client["appId"])
    if half == "application":
        engine.inside.azure.graph("DELETE", f"/servicePrincipals/{client['principal']}")
    else:
        state = engine.inside.keep()
        rows = state["directory"]["applications"]
        state["directory"]["applications"] = [row for row in rows if row["id"] != client["id"]]
        engine.inside.become(state)
    (observed,) = trust_seen(engine).clients
    assert (not observed.is_registered_here, observed.principal is None) == (
        half == "principal",
        half == "application",
    )
    assert (observed.client_id, observed.display_name) == (client["appId"], "Import")


@pytest.mark.parametrize("by", ["its name", "its appId"])
def test_a_client_that_is_asked_for_and_not_there_is_looked_for_in_the_recycle_bin(
    by: str, engine: Engine
) -> None:
    client, other = (
        registered(engine, name, client_unique_name(SERVICE_KEY, name)) for name in ("A", "B")
    )
    for deleted in (client, other):
        engine.inside.azure.graph("DELETE", f"/applications/{deleted['id']}")
    trust = trust_seen(engine, client["appId"] if by == "its appId" else "A")
    assert [row.client_id for row in trust.deleted] == [client["appId"]]


def test_federated_credentials_are_asked_for_only_where_they_matter(engine: Engine) -> None:
    """No list brings them along: asked for every client, they cost a request each."""
    service_in(engine)
    none = registered(engine, "None")
    good, wished = (
        registered(engine, "Good"),
        registered(engine, "Wished", client_unique_name(SERVICE_KEY, "Wished")),
    )
    for entry in (good, wished):
        engine.inside.azure.graph(
            "POST", f"/applications/{entry['id']}/addPassword", json={"passwordCredential": {}}
        )
    engine.settings.update(
        ServiceApplicationIds=";".join(entry["appId"] for entry in (good, none, wished))
    )
    for federated, expected in ((False, {none["id"]}), (True, {none["id"], wished["id"]})):
        trust_seen(engine, "Wished", federated=federated)
        paths = [
            entry.path
            for entry in engine.inside.log()
            if entry.path.endswith("/federatedIdentityCredentials")
        ]
        assert {path.split("/")[-2] for path in paths} == expected


@pytest.mark.parametrize(
    ("scope", "names"), [(SettingsScope.OFF, ["Import"]), (SettingsScope.ALL, [])]
)
def test_settings_alone_ask_for_names_only_where_they_shut_clients_out(
    scope: SettingsScope, names: list[str], engine: Engine
) -> None:
    service_in(engine)
    engine.settings.update(ServiceApplicationIds=registered(engine, "Import")["appId"])
    request = replace(look(), desired=Setup(settings=scope, settings_only=True))

    async def work(session: Session) -> list[str]:
        trust = (await observe(session, request)).trust
        return [client.display_name for client in trust.clients]

    assert engine.run(work) == names


@pytest.mark.parametrize(
    ("scope", "suffix", "is_set_up", "is_asked"),
    [
        pytest.param(SettingsScope.ALL, "a1b2", True, True, id="a setup, beside all else"),
        pytest.param(SettingsScope.CLIENTS, "a1b2", True, False, id="one more client"),
        pytest.param(SettingsScope.CLIENTS, "a1b2", False, True, id="one of a new site"),
        pytest.param(SettingsScope.ALL, "", False, False, id="no setup"),
    ],
)
def test_the_sites_of_the_group_are_asked_for_only_where_they_may_decide(
    scope: SettingsScope, suffix: str, is_set_up: bool, is_asked: bool, engine: Engine
) -> None:
    """They tell whether a new site is one of the API's; a list costs a request."""
    if is_set_up:
        engine.settings.update(ServiceAuthEnabled="true")
    desired = Setup(ServiceSpec("MCT service"), settings=scope)
    request = replace(look(credential_suffix=suffix), desired=desired)
    engine.run(lambda session: observe(session, request))
    asked = [entry.path.split("/")[-1] for entry in engine.inside.log() if is_of_group(entry.path)]
    assert asked == (["sites"] if is_asked else [])


def is_of_group(path: str) -> bool:
    """Whether a request lists the sites of a resource group."""
    return "/resourcegroups/" in path.lower() and path.endswith("/Microsoft.Web/sites")


@pytest.mark.parametrize(
    ("is_named", "may_write_all", "is_dry_run", "found"),
    [
        pytest.param(False, False, False, {"A": ["left"], "B": []}, id="two that are missing"),
        pytest.param(True, False, False, {"B": []}, id="one of them is there"),
        pytest.param(False, True, False, {}, id="who names what it registers at once"),
        pytest.param(False, False, True, {}, id="a dry run"),
    ],
)
def test_what_an_interrupted_run_has_not_named_is_looked_for_beside_all_else(
    is_named: bool,
    may_write_all: bool,
    is_dry_run: bool,
    found: dict[str, list[str]],
    engine: Engine,
) -> None:
    """Only who may change nothing but its own names a registration after it has registered it."""
    service_in(engine)
    unique_name = client_unique_name(SERVICE_KEY, "A")
    tags = [Tag.NAME.of(unique_name)]
    engine.register("left", tags=tags, uniqueName=unique_name if is_named else None)
    right = "Application.ReadWrite.All" if may_write_all else "Application.ReadWrite.OwnedBy"
    engine.caller = engine.inside.azure.caller(*READ, right, arm=ON_THE_SITE)

    async def work(session: Session) -> Mapping[str, tuple[Application, ...]]:
        request = replace(look("A", "B"), dry_run=is_dry_run)
        return (await observe(session, request)).trust.tagged_with

    seen = engine.run(work)
    assert {name: [row.display_name for row in rows] for name, rows in seen.items()} == {
        client_unique_name(SERVICE_KEY, name): rows for name, rows in found.items()
    }


@pytest.mark.parametrize("is_known", [True, False])
def test_the_caller_is_who_the_directory_says_or_who_signed_in(
    is_known: bool, engine: Engine
) -> None:
    """What the caller owns or has deleted is told by the id."""
    if not is_known:
        engine.misbehave("/servicePrincipals(appId=*)")

    async def work(session: Session) -> tuple[bool, bool]:
        caller = (await observe(session, look("A"))).caller
        return caller.id is not None, bool(caller.description)

    assert engine.run(work) == (is_known, True)


# --- how it is asked ---


@pytest.mark.parametrize(
    "path", ["/organization", "/config/appsettings/list", "/sites/contosolearn"]
)
def test_the_first_refusal_ends_the_look_and_leaves_nothing_running(
    path: str, engine: Engine
) -> None:
    """What still runs would warn of an exception that nobody fetched, or use a session that is
    closed.
    """
    complaints = list[str]()
    engine.inside.state.latency_seconds = 1.0
    engine.misbehave(path)

    async def work(session: Session) -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: complaints.append(context["message"])
        )
        before = asyncio.all_tasks()
        with pytest.raises(S2SError):
            await observe(session, look())
        assert asyncio.all_tasks() == before
        await asyncio.sleep(60)
        gc.collect()

    engine.run(work)
    engine.inside.state.latency_seconds = 0.0
    assert complaints == [], (
        "asyncio says of each exception that nobody fetched that it was thrown away"
    )


def test_where_everything_is_there_nobody_waits_for_the_recycle_bin(engine: Engine) -> None:
    """It is long in a large tenant, and read page by page."""
    service_in(engine)
    engine.misbehave("/deletedItems/*", type="latency", seconds=3600)
    began = engine.inside.time.seconds
    assert trust_seen(engine).service is not None
    assert engine.inside.time.seconds - began < 60


# --- who controls a registration ---


@pytest.mark.parametrize(
    ("unique_name", "is_refused"),
    [(client_unique_name(SERVICE_KEY, "A"), True), (None, False)],
    ids=["may be believed by its name", "only shown"],
)
def test_owners_that_cannot_be_read_are_a_refusal_only_where_they_decide(
    unique_name: str | None, is_refused: bool, engine: Engine
) -> None:
    service = service_in(engine)
    client = registered(engine, "A", unique_name)
    grant = {"principalId": client["principal"], "resourceId": service["principal"],
             "appRoleId": ROLE["id"]}  # fmt: skip
    path = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    engine.inside.azure.graph("POST", path, json=grant)
    engine.misbehave(f"/applications/{client['id']}/owners")
    request = look(everything=True)

    async def work(session: Session) -> ObservedState | S2SError:
        observed = await observe(session, request)
        return await outcome_of(read_custody(session, request, observed))

    result = engine.run(work)
    if is_refused:
        assert isinstance(result, S2SError)
    else:
        assert isinstance(result, ObservedState)
        assert client["appId"] not in result.custody


def test_a_removal_leaves_a_registration_out_once_a_few_looks_do_not_show_it(
    engine: Engine,
) -> None:
    """A single one may come from a replica that is behind."""
    service_in(engine)
    unique_name = client_unique_name(SERVICE_KEY, "A")
    client = registered(engine, "A", unique_name, tags=[Tag.TRUST.of(SERVICE_KEY)])
    request = look(everything=True)

    async def work(session: Session) -> tuple[ObservedState, ObservedState, float]:
        before = await observe(session, request)
        engine.inside.azure.graph("DELETE", f"/applications/{client['id']}")
        began = clock.seconds()
        after = await read_custody(session, request, before)
        return before, after, clock.seconds() - began

    before, after, seconds = engine.run(work)
    assert [len(observed.trust.clients) for observed in (before, after)] == [1, 0]
    assert AGREEING_READS * LOOK_PAUSE <= seconds < 2 * AGREEING_READS * LOOK_PAUSE


def test_of_a_service_application_that_came_back_only_clients_made_for_the_site_are_looked_into(
    engine: Engine,
) -> None:
    """Whoever else holds its role says nothing of whether it is believed."""
    service = service_in(engine)
    ours = registered(engine, "A", client_unique_name(SERVICE_KEY, "A"))
    theirs = registered(engine, "By hand")
    grants = f"/servicePrincipals/{service['principal']}/appRoleAssignedTo"
    for client in (ours, theirs):
        grant = {"principalId": client["principal"], "resourceId": service["principal"],
                 "appRoleId": ROLE["id"]}  # fmt: skip
        engine.inside.azure.graph("POST", grants, json=grant)
    request = look()

    async def work(session: Session) -> None:
        before = replace(await observe(session, request), trust=Trust(unique_name=SERVICE_KEY))
        application = await applications.by_object_id(session.graph, service["id"])
        await decide_trust(session, request, before, application, None, is_service=True)

    engine.run(work)
    asked = [entry.path for entry in engine.inside.log() if entry.path.endswith("/owners")]
    assert any(ours["id"] in path for path in asked)
    assert not any(theirs["id"] in path for path in asked)


@pytest.mark.parametrize(
    ("came_back", "is_believed"), [(False, True), (True, False)], ids=["an older one", "that one"]
)
@pytest.mark.as_administrator("an owner beside the caller is a doubt of its own")
def test_of_a_restored_registration_only_the_service_principal_that_came_back_counts(
    came_back: bool, is_believed: bool, engine: Engine
) -> None:
    """A replica may show the one from before the removal, whoever owned it."""
    azure = engine.inside.azure
    service_in(engine)
    client = registered(engine, "A", client_unique_name(SERVICE_KEY, "A"))
    rival = registered(engine, "Rival")["principal"]
    owner = {"@odata.id": f"{azure.graph_url}/v1.0/directoryObjects/{rival}"}
    azure.graph("POST", f"/servicePrincipals/{client['principal']}/owners/$ref", json=owner)
    restored = [PrincipalId(client["principal"])] if came_back else []
    request = look("A")

    async def work(session: Session) -> TrustDecision:
        before = await read_custody(session, request, await observe(session, request))
        application = await applications.by_object_id(session.graph, client["id"])
        application = replace(application, unique_name=client["uniqueName"])
        return await decide_trust(session, request, before, application, restored, is_service=False)

    assert isinstance(engine.run(work), Belief) is is_believed


# --- what the caller may do ---

QUESTIONS = {
    "roles": "/transitiveMemberOf*",
    "permissions": "/appRoleAssignments",
    "owned": "/ownedObjects*",
    "secret_rules": "/defaultAppManagementPolicy",
    "permissions_at": "/Microsoft.Authorization/permissions",
    "locks_at": "/Microsoft.Authorization/locks",
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.as_administrator("a pipeline may not read the tenant's policy")
def test_an_object_that_cannot_be_read_is_unknown_and_the_rest_is_known(
    question: str, engine: Engine
) -> None:
    """Unreadable is never taken for missing."""
    engine.misbehave(QUESTIONS[question])

    async def main(session: Session) -> CallerRights:
        before = asyncio.all_tasks()
        async with aclosing(RightsProbe(session, directory=True)) as probe:
            probe.ask_about(WHERE.resource)
            access = await probe.rights()
        assert asyncio.all_tasks() == before, "nothing goes on asking"
        return access

    access = engine.run(main)
    rights = access.at(WHERE.resource)
    answers = {
        "roles": access.roles,
        "permissions": access.permissions,
        "owned": access.owned,
        "secret_rules": access.secret_rules,
        "permissions_at": rights.permissions,
        "locks_at": rights.locks,
    }
    assert {name for name, answer in answers.items() if answer is None} == {question}


# --- the web apps of a subscription ---


def everything(session: Session) -> Awaitable[tuple[list[ResourceId], list[ResourceId]]]:
    return find_sites(session.arm, seed.SUBSCRIPTION_ID, MCT)


def read(engine: Engine) -> list[str]:
    """The sites whose settings were read, in order of arrival."""
    return [entry.path.split("/")[-4] for entry in engine.inside.log() if entry.path.endswith(LIST)]


@pytest.mark.parametrize("is_readable", [True, False])
@pytest.mark.as_administrator("the apps of the group are listed")
def test_a_site_is_found_and_no_function_app_is_read(is_readable: bool, engine: Engine) -> None:
    """What may not be read is recognised by the function app of its deployment."""
    if not is_readable:
        engine.misbehave(f"{SITE}{LIST}")
    assert [site.name for site in engine.run(everything)[0]] == ["contosolearn"]
    assert [name for name in read(engine) if name.endswith("-func") or "-fa-" in name] == []


@pytest.mark.as_administrator("the apps of the subscription are listed")
def test_all_sites_are_read_side_by_side(engine: Engine) -> None:
    engine.run(everything)
    for at in range(3 * AT_ONCE - len(read(engine))):
        seed.add_site(
            engine.inside.state.resources, subscription=seed.SUBSCRIPTION_ID, group="shops",
            name=f"shop-{at}",
            kind="app", settings={}, owner_app_id=seed.ADMINISTRATOR_ID,
        )  # fmt: skip
    engine.inside.serve_new_sites()
    engine.inside.state.latency_seconds = 1.0

    async def timed(session: Session) -> float:
        began = clock.seconds()
        await everything(session)
        return clock.seconds() - began

    assert engine.run(timed) == pytest.approx(2 + 3, abs=0.5)
    engine.inside.state.latency_seconds = 0.0
