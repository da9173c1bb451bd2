"""Graph's JSON into our nouns, and back. Source:
learn.microsoft.com/graph/api/resources/application.

Its arrays are sets, in another order at each reading. They are sorted, so that the same one looks
the same (docs/azure-contract.md, section 3.11).
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mct_s2s.azure.answers import Json, guid, listed, members, optional, rows, text, texts
from mct_s2s.errors import UsageError
from mct_s2s.model.client_credentials import Credential, CredentialKind, Federation, attempt_tag
from mct_s2s.model.directory_objects import (
    Application,
    AppRole,
    Assignment,
    Owner,
    RequiredAccess,
    ServicePrincipal,
    Tenant,
)
from mct_s2s.model.ids import (
    ApplicationObjectId,
    AppRoleId,
    ClientId,
    KeyId,
    PrincipalId,
    Tag,
    TenantId,
    client_unique_name,
    service_unique_name,
    site_in_note,
)
from mct_s2s.model.resource_id import ResourceId

_SHA1 = re.compile(r"[0-9a-fA-F]{40}")

DELETED_FIELDS = [
    "id",
    "appId",
    "displayName",
    "uniqueName",
    "identifierUris",
    "appRoles",
    "requiredResourceAccess",
    "passwordCredentials",
    "api",
    "createdDateTime",
    "createdByAppId",
    "deletedDateTime",
    "tags",
    "notes",
    "serviceManagementReference",
    "signInAudience",
    "web",
    "spa",
    "publicClient",
    "isFallbackPublicClient",
    "optionalClaims",
    "groupMembershipClaims",
    "tokenEncryptionKeyId",
]
"""All fields but certificates, which have a budget of their own where fields are chosen."""
NEVER_SET = (
    ("web", "redirectUris"),
    ("web", "redirectUriSettings"),
    ("web", "logoutUrl"),
    ("web", "implicitGrantSettings", "enableAccessTokenIssuance"),
    ("web", "implicitGrantSettings", "enableIdTokenIssuance"),
    ("spa", "redirectUris"),
    ("publicClient", "redirectUris"),
    ("isFallbackPublicClient",),
    ("api", "oauth2PermissionScopes"),
    ("api", "preAuthorizedApplications"),
    ("api", "knownClientApplications"),
    ("api", "acceptMappedClaims"),
    ("optionalClaims", "accessToken"),
    ("optionalClaims", "idToken"),
    ("optionalClaims", "saml2Token"),
    ("groupMembershipClaims",),
    ("tokenEncryptionKeyId",),
    ("addIns",),
)
"""Ways in, and ways to change a token: members of an application, by path, that this tool leaves
empty.
"""
OUR_AUDIENCE = "AzureADMyOrg"
PRINCIPAL_FIELDS = [
    "id",
    "appId",
    "displayName",
    "servicePrincipalType",
    "alternativeNames",
    "appRoleAssignmentRequired",
    "accountEnabled",
]


def tenant(row: Json) -> Tenant:
    """The tenant name is the initial domain, whatever the custom ones."""
    domains = rows(row.get("verifiedDomains"))
    initial = next((text(domain["name"]) for domain in domains if domain.get("isInitial")), "")
    return Tenant(
        TenantId(guid(row["id"])),
        initial,
        frozenset(text(domain["name"]).lower() for domain in domains),
    )


def deleted_applications(rows: list[Application]) -> list[Application]:
    """Complete the `uniqueName` of deleted applications.

    Some tenants show none there; then it is derived from our own tags and notes:
    docs/azure-contract.md, 3.8.
    """
    if any(row.unique_name for row in rows):
        return rows
    return [replace(row, unique_name=_remembered_name(row)) for row in rows]


def _remembered_name(application: Application) -> str | None:
    for name in Tag.NAME.values(application.tags):
        return name
    for service in Tag.TRUST.values(application.tags):
        return client_unique_name(service, application.display_name)
    try:
        site = ResourceId.parse(site_in_note(application.notes) or "")
    except UsageError:
        return None
    return service_unique_name(site.names[0], site.slot) if site.is_site else None


def application(row: Json) -> Application:
    tags = tuple(sorted(texts(row.get("tags"))))
    held = credentials(row, with_keys=False)
    undelivered = frozenset(
        credential.key_id
        for credential in held
        if credential.is_replaceable and attempt_tag(credential.name or "") in tags
    )
    return Application(
        object_id=ApplicationObjectId(guid(row["id"])),
        client_id=ClientId(guid(row["appId"])),
        display_name=text(row.get("displayName")),
        unique_name=optional(row.get("uniqueName")),
        identifier_uris=tuple(sorted(texts(row.get("identifierUris")))),
        app_roles=tuple(
            sorted((app_role(role) for role in rows(row.get("appRoles"))), key=lambda role: role.id)
        ),
        required_access=tuple(
            sorted(
                (_required_access(entry) for entry in rows(row.get("requiredResourceAccess"))),
                key=lambda entry: entry.resource_client_id,
            )
        ),
        credentials=held,
        undelivered=undelivered,
        token_version=_version(members(row.get("api")).get("requestedAccessTokenVersion")),
        created=optional_moment(row.get("createdDateTime")),
        created_by=ClientId(text(row.get("createdByAppId")).lower()) or None,
        extras=_extras(row),
        tags=tags,
        notes=optional(row.get("notes")),
        management_reference=optional(row.get("serviceManagementReference")),
        deleted=optional_moment(row.get("deletedDateTime")),
    )


def _extras(row: Json) -> tuple[str, ...]:
    """The members that this tool leaves empty, and that are not, by their path."""
    extras: list[str] = []
    for path in NEVER_SET:
        value: object = row
        for name in path:
            value = members(value).get(name)
        if value:
            extras.append(".".join(path))
    if row.get("signInAudience") not in {None, OUR_AUDIENCE}:
        extras.append("signInAudience")
    return tuple(extras)


def app_role(row: Json) -> AppRole:
    return AppRole(
        id=AppRoleId(guid(row["id"])),
        value=text(row.get("value")),
        display_name=text(row.get("displayName")),
        description=text(row.get("description")),
        enabled=bool(row.get("isEnabled")),
        member_types=texts(row.get("allowedMemberTypes")),
    )


def principal(row: Json) -> ServicePrincipal:
    """A managed identity names its Azure resource among its alternative names."""
    names = sorted(texts(row.get("alternativeNames")))
    return ServicePrincipal(
        id=PrincipalId(guid(row["id"])),
        client_id=ClientId(guid(row["appId"])),
        display_name=text(row.get("displayName")),
        is_identity=row.get("servicePrincipalType") == "ManagedIdentity",
        resource_id=next((name for name in names if name.startswith("/subscriptions/")), None),
        assignment_required=bool(row.get("appRoleAssignmentRequired")),
        enabled=row.get("accountEnabled") is not False,
    )


def owner(row: Json) -> Owner:
    """A person by `userPrincipalName`; an application, which may be called like a person, by its
    appId, too.
    """
    owner_id = PrincipalId(guid(row["id"]))
    if name := optional(row.get("userPrincipalName")):
        return owner_id, name
    client_id = optional(row.get("appId"))
    return (
        owner_id,
        f"'{text(row.get('displayName'))}' ({f'appId {client_id}' if client_id else owner_id})",
    )


def assignment(row: Json) -> Assignment:
    principal_id, resource_id = (
        PrincipalId(guid(row["principalId"])),
        PrincipalId(guid(row["resourceId"])),
    )
    role_id, name = AppRoleId(guid(row["appRoleId"])), text(row.get("principalDisplayName"))
    return Assignment(text(row["id"]), principal_id, resource_id, role_id, name)


def federated_credential(row: Json) -> Credential:
    audience = min(texts(row.get("audiences")), default="")
    federation = Federation(text(row.get("issuer")), text(row.get("subject")), audience)
    key_id, name = KeyId(guid(row["id"])), optional(row.get("name"))
    return Credential(CredentialKind.FEDERATED, key_id, name, None, federation=federation)


def thumbprint(identifier: object) -> str | None:
    """SHA-1 in upper-case hexadecimal, of a `customKeyIdentifier`: bytes or text in base64; else
    `None`.
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
    shown = raw.decode("ascii", "replace")
    return shown.upper() if _SHA1.fullmatch(shown) else None


