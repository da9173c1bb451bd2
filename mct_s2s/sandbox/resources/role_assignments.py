"""Who may do what at a scope: role assignments, role definitions, deny assignments, locks; and
resource ids.

Ids are `/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/…`, compared
without case. Source: ARM: role-based-access-control/role-definitions, /deny-assignments;
permissions - list for resource; resource-manager ("Resource IDs"),
resource-manager/management/lock-resources.
"""

import fnmatch
import uuid
from dataclasses import dataclass
from typing import Any, Self

from mct_s2s.sandbox.core.files import data
from mct_s2s.sandbox.core.wire_errors import arm_error, service_error
from mct_s2s.sandbox.entra.directory import Caller


@dataclass(frozen=True)
class ResourceId:
    """The id of a resource, as it was spelled.

    Shape: `types` and `names` are parallel, parents first: ("sites", "slots") and ("contosolearn",
    "staging").
    """

    subscription: str
    group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        parts = text.strip("/").split("/")
        heads = [part.lower() for part in parts[0:6:2]]
        odd = len(parts) < 8 or len(parts) % 2 or not all(parts)
        if odd or heads != ["subscriptions", "resourcegroups", "providers"]:
            raise arm_error(
                400, "InvalidResourceId", f"The resource identifier '{text}' is invalid."
            )
        return cls(parts[1], parts[3], parts[5], tuple(parts[6::2]), tuple(parts[7::2]))

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        return "/".join(self.names)

    @property
    def key(self) -> str:
        return str(self).lower()

    @property
    def parent(self) -> "ResourceId | None":
        if len(self.types) == 1:
            return None
        return ResourceId(
            self.subscription, self.group, self.namespace, self.types[:-1], self.names[:-1]
        )

    def __str__(self) -> str:
        tail = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"{self.namespace}/{tail}"
        )


def is_within(scope: str, ancestor: str) -> bool:
    """Return whether `scope` is `ancestor` or lies below it; both are paths, compared
    without case.
    """
    scope, ancestor = scope.lower().rstrip("/"), ancestor.lower().rstrip("/")
    return scope == ancestor or scope.startswith(ancestor + "/")


OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
WEBSITE_CONTRIBUTOR = "de139f84-1756-47ae-9be6-808fbbe84772"
VAULT_CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"
VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"

ROLES: dict[str, dict[str, Any]] = {role["id"]: role for role in data("azure_roles.json")}
"""Built-in roles. Data actions are not actions: an Owner's `*` allows no access to secrets."""


def _matches(patterns: list[str], action: str) -> bool:
    """`/*/` stands for a single slash, too: Key Vault Reader reads vaults by
    `Microsoft.KeyVault/vaults/*/read`.
    """
    every = [form for pattern in patterns for form in (pattern, pattern.replace("/*/", "/"))]
    return any(fnmatch.fnmatchcase(action.lower(), form.lower()) for form in every)


def permits(permission: dict[str, Any], action: str) -> bool:
    return _matches(permission["actions"], action) and not _matches(
        permission["notActions"], action
    )


