"""The api-versions that this cloud accepts: all there are, or fewer, as in clouds that lag behind.

Source: docs/azure-contract.md, section 9, "Api-versions": US Government refused versions that the public cloud had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mct_s2s.sandbox.core.options import Tunable
from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, vault_error

DATA_PLANE = "KeyVault"
"""The name of Key Vault's data plane among the namespaces."""
_NAME = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)?")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(?:-[a-z]+)?|\d+\.\d+(?:-preview\.\d+)?", re.ASCII)


def _are_versions(value: object) -> bool:
    return isinstance(value, Mapping) and all(_fits(name, versions) for name, versions in value.items())


@dataclass
class ApiVersions(Tunable):
    """The accepted api-versions.

    Attributes:
        api_versions: by namespace, or `DATA_PLANE`, the only versions that are accepted; empty for all there are.
    """

    api_versions: Mapping[str, list[str]] = field(default_factory=dict)

    OPTIONS: ClassVar = {"api_versions": _are_versions}

    def of(self, namespace: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the accepted versions of a namespace, oldest first, given all there are."""
        limited = (versions for name, versions in self.api_versions.items() if name.lower() == namespace.lower())
        return tuple(sorted(next(limited, known)))

    def check_provider(self, namespace: str, kind: str, version: str, known: tuple[str, ...], places: str) -> None:
        """Refuse an api-version that a resource provider has not registered here.

        Raises:
            WireError: 400 NoRegisteredProviderFound.
        """
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
        """Refuse an api-version that Resource Manager itself does not know.

        Raises:
            WireError: 400 InvalidApiVersionParameter.
        """
        accepted = self.of("Microsoft.Resources", known)
        if version.lower() in accepted:
            return
        raise arm_error(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(accepted))}'.",
        )

    def check_vault(self, version: str, known: tuple[str, ...]) -> None:
        """Refuse an api-version that a vault does not know.

        Raises:
            WireError: 400 BadParameter.
        """
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


def _fits(name: object, versions: object) -> bool:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(versions, list):
        return False
    texts = [one for one in versions if isinstance(one, str) and _VERSION.fullmatch(one)]
    return len(texts) == len(versions) and any("preview" not in one for one in texts)
