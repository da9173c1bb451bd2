"""What runs on this machine have begun at one App Service and not ended: ids and names only."""

from dataclasses import dataclass, replace

from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.ids import ApplicationObjectId, KeyId


@dataclass(frozen=True)
class BegunCredential:
    """A secret or certificate that a run was about to add to a registration."""

    object_id: ApplicationObjectId
    """The registration's."""
    kind: CredentialKind
    name: str
    """The credential's display name, which no other run gives."""
    key_id: KeyId | None = None
    """`None` until Graph has answered."""
    is_delivered: bool = False
    """Whether its place has it, so that only the one that it replaces is to be removed."""
    replaces: KeyId | None = None
    """The credential that the place held before."""

    def is_of(self, credential: Credential) -> bool:
        """Whether this is the credential: of one name, a run adds a secret and a certificate."""
        return (credential.kind, credential.name) == (self.kind, self.name)


@dataclass(frozen=True)
class Journal:
    """The journal of one App Service on this machine."""

    credentials: tuple[BegunCredential, ...] = ()

    def credentials_of(self, object_id: ApplicationObjectId) -> tuple[BegunCredential, ...]:
        return tuple(begun for begun in self.credentials if begun.object_id == object_id)

    def with_credential(self, begun: BegunCredential) -> "Journal":
        """Add an entry, or replace what is known of it."""
        others = self.without_credential(begun).credentials
        return replace(self, credentials=(*others, begun))

    def without_credential(self, begun: BegunCredential) -> "Journal":
        others = tuple(
            other
            for other in self.credentials
            if (other.object_id, other.kind, other.name)
            != (begun.object_id, begun.kind, begun.name)
        )
        return replace(self, credentials=others)
