"""The digest of a plan with fixed ids and times: reviewers keep one, perhaps across an upgrade."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import Certificate, CredentialKind, Federation, NewCredential
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess
from mct_s2s.model.ids import (
    ApplicationIdUri,
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.changes import (
    AddCredential,
    AnyChange,
    ApplicationEdits,
    AssignAppRole,
    CreateApplication,
    CreateServicePrincipal,
    DeleteApplication,
    EnableIdentity,
    NoChange,
    Output,
    OutputRef,
    PurgeApplication,
    RemoveCredential,
    RestartSite,
    RestoreApplication,
    RevokeAppRole,
    SettingEdit,
    SettingsChange,
    SettingsSpec,
    UpdateApplication,
    WriteSettings,
)
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.reviewed import fingerprint

from tests.support.mct import MCT

NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SITE = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn")
OBJECT_ID = ApplicationObjectId("object")
CLIENT_ID = ClientId("client")
PRINCIPAL_ID = PrincipalId("principal")
ROLE_ID = AppRoleId("role")
ROLE = AppRole(
    ROLE_ID, "S2SAppRole", "S2SAppRole", "…", enabled=True, member_types=("Application",)
)
NEW = Application(
    display_name="Import",
    unique_name="mct-s2s-contosolearn-import",
    tags=("tag",),
    required_access=(RequiredAccess(CLIENT_ID, ((ROLE_ID, "Role"),)),),
    management_reference="reference",
)
SPEC = SettingsSpec(
    MCT.rows,
    values=((MCT.rows[0], ("true",)),),
    listed=((MCT.lists[0], CLIENT_ID),),
    without=frozenset({"entry"}),
    removed=(MCT.rows[1],),
    exact={MCT.rows[0].name: "true"},
)
AUDIENCE = OutputRef[ApplicationIdUri]("service-application", Output.URI)
ADDITION = AddCredential(
    key="add",
    name="Import",
    object_id=OBJECT_ID,
    client_id=CLIENT_ID,
    audience=AUDIENCE,
    spec=NewCredential(END, CredentialKind.SECRET, shorten=True),
)
CHANGES: tuple[AnyChange, ...] = (
    NoChange(key="nothing", resource="client application", name="Import"),
    CreateApplication(key="create", resource="client application", name="Import", application=NEW),
    RestoreApplication(
        key="restore",
        resource="client application",
        name="Import",
        application=replace(NEW, object_id=OBJECT_ID),
        is_sure=True,
    ),
    UpdateApplication(
        key="update",
        resource="API permission",
        name="Import",
        object_id=OBJECT_ID,
        client_id=CLIENT_ID,
        edits=ApplicationEdits(
            uri=AUDIENCE,
            role=ROLE,
            token_version=2,
            access_to=CLIENT_ID,
            access_role=ROLE_ID,
            no_access_to=CLIENT_ID,
            tags=("tag",),
            no_tags=("old tag",),
            management_reference="reference",
            unique_name="mct-s2s-contosolearn",
            notes="note",
        ),
        is_new=False,
    ),
    CreateServicePrincipal(key="principal", name="Import", client_id=CLIENT_ID),
    ADDITION,
    replace(
        ADDITION,
        key="register",
        spec=Certificate(b"certificate", "0123456789ABCDEF0123456789ABCDEF01234567", NOW, END),
    ),
    replace(
        ADDITION, key="federate", spec=Federation("https://issuer", "subject", "api://audience")
    ),
    RemoveCredential(
        key="remove",
        name="Import",
        object_id=OBJECT_ID,
        key_id=KeyId("key"),
        replaced_for=(CLIENT_ID, "scope"),
    ),
    AssignAppRole(
        key="assign",
        name="Import",
        principal=PRINCIPAL_ID,
        service=PRINCIPAL_ID,
        role=ROLE_ID,
        client_id=CLIENT_ID,
        identity_resource=SITE,
    ),
    RevokeAppRole(key="revoke", name="Import", service=PRINCIPAL_ID, assignment="assignment"),
    DeleteApplication(
        key="delete",
        resource="client application",
        name="Import",
        object_id=OBJECT_ID,
        client_id=CLIENT_ID,
    ),
    PurgeApplication(key="purge", name="Import", object_id=OBJECT_ID, client_id=CLIENT_ID),
    EnableIdentity(key="enable", name="app", identity_resource=IdentityResource(SITE, None)),
    WriteSettings(
        key="settings",
        name="contosolearn",
        spec=SPEC,
        site=SITE,
        edits=(SettingEdit(MCT.rows[0].name, before="false", after="true"),),
        first=True,
    ),
    RestartSite(key="restart", name="contosolearn", site=SITE),
)
MANUAL_STEPS: tuple[ManualStep, ...] = (
    SettingsChange(key="settings of others", name="", spec=SPEC),
)


def test_a_fingerprint_outlives_an_upgrade_as_renaming_a_class_or_field_would_change_it() -> None:
    """Where this fails, a digest that was reviewed before is refused: rename it back, or say so."""
    plan = Plan(
        CHANGES, MANUAL_STEPS, places=(("Import", SecretPlace.parse("keyvault:vault/secret")),)
    )
    assert (
        fingerprint(plan, NOW, str(SITE))
        == "40358dfb0e4ee287d86e5272a4c932f2796ad886d679321ef4a1f8194d263ffc"
    )


def test_the_plan_with_a_fixed_fingerprint_has_a_step_of_every_kind() -> None:
    assert {type(change) for change in CHANGES} == {*get_args(AnyChange)}
