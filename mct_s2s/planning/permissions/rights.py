"""May the caller do it? Judged by what was found out, in three values: what is not known is never taken for missing.

Sources: learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference; the permission tables of
each Graph operation; learn.microsoft.com/azure/role-based-access-control/role-definitions (wildcards, notActions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum

from mct_s2s.model.caller_rights import (
    CallerRights,
    DirectoryRights,
    Permission,
    ScopeRights,
    Verdict,
)
from mct_s2s.model.ids import ApplicationObjectId
from mct_s2s.model.resource_id import ResourceId

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
APPLICATION_DEVELOPER = "cf1c38e5-3621-4004-a7cb-879624dced7c"
HYBRID_IDENTITY_ADMINISTRATOR = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"
DIRECTORY_SYNCHRONIZATION_ACCOUNTS = "d29b2b05-8046-44ba-8758-1e26182fcf32"
DIRECTORY_WRITERS = "9360feb5-f418-4baa-8175-e2a00bac4301"
IDENTITY_GOVERNANCE_ADMINISTRATOR = "45d8d3c5-c802-45c6-b32a-1d70b5e1e86e"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"

_ADMINISTRATORS = frozenset({GLOBAL_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR})
_CONSENTERS = _ADMINISTRATORS | {
    PRIVILEGED_ROLE_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    DIRECTORY_SYNCHRONIZATION_ACCOUNTS,
    DIRECTORY_WRITERS,
    IDENTITY_GOVERNANCE_ADMINISTRATOR,
    USER_ADMINISTRATOR,
}
"""Who may assign app roles. Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto."""
_WRITE_ALL = frozenset({"Application.ReadWrite.All", "Directory.ReadWrite.All"})
_OWNED_BY = "Application.ReadWrite.OwnedBy"
_CONSENT = "AppRoleAssignment.ReadWrite.All"


class Right(Enum):
    """What a step takes, one row each.

    A row has the code of `doctor`'s check, the step in words, the same without a name where the object has yet to be
    created, and the end of the Azure action, where Azure Resource Manager judges it and not the directory.
    Source: learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile.
    """

    CREATE_APPLICATION = ("create-application", "create the app registration '{}'", "create app registrations")
    CHANGE_APPLICATION = (
        "change-application",
        "update the app registration '{}'",
        "update the app registrations you create",
    )
    CREATE_PRINCIPAL = (
        "create-service-principal",
        "create the service principal of '{}'",
        "create service principals",
    )
    DELETE_APPLICATION = ("delete-application", "delete the app registration '{}'")
    CONSENT = ("admin-consent", "grant admin consent to '{}'", "grant admin consent")
    REVOKE = ("revoke-consent", "revoke the admin consent of '{}'")
    READ_SETTINGS = ("read-settings", "read the application settings of '{}'", "", "config/list/action")
    WRITE_SETTINGS = ("write-settings", "write the application settings of '{}'", "", "config/write")
    RESTART = ("restart", "restart '{}'", "", "restart/action")
    ENABLE_IDENTITY = ("enable-identity", "enable the managed identity of '{}'", "", "write")
    DISABLE_IDENTITY = ("disable-identity", "disable the managed identity of '{}'", "", "write")

    def __init__(self, code: str, step: str, unnamed_step: str = "", action: str = "") -> None:
        self.code = code
        self.step = step
        self.unnamed_step = unnamed_step
        self.action = action

    @property
    def is_azure(self) -> bool:
        """Whether Azure Resource Manager judges it, not the directory."""
        return bool(self.action)

    @property
    def is_consent(self) -> bool:
        """Whether it is about app role assignments."""
        return self in {Right.CONSENT, Right.REVOKE}


@dataclass(frozen=True)
class Need:
    """A right, and what it is needed for."""

    right: Right
    subject: str
    """What it is done to, by the name that people know; empty for whatever has yet to be created."""
    application: ApplicationObjectId | None = None
    """The registration, where it exists already."""
    resource: ResourceId | None = None

    @property
    def step(self) -> str:
        """The step as a verb phrase: `grant admin consent to 'Import'`."""
        return self.right.step.format(self.subject) if self.subject else self.right.unnamed_step

    @property
    def action(self) -> str:
        """The Azure action: `Microsoft.Web/sites/config/write`."""
        assert self.resource is not None  # noqa: S101  # the needs of Azure name their resource
        return "/".join((self.resource.namespace, *self.resource.types, self.right.action))


_OTHERS = Need(Right.CHANGE_APPLICATION, "", application=ApplicationObjectId(""))
"""To change a registration that the caller does not own."""


class ObstacleKind(StrEnum):
    """Kinds of obstacles."""

    ROLE = "role"
    LOCK = "lock"


@dataclass(frozen=True)
class Obstacle:
    """One reason why something may not be done."""

    kind: ObstacleKind
    name: str = ""
    """The lock's."""
    scope: str = ""
    """Where the lock was set."""


