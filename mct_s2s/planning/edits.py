"""Edits to an application, worked out against what is there at the moment of writing.

`identifierUris`, `appRoles`, `requiredResourceAccess` and `tags` are replaced whole by a PATCH: every entry that is
not ours is sent back as it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mct_s2s.errors import Refused
from mct_s2s.model.directory_objects import Application, AppRole, RequiredAccess
from mct_s2s.model.ids import AppRoleId, ClientId, same_id
from mct_s2s.planning.changes import ApplicationEdits, Results


@dataclass(frozen=True)
class ApplicationPatch:
    """The body of one PATCH: whole lists, or `None` for what is left alone."""

    identifier_uris: tuple[str, ...] | None = None
    app_roles: tuple[AppRole, ...] | None = None
    token_version: int | None = None
    required_access: tuple[RequiredAccess, ...] | None = None
    tags: tuple[str, ...] | None = None
    management_reference: str | None = None
    unique_name: str | None = None
    notes: str | None = None

    @property
    def requests(self) -> tuple[ApplicationPatch, ...]:
        """What is sent, one after the other: a switch of the token version may be refused by policy, so it comes first.

        Where every write needs a reference, the first one brings it.
        """
        switch = ApplicationPatch(token_version=self.token_version, management_reference=self.management_reference)
        rest = replace(self, token_version=None, management_reference=None)
        return tuple(one for one in ((switch, rest) if self.token_version else (self,)) if one != ApplicationPatch())


def patch_for(application: Application, edits: ApplicationEdits, results: Results) -> ApplicationPatch:
    """What has to be sent so that `application` shows the edits; empty where it shows them already. Raises Refused."""
    uri = results.resolve(edits.uri) if edits.uri else None
    roles = _roles(application, edits.role) if edits.role else application.app_roles
    access = application.required_access
    if edits.access_to is not None and edits.access_role is not None:
        access = _access(access, results.resolve(edits.access_to), edits.access_role)
    if edits.no_access_to is not None:
        access = tuple(entry for entry in access if not same_id(entry.resource_client_id, edits.no_access_to))
    kept = tuple(tag for tag in application.tags if tag not in edits.forget)
    tags = (*kept, *(tag for tag in edits.tags if tag not in kept))
    version = edits.token_version
    return ApplicationPatch(
        identifier_uris=(*application.identifier_uris, uri) if uri and uri not in application.identifier_uris else None,
        app_roles=roles if roles != application.app_roles else None,
        token_version=version if version and version != application.token_version else None,
        required_access=access if access != application.required_access else None,
        tags=tags if tags != application.tags else None,
        management_reference=missing_reference(application, edits.management_reference),
        unique_name=edits.unique_name if application.unique_name is None else None,
        notes=edits.notes if edits.notes != application.notes else None,
    )


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
