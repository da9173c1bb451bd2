"""Whatever a service answers, what comes of it is our own model, as typed, or an error of our own:
never a traceback.

Well-formed JSON of another shape comes from a proxy, from a newer version of the service, or from
somebody hostile.
"""

import asyncio
import base64
import copy
import dataclasses
import inspect
import json
import logging
import types
import typing
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from operator import methodcaller
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.cloud_metadata import read_cloud
from mct_s2s.azure.clouds import PUBLIC, Cloud
from mct_s2s.azure.graph import (
    applications,
    caller_rights,
    credentials,
    custody,
    recycle_bin,
    service_principals,
)
from mct_s2s.azure.graph.client import GraphClient
from mct_s2s.azure.resource_manager import ResourceManager
from mct_s2s.azure.retry import do_nothing
from mct_s2s.azure.sign_in.methods import service_principal
from mct_s2s.azure.site_api import EntraTokens, read_token
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.client_credentials import Certificate, Federation
from mct_s2s.model.client_sign_in import ApiToken, ClientSignIn, SecretCredential, machine_sign_in
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId, TenantId
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.stores.vaults import KeyVaultStore

from tests.azure.raw import (
    MADE,
    SITE,
    SUBSCRIPTION,
    Answer,
    arm_session,
    connection,
    graph_session,
    key_vault,
)
from tests.conftest import MACHINE as MACHINE_ID
from tests.conftest import USER_IDENTITY
from tests.planning.scenarios import guid
from tests.support.sampling import cases
from tests.support.simulated_time import SimulatedTime

A_DAY = 86_400
FUZZ = settings(
    max_examples=cases(3, 150),
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


ODD_MOMENTS = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "P9999999Y"]
FAR = "Wed, 21 Oct 2015 99999999999999999999:28:00 GMT"
ODD_SECONDS = [
    None,
    "²",
    "-1",
    "inf",
    "nan",
    "1e400",
    "soon",
    "",
    "9" * 400,
    "\u0661",
    "0x10",
    " 5",
    "5;",
    FAR,
]
STATUSES = [
    *[200] * 4,
    201,
    202,
    204,
    206,
    301,
    302,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    409,
    418,
    429,
    500,
    503,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**31, 2**62, 2**63, 10**400]),
    st.floats(allow_nan=False),
    st.sampled_from(["", "x", "é", "\x00", "\x1b[31m", "\ud800", "../..", *ODD_MOMENTS]),
    st.text(max_size=8),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "value", "error", "code", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


