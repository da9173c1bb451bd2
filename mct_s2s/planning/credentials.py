"""What client applications sign in with: which credential one lacks, how it is renewed.

How each kind is made is in `engine.apply.credentials`, how it is asked for in `cli.requests`, how a client uses it
in `render.snippets`. docs/contributing.md says how to add one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mct_s2s.errors import Refused
from mct_s2s.model.client_credentials import (
    EXPIRING_WITHIN,
    GIVEN,
    NEVER,
    OUR_CREDENTIALS,
    Certificate,
    Credential,
    CredentialKind,
    SecretNote,
    ending,
    has_end,
    replaced_kind,
    secrets_among,
)
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.desired import CertificateSpec, CredentialSpec, FederatedSpec, SecretSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import (
    LONGEST_TAG,
    ApplicationIdUri,
    ApplicationObjectId,
    ClientId,
    Tag,
    same_id,
)
from mct_s2s.planning.changes import AddCredential, AnyChange, Deferred, RemoveCredential
from mct_s2s.planning.plan import RunContext

SAME_LIFETIME = timedelta(days=1)
"""A key pair that was made for a lifetime this close is taken up again; another lifetime asks for another key."""
MOST_FEDERATED = 20
"""Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations."""
_EXCHANGE = "api://AzureADTokenExchange"
_EXCHANGE_IN = {"usgov": f"{_EXCHANGE}USGov", "usgov-dod": f"{_EXCHANGE}USGov", "china": f"{_EXCHANGE}China"}


@dataclass(frozen=True)
class ClientState:
    """A client application that is to have a credential, and all that decides which one it lacks."""

    name: str
    """As it was typed: its key among the stores."""
    application: Application | None
    object_id: Deferred[ApplicationObjectId]
    client_id: Deferred[ClientId]
    audience: Deferred[ApplicationIdUri]
    """What the client will ask a token for."""
    note: SecretNote
    """What the client's store remembers."""
    cloud: str
    context: RunContext

    @property
    def held(self) -> tuple[Credential, ...]:
        return self.application.credentials if self.application is not None else ()

    def has_arrived(self, kind: CredentialKind) -> bool:
        """Whether a credential was delivered minutes ago and gives tokens: replicas may not show it yet."""
        return self.note.is_fresh(self.client_id, self.context.now, kind)

    def is_stored_dead(self, usable: Iterable[Credential]) -> bool:
        """Whether its store has a credential of it that is not among the usable ones: the directory's word counts."""
        note = self.note
        return note.is_of(self.client_id) and not note.is_among(usable) and not self.has_arrived(note.kind)

    def added(self, spec: CredentialSpec, detail: str, after: Iterable[str]) -> AddCredential:
        """A credential of it, called as those of this run are."""
        return AddCredential(
            key=f"client:{self.name}:{spec.kind.value}",
            name=self.name,
            detail=detail,
            client=self.name,
            object_id=self.object_id,
            client_id=self.client_id,
            audience=self.audience,
            credential_name=self.context.credential_name,
            spec=spec,
            instead_of=self.note.delivered,
            after=tuple(after),
        )

    def secret(self, spec: SecretSpec, after: Iterable[str]) -> AddCredential:
        """A secret of it; a key vault that it goes to is named, as it may be one that no option names."""
        to_vault = f", saved to {self.note.place}" if self.note.vault is not None else ""
        return self.added(spec, f"{ending(spec.expires)}{to_vault}", after)

    def certificate(self, spec: CertificateSpec, after: Iterable[str]) -> AddCredential:
        """A certificate with a key that is made.

        A key that an interrupted run left is taken up where it is registered already or lasts as wanted.
        """
        pending = self.note.pending
        if pending is not None and not any(map(self.note.is_on_its_way, self.held)):
            pending = pending if abs(pending.expires - spec.expires) < SAME_LIFETIME else None
        if pending is not None:
            spec = replace(spec, starts=pending.starts, expires=pending.expires)
        detail = "with the key from an interrupted run" if pending else "with a new key"
        return replace(self.added(spec, f"{detail}, {ending(spec.expires)}", after), pending=pending)

    def orphan_removals(self) -> list[RemoveCredential]:
        """The removal of each secret that an attempt made and never delivered."""
        application, note = self.application, self.note
        if application is None:
            return []
        return [
            RemoveCredential(
                key=f"client:{self.name}:secret:{credential.key_id}",
                name=self.name,
                detail="created by an interrupted run; its value is lost",
                object_id=application.object_id,
                key_id=credential.key_id,
            )
            for credential in secrets_among(application.credentials)
            if note.is_about(credential, application.client_id) and credential.key_id != note.delivered
        ]


