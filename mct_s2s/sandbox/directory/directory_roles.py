"""Which directory roles somebody holds.

Source: graph: resources/directoryrole, resources/unifiedroleassignment.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from mct_s2s.sandbox.directory.well_known import DIRECTORY_ROLES

if TYPE_CHECKING:
    from mct_s2s.sandbox.directory.store import Directory
    from mct_s2s.sandbox.directory.table import Object


def all_of(principal: Object) -> list[str]:
    """Give the template ids of a principal's directory roles: its own, and those of groups that it belongs to."""
    return [*principal.get("@roles", ()), *principal.get("@groupRoles", ())]


def roles_of(directory: Directory, principal: Object, *, transitive: bool = False) -> list[Object]:
    """Give the directory roles of a principal as `directoryRole` objects; `transitive` adds those by group."""
    held = all_of(principal) if transitive else principal.get("@roles", ())
    return [
        {
            "@odata.type": "#microsoft.graph.directoryRole",
            "id": str(uuid.uuid5(uuid.UUID(directory.tenant_id), template)),
            "deletedDateTime": None,
            "description": None,
            "displayName": name,
            "roleTemplateId": template,
        }
        for name, template in DIRECTORY_ROLES.items()
        if template in held
    ]


def assignments_of(directory: Directory, principal_id: str) -> list[Object]:
    """Give the directory roles of a principal as `unifiedRoleAssignment` objects."""
    principal = directory.principal(principal_id)
    if principal is None:
        return []
    return [
        {
            "id": str(uuid.uuid5(uuid.UUID(principal_id), role["roleTemplateId"])),
            "principalId": principal["id"],
            "directoryScopeId": "/",
            "roleDefinitionId": role["roleTemplateId"],
            "roleDefinition": {
                "id": role["roleTemplateId"],
                "displayName": role["displayName"],
                "templateId": role["roleTemplateId"],
                "isBuiltIn": True,
            },
        }
        for role in roles_of(directory, principal)
    ]
