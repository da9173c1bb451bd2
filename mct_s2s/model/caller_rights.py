"""What the caller may do, as far as Azure tells. `None` means not known: unreadable is never taken for missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mct_s2s.errors import PermissionMissing, S2SError
from mct_s2s.model.ids import ApplicationObjectId, ClientId, PrincipalId
from mct_s2s.model.resource_id import ResourceId


class Verdict(StrEnum):
    """Whether something may be done. The refusal of the real request is the only authority beyond `unknown`."""

    YES = "ok"
    NO = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SignedIn:
    """What the way of signing in knows by itself about the signed-in caller; no token is read for it."""

    description: str
    """`service principal 3c7f… (client secret)`, `Azure CLI`."""
    client_id: ClientId | None = None
    """Of an application."""
    is_person: bool | None = None
    after_a_grant: tuple[str, str] = ("", "")
    """What makes a right count that was granted after the sign-in, and the command for it: only where this way of
    signing in hands out tokens that it has kept. Directory roles and groups are in a token as they were then."""

    def remind(self, refused: S2SError) -> None:
        """Say `after_a_grant` where a right is missing."""
        sentence, command = self.after_a_grant
        if sentence and isinstance(refused, PermissionMissing) and not refused.command:
            refused.advise(f"{refused.advice} {sentence}", command)


@dataclass(frozen=True)
class Caller:
    """Who signed in, as the directory knows it."""

    id: PrincipalId
    name: str
    """A person's `userPrincipalName`, an application's display name."""
    is_person: bool


@dataclass(frozen=True)
class DirectoryRights:
    """What the caller holds in the directory."""

    signed_in: SignedIn
    caller: Caller | None = None
    permissions: frozenset[str] | None = None
    """Values of Microsoft Graph's app roles, where the caller is an application."""
    roles: frozenset[str] | None = None
    """Template ids of built-in directory roles for the whole tenant, those that come through a group included."""
    has_no_role: bool = False
    """Whether it is known that there is no role at all: neither the tenant's own nor one for a unit or registration."""
    owned: frozenset[ApplicationObjectId] | None = None
    graph: str = "https://graph.microsoft.com/v1.0"
    """Where the directory is asked, for commands that someone is to type."""

    @property
    def is_person(self) -> bool | None:
        return self.caller.is_person if self.caller is not None else self.signed_in.is_person

    @property
    def caller_id(self) -> str:
        """Who is given a right, in commands that someone is to type."""
        return (self.caller.id if self.caller is not None else self.signed_in.client_id) or "CALLER"


@dataclass(frozen=True)
class SecretRule:
    """One rule of an app management policy that is in force for this caller.

    Source: learn.microsoft.com/graph/api/resources/passwordcredentialconfiguration.
    """

    longest: timedelta
    """For how long a secret may be good; zero: none may be added."""
    since: datetime | None = None
    """Applications created before this moment are spared."""

    def applies_to(self, created: datetime | None) -> bool:
        """Whether it holds for a registration created then; `None`: one that is only now being made."""
        return self.since is None or created is None or created >= self.since


@dataclass(frozen=True)
class Permission:
    """What one Azure role allows at a scope. Source: learn.microsoft.com/rest/api/authorization/permissions."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    is_conditional: bool = False


@dataclass(frozen=True)
class ScopeRights:
    """What the caller may do to one Azure resource."""

    permissions: tuple[Permission, ...] | None = None
    locks: tuple[str, ...] | None = None
    """The ids of the read-only locks at it or above it."""


@dataclass(frozen=True)
class CallerRights:
    """Everything that was found out about the caller for one command."""

    directory: DirectoryRights = DirectoryRights(SignedIn(""))
    secret_rules: tuple[SecretRule, ...] | None = None
    """The tenant's default policy."""
    scopes: Mapping[str, ScopeRights] = field(default_factory=dict)
    """By resource id in lower case."""

    def at(self, resource: ResourceId) -> ScopeRights:
        """The rights at one resource; all unknown where it was not asked about."""
        return self.scopes.get(str(resource).lower(), ScopeRights())
