"""Resource providers: which types exist, in which api-versions, and how each one handles identities.

Source: ARM: providers - get; the api-versions are those the public SDKs and the Azure CLI ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from mct_s2s.sandbox.wire_errors import arm_error

_VERSION = re.compile(r"(\d{4}-\d\d-\d\d)(?:-(?:preview|alpha|beta|privatepreview))?")
Update = Literal["done", "operation", "location"]

LOCATIONS = ("West Europe", "North Europe", "East US")
ANY = ("system", "user")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True)
class ResourceType:
    """One resource type.

    Attributes:
        namespace: e.g. `Microsoft.Web`.
        name: the type below it, parents first: `sites/slots`.
        versions: api-versions, oldest first; the last stable one is the default.
        identity: which kinds of managed identity it carries.
        separator: how the provider joins "SystemAssigned" and "UserAssigned" (azure: it varies).
        update: how PATCH behaves: `done` at once, `operation` (200 and Azure-AsyncOperation) or
            `location` (202 and Location).
        patchable: the members that PATCH takes, where it does not take all.
        merges_identities: whether user-assigned identities that PATCH does not mention stay.
    """

    namespace: str
    name: str
    versions: tuple[str, ...]
    identity: tuple[str, ...] = ()
    separator: str = ", "
    update: Update = "done"
    merges_identities: bool = False
    patchable: frozenset[str] | None = None

    @property
    def full_name(self) -> str:
        """E.g. `Microsoft.Web/sites`."""
        return f"{self.namespace}/{self.name}"

    def describe(self) -> dict[str, Any]:
        """Show the type as the provider's description lists it."""
        hints = {"system": "SystemAssignedResourceIdentity", "user": "UserAssignedResourceIdentity"}
        capabilities = ["SupportsTags", "SupportsLocation", *(hints[kind] for kind in self.identity)]
        return {
            "resourceType": self.name,
            "locations": list(LOCATIONS),
            "apiVersions": sorted(self.versions, reverse=True),
            "defaultApiVersion": next(v for v in reversed(self.versions) if "preview" not in v),
            "capabilities": ", ".join(capabilities),
        }

    def check_version(self, version: str) -> None:
        """Refuse an api-version that the provider cannot have registered.

        The table holds those that known clients ask for; others of the same years exist, and pass.

        Raises:
            WireError: 400 NoRegisteredProviderFound.
        """
        if version.lower() in self.versions or is_plausible(version, self.versions):
            return
        raise arm_error(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{version}' "
            f"for type '{self.name}'. The supported api-versions are '{', '.join(self.versions)}'. "
            f"The supported locations are '{', '.join(_compact(LOCATIONS))}'.",
        )


def _compact(locations: Iterable[str]) -> list[str]:
    return [location.replace(" ", "").lower() for location in locations]


WEB = _words(
    """2015-08-01 2016-03-01 2016-08-01 2018-02-01 2018-11-01 2019-08-01 2020-06-01 2020-09-01 2020-10-01
    2020-12-01 2021-01-01 2021-01-15 2021-02-01 2021-03-01 2022-03-01 2022-09-01 2023-01-01 2023-12-01
    2024-04-01 2024-11-01 2025-03-01 2025-05-01"""
)
RESOURCES = _words(
    """2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-09-01 2017-05-10 2018-01-01 2018-02-01 2018-05-01
    2019-05-01 2019-05-10 2019-06-01 2019-07-01 2019-08-01 2019-10-01 2019-11-01 2020-01-01 2020-05-01
    2020-06-01 2020-08-01 2020-10-01 2021-01-01 2021-04-01 2022-01-01 2022-09-01 2022-12-01 2023-07-01
    2024-03-01 2024-07-01 2024-11-01 2025-03-01 2025-04-01"""
)
AUTHORIZATION = _words(
    """2015-05-01-preview 2015-06-01 2015-07-01 2016-09-01 2017-04-01 2018-01-01-preview 2018-07-01-preview
    2018-09-01-preview 2020-04-01-preview 2020-05-01 2020-08-01-preview 2020-10-01-preview 2022-04-01
    2022-05-01-preview 2024-07-01-preview"""
)
_VM = _words(
    """2019-12-01 2020-12-01 2021-07-01 2022-11-01 2023-09-01 2024-03-01 2024-07-01 2024-11-01 2025-04-01 2026-04-01"""
)
_MSI = _words(
    """2018-11-30 2021-09-30-preview 2022-01-31-preview 2023-01-31 2023-07-31-preview 2024-11-30
    2025-01-31-preview 2025-05-31-preview"""
)
_APP = _words("""2022-03-01 2022-10-01 2023-05-01 2024-02-02-preview 2024-03-01 2025-01-01 2025-07-01""")
_SQL = _words("""2014-04-01 2021-11-01 2022-05-01-preview 2023-08-01 2023-08-01-preview 2024-11-01-preview""")
_VAULT = _words("2019-09-01 2022-07-01 2023-07-01 2024-11-01 2025-05-01")
_STORAGE = _words("""2019-06-01 2021-09-01 2022-09-01 2023-05-01 2024-01-01 2025-01-01 2025-08-01""")

