"""Where the secrets and private keys of clients are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from mct_s2s.model.client_credentials import Certificate, SecretNote
from mct_s2s.model.ids import ClientId, KeyId, TenantId


@dataclass(frozen=True)
class NewSecret:
    """A client secret on its way to its store. The value never shows in a `repr`."""

    key_id: KeyId
    expires: datetime
    value: str = field(repr=False)


@dataclass(frozen=True)
class StoredCredential:
    """A credential as its store gives it back. The secret never shows in a `repr`."""

    tenant_id: TenantId
    client_id: ClientId
    secret: str = field(repr=False)
    """Or a private key with its certificate, as PEM."""
    scope: str | None = None
    url: str | None = None
    authority_host: str | None = None
    """Set where the cloud is not the public one."""
    key_id: KeyId | None = None
    """Which of the application's credentials it is; `None` where someone else wrote it down."""
    version: str | None = None
    """Of a secret in a key vault."""


@dataclass(frozen=True)
class SecretRecord:
    """Everything that a secret's store writes beside the value, for the program that will use it."""

    tenant_id: TenantId
    client_id: ClientId
    client_name: str
    credential_name: str
    scope: str
    url: str | None
    authority_host: str | None
    """Set where the cloud is not the public one."""

    def with_secret(self, secret: NewSecret) -> StoredCredential:
        """All that a client signs in with."""
        return StoredCredential(
            self.tenant_id,
            self.client_id,
            secret.value,
            self.scope,
            self.url,
            self.authority_host,
            secret.key_id,
        )


class SecretStore(Protocol):
    """Where one client's secret goes. An attempt is noted there before the secret is made."""

    @property
    def label(self) -> str:
        """How the result names it: `file:…`."""

    @property
    def gives_away(self) -> bool:
        """Whether a secret is shown or handed over once, and no later run can know of it."""

    async def note(self) -> SecretNote:
        """What it remembers."""

    async def check(self, client_id: ClientId | None) -> None:
        """Make sure that it can be written to, before anything is made. Raises UsageError: it cannot."""

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Remember an attempt of a client, so that a later run can tell an orphan from a delivered secret."""

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Store the secret and forget the attempt. Raises S2SError: it cannot be stored, or reached no one."""

    async def read(self) -> StoredCredential | None:
        """The credential that is stored there; `None` where there is none, or none that can be read again."""


@dataclass(frozen=True)
class KeySpec:
    """A key pair that is wanted."""

    name: str
    """What its certificate is made out to."""
    starts: datetime
    expires: datetime
    pending: Certificate | None = None
    """Of a key pair that is to be taken up again, if it is still there."""


@runtime_checkable
class KeyStore(SecretStore, Protocol):
    """A store that keeps private keys, too. They are made there and leave it only to be tested."""

    async def key_pair(self, record: SecretRecord, wanted: KeySpec) -> tuple[str, Certificate]:
        """A key pair as PEM, and its certificate; the private key is on disk before this returns."""

    async def deliver_certificate(self, record: SecretRecord, certificate: Certificate) -> None:
        """Bring key and certificate to where the client reads them, and forget the attempt."""