@dataclass(frozen=True)
class Judged:
    """A need and the verdict on it; every obstacle where it is `no`, and the likely one where it is `unknown`."""

    need: Need
    verdict: Verdict
    obstacles: tuple[Obstacle, ...] = ()


def judge(need: Need, access: CallerRights) -> Judged:
    """The verdict on one need."""
    if need.right.is_azure:
        assert need.resource is not None  # noqa: S101
        return _judge_azure(need, access.at(need.resource))
    return _judge_directory(need, access.directory) if access.directory else Judged(need, Verdict.UNKNOWN)


def relies_on_ownership(access: CallerRights) -> bool:
    """Whether the caller may perhaps change only registrations that it owns."""
    rights = access.directory
    if rights is None:
        return False
    return _judge_directory(_OTHERS, rights).verdict is not Verdict.YES


def may_do_all(rights: DirectoryRights) -> bool:
    """Whether the caller may change any registration and grant admin consent, so that nothing more need be known."""
    needs = (_OTHERS, Need(Right.CONSENT, "", application=_OTHERS.application))
    return all(_judge_directory(need, rights).verdict is Verdict.YES for need in needs)


def _judge_directory(need: Need, rights: DirectoryRights) -> Judged:
    if rights.known_roles & _roles_for(need):
        return Judged(need, Verdict.YES)
    found = _person(need, rights) if rights.is_person else _application(need, rights)
    if found is not Verdict.NO:
        return Judged(need, found)
    # A role that the tenant made, one for this registration alone and one that is not in our lists may all allow it.
    verdict = Verdict.NO if rights.has_no_role and rights.is_person is not None else Verdict.UNKNOWN
    return Judged(need, verdict, (Obstacle(ObstacleKind.ROLE),))


def _roles_for(need: Need) -> frozenset[str]:
    if need.right.is_consent:
        return _CONSENTERS
    is_new = need.right is Right.CREATE_PRINCIPAL and need.application is None
    developer = need.right is Right.CREATE_APPLICATION or is_new
    return _ADMINISTRATORS | ({APPLICATION_DEVELOPER} if developer else frozenset())


def _person(need: Need, rights: DirectoryRights) -> Verdict:
    """A person without a role: users may register applications where the tenant lets them, and then own them.

    That switch is readable by administrators only, so it is left to the real request. Members may assign the roles of
    an API that they own, guests may not: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto.
    """
    if need.right is Right.CREATE_APPLICATION or need.application is None:
        return Verdict.UNKNOWN
    owned = _owns(need, rights)
    return Verdict.UNKNOWN if need.right.is_consent and owned is Verdict.YES else owned


def _application(need: Need, rights: DirectoryRights) -> Verdict:
    held = rights.permissions
    if held is None:
        return Verdict.UNKNOWN
    if need.right.is_consent:
        return Verdict.YES if _CONSENT in held else Verdict.NO
    if held & _WRITE_ALL:
        return Verdict.YES
    if need.right is Right.CREATE_APPLICATION:
        # `AppRegistration.Create` makes one that its maker may not change, and so not even name.
        return Verdict.YES if _OWNED_BY in held else Verdict.NO
    if _OWNED_BY not in held:
        return Verdict.NO
    return Verdict.YES if need.application is None else _owns(need, rights)


def _owns(need: Need, rights: DirectoryRights) -> Verdict:
    if rights.owned is None:
        return Verdict.UNKNOWN
    return Verdict.YES if need.application in rights.owned else Verdict.NO


def _judge_azure(need: Need, rights: ScopeRights) -> Judged:
    allowed = _allowed(rights.permissions, need.action)
    obstacles = [Obstacle(ObstacleKind.ROLE)] if allowed is Verdict.NO else []
    obstacles += [
        Obstacle(ObstacleKind.LOCK, lock.name, lock.scope) for lock in rights.locks or () if lock.is_read_only
    ]
    return Judged(need, Verdict.NO if obstacles else allowed, tuple(obstacles))


def _allowed(permissions: tuple[Permission, ...] | None, action: str) -> Verdict:
    if permissions is None:
        return Verdict.UNKNOWN
    fitting = [permission for permission in permissions if _covers(permission, action)]
    if any(not permission.is_conditional for permission in fitting):
        return Verdict.YES
    return Verdict.UNKNOWN if fitting else Verdict.NO


def _covers(permission: Permission, action: str) -> bool:
    return _matches(permission.actions, action) and not _matches(permission.not_actions, action)


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    """`*` matches any characters, slashes included; case does not count."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None for pattern in patterns
    )
