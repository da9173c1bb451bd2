"""Management locks: what cannot be deleted, or changed, at a scope and below.

Source: ARM: resource-manager/management/lock-resources.
"""

from __future__ import annotations

from typing import Any

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.resources.resource_id import is_within

LEVELS = ("CanNotDelete", "ReadOnly")


class Locks:
    """All locks, identified by scope and name without case."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def put(self, scope: str, name: str, level: str, notes: str | None = None) -> tuple[dict[str, Any], bool]:
        """Set a lock; return it, and whether it is new."""
        known = next((known for known in LEVELS if known.lower() == level.lower()), None)
        if known is None:
            raise arm_error(400, "InvalidLockLevel", f"The lock level '{level}' is invalid.")
        lock = {"scope": scope, "name": name, "level": known, "notes": notes}
        fresh = not self.remove(scope, name)
        self.all.append(lock)
        return lock, fresh

    def remove(self, scope: str, name: str) -> bool:
        before = len(self.all)
        self.all = [lock for lock in self.all if not _is(lock, scope, name)]
        return len(self.all) < before

    def get(self, scope: str, name: str) -> dict[str, Any] | None:
        return next((lock for lock in self.all if _is(lock, scope, name)), None)

    def at_or_below(self, scope: str) -> list[dict[str, Any]]:
        """Return the locks that a list shows: on a scope, on what it contains, and on a resource's group.

        Those of its subscription are not documented to be among them: docs/azure-contract.md, section 4.5.
        """
        of_group = [k for k in self.all if is_within(scope, k["scope"]) and k["scope"].count("/") > 2]
        return of_group + [k for k in self.all if is_within(k["scope"], scope) and k not in of_group]

    def check(self, scope: str, *, deleting: bool) -> None:
        """Refuse a change at, or under, a locked scope. POST counts as a change, whatever it does."""
        if scope.lower().rsplit("/providers/", 1)[-1].startswith("microsoft.authorization/locks"):
            return
        above = (k for k in self.all if is_within(scope, k["scope"]) and (deleting or k["level"] == "ReadOnly"))
        below = (k for k in self.all if deleting and is_within(k["scope"], scope))
        found = list(dict.fromkeys(lock["scope"] for lock in (*above, *below)))
        if found:
            verb = "delete" if deleting else "write"
            named = "', '".join(found)
            raise arm_error(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{named}'. Please remove the lock and try again.",
            )


def _is(lock: dict[str, Any], scope: str, name: str) -> bool:
    return bool(lock["scope"].lower() == scope.lower() and lock["name"].lower() == name.lower())