def places_in(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a document."""
    places = [path]
    if isinstance(document, Mapping):
        places += [
            place for key, part in document.items() for place in places_in(part, (*path, key))
        ]
    elif isinstance(document, list):
        places += [
            place for at, part in enumerate(document) for place in places_in(part, (*path, at))
        ]
    return places


def with_part(document: Any, path: tuple[Any, ...], part: Any, *, gone: bool = False) -> Any:
    """The document with one part replaced or, where it has a key, gone."""
    if not path:
        return part
    changed = copy.deepcopy(document)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if gone:
        del at[path[-1]]
    else:
        at[path[-1]] = part
    return changed


def documents(*good: Any) -> st.SearchStrategy[Any]:
    """Good documents with up to two parts replaced or gone; and any JSON at all."""
    return st.one_of(
        st.sampled_from(good).flatmap(_spoiled).flatmap(_spoiled),
        st.sampled_from(good).flatmap(_spoiled),
        json_values,
    )


def _spoiled(document: Any) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda place, part, gone: with_part(document, place, part, gone=gone and bool(place)),
        st.sampled_from(places_in(document)),
        json_values,
        st.booleans(),
    )


def answers(*good: Any) -> st.SearchStrategy[Answer]:
    """Answers with such documents, of every status, with odd headers."""
    return st.builds(
        _answer, st.sampled_from(STATUSES), documents(*good), st.sampled_from(ODD_SECONDS)
    )


def _answer(status: int, document: Any, retry_after: str | None) -> Answer:
    headers = {"Content-Type": "application/json", "Location": "https://elsewhere.example/x"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after.encode("utf-8").decode("latin-1")
    return Answer(status, document, headers)


def is_well_typed(value: object, kind: Any) -> bool:
    """Whether a value of our model is what its annotation says, all the way down."""
    kind = getattr(kind, "__supertype__", kind)
    origin = typing.get_origin(kind)
    inner = typing.get_args(kind)
    if kind is Any:
        return True
    if origin in {typing.Union, types.UnionType}:
        return any(is_well_typed(value, argument) for argument in inner)
    if origin is tuple and inner[-1] is not ...:
        return isinstance(value, tuple) and all(
            is_well_typed(v, k) for v, k in zip(value, inner, strict=True)
        )
    if origin in {tuple, list, frozenset}:
        return isinstance(value, origin) and all(
            is_well_typed(v, inner[0]) for v in typing.cast("Collection[Any]", value)
        )
    if origin in {dict, Mapping}:
        entries = typing.cast("Mapping[Any, Any]", value)
        return isinstance(value, dict) and all(
            is_well_typed(k, inner[0]) and is_well_typed(v, inner[1]) for k, v in entries.items()
        )
    if kind is None or kind is type(None):
        return value is None
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(typing.cast("Any", kind))
        return isinstance(value, typing.cast("type", kind)) and all(
            is_well_typed(getattr(value, field.name), hints[field.name]) for field in fields
        )
    return isinstance(value, kind)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """The SDKs' own log says a lot about answers like these."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def outcome(ask: Callable[[], Awaitable[object]]) -> object:
    """What comes of it: a result, or an error of ours; an operation that is never done meets the
    deadline.
    """

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
    """What the annotations of a function name; the client of Graph is imported for type checkers
    alone.
    """
    return {**vars(inspect.getmodule(method)), "GraphClient": GraphClient}


# --- Graph ---

NEW = Application(display_name="n", unique_name="u", tags=("t",))
ID, APP, TENANT, RESOURCE = guid("id"), guid("app"), guid("tenant"), guid("resource")
REGISTERED = Application(ApplicationObjectId(ID), ClientId(APP), "n")
WHEN = "2026-09-30T12:00:00.1234567Z"
CREDENTIAL = {
    "keyId": guid("key"), "displayName": "x", "startDateTime": WHEN, "endDateTime": WHEN,
    "customKeyIdentifier": "QUJD",
}  # fmt: skip
ROW: dict[str, Any] = {
    "id": ID, "appId": APP, "displayName": "S2S-client", "uniqueName": "u",
    "signInAudience": "AzureADMyOrg",
    "identifierUris": ["api://x"],
    "verifiedDomains": [{"name": "contoso.example", "isInitial": True}],
    "appRoles": [{"id": guid("role"), "value": "S2SAppRole", "displayName": "r", "description": "d",
                  "isEnabled": True,
                  "allowedMemberTypes": ["Application"]}],
    "requiredResourceAccess": [{"resourceAppId": APP,
                                "resourceAccess": [{"id": guid("role"), "type": "Role"}]}],
    "passwordCredentials": [CREDENTIAL], "keyCredentials": [CREDENTIAL],
    "api": {"requestedAccessTokenVersion": 1},
    "createdDateTime": WHEN, "deletedDateTime": WHEN, "tags": ["mct-s2s:x"],
    "servicePrincipalType": "ManagedIdentity",
    "alternativeNames": ["/subscriptions/x"], "appRoleAssignmentRequired": False, "principalId": ID,
    "resourceId": ID, "appRoleId": guid("role"), "issuer": "https://i", "subject": "s",
    "audiences": ["a"],
    "name": "n", "keyId": guid("key"), "endDateTime": WHEN, "secretText": "s",
    "userPrincipalName": "a@b",
    "roleTemplateId": guid("template"), "isEnabled": True, "roleDefinitionId": guid("template"),
    "directoryScopeId": "/", "@odata.type": "#microsoft.graph.directoryRole",
    "restrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime",
                                              "maxLifetime": "P90D",
                                              "restrictForAppsCreatedAfterDateTime": WHEN,
                                              "state": "enabled",
                                              "excludeActors": {"customSecurityAttributes": []}}]},
}  # fmt: skip
GRAPH = {**ROW, "value": [ROW], "applicationRestrictions": ROW["restrictions"], "isEnabled": True}
REFUSAL = {
    "error": {
        "code": "Request_BadRequest",
        "message": "No.",
        "details": [{"code": "ObjectConflict"}],
        "innerError": {},
    }
}
OF_GRAPH = (GRAPH, ROW, REFUSAL)
CERTIFICATE = Certificate(
    b"der", "A" * 40, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
)
FEDERATION = Federation("https://issuer.example", "subject", "api://AzureADTokenExchange")

