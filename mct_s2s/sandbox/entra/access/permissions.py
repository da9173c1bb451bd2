"""What a caller may do: app roles for applications; scope and directory role (or ownership) for
people.

Sources: graph: permissions-reference and the "Permissions" table of each operation's page,
resources/directoryrole, resources/unifiedroleassignment; entra:
identity/role-based-access-control/permissions-reference.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mct_s2s.sandbox.core.files import data, document
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.directory import Caller, Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import DIRECTORY_ROLES, GRAPH_APP_ID

OWNED = "Application.ReadWrite.OwnedBy"


@dataclass(frozen=True)
class PermissionRule:
    """The permissions for one kind of operation.

    Attributes:
        permissions: any of them is enough, as app role or as delegated scope.
        application_only: more of them, as app roles only.
        owned: whether `Application.ReadWrite.OwnedBy` is enough for what the caller owns.
        delegated_only: more of them, as scopes only.
        and_also: one of these is needed, too.
        roles_for_people: directory roles that a person needs, unless the person owns the object;
        empty: any member may.
        roles_for_applications: directory roles that are enough for an application, without any app
            role.
        actions: one of them in a custom role counts as one of these directory roles.
    """

    permissions: frozenset[str] = frozenset()
    application_only: frozenset[str] = frozenset()
    owned: bool = False
    delegated_only: frozenset[str] = frozenset()
    and_also: frozenset[str] = frozenset()
    roles_for_people: frozenset[str] = frozenset()
    roles_for_applications: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()


_KNOWN = data("permissions.json")


def _names(words: list[str]) -> Any:
    """Return the names in a list, in which `@` stands before the name of a set."""
    sets = (_names(_KNOWN["sets"][word[1:]]) if word.startswith("@") else {word} for word in words)
    return frozenset().union(*sets)


RULES = {
    name: PermissionRule(
        **{kind: value if kind == "owned" else _names(value) for kind, value in rule.items()}
    )
    for name, rule in _KNOWN["rules"].items()
}
"""What each kind of operation needs.

