"""The credentials that clients have on this machine, and those that a run has made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mct_s2s.engine.outcome import Outcome
from mct_s2s.errors import UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.desired import Removal
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import AddCredential, DeleteApplication, Output, OutputRef, RemoveCredential
from mct_s2s.planning.ownership import clients_called
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.delivered import DeliveredStore, OutputStore
from mct_s2s.stores.dotenv import ENVIRONMENT, credential_in, own_credential


def from_files(paths: Sequence[Path]) -> list[ClientSignIn]:
    """Those of `--credentials`; a `UsageError` where one is not there, or holds no credential."""
    found: list[ClientSignIn] = []
    for path in paths:
        try:
            credential, why = _from_file(path), "it does not contain a client's credential"
        except OSError as error:
            credential, why = None, str(error.strerror or error)
        if credential is None:
            raise UsageError(
                "credentials-unreadable",
                f"Invalid credentials file '{path}': {why}.",
                remedy="Use a secret file from setup or add-client. It sets AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                "AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH), one per line.",
            )
        found.append(credential)
    return found


def available(named: Sequence[ClientSignIn], environ: Mapping[str, str], folder: Path) -> list[ClientSignIn]:
    """Those that the user named, the one in the environment, and those saved in a folder, the newest first."""
    found: list[tuple[float, ClientSignIn]] = []
    for path in folder.glob("*.env"):
        try:
            saved = _from_file(path)
            if saved is not None:
                found.append((path.lstat().st_mtime, saved))
        except (OSError, UsageError):  # no one has named it: one that cannot be used is skipped
            continue
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    in_environment = own_credential(variables, ENVIRONMENT)
    newest_first = [one for _, one in sorted(found, key=lambda one: one[0], reverse=True)]
    return [*named, *([in_environment] if in_environment is not None else []), *newest_first]


def _from_file(path: Path) -> ClientSignIn | None:
    return credential_in(read_given(path).decode("utf-8", errors="replace"), f"file:{path}")


def credentials_of(outcome: Outcome) -> list[SavedCredential]:
    """Those that were made, or where nothing was applied, those that would be; in the plan's order.

    One that no later run knows of is among them although its step was cut off.
    """
    done = {entry.change.key for entry in outcome.done}
    found: list[SavedCredential] = []
    for change in outcome.plan.changes:
        if not isinstance(change, AddCredential):
            continue
        store = outcome.stores.get(change.client) if change.spec.is_stored else None
        given = store.given if isinstance(store, DeliveredStore) else None
        client_id, key_id = outcome.outputs.known(change.client_id), outcome.outputs.known(key_of(change))
        is_delivered = isinstance(store, DeliveredStore) and (key_id is not None or given is not None)
        if outcome.applied and change.key not in done and not is_delivered:
            continue
        is_lost = isinstance(store, DeliveredStore) and outcome.applied and given is None
        removal = ""
        if isinstance(store, DeliveredStore) and client_id is not None and key_id is not None:
            removal = credential_removal(client_id, key_id, is_key=change.kind.is_key)
        found.append(
            SavedCredential(
                change.client,
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
