"""Which credential a client lacks, and how it is renewed. docs/contributing.md says how to add a
kind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from mct_s2s.errors import Instruction, Refused
from mct_s2s.model.client_credentials import (
    EXPIRING_WITHIN,
    NEVER,
    Certificate,
    Credential,
    CredentialKind,
    CredentialSpec,
    Federation,
    NewCredential,
    Readable,
    SecretNote,
    attempt_tag,
    ending,
    has_end,
    newest_made,
    replaced_kind,
    secrets_among,
)
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.ids import (
    LONGEST_TAG,
    ApplicationIdUri,
    Tag,
)
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import AddCredential, AnyChange, Deferred, RemoveCredential
from mct_s2s.planning.federation import describe_federation
from mct_s2s.planning.plan import Registration

SAME_LIFETIME = timedelta(days=1)
"""A key pair from an interrupted run is used again if its lifetime is this close."""
_EXCHANGE = "api://AzureADTokenExchange"
_EXCHANGE_IN = {
    "usgov": f"{_EXCHANGE}USGov",
    "usgov-dod": f"{_EXCHANGE}USGov",
    "china": f"{_EXCHANGE}China",
}


@dataclass(frozen=True)
class ClientState(Registration):
    name: str
    """As it was typed: its key among the stores."""
    audience: Deferred[ApplicationIdUri]
    note: SecretNote
    now: datetime

    def has_arrived(self, kind: CredentialKind) -> bool:
        """Whether a credential was delivered minutes ago: replicas may not show it yet."""
        return self.note.is_fresh(self.client_id, self.now, kind)

    def plan_addition(
        self, spec: CredentialSpec, *, exists: bool = False, verify: bool = False
    ) -> AddCredential:
        match spec:
            case Certificate():
                detail = f"{spec.thumbprint}, {ending(spec.expires)}"
            case Federation():
                detail = describe_federation(spec)
            case NewCredential(kind=CredentialKind.SECRET):
                detail = ending(spec.expires)
                if self.note.vault is not None:
                    detail += f", saved to {self.note.place}"
            case NewCredential():
                pending_end = self._end_of_pending_key(spec)
                key = "a new key"
                if pending_end is not None:
                    spec, key = (
                        replace(spec, expires=pending_end),
                        "the key from an interrupted run",
                    )
                detail = f"with {key}, {ending(spec.expires)}"
            case _:
                assert_never(spec)
        return AddCredential(
            key=f"{self.key}:{spec.kind.value}",
            name=self.name,
            detail=detail,
            object_id=self.object_id,
            client_id=self.client_id,
            audience=self.audience,
            spec=spec,
            exists=exists,
            verify=verify,
            after=(self.key, *(change.key for change in self.orphan_removals())),
        )

    def _end_of_pending_key(self, spec: NewCredential) -> datetime | None:
        """When the key of an interrupted run ends, if it is registered already or lasts as long as
        is wanted.
        """
        pending = self.note.pending
        if pending is None:
            return None
        is_registered = any(map(self.note.is_on_its_way, self.application.credentials))
        return (
            pending.expires
            if is_registered or abs(pending.expires - spec.expires) < SAME_LIFETIME
            else None
        )

    def orphan_removals(self) -> list[RemoveCredential]:
        """Of each that an attempt made and that never arrived; not where its store knows better."""
        application, note = self.application, self.note
        lost = application.undelivered
        return [
            RemoveCredential(
                key=f"{self.key}:{credential.kind.value}:{credential.key_id}",
                name=self.name,
                detail="created by an interrupted run; no one has it",
                object_id=application.object_id,
                key_id=credential.key_id,
                kind=credential.kind,
            )
            for credential in application.credentials
            if (credential.key_id in lost and not note.has_received(credential))
            or (
                credential.kind is CredentialKind.SECRET
                and note.is_undelivered(credential, application.client_id)
            )
        ]

    def arrived_attempt_tags(self) -> tuple[str, ...]:
        """Notes at the registration of secrets that did arrive: a run was killed between
        the two.
        """
        named = {
            attempt_tag(credential.name or ""): credential
            for credential in self.application.credentials
        }
        return tuple(
            tag
            for tag in self.application.tags
            if tag in named and self.note.has_received(named[tag])
        )

    def missing_vault_tags(self) -> tuple[str, ...]:
        """What the registration has yet to remember of its secret in a key vault, so that a removal
        finds it.
        """
        tag = Tag.VAULT.of(self.note.vault) if self.note.vault is not None else ""
        return (
            (tag,) if tag and len(tag) <= LONGEST_TAG and tag not in self.application.tags else ()
        )


def plan_credential(
    spec: CredentialSpec | None, client: ClientState, cloud: str
) -> list[AnyChange]:
    """Plan what `spec` takes: nothing where one valid credential is there, no matter who made it.

    Raises Refused.
    """
    if spec is None:
        return []
    undelivered = client.orphan_removals()
    valid = [
        credential
        for credential in client.application.credentials
        if credential.is_valid_at(client.now)
    ]
    match spec:
        case NewCredential():
            removed = {removal.key_id for removal in undelivered}
            good = [credential for credential in valid if credential.key_id not in removed]
            is_lacking, exists = _lacks_new(spec, client, good), False
        case Certificate():
            is_lacking = not any(
                credential.key_id == spec.key_id or spec.describes(credential)
                for credential in valid
            )
            exists = False
        case Federation():
            spec = replace(spec, audience=spec.audience or exchange_audience(cloud))
            known = next((credential for credential in valid if spec.describes(credential)), None)
            is_lacking = known is None or known.federation != spec
            exists = known is not None and known.name == spec.name
            if is_lacking and known is not None and not exists:
                raise _audience_taken(client, spec, known)
        case _:
            assert_never(spec)
    return (
        [*undelivered, client.plan_addition(spec, exists=exists)] if is_lacking else [*undelivered]
    )


def _lacks_new(spec: NewCredential, client: ClientState, good: Sequence[Credential]) -> bool:
    """Whether a client needs a new secret or key; `good`: its valid credentials that count."""
    note = client.note
    arrived = [credential for credential in good if not note.is_on_its_way(credential)]
    usable = [
        version
        for version in arrived
        if spec.kind is CredentialKind.SECRET or version.kind is spec.kind
    ]
    if client.has_arrived(spec.kind):
        return False
    # The place has a credential of the client, and the directory does not know it among the good
    # ones any more.
    is_dead_at_place = (
        note.is_of(client.client_id)
        and not note.is_among(arrived)
        and not client.has_arrived(note.kind)
    )
    has_lost_it = spec.is_kept and note.has_lost(usable)
    return not usable or is_dead_at_place or has_lost_it


def _audience_taken(client: ClientState, wanted: Federation, known: Credential) -> Refused:
    taken = known.federation.audience if known.federation is not None else ""
    return Refused(
        "federated-credential-differs",
        f"'{client.name}' already has a federated credential '{known.name}' for this issuer and "
        "subject, with the audience "
        f"'{taken}'. A second one for '{wanted.audience}' is not possible.",
        remedy=f"Use {option('--federated-audience', taken)}, or delete it in the portal first.",
    )


def describe_lost(client: ClientState, observed: ObservedState) -> Iterator[Instruction]:
    """That a client has a credential, and its place does not: no one else can know whether someone
    has it.
    """
    now, application, note = client.now, client.application, client.note
    lost = application.undelivered
    good = [
        credential
        for credential in application.credentials
        if credential.is_valid_at(now) and credential.key_id not in lost
    ]
    newest = newest_made(good)
    # A tag says where it is, if not here.
    is_elsewhere = note.vault is None and bool(Tag.VAULT.values(application.tags))
    is_arriving = client.has_arrived(note.kind) and note.readable is Readable.OURS
    if newest is None or not note.place or is_elsewhere or is_arriving or not note.has_lost(good):
        return
    why, place = f"{note.place} does not hold it", note.place
    if note.readable is Readable.NOTHING:
        why = f"{place} is disabled"
    elif note.readable is Readable.OTHERS:
        # What is there is not written over.
        why, place = f"someone has stored something else in {place}", f"{place}-2"
    what = f"'{client.name}' has a {newest.kind.noun} ({ending(newest.expires)}), and {why}."
    rotate = observed.command("rotate-secret", "--secret-to", place, about=client.name)
    if observed.file is not None:  # it says where the new one goes
        rotate = observed.file.command("rotate-secret", about=client.name)
    yield Instruction(f"{what} If no one else has it, replace it:", rotate)


def exchange_audience(cloud: str) -> str:
    """Source:
    learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity.
    """
    return _EXCHANGE_IN.get(cloud, _EXCHANGE)


def validity(expires: datetime | None, now: datetime, within: timedelta) -> str:
    if not has_end(expires):
        return "does not expire"
    if expires <= now:
        return "expired"
    return "expiring" if expires <= now + within else "valid"


def renewal(client_id: str, credentials: Sequence[Credential], now: datetime, where: str) -> str:
    """The command that replaces a client's credential, or adds one where none can be replaced."""
    good = tuple(credential for credential in credentials if credential.is_valid_at(now))
    secrets, kind = secrets_among(good or credentials), replaced_kind(good)
    if good and kind is not None:
        last = max(
            (credential for credential in good if credential.kind is kind),
            key=lambda one: one.expires or NEVER,
        )
        is_short = bool(
            last.begins and last.expires and last.expires - last.begins <= EXPIRING_WITHIN
        )
        # Another one as short would be reported at once
        longer = ["--secret-lifetime", "1y"] if is_short else []
        return own_command("rotate-secret", *longer, about=client_id, where=where)
    add = own_command("add-client", about=client_id, where=where)
    return (
        add
        if secrets
        else f"{add} {option('--credential', (good or tuple(credentials))[0].kind.value)}"
    )