The table of the upsert does not have AppRegistration.Create: graph: api/application-upsert. Who is
not an administrator has to own the application of a service principal: microsoft-graph-docs#16138.
Who consents: graph: api/serviceprincipal-post-approleassignedto; that the owner of the resource's
service principal does, and what owners write: entra: fundamentals/users-default-permissions
("Ownership permissions"). Actions: entra:
identity/role-based-access-control/custom-available-permissions.
"""


def require(
    directory: Directory, caller: Caller, operation: str, target: Object | None = None
) -> None:
    """Refuse an operation that the caller may not do.

    Args:
        target: the object, for callers that may change only what they own.
    """
    if not may(directory, caller, operation, target):
        raise denied()


def may(directory: Directory, caller: Caller, operation: str, target: Object | None = None) -> bool:
    allowed = _person_may if caller.scopes else _application_may
    return allowed(directory, RULES[operation], caller, target)


def require_assignable(directory: Directory, caller: Caller, resource_id: str) -> None:
    """Refuse a person who may not assign roles of this resource: those of Microsoft Graph need a
    stronger role.
    """
    if not caller.scopes:
        return
    graph = directory.service_principals.latest_by("appId", GRAPH_APP_ID)[0]
    strong = frozenset({"Global Administrator", "Privileged Role Administrator"})
    if resource_id.lower() == graph["id"] and not _has_role(caller, strong):
        raise denied()


def denied() -> WireError:
    return graph_error(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def only_owns(caller: Caller) -> bool:
    return OWNED in caller.roles and "Application.ReadWrite.All" not in caller.roles


def _owns(caller: Caller, target: Object | None) -> bool:
    # An application and its service principal have owners of their own: docs/azure-contract.md,
    # section 3.10.
    return target is not None and caller.object_id in target.get("@owners", ())


def _application_may(
    directory: Directory, rule: PermissionRule, caller: Caller, target: Object | None
) -> bool:
    if _has_role(caller, rule.roles_for_applications) or _is_assigned(
        directory, caller, rule, target
    ):
        return True
    if rule.and_also and not caller.roles & rule.and_also:
        return False
    if caller.roles & (rule.permissions | rule.application_only):
        return True
    return rule.owned and OWNED in caller.roles and _owns(caller, target)


def _person_may(
    directory: Directory, rule: PermissionRule, caller: Caller, target: Object | None
) -> bool:
    if rule.and_also and not caller.scopes & rule.and_also:
        return False
    if not caller.scopes & (rule.permissions | rule.delegated_only):
        return False
    if not rule.roles_for_people or _has_role(caller, rule.roles_for_people):
        return True
    return _is_assigned(directory, caller, rule, target) or _owns(caller, target)


def _is_assigned(
    directory: Directory, caller: Caller, rule: PermissionRule, target: Object | None
) -> bool:
    principal = directory.service_principals.latest(caller.object_id) or directory.users.latest(
        caller.object_id
    )
    built_in = {
        DIRECTORY_ROLES[name] for name in rule.roles_for_people | rule.roles_for_applications
    }
    return any(
        (assignment["roleDefinitionId"] in built_in or rule.actions & set(assignment["actions"]))
        and (
            assignment["directoryScopeId"] == "/"
            or (target is not None and assignment["directoryScopeId"] == f"/{target['id']}")
        )
        for assignment in (principal or {}).get("@assigned", ())
    )


def has_any_role(caller: Caller) -> bool:
    """Return whether a caller has a directory role, or is an application (whose app roles let it
    read them).
    """
    return bool(caller.claims.get("wids")) or not caller.scopes


def _has_role(caller: Caller, names: frozenset[str]) -> bool:
    held = set(caller.claims.get("wids", ()))
    return bool(held & {DIRECTORY_ROLES[name] for name in names})


def directory_roles_of(principal: Object) -> list[str]:
    """Return the template ids of a principal's directory roles: its own, and those of groups that
    it belongs to.
    """
    return [*principal.get("@roles", ()), *principal.get("@groupRoles", ())]


def assigned(role: str, template: str | None, scope: str, actions: Iterable[str]) -> Object:
    """Return the record of a custom role, or of a role at a smaller scope: neither is in tokens or
    in the cast.

    Args:
        scope: `/`, `/{object id}` of one application or service principal,
            `/administrativeUnits/{id}`.
    """
    definition_id = template or str(uuid.uuid5(uuid.NAMESPACE_URL, f"custom role {role}"))
    return {
        "name": role,
        "roleDefinitionId": definition_id,
        "directoryScopeId": scope,
        "actions": list(actions),
    }


def roles_of(directory: Directory, principal: Object, *, transitive: bool = False) -> list[Object]:
    """Return the directory roles of a principal as `directoryRole` objects; `transitive` adds those
    by group.
    """
    held = directory_roles_of(principal) if transitive else principal.get("@roles", ())
    return [
        document(
            "directoryRole",
            id=uuid.uuid5(uuid.UUID(directory.tenant_id), template),
            name=name,
            template=template,
        )
        for name, template in DIRECTORY_ROLES.items()
        if template in held
    ]


def assignments_of(
    directory: Directory, principal_id: str, *, transitive: bool = False
) -> list[Object]:
    """Return all directory roles of a principal, at whatever scope, as `unifiedRoleAssignment`
    objects.

    Those by group are assigned to the group: `transitive` adds them.
    """
    principal = directory.principal(principal_id)
    if principal is None:
        return []
    role_ids = set(principal.get("@roles", ()))
    group = str(uuid.uuid5(uuid.UUID(principal_id), "a group"))
    built_in = [
        _assignment(
            principal["id"] if role["roleTemplateId"] in role_ids else group,
            role["roleTemplateId"],
            role["displayName"],
            "/",
        )
        for role in roles_of(directory, principal, transitive=transitive)
    ]
    return built_in + [
        _assignment(
            principal["id"],
            assignment["roleDefinitionId"],
            assignment["name"],
            assignment["directoryScopeId"],
        )
        for assignment in principal.get("@assigned", ())
    ]


def _assignment(principal_id: str, role: str, name: str, scope: str) -> Object:
    return {
        "id": str(uuid.uuid5(uuid.UUID(principal_id), f"{role} {scope}" if scope != "/" else role)),
        "principalId": principal_id,
        "directoryScopeId": scope,
        "roleDefinitionId": role,
        "roleDefinition": {
            "id": role,
            "displayName": name,
            "templateId": role,
            "isBuiltIn": role in DIRECTORY_ROLES.values(),
        },
    }
