"""What each step takes, and whether the caller has it.

Sources: learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference; the
permission tables of each Graph operation;
learn.microsoft.com/azure/role-based-access-control/role-definitions (wildcards, notActions).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from mct_s2s.errors import Instruction, MissingRight, S2SError, WayOut
from mct_s2s.model.caller_rights import CallerRights, Permission, Verdict
from mct_s2s.model.commands import az_command, command, role_assignment
from mct_s2s.model.ids import ApplicationObjectId
from mct_s2s.model.resource_id import (
    CONTAINER_APPS,
    LOGIC_APPS,
    SCALE_SETS,
    USER_ASSIGNED_IDENTITIES,
    VIRTUAL_MACHINES,
    ResourceId,
)

CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
APPLICATION_DEVELOPER = "cf1c38e5-3621-4004-a7cb-879624dced7c"
_ADMINISTRATORS = frozenset({
    CLOUD_APPLICATION_ADMINISTRATOR,
    "62e90394-69f5-4237-9190-012177145e10",  # Global Administrator
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",  # Application Administrator
})  # fmt: skip
# Privileged Role Administrator
_CONSENTERS = _ADMINISTRATORS | {"e8611ab8-c189-46e8-94e1-60213ab1f814"}
"""Rarer roles may, too.

Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto.
"""
_DEVELOPER, _CLOUD_ADMINISTRATOR = "Application Developer", "Cloud Application Administrator"
_TEMPLATES = {
    _DEVELOPER: APPLICATION_DEVELOPER,
    _CLOUD_ADMINISTRATOR: CLOUD_APPLICATION_ADMINISTRATOR,
}
_OWNED_BY, _WRITE_ALL = "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"
_DIRECTORY_ALL = "Directory.ReadWrite.All"
_READ_ALL, _CONSENT = "Application.Read.All", "AppRoleAssignment.ReadWrite.All"
_READ_ORGANIZATION = "Organization.Read.All"
READING = (_READ_ALL, _READ_ORGANIZATION)
"""What an application needs to read the directory."""

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph's appId in every cloud.

Source: learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in.
"""
GRAPH_PERMISSIONS = {
    _OWNED_BY: "18a4783c-866b-4cc7-a460-3d5e5662c884",
    _WRITE_ALL: "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    _READ_ALL: "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    _CONSENT: "06b708a9-e830-4db3-a914-8e69da51d44f",
    _DIRECTORY_ALL: "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    _READ_ORGANIZATION: "498476ce-e0fe-48b0-b801-37ba7e2685c6",
}
"""Source: learn.microsoft.com/graph/permissions-reference."""

BIN_READERS = (
    "Application Administrator, Cloud Application Administrator or Hybrid Identity Administrator"
)
"""The roles that read the recycle bin.

Source: learn.microsoft.com/graph/api/directory-deleteditems-list, its table of roles.
"""
REGISTRAR, OWNER = "a Privileged Role Administrator", "an Owner or User Access Administrator"
SITE_ROLE, READER, CONTRIBUTOR = "Website Contributor", "Reader", "Contributor"
LEAST_ROLES = {
    VIRTUAL_MACHINES: "Virtual Machine Contributor",
    SCALE_SETS: "Virtual Machine Contributor",
    LOGIC_APPS: "Logic App Contributor",
    CONTAINER_APPS: "Container Apps Contributor",
    USER_ASSIGNED_IDENTITIES: "Managed Identity Operator",
}
"""Built-in roles that may enable a resource's identity, or assign one; else it takes a Contributor.
"""


@dataclass(frozen=True)
class RightFacts:
    """What is known of a right, and how it is said.

    Source: learn.microsoft.com/azure/role-based-access-control/permissions/web-and-mobile.
    """

    code: str
    """Of `doctor`'s check."""
    step: str
    """What takes it, as a verb phrase, with `{}` for the object's name."""
    unnamed_step: str = ""
    """The same where the object has no name yet."""
    action: str = ""
    """The end of the Azure action; empty where Entra ID decides."""
    way_out: WayOut | None = None
    """Who else can do it."""


