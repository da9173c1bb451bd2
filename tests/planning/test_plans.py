"""What is wanted, what is there, and the changes between."""

from dataclasses import replace
from datetime import timedelta

import pytest
from mct_s2s.errors import NOTHING_CHANGED, Instruction, NotThere, Refused, S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import (
    OUR_CREDENTIALS,
    CredentialKind,
    NewCredential,
    SecretNote,
)
from mct_s2s.model.desired import (
    ClientSpec,
    Desired,
    Removal,
    Restore,
    Rotation,
    ServiceSpec,
    SettingsScope,
    Setup,
)
from mct_s2s.model.directory_objects import Application, ServicePrincipal, Tenant
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    PrincipalId,
    Tag,
    TenantId,
    api_uri,
)
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.run_files import Backup
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import (
    AddCredential,
    AssignAppRole,
    CreateApplication,
    RemoveCredential,
    RestartSite,
    SettingsChange,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import Severity, diagnose

from tests.planning.scenarios import (
    ALLOWED,
    FOREIGN,
    IMPORT,
    LATER,
    NOW,
    ROLE,
    SERVICE,
    SERVICE_ID,
    SERVICE_PRINCIPAL,
    SPEC,
    TENANT,
    WHERE,
    app_service,
    assignment,
    client,
    complete,
    credential,
    guid,
    identity_resource,
    observed_state,
    said,
    served,
    service_is,
    settings,
    site,
    site_of,
    site_says,
    spec,
    trust,
    written,
)
from tests.support.apis import ORDERS
from tests.support.mct import LISTS, OBJECT_IDS

REPORTS = client("Reports")


def plan_of(desired: Setup, observed: ObservedState) -> list[str]:
    return said(make_plan(desired, observed))


def test_an_empty_state_gets_everything_in_the_order_of_the_document() -> None:
    plan = make_plan(spec("Import"), observed_state(identity_resources=[identity_resource()]))
    assert said(plan) == [
        "create service application MCT service (contosolearn)",
        "create Application ID URI api://<appId>",
        "create service principal MCT service (contosolearn)",
        "create client application Import",
        "create service principal Import",
        "create secret Import",
        "create API permission Import",
        "create admin consent Import",
        "update managed identity reports-func",
        "update application settings contosolearn",
        "update App Service contosolearn",
    ]
    write = next(change for change in plan.changes if isinstance(change, WriteSettings))
    restart = next(change for change in plan.changes if isinstance(change, RestartSite))
    others = {change.key for change in plan.changes} - {write.key, restart.key}
    no_setting_depends_on = {"client:Import:access", "client:Import:consent"}
    assert plan.waits_for(write) == others - no_setting_depends_on
    assert plan.waits_for(restart) == others | {write.key}
    assert plan.manual_steps == ()
    assert {edit.name for edit in write.edits} == {
        "ServiceAuthEnabled", "ServiceAuthAudience", "ServiceAuthTenantName", "ServiceAuthTenantId",
        "ServiceObjectIds", "ServiceApplicationIds", "ServiceAuthRole",
    }  # fmt: skip


def test_settings_of_an_absent_kind_of_client_are_not_written() -> None:
    of_clients = {"ServiceApplicationIds", "ServiceAuthRole"}
    before = observed_state(identity_resources=[identity_resource()])
    only_identity = written(make_plan(spec(), before), before)
    only_client = written(make_plan(spec("Import"), observed_state()), observed_state())
    assert ("ServiceObjectIds" in only_identity, of_clients & set(only_identity)) == (True, set())
    assert ("ServiceObjectIds" in only_client, of_clients & set(only_client)) == (False, of_clients)


RIGHT = complete(IMPORT)
BY_HAND = client("Import", key=None)
"""Made in the portal, which gives no `uniqueName`."""

NOTHING_TO_DO = {
    "everything right": RIGHT,
    "two clients, of which one is asked for": complete(REPORTS, IMPORT),
    "other display names, no uniqueName, made by hand": observed_state(
        trust(BY_HAND, service=replace(SERVICE, unique_name=None, display_name="Our API")),
        settings(**ALLOWED),
    ),
    "the switch as .NET writes it": site_says(ServiceAuthEnabled="True"),
    "a verified custom domain as tenant name": site_says(ServiceAuthTenantName="Contoso.com"),
    "the tenant's id in upper case": site_says(ServiceAuthTenantId=TENANT.id.upper()),
    "the client's id in upper case on the list": site_says(
        ServiceApplicationIds=IMPORT.client_id.upper()
    ),
    "setting names in another case": observed_state(
        trust(IMPORT),
        {
            name.upper() if name.startswith("Service") else name: value
            for name, value in settings(**ALLOWED).items()
        },
    ),
    "a stranger before it on the list": site_says(
        ServiceApplicationIds=f"{guid('x')};{IMPORT.client_id}"
    ),
    "a certificate instead of a secret": complete(
        client("Import", credential(kind=CredentialKind.CERTIFICATE))
    ),
    "one of two secrets has expired": complete(
        client("Import", credential(-1, "old"), credential(90, "new"))
    ),
    "tokens said to be v1": service_is(token_version=1),
    "an audience that is not api://<appId>, but is the registration's": observed_state(
        trust(IMPORT, service=replace(SERVICE, identifier_uris=("https://contoso.com/mct",))),
        settings(ServiceAuthAudience="https://contoso.com/mct", **ALLOWED),
    ),
    "the role that the site is set to": observed_state(
        trust(IMPORT, service=replace(SERVICE, app_roles=(replace(ROLE, value="Reader"),))),
        settings(ServiceApplicationIds=IMPORT.client_id, ServiceAuthRole="Reader"),
    ),
}


@pytest.mark.parametrize("observed", NOTHING_TO_DO.values(), ids=NOTHING_TO_DO.keys())
def test_an_object_that_is_right_is_left_alone(observed: ObservedState) -> None:
    findings = [finding for finding in diagnose(observed) if finding.subject != guid("x")]
    assert {finding.severity for finding in findings} <= {Severity.NOTE}
    plan = make_plan(spec("Import"), observed)
    assert said(plan) == []
    assert plan.is_empty
    assert {step.resource for step in plan.steps} >= {"service application", "client application"}


def test_the_creation_of_a_client_says_all_that_is_known_by_then() -> None:
    """Every write less is one that Entra ID cannot refuse for coming too soon after another."""
    observed = replace(
        observed_state(trust(), settings()),
        secrets={"Import": SecretNote(place=SecretPlace.parse("keyvault:vault/import"))},
    )
    plan = make_plan(spec("Import"), observed)
    (creation,) = (change for change in plan.changes if isinstance(change, CreateApplication))
    (access,) = (change for change in plan.changes if isinstance(change, UpdateApplication))
    assert creation.application.required_access
    assert Tag.VAULT.of("vault/import") in creation.application.tags
    assert not access.edits.tags
    assert plan.waits_for(access) == frozenset({creation.key})


def test_a_switch_from_v2_tokens_takes_the_operators_word_and_is_told() -> None:
    """Nothing that this tool created asks for v2 tokens; a name and a setting may be those of one
    who owned it once.
    """
    observed = observed_state(trust(service=replace(SERVICE, token_version=2)), settings())
    with pytest.raises(Refused) as refused:
        make_plan(spec(), observed)
    assert refused.value.code == "token-version-not-confirmed"
    assert f"--service-app {SERVICE_ID}" in refused.value.remedy
    named = spec(service=replace(SPEC, adopt=SERVICE_ID))
    assert (
        sum("v2 access tokens" in text for text in map(str, make_plan(named, observed).remarks))
        == 1
    )


HEADLESS = ClientApplication(IMPORT.application, None)
USERS_ONLY = replace(ROLE, member_types=("User",))
WRITE = ["update application settings contosolearn", "update App Service contosolearn"]

ONE_PIECE_MISSING: dict[str, tuple[ObservedState, list[str]]] = {
    "the service's principal, and the consents with it": (
        observed_state(Trust(SERVICE, None, (), (IMPORT,)), settings(**ALLOWED)),
        ["create service principal MCT service (contosolearn)", "create admin consent Import"],
    ),
    "the client's principal": (
        observed_state(trust(HEADLESS), settings(**ALLOWED)),
        ["create service principal Import", "create admin consent Import"],
    ),
    "the declaration": (complete(client("Import", access=False)), ["update API permission Import"]),
    "no double on the list": (
        site_says(ServiceApplicationIds=f"{IMPORT.client_id};{IMPORT.client_id.upper()}"),
        WRITE,
    ),
}
"""What is missing and is no finding; what is one has its changes beside it."""


@pytest.mark.parametrize(
    ("observed", "changes"), ONE_PIECE_MISSING.values(), ids=ONE_PIECE_MISSING.keys()
)
def test_a_missing_piece_is_all_that_is_changed(
    observed: ObservedState, changes: list[str]
) -> None:
    assert plan_of(spec("Import"), observed) == changes


def test_several_clients_and_identities_are_written_at_one_stroke() -> None:
    resources = [
        identity_resource(name, guid(name) if name == "portal" else None)
        for name in ("func", "portal", "vm")
    ]
    before = observed_state(identity_resources=resources)
    plan = make_plan(spec("Import", "Reports", "Import bot"), before)
    assert sum(isinstance(change, WriteSettings) for change in plan.changes) == 1
    assert sum(isinstance(change, RestartSite) for change in plan.changes) == 1
    assert sum(isinstance(change, AddCredential) for change in plan.changes) == 3
    keys = [change.key for change in plan.changes]
    assert len(set(keys)) == len(keys)
    after = written(plan, before)
    assert [len(setting.list_in(after).ids) for setting in LISTS] == [3, 3]
    assert guid("portal") in OBJECT_IDS.list_in(after).ids


@pytest.mark.parametrize(
    ("kind", "principal", "said_of_it"),
    [
        ("Microsoft.ContainerService/managedClusters", guid("mi"), "Pods do not sign in"),
        ("Microsoft.Kubernetes/connectedClusters", None, "Pods do not sign in"),
        ("Microsoft.ContainerInstance/containerGroups", None, "only when it is created"),
        ("Microsoft.ContainerInstance/containerGroups", guid("mi"), ""),
    ],
)
def test_an_identity_that_a_resource_cannot_use_is_refused(
    kind: str, principal: str | None, said_of_it: str
) -> None:
    group = f"/subscriptions/{guid('subscription')}/resourceGroups/integrations"
    resource = IdentityResource(
        ResourceId.parse(f"{group}/providers/{kind}/one"),
        PrincipalId(principal) if principal else None,
    )
    before = observed_state(trust(), settings(), [resource])
    if not said_of_it:
        assert said(make_plan(spec(), before)) == WRITE
        return
    with pytest.raises(Refused, match=said_of_it) as refused:
        make_plan(spec(), before)
    assert refused.value.code == "identity-unusable"


def test_machines_of_a_scale_set_are_said_to_need_an_update() -> None:
    group = f"/subscriptions/{guid('subscription')}/resourceGroups/integrations"
    resource = ResourceId.parse(f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets/etl")
    commands = [
        [note.command for note in plan.notes if isinstance(note, Instruction)]
        for principal in (None, PrincipalId(guid("mi")))
        for plan in [
            make_plan(
                spec(), observed_state(trust(), settings(), [IdentityResource(resource, principal)])
            )
        ]
    ]
    where = (
        f"-n {resource.name} -g {resource.resource_group} --subscription {resource.subscription_id}"
    )
    assert commands == [[f"az vmss update-instances --instance-ids '*' {where}"], []]


def test_a_managed_identity_is_consented_where_the_service_admits_assigned_callers_only() -> None:
    strict = replace(trust(), principal=replace(SERVICE_PRINCIPAL, assignment_required=True))
    listed = settings(ServiceObjectIds=guid("mi"))
    plan = make_plan(
        spec(), observed_state(strict, listed, [identity_resource(principal=guid("mi"))])
    )
    assert said(plan) == ["create admin consent reports-func"]
    done = replace(strict, assignments=(assignment(guid("mi")),))
    assert make_plan(
        spec(), observed_state(done, listed, [identity_resource(principal=guid("mi"))])
    ).is_empty


def test_consent_that_is_left_to_others_is_told_and_not_asked_again() -> None:
    wanted = spec(ClientSpec("Import", NewCredential(LATER), consent=False))
    plan = make_plan(wanted, complete())
    assert not any(isinstance(change, AssignAppRole) for change in plan.changes)
    assert [(type(step), step.name) for step in plan.manual_steps] == [(AssignAppRole, "Import")]
    assert plan.missing_rights == ()
    assert make_plan(wanted, complete(IMPORT)).manual_steps == ()


def noted(note: SecretNote, *credentials: str) -> ObservedState:
    application = client("Import", *(credential(300, name) for name in credentials))
    return replace(complete(application), secrets={"Import": note})


def test_a_secret_that_never_arrived_is_removed_before_another_is_made() -> None:
    plan = make_plan(
        spec("Import"), noted(SecretNote(attempts={"mct-s2s lost": None}), "mct-s2s lost")
    )
    remove, add = plan.changes
    assert isinstance(remove, RemoveCredential)
    assert isinstance(add, AddCredential)
    assert remove.key_id == credential(300, "mct-s2s lost").key_id
    assert remove.key in plan.waits_for(add)


def test_a_secret_that_arrived_is_no_orphan_and_a_foreign_one_is_never_removed() -> None:
    delivered = SecretNote(
        attempts={"mct-s2s mine": None}, delivered=credential(300, "mct-s2s mine").key_id
    )
    assert make_plan(spec("Import"), noted(delivered, "mct-s2s mine")).is_empty
    assert make_plan(
        spec("Import"), noted(SecretNote(attempts={"mct-s2s lost": None}), "of a person")
    ).is_empty
    both = make_plan(
        spec("Import"),
        noted(SecretNote(attempts={"mct-s2s lost": None}), "mct-s2s lost", "of a person"),
    )
    assert said(both) == ["delete secret Import"]


def adopted(by: str, **changed: object) -> Setup:
    return spec("Import", service=ServiceSpec("ignored", adopt=by), **changed)


@pytest.mark.parametrize("by", [SERVICE_ID, api_uri(SERVICE_ID), "https://contoso.com/mct"])
def test_an_adopted_registration_keeps_its_names(by: str) -> None:
    found = replace(
        SERVICE,
        unique_name=None,
        display_name="Our API",
        identifier_uris=("https://contoso.com/mct",),
    )
    before = observed_state(trust(service=found))
    plan = make_plan(adopted(by), before)
    assert not any(
        "Our API" in line and line.startswith("create service application") for line in said(plan)
    )
    uri = "https://contoso.com/mct" if by.startswith("https") else api_uri(SERVICE_ID)
    assert written(plan, before)["ServiceAuthAudience"] == uri
    assert [
        c.edits.uri for c in plan.changes if isinstance(c, UpdateApplication) and c.edits.uri
    ] == ([] if by.startswith("https") else [uri])


@pytest.mark.parametrize("unique_name", [None, SERVICE.unique_name], ids=["foreign", "own"])
def test_a_foreign_service_application_that_is_changed_is_shown_with_its_owners(
    unique_name: str | None,
) -> None:
    """Also where the settings name it, which anyone who may write them can do."""
    found = replace(SERVICE, unique_name=unique_name, identifier_uris=())
    plan = make_plan(adopted(SERVICE_ID), observed_state(trust(service=found), settings(**ALLOWED)))
    shown = any(str(note).startswith("adopt service application 'MCT") for note in plan.notes)
    assert shown is (unique_name is None)


def test_a_client_named_by_its_name_and_its_appid_is_planned_once() -> None:
    assert (
        plan_of(spec("Import", IMPORT.client_id, IMPORT.client_id.upper()), complete(IMPORT)) == []
    )


def two_of_a_name() -> ObservedState:
    twin = client("Twin", key=None)
    named = ClientApplication(replace(twin.application, display_name="Import"), twin.principal)
    return complete(client("Import", key=None), named)


def foreign_tenant() -> ObservedState:
    other = replace(app_service(), tenant_id=TenantId(guid("other tenant")))
    return replace(observed_state(), app_service=other)


REFUSED: dict[str, tuple[Desired, ObservedState, type[S2SError], str]] = {
    **{
        place: (
            spec(),
            replace(observed_state(), app_service=app_service(where=where)),
            Refused,
            "function-app",
        )
        for place, where in (
            ("function app by kind", site("jobs", "functionapp,linux")),
            ("function app by name", site("contosolearn-FA-x7k2q")),
            ("logic app", site("flow", "functionapp,workflowapp")),
        )
    },
    "another tenant": (spec(), foreign_tenant(), Refused, "other-tenant"),
    "role for users only": (
        spec("Import"),
        observed_state(trust(service=replace(SERVICE, app_roles=(USERS_ONLY,)))),
        Refused,
        "app-role-not-for-applications",
    ),
    "add-client on a missing service": (
        spec("Import", service=ServiceSpec("x", may_create=False), settings=SettingsScope.CLIENTS),
        observed_state(),
        NotThere,
        "service-application-missing",
    ),
    "unknown appId": (spec(guid("nobody")), complete(), NotThere, "client-unknown"),
    "two clients of a name": (spec("Import"), two_of_a_name(), NotThere, "client-ambiguous"),
    "nobody to rotate": (
        Rotation(SPEC, expires=LATER, clients=("nobody",)),
        complete(),
        NotThere,
        "client-unknown",
    ),
    "role that only the settings name": (
        spec("Import"),
        observed_state(
            trust(service=replace(SERVICE, app_roles=(replace(ROLE, value="Reader"),))),
            settings(ServiceAuthRole="Reader"),
        ),
        Refused,
        "role-not-named",
    ),
    "the service application for a client": (
        Removal(SPEC, clients=(SERVICE_ID,)),
        complete(IMPORT),
        Refused,
        "not-a-client",
    ),
}


@pytest.mark.parametrize(
    ("desired", "observed", "kind", "code"), REFUSED.values(), ids=REFUSED.keys()
)
def test_a_change_of_what_must_not_be_touched_is_refused_with_a_remedy(
    desired: Desired, observed: ObservedState, kind: type[S2SError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        make_plan(desired, observed)
    assert refused.value.code == code
    assert refused.value.remedy
    assert refused.value.message[-1] in ".:" or refused.value.message.endswith(")")
    refused.value.mark_as_after_write()  # a plan is made again once the run has begun to write
    assert NOTHING_CHANGED not in refused.value.message


def test_add_client_leaves_settings_alone_that_no_client_needs() -> None:
    off = settings(ServiceAuthEnabled="false", ServiceAuthTenantName="somewhere.else")
    before = observed_state(trust(), off)
    plan = make_plan(spec("Import", settings=SettingsScope.CLIENTS), before)
    write = next(change for change in plan.changes if isinstance(change, WriteSettings))
    assert {edit.name for edit in write.edits} == {"ServiceApplicationIds", "ServiceAuthRole"}


def test_add_client_warns_of_unset_settings_that_every_call_needs() -> None:
    before = observed_state(trust(), settings(ServiceAuthEnabled="", ServiceAuthTenantId=""))
    plan = make_plan(spec("Import", settings=SettingsScope.CLIENTS), before)
    (warning,) = map(str, plan.statements)
    assert warning == (
        "Warning: no client can call, as these settings have no value: ServiceAuthEnabled, "
        f"ServiceAuthTenantId. Write them first: mct-s2s configure-appservice {WHERE}"
    )
    assert make_plan(spec("Import"), before).statements == ()


def test_settings_that_are_left_to_others_for_a_client_list_no_other_holder() -> None:
    """Another one may be what a removal has left that was cut off: it would get access back."""
    export = client("Export")
    before = replace(complete(IMPORT, export), app_service=None)
    plan = make_plan(spec("Export", settings=SettingsScope.NONE), before)
    left = [step for step in plan.manual_steps if isinstance(step, SettingsChange)]
    assert [ident for step in left for _, ident in step.spec.listed] == [export.client_id]


def test_who_loses_access_is_a_labelled_warning() -> None:
    off = make_plan(Setup(None, settings=SettingsScope.OFF), complete(IMPORT))
    assert [str(note) for note in off.statements] == [
        f"To switch it on again: mct-s2s configure-appservice {WHERE}",
        "Warning: This client loses access: 'Import'.",
    ]


def test_disable_flips_the_switch_and_tidies_nothing() -> None:
    untidy = settings(ServiceApplicationIds=" ;; ")
    desired = Setup(None, settings=SettingsScope.OFF)
    plan = make_plan(desired, observed_state(None, untidy))
    assert said(plan) == WRITE
    after = written(plan, observed_state(None, untidy))
    assert after == {**untidy, "ServiceAuthEnabled": "false"}
    assert make_plan(desired, observed_state(None, after)).is_empty
    assert make_plan(desired, observed_state(None, settings(ServiceAuthEnabled="FALSE"))).is_empty


GIVEN = {
    "ServiceAuthAudience": "api://given",
    "ServiceAuthTenantName": "given.onmicrosoft.com",
    "ServiceAuthTenantId": TENANT.id,
    "ServiceAuthRole": "GivenRole",
    "ServiceApplicationIds": f"{guid('c1')};{guid('c2')}",
    "ServiceObjectIds": guid("p1"),
}


def test_given_values_need_no_directory_and_never_drop_an_id() -> None:
    before = replace(
        observed_state(None, {**FOREIGN, "ServiceApplicationIds": guid("old")}), tenant=None
    )
    desired = Setup(None, given=GIVEN)
    plan = make_plan(desired, before)
    assert said(plan) == WRITE
    after = written(plan, before)
    ids = f"{guid('old')};{GIVEN['ServiceApplicationIds']}"
    assert after == {**FOREIGN, **GIVEN, "ServiceAuthEnabled": "true", "ServiceApplicationIds": ids}
    assert make_plan(desired, observed_state(None, after)).is_empty


def test_configure_allows_clients_made_for_the_app_service_and_names_other_holders() -> None:
    identity = ServicePrincipal(PrincipalId(guid("mi")), ClientId(guid("mi-app")), "func", True)
    held = replace(
        trust(IMPORT),
        identities=(identity,),
        assignments=(assignment(IMPORT), assignment(identity)),
    )
    by_hand, without_role = client("By hand", key=None), client("Stranger")
    assignments = (*held.assignments, assignment(by_hand))
    held = replace(held, clients=(*held.clients, by_hand, without_role), assignments=assignments)
    before = observed_state(held, settings())
    plan = make_plan(spec(settings_only=True), before)
    after = written(plan, before)
    assert (after["ServiceApplicationIds"], after.get("ServiceObjectIds")) == (
        IMPORT.client_id,
        None,
    )
    commands = [note.command for note in plan.notes if isinstance(note, Instruction)]
    allow = ("--application-id", by_hand.client_id), ("--object-id", identity.id)
    assert commands == [before.command("configure-appservice", *words) for words in allow]


@pytest.mark.parametrize(
    "service", [SERVICE, replace(SERVICE, identifier_uris=(), app_roles=(), token_version=2)]
)
def test_configure_writes_settings_only(service: Application) -> None:
    before = observed_state(trust(IMPORT, service=service), settings())
    given = {"ServiceAuthRole": "Wrong", "ServiceApplicationIds": IMPORT.client_id}
    assert plan_of(spec(settings_only=True, given=given), before) == WRITE


@pytest.mark.parametrize("tags", [(), (Tag.USED.of("mct-s2s-elsewhere"),)], ids=["own", "shared"])
def test_configure_announces_no_change_of_a_service_application_that_it_only_names(
    tags: tuple[str, ...],
) -> None:
    """Nor is it refused for one: here, a switch of the tokens' version, which others may need."""
    shared = replace(SERVICE, unique_name=None, token_version=2, tags=tags)
    before = observed_state(trust(IMPORT, service=shared), settings(ServiceAuthAudience="api://x"))
    named = replace(SPEC, adopt=SERVICE_ID)
    plan = make_plan(spec(service=named, settings_only=True), before)
    assert said(plan) == WRITE
    assert not any("access tokens" in str(remark) for remark in plan.remarks)


def test_configure_says_who_loses_access_by_a_value_that_was_given() -> None:
    other = client("Other")
    assert other.principal is not None
    held = trust(IMPORT, client("Portal"), other)
    ids = ";".join(client.client_id for client in held.clients)
    right = {
        "ServiceApplicationIds": ids,
        "ServiceObjectIds": other.principal.id,
        "ServiceAuthRole": "S2SAppRole",
    }
    before = observed_state(held, settings(**right))

    def notes(directory: bool = True, **given: str) -> list[str]:
        desired = spec(settings_only=True, given=given)
        plan = make_plan(desired if directory else replace(desired, service=None), before)
        return [*map(str, plan.remarks)]

    def undo(*words: str) -> str:
        return (
            f"To write the previous value again: {before.command('configure-appservice', *words)}"
        )

    assert notes(ServiceAuthRole="Wrong") == [
        undo("--role", "S2SAppRole"),
        "Warning: 'MCT service (contosolearn)' has no app role 'Wrong'.",
        (
            "Warning: 'Import', 'Portal' lose access: their tokens do not match ServiceAuthRole "
            "'Wrong'."
        ),
    ]
    assert notes(ServiceAuthAudience="api://foo") == [
        undo("--audience", before.settings["ServiceAuthAudience"] or ""),
        (
            "Warning: 'Import', 'Other', 'Portal' lose access: their tokens do not match "
            "ServiceAuthAudience 'api://foo'."
        ),
    ]
    values = ("Audience", "TenantId", "TenantName", "Role")
    options = ("--audience", "--tenant-id", "--tenant-name", "--role")
    words = [
        word
        for option, name in zip(options, values, strict=True)
        for word in (option, before.settings[f"ServiceAuth{name}"] or "")
    ]
    way_back, warning = notes(directory=False, ServiceAuthRole="Wrong")
    assert set(words) <= set(way_back.split())
    assert warning == (
        "Warning: Clients whose tokens do not match ServiceAuthRole 'Wrong' lose access. The "
        "directory was not asked which."
    )
    assert notes(ServiceAuthRole="S2SAppRole", ServiceAuthTenantName="contoso.com") == []
    desired = spec("Import")
    assert desired.service is not None
    other_role = replace(desired, service=replace(desired.service, role="Wrong"))
    assert losses(make_plan(other_role, before)) == [
        "'Portal' loses access: its tokens do not match ServiceAuthRole 'Wrong'."
    ]


def losses(plan: Plan) -> list[str]:
    return [str(loss) for loss in plan.losing]


def test_another_service_application_names_everyone_who_calls_now() -> None:
    """Named or not: a token for the API of before is not accepted any more."""
    identity = ServicePrincipal(PrincipalId(guid("mi")), ClientId(guid("mi-app")), "func", True)
    earlier = replace(trust(IMPORT, client("Portal")), identities=(identity,))
    calling = {
        "ServiceApplicationIds": ";".join(client.client_id for client in earlier.clients),
        "ServiceObjectIds": identity.id,
        "ServiceAuthRole": "S2SAppRole",
    }
    shared_id = ClientId(guid("shared"))
    shared = replace(
        SERVICE,
        object_id=ApplicationObjectId(guid("shared-object")),
        client_id=shared_id,
        unique_name=None,
        identifier_uris=(api_uri(shared_id),),
    )
    now = replace(earlier, service=shared, assignments=(), predecessor=earlier)
    desired = replace(spec("Import"), service=replace(SPEC, adopt=shared_id, is_in_file=True))
    mismatch = f"its tokens do not match ServiceAuthAudience '{api_uri(shared_id)}'."
    until = f"until they ask for the scope {api_uri(shared_id)}/.default."
    before = observed_state(now, settings(**calling))
    assert losses(make_plan(desired, before)) == [
        f"'Portal' loses access: {mismatch}",
        f"'Import', 'func' lose access {until}",
    ]
    off = observed_state(now, settings(**calling, ServiceAuthEnabled="false"))
    assert losses(make_plan(desired, off)) == [
        f"'Portal' cannot call when it is on again: {mismatch}",
        f"'Import', 'func' cannot call when it is on again {until}",
    ]
    is_done = before.with_settings({**before.settings, "ServiceAuthAudience": api_uri(shared_id)})
    done = replace(is_done, trust=replace(now, predecessor=None))
    assert losses(make_plan(desired, done)) == []


def test_another_service_application_of_an_api_without_lists_names_who_holds_the_earlier_role() -> (
    None
):
    earlier_state = served(ORDERS)
    service = earlier_state.trust.service
    assert service is not None
    identity = ServicePrincipal(PrincipalId(guid("mi")), ClientId(guid("mi-app")), "func", True)
    earlier = replace(
        earlier_state.trust,
        identities=(identity,),
        assignments=(*earlier_state.trust.assignments, assignment(identity)),
    )
    shared_id = ClientId(guid("shared"))
    shared = replace(
        service, client_id=shared_id, unique_name=None, identifier_uris=(api_uri(shared_id),)
    )
    now = replace(
        earlier, service=shared, clients=(), identities=(), assignments=(), predecessor=earlier
    )
    desired = replace(spec("Shop"), service=replace(SPEC, adopt=shared_id))
    assert losses(make_plan(desired, replace(earlier_state, trust=now))) == [
        f"'Import', 'func' lose access: their tokens do not match APP_CLIENT_ID '{shared_id}'.",
    ]


def test_switching_off_and_putting_back_name_who_loses_access() -> None:
    held = trust(IMPORT, client("Portal"))
    ids = ";".join(client.client_id for client in held.clients)
    before = observed_state(held, settings(ServiceApplicationIds=ids, ServiceAuthRole="S2SAppRole"))
    off = Setup(settings=SettingsScope.OFF, settings_only=True)
    assert losses(make_plan(off, before)) == ["These clients lose access: 'Import', 'Portal'."]
    assert (
        make_plan(
            off, before.with_settings({**before.settings, "ServiceAuthEnabled": "false"})
        ).losing
        == ()
    )
    assert before.app_service is not None
    kept = {**before.settings, "ServiceApplicationIds": IMPORT.client_id}
    backup = Backup.model_validate(
        {
            "schema": "mct-s2s/backup/v1",
            "appService": str(before.app_service.resource),
            "settings": kept,
        }
    )
    assert losses(make_plan(Restore(backup=backup), before)) == [
        "This client loses access: 'Portal'."
    ]


def test_a_setup_of_a_site_without_clients_says_that_nothing_can_call_yet() -> None:
    said_of_none = "'contosolearn' has no clients: nothing can call its API yet."
    assert f"{said_of_none} To set one up, too, add --client NAME." in [
        note.what for note in make_plan(spec(), observed_state()).remarks
    ]
    for has_one in (
        make_plan(spec("Import"), observed_state()),
        make_plan(spec(), site_says(ServiceAuthEnabled="false")),
        make_plan(replace(spec(), settings=SettingsScope.NONE), observed_state()),
    ):
        assert not [note for note in has_one.remarks if note.what.startswith(said_of_none)]


def test_a_plan_says_that_a_site_is_switched_on_again() -> None:
    held = trust(IMPORT, client("Portal"))
    ids = ";".join(client.client_id for client in held.clients)
    off = observed_state(
        held,
        settings(
            ServiceApplicationIds=ids, ServiceAuthRole="S2SAppRole", ServiceAuthEnabled="false"
        ),
    )
    for name in ("Import", "IMPORT", IMPORT.client_id):
        (first,) = make_plan(spec(name), off).repeated_notes
        assert str(first) == (
            "This switches service-to-service authentication on again. It lets these clients call "
            "again, too: 'Portal'."
        )
    assert make_plan(spec("Import"), complete(client("Import"))).repeated_notes == ()
    never_set_up = observed_state(Trust(), {**FOREIGN, "ServiceAuthEnabled": "false"})
    assert make_plan(spec("Import"), never_set_up).repeated_notes == ()
    assert off.app_service is not None
    backup = Backup.model_validate(
        {
            "schema": "mct-s2s/backup/v1",
            "appService": str(off.app_service.resource),
            "settings": {**off.settings, "ServiceAuthEnabled": "true"},
        }
    )
    assert str(make_plan(Restore(backup=backup), off).repeated_notes[0]).endswith(
        "It lets these clients call again: 'Import', 'Portal'."
    )


def test_a_value_that_was_given_is_written_also_where_no_client_needs_it() -> None:
    before = observed_state(trust(), settings(ServiceObjectIds=REPORTS.principal_id))
    plan = make_plan(spec(settings_only=True, given={"ServiceAuthRole": "Other"}), before)
    (write,) = [change for change in plan.changes if isinstance(change, WriteSettings)]
    assert [(edit.name, edit.after) for edit in write.edits] == [("ServiceAuthRole", "Other")]


def test_a_plan_knows_clients_by_their_names() -> None:
    before = complete(client("Import"))
    names = make_plan(spec("Import"), before).names
    (held,) = before.trust.clients
    assert names[held.client_id.lower()] == names[held.principal_id.lower()] == "Import"


def test_without_restart_the_settings_are_written_alone() -> None:
    assert plan_of(spec(restart=False), observed_state(trust(), {})) == WRITE[:1]


def test_two_runs_at_one_moment_add_a_role_of_one_id_which_is_another_in_another_tenant() -> None:
    before = replace(observed_state(Trust(replace(SERVICE, app_roles=()))), app_service=None)
    elsewhere = Tenant(
        TenantId(guid("elsewhere")), "x.onmicrosoft.com", frozenset({"x.onmicrosoft.com"})
    )

    def role(observed: ObservedState) -> AppRoleId:
        plan = make_plan(spec(settings=SettingsScope.NONE), observed)
        (update,) = (
            c.edits.role for c in plan.changes if isinstance(c, UpdateApplication) and c.edits.role
        )
        return update.id

    assert role(before) == role(before) != role(replace(before, tenant=elsewhere))


def with_slots(values: dict[str, str | None], *sticky: str) -> ObservedState:
    """An App Service with a slot, and the settings that stay where they are in a swap."""
    observed = observed_state(trust(), values)
    site_with_slot = replace(site_of(observed), slots=("staging",), sticky=frozenset(sticky))
    return replace(observed, app_service=site_with_slot)


NAMES_WRITTEN = (
    "ServiceAuthEnabled",
    "ServiceAuthAudience",
    "ServiceAuthTenantName",
    "ServiceAuthTenantId",
    "ServiceAuthRole",
    "ServiceApplicationIds",
)


@pytest.mark.parametrize(
    ("observed", "moved"),
    [
        (with_slots(FOREIGN), "these 6 settings"),
        (
            with_slots(FOREIGN, *(name.lower() for name in NAMES_WRITTEN[2:])),
            "ServiceAuthEnabled, ServiceAuthAudience",
        ),
        (with_slots(FOREIGN, *(name.lower() for name in NAMES_WRITTEN[1:])), "ServiceAuthEnabled"),
        (with_slots(FOREIGN, *(name.lower() for name in NAMES_WRITTEN)), None),
        (with_slots(settings()), None),
        (observed_state(trust(), FOREIGN), None),
    ],
    ids=["all", "two", "one", "none", "set up before", "no slots"],
)
def test_the_first_setup_of_a_site_with_slots_says_which_settings_a_swap_moves(
    observed: ObservedState, moved: str | None
) -> None:
    notes = make_plan(spec("Import"), observed).notes
    said_of_swaps = [note for note in notes if isinstance(note, str) and "swapping" in note]
    expected = f"Note: swapping with staging would move {moved} away. If they should stay here, "
    expected += (
        "make them slot settings (in the portal: Environment variables, Deployment slot setting)."
    )
    assert said_of_swaps == ([] if moved is None else [expected])


@pytest.mark.parametrize(
    ("name", "is_typed", "is_refused"),
    [
        (SERVICE.display_name, True, False),
        (f" {SERVICE.display_name} ", True, False),
        ("Another name", True, True),
        ("Another name", False, False),
    ],
)
def test_a_typed_name_of_the_service_application_has_to_be_its_own(
    name: str, is_typed: bool, is_refused: bool
) -> None:
    desired = Setup(replace(SPEC, display_name=name, is_name_typed=is_typed))
    observed = observed_state(trust(), settings())
    if is_refused:
        with pytest.raises(Refused):
            make_plan(desired, observed)
    else:
        make_plan(desired, observed)
    make_plan(desired, observed_state(Trust(), settings()))  # a new one takes any name


@pytest.mark.parametrize("there", [None, "of before"])
def test_a_service_management_reference_is_set_only_where_there_is_none(there: str | None) -> None:
    existing = replace(IMPORT.application, management_reference=there)
    service = replace(SERVICE, management_reference=there)
    application = ClientApplication(existing, IMPORT.principal)
    observed = observed_state(trust(application, service=service), settings(**ALLOWED))
    desired = replace(
        spec(ClientSpec("Import", NewCredential(LATER), management_reference="wanted")),
        service=replace(SPEC, management_reference="wanted"),
    )
    written = {
        change.name: change.edits.management_reference
        for change in make_plan(desired, observed).changes
        if isinstance(change, UpdateApplication)
    }
    assert written == ({} if there else {"Import": "wanted", SERVICE.display_name: "wanted"})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (guid("nobody"), "client-unknown"),
        (guid("mi"), "no-secret-to-rotate"),
        (guid("deleted"), "registration-deleted"),
    ],
)
def test_a_rotation_of_an_id_that_is_no_client_says_what_it_is_and_offers_to_create_none(
    name: str, code: str
) -> None:
    identity = ServicePrincipal(PrincipalId(guid("mi")), ClientId(guid("mi-app")), "func", True)
    deleted = replace(client("Old").application, client_id=ClientId(guid("deleted")), deleted=NOW)
    state = replace(trust(IMPORT), identities=(identity,), deleted=(deleted,))
    with pytest.raises(S2SError) as refused:
        make_plan(Rotation(SPEC, clients=(name,)), observed_state(state, settings(**ALLOWED)))
    assert refused.value.code == code
    assert "create" not in refused.value.remedy


def test_a_rotation_by_a_file_leaves_out_clients_that_do_not_exist_and_says_so() -> None:
    soon = client("Import", replace(credential(5), name=f"{OUR_CREDENTIALS}x"))
    rotation = Rotation(
        SPEC, ("Import", "Missing"), expiring_within=timedelta(days=30), only_named=True
    )
    plan = make_plan(rotation, complete(soon))
    assert said(plan) == ["create secret Import"]
    (left_alone,) = plan.left_alone
    assert left_alone.what.startswith("Left alone: 'Missing', which the file names, is not an app")


def test_a_rotation_by_a_file_says_nothing_of_clients_that_it_does_not_name() -> None:
    soon = replace(credential(5), name=f"{OUR_CREDENTIALS}x")
    by_hand = client("By hand", soon, key=None)
    observed = complete(client("Import", soon), by_hand)
    rotation = Rotation(SPEC, ("Import",), expiring_within=timedelta(days=30))
    assert [note.what[:11] for note in make_plan(rotation, observed).left_alone] == ["Left alone,"]
    of_file = replace(rotation, only_named=True)
    assert make_plan(of_file, observed).left_alone == ()


REMOVAL = Removal(SPEC, ("Import",))


@pytest.mark.parametrize(
    ("desired", "comes_first"), [(spec("Import", "Other"), False), (REMOVAL, True)]
)
def test_the_settings_come_first_where_access_is_revoked_and_last_where_it_is_given(
    desired: Desired, comes_first: bool
) -> None:
    plan = make_plan(desired, complete(IMPORT))
    (write,) = [step for step in plan.changes if isinstance(step, WriteSettings)]
    others = {step.key for step in plan.changes} - {write.key, "restart"}
    assert write.first is comes_first
    assert plan.waits_for(write).isdisjoint(others) is comes_first


@pytest.mark.parametrize(("desired", "is_said"), [(spec("Import"), True), (REMOVAL, False)])
def test_settings_that_need_no_write_are_reported_only_where_something_is_set_up(
    desired: Desired, is_said: bool
) -> None:
    observed = complete(IMPORT)
    if desired is REMOVAL:
        observed = observed_state(trust(IMPORT), settings())
    keys = [step.key for step in make_plan(desired, observed).steps]
    assert ("settings" in keys) is is_said


def test_a_rotation_of_all_that_expire_leaves_clients_alone_that_were_not_made_for_the_site() -> (
    None
):
    soon = replace(credential(5), name=f"{OUR_CREDENTIALS}x")
    observed = complete(client("Import", soon), client("By hand", soon, key=None))
    plan = make_plan(Rotation(SPEC, expiring_within=timedelta(days=30)), observed)
    assert said(plan) == ["create secret Import"]
