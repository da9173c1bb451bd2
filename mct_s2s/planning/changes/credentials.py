"""What client applications sign in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mct_s2s.model.client_credentials import Certificate, Federation
from mct_s2s.model.ids import (
    ApplicationObjectId,
    ClientId,
    KeyId,
)
from mct_s2s.planning.changes.base import Action, ApiUri, Change, Later


@dataclass(frozen=True, kw_only=True)
class AddSecret(Change):
    """A client secret, stored at its place before anything else happens to it.

    Source: learn.microsoft.com/graph/api/application-addpassword; document, step 2.6.
    """

    client: str
    """The client's name in the wish: its key among the secret places."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    credential_name: str
    """Unique to the attempt: how an orphan is told from a delivered secret."""
    expires: datetime
    audience: str | ApiUri
    """What the client will ask a token for."""
    prove: bool = False
    """Whether it must have given a token before it takes another one's place: callers read that place all the time."""
    instead_of: KeyId | None = None
    """A secret that its place holds although it is good for nothing."""
    shorten: bool = False
    """Whether a lifetime that the tenant forbids may become the longest that it allows."""

    resource: ClassVar[str] = "secret"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True)
class Replacement:
    """The secret that takes an old one's place: it is proved by a token before the old one goes."""

    client: str
    """Its key among the secret places."""
    client_id: ClientId
    scope: str


@dataclass(frozen=True, kw_only=True)
class RemoveSecret(Change):
    """A secret that nobody is to use any more: its value was lost on the way, it was replaced, or its client goes.

    Source: learn.microsoft.com/graph/api/application-removepassword.
    """

    object_id: ApplicationObjectId
    key_id: KeyId
    replaced_by: Replacement | None = None
    once_refreshed: tuple[str, ...] = ()
    """`RefreshReference`s without whose success it stays for now: apps that would go on using it."""

    resource: ClassVar[str] = "secret"
    action: ClassVar[Action] = Action.DELETE


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


@dataclass(frozen=True, kw_only=True)
class AddCertificate(Change):
    """A certificate beside those that are registered. The key of one that is made is at its place before that.

    Source: learn.microsoft.com/graph/api/application-update (`keyCredentials`).
    """

    client: str
    """The client's name in the wish: its key among the secret places."""
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    credential_name: str
    starts: datetime
    expires: datetime
    audience: str | ApiUri
    """What the client will ask a token for."""
    given: Certificate | None = None
    """A certificate whose key is somebody else's; without it, a key pair is made."""
    pending: Certificate | None = None
    """Of a key pair that an attempt made and did not deliver: it is taken up again."""
    instead_of: KeyId | None = None
    """A certificate that its place holds although it is good for nothing."""

    resource: ClassVar[str] = "certificate"
    action: ClassVar[Action] = Action.CREATE


@dataclass(frozen=True, kw_only=True)
class AddFederatedCredential(Change):
    """Another issuer's tokens in place of a secret, keyed by the name made of issuer and subject.

    Source: learn.microsoft.com/graph/api/federatedidentitycredential-upsert.
    """

    client: str
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    federation: Federation
    stands: bool = False
    """Whether one of that name stands there, for another audience."""

    resource: ClassVar[str] = "federated credential"

    @property
    def action(self) -> Action:
        """`update` where only the audience changes."""
        return Action.UPDATE if self.stands else Action.CREATE
