"""The public part of credentials, and what a store remembers of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import ClassVar, TypeGuard

from mct_s2s.model.ids import ClientId, KeyId, Tag, certificate_key_id, federated_name, same_id
from mct_s2s.model.secret_place import SecretPlace

EXPIRING_WITHIN = timedelta(days=30)
"""The default of `--expiring-within`: then a credential is reported, and is to be replaced."""
OUR_CREDENTIALS = "mct-s2s "
"""Each credential that this tool makes has a name that begins so."""
GIVEN = f"{OUR_CREDENTIALS}given "
"""So begins the name of a certificate that this tool registers and that someone else made."""
GITHUB = "https://token.actions.githubusercontent.com"
VERSION_FOLLOWS_WITHIN = timedelta(hours=1)
"""How far apart a secret's beginning and the first version in a key vault that names it may be.

A delivery takes minutes. The tags of a later version prove nothing: others may write them.
"""
YOUNG = timedelta(minutes=10)
"""The age up to which replicas of the directory may not show an object.

Source: docs/azure-contract.md, section 3.13.
"""
CLOCKS_DIFFER = timedelta(minutes=5)
"""The most that clocks differ.

Source:
learn.microsoft.com/dotnet/api/microsoft.identitymodel.tokens.tokenvalidationparameters.clockskew.
"""
NEVER = datetime(2299, 12, 31, tzinfo=UTC)
"""What the portal's *Never* meant: Graph keeps a date in any case."""


class CredentialKind(StrEnum):
    SECRET = "secret"  # noqa: S105  # the word, not a secret
    CERTIFICATE = "certificate"
    FEDERATED = "federated"

    @property
    def noun(self) -> str:
        """The kind in a sentence."""
        return "federated credential" if self is CredentialKind.FEDERATED else self.value

    @property
    def is_key(self) -> bool:
        return self is CredentialKind.CERTIFICATE


def has_end(expires: datetime | None) -> TypeGuard[datetime]:
    """Whether it expires at all; `NEVER` counts as no end."""
    return expires is not None and expires.year < NEVER.year


def ending(expires: datetime | None, *, are_several: bool = False) -> str:
    """The end of a credential in words: `expires 2027-11-24`, or `does not expire`."""
    if not has_end(expires):
        return "do not expire" if are_several else "does not expire"
    return f"{'expire' if are_several else 'expires'} {expires:%Y-%m-%d}"


@dataclass(frozen=True)
class NewCredential:
    """A secret, or a certificate with a key pair: it is made here, and has to be stored."""

    expires: datetime
    kind: CredentialKind = CredentialKind.SECRET
    shorten: bool = False
    """Whether the tenant's longest lifetime for secrets will do, where that is shorter."""
    is_kept: bool = False
    """Whether a file says where it is kept: what is not there any more is made again."""


@dataclass(frozen=True)
class Certificate:
    """A public X.509 certificate. Nothing here is secret."""

    der: bytes = field(repr=False)
    thumbprint: str
    """SHA-1 of the DER form in upper-case hexadecimal, as in the portal."""
    starts: datetime
    expires: datetime

    kind: ClassVar = CredentialKind.CERTIFICATE

    @property
    def key_id(self) -> KeyId:
        return certificate_key_id(self.thumbprint)

    def describes(self, credential: "Credential") -> bool:
        """Whether a credential is this certificate.

        It is known by its key: its creator chooses its ID.
        """
        return credential.thumbprint == self.thumbprint


@dataclass(frozen=True)
class Federation:
    """An issuer and a subject that may sign in as a client; both are compared exactly.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations.
    """

    issuer: str
    subject: str
    audience: str = ""
    """Empty: the cloud's default."""

    kind: ClassVar = CredentialKind.FEDERATED
    expires: ClassVar = None

    @property
    def name(self) -> str:
        return federated_name(self.issuer, self.subject)

    def describes(self, credential: "Credential") -> bool:
        """Whether a credential has this issuer and subject, whatever its audience."""
        federation = credential.federation
        return federation is not None and (federation.issuer, federation.subject) == (
            self.issuer,
            self.subject,
        )


CredentialSpec = NewCredential | Certificate | Federation


