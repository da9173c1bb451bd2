"""Choose each client's store: where the user asks for it, or where its last credential is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.local_notes import default_folder, files_by_other_addresses, usual_file
from mct_s2s.errors import (
    NotThere,
    Refused,
    S2SError,
    ServiceError,
    UsageError,
    or_unknown,
    outcome_of,
)
from mct_s2s.inputs.secret_to import SecretTo, VaultTo, no_key_in_vault, vault_to
from mct_s2s.model.client_credentials import (
    Credential,
    NewCredential,
    SecretNote,
    newest_made,
    replaced_kind,
    secrets_among,
)
from mct_s2s.model.client_sign_in import ARRIVES_SECONDS, EXPIRED, ClientSignIn
from mct_s2s.model.commands import option
from mct_s2s.model.desired import Rotation, ServiceSpec, Setup
from mct_s2s.model.ids import ClientId, Tag, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.planning.belief import Belief, client_trust
from mct_s2s.planning.changes import AddCredential, AnyChange, DeleteApplication, RemoveCredential
from mct_s2s.planning.clients import clients_called, without_other_numbers
from mct_s2s.planning.credential_plan import held_here
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.replacement import kind_to_create
from mct_s2s.planning.rotation import clients_to_rotate
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import OutputStore, ProgramStore, Store
from mct_s2s.waits import TESTED_AT_LEAST_SECONDS

if TYPE_CHECKING:
    from mct_s2s.engine.outcome import Outcome
    from mct_s2s.engine.request import Request, Session

UNKNOWN = frozenset({"7000215", EXPIRED, "700027"})
"""The numbers that are said of the credential itself."""


@dataclass(frozen=True)
class Receiver:
    """A client that may get something secret."""

    name: str
    """As the request has it."""
    client: ClientApplication
    """Empty where it does not exist yet."""
    is_key: bool
    """Whether its secret is a private key."""


def noted_vaults(client: ClientApplication) -> list[VaultTo]:
    """The key vaults that the tags of a registration name. Owners write tags, too."""
    vaults: list[VaultTo] = []
    for place in Tag.VAULT.values(client.application.tags):
        with suppress(UsageError):
            vaults.append(vault_to(place))
    return vaults


async def find_lost_secrets(
    session: "Session",
    request: "Request",
    observed: ObservedState,
    of_clients: Sequence[ClientApplication] | None = None,
) -> ObservedState:
    """Add the places that have lost a secret: a vault that can be read, or a file.

    A file counts on a machine alone that has kept secrets of the App Service. `of_clients`: whose
    places are looked at; `None`: those of all.
    """
    clients = observed.trust.clients if of_clients is None else of_clients
    return await _find_lost(session, request, observed, clients)


async def find_lost_in_vaults(
    session: "Session", request: "Request", observed: ObservedState
) -> ObservedState:
    """Add the key vaults that have lost the secret of a client that is set up without a place.

    Only tags name these. Of a place that the request names, its own note tells.
    """
    clients = [
        receiver.client
        for receiver in _receivers(request, observed)
        if observed.note_of(receiver.name).vault is None and noted_vaults(receiver.client)
    ]
    return await _find_lost(session, request, observed, clients)


async def _find_lost(
    session: "Session",
    request: "Request",
    observed: ObservedState,
    clients: Sequence[ClientApplication],
) -> ObservedState:
    placed: dict[ClientId, Credential] = {}
    searches = [
        _find_losing_place(session, request, observed, client, placed) for client in clients
    ]
    places = await gather_or_cancel(*searches)
    lost = {
        client.client_id: place
        for client, place in zip(clients, places, strict=True)
        if place is not None
    }
    return replace(observed, missing_secrets=lost, placed_credentials=placed)


async def _find_losing_place(
    session: "Session",
    request: "Request",
    observed: ObservedState,
    client: ClientApplication,
    placed: dict[ClientId, Credential],
) -> SecretPlace | None:
    """The place that should have a client's secret, and has not; `None` where none was lost.

    `placed` gets the credential that the place of a trust file has.
    """
    valid = [
        credential
        for credential in client.counted_credentials
        if credential.is_replaceable and credential.is_valid_at(observed.now)
    ]
    if not valid or not isinstance(client_trust(client, observed, ServiceSpec()), Belief):
        return None
    store = _store_of_file(session, request, observed, client)
    if store is not None:
        note = await or_unknown(store.note())
        if note is not None and note.is_of_client(client.client_id):
            delivered = note.delivered_of(client.counted_credentials)
            if delivered is not None:
                placed[client.client_id] = delivered
        return store.secret_place if note is not None and note.has_lost(valid) else None
    notes_here = observed.local_notes.get(client.client_id, ())
    if any(note.has_had(credential) for note in notes_here for credential in valid):
        return None
    stores = [
        session.vault(place.vault).store(place.secret or "", client.display_name, client.client_id)
        for place in noted_vaults(client)
    ]
    if not stores:
        folder = default_folder(session, request.label, observed)
        file = usual_file(client, folder, observed)
        others = files_by_other_addresses(session, request.label, observed)
        is_expected = folder.is_dir() and client.client_id.casefold() not in others
        return SecretPlace(PlaceKind.FILE, str(file)) if is_expected else None
    notes = await gather_or_cancel(*(or_unknown(store.note()) for store in stores))
    has_lost = all(note is not None and note.has_lost(valid) for note in notes)
    return stores[-1].secret_place if has_lost else None


def _store_of_file(
    session: "Session", request: "Request", observed: ObservedState, client: ClientApplication
) -> Store | None:
    """The place that a trust file names for a client's secret; `None` where it names none."""
    if observed.file is None:
        return None
    name = observed.file.name_of(client)
    if name is None:
        return None
    kind = replaced_kind(client.counted_credentials)
    receiver = Receiver(name, client, is_key=kind is not None and kind.is_key)
    # What is wrong with the place, `apply` says.
    with suppress(UsageError):
        return _named_store(session, request, observed, receiver)
    return None


