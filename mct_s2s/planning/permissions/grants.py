"""What is missing, in words: who can grant it, the least role that is enough, and the command that they type."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mct_s2s.errors import MissingRight
from mct_s2s.model.caller_rights import CallerRights, DirectoryRights
from mct_s2s.model.commands import command
from mct_s2s.model.resource_id import CONTAINER_APPS, LOGIC_APPS, ResourceId
from mct_s2s.planning.permissions.rights import (
    APPLICATION_DEVELOPER,
    CLOUD_APPLICATION_ADMINISTRATOR,
    Judged,
    Need,
    Obstacle,
    ObstacleKind,
    Right,
)

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_PERMISSIONS = {
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
}
"""Source: learn.microsoft.com/graph/permissions-reference."""

_LEAST_ROLES = {
    "microsoft.compute/virtualmachines": "Virtual Machine Contributor",
    LOGIC_APPS: "Logic App Contributor",
    CONTAINER_APPS: "Container Apps Contributor",
}
"""Built-in roles that may write to a resource, and so enable its identity."""
_DELETE_LOCK = ("az", "lock", "delete", "--ids")
_ASSIGN_ROLE = ("az", "role", "assignment", "create", "--assignee")
_ADD_PERMISSION = ("az", "ad", "app", "permission", "add", "--id")
_CONSENT_TO = ("az", "ad", "app", "permission", "admin-consent", "--id")


_DEVELOPER, _CLOUD_ADMINISTRATOR = "Application Developer", "Cloud Application Administrator"
_TEMPLATES = {_DEVELOPER: APPLICATION_DEVELOPER, _CLOUD_ADMINISTRATOR: CLOUD_APPLICATION_ADMINISTRATOR}
REGISTRAR, OWNER = "a Privileged Role Administrator", "an Owner or User Access Administrator"
"""Who grants what the directory judges, and what Azure judges."""
SITE_ROLE = "Website Contributor"


@dataclass(frozen=True)
class Grant:
    """One thing that someone else has to do so that the caller may."""

    right: str
    """`Website Contributor`; of a lock, its removal."""
    what: str
    """What to ask for: `for the role Website Contributor on 'contosolearn'`."""
    who: str
    """Who can grant it."""
    commands: tuple[str, ...] = ()
    """What they run, one after another; empty where only they know how."""

    @property
    def command(self) -> str:
        """All that they run, as one line for a shell."""
        return " && ".join(self.commands)

    @property
    def request(self) -> str:
        """`ask an Owner for the role Website Contributor on 'contosolearn'`."""
        return f"ask {self.who} {self.what}"

    @property
    def request_with_command(self) -> str:
        """The same on one line with what they run."""
        return self.request + (f". They run: {self.command}" if self.command else "")


@dataclass(frozen=True)
class Lack:
    """A step that the caller may not do, and what it takes."""

    step: str
    grant: Grant


def lacks(judged: Judged, access: CallerRights) -> tuple[Lack, ...]:
    """What has to be granted, or taken out of the way, before it may be done; one for each obstacle."""
    if judged.need.right.is_azure:
        found = [_azure(judged.need, obstacle, access.directory) for obstacle in judged.obstacles]
    else:
        found = [_directory(judged.need, access.directory)] if judged.obstacles else []
    return tuple(Lack(judged.need.step, grant) for grant in found)


def least(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Each grant once, without the role that another of them includes."""
    found = dict.fromkeys(grants)
    includes_it = any(grant.right == _CLOUD_ADMINISTRATOR for grant in found)
    return tuple(grant for grant in found if not (includes_it and grant.right == _DEVELOPER))


def steps_by_grant(lacking: Iterable[Lack]) -> dict[Grant, dict[str, None]]:
    """Each thing that someone has to grant, once, with the steps that need it."""
    lacks_of = list(lacking)
    kept = least(lack.grant for lack in lacks_of)
    steps: dict[Grant, dict[str, None]] = {grant: {} for grant in kept}
    for lack in lacks_of:
        grant = lack.grant if lack.grant in steps else next(one for one in kept if one.right == _CLOUD_ADMINISTRATOR)
        steps[grant][lack.step] = None
    return steps


