"""The claims of a token: by the resource's version, its audience, the assigned roles.

Source: entra: identity-platform/access-token-claims-reference.
"""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.access.directory_roles import all_of
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant.organization import Tenant
from mct_s2s.sandbox.entra.tokens import refusals
from mct_s2s.sandbox.entra.well_known import ARM_APP_ID, GRAPH_APP_ID, KEY_VAULT_APP_ID

ISSUER_V1 = "https://sts.windows.net/{tenant}/"


def issuer(directory: Directory, version: int, tenant: Tenant | None = None) -> str:
    """Return the `iss` of tokens: version 1 has one name in every cloud, version 2 that of the token service."""
    tenant_id = (tenant or directory.tenant).tenant_id
    if version == 2:
        return f"{directory.addresses.login}/{tenant_id}/v2.0"
    return ISSUER_V1.format(tenant=tenant_id)


def resource_principal(directory: Directory, name: str) -> Object:
    bare = name.rstrip("/")
    addresses = directory.addresses
    app_id = {addresses.graph: GRAPH_APP_ID, addresses.arm: ARM_APP_ID, addresses.vault: KEY_VAULT_APP_ID}.get(bare)
    if app_id is not None:
        found = directory.service_principals.seen_by("appId", app_id)
    else:
        found = directory.service_principals.seen_by("servicePrincipalNames", name)
    if not found:
        raise refusals.unknown_resource(name, directory.tenant)
    if not found[0]["accountEnabled"]:
        raise refusals.disabled_resource(name)
    return found[0]


def app_only_claims(directory: Directory, client: Object, resource: str, *, acr: str) -> dict[str, Any]:
    """Return the claims of a token for an application that acts as itself.

    Args:
        directory: the tenant.
        client: the caller's service principal.
        resource: the resource's name as asked for, which version 1 tokens repeat as their audience.
        acr: how the client authenticated: "0" not at all, "1" by a secret, "2" by a certificate or an assertion.
    """
    target = resource_principal(directory, resource)
    roles = app_role_assignments.role_values(directory, client["id"], target)
    assigned = [
        one for one in app_role_assignments.of_principal(directory, client["id"]) if one["resourceId"] == target["id"]
    ]
    if target["appRoleAssignmentRequired"] and not assigned:
        raise refusals.not_assigned(client, target, resource)
    claims = common_claims(directory, client, target, resource, acr=acr)
    claims |= {"oid": client["id"], "sub": client["id"]}
    if target["appId"] in {GRAPH_APP_ID, ARM_APP_ID, KEY_VAULT_APP_ID}:
        claims["idtyp"] = "app"
    if roles:
        claims["roles"] = roles
    if held := all_of(client):
        claims["wids"] = held
    return claims


def common_claims(directory: Directory, client: Object, target: Object, resource: str, *, acr: str) -> dict[str, Any]:
    """Return the claims that every access token to `target` has, in the version that the target requests."""
    version = _version(directory, target)
    by = issuer(directory, version)
    claims: dict[str, Any] = {"aud": target["appId"] if version == 2 else resource, "iss": by}
    if target["appId"] == GRAPH_APP_ID:  # see docs/azure-contract.md, 2.4
        claims["app_displayname"] = client["displayName"]
    if version == 2:
        claims |= {"azp": client["appId"], "azpacr": acr}
    else:
        claims |= {"appid": client["appId"], "appidacr": acr, "idp": by}
    return claims | {"tid": directory.tenant_id, "ver": f"{version}.0"}


def _version(directory: Directory, target: Object) -> int:
    application = directory.applications.first_seen_by("appId", target["appId"])
    asked = application["api"]["requestedAccessTokenVersion"] if application else None
    return 2 if asked == 2 else 1
