"""Which properties an object of Graph v1.0 has, of which type, and which of them only the service writes.

`data/types.txt` has one entry per type: `name:Type`, `?` nullable, `!` read-only, `[T]` a collection of T. A type
in lower case is another line of the table. Source: microsoftgraph/msgraph-metadata, schemas/v1.0-Prod.csdl;
read-only: the resource pages of the reference (graph: resources/application, resources/serviceprincipal,
resources/approle).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mct_s2s.sandbox.core.data import text

OPEN_TYPES = frozenset({"application", "servicePrincipal"})

ON_REQUEST = {
    "application": frozenset(
        {"authenticationBehaviors", "createdByAppId", "isDisabled", "managerApplications", "oauth2RequirePostResponse"}
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

    Source: graph: api/application-post-applications, whose answer shows each property, empty ones as `[]` or
    `null`.
    """
    empty: dict[str, Any] = {}
    for prop in TYPES[type_name].values():
        if prop.collection:
            empty[prop.name] = None if prop.nullable else []
        else:
            empty[prop.name] = False if prop.type == "Boolean" and not prop.nullable else None
    return empty
