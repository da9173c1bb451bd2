"""What differs between tenants: knobs that turn a behaviour which some users report into that of all.

Source: docs/azure-contract.md, section 9, by the names of the knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Variations:
    """What differs.

    Attributes:
        upsert_without_owner: an application under `Application.ReadWrite.OwnedBy` does not own what it upserts.
        role_cast_status: what the cast to `directoryRole` is answered: 400, 500, or 0 for the roles.
        role_assignments_hidden: nobody without a role may list role assignments.
        deleted_without_unique_name: `deletedItems` shows no `uniqueName`.
    """

    upsert_without_owner: bool = False
    role_cast_status: int = 0
    role_assignments_hidden: bool = False
    deleted_without_unique_name: bool = False

    def settings(self) -> dict[str, Any]:
        """Their positions by the names that they have over the wire."""
        return {wire: getattr(self, own) for wire, (own, _) in _KNOBS.items()}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn some of them; all or none.

        Raises:
            ValueError: something is no knob, or its value is not one that it takes.
        """
        for wire, value in sent.items():
            if wire not in _KNOBS or not _KNOBS[wire][1](value):
                raise ValueError(f"'{wire}' is no knob of the directory, or {value!r} nothing that it takes.")
        for wire, value in sent.items():
            setattr(self, _KNOBS[wire][0], value)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_status(value: object) -> bool:
    return not isinstance(value, bool) and value in (0, 400, 500)


_KNOBS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "upsertWithoutOwner": ("upsert_without_owner", _is_switch),
    "roleCastStatus": ("role_cast_status", _is_status),
    "roleAssignmentsHidden": ("role_assignments_hidden", _is_switch),
    "deletedWithoutUniqueName": ("deleted_without_unique_name", _is_switch),
}