CLIENT = ClientId(APP)
OBJECT = ApplicationObjectId(ID)
PRINCIPAL = PrincipalId(ID)
ROLE = AppRoleId(guid("role"))
Arguments = dict[str, tuple[Any, ...]]
DIRECTORY: dict[Callable[..., Awaitable[object]], tuple[Any, ...]] = {
    applications.tenant: (),
    applications.by_client_id: (CLIENT,),
    applications.by_unique_names: (["u"],),
    applications.by_object_id: (OBJECT,),
    applications.with_uri: ("api://x",),
    applications.by_client_ids: ([CLIENT],),
    service_principals.by_client_id: (CLIENT,),
    service_principals.by_client_ids: ([CLIENT],),
    service_principals.by_object_ids: ([PRINCIPAL],),
    service_principals.assignments_to: (CLIENT,),
    custody.federated_credentials: (OBJECT,),
    custody.credentials: (OBJECT, [PRINCIPAL]),
    custody.owners: (OBJECT, [PRINCIPAL]),
    credentials.remove_all_but: (OBJECT, [PRINCIPAL], ()),
    applications.with_tag: ("t",),
    custody.owners_of_client_id: (CLIENT,),
    applications.create: (NEW,),
    applications.register: (NEW, PRINCIPAL),
    applications.set_unique_name: (OBJECT, "u"),
    applications.update: (REGISTERED, replace(REGISTERED, tags=("t",))),
    service_principals.create: (CLIENT,),
    credentials.add_secret: (OBJECT, "n", datetime(2027, 1, 1, tzinfo=UTC)),
    credentials.remove_secret: (OBJECT, KeyId(guid("key"))),
    credentials.add_certificate: (OBJECT, CERTIFICATE, "n"),
    credentials.put_federated: (OBJECT, FEDERATION),
    service_principals.assign: (PRINCIPAL, PrincipalId(RESOURCE), ROLE),
    service_principals.revoke: (PRINCIPAL, "x"),
    applications.delete: (OBJECT,),
    recycle_bin.applications: (),
    recycle_bin.restore: (REGISTERED,),
}
ACCESS: dict[Callable[..., Awaitable[object]], tuple[Any, ...]] = {
    caller_rights.identity: (),
    caller_rights.directory_roles: (),
    caller_rights.role_assignments: (PRINCIPAL,),
    caller_rights.permissions: (),
    caller_rights.owned_applications: (),
    caller_rights.secret_rules: (),
    caller_rights.secret_rules_of: (OBJECT,),
}


# --- Azure Resource Manager ---

