"""Whatever a service answers, what comes of it is our own model, as typed, or an error of our own: never a traceback.

Well-formed JSON of another shape comes from a proxy, from a newer version of the service, or from somebody hostile.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import typing
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.cloud_metadata import read_cloud
from mct_s2s.azure.clouds import PUBLIC, Cloud
from mct_s2s.azure.mct_api import EntraTokens, read_token
from mct_s2s.azure.resource_manager import ResourceManager
from mct_s2s.azure.sign_in.methods import service_principal
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.caller_rights import SignedIn as Who
from mct_s2s.model.client_credentials import Certificate, Federation
from mct_s2s.model.client_sign_in import ApiToken, ClientSignIn, SecretCredential, machine_sign_in
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId, TenantId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.stores.vaults import KeyVault

from tests.azure.any_answer import answers, documents, is_well_typed, json_values
from tests.azure.raw import Answer, SignedIn, arm_session, connection, graph_session
from tests.planning.scenarios import guid
from tests.support.sampling import cases
from tests.support.simulated_time import SimulatedTime

if TYPE_CHECKING:
    from mct_s2s.azure.graph.directory import GraphDirectory
    from mct_s2s.azure.graph.rights import GraphAccess

A_DAY = 86_400
FUZZ = settings(
    max_examples=cases(3, 150),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """The SDKs' own log says a lot about answers like these."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def outcome(ask: Callable[[], Awaitable[object]]) -> object:
    """What comes of it: a result, or an error of ours; an operation that is never done meets the deadline."""

    async def main() -> object:
        async with asyncio.timeout(A_DAY):
            return await ask()

    try:
        with SimulatedTime().simulated():
            return asyncio.run(main())
    except (S2SError, TimeoutError) as error:
        return error


def check(ask: Callable[[], Awaitable[object]], method: Callable[..., object]) -> None:
    """It is an error of ours, or what the method says that it gives."""
    came = outcome(ask)
    if isinstance(came, S2SError):
        assert came.code
        assert came.message
        assert came.remedy
    elif not isinstance(came, TimeoutError):
        assert is_well_typed(came, typing.get_type_hints(method, _names(method))["return"]), came


def _names(method: Callable[..., object]) -> dict[str, Any]:
    return vars(inspect.getmodule(method))


# --- Graph ---