async def open_stores(
    session: "Session", request: "Request", observed: ObservedState
) -> tuple[dict[str, Store], ObservedState]:
    """Open the store of each client that may get something secret, and read its note.

    Returns the stores by the client's name in the request, and the state with their notes. In a
    rotation of all clients that expire, a store that cannot be read stops its own client alone.
    """
    desired = request.desired
    rotates_expiring = isinstance(desired, Rotation) and desired.expiring_within is not None
    receivers = _receivers(request, observed)
    openings = [_open_store(session, request, observed, receiver) for receiver in receivers]
    if rotates_expiring:
        results = await gather_or_cancel(*map(outcome_of, openings))
    else:
        results = await gather_or_cancel(*openings)
    stores: dict[str, Store] = {}
    notes: dict[str, SecretNote] = {}
    unreadable: dict[str, S2SError] = {}
    for receiver, result in zip(receivers, results, strict=True):
        if isinstance(result, S2SError):
            unreadable[receiver.name] = result
        else:
            store, note = result
            stores[receiver.name] = store
            notes[receiver.name] = note
    return stores, replace(observed, secrets=notes, unreadable_stores=unreadable)


async def find_place_refusals(
    session: "Session", request: "Request", observed: ObservedState
) -> tuple[S2SError, ...]:
    """Why places of secrets cannot be read, each reason once: a change begins with reading them."""
    openings = [
        outcome_of(_open_store(session, request, observed, receiver))
        for receiver in _receivers(request, observed)
    ]
    results = await gather_or_cancel(*openings)
    refusals = [result for result in results if isinstance(result, S2SError)]
    return tuple({(refusal.headline, refusal.advice): refusal for refusal in refusals}.values())


async def _open_store(
    session: "Session", request: "Request", observed: ObservedState, receiver: Receiver
) -> tuple[Store, SecretNote]:
    store = await _choose_store(session, request, observed, receiver)
    try:
        return store, await store.note()
    except NotThere as error:
        if error.code == "vault-not-found":
            await _suggest_vaults(session, observed, store, error)
        raise