class RoleAssignments:
    """Role and deny assignments of every scope, and custom roles by id.

    Scopes are paths; the root is `/`.
    """

    def __init__(self) -> None:
        self.assignments: list[dict[str, str]] = []
        self.denials: list[dict[str, Any]] = []
        self.custom: dict[str, dict[str, Any]] = {}

    def assign(
        self, principal_id: str, role: str, scope: str, *, name: str | None = None
    ) -> dict[str, str]:
        assignment = {
            "name": name or str(uuid.uuid4()),
            "principalId": principal_id,
            "role": role,
            "scope": scope,
        }
        self.assignments.append(assignment)
        return assignment

    def role_named(self, wanted: object) -> str:
        """Return the id of a built-in role by its name or id, or of a new custom one."""
        if isinstance(wanted, dict) and isinstance(wanted.get("actions"), list):
            identifier = str(uuid.uuid4())
            rule = {
                kind: list(wanted.get(kind, []))
                for kind in ("actions", "notActions", "dataActions")
            }
            self.custom[identifier] = {"name": str(wanted.get("name", "Custom role")), **rule}
            return identifier
        for identifier, role in ROLES.items():
            if isinstance(wanted, str) and wanted.lower() in {identifier, role["name"].lower()}:
                return identifier
        raise ValueError(
            f"There is no role {wanted!r}; built in are "
            f"{', '.join(r['name'] for r in ROLES.values())}."
        )

    def deny(self, name: str, actions: list[str], not_actions: list[str], scope: str) -> str:
        """Add a system deny assignment to a scope, as a managed application does; return its id.

        Source: ARM: role-based-access-control/deny-assignments.
        """
        identifier = str(uuid.uuid4())
        self.denials.append(
            {
                "name": identifier,
                "displayName": name,
                "actions": actions,
                "notActions": not_actions,
                "scope": scope,
            }
        )
        return identifier

    def permissions(self, principal_id: str, scope: str) -> list[dict[str, Any]]:
        """Return what the principal's roles at a scope and above it allow, one entry for
        each role.
        """
        held = (
            a["role"]
            for a in self.assignments
            if a["principalId"] == principal_id and is_within(scope, a["scope"])
        )
        return [
            {
                "actions": role["actions"],
                "notActions": role["notActions"],
                "dataActions": role.get("dataActions", []),
                "notDataActions": [],
            }
            for role in (self.custom.get(name) or ROLES[name] for name in held)
        ]

    def allows(self, principal_id: str, action: str, scope: str) -> bool:
        """Return whether any of the principal's roles allows the action, without regard to deny
        assignments.
        """
        return any(permits(entry, action) for entry in self.permissions(principal_id, scope))

    def allows_data(self, principal_id: str, action: str, scope: str) -> bool:
        return any(
            _matches(entry["dataActions"], action)
            for entry in self.permissions(principal_id, scope)
        )

    def sees(self, principal_id: str, scope: str) -> bool:
        return any(
            a["principalId"] == principal_id
            and (is_within(scope, a["scope"]) or is_within(a["scope"], scope))
            for a in self.assignments
        )

    def check(self, caller: Caller, action: str, scope: str) -> None:
        who = f"The client '{caller.app_id}' with object id '{caller.object_id}'"
        if not self.allows(caller.object_id, action, scope):
            raise service_error("AuthorizationFailed", who=who, action=action, scope=scope)
        denied = next(
            (d for d in self.denials if is_within(scope, d["scope"]) and permits(d, action)), None
        )
        if denied is not None:
            name = denied["name"].replace("-", "")
            raise service_error(
                "DenyAssignmentAuthorizationFailed",
                who=who,
                action=action,
                scope=scope,
                denied=denied,
                name=name,
            )


LEVELS = ("CanNotDelete", "ReadOnly")


class Locks:
    """All locks, identified by scope and name without case."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def put(
        self, scope: str, name: str, level: str, notes: str | None = None
    ) -> tuple[dict[str, Any], bool]:
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
        """Return the locks that a list shows: on a scope, on what it contains, and on a resource's
        group.

        Those of its subscription are not documented to be among them: docs/azure-contract.md,
        section 4.5.
        """
        of_group = [
            k for k in self.all if is_within(scope, k["scope"]) and k["scope"].count("/") > 2
        ]
        return of_group + [
            k for k in self.all if is_within(k["scope"], scope) and k not in of_group
        ]

    def check(self, scope: str, *, deleting: bool) -> None:
        """Refuse a change at, or under, a locked scope.

        POST counts as a change, whatever it does.
        """
        if scope.lower().rsplit("/providers/", 1)[-1].startswith("microsoft.authorization/locks"):
            return
        above = (
            k
            for k in self.all
            if is_within(scope, k["scope"]) and (deleting or k["level"] == "ReadOnly")
        )
        below = (k for k in self.all if deleting and is_within(k["scope"], scope))
        scopes = list(dict.fromkeys(lock["scope"] for lock in (*above, *below)))
        if scopes:
            verb = "delete" if deleting else "write"
            named = "', '".join(scopes)
            raise service_error("ScopeLocked", scope=scope, verb=verb, named=named)


def _is(lock: dict[str, Any], scope: str, name: str) -> bool:
    return bool(lock["scope"].lower() == scope.lower() and lock["name"].lower() == name.lower())