ARM_ROW: dict[str, Any] = {
    "id": str(SITE), "name": "contosolearn/staging", "kind": "app", "location": "westeurope",
    "subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "displayName": "x",
    "resourceType": "virtualMachines", "apiVersions": ["2024-01-01", "2025-01-01-preview"],
    "resourceTypes": [{"resourceType": "virtualMachines", "apiVersions": ["2024-01-01"]}],
    "identity": {"principalId": ID, "type": "SystemAssigned",
                 "userAssignedIdentities": {USER_IDENTITY: {}}},
    "properties": {"state": "Running", "defaultHostName": "x.example",
                   "hostNames": ["x.example", "y.example"],
                   "appSettingNames": ["A"], "status": "Resolved", "level": "ReadOnly",
                   "scope": str(SITE),
                   "principalId": ID,
                   "permissions": [{"actions": ["*"], "notActions": ["x"], "condition": None}]},
    "actions": ["*"], "notActions": [],
}  # fmt: skip
LOCK = {**ARM_ROW, "id": f"{SITE}/providers/Microsoft.Authorization/locks/l"}
SETTINGS = {"properties": {"A": "b", "C": None}}
ARM_DOCUMENTS = ({**ARM_ROW, "value": [ARM_ROW, LOCK]}, ARM_ROW, SETTINGS, REFUSAL)
HOLDERS = [
    IdentityResource(SITE, PrincipalId(ID)),
    IdentityResource(ResourceId.parse(MACHINE_ID), PrincipalId(ID), api_version="2024-01-01"),
]
RESOURCE_MANAGER: Arguments = {
    "subscriptions": (), "subscription": (SUBSCRIPTION,), "sites": (SUBSCRIPTION,), "site": (SITE,),
    "settings": (SITE,), "slots": (SITE,), "write_settings": (SITE, lambda: {"a": "b"}, do_nothing),
    "restart": (SITE,),
    "permissions": (SITE,), "locks": (SITE,),
}  # fmt: skip
OF_HOLDERS: list[tuple[str, Callable[..., Awaitable[object]]]] = [
    ("identity_resource", lambda s, holder: s.identity_resource(holder.resource)),
    ("enable_identity", lambda s, holder: s.enable_identity(holder)),
]


# --- a key vault ---

VAULT = "https://contoso.vault.azure.net"
BUNDLE = {
    "id": f"{VAULT}/secrets/x/0123", "value": "v", "contentType": "text/plain",
    "recoveryId": f"{VAULT}/deletedsecrets/x",
    "attributes": {"enabled": True, "created": 1_700_000_000, "updated": 1_700_000_000,
                   "exp": 1_800_000_000,
                   "recoveryLevel": "Recoverable"},
    "tags": {"made-by": "mct-s2s", "made": "2026-01-01T00:00:00+00:00", "pending": "x"},
    "deletedDate": 1_700_000_000, "scheduledPurgeDate": 1_800_000_000,
}  # fmt: skip
VAULT_PAGE = {"value": [BUNDLE], "nextLink": None}
VAULT_REFUSAL = {
    "error": {"code": "Forbidden", "message": "No.", "innererror": {"code": "ForbiddenByRbac"}}
}

VAULTS: Arguments = {
    "note": (), "check": (None,), "begin": ("x", CLIENT), "deliver": (MADE,), "read": (),
}  # fmt: skip


Case = tuple[
    Callable[..., Any], Callable[[Any], Awaitable[object]], Callable[..., Any], tuple[Any, ...]
]


def _ask(
    function: Callable[..., Awaitable[object]], words: tuple[Any, ...], graph: Any
) -> Awaitable[object]:
    return function(graph, *words)


def cases_of_all() -> Iterator[Case]:
    """How one is asked, what for, the method, and good answers."""
    for function, words in DIRECTORY.items():
        yield graph_session, partial(_ask, function, words), function, OF_GRAPH
    purge = partial(recycle_bin.purge, object_id=OBJECT, just_deleted=True)
    yield graph_session, purge, recycle_bin.purge, OF_GRAPH
    for client_id, (function, words) in product((CLIENT, None), ACCESS.items()):
        yield (
            partial(graph_session, client_id=client_id),
            partial(_ask, function, words),
            function,
            OF_GRAPH,
        )
    for name, words in RESOURCE_MANAGER.items():
        yield arm_session, methodcaller(name, *words), getattr(ResourceManager, name), ARM_DOCUMENTS
    for name, ask_for in OF_HOLDERS:
        for holder in HOLDERS:
            yield (
                arm_session,
                partial(ask_for, holder=holder),
                getattr(ResourceManager, name),
                ARM_DOCUMENTS,
            )
    for name, words in VAULTS.items():
        yield (
            key_vault,
            methodcaller(name, *words),
            getattr(KeyVaultStore, name),
            (BUNDLE, VAULT_PAGE, VAULT_REFUSAL),
        )