NEW = Application(display_name="n", unique_name="u", tags=("t",))
ID, APP, TENANT, RESOURCE = guid("id"), guid("app"), guid("tenant"), guid("resource")
REGISTERED = Application(ApplicationObjectId(ID), ClientId(APP), "n")
WHEN = "2026-09-30T12:00:00.1234567Z"
CREDENTIAL = {
    "keyId": guid("key"), "displayName": "x", "startDateTime": WHEN, "endDateTime": WHEN, "customKeyIdentifier": "QUJD",
}  # fmt: skip
ROW: dict[str, Any] = {
    "id": ID, "appId": APP, "displayName": "S2S-client", "uniqueName": "u", "signInAudience": "AzureADMyOrg",
    "identifierUris": ["api://x"], "verifiedDomains": [{"name": "contoso.example", "isInitial": True}],
    "appRoles": [{"id": guid("role"), "value": "S2SAppRole", "displayName": "r", "description": "d", "isEnabled": True,
                  "allowedMemberTypes": ["Application"]}],
    "requiredResourceAccess": [{"resourceAppId": APP, "resourceAccess": [{"id": guid("role"), "type": "Role"}]}],
    "passwordCredentials": [CREDENTIAL], "keyCredentials": [CREDENTIAL], "api": {"requestedAccessTokenVersion": 1},
    "createdDateTime": WHEN, "deletedDateTime": WHEN, "tags": ["mct-s2s:x"], "servicePrincipalType": "ManagedIdentity",
    "alternativeNames": ["/subscriptions/x"], "appRoleAssignmentRequired": False, "principalId": ID,
    "resourceId": ID, "appRoleId": guid("role"), "issuer": "https://i", "subject": "s", "audiences": ["a"],
    "name": "n", "keyId": guid("key"), "endDateTime": WHEN, "secretText": "s", "userPrincipalName": "a@b",
    "roleTemplateId": guid("template"), "isEnabled": True, "roleDefinitionId": guid("template"),
    "directoryScopeId": "/", "@odata.type": "#microsoft.graph.directoryRole",
    "restrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "P90D",
                                              "restrictForAppsCreatedAfterDateTime": WHEN, "state": "enabled",
                                              "excludeActors": {"customSecurityAttributes": []}}]},
}  # fmt: skip
GRAPH = {**ROW, "value": [ROW], "applicationRestrictions": ROW["restrictions"], "isEnabled": True}
REFUSAL = {
    "error": {"code": "Request_BadRequest", "message": "No.", "details": [{"code": "ObjectConflict"}], "innerError": {}}
}
CERTIFICATE = Certificate(b"der", "A" * 40, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
FEDERATION = Federation("https://issuer.example", "subject", "api://AzureADTokenExchange")

DIRECTORY: dict[str, Callable[[GraphDirectory], Awaitable[object]]] = {
    "tenant": lambda d: d.tenant(),
    "application_by_client_id": lambda d: d.application_by_client_id(ClientId(APP)),
    "applications_by_unique_name": lambda d: d.applications_by_unique_name(["u"]),
    "application_by_object_id": lambda d: d.application_by_object_id(ApplicationObjectId(ID), is_new=True),
    "applications_with_uri": lambda d: d.applications_with_uri("api://x"),
    "applications": lambda d: d.applications([ClientId(APP)]),
    "principal": lambda d: d.principal(ClientId(APP)),
    "principals_of": lambda d: d.principals_of([ClientId(APP)]),
    "principals": lambda d: d.principals([PrincipalId(ID)]),
    "assignments_to": lambda d: d.assignments_to(ClientId(APP)),
    "federated_credentials": lambda d: d.federated_credentials(ApplicationObjectId(ID)),
    "credentials": lambda d: d.credentials(ApplicationObjectId(ID), [PrincipalId(ID)], is_new=True),
    "owners": lambda d: d.owners(ApplicationObjectId(ID), [PrincipalId(ID)], is_new=True),
    "remove_credentials": lambda d: d.remove_credentials(ApplicationObjectId(ID), [PrincipalId(ID)], ()),
    "applications_with_tag": lambda d: d.applications_with_tag("t"),
    "assignments_of": lambda d: d.assignments_of(PrincipalId(ID)),
    "create_application": lambda d: d.create_application(NEW),
    "register_application": lambda d: d.register_application(NEW, PrincipalId(ID)),
    "name_application": lambda d: d.name_application(ApplicationObjectId(ID), "u"),
    "update_application": lambda d: d.update_application(REGISTERED, replace(REGISTERED, tags=("t",)), is_new=True),
    "create_principal": lambda d: d.create_principal(ClientId(APP), is_new=True),
    "add_secret": lambda d: d.add_secret(ApplicationObjectId(ID), "n", datetime(2027, 1, 1, tzinfo=UTC), is_new=True),
    "remove_secret": lambda d: d.remove_secret(ApplicationObjectId(ID), KeyId(guid("key"))),
    "add_certificate": lambda d: d.add_certificate(ApplicationObjectId(ID), CERTIFICATE, "n", is_new=True),
    "put_federated_credential": lambda d: d.put_federated_credential(ApplicationObjectId(ID), FEDERATION, is_new=True),
    "assign": lambda d: d.assign(PrincipalId(ID), PrincipalId(RESOURCE), AppRoleId(guid("role")), is_new=True),
    "revoke": lambda d: d.revoke(PrincipalId(ID), "x"),
    "delete_application": lambda d: d.delete_application(ApplicationObjectId(ID)),
    "deleted_applications": lambda d: d.deleted_applications(),
    "restore_application": lambda d: d.restore_application(REGISTERED),
    "purge_application": lambda d: d.purge_application(ApplicationObjectId(ID), is_new=True),
}  # fmt: skip


@pytest.mark.parametrize("name", DIRECTORY)
@FUZZ
@given(st.lists(answers(GRAPH, ROW, REFUSAL), min_size=1, max_size=3))
def test_any_answer_of_the_directory(name: str, given_answers: list[Answer]) -> None:
    from mct_s2s.azure.graph.directory import GraphDirectory  # noqa: PLC0415  # its SDK warns while it is imported

    directory = GraphDirectory(graph_session(*given_answers))
    check(lambda: DIRECTORY[name](directory), getattr(GraphDirectory, name))


ACCESS: dict[str, Callable[[GraphAccess], Awaitable[object]]] = {
    "caller": lambda a: a.caller(),
    "roles": lambda a: a.roles(),
    "assignments": lambda a: a.assignments(PrincipalId(ID)),
    "permissions": lambda a: a.permissions(),
    "owned": lambda a: a.owned(),
    "secret_rules": lambda a: a.secret_rules(),
    "secret_rules_of": lambda a: a.secret_rules_of(ApplicationObjectId(ID)),
}


@pytest.mark.parametrize("client_id", [APP, None], ids=["an application", "a person"])
@pytest.mark.parametrize("name", ACCESS)
@FUZZ
@given(st.lists(answers(GRAPH, ROW, REFUSAL), min_size=1, max_size=2))
def test_any_answer_about_rights_in_the_directory(
    name: str, client_id: str | None, given_answers: list[Answer]
) -> None:
    from mct_s2s.azure.graph.rights import GraphAccess  # noqa: PLC0415

    access = GraphAccess(graph_session(*given_answers), Who("x", ClientId(client_id) if client_id else None))
    check(lambda: ACCESS[name](access), getattr(GraphAccess, name))


# --- Azure Resource Manager ---

SITE = ResourceId.site(guid("subscription"), "group", "contosolearn")
MACHINE = ResourceId.parse(
    f"/subscriptions/{guid('s')}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"
)
IDENTITY = ResourceId.parse(
    f"/subscriptions/{guid('s')}/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
)
ARM_ROW: dict[str, Any] = {
    "id": str(SITE), "name": "contosolearn/staging", "kind": "app", "location": "westeurope",
    "subscriptionId": guid("subscription"), "tenantId": TENANT, "displayName": "x",
    "resourceType": "virtualMachines", "apiVersions": ["2024-01-01", "2025-01-01-preview"],
    "resourceTypes": [{"resourceType": "virtualMachines", "apiVersions": ["2024-01-01"]}],
    "identity": {"principalId": ID, "type": "SystemAssigned", "userAssignedIdentities": {str(IDENTITY): {}}},
    "properties": {"state": "Running", "defaultHostName": "x.example", "hostNames": ["x.example", "y.example"],
                   "appSettingNames": ["A"], "status": "Resolved", "level": "ReadOnly", "scope": str(SITE),
                   "principalId": ID,
                   "permissions": [{"actions": ["*"], "notActions": ["x"], "condition": None}]},
    "actions": ["*"], "notActions": [],
}  # fmt: skip
LOCK = {**ARM_ROW, "id": f"{SITE}/providers/Microsoft.Authorization/locks/l"}
SETTINGS = {"properties": {"A": "b", "C": None}}
ARM_DOCUMENTS = ({**ARM_ROW, "value": [ARM_ROW, LOCK]}, ARM_ROW, SETTINGS, REFUSAL)
HOLDERS = [
    IdentityResource(SITE, PrincipalId(ID)),
    IdentityResource(MACHINE, PrincipalId(ID), api_version="2024-01-01"),
]


async def nothing() -> None:
    """There is nothing to read again."""


ArmCall = Callable[[ResourceManager, IdentityResource], Awaitable[object]]
ARM_CALLS: list[tuple[Callable[..., Any], ArmCall]] = [
    (ResourceManager.subscriptions, lambda s, _: s.subscriptions()),
    (ResourceManager.subscription, lambda s, _: s.subscription(guid("subscription"))),
    (ResourceManager.sites, lambda s, _: s.sites(guid("subscription"))),
    (ResourceManager.site, lambda s, _: s.site(SITE)),
    (ResourceManager.settings, lambda s, _: s.settings(SITE)),
    (ResourceManager.slots, lambda s, _: s.slots(SITE)),
    (ResourceManager.write_settings, lambda s, _: s.write_settings(SITE, lambda: {"a": "b"}, nothing)),
    (ResourceManager.restart, lambda s, _: s.restart(SITE)),
    (ResourceManager.identity_resource, lambda s, h: s.identity_resource(h.resource)),
    (ResourceManager.set_identity, lambda s, h: s.set_identity(h, on=True)),
    (ResourceManager.set_identity, lambda s, h: s.set_identity(h, on=False)),
    (ResourceManager.roles_of, lambda s, h: s.roles_of(h)),
    (ResourceManager.permissions, lambda s, _: s.permissions(SITE)),
    (ResourceManager.locks, lambda s, _: s.locks(SITE)),
]


@pytest.mark.parametrize(("method", "ask"), ARM_CALLS, ids=lambda value: getattr(value, "__qualname__", None))
@FUZZ
@given(st.lists(answers(*ARM_DOCUMENTS), min_size=1, max_size=3), st.sampled_from(HOLDERS))
def test_any_answer_of_resource_manager(
    method: Callable[..., Any], ask: ArmCall, given_answers: list[Answer], holder: IdentityResource
) -> None:
    check(lambda: ask(arm_session(*given_answers), holder), method)


# --- a key vault ---

VAULT = "https://contoso.vault.azure.net"
BUNDLE = {
    "id": f"{VAULT}/secrets/x/0123", "value": "v", "contentType": "text/plain",
    "recoveryId": f"{VAULT}/deletedsecrets/x",
    "attributes": {"enabled": True, "created": 1_700_000_000, "updated": 1_700_000_000, "exp": 1_800_000_000,
                   "recoveryLevel": "Recoverable"},
    "tags": {"made-by": "mct-s2s", "made": "2026-01-01T00:00:00+00:00", "pending": "x"},
    "deletedDate": 1_700_000_000, "scheduledPurgeDate": 1_800_000_000,
}  # fmt: skip
VAULT_PAGE = {"value": [BUNDLE], "nextLink": None}
VAULT_REFUSAL = {"error": {"code": "Forbidden", "message": "No.", "innererror": {"code": "ForbiddenByRbac"}}}

CALLS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "versions": lambda v: v.versions("x"),
    "value": lambda v: v.value("x"),
    "set": lambda v: v.set("x", "value", {"a": "b"}),
    "tag": lambda v: v.tag("x", "0123", {"a": "b"}),
    "deleted": lambda v: v.deleted("x"),
    "recover": lambda v: v.recover("x"),
}


