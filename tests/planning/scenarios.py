"""States to plan in, made by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from mct_s2s.errors import PermissionMissing
from mct_s2s.model.api import Api
from mct_s2s.model.azure_resources import AppService, IdentityResource, Site
from mct_s2s.model.client_credentials import Credential, CredentialKind, NewCredential
from mct_s2s.model.desired import ClientSpec, ServiceSpec, Setup
from mct_s2s.model.directory_objects import (
    Application,
    AppRole,
    Assignment,
    Custody,
    RequiredAccess,
    ServicePrincipal,
    Tenant,
)
from mct_s2s.model.ids import (
    ApplicationObjectId,
    ClientId,
    KeyId,
    PrincipalId,
    TenantId,
    api_uri,
    client_unique_name,
    new_app_role_id,
)
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.changes import Output, Outputs, SettingsSpec, WriteSettings
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.site import merge

from tests.support.mct import MCT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=365)
SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
SERVICE_KEY = "mct-s2s-contosolearn"
SPEC = ServiceSpec("MCT service (contosolearn)")
WHERE = "-a contosolearn -g mct-prod"


def guid(word: str) -> str:
    """The same id for the same word, always."""
    return str(uuid5(NAMESPACE_DNS, word.encode(errors="backslashreplace").decode()))


TENANT = Tenant(
    TenantId(guid("tenant")),
    "contoso.onmicrosoft.com",
    frozenset({"contoso.onmicrosoft.com", "contoso.com"}),
)
ROLE = AppRole(
    new_app_role_id(TENANT.id, SERVICE_KEY, "S2SAppRole"),
    "S2SAppRole",
    "S2SAppRole",
    "…",
    enabled=True,
    member_types=("Application",),
)
SERVICE_ID = ClientId(guid("service"))
SERVICE = Application(
    ApplicationObjectId(guid("service-object")),
    SERVICE_ID,
    "MCT service (contosolearn)",
    unique_name=SERVICE_KEY,
    identifier_uris=(api_uri(SERVICE_ID),),
    app_roles=(ROLE,),
)
SERVICE_PRINCIPAL = ServicePrincipal(
    PrincipalId(guid("service-principal")), SERVICE_ID, SERVICE.display_name
)

FOREIGN: dict[str, str | None] = {
    "OrganizationName": "Contoso",
    "BannerText": "",
    "Nothing": None,
    "a:b__c": "x;y=",
}


def settings(**ours: str) -> dict[str, str | None]:
    """Foreign settings, with ours as they have to be, changed or (by an empty word) left out."""
    right = {
        "ServiceAuthEnabled": "true",
        "ServiceAuthAudience": api_uri(SERVICE_ID),
        "ServiceAuthTenantName": TENANT.name,
        "ServiceAuthTenantId": TENANT.id,
    }
    return {**FOREIGN, **{name: value for name, value in {**right, **ours}.items() if value}}


def site(name: str = "contosolearn", kind: str = "app") -> Site:
    resource = ResourceId.site(SUBSCRIPTION, "mct-prod", name)
    return Site(resource, kind, "Running", (f"{name}.azurewebsites.net",))


def app_service(
    values: Mapping[str, str | None] | None = None, where: Site | None = None
) -> AppService:
    settings = dict(FOREIGN if values is None else values)
    return AppService(**vars(where or site()), settings=settings, tenant_id=TENANT.id)


def observed_state(
    trust: Trust | None = None,
    values: Mapping[str, str | None] | None = None,
    identity_resources: Iterable[IdentityResource] = (),
) -> ObservedState:
    trust = replace(trust or Trust(), unique_name=SERVICE_KEY)
    applications = (trust.service, *(client.application for client in trust.clients))
    nobodys = {
        application.client_id.lower(): Custody()
        for application in applications
        if application is not None
    }
    return ObservedState(
        NOW,
        "public",
        TENANT,
        app_service(values),
        trust,
        tuple(identity_resources),
        custody=nobodys,
        where=WHERE,
        api=MCT,
    )


def credential(
    days: float = 365, name: str = "by hand", kind: CredentialKind = CredentialKind.SECRET
) -> Credential:
    return Credential(kind, KeyId(guid(f"{name}{days}")), name, NOW + timedelta(days=days))


def client(
    name: str = "Import", *credentials: Credential, key: str | None = "", access: bool = True
) -> ClientApplication:
    """A client as this tool makes it, with one good secret unless told otherwise."""
    client_id = ClientId(guid(name))
    application = Application(
        ApplicationObjectId(guid(f"{name}-object")),
        client_id,
        name,
        unique_name=client_unique_name(SERVICE_KEY, name) if key == "" else key,
        credentials=credentials or (credential(),),
    )
    if access:
        application = replace(
            application, required_access=(RequiredAccess(SERVICE_ID, ((ROLE.id, "Role"),)),)
        )
    return ClientApplication(
        application, ServicePrincipal(PrincipalId(guid(f"{name}-principal")), client_id, name)
    )


def with_credentials(*credentials: Credential) -> ClientApplication:
    """A client with these credentials and no other."""
    application = client()
    return replace(
        application, application=replace(application.application, credentials=credentials)
    )


IMPORT = client()
ALLOWED = {"ServiceApplicationIds": IMPORT.client_id, "ServiceAuthRole": "S2SAppRole"}


def assignment(of: ClientApplication | ServicePrincipal | str) -> Assignment:
    """Admin consent for a client, a principal, or a principal's id."""
    if isinstance(of, ClientApplication):
        assert of.principal is not None
        of = of.principal
    principal = of if isinstance(of, str) else of.id
    return Assignment(
        guid(f"assigned {principal}"), PrincipalId(principal), SERVICE_PRINCIPAL.id, ROLE.id
    )