def requests(lacking: Iterable[Lack]) -> tuple[tuple[str, str], ...]:
    """The same in words: the steps and whom to ask for what, and the command that they run, if any."""
    return tuple(
        (f"{', '.join(waiting)}: {grant.request}{'. They run:' if grant.command else ''}", grant.command)
        for grant, waiting in steps_by_grant(lacking).items()
    )


def missing_rights(lacking: Iterable[Lack]) -> tuple[MissingRight, ...]:
    """The same for programs: each step with what it lacks, once."""
    found = (MissingRight(lack.step, lack.grant.right, lack.grant.who, lack.grant.command) for lack in lacking)
    return tuple(dict.fromkeys(found))


def _azure(need: Need, obstacle: Obstacle, rights: DirectoryRights | None) -> Grant:
    assert need.resource is not None  # noqa: S101  # the needs of Azure name their resource
    if obstacle.kind is ObstacleKind.LOCK:
        lock = f"{obstacle.scope}/providers/Microsoft.Authorization/locks/{obstacle.name}"
        return Grant(
            f"removal of the read-only lock '{obstacle.name}'",
            f"to remove the read-only lock '{obstacle.name}'",
            OWNER,
            (command(*_DELETE_LOCK, lock),),
        )
    role = least_role(need.resource)
    assignee = (rights.principal_id or rights.signed_in.client_id) if rights else None
    assignment = (assignee or "CALLER", "--role", role, "--scope", str(need.resource))
    return Grant(
        role,
        f"for the role {role} on '{need.subject}'",
        OWNER,
        (command(*_ASSIGN_ROLE, *assignment),),
    )


def least_role(resource: ResourceId) -> str:
    """The built-in role of the least reach that may change a resource."""
    return SITE_ROLE if resource.is_site else _LEAST_ROLES.get(resource.type, "Contributor")


def least_in_directory(right: Right, *, of_others: bool) -> tuple[tuple[str, ...], str]:
    """The application permissions, and for a person the role, that are enough; `of_others`: what others own, too.

    Source: learn.microsoft.com/graph/permissions-reference.
    """
    if right.is_consent:
        return ("AppRoleAssignment.ReadWrite.All", "Application.Read.All"), _CLOUD_ADMINISTRATOR
    if right is Right.CREATE_APPLICATION:
        return ("Application.ReadWrite.OwnedBy",), _DEVELOPER
    return (f"Application.ReadWrite.{'All' if of_others else 'OwnedBy'}",), _CLOUD_ADMINISTRATOR


def _directory(need: Need, rights: DirectoryRights | None) -> Grant:
    permissions, role = least_in_directory(need.right, of_others=need.application is not None)
    if rights is None or rights.is_person is not False:
        return _entra_role(role, rights)
    return _permissions([name for name in permissions if name not in (rights.permissions or ())] or permissions, rights)


def _entra_role(role: str, rights: DirectoryRights | None) -> Grant:
    template = _TEMPLATES[role]
    principal = (rights.principal_id if rights else None) or "CALLER"
    graph = rights.graph if rights else "https://graph.microsoft.com/v1.0"
    body = json.dumps({"principalId": principal, "roleDefinitionId": template, "directoryScopeId": "/"})
    url = f"{graph}/roleManagement/directory/roleAssignments"
    return Grant(
        role,
        f"for the Entra role {role}",
        REGISTRAR,
        (command("az", "rest", "--method", "POST", "--url", url, "--body", body),),
    )


def _permissions(names: Sequence[str], rights: DirectoryRights) -> Grant:
    """Application permissions of Microsoft Graph."""
    listed = " and ".join(names)
    ids = [GRAPH_PERMISSIONS[name] for name in names]
    caller = rights.signed_in.client_id or "CALLER"
    return Grant(
        listed,
        f"for the Microsoft Graph application permission {listed}",
        REGISTRAR,
        (
            command(
                *_ADD_PERMISSION, caller, "--api", GRAPH_APP_ID, "--api-permissions", *(f"{one}=Role" for one in ids)
            ),
            command(*_CONSENT_TO, caller),
        ),
    )
