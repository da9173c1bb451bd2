"""What a client can prove who it is with, beside a secret: a certificate, or another issuer's token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mct_s2s.model.ids import KeyId, certificate_key_id, federated_name


@dataclass(frozen=True)
class Certificate:
    """A public X.509 certificate: nothing here is secret."""

    der: bytes = field(repr=False)
    thumbprint: str
    """SHA-1 of the DER form in upper-case hexadecimal, as the portal shows it."""
    starts: datetime
    expires: datetime

    @property
    def key_id(self) -> KeyId:
        """The `keyId` that this tool registers it under."""
        return certificate_key_id(self.thumbprint)


@dataclass(frozen=True)
class Federation:
    """Whose tokens are taken in place of a secret. All three are compared exactly, case included.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations.
    """

    issuer: str
    subject: str
    audience: str

    @property
    def name(self) -> str:
        """What the federated credential is called."""
        return federated_name(self.issuer, self.subject)
