"""Resource providers: which types exist, in which api-versions, and how each one handles
identities.

A cloud accepts all api-versions that there are, or fewer, as in clouds that lag behind. Source:
ARM: providers - get; docs/azure-contract.md, section 4.9: US Government refused versions that the
public cloud had.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from mct_s2s.sandbox.core.files import data
from mct_s2s.sandbox.core.wire_errors import arm_error, service_error
from mct_s2s.sandbox.entra.tenant.variations import Variations

DATA_PLANE = "KeyVault"
"""The name of Key Vault's data plane among the namespaces."""


@dataclass(frozen=True)
class ApiVersions:
    """The api-versions that are accepted where this varies."""

    variations: Variations

    def of(self, namespace: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the accepted versions of a namespace, oldest first, given all there are."""
        only = self.variations.api_versions.items()
        limited = (versions for name, versions in only if name.lower() == namespace.lower())
        return tuple(sorted(next(limited, known)))

    def check_provider(
        self, namespace: str, kind: str, version: str, known: tuple[str, ...], places: str
    ) -> None:
        accepted = self.of(namespace, known)
        if version.lower() in accepted:
            return
        listed = ", ".join(reversed(accepted))
        raise service_error(
            "NoRegisteredProviderFound", version=version, kind=kind, accepted=listed, places=places
        )

    def check_manager(self, version: str, known: tuple[str, ...]) -> None:
        accepted = self.of("Microsoft.Resources", known)
        if version.lower() in accepted:
            return
        raise service_error(
            "InvalidApiVersionParameter", version=version, accepted=",".join(reversed(accepted))
        )

    def check_vault(self, version: str, known: tuple[str, ...]) -> None:
        accepted = self.of(DATA_PLANE, known)
        if version.lower() not in accepted:
            latest = [api_version for api_version in accepted if "preview" not in api_version][-1]
            raise service_error("BadParameter", version=version, latest=latest)


Update = Literal["done", "operation", "location"]

LOCATIONS = ("West Europe", "North Europe", "East US")


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
        patches_identity: whether a PATCH changes `identity`; otherwise it is accepted and ignored.
        merges_identities: whether user-assigned identities that PATCH does not mention stay.
    """

    namespace: str
    name: str
    versions: tuple[str, ...]
    identity: Collection[str] = ()
    separator: str = ", "
    update: Update = "done"
    patches_identity: bool = True
    merges_identities: bool = False
    patchable: Collection[str] | None = None

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    def describe(self, accepted: ApiVersions) -> dict[str, Any]:
        hints = {"system": "SystemAssignedResourceIdentity", "user": "UserAssignedResourceIdentity"}
        capabilities = [
            "SupportsTags",
            "SupportsLocation",
            *(hints[kind] for kind in self.identity),
        ]
        versions = accepted.of(self.namespace, self.versions)
        return {
            "resourceType": self.name,
            "locations": list(LOCATIONS),
            "apiVersions": sorted(versions, reverse=True),
            "defaultApiVersion": next(v for v in reversed(versions) if "preview" not in v),
            "capabilities": ", ".join(capabilities),
        }

    def check_version(self, version: str, accepted: ApiVersions) -> None:
        if self.namespace == "Microsoft.Resources":
            accepted.check_manager(version, self.versions)
            return
        places = ", ".join(location.replace(" ", "").lower() for location in LOCATIONS)
        accepted.check_provider(self.namespace, self.name, version, self.versions, places)


VERSIONS: dict[str, tuple[str, ...]] = {
    name: tuple(known) for name, known in data("api_versions.json").items()
}
"""The api-versions of each namespace, and of Key Vault's data plane, oldest first; any other is
refused, as in Azure.

A version that a client of ours begins to use is added there. Sources: ARM: providers - get; the
lists that refusals name (docs/azure-contract.md, section 4.9); keyvault/secrets REST reference.
"""
_TYPES = [
    ResourceType(versions=VERSIONS[row["namespace"]], **row) for row in data("resource_types.json")
]
_BY_NAME = {kind.full_name.lower(): kind for kind in _TYPES}
_NAMESPACES = {kind.namespace.lower(): kind.namespace for kind in _TYPES}


def namespaces() -> list[str]:
    return sorted(_NAMESPACES.values())


def find(full_name: str) -> ResourceType:
    kind = _BY_NAME.get(full_name.lower())
    if kind is not None:
        return kind
    namespace, _, name = full_name.partition("/")
    if namespace.lower() not in _NAMESPACES:
        raise arm_error(
            404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
        )
    raise service_error("InvalidResourceType", name=name, namespace=namespace)


def describe(namespace: str, accepted: ApiVersions, subscription: str = "") -> dict[str, Any]:
    """Describe a provider in a subscription, or without one in the tenant, where nothing is
    registered.
    """
    known = _NAMESPACES.get(namespace.lower())
    if known is None:
        raise arm_error(
            404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
        )
    types = [kind.describe(accepted) for kind in _TYPES if kind.namespace == known]
    if not subscription:
        return {"namespace": known, "resourceTypes": types}
    return {
        "id": f"/subscriptions/{subscription}/providers/{known}",
        "namespace": known,
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": types,
        "registrationState": "Registered",
    }


def require_version(version: str | None) -> str:
    if not version:
        raise service_error("MissingApiVersionParameter")
    return version
