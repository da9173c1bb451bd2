"""What the caller may do, as far as Azure tells.

`None` means not known: unreadable is never taken for missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.errors import Instruction, PermissionMissing, S2SError
from mct_s2s.model.client_sign_in import Method
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.model.resource_id import ResourceId


class Verdict(StrEnum):
    """Whether the caller has a right; `unknown`: only the real request can tell."""

    YES = "ok"
    NO = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SignedIn:
    """The caller, by the sign-in method and then the directory; no token is read for it."""

    description: str
    client_id: ClientId | None = None
    is_person: bool | None = None
    after_a_grant: tuple[Instruction, ...] = ()
    """How to make a right count that was granted after the sign-in, where tokens are cached."""
    id: PrincipalId | None = None
    """`None` where the directory does not say who it is."""
    name: str = ""
    """A person's `userPrincipalName`, an application's display name."""
    method: Method | None = None
    """`None` for a service principal's or workload's own credential, and where no one signed in."""

    @property
    def assignee(self) -> tuple[str, ...]:
        """The options of `az role assignment create` for the caller.

        An object ID with its type is taken as it is; anything else is looked up in the directory.
        """
        if self.id is None:
            return "--assignee", self.client_id or "CALLER"
        object_id = ("--assignee-object-id", self.id)
        if self.is_person is None:
            return object_id
        kind = "User" if self.is_person else "ServicePrincipal"
        return *object_id, "--assignee-principal-type", kind

    def remind(self, refused: S2SError) -> None:
        """Add to a missing right how it counts once it is granted."""
        # Two places may report the same error.
        if not isinstance(refused, PermissionMissing) or refused.is_reminded:
            return
        refused.is_reminded = True
        for step in self.after_a_grant:
            if refused.command:
                refused.ways_out += (step,)
            else:
                refused.advise(f"{refused.advice} {step.what}", step.command)


@dataclass(frozen=True)
class SecretRule:
    """One rule of an app management policy.

    Source: learn.microsoft.com/graph/api/resources/passwordcredentialconfiguration.
    """

    longest: timedelta
    """The longest lifetime of a secret; zero: none may be added."""
    since: datetime | None = None
    """Applications created before this moment are exempt."""

    def applies_to(self, created: datetime | None) -> bool:
        """Whether it binds an application; `created`: `None` for one that is not created yet."""
        return self.since is None or created is None or created >= self.since


@dataclass(frozen=True)
class Permission:
    """One Azure role at a scope: learn.microsoft.com/rest/api/authorization/permissions."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    is_conditional: bool = False


@dataclass(frozen=True)
class ScopeRights:
    """What the caller may do at one Azure resource; `None`: not known."""

    permissions: tuple[Permission, ...] | None = None
    locks: tuple[str, ...] | None = None
    """The ids of the read-only locks at it or above it."""


@dataclass(frozen=True)
class CallerRights:
    """What the caller may do, as far as Azure tells; `None`: not known."""

    signed_in: SignedIn = SignedIn("")
    permissions: frozenset[str] | None = None
    """Values of Microsoft Graph's app roles, where the caller is an application."""
    roles: frozenset[str] | None = None
    """Template ids of built-in roles for the whole tenant, those through a group included."""
    has_no_role: bool = False
    """Whether it has no role at all, for a unit or registration either."""
    owned: frozenset[ApplicationObjectId] | None = None
    graph: str = "https://graph.microsoft.com/v1.0"
    secret_rules: tuple[SecretRule, ...] | None = None
    """The tenant's default policy."""
    scopes: Mapping[str, ScopeRights] = field(default_factory=dict)
    """What the caller may do at resources, by their ids in lower case."""

    @property
    def caller_id(self) -> str:
        return self.signed_in.id or self.signed_in.client_id or "CALLER"

    def at(self, resource: ResourceId) -> ScopeRights:
        return self.scopes.get(str(resource).lower(), ScopeRights())