@pytest.mark.parametrize("name", CALLS)
@FUZZ
@given(st.lists(answers(BUNDLE, VAULT_PAGE, VAULT_REFUSAL), min_size=1, max_size=2))
def test_any_answer_of_a_key_vault(name: str, given_answers: list[Answer]) -> None:
    async def ask() -> object:
        return await CALLS[name](KeyVault("contoso", connection(*given_answers), cast("Any", SignedIn())))

    check(ask, getattr(KeyVault, name))


# --- the login service, managed identities, tokens, discovery ---

GRANT = {
    "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "expires_on": "1800000000",
    "access_token": "a.b.c",
    "resource": "https://x", "client_id": APP, "refresh_in": 1800,
}  # fmt: skip
AADSTS = {"error": "invalid_client", "error_description": "AADSTS7000215: No. Trace ID: x", "error_codes": [7000215]}


@FUZZ
@given(st.lists(answers(GRANT, AADSTS), min_size=1, max_size=2))
def test_any_answer_to_a_sign_in(given_answers: list[Answer]) -> None:
    async def ask() -> object:
        context = connection(*given_answers)
        credential = service_principal(TENANT, APP, SecretCredential("secret"), context)
        return await credential.get_token("https://graph.microsoft.com/.default")

    outcome(ask)