@dataclass(frozen=True)
class Credential:
    """A secret, certificate or federated credential in the directory, without what is secret."""

    kind: CredentialKind
    key_id: KeyId
    name: str | None
    expires: datetime | None
    """`None` for federated credentials, which do not expire."""
    begins: datetime | None = None
    thumbprint: str | None = None
    """SHA-1 of a certificate, in upper-case hexadecimal."""
    federation: Federation | None = None

    @property
    def has_our_name(self) -> bool:
        """Whether this tool added it, by its name. Anyone can give that name."""
        return (self.name or "").startswith(OUR_CREDENTIALS)

    @property
    def is_replaceable(self) -> bool:
        """Whether this tool made it, too, by its name, so that it can replace it."""
        if self.federation is not None or (self.name or "").startswith(GIVEN):
            return False
        return self.has_our_name

    def is_valid_at(self, moment: datetime) -> bool:
        return self.expires is None or self.expires > moment


def attempt_tag(name: str) -> str:
    """The tag that notes an attempt at the secret of that name. Tags have no spaces."""
    return Tag.ATTEMPT.of(name.removeprefix(OUR_CREDENTIALS).replace(" ", "_"))


def secrets_among(credentials: Iterable[Credential]) -> tuple[Credential, ...]:
    return tuple(
        credential for credential in credentials if credential.kind is CredentialKind.SECRET
    )


def newest_made(credentials: Iterable[Credential]) -> Credential | None:
    """The last credential that this tool created; `None` where there is none."""
    replaceable = (
        credential
        for credential in credentials
        if credential.is_replaceable and credential.begins is not None
    )
    return max(replaceable, key=lambda one: one.begins or NEVER, default=None)


def replaced_kind(credentials: Iterable[Credential]) -> CredentialKind | None:
    """The kind that a rotation replaces: of the last one we made, or else a secret.

    `None` where there is neither.
    """
    present = tuple(credentials)
    newest = newest_made(present)
    if newest is not None:
        return newest.kind
    return (
        CredentialKind.SECRET
        if not present or any(credential.kind is CredentialKind.SECRET for credential in present)
        else None
    )


class Readable(Enum):
    """What readers of a secret's place get."""

    OURS = auto()
    """The last one that was delivered, or nothing where there is none."""
    OTHERS = auto()
    """What someone else has stored over it."""
    NOTHING = auto()
    """A refusal: the vault's entry is disabled."""


