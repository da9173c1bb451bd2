"""Credentials that a client lacks, and how they are renewed.

docs/contributing.md says how to add a kind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from mct_s2s.errors import Instruction, Refused
from mct_s2s.model.client_credentials import (
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
)
from mct_s2s.model.commands import option
from mct_s2s.model.ids import (
    LONGEST_TAG,
    ApplicationIdUri,
    Tag,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
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
    """A client's registration, and what the place of its credential says of it."""

    name: str
    """As it was typed: its key among the stores."""
    audience: Deferred[ApplicationIdUri]
    """What the client asks a token for."""
    note: SecretNote
    now: datetime

    def has_just_arrived(self, kind: CredentialKind) -> bool:
        """Whether a credential was delivered minutes ago: replicas may not show it yet."""
        return self.note.is_fresh(self.client_id, self.now, kind)

    def addition_key(self, kind: CredentialKind) -> str:
        """The key of the step that adds a credential of this kind, if the plan has one."""
        return f"{self.key}:{kind.value}"

    def plan_addition(
        self, spec: CredentialSpec, *, exists: bool = False, verify: bool = False
    ) -> AddCredential:
        """Plan to add a credential; `exists` and `verify`: as in `AddCredential`."""
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
                key = "a new key"
                pending_end = self._end_of_pending_key(spec)
                if pending_end is not None:
                    key = "the key from an interrupted run"
                    spec = replace(spec, expires=pending_end)
                detail = f"with {key}, {ending(spec.expires)}"
            case _:
                assert_never(spec)
        return AddCredential(
            key=self.addition_key(spec.kind),
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
        """When the key of an interrupted run ends; `None` where there is none to use again."""
        pending = self.note.pending
        if pending is None:
            return None
        # Its certificate is registered: another one beside it would be one too many.
        is_registered = any(map(self.note.is_on_its_way, self.application.credentials))
        lasts_as_wanted = abs(pending.expires - spec.expires) < SAME_LIFETIME
        return pending.expires if is_registered or lasts_as_wanted else None

    def orphan_removals(self) -> list[RemoveCredential]:
        """Plan to remove each credential of an interrupted run that arrived nowhere."""
        return [
            RemoveCredential(
                key=f"{self.key}:{credential.kind.value}:{credential.key_id}",
                name=self.name,
                detail="created by an interrupted run; no one has it",
                object_id=self.application.object_id,
                key_id=credential.key_id,
                kind=credential.kind,
            )
            for credential in self.application.credentials
            if self._is_orphan(credential)
        ]

    def _is_orphan(self, credential: Credential) -> bool:
        """Whether an attempt made it, and neither its place nor its readers have it."""
        application, note = self.application, self.note
        # A tag of the registration notes the attempt. Its store may know better.
        if credential.key_id in application.undelivered and not note.has_received(credential):
            return True
        # The key of a certificate may be on disk: the next run uses both.
        is_secret = credential.kind is CredentialKind.SECRET
        return is_secret and note.is_undelivered(credential, application.client_id)

    def arrived_attempt_tags(self) -> tuple[str, ...]:
        """The tags that note attempts whose secret did arrive: a run was killed between the two."""
        credentials_by_tag = {
            attempt_tag(credential.name or ""): credential
            for credential in self.application.credentials
        }
        return tuple(
            tag
            for tag in self.application.tags
            if tag in credentials_by_tag and self.note.has_received(credentials_by_tag[tag])
        )

    def missing_vault_tags(self) -> tuple[str, ...]:
        """The tag that names its key vault secret, so that a removal finds it, where it is missing.

        A name that is too long for a tag is not noted.
        """
        if self.note.vault is None:
            return ()
        tag = Tag.VAULT.of(self.note.vault)
        return () if len(tag) > LONGEST_TAG or tag in self.application.tags else (tag,)


def plan_credential(
    spec: CredentialSpec | None, client: ClientState, cloud: str
) -> list[AnyChange]:
    """Plan what `spec` asks for, unless a valid credential is there. Raises Refused.

    Who made that one does not matter.
    """
    if spec is None:
        return []
    orphans = client.orphan_removals()
    valid = [
        credential
        for credential in client.application.credentials
        if credential.is_valid_at(client.now)
    ]
    exists = False
    match spec:
        case NewCredential():
            orphan_ids = {removal.key_id for removal in orphans}
            usable = [credential for credential in valid if credential.key_id not in orphan_ids]
            is_lacking = _lacks_new(spec, client, usable)
        case Certificate():
            is_lacking = not any(
                credential.key_id == spec.key_id or spec.describes(credential)
                for credential in valid
            )
        case Federation():
            spec = replace(spec, audience=spec.audience or exchange_audience(cloud))
            described = [credential for credential in valid if spec.describes(credential)]
            existing = described[0] if described else None
            is_lacking = existing is None or existing.federation != spec
            exists = existing is not None and existing.name == spec.name
            # Entra ID has one for an issuer and a subject; that of another name is not ours to
            # change.
            if is_lacking and existing is not None and not exists:
                raise _audience_taken(client, spec, existing)
        case _:
            assert_never(spec)
    additions = [client.plan_addition(spec, exists=exists)] if is_lacking else []
    return [*orphans, *additions]


def _lacks_new(spec: NewCredential, client: ClientState, usable: Sequence[Credential]) -> bool:
    """Whether a client needs a new secret or key; `usable`: its valid credentials that count."""
    note = client.note
    # Replicas may not show yet what was delivered minutes ago.
    if client.has_just_arrived(spec.kind):
        return False
    arrived = [credential for credential in usable if not note.is_on_its_way(credential)]
    # A client with a certificate needs no secret. Who asks for a certificate gets one.
    wanted = arrived
    if spec.kind is not CredentialKind.SECRET:
        wanted = [credential for credential in arrived if credential.kind is spec.kind]
    if not wanted:
        return True
    # The client reads a credential at its place that Entra ID does not accept any more.
    is_arriving = client.has_just_arrived(note.kind)
    if note.is_of_client(client.client_id) and not note.is_among(arrived) and not is_arriving:
        return True
    return spec.is_kept and note.has_lost(wanted)


def _audience_taken(client: ClientState, spec: Federation, existing: Credential) -> Refused:
    taken = existing.federation.audience if existing.federation is not None else ""
    return Refused(
        "federated-credential-differs",
        f"'{client.name}' already has a federated credential '{existing.name}' for this issuer "
        f"and subject, with the audience '{taken}'. A second one for '{spec.audience}' is not "
        "possible.",
        remedy=f"Use {option('--federated-audience', taken)}, or delete it in the portal first.",
    )


def describe_lost(client: ClientState, observed: ObservedState) -> Iterator[Instruction]:
    """Say how to replace a credential that its place does not have.

    It is not replaced unasked: no one can know whether someone has it elsewhere.
    """
    note = client.note
    # A tag of the registration says that it is in a key vault, if not here.
    if note.vault is None and Tag.VAULT.values(client.application.tags):
        losing = observed.missing_secrets.get(client.application.client_id)
        if losing is not None:
            yield _describe_lost_in_tagged(losing, client, observed)
        return
    newest = _newest_lost(client)
    if newest is None or note.place is None:
        return
    if client.has_just_arrived(note.kind) and note.readable is Readable.OURS:
        return
    place = note.place
    why = f"{place} does not hold it"
    if observed.file is not None and place.is_file:
        # Where that is, the file says, or it is another folder for everyone who reads the plan.
        why = "its file on this machine does not hold it"
    if note.readable is Readable.NOTHING:
        why = f"{place} is disabled"
    elif note.readable is Readable.OTHERS:
        why = f"someone has stored something else in {place}"
        place = place.beside()  # nothing of others is written over
    what = f"'{client.name}' has a {newest.kind.noun} ({ending(newest.expires)}), and {why}."
    rotate = observed.command("rotate-secret", "--secret-to", str(place), about=client.name)
    if observed.file is not None:  # the file says where the new one goes
        rotate = observed.file.command("rotate-secret", about=client.name)
    yield Instruction(f"{what} If no one else has it, replace it:", rotate)


def _describe_lost_in_tagged(
    losing: SecretPlace, client: ClientState, observed: ObservedState
) -> Instruction:
    """Say how readers of the key vault that a tag names get the client's secret again."""
    what = lost_message(client.name, losing)
    is_at_its_place = client.note.delivered_of(client.application.credentials) is not None
    if not is_at_its_place:
        # Without the place, which owners may have named: the command asks for it.
        return Instruction(what, observed.command("rotate-secret", about=client.name))
    # The command would not ask: a new secret would go to where that one is.
    what += " A tag of its registration, which its owners can write, names that place."
    if observed.file is not None:
        what += f' If it is right, write secret-to = "{losing}" into the trust file, then:'
        return Instruction(what, observed.file.command("rotate-secret", about=client.name))
    rotate = observed.command("rotate-secret", "--secret-to", str(losing), about=client.name)
    return Instruction(f"{what} If it is right, put a new one there:", rotate)


def describe_outdated_vault(client: ClientState, observed: ObservedState) -> Iterator[str]:
    """Say which key vault keeps the last secret of a client whose new one goes elsewhere."""
    vaults = Tag.VAULT.values(client.application.tags)
    is_valid = any(each.is_valid_at(client.now) for each in client.application.credentials)
    if not vaults or is_valid or client.note.vault is not None:
        return
    place = SecretPlace(PlaceKind.KEY_VAULT, vaults[-1])
    naming = option("--secret-to", str(place))
    if observed.file is not None:
        naming = f'secret-to = "{place}", in the trust file'
    yield (
        f"A tag of '{client.name}' says that its secret is in {place}. Who reads that does not get "
        f"the new one. If they should, name the place: {naming}"
    )


def describe_another(client: ClientState, observed: ObservedState) -> Iterator[str]:
    """Say that the client has a credential that its place does not hold, beside the new one."""
    place = client.note.place
    newest = _newest_lost(client)
    if newest is None or place is None:
        return
    where, hint = f"which {place} does not hold", ""
    if place.is_file:
        # As in `describe_lost`: the row of the new one has the path.
        where = "which its file on this machine does not hold" if observed.file else where
        hint = " Wrong folder? Paths are relative to the current one."
    yield (
        f"'{client.name}' has another {newest.kind.noun} ({ending(newest.expires)}), {where}. "
        f"It stays valid.{hint}"
    )


def _newest_lost(client: ClientState) -> Credential | None:
    """The newest valid credential of a client whose place has none of them."""
    undelivered = client.application.undelivered
    credentials = [
        credential
        for credential in client.application.credentials
        if credential.is_valid_at(client.now) and credential.key_id not in undelivered
    ]
    return newest_made(credentials) if client.note.has_lost(credentials) else None


def lost_message(client: str, place: SecretPlace) -> str:
    """Say that the place of a client's secret does not have it."""
    if place.is_vault:  # one for all; a file may be on another machine
        return f"Who reads {place} does not get the secret of '{client}'."
    return (
        f"The secret of '{client}' is not in {place}. It may be kept elsewhere. If it is lost, "
        "replace it."
    )


def exchange_audience(cloud: str) -> str:
    """The audience of federated tokens, in a cloud.

    Source: learn.microsoft.com/entra/workload-id, "Configure an app to trust a managed identity".
    """
    return _EXCHANGE_IN.get(cloud, _EXCHANGE)


def validity(expires: datetime | None, now: datetime, within: timedelta) -> str:
    """The state of a credential in a word; `within`: how long before its end it is expiring."""
    if not has_end(expires):
        return "does not expire"
    if expires <= now:
        return "expired"
    return "expiring" if expires <= now + within else "valid"


def held_here(client: ClientApplication, observed: ObservedState) -> Credential | None:
    """The credential that a file of this machine holds for a client; `None` where nothing tells."""
    for note in observed.local_notes.get(client.client_id, ()):
        if note.is_of_client(client.client_id):
            return note.delivered_of(client.counted_credentials)
    return None


def current_credentials(credentials: Sequence[Credential], now: datetime) -> Sequence[Credential]:
    """Those that are valid; all where none is."""
    return [credential for credential in credentials if credential.is_valid_at(now)] or credentials
