"""Which credentials of one client a rotation creates, removes now, and keeps for a while.

The new one is made beside the old one, tested by a token and stored; only then an old one is
removed, and only one that no one can still need: `--keep-old` says how long those who keep a copy
do. docs/credentials.md says it for people.

Source: learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from mct_s2s.errors import Instruction
from mct_s2s.model.client_credentials import (
    CLOCKS_DIFFER,
    NEVER,
    YOUNG,
    Credential,
    CredentialKind,
    NewCredential,
    has_end,
    newest_made,
    replaced_kind,
    secrets_among,
)
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.desired import Rotation
from mct_s2s.planning.changes import AnyChange, ApplicationEdits, NoChange, RemoveCredential
from mct_s2s.planning.credential_plan import ClientState
from mct_s2s.planning.secret_policy import USUAL_LIFETIME
from mct_s2s.planning.service_facts import CLIENT

REFERENCES_FOLLOW = timedelta(hours=25)
"""The time after which App Service has read its key vault references anew.

Within 24 hours (docs/azure-contract.md, 4.8); one more for clocks and restart.
"""
NO_TIME = timedelta(0)


def all_end_by(credentials: Iterable[Credential], horizon: datetime) -> bool:
    return all(
        credential.expires is not None and credential.expires <= horizon
        for credential in credentials
    )


def kind_to_create(
    credentials: Sequence[Credential],
    rotation: Rotation,
    held: Credential | None,
    *,
    goes_to_vault: bool,
) -> CredentialKind:
    """Decide what a client with these credentials gets: what it has, or else what is wanted.

    `held`: the one that its place holds. The names of all are their owners' choice, also those of
    earlier ones: what a trust file wants, and what its place can hold, count for more.
    """
    if not credentials:
        return rotation.kind
    if held is not None:
        return held.kind
    kinds = {credential.kind for credential in credentials if credential.is_replaceable}
    if goes_to_vault and CredentialKind.SECRET in kinds:
        return CredentialKind.SECRET
    if rotation.only_named and rotation.kind in kinds:
        return rotation.kind
    return replaced_kind(credentials) or CredentialKind.SECRET


def signs_in_otherwise(credentials: Iterable[Credential], moment: datetime) -> bool:
    """Whether a client signs in by what this tool does not renew, to which someone may have moved
    it: a federated credential, or a certificate of another maker.
    """
    return any(
        credential.federation is not None
        or (credential.kind is CredentialKind.CERTIFICATE and not credential.is_replaceable)
        for credential in credentials
        if credential.is_valid_at(moment)
    )


def deciding_credentials(
    credentials: Sequence[Credential], kind: CredentialKind | None, held: Credential | None
) -> Sequence[Credential]:
    """Those by whose end a client is due: what its place holds, or else what was made last.

    Anything else that signs in as it, an owner of earlier days may have left. `kind`: what would be
    created; `None`: any. Where this tool made none, all count.
    """
    if held is not None:
        return [held]
    of_kind = [credential for credential in credentials if kind in {None, credential.kind}]
    newest = newest_made(of_kind)
    return credentials if newest is None else [newest]


@dataclass(frozen=True)
class Replacement:
    """What a rotation makes of the credentials of one client.

    The credentials are sorted into sets, each a part of the one above it::

        client.application.credentials    all
            orphan_removals                 arrived nowhere: removed, and count for nothing
            counted                         all others
                of_kind                       secrets, or else certificates
                    replaceable                 made by this tool
                        current                   what users read at its place now
                        older                     all others
                            replaced_before         their users read a newer one by now
                            elsewhere               never at the place: kept, and named in a note
                                newer                 made after `current`: who has them has the
                                                      latest, so that they are no old ones

    `replaced` are `replaced_before` and, where a new one is created, `current`. Of them, those of
    `removed_now` go in this run; the others stay for the grace period.
    """

    client: ClientState
    rotation: Rotation
    sole: frozenset[str] = frozenset()
    """Ids of those whose predecessors a run on this machine began to remove."""

    @cached_property
    def orphan_removals(self) -> list[RemoveCredential]:
        """The steps that remove what never arrived anywhere: it counts for nothing."""
        return self.client.orphan_removals()

    @cached_property
    def counted(self) -> list[Credential]:
        """All credentials but those that arrived nowhere."""
        removed = {removal.key_id for removal in self.orphan_removals}
        return [
            credential
            for credential in self.client.application.credentials
            if credential.key_id not in removed
        ]

    @cached_property
    def kind(self) -> CredentialKind:
        """Secrets or certificates: what this rotation replaces."""
        return kind_to_create(
            self.counted,
            self.rotation,
            self._held_now,
            goes_to_vault=self.client.note.vault is not None,
        )

    @cached_property
    def _held_now(self) -> Credential | None:
        """The one that the place holds, of whichever kind; `None` where nothing tells."""
        note = self.client.note
        # A key vault holds secrets, whatever its tags name, which others may write.
        is_vault = note.vault is not None
        return note.delivered_of(secrets_among(self.counted) if is_vault else self.counted)

    @cached_property
    def of_kind(self) -> list[Credential]:
        return [credential for credential in self.counted if credential.kind is self.kind]

    @cached_property
    def replaceable(self) -> list[Credential]:
        """Those that this tool made; a certificate only once its key is delivered."""
        return [
            credential
            for credential in self.of_kind
            if credential.is_replaceable and not self.client.note.is_on_its_way(credential)
        ]

    @property
    def place_has_received(self) -> bool:
        """Whether the place has received any credential.

        `current` may be `None` all the same: that one may be of the other kind or removed, or a
        replica does not show it yet.
        """
        return self.client.note.delivered is not None

    @cached_property
    def current(self) -> Credential | None:
        """The one that users of the client read at its place now; `None` where nothing tells."""
        held = self.client.note.delivered_of(self.of_kind)
        # Where the place cannot say, or names a key that the client does not have, the newest one
        # was handed over last: `--remove-old` says that its users have it. It is never removed
        # without a new one.
        if held is None and self.rotation.remove_old:
            return newest_made(self.replaceable)
        return held

    @cached_property
    def older(self) -> list[Credential]:
        return [credential for credential in self.replaceable if credential is not self.current]

    @cached_property
    def replaced_before(self) -> list[Credential]:
        """Older ones whose users have a newer one: they read the place where it is.

        With `--remove-old`, the operator says so of all that are older than the one at the place.
        """
        return [
            credential
            for credential in self.older
            if self.client.note.has_held(credential)
            or (self.rotation.remove_old and credential not in self.newer)
        ]

    @cached_property
    def newer(self) -> list[Credential]:
        """Those that were handed over elsewhere after the one that the place holds."""
        current = self.current
        if current is None or current.begins is None:
            return []
        return [
            credential
            for credential in self.older
            if not self.client.note.has_held(credential)
            and credential.begins is not None
            and credential.begins > current.begins
        ]

    @cached_property
    def elsewhere(self) -> list[Credential]:
        """Older ones that the place has never held: their users know of no newer one."""
        return [credential for credential in self.older if credential not in self.replaced_before]

    @cached_property
    def _old_elsewhere(self) -> list[Credential]:
        """Those of `elsewhere` that a newer one replaces, which `--remove-old` removes.

        Where no place remembers and none is created, the newest one is what users have.
        """
        if self.needs_new:
            return self.elsewhere
        if self.place_has_received:
            return [credential for credential in self.elsewhere if credential not in self.newer]
        in_use = newest_made(self.replaceable)
        return [credential for credential in self.elsewhere if credential is not in_use]

    @cached_property
    def needs_new(self) -> bool:
        """Whether this run creates a new one."""
        rotation = self.rotation
        # With `--expiring-within`, time alone decides. What else is unfinished is only removed, not
        # replaced.
        if rotation.expiring_within is not None:
            # Replicas may not show yet what was delivered minutes ago.
            is_hidden = not self.counted and self.client.has_just_arrived(self.kind)
            horizon = self.client.now + rotation.expiring_within
            return all_end_by(
                deciding_credentials(self.counted, self.kind, self._held_now), horizon
            ) and (not is_hidden)
        # Everyone has the newest one by now: only the old ones are to go.
        if rotation.remove_old and self.current is not None:
            is_shown_whole = not self.client.has_just_arrived(self.kind)
            return is_shown_whole and not (self.older or self.is_repeated)
        return not self.may_finish_last_rotation

    @cached_property
    def is_repeated(self) -> bool:
        """Whether a removal of the old ones is repeated, maybe after an interruption.

        What has expired is not in use: its client needs a new one.
        """
        current, now = self.current, self.client.now
        if self.rotation.expiring_within is not None or current is None:
            return False
        return current.is_valid_at(now) and current.key_id.casefold() in self.sole

    @cached_property
    def may_finish_last_rotation(self) -> bool:
        """Whether the last rotation may have been cut off after its delivery, so that this one only
        removes the old ones.

        It is taken for one only where it delivered minutes ago: later, a new one is what is asked
        for.
        """
        return self.client.has_just_arrived(self.kind) and bool(self.replaced_before)

    @cached_property
    def replaced(self) -> list[Credential]:
        """Those that go, now or after the grace period."""
        if self.needs_new and self.current is not None:
            return [*self.replaced_before, self.current]
        return self.replaced_before

    @cached_property
    def grace_period(self) -> timedelta:
        """How long a replaced one stays, so that its users find the new one.

        By this rotation's `keep_old`: that of the rotation which replaced it is not remembered.
        """
        if self.rotation.remove_old:
            return NO_TIME
        # Readers of a key vault see the new secret only after their reference has refreshed.
        if self.client.note.vault is not None:
            return max(self.rotation.keep_old, REFERENCES_FOLLOW)
        return self.rotation.keep_old

    @cached_property
    def current_since(self) -> datetime | None:
        """When the current one began; `None` where nothing tells."""
        if self.current is not None:
            return self.current.begins
        # Replicas may not show yet what was delivered minutes ago; its store remembers it.
        return self.client.note.delivered_at

    def may_go(self, credential: Credential) -> bool:
        """Whether no one can still need a replaced credential, so that this run removes it."""
        if self.grace_period == NO_TIME:
            return True
        # It is replaced by this very run: its users have yet to find the new one.
        if credential is self.current or self.current_since is None:
            return False
        return self.current_since + self.grace_period <= self.client.now

    @cached_property
    def removed_now(self) -> list[Credential]:
        return [credential for credential in self.replaced if self.may_go(credential)]

    def changes(self) -> list[AnyChange]:
        """Plan removals of orphans, the new credential, then removals of replaced ones."""
        client = self.client
        key = client.addition_key(self.kind)
        steps: list[AnyChange] = [*self.orphan_removals]
        if self.needs_new:
            steps += self._plan_new()
        # The one that replaces it has to give a token first: of this client, for this scope.
        token_to_test = (client.application.client_id, f"{client.audience}/.default")
        has_successor = self.place_has_received or self.needs_new
        # The first removal waits for the new credential, if there is one. Certificates are one
        # list, which is written whole: one removal at a time.
        previous_key = key
        for credential in self.removed_now:
            removal = RemoveCredential(
                key=f"{key}:{credential.key_id}",
                name=client.name,
                detail=f"the old one, '{credential.name or credential.key_id}'",
                object_id=client.application.object_id,
                key_id=credential.key_id,
                kind=self.kind,
                replaced_for=token_to_test if has_successor else None,
                staying=None if self.needs_new or self.current is None else self.current.key_id,
                after=(previous_key,),
            )
            steps.append(removal)
            previous_key = removal.key
        return steps or [
            NoChange(key=key, resource=CLIENT, name=client.name, id=client.application.client_id)
        ]

    def _plan_new(self) -> list[AnyChange]:
        """Plan to create a new one, and to tag the registration with its key vault."""
        client, rotation = self.client, self.rotation
        spec = NewCredential(rotation.expires or self._usual_end(), self.kind, rotation.shorten)
        addition = client.plan_addition(spec, verify=True)
        tags = client.missing_vault_tags()
        if not tags:
            return [addition]
        tagging = client.plan_update(
            f"{addition.key}:vault",
            CLIENT,
            client.name,
            "tagged with the location of its secret",
            ApplicationEdits(tags=tags),
            after=(addition.key,),
        )
        return [addition, tagging]

    def _usual_end(self) -> datetime:
        """When the new one ends: after the lifetime of the last one, or a year."""
        starts = self.client.now.replace(microsecond=0)
        if self.kind.is_key:  # a certificate begins earlier, as clocks differ
            starts -= CLOCKS_DIFFER
        last = self.current or newest_made(self.of_kind)
        if last is None or last.begins is None:
            return starts + USUAL_LIFETIME
        if not has_end(last.expires):
            return NEVER
        # Rounded to five minutes, as the last one began some seconds late.
        lifetime = CLOCKS_DIFFER * round((last.expires - last.begins) / CLOCKS_DIFFER)
        is_due_at_once = lifetime <= (self.rotation.expiring_within or NO_TIME)
        return starts + (USUAL_LIFETIME if is_due_at_once else lifetime)

    def notes(self, removal_command: str) -> list[Instruction]:
        """Say what stays, and until when; `removal_command`: the one that removes it."""
        notes = list[Instruction]()
        old = f"The old {self.kind.noun} of '{self.client.name}'"
        if not self.needs_new and self.rotation.remove_old:
            notes += [self._unknown_to_place(credential) for credential in self.newer]
        if self.needs_new and self.rotation.remove_old and self.current in self.removed_now:
            notes.append(self._refused_at_once())
        if self.rotation.remove_old and self.is_repeated and not self.older:
            notes.append(self._removed_before())
        if (
            self.rotation.expiring_within is None
            and self.may_finish_last_rotation
            and not self.removed_now
        ):
            notes.append(self._not_replaced_again())
        if len(self.removed_now) < len(self.replaced):
            until, then = self._kept()
            notes.append(self._removable_later(f"{old} {until}", then, removal_command))
        if self._old_elsewhere:
            which = f"Another {self.kind.noun} of '{self.client.name}'" if self.replaced else old
            place = self.client.note.place
            # Of a secret that is given away, nothing tells where the old one is.
            elsewhere = f" is not stored in {place}. It" if place is not None else ""
            what = f"{which}{elsewhere} {_validity(self._old_elsewhere)}."
            then = "When nothing uses it, remove it:"
            if self.needs_new:
                then = "Give the new one to its users, then remove it:"
                # The new one goes to that file. A trust file says the place itself.
                if place is not None and place.is_file and not self.rotation.only_named:
                    # Said before and after it: a result comes too late to name the place.
                    way = "rotate with --secret-to PLACE"
                    what = f"{what} If its users read another place, {way}."
            notes.append(self._removable_later(what, then, removal_command))
        if self.needs_new:
            notes += [
                self._of_another_maker(credential)
                for credential in self.of_kind
                if not credential.is_replaceable
            ]
        return notes

    def _removable_later(self, what: str, then: str, removal_command: str) -> Instruction:
        """Say what stays, and in which words its removal is offered once there is a new one."""
        in_dry_run = what if self.needs_new else ""
        return Instruction(f"{what} {then}", removal_command, in_dry_run=in_dry_run)

    def _kept(self) -> tuple[str, str]:
        """How long the old one is kept, and how its removal begins in a sentence."""
        if self.client.note.vault is not None and self.grace_period == REFERENCES_FOLLOW:
            hours = REFERENCES_FOLLOW // timedelta(hours=1)
            refreshed = f"is kept for {hours} hours, until Key Vault references have refreshed."
            return f"{refreshed} The next rotation after that removes it.", "To remove it now:"
        replaced_at = self.client.now if self.needs_new else self.current_since or self.client.now
        kept_until = replaced_at + self.grace_period
        return (
            "is kept until a rotation without --keep-old.",
            f"After {kept_until:%Y-%m-%d %H:%M} UTC, remove it:",
        )

    def _refused_at_once(self) -> Instruction:
        """Who is refused from then on, where the old one goes although it may be in use."""
        return Instruction(
            f"--remove-old removes the {self.kind.noun} that '{self.client.name}' uses now: "
            "whoever keeps a copy of it is refused until they have the new one."
        )

    def _not_replaced_again(self) -> Instruction:
        """Why a second rotation within minutes makes nothing new, and when one would."""
        noun, delivered_at = self.kind.noun, self.client.note.delivered_at
        assert delivered_at is not None  # it has arrived
        later = delivered_at + YOUNG + timedelta(minutes=1)
        return Instruction(
            f"'{self.client.name}' got a new {noun} at {delivered_at:%H:%M} UTC, so this run made "
            f"none. To replace that one, too, run the same command after {later:%H:%M} UTC."
        )

    def _removed_before(self) -> Instruction:
        """Why `--remove-old`, run a second time, makes nothing new, and what does."""
        noun = self.kind.noun
        return Instruction(
            f"The old {noun} of '{self.client.name}' was removed before, so this run makes no new "
            f"{noun}. To replace the one that it has now, run the same command without "
            "--remove-old."
        )

    def _unknown_to_place(self, credential: Credential) -> Instruction:
        """Of two that may be in use, say how to choose."""
        noun, place = self.kind.noun, self.client.note.place
        naming = "secret-to in the trust file" if self.rotation.only_named else "--secret-to PLACE"
        what = (
            f"'{credential.name}' is newer than the {noun} of '{self.client.name}' in {place}, and "
            f"is not stored there. If its users have it, name where it is ({naming}), and the "
            "older one is removed. If nothing uses it, delete it:"
        )
        delete = credential_removal(
            self.client.application.client_id, credential.key_id, is_key=self.kind.is_key
        )
        return Instruction(what, delete)

    def _of_another_maker(self, credential: Credential) -> Instruction:
        delete = credential_removal(
            self.client.application.client_id, credential.key_id, is_key=self.kind.is_key
        )
        what = (
            f"'{self.client.name}' keeps a {self.kind.noun} of another maker. When it is no longer "
            "used, delete it:"
        )
        return Instruction(what, delete)


def _validity(credentials: Iterable[Credential]) -> str:
    last = max(credential.expires or NEVER for credential in credentials)
    return (
        f"stays valid until {last:%Y-%m-%d}"
        if has_end(last)
        else "stays valid, and does not expire"
    )
