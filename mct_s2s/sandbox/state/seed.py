"""The seed: Contoso Learning, a small company that runs Microsoft Community Training.

Careless tools fail on it: settings that break on a wrong merge, a function app with a similar name
as the site, identities that a careless write removes, two registrations of one name.
"""

from typing import Any

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.files import data, document
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.resources import identities, providers, role_assignments
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.resources.sites import checked_settings
from mct_s2s.sandbox.resources.store import Resources
from mct_s2s.sandbox.state.state import SandboxState

TENANT_ID = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
SUBSCRIPTION_ID = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
ADMINISTRATOR_ID = "3c7fe1d5-8a52-4b0e-9d77-51b1f4cf6a10"
APP_SERVICE = "contosolearn"
RESOURCE_GROUP = "mct-prod"
VAULT = "contoso-integrations"
LOCATION = "West Europe"
SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
SITE = f"{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.Web/sites/{APP_SERVICE}"

SETTINGS = data("settings.json")
"""Application settings of the sites, as mixed as after years of configuration."""
_ADMINISTRATOR_ROLES = (
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Policy.Read.All",
)


def seed(secret: str) -> SandboxState:
    """Create a new state; `secret` is the client secret of its administrator."""
    clock = Clock()
    directory = seeding.seeded(
        clock,
        tenant_id=TENANT_ID,
        display_name="Contoso Learning",
        initial_domain="contosolearning.onmicrosoft.com",
        verified_domains=["contosolearning.com"],
    )
    _, administrator = seeding.add_application(
        directory,
        "Deployment pipeline",
        app_id=ADMINISTRATOR_ID,
        secret=secret,
        graph_roles=_ADMINISTRATOR_ROLES,
    )
    for name in ("Payroll export", "Library kiosk", "Library kiosk", "Grafana"):
        seeding.add_application(directory, name)
    resources = Resources(clock, directory)
    resources.subscriptions[SUBSCRIPTION_ID] = _subscription()
    owner = directory.ids.new("roleAssignment/Owner")
    resources.access.assign(administrator["id"], role_assignments.OWNER, SUBSCRIPTION, name=owner)
    for person in directory.users.seen_all():
        if person["@roles"]:
            owner = directory.ids.new(f"roleAssignment/{person['userPrincipalName']}")
            resources.access.assign(person["id"], role_assignments.OWNER, SUBSCRIPTION, name=owner)
    _learning_platform(resources)
    _integrations(resources)
    _let_owners_into_the_vault(resources)
    directory.ids.be_random()
    return SandboxState(clock, directory, resources)


def add_site(
    resources: Resources,
    *,
    subscription: str,
    group: str,
    name: str,
    kind: str,
    settings: dict[str, str | None],
    owner_app_id: str,
) -> dict[str, Any]:
    """Add a site or slot; subscription and group are created if necessary.

    A new subscription belongs to the application `owner_app_id`, as the first one does.
    """
    checked, root = checked_settings(settings), f"/subscriptions/{subscription}"
    if subscription.lower() not in resources.subscriptions:
        resources.subscriptions[subscription.lower()] = _subscription(
            subscription, f"Contoso {subscription[:8]}"
        )
        for principal in resources.directory.service_principals.latest_by("appId", owner_app_id):
            resources.access.assign(principal["id"], role_assignments.OWNER, root)
    group_id = f"{root}/resourceGroups/{group}"
    existing = resources.groups.get(group_id.lower())
    group_id = existing["id"] if existing else _group(resources, group, {}, root)
    plan = _add(
        resources,
        group_id,
        "Microsoft.Web/serverfarms",
        f"{group}-sites",
        kind="app",
        sku={"name": "S1"},
    )
    body = _site(resources, group_id, name, kind, plan)
    site_state = resources.sites[body["id"].lower()]
    site_state.settings, site_state.effective = checked, dict(checked)
    return body


def _subscription(
    identifier: str = SUBSCRIPTION_ID, name: str = "Contoso Production"
) -> dict[str, Any]:
    return dict(document("subscription", id=identifier, name=name, tenant=TENANT_ID))


def _learning_platform(resources: Resources) -> None:
    group = _group(resources, RESOURCE_GROUP, {"workload": "mct"})
    plan = _add(
        resources,
        group,
        "Microsoft.Web/serverfarms",
        "contosolearn-plan",
        kind="app",
        sku={"name": "S1"},
    )
    site = _site(resources, group, APP_SERVICE, "app", plan, identity="SystemAssigned")
    function = _site(
        resources, group, "contosolearn-fa-x7k2q", "functionapp", plan, identity="SystemAssigned"
    )
    slot = _site(resources, group, f"{APP_SERVICE}/staging", "app", plan)
    for body, settings in ((site, "production"), (function, "functionApp"), (slot, "staging")):
        site_state = resources.sites[body["id"].lower()]
        site_state.settings, site_state.effective = (
            dict(SETTINGS[settings]),
            dict(SETTINGS[settings]),
        )
    resources.sites[site["id"].lower()].sticky["appSettingNames"] = list(SETTINGS["sticky"])
    _add(resources, group, "Microsoft.Sql/servers", "contosolearn-sql", kind="v12.0")
    _add(
        resources,
        group,
        "Microsoft.Sql/servers/databases",
        "contosolearn-sql/mct",
        kind="v12.0,user",
    )
    _add(
        resources, group, "Microsoft.Storage/storageAccounts", "contosolearnstore", kind="StorageV2"
    )
    vault = _vault(
        resources,
        group,
        "contosolearn-kv",
        {"sql-password": {}, "smtp-password": {}, "jwt": {"version": "0f5c2b1d"}},
    )
    identity = site["identity"]["principalId"]
    name = resources.directory.ids.new("roleAssignment/contosolearn reads its vault")
    resources.access.assign(identity, role_assignments.SECRETS_USER, vault["id"], name=name)
    _add(resources, group, "Microsoft.Insights/components", "contosolearn-insights", kind="web")


