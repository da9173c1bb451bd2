"""What is the same in every tenant: the types of Graph v1.0, and Microsoft's own applications, with
their ids.

`data/types.txt` has one entry per type: `name:Type`, `?` nullable, `!` read-only, `[T]` a
collection of T. A type in lower case is another line of the table. Source:
microsoftgraph/msgraph-metadata, schemas/v1.0-Prod.csdl; read-only: the resource pages of the
reference (graph: resources/application, resources/serviceprincipal, resources/approle); ids: graph:
permissions-reference; entra: verify-first-party-apps-sign-in,
identity/role-based-access-control/permissions-reference.
"""

import re
from dataclasses import dataclass
from typing import Any

from mct_s2s.sandbox.core.files import data, text

OPEN_TYPES = frozenset({"application", "servicePrincipal"})

ON_REQUEST = {
    "application": frozenset(
        {
            "authenticationBehaviors",
            "isDisabled",
            "managerApplications",
            "oauth2RequirePostResponse",
        }
    ),
    "servicePrincipal": frozenset({"createdByAppId", "customSecurityAttributes", "isDisabled"}),
    "user": frozenset({"accountEnabled", "userType"}),
}
"""Members that an object shows only where `$select` names them: recorded answers do not have them.

Source: docs/azure-contract.md, section 3.2; graph: api/user-get ("default set of properties").
"""


@dataclass(frozen=True)
class Property:
    """One property of a type: `type` is an Edm name or another type of the table."""

    name: str
    type: str
    collection: bool
    nullable: bool
    read_only: bool


def _property(entry: str) -> Property:
    name, _, rest = entry.partition(":")
    read_only, rest = rest.endswith("!"), rest.removesuffix("!")
    nullable, rest = rest.endswith("?"), rest.removesuffix("?")
    return Property(name, rest.strip("[]"), rest.startswith("["), nullable, read_only)


TYPES: dict[str, dict[str, Property]] = {
    words[0]: {found.name: found for found in map(_property, words[1:])}
    for words in (entry.split() for entry in re.split(r"\n(?! )", text("types.txt").strip()))
}


def blank(type_name: str) -> dict[str, Any]:
    """Return an object of this type with every property present and nothing in any of them.

    Source: graph: api/application-post-applications, whose answer shows each property, empty ones
    as `[]` or `null`.
    """
    empty: dict[str, Any] = {}
    for prop in TYPES[type_name].values():
        if prop.collection:
            empty[prop.name] = None if prop.nullable else []
        else:
            empty[prop.name] = False if prop.type == "Boolean" and not prop.nullable else None
    return empty


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
"""App roles by value.

That of `AppRegistration.Create` is not the real id, which is not known here.
"""
GRAPH_OFFERS: dict[str, Any] = _KNOWN["graphOffers"]
"""One of each other kind of permission, of the hundreds that Microsoft Graph has."""
DIRECTORY_ROLES: dict[str, str] = _KNOWN["directoryRoles"]
