"""The credentials that a run has made: where they are, and of those that reached no one, how to remove them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mct_s2s.engine.outcome import Outcome
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import AddCredential, DeleteApplication, Part, Ref, RemoveCredential
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.handed_over import HandedOver, OutputStore


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made, or where nothing was applied, those that would be; in the plan's order.

    One that no later run knows of is among them although its step was cut off.
    """
    done = {entry.change.key for entry in outcome.journal.done}
    return [
        _saved(change, outcome)
        for change in outcome.plan.changes
        if isinstance(change, AddCredential)
        and (not outcome.applied or change.key in done or _is_given_away(change, outcome))
    ]


def all_credentials(outcome: Outcome) -> list[SavedCredential]:
    """Those of `credentials_of`, and those that the same clients had before and still have."""
    made = {
        outcome.results.known(key_of(change)) for change in outcome.plan.changes if isinstance(change, AddCredential)
    }
    return [*credentials_of(outcome), *_there(outcome, made)]


def _there(outcome: Outcome, made: Collection[KeyId | None]) -> Iterator[SavedCredential]:
    done = [entry.change for entry in outcome.done]
    gone: set[str] = {one.key_id for one in done if isinstance(one, RemoveCredential)}
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


def _is_given_away(change: AddCredential, outcome: Outcome) -> bool:
    store = outcome.stores.get(change.client)
    is_made = outcome.results.known(key_of(change)) is not None
    return isinstance(store, HandedOver) and (is_made or store.delivered)


def _saved(change: AddCredential, outcome: Outcome) -> SavedCredential:
    store = outcome.stores.get(change.client) if change.needs_store else None
    client_id, key_id = outcome.results.known(change.client_id), outcome.results.known(key_of(change))
    removal = ""
    if isinstance(store, HandedOver) and client_id is not None and key_id is not None:
        removal = credential_removal(client_id, key_id, *change.kind.az_options)
    is_lost = isinstance(store, HandedOver) and outcome.applied and not store.delivered
    return SavedCredential(
        change.client,
        client_id or "",
        outcome.results.end_of(change.key, change.expires),  # the tenant may have allowed less than was planned
        store.label if store is not None and not is_lost else None,
        store.value if isinstance(store, OutputStore) else None,
        change.kind,
        removal=removal,
        is_lost=is_lost,
    )