@pytest.mark.parametrize(
    "case",
    [*cases_of_all()],
    ids=lambda case: f"{case[2].__module__.rpartition('.')[2]}.{case[2].__qualname__}",
)
@FUZZ
@given(data=st.data())
def test_any_answer_of_a_service_gives_typed_values_or_our_error(
    case: Case, data: st.DataObject
) -> None:
    make, ask, method, good = case
    service = make(*data.draw(st.lists(answers(*good), min_size=1, max_size=3)))
    check(lambda: ask(service), method)


# --- the login service, managed identities, tokens, discovery ---

GRANT = {
    "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "expires_on": "1800000000",
    "access_token": "a.b.c",
    "resource": "https://x", "client_id": APP, "refresh_in": 1800,
}  # fmt: skip
AADSTS = {
    "error": "invalid_client",
    "error_description": "AADSTS7000215: No. Trace ID: x",
    "error_codes": [7000215],
}


@FUZZ
@given(st.lists(answers(GRANT, AADSTS), min_size=1, max_size=2))
def test_any_answer_to_a_sign_in_gives_a_token_or_our_error(given_answers: list[Answer]) -> None:
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
def test_any_answer_to_a_clients_sign_in_gives_a_token_or_our_error(
    sign_in: ClientSignIn, inside: bool, given_answers: list[Answer]
) -> None:
    async def ask() -> object:
        tokens = EntraTokens(connection(*given_answers))
        return await tokens.token(sign_in, "api://x/.default", is_new=True, role=None)

    with pytest.MonkeyPatch.context() as patch:
        if inside:
            patch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token")
            patch.setenv("IDENTITY_HEADER", "x")
        check(ask, EntraTokens.token)


CLAIMS = {
    "aud": "api://x", "iss": "https://sts.windows.net/x/", "tid": TENANT, "appid": APP, "azp": APP,
    "oid": ID,
    "roles": ["S2SAppRole"], "ver": "1.0", "exp": 1_800_000_000,
}  # fmt: skip


@FUZZ
@given(
    documents(CLAIMS),
    st.sampled_from(["{}.{}.{}", "{1}", "", ".", "{0}.{0}", "a.{1}.c", "a.é.c", "a.=.c"]),
)
def test_any_token_is_read_as_typed_claims_or_refused(claims: object, form: str) -> None:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    async def ask() -> ApiToken:
        return read_token(form.format(part, part, part))

    check(ask, read_token)


METADATA = {
    "name": "Stack",
    "authentication": {"loginEndpoint": "https://l.example/", "audiences": ["https://a.example/"]},
    "microsoftGraphResourceId": "https://g.example/", "resourceManager": "https://m.example/",
    "suffixes": {"keyVaultDns": "vault.example"},
}  # fmt: skip


@FUZZ
@given(documents(METADATA))
def test_any_metadata_of_a_cloud_gives_a_typed_cloud_or_is_refused(document: object) -> None:
    try:
        cloud = read_cloud("https://m.example", document)
    except (LookupError, ValueError, S2SError):
        return
    assert is_well_typed(cloud, Cloud)


@FUZZ
@given(json_values)
def test_the_check_of_types_refuses_values_of_other_types(value: object) -> None:
    """The tests above say nothing if it says yes to everything."""
    assert is_well_typed(value, str) == isinstance(value, str)
    assert not is_well_typed(value, Cloud)
    assert is_well_typed([value], list[str]) == isinstance(value, str)
