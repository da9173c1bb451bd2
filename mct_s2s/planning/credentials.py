"""Certificates and federated credentials: what a client lacks to prove who it is without a secret.

A credential of the wished kind that is good already is enough, whoever made it; all others stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import (
    EXPIRING_WITHIN,
    Certificate,
    Credential,
    CredentialKind,
    Federation,
    SecretNote,
    ending,
)
from mct_s2s.model.commands import option
from mct_s2s.model.desired import CertificateSpec, FederatedSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, same_id
from mct_s2s.planning.changes import AddCertificate, AddFederatedCredential, AnyChange, ApiUri, Later

MOST_FEDERATED = 20
"""Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations."""

SAME_WISH = timedelta(days=1)
"""A key pair that was made for a lifetime this close is taken up again; another lifetime asks for another key."""

_EXCHANGE = "api://AzureADTokenExchange"
_EXCHANGE_IN = {
    "usgov": f"{_EXCHANGE}USGov",
    "usgov-dod": f"{_EXCHANGE}USGov",
    "china": f"{_EXCHANGE}China",
}


@dataclass(frozen=True)
class Holder:
    """The application that a credential is for."""

    name: str
    """In the wish."""
    application: Application | None
    object_id: Later[ApplicationObjectId]
    client_id: Later[ClientId]
    audience: str | ApiUri

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """Those that it has."""
        return self.application.credentials if self.application is not None else ()


def exchange_audience(cloud: str) -> str:
    """The audience that Entra asks for in another issuer's token, in each cloud.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
    """
    return _EXCHANGE_IN.get(cloud, _EXCHANGE)


def is_undelivered(credential: Credential, note: SecretNote) -> bool:
    """Whether it is the certificate of a key pair that has not arrived at its place yet."""
    return (
        note.pending is not None
        and note.delivered != note.pending.key_id
        and same_id(credential.key_id, note.pending.key_id)
    )


def plan_certificate(
    spec: CertificateSpec, holder: Holder, note: SecretNote, credential_name: str, now: datetime
) -> list[AnyChange]:
    """The certificate that is lacking, if one is."""
    valid = [c for c in holder.credentials if c.kind is CredentialKind.CERTIFICATE and c.is_valid_at(now)]
    pending = None
    if spec.given is not None:
        if any(_is(credential, spec.given) for credential in valid):
            return []
        detail = spec.given.thumbprint
    else:
        unseen = all(credential.key_id != note.delivered for credential in holder.credentials)
        fresh = isinstance(holder.client_id, str) and note.is_fresh(holder.client_id, now, CredentialKind.CERTIFICATE)
        if (fresh and unseen) or any(not is_undelivered(c, note) and not _is_ending(c, spec, now) for c in valid):
            return []
        if note.pending is not None and (
            any(is_undelivered(credential, note) for credential in valid)
            or abs(note.pending.expires - spec.expires) < SAME_WISH
        ):
            pending = note.pending
        detail = "with the key of an attempt that was cut off" if pending else "with a new key"
    dates = spec.given or pending or spec
    return [
        AddCertificate(
            key=f"client:{holder.name}:certificate",
            name=holder.name,
            detail=f"{detail}, {ending(dates.expires)}",
            client=holder.name,
            object_id=holder.object_id,
            after=(f"client:{holder.name}",),
            client_id=holder.client_id,
            credential_name=credential_name,
            starts=dates.starts,
            expires=dates.expires,
            audience=holder.audience,
            given=spec.given,
            pending=pending,
            instead_of=note.delivered,
        )
    ]


def plan_federated(spec: FederatedSpec, holder: Holder, cloud: str) -> list[AnyChange]:
    """The federated credential that is lacking, if one is.

    Raises:
        Refused: one that somebody made takes the same subject for another audience, or there is no room for one more.
    """
    wanted = Federation(spec.issuer, spec.subject, spec.audience or exchange_audience(cloud))
    federated = {c.federation: c for c in holder.credentials if c.federation is not None}
    if wanted in federated:
        return []
    rival = next((c for f, c in federated.items() if replace(f, audience=wanted.audience) == wanted), None)
    stands = rival is not None and rival.name == wanted.name
    if rival is not None and rival.federation is not None and not stands:
        taken = rival.federation.audience
        raise Refused(
            "federated-credential-differs",
            f"The federated credential '{rival.name}' of '{holder.name}' takes tokens of that issuer and subject for "
            f"the audience {taken}; a second one for {wanted.audience} is not possible.",
            remedy=f"Take that one: {option('--federated-audience', taken)}, or delete it in the portal first.",
        )
    if len(federated) >= MOST_FEDERATED and not stands:
        raise Refused(
            "federated-credentials-full",
            f"'{holder.name}' has {len(federated)} federated credentials; Entra takes {MOST_FEDERATED} at most.",
            remedy="Delete one that nobody uses in the portal (Certificates & secrets), then run it again.",
        )
    return [
        AddFederatedCredential(
            key=f"client:{holder.name}:federated",
            name=holder.name,
            detail=f"{wanted.subject} of {wanted.issuer}",
            client=holder.name,
            object_id=holder.object_id,
            after=(f"client:{holder.name}",),
            client_id=holder.client_id,
            federation=wanted,
            stands=stands,
        )
    ]


def one_after_another(changes: list[AnyChange]) -> list[AnyChange]:
    """The same changes, with federated credentials written serially: several at once are refused without reason.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations (concurrent updates).
    """
    before: str | None = None
    ordered: list[AnyChange] = []
    for change in changes:
        if isinstance(change, AddFederatedCredential):
            if before is not None:
                change = replace(change, after=(*change.after, before))  # noqa: PLW2901
            before = change.key
        ordered.append(change)
    return ordered


def _is_ending(credential: Credential, spec: CertificateSpec, now: datetime) -> bool:
    """Whether a certificate ends so soon that one that lasts longer is to come beside it."""
    ends = credential.expires
    return ends is not None and ends <= now + EXPIRING_WITHIN and spec.expires > ends + SAME_WISH


def _is(credential: Credential, certificate: Certificate) -> bool:
    return same_id(credential.key_id, certificate.key_id) or same_id(credential.thumbprint, certificate.thumbprint)
