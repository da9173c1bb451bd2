"""Microsoft's own applications in every tenant, with the ids that they have everywhere.

Source: graph: permissions-reference (ids of app roles); entra: verify-first-party-apps-sign-in (appIds);
entra: identity/role-based-access-control/permissions-reference (role template ids).
"""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.core.data import data

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
ARM_APP_ID = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
KEY_VAULT_APP_ID = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
AZURE_CLI_APP_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
AZURE_POWERSHELL_APP_ID = "1950a258-227b-4e31-a9cf-717495945fc2"
MICROSOFT_TENANT_ID = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

_KNOWN = data("directory.json")
NAMES: dict[str, str] = _KNOWN["names"]
URIS: dict[str, list[str]] = _KNOWN["uris"]
PUBLIC_CLIENTS = frozenset({AZURE_CLI_APP_ID, AZURE_POWERSHELL_APP_ID})
"""First-party clients that people sign in with; consented to in advance, for everybody."""
PUBLIC_CLIENT_SCOPES: dict[str, str] = _KNOWN["publicClientScopes"]
GRAPH_ROLES: dict[str, str] = _KNOWN["graphRoles"]
"""App roles by value. That of `AppRegistration.Create` is not the real id, which is not known here."""
GRAPH_OFFERS: dict[str, Any] = _KNOWN["graphOffers"]
"""One of each other kind of permission, of the hundreds that Microsoft Graph has."""
DIRECTORY_ROLES: dict[str, str] = _KNOWN["directoryRoles"]
