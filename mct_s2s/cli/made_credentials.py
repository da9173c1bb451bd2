"""The credentials that a run has made: what is said of them, and what becomes of those that nobody could see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.proofs import needs_store
from mct_s2s.engine.outcome import Outcome
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.planning.changes.base import Part, Ref
from mct_s2s.planning.credentials.certificate import AddCertificate
from mct_s2s.planning.credentials.federated import AddFederatedCredential
from mct_s2s.planning.credentials.secret import AddSecret
from mct_s2s.ports.graph import Directory
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.output_store import OutputStore

NewCredential = AddSecret | AddCertificate | AddFederatedCredential


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made, or where nothing was applied, those that would be; in the plan's order."""
    done = {entry.change.key for entry in outcome.journal.done}
    return [
        _saved(change, outcome)
        for change in outcome.plan.changes
        if isinstance(change, NewCredential)
        and (not outcome.applied or change.key in done or _shown(change, outcome) is not None)
    ]


def _saved(change: NewCredential, outcome: Outcome) -> SavedCredential:
    client_id = outcome.results.known(change.client_id) or ""
    if isinstance(change, AddFederatedCredential):
        return SavedCredential(change.client, client_id, None, None, kind=CredentialKind.FEDERATED)
    store, kind, expires = outcome.stores.get(change.client), CredentialKind.CERTIFICATE, change.expires
    if isinstance(change, AddSecret):  # the tenant may have allowed less than was planned
        kind, expires = CredentialKind.SECRET, outcome.results.end_of(change.key, change.expires)
    label = store.label if store else None
    return SavedCredential(change.client, client_id, expires, label, _shown(change, outcome), kind)


def _shown(change: NewCredential, outcome: Outcome) -> str | None:
    """What was shown of it, although its step may have been cut off."""
    store = outcome.stores.get(change.client)
    return store.shown.get(change.client) if isinstance(store, OutputStore) else None


@dataclass(frozen=True)
class Unseen:
    """A credential that was to be shown in a document that nobody took."""

    client: str
    client_id: ClientId
    object_id: ApplicationObjectId
    key_id: KeyId
    kind: CredentialKind


def unseen(outcome: Outcome) -> Iterator[Unseen]:
    """The secrets and certificates that this run made to be shown."""
    results = outcome.results
    for change in outcome.plan.changes:
        if not needs_store(change) or not isinstance(outcome.stores.get(change.client), OutputStore):
            continue
        client_id, object_id = results.known(change.client_id), results.known(change.object_id)
        key_id: KeyId | None = results.known(Ref(change.key, Part.KEY_ID))
        if client_id is not None and object_id is not None and key_id is not None:
            kind = CredentialKind.SECRET if isinstance(change, AddSecret) else CredentialKind.CERTIFICATE
            yield Unseen(change.client, client_id, object_id, key_id, kind)


async def remove_secrets(directory: Directory, credentials: Sequence[Unseen]) -> None:
    """Remove the secrets among them, so that the next run makes others.

    Raises:
        S2SError: refused, or not answered.
    """
    secrets = [one for one in credentials if one.kind is CredentialKind.SECRET]
    await gather_or_cancel(*(directory.remove_secret(one.object_id, one.key_id) for one in secrets))
