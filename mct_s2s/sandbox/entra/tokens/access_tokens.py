"""Access tokens: their claims, by the resource's version, its audience and the assigned roles;
signed, and verified.

Many refusals are also the answer while something is not replicated yet.
Source: entra: identity-platform/access-token-claims-reference, identity-platform/access-tokens,
identity-platform/reference-error-codes; statuses and wording as recorded in public logs.
"""

import functools
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt

from mct_s2s.sandbox.core.wire_errors import service_error
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.access.permissions import directory_roles_of
from mct_s2s.sandbox.entra.directory import Caller, Directory
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant.organization import Tenant
from mct_s2s.sandbox.entra.types import ARM_APP_ID, GRAPH_APP_ID, KEY_VAULT_APP_ID

ISSUER_V1 = "https://sts.windows.net/{tenant}/"


def issuer(directory: Directory, version: int, tenant: Tenant | None = None) -> str:
    """Return the `iss` of tokens: version 1 has one name in every cloud, version 2 that of the
    token service.
    """
    tenant_id = (tenant or directory.tenant).tenant_id
    if version == 2:
        return f"{directory.addresses.login}/{tenant_id}/v2.0"
    return ISSUER_V1.format(tenant=tenant_id)


def resource_principal(directory: Directory, name: str) -> Object:
    bare = name.rstrip("/")
    addresses = directory.addresses
    app_id = {
        addresses.graph: GRAPH_APP_ID,
        addresses.arm: ARM_APP_ID,
        addresses.vault: KEY_VAULT_APP_ID,
    }.get(bare)
    if app_id is not None:
        principals = directory.service_principals.seen_by("appId", app_id)
    else:
        principals = directory.service_principals.seen_by("servicePrincipalNames", name)
    if not principals:
        raise service_error("unknown_resource", name, directory.tenant)
    if not principals[0]["accountEnabled"]:
        raise service_error("disabled_resource", name)
    return principals[0]


def app_only_claims(
    directory: Directory, client: Object, resource: str, *, acr: str
) -> dict[str, Any]:
    """Return the claims of a token for an application that acts as itself.

    Args:
        resource: the resource's name as asked for, which version 1 tokens repeat as their audience.
        acr: how the client authenticated: "0" not at all, "1" by a secret, "2" by a certificate or
            an assertion.
    """
    target = resource_principal(directory, resource)
    roles = app_role_assignments.role_values(directory, client["id"], target)
    assigned = [
        assignment
        for assignment in app_role_assignments.of_principal(directory, client["id"])
        if assignment["resourceId"] == target["id"]
    ]
    if target["appRoleAssignmentRequired"] and not assigned:
        raise service_error("not_assigned", client, target, resource)
    claims = common_claims(directory, client, target, resource, acr=acr)
    claims |= {"oid": client["id"], "sub": client["id"]}
    if target["appId"] in {GRAPH_APP_ID, ARM_APP_ID, KEY_VAULT_APP_ID}:
        claims["idtyp"] = "app"
    if roles:
        claims["roles"] = roles
    if held := directory_roles_of(client):
        claims["wids"] = held
    return claims


def common_claims(
    directory: Directory, client: Object, target: Object, resource: str, *, acr: str
) -> dict[str, Any]:
    """Return the claims that every access token to `target` has, in the version that the target
    requests.
    """
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


MANAGED_IDENTITY_LIFETIME = timedelta(hours=24)


class TokenRejected(Exception):
    """A token that a resource must not accept; `reason` says why, in Entra's words where it has
    some.

    `kind` is one of `missing`, `malformed`, `signature`, `expired`, `audience`.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True)
class SignedToken:
    """A signed token and its expiry, in seconds since 1970."""

    access_token: str = field(repr=False)
    expires_at: int


def sign(directory: Directory, claims: Mapping[str, Any], lifetime: timedelta) -> SignedToken:
    key, now = directory.signing_key, int(directory.clock.timestamp())
    expires = now + int(lifetime.total_seconds())
    times = {"iat": now, "nbf": now, "exp": expires, "uti": secrets.token_urlsafe(16)}
    opaque = {"aio": secrets.token_urlsafe(32), "rh": f"1.{secrets.token_urlsafe(24)}."}
    headers = {"typ": "JWT", "kid": key.kid}
    if claims.get("ver") == "1.0":
        headers["x5t"] = key.kid
    signed = {**claims, **times, **opaque}
    return SignedToken(jwt.encode(signed, key.private, algorithm="RS256", headers=headers), expires)


def issue_for_managed_identity(
    directory: Directory, principal_id: str, resource: str
) -> SignedToken:
    """Issue the token that a managed identity's own endpoint returns; valid for a day.

    Args:
        resource: what the token is for, as asked: an application ID URI or appId, without
            `/.default`.
    """
    principal = directory.service_principals.seen(principal_id)
    if principal is None:
        raise service_error("unknown_client", principal_id, directory.tenant)
    claims = app_only_claims(directory, principal, resource, acr="2")
    resource_id = principal["alternativeNames"][-1:]
    if resource_id:
        claims["xms_mirid"] = resource_id[0].replace("/resourceGroups/", "/resourcegroups/")
    return sign(directory, claims, MANAGED_IDENTITY_LIFETIME)


def verify(
    directory: Directory, authorization_header: str | None, *, audiences: Collection[str]
) -> Caller:
    """Verify the `Authorization` header of a request to a Microsoft service."""
    scheme, _, token = (authorization_header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRejected("missing", "Access token is empty.")
    claims = decode(directory, token.strip())
    if claims.get("aud") not in audiences:
        raise TokenRejected("audience", "Access token validation failure. Invalid audience.")
    return Caller(
        tenant_id=str(claims.get("tid", "")),
        object_id=str(claims.get("oid", "")),
        app_id=str(claims.get("appid") or claims.get("azp") or ""),
        roles=frozenset(claims.get("roles", ())),
        scopes=frozenset(str(claims.get("scp", "")).split()),
        claims=claims,
    )


def decode(directory: Directory, token: str) -> dict[str, Any]:
    """Return the claims of a token of this tenant, checking its signature and its times only."""
    try:
        claims = dict(_signed_claims(token, directory.signing_key))
    except jwt.InvalidSignatureError as error:
        raise TokenRejected("signature", "Signature is invalid.") from error
    except jwt.InvalidTokenError as error:
        raise TokenRejected(
            "malformed", "CompactToken parsing failed with error code: 80049217"
        ) from error
    # PyJWT would use the machine's clock; the sandbox's may have been advanced.
    if not claims.get("nbf", 0) - 300 <= directory.clock.timestamp() < claims.get("exp", 0):
        raise TokenRejected("expired", "Lifetime validation failed, the token is expired.")
    return claims


@functools.lru_cache(maxsize=256)
def _signed_claims(token: str, key: SigningKey) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = jwt.decode(
        token,
        key.public,
        algorithms=["RS256"],
        options={
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
        },
    )
    return claims
