"""What client applications sign in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.ids import (
    ApplicationObjectId,
    ClientId,
    KeyId,
)
from mct_s2s.planning.changes.base import Action, ApiUri, Change, Later


@dataclass(frozen=True, kw_only=True)
class AddCredential(Change):
    """A credential of a client application. Each kind has its own subclass in `planning.credentials`."""

    client: str
    """The client's name as it was typed: its key among the stores."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    audience: str | ApiUri
    """What the client will ask a token for."""
    credential_name: str
    """Unique to the attempt, where it is stored: how a lost secret is recognized."""
    expires: datetime | None = None
    """`None`: never."""
    instead_of: KeyId | None = None
    """A credential that its store holds although it is good for nothing."""
    verify: bool = False
    """Whether it must have given a token before it replaces another one: callers may read the store at any moment."""

    kind: ClassVar[CredentialKind]
    one_by_one: ClassVar[bool] = False
    """Whether several of them must not be written at once."""

    @property
    def resource(self) -> str:
        """What it is called."""
        return self.kind.noun

    @property
    def action(self) -> Action:
        """`create`, unless the kind says otherwise."""
        return Action.CREATE

    @property
    def needs_store(self) -> bool:
        """Whether something secret is made, which has to be stored."""
        return True

    def registered(self, key_id: KeyId, expires: datetime | None) -> Credential:
        """What the directory holds once it is made."""
        return Credential(self.kind, key_id, self.credential_name, expires)


@dataclass(frozen=True)
class Replacement:
    """The credential that replaces an old one: it has given a token before the old one is removed."""

    client: str
    """Its key among the stores."""
    client_id: ClientId
    scope: str


@dataclass(frozen=True, kw_only=True)
class RemoveCredential(Change):
    """A secret or certificate that no one is to use any more: lost on the way, replaced, or its client goes.

    Source: learn.microsoft.com/graph/api/application-removepassword; certificates: application-update.
    """

    object_id: ApplicationObjectId
    key_id: KeyId
    kind: CredentialKind = CredentialKind.SECRET
    replaced_by: Replacement | None = None

    action: ClassVar[Action] = Action.DELETE

    @property
    def resource(self) -> str:
        """What it is called."""
        return self.kind.noun


@dataclass(frozen=True, kw_only=True)
class DeleteStoredSecret(Change):
    """What a key vault holds for a client that goes. The vault keeps it recoverable for as long as it is set to.

    Source: learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """

    place: str
    """`VAULT/NAME`."""
    client_id: ClientId
    """Whose it must be, by what the vault itself says."""

    resource: ClassVar[str] = "key vault secret"
    action: ClassVar[Action] = Action.DELETE
