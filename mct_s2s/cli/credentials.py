"""Where each client's credential goes, and what is told of those that were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.engine.apply.journal import Journal
from mct_s2s.inputs.clients import SecretTo
from mct_s2s.inputs.vault import VaultTo
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.desired import CertificateSpec, ClientSpec, SecretSpec
from mct_s2s.model.ids import ClientId
from mct_s2s.planning.changes import AddCertificate, AddFederatedCredential, AddSecret
from mct_s2s.planning.plan import Plan, Results
from mct_s2s.ports.secret_stores import SecretStore
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.file_store import FileStore
from mct_s2s.stores.keys import KeyFileStore, OutputKeyStore
from mct_s2s.stores.output_store import OutputStore, Viewer

if TYPE_CHECKING:
    from mct_s2s.azure.key_vault.vault_client import KeyVault

NewCredential = AddSecret | AddCertificate | AddFederatedCredential


@dataclass(frozen=True)
class Stores:
    """Makes the place of each credential.

    Args:
        secret_to: where the user asked for it.
        folder: where it goes if the user did not say.
        in_vault: makes a place in a key vault, for a client's name in the wish.
        names: what clients are called, by appId in lower case: a key that was made under the name is replaced there.
        viewer: whoever asked to see secrets, if anybody did.
    """

    secret_to: SecretTo
    folder: Path
    in_vault: Callable[[VaultTo, str], SecretStore]
    names: Mapping[str, str]
    viewer: Viewer

    def for_specs(self, clients: Sequence[ClientSpec]) -> dict[str, SecretStore]:
        """A place for each client that is to get something secret, by the client's name in the wish."""
        stores: dict[str, SecretStore] = {}
        for client in clients:
            match client.credential:
                case SecretSpec():
                    stores[client.name] = self.of_secret(client.name)
                case CertificateSpec(given=None):
                    stores[client.name] = self.of_key(client.name)
                case _:
                    pass
        return stores

    def of_standing(self, name: str, client_id: ClientId) -> SecretStore:
        """The place of a client that is there: one that was adopted by its appId has its file under that name."""
        if self.secret_to.show or self.secret_to.vault is not None:
            return self.of_secret(name)
        other = self._file(client_id)
        return other if other.holds(client_id) else self._file(name)

    def of_secret(self, name: str) -> SecretStore:
        """For a secret."""
        if self.secret_to.show:
            return OutputStore(self.viewer)
        if self.secret_to.vault is not None:
            return self.in_vault(self.secret_to.vault, name)
        return self._file(name)

    def of_key(self, name: str) -> SecretStore:
        """For a private key."""
        if self.secret_to.show:
            return OutputKeyStore(self.viewer, client=name)
        named = self.names.get(name.lower())
        if named is not None and (store := self._key_file(named)).holds(name):
            return store
        return self._key_file(name)

    def _key_file(self, name: str) -> KeyFileStore:
        return KeyFileStore.at(self.secret_to.file_for(name, self.folder), self.secret_to.path is None)

    def _file(self, name: str) -> FileStore:
        return FileStore(self.secret_to.file_for(name, self.folder), self.secret_to.path is None)


def in_vault(vault: KeyVault, to: VaultTo, label: str, name: str) -> SecretStore:
    """The place of a client's secret in a key vault.

    Args:
        vault: the vault.
        to: its name, and the secret's name if the user said one.
        label: the App Service's name.
        name: the client's name in the wish.
    """
    from mct_s2s.stores.vault_store import KeyVaultStore  # noqa: PLC0415  # an extra

    return KeyVaultStore(vault, to.secret_for(label, name), name)


def as_made(change: NewCredential, results: Results) -> NewCredential:
    """A credential's change with the end that it really got: the tenant may have allowed less than was planned."""
    if not isinstance(change, AddSecret):
        return change
    return replace(change, expires=results.end_of(change.key, change.expires))


def made_so_far(plan: Plan, journal: Journal, stores: Mapping[str, SecretStore]) -> list[SavedCredential]:
    """The credentials that a run has made, in the plan's order; one that was shown although its step was cut off."""
    done = {entry.change.key for entry in journal.done}
    return [
        saved(as_made(change, journal.results), _client_id(change, journal.results), stores)
        for change in plan.changes
        if isinstance(change, AddSecret | AddCertificate | AddFederatedCredential)
        and (change.key in done or _was_shown(change, stores))
    ]


def _client_id(change: NewCredential, results: Results) -> str:
    client_id = results.known(change.client_id)
    return client_id or ""


def _was_shown(change: NewCredential, stores: Mapping[str, SecretStore]) -> bool:
    store = stores.get(change.client)
    return isinstance(store, OutputStore) and change.client in store.shown


def saved(change: NewCredential, client_id: str, stores: Mapping[str, SecretStore]) -> SavedCredential:
    """What the result says of a credential that was made, or is to be made."""
    store = stores.get(change.client)
    client_id = change.client_id if isinstance(change.client_id, str) else client_id
    if isinstance(change, AddFederatedCredential):
        return SavedCredential(change.client, client_id, None, None, kind=CredentialKind.FEDERATED)
    kind = CredentialKind.SECRET if isinstance(change, AddSecret) else CredentialKind.CERTIFICATE
    secret = store.shown.get(change.client) if isinstance(store, OutputStore) else None
    return SavedCredential(change.client, client_id, change.expires, store.label if store else None, secret, kind)
