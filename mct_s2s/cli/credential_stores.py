"""Where the credentials of clients go, where they are found again, and which ones a run has made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.inputs.own_credentials import ENVIRONMENT, own_credential
from mct_s2s.inputs.secret_to import ClientPlaces, SecretTo, VaultTo, no_key_in_vault, vault_to
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import SecretNote, newest_made, replaced_kind
from mct_s2s.model.client_sign_in import ClientSignIn, OwnCredential, SecretCredential
from mct_s2s.model.commands import credential_removal
from mct_s2s.model.desired import Desired, Kept, Removal, Rotation, Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import KeyId, place_in_tag, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.secret_stores import SecretStore
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.changes import AddCredential, DeleteApplication, Part, Ref, RemoveCredential
from mct_s2s.planning.credentials.secret import secrets_among
from mct_s2s.planning.registrations.membership import clients_called
from mct_s2s.planning.registrations.ownership import of_client
from mct_s2s.planning.secrets.rotation import rotating
from mct_s2s.render.documents import SavedCredential
from mct_s2s.stores.dotenv_file import delivered_in
from mct_s2s.stores.dotenv_text import variables_in
from mct_s2s.stores.file_store import FileStore
from mct_s2s.stores.handed_over import CommandStore, HandedOver, OutputStore, Viewer
from mct_s2s.stores.keys import KeyFileStore

if TYPE_CHECKING:
    from mct_s2s.stores.key_vaults import KeyVaults


def from_files(paths: Sequence[Path]) -> list[OwnCredential]:
    """Those of `--credentials`; a `UsageError` where one is not there, or holds no credential."""
    found: list[OwnCredential] = []
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


def at_hand(named: Sequence[OwnCredential], environ: Mapping[str, str], folder: Path) -> list[OwnCredential]:
    """All of them, the ones that the user named first."""
    variables = {name: value for name, value in environ.items() if name.startswith("AZURE_")}
    in_environment = own_credential(variables, ENVIRONMENT)
    saved = [if_usable(path) for path in _newest_first(folder)]
    return [*named, *(found for found in (in_environment, *saved) if found is not None)]


def _from_file(path: Path) -> OwnCredential | None:
    """The credential in a file."""
    text = read_given(path).decode("utf-8", errors="replace")
    note = delivered_in(text)
    made = note.delivered_at if note else None
    return own_credential(variables_in(text), FileStore(path).label, made=made)


def if_usable(path: Path) -> OwnCredential | None:
    """The credential in a file that no one named: one that cannot be used is skipped."""
    try:
        return _from_file(path)
    except (OSError, UsageError):
        return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.env"), key=_modified, reverse=True)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


_NEVER = datetime.min.replace(tzinfo=UTC)


def noted_vaults(application: Application) -> list[VaultTo]:
    """The vaults that its tags name, each with the secret's name. Owners write tags, too: one may name no vault."""
    found: list[VaultTo] = []
    for place in filter(None, map(place_in_tag, application.tags)):
        with suppress(UsageError):
            found.append(vault_to(place))
    return found


async def noted_store(application: Application, name: str, file: SecretStore, vaults: KeyVaults) -> SecretStore | None:
    """Where the client's next secret goes if its last one is in a vault; `None` where no vault is known to have it.

    A secret may have been moved: of several places, the one counts that has the newest.
    """
    places, newest = noted_vaults(application), newest_made(secrets_among(application.credentials))
    if not places or (newest is not None and (await file.note()).has_had(newest)):
        return None
    # By appId: a vault's secret of the same client's name may be another client's, and a tag may point at it.
    stores = [vaults.store(one.vault, one.secret or "", name, application.client_id) for one in places]
    if len(stores) == 1:
        return stores[0]
    notes = await gather_or_cancel(*map(_note_or_none, stores))
    if newest is not None:
        for store, note in zip(stores, notes, strict=True):
            if note is not None and note.has_had(newest):
                return store
    return _filled_last(application, stores, notes)


def _filled_last(
    application: Application, stores: Sequence[SecretStore], notes: Sequence[SecretNote | None]
) -> SecretStore:
    def filled(at: int) -> datetime:
        note = notes[at]
        is_its_own = note is not None and same_id(note.client_id, application.client_id)
        return (note.delivered_at or _NEVER) if note is not None and is_its_own else _NEVER

    return stores[max(range(len(stores)), key=filled)]


async def _note_or_none(store: SecretStore) -> SecretNote | None:
    """What it remembers; nothing of a vault that is gone or closed, since the secret may have left it long ago."""
    try:
        return await store.note()
    except S2SError:
        return None


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
        if isinstance(desired, Rotation) and desired.service is not None:
            clients = rotating(desired, observed, desired.service, now)
            found = await gather_or_cancel(
                *(
                    self._of_existing(name, client, folder, noted=_is_believed(client, desired, observed))
                    for name, client in clients.items()
                )
            )
            return dict(zip(clients, found, strict=True))
        if not isinstance(desired, Setup):
            return {}
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


def _lapsed(desired: Setup, observed: ObservedState, now: datetime) -> dict[str, Application]:
    """The registrations that get a secret again because they had one, and nothing that they have is good any more."""
    found: dict[str, Application] = {}
    for name in desired.names:
        for client in clients_called(name, observed, desired.unique_name):
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
    desired = outcome.request.desired
    names = () if isinstance(desired, Removal) else desired.names
    for name in dict.fromkeys((*names, *outcome.stores)):
        note, store = outcome.before.secrets.get(name, SecretNote()), outcome.stores.get(name)
        for client in clients_called(name, outcome.before, desired.unique_name):
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
        change.ends(outcome.results),
        store.label if store is not None and not is_lost else None,
        store.value if isinstance(store, OutputStore) else None,
        change.kind,
        removal=removal,
        is_lost=is_lost,
    )