async def _suggest_vaults(
    session: "Session", observed: ObservedState, store: Store, error: NotThere
) -> None:
    """Advise the key vaults of the App Service's subscription whose names are close."""
    if observed.app_service is None:
        return
    subscription_id = observed.app_service.resource.subscription_id
    wanted, _ = store.secret_place.vault_and_secret
    names = await or_unknown(session.arm.vault_names(subscription_id)) or []
    close_names = get_close_matches(wanted, without_other_numbers(wanted, names), n=3, cutoff=0.7)
    if close_names:
        hint = ", ".join(close_names)
        error.advise(f"Did you mean {hint}? Or choose another place: --secret-to PLACE")


async def stored_credentials(
    session: "Session", request: "Request", observed: ObservedState
) -> list[ClientSignIn]:
    """Read what the stores of a trust file's clients hold, as far as the caller can."""

    async def read(receiver: Receiver) -> ClientSignIn | None:
        store = await _choose_store(session, request, observed, receiver)
        return await store.read()

    readings = [or_unknown(read(receiver)) for receiver in _receivers(request, observed)]
    credentials = await gather_or_cancel(*readings)
    return [credential for credential in credentials if credential is not None]


async def vault_credentials(
    session: "Session", clients: Iterable[ClientApplication], observed: ObservedState
) -> list[ClientSignIn]:
    """Read what the key vaults hold that registrations' tags name, as far as the caller can."""

    async def read(client: ClientApplication, place: VaultTo) -> ClientSignIn | None:
        vault = session.vault(place.vault)
        store = vault.store(place.secret or "", client.display_name, client.client_id)
        stored = await store.read()
        # Who may write a secret there can say that it is another client's.
        is_its_own = stored is not None and same_id(stored.client_id, client.client_id)
        return stored if is_its_own else None

    # Owners write tags, and only of a believed registration is it known who they are.
    believed = [
        client
        for client in clients
        if isinstance(client_trust(client, observed, ServiceSpec()), Belief)
    ]
    readings = [
        or_unknown(read(client, place)) for client in believed for place in noted_vaults(client)
    ]
    credentials = await gather_or_cancel(*readings)
    return [credential for credential in credentials if credential is not None]


def name_places(
    session: "Session", request: "Request", stores: Mapping[str, Store], observed: ObservedState
) -> tuple[tuple[str, SecretPlace], ...]:
    """Name each client's place as a plan does: the same on every machine, where it is usual."""
    desired = request.desired
    if not isinstance(desired, Rotation):
        return tuple((name, _place_of_setup(name, request, observed)) for name in stores)
    if desired.only_named:
        return tuple(
            (name, _place_of_named(name, request, stores, observed)) for name in desired.clients
        )
    folder = default_folder(session, request.label, observed)
    return tuple(
        (name, _place_of_file(store, folder))
        for name, store in stores.items()
        if observed.secrets[name].vault is None
    )


def _place_of_setup(name: str, request: "Request", observed: ObservedState) -> SecretPlace:
    # A registration's tag, which its owner writes, may name another vault than was reviewed.
    place = request.places.of(name)
    vault = observed.note_of(name).vault
    if vault and place == SecretTo():
        return SecretPlace(PlaceKind.KEY_VAULT, vault)
    return place.place


def _place_of_named(
    name: str, request: "Request", stores: Mapping[str, Store], observed: ObservedState
) -> SecretPlace:
    # A registration's tag may lead elsewhere than to the client's own file.
    store = stores.get(name)
    if store is not None and observed.note_of(name).vault:
        return store.secret_place
    return request.places.of(name).place


def _place_of_file(store: Store, folder: Path) -> SecretPlace:
    is_usual = isinstance(store, FileStore) and store.dotenv.parent == folder
    return SecretTo().place if is_usual else store.secret_place