@dataclass(frozen=True)
class SecretNote:
    """What the place of a credential remembers.

    Three questions are asked of it. Has this credential arrived here (`has_received`)? Is one on
    its way (`is_on_its_way`, `is_fresh`)? Has the place lost the credential that the client uses
    (`has_lost`)? For which credentials each method is true::

        method          delivered last  delivered before  attempted        pending certificate
        has_received    yes             yes
        has_held        yes             yes               (of a vault: only what it got when made)
        knows           yes                               for any client   yes
        has_had         yes             yes               for any client   yes
        has_attempt_at                                    for that client
        is_undelivered                                    the same, unless it has arrived
        is_on_its_way                                                      yes, unless it arrived
        vouches_for     of that client  of that client    for that client  yes

    `is_among` is true where it `knows` one of several, `has_lost` where it `has_had` none of them.
    """

    attempts: Mapping[str, ClientId | None] = field(default_factory=dict)
    """The owners of attempts, by the credential's name, noted before the secret is made.

    `None`: the store is one client's.
    """
    attempts_since: datetime | None = None
    """When the vault's tags that name the attempts were written: nothing older is one.

    Others may write them.
    """
    delivered: KeyId | None = None
    client_id: ClientId | None = None
    delivered_at: datetime | None = None
    kind: CredentialKind = CredentialKind.SECRET
    pending: Certificate | None = None
    """The certificate of a key pair that was not delivered: it may be registered, or not."""
    held: tuple[KeyId, ...] = ()
    """All that were delivered, the last one included: readers have gone on to the last one."""
    held_since: Mapping[KeyId, datetime] = field(default_factory=dict)
    """In a key vault: when the first version whose tags name it was added.

    Others write tags, but no times.
    """
    place: SecretPlace | None = None
    """`None` where the store keeps nothing of what it is given."""
    scope: str | None = None
    url: str | None = None
    readable: Readable = Readable.OURS

    @property
    def vault(self) -> str | None:
        """The secret as `VAULT/NAME`, where the place is a key vault.

        References to it lag behind by up to a day.
        """
        return self.place.name if self.place is not None and self.place.is_vault else None

    def has_held(self, credential: Credential) -> bool:
        """Whether its users read it here, once or now.

        It came here when it was made; a tag that names it later may be another's.
        """
        if credential.key_id not in self.held:
            return False
        since, begins = self.held_since.get(credential.key_id), credential.begins
        return since is None or begins is None or abs(since - begins) < VERSION_FOLLOWS_WITHIN

    def delivered_of(self, credentials: Iterable[Credential]) -> Credential | None:
        """The credential that was delivered last; `None` where none of these was."""
        received = [
            credential
            for credential in credentials
            if credential.key_id in self.held_since and self.has_held(credential)
        ]
        if self.held_since:
            return max(
                received, key=lambda credential: self.held_since[credential.key_id], default=None
            )
        return next(
            (credential for credential in credentials if credential.key_id == self.delivered), None
        )

    def is_of_client(self, client_id: object) -> bool:
        """Whether what was delivered here is that client's."""
        return (
            self.delivered is not None
            and isinstance(client_id, str)
            and same_id(self.client_id, client_id)
        )

    def has_attempt_at(self, credential: Credential, client_id: str) -> bool:
        """Whether an attempt here was for that client's credential."""
        name = credential.name or ""
        owner, since = self.attempts.get(name), self.attempts_since
        if since is not None and credential.begins is not None and credential.begins < since:
            return False
        return (
            credential.has_our_name
            and name in self.attempts
            and (owner is None or same_id(owner, client_id))
        )

    def is_undelivered(self, credential: Credential, client_id: str) -> bool:
        """Whether an attempt here made it, and it has not arrived."""
        return self.has_attempt_at(credential, client_id) and not self.has_received(credential)

    def has_received(self, credential: Credential) -> bool:
        """Whether it was delivered here."""
        return credential.key_id == self.delivered or credential.key_id in self.held

    def knows(self, credential: Credential) -> bool:
        """Whether it is the delivered one, or one that an attempt here was for."""
        if credential.kind is CredentialKind.SECRET:
            is_attempt = credential.has_our_name and credential.name in self.attempts
            return is_attempt or credential.key_id == self.delivered
        if credential.thumbprint is None:
            return False
        own, pending = certificate_key_id(credential.thumbprint), self.pending
        return own == self.delivered or (pending is not None and own == pending.key_id)

    def vouches_for(self, credential: Credential, client_id: str) -> bool:
        """Whether the place names this very credential of that client.

        It is or was here, or an attempt here was for it.
        """
        if self.has_attempt_at(credential, client_id) or self._is_pending(credential):
            return True
        return self.is_of_client(client_id) and (
            self.knows(credential) or credential.key_id in self.held
        )

    def _is_pending(self, credential: Credential) -> bool:
        """Whether it is the certificate of the key that waits here, by its own thumbprint."""
        return self.pending is not None and credential.thumbprint == self.pending.thumbprint

    def is_among(self, credentials: Iterable[Credential]) -> bool:
        """Whether one of them is what the place has now, or is about to have."""
        return any(
            self.knows(credential) or credential.key_id == self.delivered
            for credential in credentials
        )

    def is_on_its_way(self, credential: Credential) -> bool:
        """Whether it is the certificate of the pending key pair."""
        pending = self.pending
        return (
            pending is not None
            and self.delivered != pending.key_id
            and credential.key_id == pending.key_id
        )

    def has_had(self, credential: Credential) -> bool:
        """Whether it is the last one that was here, or one before it."""
        return self.knows(credential) or self.has_received(credential)

    def has_lost(self, credentials: Iterable[Credential]) -> bool:
        """Whether the place has none of the credentials that this tool made.

        One that keeps nothing loses nothing.
        """
        replaceable = [credential for credential in credentials if credential.is_replaceable]
        has_none = self.readable is not Readable.OURS or not any(map(self.has_had, replaceable))
        return bool(replaceable) and self.place is not None and has_none

    def is_fresh(
        self, client_id: object, now: datetime, kind: CredentialKind = CredentialKind.SECRET
    ) -> bool:
        """Whether such a credential was delivered so recently that replicas may not show it yet."""
        arrived = self.delivered_at
        return (
            arrived is not None
            and self.kind is kind
            and self.is_of_client(client_id)
            and now - arrived < YOUNG
        )
