"""Two App Services and one registration: no command at one takes access from a client of the other.

With lists and without, for every state in which the two may be: whose the registration is, who
holds its role, who is listed. Without lists, a role assignment alone is access, at all of them.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mct_s2s.errors import Refused
from mct_s2s.model.api import Api
from mct_s2s.model.desired import (
    ClientSpec,
    Desired,
    Pruning,
    Removal,
    Rotation,
    ServiceSpec,
    SettingsScope,
    Setup,
)
from mct_s2s.model.directory_objects import Custody, ServicePrincipal
from mct_s2s.model.ids import ClientId, PrincipalId, client_unique_name, service_unique_name
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    DeleteApplication,
    PurgeApplication,
    RemoveCredential,
    RevokeAppRole,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan

from tests.planning.scenarios import (
    ROLE,
    SERVICE,
    SERVICE_ID,
    TENANT,
    WHERE,
    app_service,
    assignment,
    client,
    guid,
    identity_resource,
    observed_state,
    settings,
    trust,
)
from tests.support.apis import ORDERS, STOCK
from tests.support.mct import MCT

B = service_unique_name("other")
MINE = client("Mine")
OTHERS = client("Others", key=client_unique_name(B, "Others"))
BY_HAND = client("By hand", key=None)
IDENTITY = ServicePrincipal(
    PrincipalId(guid("func")), ClientId(guid("func-client")), "func", is_identity=True
)
PEOPLE: tuple[ClientApplication | ServicePrincipal, ...] = (MINE, OTHERS, BY_HAND, IDENTITY)
NAMES = ("Mine", "Others", "By hand", "func", OTHERS.client_id, BY_HAND.client_id, IDENTITY.id)
OWNER = {"this App Service": SERVICE.unique_name, "the other one": B, "another team": None}


def principal_id(entity: ClientApplication | ServicePrincipal) -> str:
    return entity.principal_id if isinstance(entity, ClientApplication) else entity.id


def shared(api: Api, owner: str, holders: frozenset[int], listed: frozenset[int]) -> ObservedState:
    """What is seen at this App Service, whose settings name the registration."""
    service = replace(
        SERVICE,
        unique_name=OWNER[owner],
        app_roles=(replace(ROLE, value=api.role),),
        token_version=2 if api.token_version == 2 else None,
        tags=() if api.is_default else (f"mct-s2s:api:{api.name}",),
    )
    seen = trust(MINE, OTHERS, BY_HAND, service=service, consented=False)
    held = tuple(assignment(PEOPLE[index]) for index in sorted(holders))
    seen = replace(seen, assignments=held, identities=(IDENTITY,))
    chosen = [PEOPLE[index] for index in sorted(listed)]
    if api.lists:
        values = settings(
            ServiceApplicationIds=";".join(
                entity.client_id for entity in chosen if isinstance(entity, ClientApplication)
            ),
            ServiceObjectIds=";".join(
                entity.id for entity in chosen if isinstance(entity, ServicePrincipal)
            ),
            ServiceAuthRole=api.role,
        )
    else:
        values = {row.name: {"app-id": SERVICE_ID, "audience": SERVICE_ID,
                             "tenant-id": TENANT.id}.get(row.holds)
                  for row in api.rows}  # fmt: skip
    state = observed_state(seen, values)
    applications = (service, MINE.application, OTHERS.application, BY_HAND.application)
    return replace(
        state,
        api=api,
        app_service=app_service(values),
        custody={application.client_id: Custody() for application in applications},
    )


def losers(changes: tuple[AnyChange, ...], seen: ObservedState) -> set[str]:
    """The principals that lose the role, their registration or a credential by what is planned."""
    by_assignment: dict[str, str] = {
        assignment.id: assignment.principal_id for assignment in seen.trust.assignments
    }
    by_object: dict[str, str] = {
        client.application.object_id: client.principal_id for client in seen.trust.clients
    }
    lost: set[str] = set()
    for change in changes:
        match change:
            case RevokeAppRole():
                lost.add(by_assignment[change.assignment])
            case DeleteApplication(client_id=gone) | PurgeApplication(client_id=gone) if (
                gone == SERVICE_ID
            ):
                revoked = {
                    change.assignment for change in changes if isinstance(change, RevokeAppRole)
                }
                lost |= {
                    principal
                    for assignment, principal in by_assignment.items()
                    if assignment not in revoked
                }
            case DeleteApplication() | PurgeApplication() | RemoveCredential():
                lost.add(by_object[change.object_id])
    return lost


adopting = st.sampled_from([None, SERVICE_ID])
few = st.frozensets(st.sampled_from(range(len(PEOPLE))))
names = st.sampled_from(NAMES)


@st.composite
def commands(draw: st.DrawFn) -> tuple[Desired, tuple[str, ...]]:
    """A command that removes something, and whom it names."""
    spec = ServiceSpec(adopt=draw(adopting))
    match draw(st.sampled_from(["teardown", "remove-client", "prune", "rotate"])):
        case "teardown":
            return Removal(
                spec, everything=True, delete_adopted=draw(st.booleans()), purge=draw(st.booleans())
            ), ()
        case "remove-client":
            name = draw(names)
            return Removal(
                spec, clients=(name,), delete_adopted=draw(st.booleans()), ignore_missing=True
            ), (name,)
        case "prune":
            return Setup(spec, (), pruning=Pruning(removes=True, any_number=True)), ()
    return Rotation(spec, remove_old=True), ()


@pytest.mark.parametrize("api", [MCT, ORDERS, STOCK], ids=lambda api: api.name)
@given(owner=st.sampled_from([*OWNER]), holders=few, listed=few, command=commands())
def test_no_command_takes_access_from_a_client_of_another_app_service(
    api: Api,
    owner: str,
    holders: frozenset[int],
    listed: frozenset[int],
    command: tuple[Desired, tuple[str, ...]],
) -> None:
    desired, named = command
    seen = shared(api, owner, holders, listed)
    try:
        changes = make_plan(desired, seen).changes
    except Refused:
        return
    called = {word.casefold() for word in named}
    meant = {
        principal_id(entity)
        for entity in PEOPLE
        if called & {entity.display_name.casefold(), entity.client_id, principal_id(entity)}
    }
    assert losers(changes, seen) <= {MINE.principal_id} | meant


@pytest.mark.parametrize("api", [ORDERS, STOCK], ids=lambda api: api.name)
def test_a_teardown_leaves_the_settings_of_an_api_that_may_be_open_without_them(api: Api) -> None:
    plan = make_plan(
        Removal(everything=True), shared(api, "this App Service", frozenset({0}), frozenset())
    )
    assert not any(isinstance(change, WriteSettings) for change in plan.changes)
    assert any("may be open" in str(note) for note in plan.notes)
    assert any("Tokens that were issued before" in str(note) for note in plan.notes)


def test_where_there_are_no_lists_a_named_identity_loses_its_role_by_its_display_name() -> None:
    seen = shared(ORDERS, "this App Service", frozenset({3}), frozenset())
    plan = make_plan(Removal(clients=("func",)), seen)
    assert losers(plan.changes, seen) == {IDENTITY.id}


@pytest.mark.parametrize(("name", "loses"), [("func", set()), (IDENTITY.id, {IDENTITY.id})])
def test_where_there_are_lists_an_identity_loses_its_role_only_if_it_is_named_by_an_id(
    name: str, loses: set[str]
) -> None:
    seen = shared(MCT, "this App Service", frozenset({3}), frozenset({3}))
    plan = make_plan(Removal(clients=(name,)), seen)
    assert losers(plan.changes, seen) == loses


@pytest.mark.parametrize("everything", [True, False], ids=["teardown", "prune"])
def test_a_holder_that_keeps_the_role_without_lists_is_named(everything: bool) -> None:
    seen = shared(ORDERS, "this App Service", frozenset({0, 1, 2, 3}), frozenset())
    pruning = Pruning(removes=True, any_number=True)
    plan = make_plan(
        Removal(everything=True) if everything else Setup(ServiceSpec(), (), pruning=pruning), seen
    )
    assert losers(plan.changes, seen) == {MINE.principal_id}
    notes = {
        (note.what.partition(" holds the app role")[0], note.command.split()[2])
        for note in plan.left_alone
    }
    assert notes == {("'By hand'", BY_HAND.client_id), ("'func'", IDENTITY.id)}
    assert [str(statement) for statement in plan.statements if "'Others'" in str(statement)] == [
        "Created for another App Service, and still allowed here by the same app role: 'Others'."
    ]


def test_without_the_settings_no_holder_is_said_to_be_left_out() -> None:
    """The settings may list all of them."""
    seen = shared(MCT, "this App Service", frozenset({0, 1, 2, 3}), frozenset())
    scope = SettingsScope.NONE
    job = Setup(ServiceSpec(adopt=SERVICE_ID), settings=scope)
    plan = make_plan(job, replace(seen, app_service=None))
    assert [str(note) for note in plan.notes if "holds the app role" in str(note)] == []
    (note,) = [str(note) for note in plan.notes if "of the app role" in str(note)]
    assert note == (
        "Only the App Service's settings say whether 3 other holders of the app role may call."
    )


@pytest.mark.parametrize("adopt", [None, SERVICE_ID], ids=["its own", "adopted"])
def test_the_command_that_revokes_a_role_names_the_service_application_if_it_is_adopted(
    adopt: str | None,
) -> None:
    owner = "another team" if adopt else "this App Service"
    seen = shared(ORDERS, owner, frozenset({2}), frozenset())
    (note,) = make_plan(Removal(ServiceSpec(adopt=adopt), everything=True), seen).left_alone
    option = f" --service-app {SERVICE_ID}" if adopt else ""
    assert note.command == f"mct-s2s remove-client {BY_HAND.client_id}{option} {WHERE}"


def test_clients_that_nothing_names_are_mentioned_without_prune() -> None:
    seen = shared(ORDERS, "this App Service", frozenset({0, 1, 2, 3}), frozenset())
    plan = make_plan(Setup(ServiceSpec(), (), pruning=Pruning()), seen)
    assert not plan.left_alone
    mentioned = " ".join(map(str, plan.notes))
    assert all(f"'{entity.display_name}'" in mentioned for entity in (MINE, BY_HAND, IDENTITY)), (
        mentioned
    )


def test_a_client_that_the_file_names_is_not_reported_as_left_alone() -> None:
    seen = shared(ORDERS, "this App Service", frozenset({2, 3}), frozenset())
    resource = identity_resource("func", IDENTITY.id)
    here = replace(seen, identity_resources=(resource,))
    clients = (ClientSpec(BY_HAND.client_id, None),)
    pruning = Pruning(removes=True, any_number=True)
    assert not make_plan(Setup(ServiceSpec(), clients, pruning=pruning), here).left_alone
    # At another App Service of the file, which uses the same registration.
    identity = replace(IDENTITY, resource_id=str(resource.resource))
    observed = replace(seen, trust=replace(seen.trust, identities=(identity,)))
    kept = frozenset({BY_HAND.client_id, str(resource.resource).casefold()})
    assert not make_plan(
        Setup(ServiceSpec(), pruning=replace(pruning, named_elsewhere=kept)), observed
    ).left_alone


def test_a_removal_with_lists_reports_no_one_as_left_alone() -> None:
    seen = shared(MCT, "this App Service", frozenset({0, 1, 2, 3}), frozenset({0, 3}))
    assert not make_plan(Removal(everything=True), seen).left_alone
    pruning = Pruning(removes=True, any_number=True)
    assert not make_plan(Setup(ServiceSpec(), (), pruning=pruning), seen).left_alone


def test_a_display_name_is_no_way_to_keep_the_role_where_there_are_no_lists() -> None:
    spec = ServiceSpec(adopt=SERVICE_ID)
    commands = {
        api.name: [
            str(note) for note in make_plan(Removal(spec, clients=(IDENTITY.id,)), seen).notes
        ]
        for api in (MCT, ORDERS)
        for seen in [shared(api, "another team", frozenset({3}), frozenset({3}))]
    }
    for notes in commands.values():
        assert any("loses the app role" in note for note in notes), commands
    assert any("By its display name instead of its ID" in note for note in commands["MCT"])
    assert not any("By its display name" in note for note in commands["Orders"])


def test_an_identity_of_an_api_without_lists_is_given_the_role() -> None:
    seen = shared(ORDERS, "this App Service", frozenset(), frozenset())
    wanted = replace(seen, identity_resources=(identity_resource("func", IDENTITY.id),))
    plan = make_plan(Setup(ServiceSpec()), wanted)
    assert [change.principal for change in plan.changes if isinstance(change, AssignAppRole)] == [
        IDENTITY.id
    ]
    assert any("24 hours" in str(note) for note in plan.notes)