def trust(
    *clients: ClientApplication, service: Application = SERVICE, consented: bool = True
) -> Trust:
    assigned = tuple(assignment(c) for c in clients if consented and c.principal)
    return Trust(service, SERVICE_PRINCIPAL, assigned, clients, unique_name=SERVICE_KEY)


def complete(*clients: ClientApplication) -> ObservedState:
    """Everything right for these clients."""
    listed = ";".join(c.client_id for c in clients)
    ours = {"ServiceApplicationIds": listed, "ServiceAuthRole": "S2SAppRole"} if clients else {}
    return observed_state(trust(*clients), settings(**ours))


def site_says(**changed: str) -> ObservedState:
    """All right for Import but these settings."""
    return observed_state(trust(IMPORT), settings(**{**ALLOWED, **changed}))


def service_is(**changed: object) -> ObservedState:
    """All right for Import but these members of the service application."""
    return observed_state(trust(IMPORT, service=replace(SERVICE, **changed)), settings(**ALLOWED))  # type: ignore[arg-type]


def site_of(observed: ObservedState) -> AppService:
    assert observed.app_service is not None
    return observed.app_service


def stopped(observed: ObservedState) -> ObservedState:
    return replace(observed, app_service=replace(site_of(observed), state="Stopped"))


def unreadable(observed: ObservedState) -> ObservedState:
    """The same for a caller who may not read the settings."""
    refusal = PermissionMissing(
        "permission-missing", "You can't read them.", remedy="Ask an Owner."
    )
    return replace(observed, app_service=replace(site_of(observed), settings={}, refusal=refusal))


def identity_resource(
    name: str = "reports-func", principal: str | None = None, kind: str = "sites"
) -> IdentityResource:
    resource = ResourceId(SUBSCRIPTION, "integrations", "Microsoft.Web", (kind,), (name,))
    return IdentityResource(resource, PrincipalId(principal) if principal else None)


def spec(*clients: str | ClientSpec, **changed: object) -> Setup:
    """What `setup` with these clients wants."""
    specs = tuple(
        c if isinstance(c, ClientSpec) else ClientSpec(c, NewCredential(LATER)) for c in clients
    )
    return replace(Setup(SPEC, specs), **changed)  # type: ignore[arg-type]


def said(plan: Plan) -> list[str]:
    """A plan's changes in few words: `create service principal Import`."""
    return [f"{change.action} {change.resource} {change.name}" for change in plan.changes]


def written(plan: Plan, before: ObservedState) -> AppSettings:
    """The settings that a plan leads to, every id made up on the way."""
    outputs = Outputs()
    for change in plan.changes:
        for part in Output:
            outputs[change.key, part] = guid(f"{change.key}/{part}")
    specs = (change.spec for change in plan.changes if isinstance(change, WriteSettings))
    return merge(before.settings, next(specs, SettingsSpec(MCT.rows, tidy=False)), outputs)


# APIs without allow lists

SIGN_IN = "https://login.microsoftonline.com"
SITE_OF: Mapping[str, dict[str, str]] = {
    "Orders": {
        "TENANT_ID": TENANT.id,
        "APP_CLIENT_ID": SERVICE_ID,
        "AUTHORITY": f"{SIGN_IN}/{TENANT.id}/v2.0/",
        "REQUIRED_ROLE": "Orders.Call",
    },
    "Stock": {
        "ISSUER_BASE_URL": f"{SIGN_IN}/{TENANT.id}/v2.0",
        "AUDIENCE": SERVICE_ID,
        "REQUIRED_ROLE": "Stock.Read",
    },
}
"""Settings that are right, by the name of the API."""


def served(api: Api, **changed: str) -> ObservedState:
    """A site of the API that is set up, but for what is changed."""
    seen = complete(client("Import")).with_settings({**SITE_OF[api.name], **changed})
    service = replace(SERVICE, app_roles=(replace(ROLE, value=api.role),), token_version=2)
    return replace(seen, api=api, trust=replace(seen.trust, service=service))
