"""Which directory roles somebody holds.

Source: graph: resources/directoryrole, resources/unifiedroleassignment.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import DIRECTORY_ROLES


def all_of(principal: Object) -> list[str]:
    """Return the template ids of a principal's directory roles: its own, and those of groups that it belongs to."""
    return [*principal.get("@roles", ()), *principal.get("@groupRoles", ())]


def assigned(role: str, template: str | None, scope: str, actions: Iterable[str]) -> Object:
    """Return the record of a custom role, or of a role at a smaller scope: neither is in tokens or in the cast.

    Args:
        scope: `/`, `/{object id}` of one application or service principal, `/administrativeUnits/{id}`.
    """
    made = template or str(uuid.uuid5(uuid.NAMESPACE_URL, f"custom role {role}"))
    return {"name": role, "roleDefinitionId": made, "directoryScopeId": scope, "actions": list(actions)}


def roles_of(directory: Directory, principal: Object, *, transitive: bool = False) -> list[Object]:
    """Return the directory roles of a principal as `directoryRole` objects; `transitive` adds those by group."""
    held = all_of(principal) if transitive else principal.get("@roles", ())
    return [
        document("directoryRole", id=uuid.uuid5(uuid.UUID(directory.tenant_id), template), name=name, template=template)
        for name, template in DIRECTORY_ROLES.items()
        if template in held
    ]


def assignments_of(directory: Directory, principal_id: str, *, transitive: bool = False) -> list[Object]:
    """Return all directory roles of a principal, at whatever scope, as `unifiedRoleAssignment` objects.

    Those by group are assigned to the group: `transitive` adds them.
    """
    principal = directory.principal(principal_id)
    if principal is None:
        return []
    own = set(principal.get("@roles", ()))
    group = str(uuid.uuid5(uuid.UUID(principal_id), "a group"))
    found = [
        _assignment(
            principal["id"] if role["roleTemplateId"] in own else group,
            role["roleTemplateId"],
            role["displayName"],
            "/",
        )
        for role in roles_of(directory, principal, transitive=transitive)
    ]
    return found + [
        _assignment(principal["id"], one["roleDefinitionId"], one["name"], one["directoryScopeId"])
        for one in principal.get("@assigned", ())
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