class Right(Enum):
    """A right that a step takes; each is a row."""

    _value_: RightFacts

    CREATE_APPLICATION = RightFacts(
        code="create-application",
        step="create the app registration '{}'",
        unnamed_step="create app registrations",
        way_out=WayOut.REGISTRAR,
    )
    CHANGE_APPLICATION = RightFacts(
        code="change-application",
        step="update the app registration '{}'",
        unnamed_step="update the app registrations you create",
        way_out=WayOut.REGISTRAR,
    )
    CREATE_PRINCIPAL = RightFacts(
        code="create-service-principal",
        step="create the service principal of '{}'",
        unnamed_step="create service principals",
        way_out=WayOut.REGISTRAR,
    )
    DELETE_APPLICATION = RightFacts(
        code="delete-application",
        step="delete the app registration '{}'",
    )
    CONSENT = RightFacts(
        code="admin-consent",
        step="grant admin consent to '{}'",
        unnamed_step="grant admin consent",
        way_out=WayOut.CONSENTER,
    )
    REVOKE = RightFacts(
        code="revoke-consent",
        step="revoke the admin consent of '{}'",
    )
    READ_SITE = RightFacts(
        code="read-app-service",
        step="read the App Service '{}'",
        action="read",
        way_out=WayOut.SITE_OWNER,
    )
    READ_SETTINGS = RightFacts(
        code="read-settings",
        step="read the application settings of '{}'",
        action="config/list/action",
        way_out=WayOut.SITE_OWNER,
    )
    WRITE_SETTINGS = RightFacts(
        code="write-settings",
        step="write the application settings of '{}'",
        unnamed_step="write the App Service settings",
        action="config/write",
        way_out=WayOut.SITE_OWNER,
    )
    RESTART = RightFacts(
        code="restart",
        step="restart '{}'",
        action="restart/action",
    )
    ASSIGN_IDENTITY = RightFacts(
        code="assign-identity",
        step="assign the identity '{}' again",
        action="assign/action",
    )
    ENABLE_IDENTITY = RightFacts(
        code="enable-identity",
        step="enable the managed identity of '{}'",
        action="write",
    )

    def step_on(self, subject: str) -> str:
        """As a verb phrase: `grant admin consent to 'Import'`."""
        return self.value.step.format(subject) if subject else self.value.unnamed_step

    @property
    def is_consent(self) -> bool:
        return self in {Right.CONSENT, Right.REVOKE}

    def least(self, *, of_others: bool) -> tuple[tuple[str, ...], str]:
        """The least rights: permissions for an application, a role for a person.

        Source: learn.microsoft.com/graph/permissions-reference.
        """
        if self.is_consent:
            return (_CONSENT, _READ_ALL), _CLOUD_ADMINISTRATOR
        if self is Right.CREATE_APPLICATION:
            return (_OWNED_BY,), _DEVELOPER
        return (_WRITE_ALL if of_others else _OWNED_BY,), _CLOUD_ADMINISTRATOR


@dataclass(frozen=True)
class RequiredPermission:
    """A right to one object."""

    right: Right
    subject: str
    """Empty for whatever has yet to be created."""
    application: ApplicationObjectId | None = None
    """Where it exists already."""
    is_deleted: bool = False
    """Whether it is in the recycle bin, which does not show who owns it."""
    resource: ResourceId | None = None
    role: str = ""
    """The Azure role that is enough, where the resource's least one allows more."""
    enabling: str = ""
    """The command that enables the identity of the resource that a change is about."""

    @property
    def step(self) -> str:
        """What takes it, as a verb phrase."""
        if self.is_deleted and self.subject:
            return f"restore the app registration '{self.subject}'"
        return self.right.step_on(self.subject)

    def lacks(self, right: str, who: str, command: str) -> MissingRight:
        return MissingRight(self.step, right, who, command, self.right.value.way_out, self.enabling)


Missing = tuple[MissingRight, ...]
Judged = tuple[Verdict, Missing]
"""What is missing; with `unknown`, what is likely to be."""
_OTHERS = RequiredPermission(Right.CHANGE_APPLICATION, "", application=ApplicationObjectId(""))
"""To change a registration that the caller does not own."""


