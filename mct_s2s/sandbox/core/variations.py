"""What differs between tenants, plans and clouds, as knobs that are kept with the world.

Each field is a knob, its name in camel case on the wire; what the default says is how most of them behave. The sources
are in docs/azure-contract.md, at the section that each field names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

LARGEST = 1_000_000
CHOICES: dict[str, tuple[object, ...]] = {
    "identity_patch": ("accepted", "ignored", "refused"),
    "role_cast_status": (0, 400, 500),
}


@dataclass
class Variations:
    """A panel of knobs, see `knobs.Panel`: switches, choices, and whole numbers that are not negative."""

    def settings(self) -> dict[str, Any]:
        """Give their values, by the names that they have over the wire."""
        return {_wire(own.name): getattr(self, own.name) for own in fields(self)}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn some of them; all or none.

        Raises:
            ValueError: something is no knob, or its value is not one that it takes.
        """
        known = {_wire(own.name): own.name for own in fields(self)}
        for name, value in sent.items():
            if name not in known or not _fits(known[name], getattr(self, known[name]), value):
                raise ValueError(f"Unknown knob '{name}', or invalid value {value!r}.")
        for name, value in sent.items():
            setattr(self, known[name], value)


@dataclass
class TenantVariations(Variations):
    """Of a directory.

    Attributes:
        duplicate_consent_as_grant: the second of the two texts that refuse a consent that is there already (3.1).
        service_management_reference_required: no registration is made or changed without one (3.2).
        upsert_without_owner: an application under `Application.ReadWrite.OwnedBy` does not own what it upserts (9).
        role_cast_status: what the cast to `directoryRole` is answered: 400, 500, or 0 for the roles (9).
        role_assignments_hidden: nobody without a role may list role assignments (9).
        deleted_without_unique_name: `deletedItems` shows no `uniqueName` (9).
    """

    duplicate_consent_as_grant: bool = False
    service_management_reference_required: bool = False
    upsert_without_owner: bool = False
    role_cast_status: int = 0
    role_assignments_hidden: bool = False
    deleted_without_unique_name: bool = False


@dataclass
class ResourceVariations(Variations):
    """Of subscriptions and what is in them.

    Attributes:
        arm_page_size: entries of a list on one page; 0: all of them (4.1).
        identity_patch: what a PATCH of `identity` comes to, App Service apart: `accepted`, `ignored` (accepted without
            effect) or `refused` (405) (4.4).
        strict_setting_names: names of application settings hold letters, digits, `.` and `_` only, also those that are
            there already (4.3).
    """

    arm_page_size: int = 0
    identity_patch: str = "accepted"
    strict_setting_names: bool = False


def _wire(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def _fits(name: str, now: object, value: object) -> bool:
    if name in CHOICES:
        return type(value) is type(now) and value in CHOICES[name]
    if isinstance(now, bool):
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
