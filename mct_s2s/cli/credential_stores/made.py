"""The credentials that a run has made: what is said of them, and what becomes of those that no one could see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId
from mct_s2s.planning.changes.base import Part, Ref
from mct_s2s.planning.changes.credentials import AddCredential, RemoveSecret
from mct_s2s.planning.changes.registrations import DeleteApplication
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.ports.graph import Directory
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.output_store import OutputStore


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made, or where nothing was applied, those that would be; in the plan's order."""
    done = {entry.change.key for entry in outcome.journal.done}
    return [
        _saved(change, outcome)
        for change in outcome.plan.changes
        if isinstance(change, AddCredential)
        and (not outcome.applied or change.key in done or _shown(change, outcome) is not None)
    ]


def all_credentials(outcome: Outcome) -> list[SavedCredential]:
    """Those of `credentials_of`, and those that the same clients had before and still have."""
    made = {
        outcome.results.known(key_of(change)) for change in outcome.plan.changes if isinstance(change, AddCredential)
    }
    return [*credentials_of(outcome), *_there(outcome, made)]


def _there(outcome: Outcome, made: Collection[KeyId | None]) -> Iterator[SavedCredential]:
    done = [entry.change for entry in outcome.done]
    gone: set[str] = {one.key_id for one in done if isinstance(one, RemoveSecret)}
    gone |= {one.client_id for one in done if isinstance(one, DeleteApplication)}
    for name in dict.fromkeys((*outcome.request.clients, *outcome.stores)):
        note, store = outcome.before.secrets.get(name, SecretNote()), outcome.stores.get(name)
        for client in clients_called(name, outcome.before, outcome.request.unique_name):
            for one in client.application.credentials if client.application is not None else ():
                if one.key_id not in made and not {one.key_id, client.client_id} & gone:
                    place = store.label if store is not None and not store.gives_away and note.knows(one) else None
                    yield SavedCredential(name, client.client_id, one.expires, place, kind=one.kind, created=False)


def key_of(change: AddCredential) -> Ref[KeyId]:
    """The id of the credential that a change makes."""
    return Ref(change.key, Part.KEY_ID)


def _saved(change: AddCredential, outcome: Outcome) -> SavedCredential:
    store = outcome.stores.get(change.client) if change.needs_store else None
    client_id = outcome.results.known(change.client_id)
    return SavedCredential(
        change.client,
        client_id or "",
        outcome.results.end_of(change.key, change.expires),  # the tenant may have allowed less than was planned
        store.label if store is not None else None,
        _shown(change, outcome),
        change.kind,
    )


def _shown(change: AddCredential, outcome: Outcome) -> str | None:
    """What was shown of it, although its step may have been cut off."""
    store = outcome.stores.get(change.client)
    return store.shown.get(change.client) if isinstance(store, OutputStore) else None


@dataclass(frozen=True)
class Unseen:
    """A credential that was to be shown in a document that no one took."""

    change: AddCredential
    client_id: ClientId
    object_id: ApplicationObjectId
    key_id: KeyId

    @property
    def removal_command(self) -> str:
        """What a person types to remove it."""
        return credential_removal(self.client_id, self.key_id, *self.change.removal_options)


def unseen(outcome: Outcome) -> Iterator[Unseen]:
    """The secrets and certificates that this run made to be shown."""
    results = outcome.results
    for change in outcome.plan.changes:
        if not isinstance(change, AddCredential) or not isinstance(outcome.stores.get(change.client), OutputStore):
            continue
        client_id, object_id = results.known(change.client_id), results.known(change.object_id)
        key_id = results.known(key_of(change))
        if client_id is not None and object_id is not None and key_id is not None:
            yield Unseen(change, client_id, object_id, key_id)


async def remove_secrets(directory: Directory, credentials: Sequence[Unseen]) -> None:
    """Remove those among them that can be, so that the next run makes others.

    Raises:
        S2SError: refused, or not answered.
    """
    secrets = [one for one in credentials if one.change.can_be_taken_back]
    await gather_or_cancel(*(directory.remove_secret(one.object_id, one.key_id) for one in secrets))
