"""A secret, or a private key, on its way to its place: noted before it is made, taken back where it does not arrive."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mct_s2s.errors import S2SError, or_unknown
from mct_s2s.model.client_credentials import attempt_tag
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, Tag
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.azure.graph.directory import GraphDirectory


@dataclass
class Attempt:
    """Places that keep nothing have their note as a tag of the registration, so that every later run knows of it."""

    directory: "GraphDirectory"
    store: Store
    name: str
    """The credential's own, by which a later run finds it."""
    client: str
    object_id: ApplicationObjectId
    client_id: ClientId
    is_key: bool = False
    """Whether it is a certificate's; where keys are kept, a pending one needs no note."""
    key_id: KeyId | None = None
    """Of the credential, once it is registered."""
    has_arrived: bool = False
    removal: str = ""
    """The command that removes what could not be taken back."""
    is_taken_back: bool = False
    _tagged: Application | None = None

    @property
    def is_over(self) -> bool:
        return self.has_arrived or self.is_taken_back or bool(self.removal)

    async def begin(self, made: Application | None) -> None:
        """Note it. `made`: the registration, where this run has created it."""
        await self.store.begin(self.name, self.client_id)
        if self.store.gives_away:
            application = made or await self.directory.application_by_object_id(self.object_id)
            names = {attempt_tag(one.name or "") for one in application.credentials}
            # Notes of secrets that are gone tell nothing any more.
            kept = (tag for tag in application.tags if not tag.startswith(Tag.ATTEMPT) or tag in names)
            tagged = replace(application, tags=tuple(dict.fromkeys((*kept, attempt_tag(self.name)))))
            await self.directory.update_application(application, tagged)
            self._tagged = tagged

    async def arrived(self) -> None:
        self.has_arrived = True
        await self._untag()

    async def _untag(self) -> None:
        if self._tagged is not None:
            tag = attempt_tag(self.name)
            after = replace(self._tagged, tags=tuple(one for one in self._tagged.tags if one != tag))
            await self.directory.update_application(self._tagged, after)
            self._tagged = None

    async def take_back(self) -> None:
        """Remove what has not arrived. What cannot be removed stays noted, with its command here."""
        if self.key_id is None or self.has_arrived or await self._is_stored():
            return
        try:
            if self.is_key:
                await self.directory.remove_certificate(self.object_id, self.key_id, None)
            else:
                await self.directory.remove_secret(self.object_id, self.key_id, is_new=True)
        except S2SError:
            self.removal = credential_removal(self.client_id, self.key_id, is_key=self.is_key)
            return
        self.is_taken_back = True
        self.store.given = None
        with suppress(S2SError):  # a note of a secret that is gone tells nothing
            await self._untag()
            await self.store.forget(self.name)

    async def _is_stored(self) -> bool:
        """Whether it arrived although the command was interrupted."""
        note = await or_unknown(self.store.note())
        return note is not None and note.delivered is not None and note.delivered == self.key_id
