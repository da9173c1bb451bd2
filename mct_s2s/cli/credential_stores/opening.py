"""Where each client's credential goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mct_s2s.cli.credential_stores.own import if_usable, noted_store
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.session import Session
from mct_s2s.inputs.secret_to import ClientPlaces, SecretTo, no_key_in_vault
from mct_s2s.model.client_credentials import replaced_kind
from mct_s2s.model.client_sign_in import ClientSignIn, OwnCredential, SecretCredential
from mct_s2s.model.desired import Desired, Kept
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.secret_stores import SecretStore
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.planning.registrations.ownership import of_client
from mct_s2s.planning.secrets.rotation import rotating
from mct_s2s.stores.file_store import FileStore
from mct_s2s.stores.handed_over import CommandStore, OutputStore, Viewer
from mct_s2s.stores.keys import KeyFileStore


def default_folder(cloud: str, observed: ObservedState, label: str) -> Path:
    """Where secrets go that no one asked to have elsewhere: by cloud, tenant and App Service."""
    from platformdirs import user_data_path  # noqa: PLC0415  # only commands that make a secret need it

    tenant = observed.tenant.id if observed.tenant else "unknown-tenant"
    site = label.lower().replace("/", "/slots/")
    return user_data_path("mct-s2s", appauthor=False) / "secrets" / cloud / tenant / site


@dataclass(frozen=True)
class RunStores:
    """Makes the store of each client's credential."""

    places: ClientPlaces
    """Where the user asked for it."""
    session: Session
    label: str
    """What a person calls the App Service."""
    viewer: Viewer
    """Shows a secret, where it is to be shown."""

    async def open(self, desired: Desired, observed: ObservedState, now: datetime) -> dict[str, SecretStore]:
        """A store for each client that may get something secret, by the client's name in the request."""
        folder = default_folder(self.session.label, observed, self.label)
        if desired.rotation is not None and desired.service is not None:
            clients = rotating(desired.rotation, observed, desired.service, now)
            found = await gather_or_cancel(
                *(
                    self._of_existing(name, client, folder, noted=_is_believed(client, desired, observed))
                    for name, client in clients.items()
                )
            )
            return dict(zip(clients, found, strict=True))
        lapsed = _lapsed(desired, observed, now)
        stores: dict[str, SecretStore] = {}
        for client in desired.clients:
            place = self.places.of(client.name)
            match client.credential.keeps if client.credential is not None else None:
                case Kept.SECRET:
                    store, known = None, lapsed.get(client.name)
                    if known is not None and place.is_unsaid:  # where its last secret was, if that is a vault
                        own = _file(client.name, SecretTo(), folder)
                        store = await noted_store(known, client.name, own, self.session.vaults)
                    stores[client.name] = store or self._of_secret(client.name, place, folder)
                case Kept.PRIVATE_KEY:
                    adopted = observed.trust.client_of_id(client.name)
                    stores[client.name] = self._of_key(client.name, place, adopted, folder)
                case None:
                    pass
        return stores

    def places_of(self, stores: Mapping[str, SecretStore], observed: ObservedState) -> tuple[tuple[str, str], ...]:
        """Each client and what a plan calls its place."""
        own = default_folder(self.session.label, observed, self.label)
        return tuple(
            (name, SecretTo().label if isinstance(store, FileStore) and store.path.parent == own else store.label)
            for name, store in stores.items()
        )

    async def credentials(self, stores: Mapping[str, SecretStore]) -> list[OwnCredential]:
        """What clients can sign in with, read back from their stores, each with its client's name."""
        found: list[OwnCredential] = []
        for name, store in stores.items():
            if isinstance(store, FileStore):  # its file names a certificate's key, too
                own = if_usable(store.path)
                found += [replace(own, name=name)] if own is not None else []
                continue
            stored = await store.read()
            if stored is not None:
                credential = SecretCredential(stored.secret)
                sign_in = ClientSignIn(stored.tenant_id, stored.client_id, credential, stored.authority_host)
                found.append(OwnCredential(sign_in, store.label, stored.scope, stored.url, name=name))
        return found

    async def _of_existing(self, name: str, client: Application, folder: Path, *, noted: bool) -> SecretStore:
        """The given place, or where its last secret is.

        Args:
            name: the client's name in this run; one that was adopted by its appId has its file under that.
        """
        place = self.places.of(name, client.client_id)
        kind = replaced_kind(client.credentials)
        is_key = kind is not None and kind.is_key
        if is_key and place.vault is not None:
            raise no_key_in_vault()
        if not place.is_file:
            return self._of_secret(name, place, folder)
        make = _key_file if is_key else _file
        other = make(client.client_id, place, folder)
        file = other if other.holds(client.client_id) else make(name, place, folder)
        noted = noted and not is_key
        vault = await noted_store(client, name, file, self.session.vaults) if noted and place.is_unsaid else None
        return vault or file

    def _of_secret(self, name: str, place: SecretTo, folder: Path) -> SecretStore:
        if given := self._given_away(name, place):
            return given
        if place.vault is not None:
            return self.session.vaults.store(place.vault.vault, place.vault.secret_for(self.label, name), name)
        return _file(name, place, folder)

    def _of_key(self, name: str, place: SecretTo, adopted: ClientApplication | None, folder: Path) -> SecretStore:
        """A client that is named by its appId may have a key that was made under its display name."""
        if given := self._given_away(name, place):
            return given
        if adopted is not None and (store := _key_file(adopted.display_name, place, folder)).holds(name):
            return store
        return _key_file(name, place, folder)

    def _given_away(self, name: str, place: SecretTo) -> SecretStore | None:
        if place.show:
            return OutputStore(self.viewer)
        if place.command is not None:
            return CommandStore(place.command.words_for(name), place.command.label, self.label)
        return None


def _lapsed(desired: Desired, observed: ObservedState, now: datetime) -> dict[str, Application]:
    """The registrations that get a secret again because they had one, and nothing that they have is good any more."""
    names = [client.name for client in desired.clients]
    unique_name = desired.service.unique_name if desired.service is not None else ""
    found: dict[str, Application] = {}
    for name in names:
        for client in clients_called(name, observed, unique_name):
            known = client.application
            if known is None or any(one.is_valid_at(now) for one in known.credentials):
                continue
            if _is_believed(known, desired, observed):
                found[name] = known
    return found


def _is_believed(application: Application, desired: Desired, observed: ObservedState) -> bool:
    """Whether a client's own tag may say where its secret is; no one has looked yet who else could have written it."""
    client = observed.trust.client_of_id(application.client_id)
    if client is None or desired.service is None:
        return False
    return not of_client(client, observed, desired.service, desired.names).is_foreign


def _key_file(name: str, place: SecretTo, folder: Path) -> KeyFileStore:
    return KeyFileStore.at(place.file_for(name, folder), place.path is None)


def _file(name: str, place: SecretTo, folder: Path) -> FileStore:
    return FileStore(place.file_for(name, folder), place.path is None)
