"""Where each client's credential goes, and what is told of those that were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.engine.apply.journal import Journal
from mct_s2s.inputs.clients import SecretTo
from mct_s2s.inputs.vault import VaultTo
from mct_s2s.model.desired import ClientSpec, Kept
from mct_s2s.model.ids import ClientId
from mct_s2s.planning.changes import AddCredential
from mct_s2s.planning.plan import Plan, Results
from mct_s2s.ports.secret_stores import SecretStore
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.file_store import FileStore
from mct_s2s.stores.keys import KeyFileStore, OutputKeyStore
from mct_s2s.stores.output_store import OutputStore, Viewer

if TYPE_CHECKING:
    from mct_s2s.azure.key_vault.vault_client import KeyVault


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
            match client.credential.keeps if client.credential is not None else None:
                case Kept.SECRET:
                    stores[client.name] = self.of_secret(client.name)
                case Kept.PRIVATE_KEY:
                    stores[client.name] = self.of_key(client.name)
                case None:
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


def made_so_far(plan: Plan, journal: Journal, stores: Mapping[str, SecretStore]) -> list[SavedCredential]:
    """The credentials that a run has made, in the plan's order; one that was shown although its step was cut off."""
    done = {entry.change.key for entry in journal.done}
    return [
        saved(change, journal.results, stores)
        for change in plan.changes
        if isinstance(change, AddCredential) and (change.key in done or _was_shown(change, stores))
    ]


def _was_shown(change: AddCredential, stores: Mapping[str, SecretStore]) -> bool:
    store = stores.get(change.client)
    return isinstance(store, OutputStore) and change.client in store.shown


def saved(change: AddCredential, results: Results, stores: Mapping[str, SecretStore]) -> SavedCredential:
    """What the result says of a credential that was made, or is to be made."""
    store = stores.get(change.client) if change.needs_store else None
    client_id = results.known(change.client_id)
    return SavedCredential(
        change.client,
        client_id or "",
        results.end_of(change.key, change.expires),  # the tenant may have allowed less than was planned
        store.label if store else None,
        store.shown.get(change.client) if isinstance(store, OutputStore) else None,
        change.kind,
    )
