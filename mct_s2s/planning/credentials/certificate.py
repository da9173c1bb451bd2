"""Certificates: the user's own, or one with a key pair that is made here and kept in the client's store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from mct_s2s.model.client_credentials import (
    GIVEN,
    OUR_CREDENTIALS,
    Certificate,
    Credential,
    CredentialKind,
    SecretNote,
    ending,
)
from mct_s2s.model.desired import CredentialSpec, Kept
from mct_s2s.model.ids import KeyId, same_id
from mct_s2s.planning.changes import AddCredential, AnyChange
from mct_s2s.planning.credentials.base import ClientState, ExportedCredential, ExportState

SAME_LIFETIME = timedelta(days=1)
"""A key pair that was made for a lifetime this close is taken up again; another lifetime asks for another key."""


@dataclass(frozen=True)
class CertificateSpec(CredentialSpec):
    """A certificate: the given one, or else one with a key pair of its own, valid between the two moments."""

    starts: datetime
    expires: datetime
    given: Certificate | None = None

    @property
    def keeps(self) -> Kept | None:
        """The private key, where one is made."""
        return Kept.PRIVATE_KEY if self.given is None else None

    def describes(self, credential: Credential) -> bool:
        """Whether it is the given one, by its key: its creator chooses its ID."""
        return self.given is not None and same_id(credential.thumbprint, self.given.thumbprint)


@dataclass(frozen=True, kw_only=True)
class AddCertificate(AddCredential):
    """A certificate beside those that are registered. The key of one that is made is in its store before that.

    Source: learn.microsoft.com/graph/api/application-update (`keyCredentials`).
    """

    starts: datetime
    expires: datetime
    given: Certificate | None = None
    """A certificate whose key is someone else's; without it, a key pair is made."""
    pending: Certificate | None = None
    """Of a key pair that an attempt made and did not deliver: it is taken up again."""

    kind: ClassVar[CredentialKind] = CredentialKind.CERTIFICATE

    @property
    def needs_store(self) -> bool:
        """Whether a private key is made."""
        return self.given is None

    def registered(self, key_id: KeyId, expires: datetime | None) -> Credential:
        """The certificate, with the thumbprint of a given one."""
        thumbprint = self.given.thumbprint if self.given else None
        return Credential(self.kind, key_id, self.credential_name, expires, thumbprint=thumbprint)


def plan(spec: CertificateSpec, client: ClientState) -> list[AnyChange]:
    """The certificate that is lacking, if one is."""
    valid = [credential for credential in client.valid if credential.kind is CredentialKind.CERTIFICATE]
    pending = None
    if spec.given is not None:
        if any(_is(credential, spec.given) for credential in valid):
            return []
        detail = spec.given.thumbprint
    else:
        usable = [credential for credential in valid if not client.note.is_on_its_way(credential)]
        if _is_replicating(client) or (usable and not client.is_stored_dead(client.valid)):
            return []
        pending = taken_up(client.note, valid, spec.expires)
        detail = with_key(pending)
    dates = spec.given or pending or spec
    name = client.facts.credential_name
    return [
        AddCertificate(
            key=f"client:{client.name}:certificate",
            name=client.name,
            detail=f"{detail}, {ending(dates.expires)}",
            client=client.name,
            object_id=client.object_id,
            client_id=client.client_id,
            audience=client.audience,
            credential_name=name.replace(OUR_CREDENTIALS, GIVEN, 1) if spec.given else name,
            starts=dates.starts,
            expires=dates.expires,
            given=spec.given,
            pending=pending,
            instead_of=client.note.delivered,
            after=(f"client:{client.name}",),
        )
    ]


def taken_up(note: SecretNote, credentials: Iterable[Credential], expires: datetime) -> Certificate | None:
    """The certificate of a key that an interrupted run left, where it is registered already or lasts as wanted."""
    pending = note.pending
    if pending is None or any(note.is_on_its_way(one) for one in credentials):
        return pending
    return pending if abs(pending.expires - expires) < SAME_LIFETIME else None


def with_key(pending: Certificate | None) -> str:
    """Where the key is from, for a plan."""
    return "with the key from an interrupted run" if pending else "with a new key"


def export(state: ExportState) -> ExportedCredential | None:
    """A certificate, where this tool may make the next one; no one but who has the key renews any other."""
    certificates = tuple(one for one in state.valid if one.kind is CredentialKind.CERTIFICATE)
    if not certificates:
        return None
    if any(one.is_made for one in certificates):
        return ExportedCredential({"credential": CredentialKind.CERTIFICATE.value}, certificates)
    return ExportedCredential({"credential": "none"}, certificates, ("Its certificate was not created by mct-s2s.",))


def _is_replicating(client: ClientState) -> bool:
    """Whether one arrived at its store minutes ago, and the directory does not show it yet."""
    held = client.application.credentials if client.application is not None else ()
    is_shown = any(credential.key_id == client.note.delivered for credential in held)
    return client.has_arrived(CredentialKind.CERTIFICATE) and not is_shown


def _is(credential: Credential, certificate: Certificate) -> bool:
    return same_id(credential.key_id, certificate.key_id) or same_id(credential.thumbprint, certificate.thumbprint)
