"""The credentials that a run has made, and those that its clients had before."""

from __future__ import annotations

from collections.abc import Iterator

from mct_s2s.engine.outcome import Outcome
from mct_s2s.model.client_credentials import NewCredential, SecretNote
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.desired import Removal
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import AddCredential, DeleteApplication, Output, OutputRef, RemoveCredential
from mct_s2s.planning.ownership import clients_called
from mct_s2s.render.outcome import SavedCredential
from mct_s2s.stores.store import OutputStore


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made, or where nothing was applied, those that would be; in the plan's order.

    One that no later run knows of is among them although its step was cut off.
    """
    done = {entry.change.key for entry in outcome.done}
    found: list[SavedCredential] = []
    for change in outcome.plan.changes:
        if not isinstance(change, AddCredential):
            continue
        store = outcome.stores.get(change.name) if isinstance(change.spec, NewCredential) else None
        given, gives_away = (store.given, store.gives_away) if store is not None else (None, False)
        client_id, key_id = outcome.outputs.known(change.client_id), outcome.outputs.known(key_of(change))
        is_told = gives_away and (key_id is not None or given is not None)
        if outcome.applied and change.key not in done and not is_told:
            continue
        is_lost = gives_away and outcome.applied and given is None
        removal = ""
        if gives_away and client_id is not None and key_id is not None:
            removal = credential_removal(client_id, key_id, is_key=change.kind.is_key)
        found.append(
            SavedCredential(
                change.name,
                client_id or "",
                change.ends(outcome.outputs),
                store.label if store is not None and not is_lost else None,
                given.value if given is not None and isinstance(store, OutputStore) else None,
                change.kind,
                removal=removal,
                is_lost=is_lost,
            )
        )
    return found


def all_credentials(outcome: Outcome) -> Iterator[SavedCredential]:
    """Those of `credentials_of`, and those that the same clients had before and still have."""
    yield from credentials_of(outcome)
    added = [change for change in outcome.plan.changes if isinstance(change, AddCredential)]
    made = {outcome.outputs.known(key_of(change)) for change in added}
    done = [entry.change for entry in outcome.done]
    gone: set[str] = {one.key_id for one in done if isinstance(one, RemoveCredential)}
    gone |= {one.client_id for one in done if isinstance(one, DeleteApplication)}
    desired = outcome.request.desired
    names = () if isinstance(desired, Removal) else desired.names
    for name in dict.fromkeys((*names, *outcome.stores)):
        note = outcome.before.secrets.get(name, SecretNote())
        for client in clients_called(name, outcome.before, desired.unique_name):
            for one in client.application.credentials if client.application is not None else ():
                if one.key_id not in made and not {one.key_id, client.client_id} & gone:
                    place = note.place if note.knows(one) else None
                    yield SavedCredential(name, client.client_id, one.expires, place, kind=one.kind, created=False)


def key_of(change: AddCredential) -> OutputRef[KeyId]:
    return OutputRef(change.key, Output.KEY_ID)