@pytest.mark.parametrize(
    "sign_in",
    [
        ClientSignIn(TenantId(TENANT), ClientId(APP), SecretCredential("s"), PUBLIC.login),
        machine_sign_in(APP),
        machine_sign_in(None),
    ],
    ids=["a client", "an identity by its id", "an identity"],
)
@pytest.mark.parametrize("inside", [True, False], ids=["App Service", "a virtual machine"])
@FUZZ
@given(st.lists(answers(GRANT, AADSTS), min_size=1, max_size=2))
def test_any_answer_to_a_clients_sign_in(sign_in: ClientSignIn, inside: bool, given_answers: list[Answer]) -> None:
    async def ask() -> object:
        tokens = EntraTokens(connection(*given_answers))
        return await tokens.token(sign_in, "api://x/.default", is_new=True, role=None)

    with pytest.MonkeyPatch.context() as patch:
        if inside:
            patch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token")
            patch.setenv("IDENTITY_HEADER", "x")
        check(ask, EntraTokens.token)


CLAIMS = {
    "aud": "api://x", "iss": "https://sts.windows.net/x/", "tid": TENANT, "appid": APP, "azp": APP, "oid": ID,
    "roles": ["S2SAppRole"], "ver": "1.0", "exp": 1_800_000_000,
}  # fmt: skip


@FUZZ
@given(documents(CLAIMS), st.sampled_from(["{}.{}.{}", "{1}", "", ".", "{0}.{0}", "a.{1}.c", "a.é.c", "a.=.c"]))
def test_any_token(claims: object, form: str) -> None:
    import base64  # noqa: PLC0415
    import json  # noqa: PLC0415

    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    async def ask() -> ApiToken:
        return read_token(form.format(part, part, part))

    check(ask, read_token)


METADATA = {
    "name": "Stack", "authentication": {"loginEndpoint": "https://l.example/", "audiences": ["https://a.example/"]},
    "microsoftGraphResourceId": "https://g.example/", "resourceManager": "https://m.example/",
    "suffixes": {"keyVaultDns": "vault.example"},
}  # fmt: skip


@FUZZ
@given(documents(METADATA))
def test_any_metadata_of_a_cloud(document: object) -> None:
    try:
        cloud = read_cloud("https://m.example", document)
    except (LookupError, ValueError, S2SError):
        return
    assert is_well_typed(cloud, Cloud)


@FUZZ
@given(json_values)
def test_the_check_of_types_is_one(value: object) -> None:
    """The tests above say nothing if it says yes to everything."""
    assert is_well_typed(value, str) == isinstance(value, str)
    assert not is_well_typed(value, Cloud)
    assert is_well_typed([value], list[str]) == isinstance(value, str)