_TYPES = (
    ResourceType("Microsoft.Web", "sites", WEB, ANY),
    ResourceType("Microsoft.Web", "sites/slots", WEB, ANY),
    ResourceType("Microsoft.Web", "sites/config", WEB),
    ResourceType("Microsoft.Web", "serverfarms", WEB),
    ResourceType("Microsoft.Compute", "virtualMachines", _VM, ANY, update="operation",
                 merges_identities=True),
    ResourceType("Microsoft.ManagedIdentity", "userAssignedIdentities", _MSI),
    ResourceType("Microsoft.Logic", "workflows", ("2016-06-01", "2018-07-01-preview", "2019-05-01"), ANY,
                 patchable=frozenset({"tags", "sku", "identity"})),
    ResourceType("Microsoft.App", "containerApps", _APP, ANY, ",", "location"),
    ResourceType("Microsoft.App", "managedEnvironments", _APP),
    ResourceType("Microsoft.Sql", "servers", _SQL, ANY, ",", "location"),
    ResourceType("Microsoft.Sql", "servers/databases", _SQL),
    ResourceType("Microsoft.Storage", "storageAccounts", _STORAGE, ANY, ","),
    ResourceType("Microsoft.KeyVault", "vaults", _VAULT),
    ResourceType("Microsoft.Insights", "components", ("2015-05-01", "2020-02-02", "2020-02-02-preview")),
    ResourceType("Microsoft.Resources", "subscriptions", RESOURCES),
    ResourceType("Microsoft.Resources", "tenants", RESOURCES),
    ResourceType("Microsoft.Resources", "resourceGroups", RESOURCES),
    ResourceType("Microsoft.Resources", "resources", RESOURCES),
    ResourceType("Microsoft.Resources", "providers", RESOURCES),
    ResourceType("Microsoft.Authorization", "permissions", AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "roleAssignments", AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "roleDefinitions", AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "denyAssignments", AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "locks", AUTHORIZATION),
)  # fmt: skip
_BY_NAME = {kind.full_name.lower(): kind for kind in _TYPES}
_NAMESPACES = {kind.namespace.lower(): kind.namespace for kind in _TYPES}


def namespaces() -> list[str]:
    """Every registered namespace, sorted."""
    return sorted(_NAMESPACES.values())


def find(full_name: str) -> ResourceType:
    """Look a type up, without case.

    Raises:
        WireError: 404 InvalidResourceNamespace or InvalidResourceType.
    """
    kind = _BY_NAME.get(full_name.lower())
    if kind is not None:
        return kind
    namespace, _, name = full_name.partition("/")
    if namespace.lower() not in _NAMESPACES:
        raise arm_error(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    raise arm_error(
        404, "InvalidResourceType", f"The resource type '{name}' could not be found in namespace '{namespace}'."
    )


def describe(namespace: str, subscription: str) -> dict[str, Any]:
    """Show a provider with its types.

    Raises:
        WireError: 404 InvalidResourceNamespace.
    """
    known = _NAMESPACES.get(namespace.lower())
    if known is None:
        raise arm_error(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return {
        "id": f"/subscriptions/{subscription}/providers/{known}",
        "namespace": known,
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [kind.describe() for kind in _TYPES if kind.namespace == known],
        "registrationState": "Registered",
    }


def is_plausible(version: str, known: Iterable[str]) -> bool:
    """Whether something may be an api-version: a date, not before the oldest known one and not in the future."""
    match = _VERSION.fullmatch(version.lower())
    if match is None:
        return False
    try:
        day = date.fromisoformat(match[1])
    except ValueError:
        return False
    today = datetime.now(UTC).date().isoformat()
    return min(known)[:10] <= day.isoformat() <= today


def require_version(version: str | None) -> str:
    """Refuse a request that names no api-version.

    Raises:
        WireError: 400 MissingApiVersionParameter.
    """
    if not version:
        raise arm_error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    return version


def check_manager_version(version: str, known: Iterable[str]) -> None:
    """Refuse an api-version that Resource Manager itself does not know.

    Raises:
        WireError: 400 InvalidApiVersionParameter.
    """
    known = tuple(known)
    if version.lower() not in known and not is_plausible(version, known):
        raise arm_error(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(known))}'.",
        )