def new_credentials(plan: Plan) -> list[AddCredential]:
    """The changes of a plan that make something secret, which has to be stored."""
    return [
        change
        for change in plan.changes
        if isinstance(change, AddCredential) and isinstance(change.spec, NewCredential)
    ]


async def rehearse_stores(outcome: "Outcome") -> dict[str, S2SError]:
    """Try for a dry run where each new credential would go; return refusals by their changes."""
    additions = new_credentials(outcome.plan)
    rehearsals = [
        outcome.stores[change.name].rehearse(outcome.outputs.known(change.client_id))
        for change in additions
    ]
    results = await gather_or_cancel(*map(outcome_of, rehearsals))
    return {
        change.key: result
        for change, result in zip(additions, results, strict=True)
        if isinstance(result, S2SError)
    }


async def expire_dead_notes(
    session: "Session", stores: Mapping[str, Store], observed: ObservedState
) -> ObservedState:
    """Let no note of a credential that gives no token count as fresh."""
    tests = [_test_fresh_note(session, name, store, observed) for name, store in stores.items()]
    notes = await gather_or_cancel(*tests)
    return replace(observed, secrets=dict(zip(stores, notes, strict=True)))


async def _test_fresh_note(
    session: "Session", name: str, store: Store, observed: ObservedState
) -> SecretNote:
    """Get a token by a credential that a store got minutes ago and the directory does not show.

    Only that tells whether a replica is late, or someone has removed the credential.
    """
    note = observed.secrets[name]
    client = observed.trust.client_of_id(note.client_id or "")
    arrived = note.delivered_at
    if arrived is None or not note.is_fresh(note.client_id, observed.now, note.kind):
        return note
    if client is None or not client.is_registered_here or note.is_among(client.counted_credentials):
        return note
    age = (observed.now - arrived).total_seconds()
    within = min(max(ARRIVES_SECONDS - age, TESTED_AT_LEAST_SECONDS), ARRIVES_SECONDS)
    try:
        stored = await store.read()
        if stored is not None:
            scope = stored.scope or f"{observed.graph}/.default"
            with activity(f"Testing the credential of {name}"):
                await session.tokens.token(stored, scope, everywhere=True, within=within)
    except S2SError as error:
        # Any other error tells nothing of the credential: the caller may not read the store, say.
        if isinstance(error, ServiceError) and error.service_code in UNKNOWN:
            return replace(note, delivered_at=None)
    return note


# Which store


def _receivers(request: "Request", observed: ObservedState) -> list[Receiver]:
    desired = request.desired
    if isinstance(desired, Rotation):
        return _receivers_of_rotation(desired, request, observed)
    receivers: dict[str, Receiver] = {}
    for spec in desired.clients if isinstance(desired, Setup) else ():
        if isinstance(spec.credential, NewCredential):
            clients = clients_called(spec.name, observed)
            client = next(
                (client for client in clients if client.is_registered_here), ClientApplication()
            )
            receivers[spec.name] = Receiver(spec.name, client, spec.credential.kind.is_key)
    return list(receivers.values())


def _receivers_of_rotation(
    rotation: Rotation, request: "Request", observed: ObservedState
) -> list[Receiver]:
    receivers: list[Receiver] = []
    for name, client in clients_to_rotate(rotation, observed).items():
        kind = kind_to_create(
            client.counted_credentials,
            rotation.of(name),
            held_here(client, observed),
            goes_to_vault=request.places.of(name, client.client_id).vault is not None,
        )
        receivers.append(Receiver(name, client, kind.is_key))
    return receivers


async def _choose_store(
    session: "Session", request: "Request", observed: ObservedState, receiver: Receiver
) -> Store:
    """Choose the store that `--secret-to` names, else where the client's last credential is.

    Raises UsageError, Refused.
    """
    store = _named_store(session, request, observed, receiver)
    if store is not None:
        return store
    file = _choose_file(session, request, observed, receiver)
    if not _follows_tag(receiver.client, request, observed):
        return file
    if receiver.is_key:
        return await _find_place_of_key(session, observed, receiver, file)
    return await _find_noted_store(session, observed, receiver, file)


