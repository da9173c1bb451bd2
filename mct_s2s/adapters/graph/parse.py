"""Graph's JSON into our nouns. Only what this product uses is read; nothing is assumed about the rest.

Source: learn.microsoft.com/graph/api/resources/application and /serviceprincipal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mct_s2s.adapters.answers import GRAPH, guid
from mct_s2s.adapters.graph.errors import READ
from mct_s2s.model.ids import ApplicationObjectId, AppRoleId, ClientId, KeyId, PrincipalId, TenantId
from mct_s2s.model.observed import (
    Application,
    AppRole,
    Assignment,
    Credential,
    CredentialKind,
    PrincipalKind,
    RequiredAccess,
    ServicePrincipal,
    Tenant,
)
from mct_s2s.model.proofs import Federation

Json = Mapping[str, Any]
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")

APPLICATION_FIELDS = [
    "id",
    "appId",
    "displayName",
    "uniqueName",
    "signInAudience",
    "identifierUris",
    "appRoles",
    "requiredResourceAccess",
    "passwordCredentials",
    "keyCredentials",
    "api",
    "createdDateTime",
    "tags",
    "notes",
]
DELETED_FIELDS = [*APPLICATION_FIELDS, "deletedDateTime"]
PRINCIPAL_FIELDS = [
    "id",
    "appId",
    "displayName",
    "servicePrincipalType",
    "alternativeNames",
    "appRoleAssignmentRequired",
]


@GRAPH.readable(READ)
def tenant(row: Json) -> Tenant:
    """`organization`. The tenant name is the initial domain, whatever the custom ones."""
    domains = row.get("verifiedDomains") or []
    initial = next((domain["name"] for domain in domains if domain.get("isInitial")), "")
    return Tenant(TenantId(guid(row["id"])), initial, frozenset(str(domain["name"]).lower() for domain in domains))


@GRAPH.readable(READ)
def application(row: Json) -> Application:
    """`application`."""
    return Application(
        object_id=ApplicationObjectId(row["id"]),
        client_id=ClientId(row["appId"]),
        display_name=row.get("displayName") or "",
        unique_name=row.get("uniqueName"),
        sign_in_audience=row.get("signInAudience"),
        identifier_uris=tuple(row.get("identifierUris") or ()),
        app_roles=tuple(app_role(role) for role in row.get("appRoles") or ()),
        required_access=tuple(_required_access(entry) for entry in row.get("requiredResourceAccess") or ()),
        credentials=(
            *(credential(CredentialKind.SECRET, entry) for entry in row.get("passwordCredentials") or ()),
            *(credential(CredentialKind.CERTIFICATE, entry) for entry in row.get("keyCredentials") or ()),
        ),
        token_version=(row.get("api") or {}).get("requestedAccessTokenVersion"),
        created=moment(row["createdDateTime"]) if row.get("createdDateTime") else None,
        tags=tuple(row.get("tags") or ()),
        notes=row.get("notes"),
        deleted=moment(row["deletedDateTime"]) if row.get("deletedDateTime") else None,
    )


def app_role(row: Json) -> AppRole:
    """`appRole`."""
    return AppRole(
        id=AppRoleId(row["id"]),
        value=row.get("value"),
        display_name=row.get("displayName") or "",
        description=row.get("description") or "",
        enabled=bool(row.get("isEnabled")),
        member_types=tuple(row.get("allowedMemberTypes") or ()),
    )


@GRAPH.readable(READ)
def principal(row: Json) -> ServicePrincipal:
    """`servicePrincipal`. A managed identity names its Azure resource among its alternative names."""
    resource = next((str(n) for n in row.get("alternativeNames") or () if str(n).startswith("/subscriptions/")), None)
    is_identity = row.get("servicePrincipalType") == PrincipalKind.MANAGED_IDENTITY
    return ServicePrincipal(
        id=PrincipalId(row["id"]),
        client_id=ClientId(row["appId"]),
        display_name=row.get("displayName") or "",
        kind=PrincipalKind.MANAGED_IDENTITY if is_identity else PrincipalKind.APPLICATION,
        resource_id=resource,
        assignment_required=bool(row.get("appRoleAssignmentRequired")),
    )


@GRAPH.readable(READ)
def assignment(row: Json) -> Assignment:
    """`appRoleAssignment`."""
    return Assignment(
        row["id"], PrincipalId(row["principalId"]), PrincipalId(row["resourceId"]), AppRoleId(row["appRoleId"])
    )


@GRAPH.readable(READ)
def federated_credential(row: Json) -> Credential:
    """`federatedIdentityCredential`: it does not expire."""
    audience = next(iter(row.get("audiences") or ()), "")
    federation = Federation(row.get("issuer") or "", row.get("subject") or "", audience)
    return Credential(CredentialKind.FEDERATED, KeyId(row["id"]), row.get("name"), None, federation=federation)


def thumbprint(identifier: object) -> str | None:
    """A certificate's SHA-1 in upper-case hexadecimal, from its `customKeyIdentifier`: its bytes or its text in base64.

    Whoever registers a certificate may put anything else there; that is `None`.
    """
    if not isinstance(identifier, str):
        return None
    if _SHA1.fullmatch(identifier):
        return identifier.upper()
    try:
        raw = base64.b64decode(identifier, validate=True)
    except ValueError:
        return None
    if len(raw) == 20:
        return raw.hex().upper()
    text = raw.decode("ascii", "replace")
    return text.upper() if _SHA1.fullmatch(text) else None


def moment(text: str) -> datetime:
    """A Graph timestamp: UTC, with up to seven digits of a second's fraction, of which Python reads six."""
    head, _, fraction = text.rstrip("Zz").partition(".")
    digits = fraction.partition("+")[0][:6]
    return datetime.fromisoformat(f"{head}.{digits.ljust(6, '0')}").replace(tzinfo=UTC)


def _required_access(row: Json) -> RequiredAccess:
    return RequiredAccess(
        ClientId(row["resourceAppId"]),
        tuple((str(entry["id"]), str(entry["type"])) for entry in row.get("resourceAccess") or ()),
    )


def credential(kind: CredentialKind, row: Json) -> Credential:
    """`passwordCredential` or `keyCredential`."""
    end = row.get("endDateTime")
    begin = row.get("startDateTime")
    return Credential(
        kind,
        KeyId(row["keyId"]),
        row.get("displayName"),
        moment(end) if end else None,
        moment(begin) if begin else None,
        thumbprint(row.get("customKeyIdentifier")) if kind is CredentialKind.CERTIFICATE else None,
    )