def judge(need: RequiredPermission, access: CallerRights) -> Judged:
    """Decide whether the caller has a permission, and what it lacks."""
    if need.resource is None:
        return _judge_in_directory(need, access)
    return _judge_at_resource(need, need.resource, access)


def _judge_at_resource(
    need: RequiredPermission, resource: ResourceId, access: CallerRights
) -> Judged:
    rights = access.at(resource)
    action = "/".join((resource.namespace, *resource.types, need.right.value.action))
    verdict = Verdict.UNKNOWN
    missing = list[MissingRight]()
    if rights.permissions is not None:
        allowing = allowing_roles(rights.permissions, action)
        if not allowing:
            missing.append(_lacking_role(need, resource, access))
        # What a condition allows, only the real request can tell.
        elif not all(permission.is_conditional for permission in allowing):
            verdict = Verdict.YES
    # A lock on an identity does not keep others from carrying it.
    if rights.locks and need.right is not Right.ASSIGN_IDENTITY:
        missing += [_lacking_unlocked(need, lock) for lock in rights.locks]
    return Verdict.NO if missing else verdict, tuple(missing)


def _lacking_role(
    need: RequiredPermission, resource: ResourceId, access: CallerRights
) -> MissingRight:
    role = need.role or least_role(resource)
    assign = role_assignment(role, access.signed_in.assignee, str(resource))
    return need.lacks(role, OWNER, assign)


def least_role(resource: ResourceId) -> str:
    """The least built-in role that allows all that is done to a resource."""
    return SITE_ROLE if resource.is_site else LEAST_ROLES.get(resource.type, CONTRIBUTOR)


def _lacking_unlocked(need: RequiredPermission, lock: str) -> MissingRight:
    name = lock.rpartition("/")[2]
    delete = az_command("lock delete", "--ids", lock)
    return need.lacks(f"removal of the read-only lock '{name}'", OWNER, delete)


def allowing_roles(permissions: Iterable[Permission], action: str) -> list[Permission]:
    return [
        permission
        for permission in permissions
        if _has(permission.actions, action) and not _has(permission.not_actions, action)
    ]


def relies_on_ownership(access: CallerRights) -> bool:
    """Whether the caller may perhaps change only registrations that it owns."""
    return _judge_in_directory(_OTHERS, access)[0] is not Verdict.YES


def may_do_all(access: CallerRights) -> bool:
    """Whether the caller may change any registration and grant admin consent.

    Then nothing more need be known of it.
    """
    consent = replace(_OTHERS, right=Right.CONSENT)
    verdict, _ = _judge_in_directory(consent, access)
    return not relies_on_ownership(access) and verdict is Verdict.YES


def is_told_by_rights(refusal: S2SError) -> bool:
    """Whether the rights that a refusal names come with the commands that give them."""
    return bool(refusal.missing) and all(right.command for right in refusal.missing)


def asked_for(missing: Iterable[MissingRight]) -> list[Instruction]:
    """Each right once, with all steps that need it, and none that another one includes."""
    lacks = list(missing)
    largest = next((lack for lack in lacks if lack.right == _CLOUD_ADMINISTRATOR), None)
    steps_by_grant: dict[tuple[str, str, str], dict[str, None]] = {}
    for lack in lacks:
        is_included = largest is not None and lack.right == _DEVELOPER
        grant = largest if largest is not None and is_included else lack
        key = (grant.right, grant.command, grant.who)
        steps_by_grant.setdefault(key, {})[lack.step] = None
    return [
        Instruction(f"{right[:1].upper()}{right[1:]}, to {', '.join(steps)}.", command, who)
        for (right, command, who), steps in steps_by_grant.items()
    ]