async def _find_place_of_key(
    session: "Session", observed: ObservedState, receiver: Receiver, file: FileStore
) -> Store:
    """Find where the client's users read: in the file, or a secret in a key vault all the same.

    An owner of earlier days may have left a certificate that is named like ours.
    """
    is_here = held_here(receiver.client, observed) is not None
    if is_here or not noted_vaults(receiver.client):
        return file
    secrets = [each for each in receiver.client.counted_credentials if not each.kind.is_key]
    store = await outcome_of(_find_noted_store(session, observed, receiver, file))
    if isinstance(store, S2SError):
        return file
    note = await or_unknown(store.note())
    holds_secret = note is not None and note.delivered_of(secrets) is not None
    return store if holds_secret else file


def _named_store(
    session: "Session", request: "Request", observed: ObservedState, receiver: Receiver
) -> Store | None:
    """The store that `--secret-to` or a trust file names; `None` where it names none.

    Raises UsageError.
    """
    name = receiver.name
    place = request.places.of(name, receiver.client.client_id)
    if place == SecretTo():
        return None
    if place.show:
        assert request.show is not None  # a command with `--secret-to` says how
        return OutputStore(request.show)
    if place.command:
        return ProgramStore(place.command_for(name), request.label, place.place)
    if place.vault is not None:
        if receiver.is_key:
            raise no_key_in_vault()
        secret = place.vault.secret_for(request.label, name)
        # Not the address that is typed: a trust file's could be another site's.
        site = observed.app_service
        urls = (site.url,) if site is not None else ()
        return session.vault(place.vault.vault).store(secret, name, urls=urls)
    return _choose_file(session, request, observed, receiver)


def _choose_file(
    session: "Session", request: "Request", observed: ObservedState, receiver: Receiver
) -> FileStore:
    client = receiver.client
    place = request.places.of(receiver.name, client.client_id)
    folder = default_folder(session, request.label, observed)
    # One that is known by its appId may have a file that was made under its name, and the other
    # way round.
    stems = filter(None, (receiver.name, client.client_id, client.display_name))
    is_default_place = place.path is None
    files = [
        FileStore(place.file_for(stem, folder), is_default_place, receiver.is_key) for stem in stems
    ]
    return next((file for file in files if file.is_of_client(client.client_id)), files[0])


def _follows_tag(client: ClientApplication, request: "Request", observed: ObservedState) -> bool:
    """Whether a client's own tag says where its secret is, and is believed."""
    desired = request.desired
    if not client.is_registered_here or desired.service is None:
        return False
    # A setup gives another secret only to a client that had one, and has nothing good any more.
    has_good = any(
        credential.is_valid_at(observed.now) for credential in client.application.credentials
    )
    if has_good and not isinstance(desired, Rotation):
        return False
    decision = client_trust(client, observed, desired.service, desired.names)
    # Someone may have registered and tagged one that is merely untouched, then removed themselves.
    return isinstance(decision, Belief) and decision is not Belief.UNTOUCHED


async def _find_noted_store(
    session: "Session", observed: ObservedState, receiver: Receiver, file: FileStore
) -> Store:
    """Find the key vault that a tag of the registration names, or else the file on this machine.

    Raises Refused.
    """
    client = receiver.client
    # By appId: a vault's secret of the same client's name may be another client's, and a tag may
    # point at it.
    vaults = [
        session.vault(place.vault).store(place.secret or "", receiver.name, client.client_id)
        for place in noted_vaults(client)
    ]
    if not vaults:
        return file
    # A secret counts here also where a tag, which owners write, says that no one has it.
    newest = newest_made(secrets_among(client.application.credentials))
    if newest is not None and (await file.note()).has_had(newest):
        return file
    return await _find_proved_vault(session, vaults, client, observed)