def _integrations(resources: Resources) -> None:
    group = _group(resources, "integrations", {})
    plan = _add(
        resources,
        group,
        "Microsoft.Web/serverfarms",
        "integrations-plan",
        kind="app",
        sku={"name": "B1"},
    )
    function = _site(resources, group, "reports-func", "functionapp,linux", plan)
    resources.sites[function["id"].lower()].settings["FUNCTIONS_EXTENSION_VERSION"] = "~4"
    _site(resources, group, "partner-portal", "app", plan)
    sync = _user_identity(resources, group, "sync-identity")
    machine = _add(resources, group, "Microsoft.Compute/virtualMachines", "etl-vm")
    machine["properties"]["hardwareProfile"] = {"vmSize": "Standard_B2s"}
    identity = _user_identity(resources, group, "etl-identity")
    entries: dict[str, Any] = {identity["id"]: {}}
    _identify(resources, machine, {"type": "UserAssigned", "userAssignedIdentities": entries})
    _add(
        resources,
        group,
        "Microsoft.Logic/workflows",
        "nightly-import",
        properties={"state": "Enabled"},
    )
    _vault(resources, group, VAULT, {})
    container = _add(resources, group, "Microsoft.App/containerApps", "hr-sync")
    _identify(
        resources, container, {"type": "UserAssigned", "userAssignedIdentities": {sync["id"]: {}}}
    )


def _let_owners_into_the_vault(resources: Resources) -> None:
    vault = resources.vault_named(VAULT)
    for number, owner in enumerate(
        [a for a in resources.access.assignments if a["role"] == role_assignments.OWNER]
    ):
        name = resources.directory.ids.new(f"roleAssignment/secrets officer {number}")
        assert vault is not None  # it has just been made
        resources.access.assign(
            owner["principalId"], role_assignments.SECRETS_OFFICER, vault["id"], name=name
        )


def _vault(
    resources: Resources, group: str, name: str, secrets: dict[str, dict[str, str]]
) -> dict[str, Any]:
    body = _add(resources, group, "Microsoft.KeyVault/vaults", name)
    body["properties"] |= {"tenantId": TENANT_ID, "sku": {"family": "A", "name": "standard"}}
    body["properties"]["enableRbacAuthorization"] = True
    vault_state, ids = resources.vaults[body["id"].lower()], resources.directory.ids
    for secret, options in secrets.items():
        version = options.get("version") or ids.new(f"secret/{name}/{secret}").replace("-", "")
        value = ids.new(f"value/{name}/{secret}")
        vault_state.set(secret, {"value": value}, resources.clock.timestamp(), version=version)
    return body


def _group(resources: Resources, name: str, tags: dict[str, str], root: str = SUBSCRIPTION) -> str:
    return str(resources.add_group(root, name, tags, "westeurope")["id"])


def _add(
    resources: Resources,
    group: str,
    type_name: str,
    name: str,
    *,
    properties: Any = None,
    **members: Any,
) -> dict[str, Any]:
    namespace, *types = type_name.split("/")
    tail = "/".join(f"{kind}/{part}" for kind, part in zip(types, name.split("/"), strict=True))
    body = {
        "id": f"{group}/providers/{namespace}/{tail}",
        "name": name,
        "type": type_name,
        "location": LOCATION if namespace == "Microsoft.Web" else "westeurope",
        "tags": {},
        **members,
        "properties": {"provisioningState": "Succeeded", **(properties or {})},
    }
    return resources.add(body)


def _site(
    resources: Resources,
    group: str,
    name: str,
    kind: str,
    plan: dict[str, Any],
    *,
    identity: str | None = None,
) -> dict[str, Any]:
    type_name = "Microsoft.Web/sites/slots" if "/" in name else "Microsoft.Web/sites"
    body = _add(resources, group, type_name, name, kind=kind)
    body["properties"] = {
        "state": "Running",
        "enabled": True,
        "serverFarmId": plan["id"],
        "reserved": "linux" in kind,
        "httpsOnly": True,
        "clientAffinityEnabled": kind == "app",
    }
    if identity is not None:
        _identify(resources, body, {"type": identity})
    return body


def _identify(resources: Resources, body: dict[str, Any], identity: dict[str, Any]) -> None:
    identities.apply(resources, providers.find(body["type"]), body, identity)


def _user_identity(resources: Resources, group: str, name: str) -> dict[str, Any]:
    body = _add(resources, group, "Microsoft.ManagedIdentity/userAssignedIdentities", name)
    body["properties"] = identities.for_user_assigned(resources, ResourceId.parse(body["id"]))
    return body