def _judge_in_directory(need: RequiredPermission, access: CallerRights) -> Judged:
    right = need.right
    roles = _CONSENTERS if right.is_consent else _ADMINISTRATORS
    # For a service principal, too, an Application Developer is enough: he owns what he registers.
    # `least` asks for more, as the registration may be someone else's.
    if right in {Right.CREATE_APPLICATION, Right.CREATE_PRINCIPAL}:
        roles |= {APPLICATION_DEVELOPER}
    if roles & (access.roles or frozenset()):
        return Verdict.YES, ()
    if access.signed_in.is_person:
        verdict = _judge_person(need, access)
    else:
        verdict = _judge_application(need, access)
    if verdict is not Verdict.NO:
        return verdict, ()
    # A role that the tenant made, one for this registration alone and one that is not in our lists
    # may all allow it.
    is_known = access.has_no_role and access.signed_in.is_person is not None
    return Verdict.NO if is_known else Verdict.UNKNOWN, missing_rights(need, access)


def _judge_person(need: RequiredPermission, access: CallerRights) -> Verdict:
    """Judge by what a person may do without a role.

    Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto.
    """
    # Users may register applications where the tenant lets them, and then own them: a switch that
    # administrators alone can read.
    if need.right is Right.CREATE_APPLICATION or need.application is None:
        return Verdict.UNKNOWN
    owned = _owns(need, access)
    # Members may assign the roles of an API that they own, guests may not.
    return Verdict.UNKNOWN if need.right.is_consent and owned is Verdict.YES else owned


def _judge_application(need: RequiredPermission, access: CallerRights) -> Verdict:
    """Judge by the permissions of Microsoft Graph that an application holds."""
    permissions = access.permissions
    if permissions is None:
        return Verdict.UNKNOWN
    if need.right.is_consent:
        return Verdict.YES if _CONSENT in permissions else Verdict.NO
    if permissions & {_WRITE_ALL, _DIRECTORY_ALL}:
        return Verdict.YES
    # `AppRegistration.Create` makes one that its maker may not change, and so not even name.
    if _OWNED_BY not in permissions:
        return Verdict.NO
    is_new = need.application is None and not need.is_deleted
    return Verdict.YES if is_new else _owns(need, access)


def _owns(need: RequiredPermission, access: CallerRights) -> Verdict:
    if access.owned is None or need.is_deleted:
        return Verdict.UNKNOWN
    return Verdict.YES if need.application in access.owned else Verdict.NO


def missing_rights(need: RequiredPermission, access: CallerRights) -> Missing:
    """The rights to ask for: an Entra role for a person, Graph permissions for an application."""
    # Who may restore its own lacks, if anything, the permission to restore that of others.
    is_owned_only = need.is_deleted and _OWNED_BY in (access.permissions or ())
    of_others = need.application is not None or is_owned_only
    permissions, role = need.right.least(of_others=of_others)
    if access.signed_in.is_person is not False:
        assignment = {
            "principalId": access.caller_id,
            "roleDefinitionId": _TEMPLATES[role],
            "directoryScopeId": "/",
        }
        url = f"{access.graph}/roleManagement/directory/roleAssignments"
        post = command(
            "az", "rest", "--method", "POST", "--url", url, "--body", json.dumps(assignment)
        )
        return (need.lacks(role, REGISTRAR, post),)
    names = [name for name in permissions if name not in (access.permissions or ())] or permissions
    grant = granting_permissions(names, access.signed_in.client_id or "CALLER")
    return (need.lacks(" and ".join(names), REGISTRAR, grant),)


def granting_permissions(names: Iterable[str], client_id: str) -> str:
    """The command that gives permissions of Microsoft Graph to an application."""
    added = [f"{GRAPH_PERMISSIONS[name]}=Role" for name in names]
    permission = ("az", "ad", "app", "permission")
    add = command(
        *permission, "add", "--id", client_id, "--api", GRAPH_APP_ID, "--api-permissions", *added
    )
    consent = command(*permission, "admin-consent", "--id", client_id)
    return f"{add} && {consent}"


def _has(patterns: tuple[str, ...], action: str) -> bool:
    """Whether a pattern of an Azure role covers an action; case does not count.

    `*` matches any characters, slashes included, and `/*/` a single slash, too: Key Vault Reader
    reads vaults by `…/vaults/*/read`, Managed Identity Operator assigns by `…/*/assign/action`.
    """
    for pattern in patterns:
        expression = re.escape(pattern).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*")
        if re.fullmatch(expression, action, re.IGNORECASE):
            return True
    return False
