"""A secret, or a private key, on its way to its place: noted before it is made, taken back where it
does not arrive.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mct_s2s.azure.graph import applications, credentials
from mct_s2s.errors import S2SError
from mct_s2s.model.client_credentials import attempt_tag
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, Tag
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

CHECKS = 3
"""Reads after a write of tags: two runs that begin at the same moment undo each other's write once.
"""
LONGEST_SECONDS = 20.0
"""For taking something back: someone may be waiting for a command to end that has failed."""


@dataclass
class Attempt:
    """All but the default file of this machine have their note as a tag of the registration, too:
    every run sees it.
    """

    graph: "GraphClient"
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
    _tags_before: frozenset[str] = frozenset()
    """As they were read before the last write."""

    @property
    def is_over(self) -> bool:
        return self.has_arrived or self.is_taken_back or bool(self.removal)

    async def begin(self, made: Application | None) -> None:
        """Note it. `made`: the registration, where this run has created it."""
        await self.store.begin(self.name, self.client_id)
        if not self.store.is_own:
            application = made or await applications.by_object_id(self.graph, self.object_id)
            self._tags_before = frozenset(application.tags)
            names = {attempt_tag(one.name or "") for one in application.credentials}
            # Notes of secrets that are gone tell nothing any more.
            kept = (
                tag for tag in application.tags if not tag.startswith(Tag.ATTEMPT) or tag in names
            )
            tagged = replace(
                application, tags=tuple(dict.fromkeys((*kept, attempt_tag(self.name))))
            )
            await applications.update(self.graph, application, tagged)
            self._tagged = tagged
            await self._check_tags(tagged)

    async def arrived(self) -> None:
        self.has_arrived = True
        try:
            await self._untag()
        except S2SError as error:
            told = f"The secret of '{self.client}' has arrived, and its note could not be removed:"
            error.mention([f"{told} the next run takes it for lost and makes another."])
            raise

    async def _untag(self) -> None:
        if self._tagged is None:
            return
        # Read again, as another run may have its own note there by now; a replica may not show ours
        # yet.
        application, tag = (
            await applications.by_object_id(self.graph, self.object_id),
            attempt_tag(self.name),
        )
        self._tags_before = frozenset(application.tags)
        others = tuple(one for one in application.tags if one != tag)
        noted, after = replace(application, tags=(*others, tag)), replace(application, tags=others)
        await applications.update(self.graph, noted, after)
        self._tagged = None
        await self._check_tags(after)

    async def _check_tags(self, written: Application) -> None:
        """Write the note, or its removal, again where another run has undone it: every write
        replaces all tags.

        What a replica shows that is behind is no write of another run: it is a state that this run
        has seen.
        """
        tag = attempt_tag(self.name)
        seen = {self._tags_before, frozenset(written.tags)}
        for _ in range(CHECKS):
            application = await applications.by_object_id(self.graph, self.object_id)
            tags = frozenset(application.tags)
            if (tag in tags) == (tag in written.tags) or tags in seen:
                return
            both = dict.fromkeys((*application.tags, *written.tags))
            written = replace(
                written, tags=tuple(one for one in both if one != tag or tag in written.tags)
            )
            await applications.update(self.graph, application, written)
            seen |= {tags, frozenset(written.tags)}

    async def take_back(self) -> None:
        """Remove what has not arrived.

        What cannot be removed stays noted, with its command here.
        """
        if self.key_id is None or self.has_arrived:
            return
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                # A place that cannot be read any more may have it: then it stays, noted and named.
                if (await self.store.note()).delivered == self.key_id:
                    await self.arrived()
                    return
                if self.is_key:
                    await credentials.remove_certificate(
                        self.graph, self.object_id, self.key_id, None
                    )
                else:
                    await credentials.remove_secret(
                        self.graph, self.object_id, self.key_id, is_new=True
                    )
        except (S2SError, TimeoutError):
            if not self.has_arrived:  # else only its note is left
                self.removal = credential_removal(self.client_id, self.key_id, is_key=self.is_key)
            return
        self.is_taken_back = True
        self.store.given = None
        with suppress(S2SError):  # a note of a secret that is gone tells nothing
            await self._untag()
            await self.store.forget(self.name)
