"""Who may call: admin consent and managed identities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.ids import (
    AppRoleId,
    ClientId,
    PrincipalId,
)
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.changes.base import Action, Change, Later


@dataclass(frozen=True, kw_only=True)
class AssignAppRole(Change):
    """Admin consent.

    Source: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto; document, step 2.8.
    """

    principal: Later[PrincipalId]
    service: Later[PrincipalId]
    role: AppRoleId
    client_id: Later[ClientId] | None = None
    """Whose consent it is, where that is a client application."""
    identity_resource: ResourceId | None = None
    """Whose managed identity it is."""

    resource: ClassVar[str] = "admin consent"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class RevokeAppRole(Change):
    """Admin consent taken back.

    Source: learn.microsoft.com/graph/api/serviceprincipal-delete-approleassignedto.
    """

    service: PrincipalId
    assignment: str

    resource: ClassVar[str] = "admin consent"
    action: ClassVar[Action] = Action.DELETE


@dataclass(frozen=True, kw_only=True)
class EnableIdentity(Change):
    """The system-assigned identity of an Azure resource, beside those that it already has.

    Source: document, approach 1, step 2.
    """

    identity_resource: IdentityResource

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.UPDATE


@dataclass(frozen=True, kw_only=True)
class DisableIdentity(Change):
    """The system-assigned identity of an Azure resource switched off; identities assigned by users stay."""

    identity_resource: IdentityResource

    resource: ClassVar[str] = "managed identity"
    action: ClassVar[Action] = Action.DELETE