def moment(written: str) -> datetime:
    """UTC, with up to seven digits of a second's fraction, of which Python reads six."""
    head, _, fraction = written.rstrip("Zz").partition(".")
    digits = fraction.partition("+")[0][:6]
    return datetime.fromisoformat(f"{head}.{digits.ljust(6, '0')}").replace(tzinfo=UTC)


def optional_moment(written: object) -> datetime | None:
    return moment(text(written)) if written else None


def _version(value: object) -> int | None:
    if value is not None and not isinstance(value, int):
        raise ValueError(f"{value!r} is not a token version")
    return value


def _required_access(row: Json) -> RequiredAccess:
    permissions = sorted(
        (guid(entry["id"]), text(entry["type"])) for entry in rows(row.get("resourceAccess"))
    )
    return RequiredAccess(ClientId(guid(row["resourceAppId"])), tuple(permissions))


def credentials(row: Json, *, with_keys: bool = True) -> tuple[Credential, ...]:
    """Secrets and certificates, each kind by age.

    `with_keys`: certificates were asked for with their keys, whose digest names them: their
    identifier is whatever their owner chose.
    """
    parse_rows = listed if with_keys else rows
    secrets = [
        _credential(CredentialKind.SECRET, entry, None)
        for entry in parse_rows(row.get("passwordCredentials"))
    ]
    certificates = [
        _credential(
            CredentialKind.CERTIFICATE,
            entry,
            _digest(entry.get("key"))
            if with_keys
            else thumbprint(entry.get("customKeyIdentifier")),
        )
        for entry in parse_rows(row.get("keyCredentials"))
    ]
    return (*by_age(secrets), *by_age(certificates))


