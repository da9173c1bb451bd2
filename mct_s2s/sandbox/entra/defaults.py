"""What new objects get where nothing is said: it differed between years, and so do tenants.

Source: docs/azure-contract.md, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AUDIENCES = (
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
)


@dataclass
class Defaults:
    """Knobs of a tenant's defaults.

    Attributes:
        audience: `signInAudience` of an application that was created without one: AzureADMyOrg since 2025,
            AzureADandPersonalMicrosoftAccount in recordings of 2022.
    """

    audience: str = AUDIENCES[0]

    def settings(self) -> dict[str, Any]:
        """Give the knobs by the names that they have over the wire."""
        return {"defaultSignInAudience": self.audience}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn knobs; all or none.

        Raises:
            ValueError: something is no knob, or its value is not one that it takes.
        """
        for name, value in sent.items():
            if name != "defaultSignInAudience" or value not in AUDIENCES:
                raise ValueError(f"'{name}' is no default, or {value!r} none of {', '.join(AUDIENCES)}.")
        self.audience = sent.get("defaultSignInAudience", self.audience)
