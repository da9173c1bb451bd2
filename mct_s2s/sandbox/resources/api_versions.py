"""The api-versions that this cloud takes: all that there are, or fewer by a knob, for clouds lag behind each other.

Source: docs/azure-contract.md, section 9, "Api-versions": US Government refused versions that the public cloud had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, vault_error

KNOB = "apiVersions"
DATA_PLANE = "KeyVault"
"""The name of Key Vault's data plane among the namespaces."""
_NAME = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)?")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(?:-[a-z]+)?|\d+\.\d+(?:-preview\.\d+)?", re.ASCII)


class ApiVersions:
    """The knob `apiVersions`: by namespace, the only versions that are taken; `{}` for all that there are."""

    def __init__(self) -> None:
        self._only: dict[str, tuple[str, ...]] = {}

    def settings(self) -> dict[str, Any]:
        """The knob's position."""
        return {KNOB: {name: list(versions) for name, versions in self._only.items()}}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn the knob.

        Raises:
            ValueError: it is something else than lists of api-versions by namespace.
        """
        if KNOB not in sent:
            return
        only = sent[KNOB]
        if not isinstance(only, Mapping) or not all(_fits(name, versions) for name, versions in only.items()):
            raise ValueError(f"{KNOB} is an object of lists of api-versions, by namespace or '{DATA_PLANE}'.")
        self._only = {str(name): tuple(sorted(versions)) for name, versions in only.items()}

    def of(self, namespace: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a namespace that are taken, oldest first, given all that there are."""
        limited = (versions for name, versions in self._only.items() if name.lower() == namespace.lower())
        return next(limited, known)

    def check_provider(self, namespace: str, kind: str, version: str, known: tuple[str, ...], places: str) -> None:
        """Refuse an api-version that a resource provider has not registered here.

        Raises:
            WireError: 400 NoRegisteredProviderFound.
        """
        taken = self.of(namespace, known)
        if version.lower() in taken:
            return
        raise arm_error(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{version}' "
            f"for type '{kind}'. The supported api-versions are '{', '.join(reversed(taken))}'. "
            f"The supported locations are '{places}'.",
        )

    def check_manager(self, version: str, known: tuple[str, ...]) -> None:
        """Refuse an api-version that Resource Manager itself does not know.

        Raises:
            WireError: 400 InvalidApiVersionParameter.
        """
        taken = self.of("Microsoft.Resources", known)
        if version.lower() in taken:
            return
        raise arm_error(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(taken))}'.",
        )

    def check_vault(self, version: str, known: tuple[str, ...]) -> None:
        """Refuse an api-version that a vault does not know.

        Raises:
            WireError: 400 BadParameter.
        """
        taken = self.of(DATA_PLANE, known)
        if version.lower() not in taken:
            raise _unknown_to_vault(version, taken)


def _unknown_to_vault(version: str, taken: Iterable[str]) -> WireError:
    latest = [one for one in taken if "preview" not in one][-1]
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
