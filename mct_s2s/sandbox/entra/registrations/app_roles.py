"""Rules of an application's `appRoles`, which every PATCH replaces as a whole.

Source: graph: resources/approle.
"""

from __future__ import annotations

import re
import uuid

from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, duplicate_values, invalid_value

_VALUE = re.compile(r"[A-Za-z0-9:!#$%&'()*+,\-./;<=>?@\[\]^_`{|}~]{1,120}")


def completed(role: Object) -> Object:
    """Return an app role with every property, as it is stored and read back."""
    empty: Object = {"allowedMemberTypes": [], "description": None, "displayName": None, "id": str(uuid.UUID(int=0))}
    # Clients send back what they read, including `origin`, which only the service writes.
    return {**empty, "isEnabled": True, "value": None, **role, "origin": "Application"}


def check(new: list[Object], old: list[Object], *, scopes: list[Object]) -> None:
    """Check a new array of app roles against the existing one, and against the application's scopes."""
    for role in new:
        _check_role(role)
    _check_unique(new, scopes)
    check_disabled(new, old)


def check_disabled(new: list[Object], old: list[Object]) -> None:
    """Check that roles that are removed or changed were disabled before."""
    by_id = {role["id"]: role for role in new}
    for role in old:
        if role["isEnabled"] and _changed(role, by_id.get(role["id"])):
            raise bad_request(
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
                code="CannotDeleteOrUpdateEnabledEntitlement",
            )


def _changed(old: Object, new: Object | None) -> bool:
    return new is None or {**old, "isEnabled": None} != {**new, "isEnabled": None}


def _check_role(role: Object) -> None:
    members = role["allowedMemberTypes"]
    value = role["value"]
    if (
        role["id"] == str(uuid.UUID(int=0))
        or not members
        or not set(members) <= {"User", "Application"}
        or not role["displayName"]
        or not role["description"]
        or (value is not None and not _VALUE.fullmatch(value))
    ):
        raise invalid_value("Application", "appRoles", detailed=False)


def _check_unique(roles: list[Object], scopes: list[Object]) -> None:
    # Roles and scopes of an application share one space of ids and values.
    ids = [one.get("id") for one in (*roles, *scopes)]
    values = [one["value"] for one in (*roles, *scopes) if one.get("value") is not None]
    if len(set(ids)) != len(ids) or len(set(values)) != len(values):
        raise duplicate_values()