def _credential(kind: CredentialKind, entry: Json, thumbprint: str | None) -> Credential:
    return Credential(
        kind,
        KeyId(guid(entry["keyId"])),
        optional(entry.get("displayName")),
        optional_moment(entry.get("endDateTime")),
        optional_moment(entry.get("startDateTime")),
        thumbprint,
    )


def _digest(key: object) -> str | None:
    """The SHA-1 of a certificate itself; `None` where Graph does not show it."""
    try:
        der = base64.b64decode(key, validate=True) if isinstance(key, str) else None
    except ValueError:
        der = None
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper() if der is not None else None


def by_age(credentials: Iterable[Credential]) -> tuple[Credential, ...]:
    """The oldest first."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(credentials, key=lambda each: (each.begins or earliest, each.key_id)))


def new_application(new: Application) -> dict[str, Any]:
    """The body that creates an application, without `uniqueName`, which is its key or is set later.

    Its v1 tokens carry the URI that was asked for as their audience. Source:
    learn.microsoft.com/entra/identity-platform/supported-accounts-validation.
    """
    unnamed = replace(new, unique_name=None, token_version=new.token_version or 1)
    properties = application_patch(Application(), unnamed)
    return {"displayName": new.display_name, "signInAudience": OUR_AUDIENCE, **properties}


def application_patch(before: Application, after: Application) -> dict[str, Any]:
    """The body that changes `before` into `after`: what differs, lists whole."""
    old = _body(before)
    return {name: value for name, value in _body(after).items() if value != old[name]}


def _body(application: Application) -> dict[str, Any]:
    # without `origin`, which must not be sent back: learn.microsoft.com/graph/api/resources/approle
    roles = [
        {
            "id": role.id,
            "value": role.value or None,
            "displayName": role.display_name,
            "description": role.description,
            "isEnabled": role.enabled,
            "allowedMemberTypes": role.member_types,
        }
        for role in application.app_roles
    ]
    access = [
        {
            "resourceAppId": entry.resource_client_id,
            "resourceAccess": [
                {"id": permission, "type": kind} for permission, kind in entry.permissions
            ],
        }
        for entry in application.required_access
    ]
    return {
        "identifierUris": application.identifier_uris,
        "appRoles": roles,
        "api": {"requestedAccessTokenVersion": application.token_version},
        "requiredResourceAccess": access,
        "tags": application.tags,
        "serviceManagementReference": application.management_reference,
        "uniqueName": application.unique_name,
        "notes": application.notes,
    }
