"""`--secret-to show`: shown as soon as it exists, on standard output alone; what nobody could see is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.converge import Convergence
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId
from mct_s2s.planning.changes import AddCredential, Part, Ref
from mct_s2s.ports.graph import Directory
from mct_s2s.ports.secret_stores import SecretStore
from mct_s2s.render.closing import credential_lines
from mct_s2s.render.console import Terminal
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.output_store import OutputStore, Shown


class Aside(Protocol):
    """Whoever draws on the terminal, and steps aside."""

    def aside(self) -> AbstractContextManager[None]:
        """Something else may be written meanwhile."""


@dataclass(frozen=True)
class OutputViewer:
    """Whoever reads this command's results. In JSON, a secret has its place in the one document at the end."""

    terminal: Terminal
    watcher: Aside

    def look(self) -> None:
        """Make sure that somebody reads.

        Raises:
            OSError: nobody does.
        """
        self.terminal.check_reader()

    def show(self, shown: Shown) -> None:
        """Write its line.

        Raises:
            OSError: nobody reads.
        """
        if self.terminal.json:
            self.look()
            return
        lines = credential_lines(SavedCredential(shown.client, "", shown.expires, "show", shown.value, shown.kind))
        with self.watcher.aside():
            self.terminal.hand_over(lines)


@dataclass(frozen=True)
class Unseen:
    """A credential that was to be shown in a document that nobody took."""

    change: AddCredential
    client_id: ClientId
    object_id: ApplicationObjectId
    key_id: KeyId

    @property
    def removal_command(self) -> str:
        """What a person types to remove it."""
        return credential_removal(self.client_id, self.key_id, *self.change.removal_options)


def unseen(convergence: Convergence | None, stores: Mapping[str, SecretStore]) -> Iterator[Unseen]:
    """The secrets and certificates that this run made to be shown."""
    if convergence is None:
        return
    results = convergence.results
    for change in convergence.plan.changes:
        if not isinstance(change, AddCredential) or not isinstance(stores.get(change.client), OutputStore):
            continue
        client_id, object_id = results.known(change.client_id), results.known(change.object_id)
        key_id: KeyId | None = results.known(Ref(change.key, Part.KEY_ID))
        if client_id is not None and object_id is not None and key_id is not None:
            yield Unseen(change, client_id, object_id, key_id)


async def take_back(directory: Directory, credentials: Sequence[Unseen]) -> None:
    """Remove those among them that can be, so that the next run makes others.

    Raises:
        S2SError: refused, or not answered.
    """
    can_be = [one for one in credentials if one.change.can_be_taken_back]
    await gather_or_cancel(*(directory.remove_secret(one.object_id, one.key_id) for one in can_be))
