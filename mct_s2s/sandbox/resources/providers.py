"""Resource providers: which types exist, in which api-versions, and how each one handles identities.

Source: ARM: providers - get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources import known_versions
from mct_s2s.sandbox.resources.api_versions import ApiVersions

Update = Literal["done", "operation", "location"]

LOCATIONS = ("West Europe", "North Europe", "East US")
ANY = ("system", "user")


@dataclass(frozen=True)
class ResourceType:
    """One resource type.

    Attributes:
        namespace: e.g. `Microsoft.Web`.
        name: the type below it, parents first: `sites/slots`.
        versions: api-versions, oldest first; the last stable one is the default.
        identity: which kinds of managed identity it supports.
        separator: how the provider joins "SystemAssigned" and "UserAssigned" (azure: it varies).
        update: how PATCH behaves: `done` at once, `operation` (200 and Azure-AsyncOperation) or
            `location` (202 and Location).
        patchable: the members that PATCH accepts, where it does not accept all.
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

    def describe(self, accepted: ApiVersions) -> dict[str, Any]:
        """Return the type as in the provider's description, with the api-versions that this cloud accepts."""
        hints = {"system": "SystemAssignedResourceIdentity", "user": "UserAssignedResourceIdentity"}
        capabilities = ["SupportsTags", "SupportsLocation", *(hints[kind] for kind in self.identity)]
        versions = accepted.of(self.namespace, self.versions)
        return {
            "resourceType": self.name,
            "locations": list(LOCATIONS),
            "apiVersions": sorted(versions, reverse=True),
            "defaultApiVersion": next(v for v in reversed(versions) if "preview" not in v),
            "capabilities": ", ".join(capabilities),
        }

    def check_version(self, version: str, accepted: ApiVersions) -> None:
        """Refuse an api-version that this cloud does not accept.

        Raises:
            WireError: 400 NoRegisteredProviderFound, or InvalidApiVersionParameter of Resource Manager's own types.
        """
        if self.namespace == "Microsoft.Resources":
            accepted.check_manager(version, self.versions)
            return
        places = ", ".join(location.replace(" ", "").lower() for location in LOCATIONS)
        accepted.check_provider(self.namespace, self.name, version, self.versions, places)


_TYPES = (
    ResourceType("Microsoft.Web", "sites", known_versions.WEB, ANY),
    ResourceType("Microsoft.Web", "sites/slots", known_versions.WEB, ANY),
    ResourceType("Microsoft.Web", "sites/config", known_versions.WEB),
    ResourceType("Microsoft.Web", "serverfarms", known_versions.WEB),
    ResourceType("Microsoft.Compute", "virtualMachines", known_versions.COMPUTE, ANY, update="operation",
                 merges_identities=True),
    ResourceType("Microsoft.ManagedIdentity", "userAssignedIdentities", known_versions.MANAGED_IDENTITY),
    ResourceType("Microsoft.Logic", "workflows", known_versions.LOGIC, ANY,
                 patchable=frozenset({"tags", "sku", "identity"})),
    ResourceType("Microsoft.App", "containerApps", known_versions.APP, ANY, ",", "location"),
    ResourceType("Microsoft.App", "managedEnvironments", known_versions.APP),
    ResourceType("Microsoft.Sql", "servers", known_versions.SQL, ANY, ",", "location"),
    ResourceType("Microsoft.Sql", "servers/databases", known_versions.SQL),
    ResourceType("Microsoft.Storage", "storageAccounts", known_versions.STORAGE, ANY, ","),
    ResourceType("Microsoft.KeyVault", "vaults", known_versions.KEY_VAULT),
    ResourceType("Microsoft.Insights", "components", known_versions.INSIGHTS),
    ResourceType("Microsoft.Resources", "subscriptions", known_versions.RESOURCES),
    ResourceType("Microsoft.Resources", "tenants", known_versions.RESOURCES),
    ResourceType("Microsoft.Resources", "resourceGroups", known_versions.RESOURCES),
    ResourceType("Microsoft.Resources", "resources", known_versions.RESOURCES),
    ResourceType("Microsoft.Resources", "providers", known_versions.RESOURCES),
    ResourceType("Microsoft.Authorization", "permissions", known_versions.AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "roleAssignments", known_versions.AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "roleDefinitions", known_versions.AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "denyAssignments", known_versions.AUTHORIZATION),
    ResourceType("Microsoft.Authorization", "locks", known_versions.AUTHORIZATION),
)  # fmt: skip
_BY_NAME = {kind.full_name.lower(): kind for kind in _TYPES}
_NAMESPACES = {kind.namespace.lower(): kind.namespace for kind in _TYPES}


def namespaces() -> list[str]:
    """Return every registered namespace, sorted."""
    return sorted(_NAMESPACES.values())


def find(full_name: str) -> ResourceType:
    """Find a type, without case.

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


def describe(namespace: str, subscription: str, accepted: ApiVersions) -> dict[str, Any]:
    """Return a provider with its types.

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
        "resourceTypes": [kind.describe(accepted) for kind in _TYPES if kind.namespace == known],
        "registrationState": "Registered",
    }


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
