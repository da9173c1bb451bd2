"""Edits to an application, worked out against what is there at the moment of writing.

`identifierUris`, `appRoles`, `requiredResourceAccess` and `tags` are replaced whole by a PATCH: every entry that is
not ours is sent back as it was read.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from mct_s2s.errors import Refused
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess
from mct_s2s.model.ids import AppRoleId, ClientId, same_id
from mct_s2s.planning.changes import ApplicationEdits, Outputs


def edited(application: Application, edits: ApplicationEdits, outputs: Outputs) -> list[Application]:
    """What an application becomes, one write after the other; nothing where it shows the edits already.

    A switch of the token version may be refused by policy, so it comes first, with the reference that every write may
    need. Raises Refused: the role came to be under another id since the plan was made.
    """
    uri = outputs.resolve(edits.uri) if edits.uri else None
    access = application.required_access
    if edits.access_to is not None and edits.access_role is not None:
        access = _access(access, outputs.resolve(edits.access_to), edits.access_role)
    if edits.no_access_to is not None:
        access = tuple(entry for entry in access if not same_id(entry.resource_client_id, edits.no_access_to))
    kept = tuple(tag for tag in application.tags if tag not in edits.forget)
    switched = application
    if edits.token_version not in {None, application.token_version}:
        reference = application.management_reference or edits.management_reference
        switched = replace(application, token_version=edits.token_version, management_reference=reference)
    final = replace(
        switched,
        identifier_uris=tuple(dict.fromkeys((*application.identifier_uris, *([uri] if uri else [])))),
        app_roles=_roles(application, edits.role) if edits.role else application.app_roles,
        required_access=access,
        tags=(*kept, *(tag for tag in edits.tags if tag not in kept)),
        management_reference=application.management_reference or edits.management_reference,
        unique_name=application.unique_name or edits.unique_name,
        notes=edits.notes or application.notes,
    )
    return [after for before, after in pairwise((application, switched, final)) if after != before]


def missing_reference(application: Application, wanted: str | None) -> str | None:
    """The reference to write: one that is there, which the tenant accepted, is left alone."""
    return None if application.management_reference else wanted


def _roles(application: Application, wanted: AppRole) -> tuple[AppRole, ...]:
    existing = application.role(wanted.value or "")
    if existing is None:
        return (*application.app_roles, wanted)
    if not same_id(existing.id, wanted.id):
        raise Refused(
            "changed-meanwhile",
            f"Someone else added the app role '{wanted.value}' to '{application.display_name}' at the same time.",
            remedy="Run the same command again to use that role.",
        )
    return tuple(replace(role, enabled=True) if role is existing else role for role in application.app_roles)


def _access(existing: tuple[RequiredAccess, ...], resource: ClientId, role: AppRoleId) -> tuple[RequiredAccess, ...]:
    permission = (str(role), "Role")
    for access in existing:
        if same_id(access.resource_client_id, resource):
            if any(same_id(entry, role) and kind == "Role" for entry, kind in access.permissions):
                return existing
            extended = replace(access, permissions=(*access.permissions, permission))
            return tuple(extended if entry is access else entry for entry in existing)
    return (*existing, RequiredAccess(resource, (permission,)))
