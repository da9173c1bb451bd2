"""In what a tenant may differ from most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mct_s2s.sandbox.core.options import Tunable, choice, switch

AUDIENCES = (
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
)


@dataclass
class TenantVariations(Tunable):
    """In what a directory may differ from most. Sources: sections of docs/azure-contract.md, in parentheses.

    Attributes:
        default_sign_in_audience: `signInAudience` of an application created without one: AzureADMyOrg since 2025,
            AzureADandPersonalMicrosoftAccount in recordings of 2022 (3.2).
        duplicate_consent_as_grant: the second of the two texts that refuse an existing consent (3.1).
        service_management_reference_required: no registration is made or changed without one (3.2).
        upsert_without_owner: an application under `Application.ReadWrite.OwnedBy` does not own what it upserts (9).
        role_cast_status: what the cast to `directoryRole` returns: 400, 500, or 0 for the roles (9).
        role_assignments_hidden: nobody without a role may list role assignments (9).
        deleted_without_unique_name: `deletedItems` shows no `uniqueName` (9).
    """

    default_sign_in_audience: str = AUDIENCES[0]
    duplicate_consent_as_grant: bool = False
    service_management_reference_required: bool = False
    upsert_without_owner: bool = False
    role_cast_status: int = 0
    role_assignments_hidden: bool = False
    deleted_without_unique_name: bool = False

    OPTIONS: ClassVar = {
        "default_sign_in_audience": choice(*AUDIENCES),
        "duplicate_consent_as_grant": switch,
        "service_management_reference_required": switch,
        "upsert_without_owner": switch,
        "role_cast_status": choice(0, 400, 500),
        "role_assignments_hidden": switch,
        "deleted_without_unique_name": switch,
    }
