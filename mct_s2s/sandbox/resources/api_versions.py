"""The api-versions that this cloud accepts: all there are, or fewer, as in clouds that lag behind.

Source: docs/azure-contract.md, section 4.9: US Government refused versions that the public cloud had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, vault_error
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

    def check_provider(self, namespace: str, kind: str, version: str, known: tuple[str, ...], places: str) -> None:
        """Refuse an api-version that a resource provider has not registered here."""
        accepted = self.of(namespace, known)
        if version.lower() in accepted:
            return
        raise arm_error(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{version}' "
            f"for type '{kind}'. The supported api-versions are '{', '.join(reversed(accepted))}'. "
            f"The supported locations are '{places}'.",
        )

    def check_manager(self, version: str, known: tuple[str, ...]) -> None:
        accepted = self.of("Microsoft.Resources", known)
        if version.lower() in accepted:
            return
        raise arm_error(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(accepted))}'.",
        )

    def check_vault(self, version: str, known: tuple[str, ...]) -> None:
        accepted = self.of(DATA_PLANE, known)
        if version.lower() not in accepted:
            raise _unknown_to_vault(version, accepted)


def _unknown_to_vault(version: str, accepted: Iterable[str]) -> WireError:
    latest = [one for one in accepted if "preview" not in one][-1]
    return vault_error(
        400,
        "BadParameter",
        f"The specified version ({version}) is not recognized. Consider using the latest supported version ({latest}).",
    )