async def _find_proved_vault(
    session: "Session", vaults: Sequence[Store], client: ClientApplication, observed: ObservedState
) -> Store:
    """Find the vault that holds a secret which signs in as the client, or did so until it ended.

    Its readers can or could sign in, so that a new secret tells them nothing new. Tags prove
    nothing: owners of a registration, also earlier ones, write its tags, and whoever may set a
    vault's secrets writes theirs. Raises Refused: no vault holds such a secret.
    """
    tenant = observed.tenant
    assert tenant is not None  # there is a client: the directory was read
    code = "secret-place-unproved"
    refusals: list[S2SError] = []
    for vault in vaults:
        stored = await outcome_of(vault.read())
        if isinstance(stored, S2SError):
            refusals.append(stored)
        elif stored is not None and not same_id(stored.client_id, client.client_id):
            code = "secret-place-taken"
        # A multitenant registration has, in each tenant, credentials that its administrators add.
        elif stored is not None and same_id(stored.tenant_id, tenant.id):
            with activity(f"Testing the secret in {vault.secret_place}"):
                token = await outcome_of(
                    session.tokens.token(stored, f"{observed.graph}/.default", is_new=False)
                )
            if not isinstance(token, S2SError) or _has_ended(token):
                return vault
    name = client.display_name
    if refusals and len(refusals) == len(vaults):
        refusals[0].mention([f"The registration of '{name}' names it as the place of its secret."])
        raise refusals[0]
    place = vaults[-1].secret_place
    raise Refused(
        code,
        f"A tag of '{name}' says that its secret is in {place}, and no secret there signs in as "
        "it. Its owners, also earlier ones, can write that tag.",
        remedy=_ask_for_place(place, observed),
    )


def _has_ended(refusal: S2SError) -> bool:
    return isinstance(refusal, ServiceError) and refusal.service_code == EXPIRED


def _ask_for_place(place: SecretPlace, observed: ObservedState) -> str:
    if observed.file is not None:
        return f'If it is right, name the place: secret-to = "{place}", in the trust file'
    return f"If it is right, name the place: {option('--secret-to', str(place))}"


def retire_files(session: "Session", outcome: "Outcome") -> list[Path]:
    """Delete the files in this tool's own folder whose secrets are useless now; return them."""
    stores = _useless_stores(session, outcome, outcome.done.values())
    return [file for store, client_id in stores for file in store.retire(client_id)]


def useless_files(
    session: "Session", outcome: "Outcome", changes: Iterable[AnyChange]
) -> list[Path]:
    """The files in this tool's own folder whose secrets these changes make useless."""
    files = list[Path]()
    for store, client_id in _useless_stores(session, outcome, changes):
        with suppress(UsageError):  # in a folder that is another user's: it stays
            if store.is_of_client(client_id):
                files += store.retired_files
    return files


def _useless_stores(
    session: "Session", outcome: "Outcome", changes: Iterable[AnyChange]
) -> Iterator[tuple[FileStore, ClientId]]:
    """The default files, there or not, of clients whose secrets these changes make useless."""
    changes = tuple(changes)
    removed = {change.key_id for change in changes if isinstance(change, RemoveCredential)}
    deleted = {change.object_id for change in changes if isinstance(change, DeleteApplication)}
    renewed = {
        outcome.outputs.known(change.object_id)
        for change in changes
        if isinstance(change, AddCredential)
    }
    for client in outcome.before.trust.clients:
        application = client.application
        remaining = [
            credential for credential in application.credentials if credential.key_id not in removed
        ]
        has_lost_any = len(remaining) < len(application.credentials)
        has_lost_all = has_lost_any and not any(credential.has_our_name for credential in remaining)
        is_emptied = has_lost_all and application.object_id not in renewed
        is_over = application.object_id in deleted or is_emptied
        folder = default_folder(session, outcome.request.label, outcome.before)
        for stem in dict.fromkeys((application.display_name, application.client_id)):
            store = FileStore(
                SecretTo().file_for(stem, folder), is_default_place=True, keeps_key=True
            )
            is_useless = is_over or store.holds_one_of(removed)
            if is_useless:
                yield store, application.client_id
