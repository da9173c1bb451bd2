"""A secret or private key on its way to its store.

It is noted before it is made, and taken back where it does not arrive. What a killed run left is
found by its note: the next run removes it.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.graph import applications, credentials
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import CredentialKind, attempt_tag
from mct_s2s.model.client_sign_in import MadeCredential
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, Tag
from mct_s2s.stores.remembered_registrations import RememberedAttempts
from mct_s2s.stores.store import Store
from mct_s2s.waits import LAG_SECONDS, LOOK_PAUSE, TAKING_BACK_SECONDS

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

CHECKS = 3
"""Reads after a write of tags: two runs that begin at the same moment undo each other's write."""


@dataclass
class Attempt:
    """One attempt at a credential.

    Its note is kept by its store, where that can keep one (`Store.begin`), and, unless that is the
    default file of this machine, as a tag of the registration: runs on other machines read that.
    """

    graph: "GraphClient"
    store: Store
    name: str
    """The credential's own, by which a later run finds it."""
    client: str
    object_id: ApplicationObjectId
    client_id: ClientId
    remembered: RememberedAttempts
    tags_of_killed_runs: frozenset[str]
    """Tags of attempts that killed runs on this machine began at this registration, and of which
    the plan has seen no secret: a replica may have hidden it.
    """
    kind: CredentialKind = CredentialKind.SECRET
    """Of a certificate, what is kept is its private key; a pending one needs no note there."""
    key_id: KeyId | None = None
    """The credential's, once it is registered."""
    may_have_duplicate: bool = False
    """Whether another secret of this name may exist, which no replica has shown."""
    has_arrived: bool = False
    removal: str = ""
    """The command that removes what could not be taken back."""
    is_taken_back: bool = False
    _tagged: Application | None = None
    """The registration as this attempt has tagged it; `None` without a tag."""
    _tags_before: frozenset[str] = frozenset()
    """The tags as they were read before the last write."""

    @property
    def is_over(self) -> bool:
        return self.has_arrived or self.is_taken_back or bool(self.removal)

    @property
    def is_tagged(self) -> bool:
        return self._tagged is not None

    @property
    def _tag(self) -> str:
        return attempt_tag(self.name)

    async def begin(
        self, created: Application | None = None, wanted: Application | None = None
    ) -> None:
        """Note the attempt at its store and, side by side, by a tag of the registration.

        `created`: the registration, where this run has created it; `wanted`: what the write of the
        tag makes of it besides.
        """
        note = self.store.begin(self.name, self.client_id)
        if self.store.is_default_place:
            await note
        else:
            self.remembered.add(self._tag)
            await gather_or_cancel(note, self._write_tag(created, wanted))

    async def _write_tag(self, created: Application | None, wanted: Application | None) -> None:
        application = created or await applications.by_object_id(self.graph, self.object_id)
        self._tags_before = frozenset(application.tags)
        # Also what another run has noted: it may be killed.
        tagged = wanted or application
        tags = dict.fromkeys((*tagged.tags, *sorted(self.tags_of_killed_runs), self._tag))
        tagged = replace(tagged, tags=tuple(tags))
        await applications.update(self.graph, application, tagged)
        self._tagged = tagged
        await self._check_tags(tagged)

    async def deliver(self, credential: MadeCredential) -> None:
        """Hand the credential to its store. Raises S2SError.

        From here on the tag alone notes the attempt. One that this machine remembers was never
        handed over: the next run removes its secret without asking the store.
        """
        self.remembered.remove(self._tag)
        await self.store.deliver(credential)

    async def confirm_arrival(self) -> None:
        """Note that the secret is in its store. Raises S2SError: the tag could not be removed."""
        self.has_arrived = True
        try:
            if self.may_have_duplicate or self.tags_of_killed_runs:
                await self._remove_older()
            await self._untag()
        except S2SError as error:
            if self.is_tagged:
                error.mention([self._describe_tag_left()])
            raise

    def _describe_tag_left(self) -> str:
        """Say what the tag of a secret that has arrived makes of later runs."""
        # One that reads the place sees that the secret is there, and only removes the tag.
        run = f"a setup or rotation that does not read {self.store.secret_place}"
        if self.store.gives_away:
            run = "the next setup or rotation of this client"
        noun = self.kind.noun
        return (
            f"The {noun} of '{self.client}' has arrived, and its note could not be removed: {run} "
            f"removes this {noun} and makes another."
        )

    async def _remove_older(self) -> None:
        """Remove the secrets of cut-off attempts, and another one of this name.

        A replica that shows this one shows them, too, if they exist: they are older. So after this
        their notes may go.
        """
        tags = {self._tag, *self.tags_of_killed_runs}
        gives_up_at = clock.seconds() + LAG_SECONDS
        while True:
            application = await applications.by_object_id(self.graph, self.object_id)
            made = {
                credential.key_id: credential.kind
                for credential in application.credentials
                if attempt_tag(credential.name or "") in tags
            }
            if self.key_id in made or clock.seconds() >= gives_up_at:
                break
            with waiting(REPLICATION, gives_up_at):
                await asyncio.sleep(LOOK_PAUSE)
        for key_id, kind in made.items():
            if key_id == self.key_id:
                continue
            if kind.is_key:
                await credentials.remove_certificate(
                    self.graph, self.object_id, key_id, self.key_id
                )
            else:
                await credentials.remove_secret(self.graph, self.object_id, key_id)

    async def _untag(self) -> None:
        if self._tagged is None:
            return
        # Read again, as others may have written tags; a replica may not show ours yet.
        application = await applications.by_object_id(self.graph, self.object_id)
        self._tags_before = frozenset(application.tags)
        # Other notes are taken off, too. Say this is run A. Its plan has removed what killed runs
        # left, but for what was hidden from it (`tags_of_killed_runs`): another note is that of a
        # run B at this moment. B's secret may have arrived by now, and B have taken its note off; A
        # still knows the note from its own first write, or sees it on a replica that is behind. If
        # A wrote it again, it would stay, and the next run could remove B's secret. Where B is
        # still at work, its note is lost: that matters only if B is killed before its secret
        # arrives; before it is handed over, B's machine remembers it.
        # All other tags that A has written are kept: a run that did not see the registration may
        # have created it, which replaced its tags.
        known = dict.fromkeys((*application.tags, *self._tagged.tags))
        other_tags = tuple(tag for tag in known if not tag.startswith(Tag.ATTEMPT))
        tagged = replace(application, tags=(*other_tags, self._tag))
        untagged = replace(application, tags=other_tags)
        await applications.update(self.graph, tagged, untagged)
        self._tagged = None
        await self._check_tags(untagged)
        self.remembered.forget()

    async def _check_tags(self, written: Application) -> None:
        """Write the note, or its removal, again where another run has undone it.

        Every write replaces all tags. A replica that is behind shows tags that this run has seen:
        that is no write of another run.
        """
        is_noted = self._tag in written.tags
        seen_before = {self._tags_before, frozenset(written.tags)}
        for _ in range(CHECKS):
            application = await applications.by_object_id(self.graph, self.object_id)
            tags = frozenset(application.tags)
            if (self._tag in tags) == is_noted or tags in seen_before:
                return
            merged = dict.fromkeys((*application.tags, *written.tags))
            wanted = tuple(tag for tag in merged if tag != self._tag or is_noted)
            written = replace(written, tags=wanted)
            await applications.update(self.graph, application, written)
            seen_before |= {tags, frozenset(written.tags)}

    async def take_back(self) -> None:
        """Remove a credential that has not arrived.

        What cannot be removed stays noted, and `removal` is the command that removes it.
        """
        if self.key_id is None or self.has_arrived:
            return
        try:
            async with asyncio.timeout(TAKING_BACK_SECONDS):
                # A store that failed may have it all the same. One that can't be read may have it,
                # too: then the credential stays.
                if (await self.store.note()).delivered == self.key_id:
                    await self.confirm_arrival()
                    return
                await self._remove(self.key_id)
        except (S2SError, TimeoutError):
            if not self.has_arrived:  # else only its note is left
                self.removal = credential_removal(
                    self.client_id, self.key_id, is_key=self.kind.is_key
                )
            return
        self.is_taken_back = True
        self.store.handed_over = None
        if not self.may_have_duplicate:
            await self._remove_notes()

    async def withdraw(self) -> None:
        """Remove the notes of an attempt that was refused: there is no secret."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKING_BACK_SECONDS):
                await self._remove_notes()

    async def _remove_notes(self) -> None:
        if self.tags_of_killed_runs:
            return  # by the notes, the next run finds and removes the secrets of other attempts
        with suppress(S2SError):  # a note of a secret that does not exist means nothing
            await self._untag()
            await self.store.forget(self.name)

    async def _remove(self, key_id: KeyId) -> None:
        if self.kind.is_key:
            # A replica that does not show it yet would tell that it is gone.
            if not await credentials.remove_certificate(
                self.graph, self.object_id, key_id, must_show=key_id
            ):
                raise TimeoutError
        else:
            await credentials.remove_secret(self.graph, self.object_id, key_id, is_new=True)