def plan_credential(spec: CredentialSpec | None, client: ClientState) -> list[AnyChange]:
    """What a client lacks of the credential that it is to have. One that will do is enough, no matter who created it.

    Raises:
        Refused: a credential of that kind cannot be added.
    """
    valid = [one for one in client.held if one.is_valid_at(client.context.now)]
    after = (f"client:{client.name}",)
    changes: list[AnyChange] = []
    match spec:
        case SecretSpec():
            removals = client.orphan_removals()
            lost = {change.key_id for change in removals}
            usable = [one for one in valid if one.key_id not in lost and not client.note.is_on_its_way(one)]
            changes += removals
            if not client.has_arrived(spec.kind) and (not usable or client.is_stored_dead(usable)):
                changes.append(client.secret(spec, (*after, *(change.key for change in removals))))
        case CertificateSpec(given=Certificate() as given):
            if not any(_is(one, given) for one in valid):
                called = client.context.credential_name.replace(OUR_CREDENTIALS, GIVEN, 1)
                added = client.added(spec, f"{given.thumbprint}, {ending(given.expires)}", after)
                changes.append(replace(added, credential_name=called))
        case CertificateSpec():
            usable = [one for one in valid if one.kind is spec.kind and not client.note.is_on_its_way(one)]
            is_shown = any(one.key_id == client.note.delivered for one in client.held)
            is_replicating = client.has_arrived(spec.kind) and not is_shown
            if not is_replicating and (not usable or client.is_stored_dead(valid)):
                changes.append(client.certificate(spec, after))
        case FederatedSpec():
            changes += _plan_federated(spec, client, valid, after)
    return changes


def _is(credential: Credential, certificate: Certificate) -> bool:
    return same_id(credential.key_id, certificate.key_id) or same_id(credential.thumbprint, certificate.thumbprint)


def exchange_audience(cloud: str) -> str:
    """The audience that Entra asks for in another issuer's token, in each cloud.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
    """
    return _EXCHANGE_IN.get(cloud, _EXCHANGE)


def _plan_federated(
    spec: FederatedSpec, client: ClientState, valid: Iterable[Credential], after: tuple[str, ...]
) -> list[AnyChange]:
    spec = replace(spec, audience=spec.audience or exchange_audience(client.cloud))
    wanted = spec.federation
    federated = {one.federation: one for one in valid if one.federation is not None}
    if wanted in federated:
        return []
    rival = next((one for one in federated.values() if spec.describes(one)), None)
    exists = rival is not None and rival.name == wanted.name
    if rival is not None and rival.federation is not None and not exists:
        taken = rival.federation.audience
        raise Refused(
            "federated-credential-differs",
            f"'{client.name}' already has a federated credential '{rival.name}' for this issuer and subject, with "
            f"the audience '{taken}'. A second one for '{wanted.audience}' is not possible.",
            remedy=f"Use its audience: {option('--federated-audience', taken)}, or delete it in the portal first.",
        )
    if len(federated) >= MOST_FEDERATED and not exists:
        raise Refused(
            "federated-credentials-full",
            f"'{client.name}' has {len(federated)} federated credentials. Entra ID allows {MOST_FEDERATED} at most.",
            remedy="Delete an unused one in the portal (Certificates & secrets), then run the same command again.",
        )
    added = client.added(spec, f"{wanted.subject} of {wanted.issuer}", after)
    return [replace(added, credential_name=wanted.name, exists=exists)]


def one_after_another(changes: Iterable[AnyChange]) -> list[AnyChange]:
    """The same changes, each federated credential after the one before it: several at once are refused without reason.

    Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations (concurrent updates).
    """
    before: tuple[str, ...] = ()
    ordered: list[AnyChange] = []
    for change in changes:
        if isinstance(change, AddCredential) and change.kind is CredentialKind.FEDERATED:
            ordered.append(replace(change, after=(*change.after, *before)))
            before = (change.key,)
        else:
            ordered.append(change)
    return ordered


def vault_tags(application: Application | None, note: SecretNote) -> tuple[str, ...]:
    """What a registration has yet to remember of its secret in a key vault, for a removal to name or to delete it."""
    tag = Tag.VAULT.of(note.vault) if note.vault is not None else ""
    known = application.tags if application is not None else ()
    return (tag,) if tag and len(tag) <= LONGEST_TAG and tag not in known else ()


def validity(expires: datetime | None, now: datetime, within: timedelta) -> str:
    """How a credential that ends at `expires` is at `now`: within `within` of its end, it is expiring."""
    if not has_end(expires):
        return "does not expire"
    if expires <= now:
        return "expired"
    return "expiring" if expires <= now + within else "valid"


def renewal(client_id: str, credentials: Sequence[Credential], now: datetime, where: str) -> str:
    """The command that gives a client a new credential of the kind that it has.

    What is still good and can be replaced is replaced; another one is added beside it.
    """
    good = tuple(one for one in credentials if one.is_valid_at(now))
    secrets, kind = secrets_among(good or credentials), replaced_kind(good)
    if good and kind is not None:
        last = max((one for one in good if one.kind is kind), key=lambda one: one.expires or NEVER)
        is_short = bool(last.begins and last.expires and last.expires - last.begins <= EXPIRING_WITHIN)
        longer = ["--secret-lifetime", "1y"] if is_short else []  # another one as short would be reported at once
        return own_command("rotate-secret", *longer, about=client_id, where=where)
    add = own_command("add-client", about=client_id, where=where)
    return add if secrets else f"{add} {option('--credential', (good or tuple(credentials))[0].kind.value)}"
