"""Which store each client's credential goes to: where it was asked for, or where its last
one is.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.local_notes import default_folder
from mct_s2s.errors import Refused, S2SError, ServiceError, UsageError, or_unknown, outcome_of
from mct_s2s.inputs.secret_to import SecretTo, VaultTo, no_key_in_vault, vault_to
from mct_s2s.model.client_credentials import (
    NewCredential,
    SecretNote,
    newest_made,
    replaced_kind,
    secrets_among,
)
from mct_s2s.model.client_sign_in import ClientSignIn
from mct_s2s.model.commands import option
from mct_s2s.model.desired import Rotation, ServiceSpec, Setup
from mct_s2s.model.ids import Tag, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import Belief, client_trust
from mct_s2s.planning.changes import AddCredential, DeleteApplication, RemoveCredential
from mct_s2s.planning.ownership import clients_called
from mct_s2s.planning.rotation import clients_to_rotate
from mct_s2s.stores.files import FileStore
from mct_s2s.stores.store import CommandStore, OutputStore, Store

if TYPE_CHECKING:
    from mct_s2s.engine.outcome import Outcome
    from mct_s2s.engine.request import Request, Session

ARRIVES_SECONDS, AT_LEAST_SECONDS = 30.0, 2.0
"""Credentials have been seen to take 4 to 18 s to arrive everywhere."""
UNKNOWN = frozenset({"7000215", "7000222", "700027"})
"""The numbers after AADSTS that are said of the credential itself."""


def noted_vaults(client: ClientApplication) -> list[VaultTo]:
    found: list[VaultTo] = []
    for place in Tag.VAULT.values(client.application.tags):
        with suppress(UsageError):  # owners write tags, too
            found.append(vault_to(place))
    return found


async def find_lost_secrets(
    session: "Session", request: "Request", observed: ObservedState
) -> ObservedState:
    """With the places that have lost a secret: a vault that can be read, or a file on a machine
    that kept secrets.
    """
    folder = default_folder(session, request.label, observed)

    async def where_lost(client: ClientApplication) -> str | None:
        made = [one for one in client.credentials if one.is_made and one.is_valid_at(observed.now)]
        here = observed.local_notes.get(client.client_id, ())
        # Where the file says that it is kept, a dry run of `apply` looks.
        is_of_file = observed.file is not None and observed.file.name_of(client) is not None
        if is_of_file or not made or any(note.has_had(one) for note in here for one in made):
            return None
        if not isinstance(client_trust(client, observed, ServiceSpec()), Belief):
            return None
        noted = [
            session.vault(one.vault).store(one.secret or "", client.display_name, client.client_id)
            for one in noted_vaults(client)
        ]
        if not noted:
            return (
                f"file:{SecretTo().file_for(client.display_name, folder)}"
                if folder.is_dir()
                else None
            )
        notes = await gather_or_cancel(*(or_unknown(store.note()) for store in noted))
        has_lost = all(note is not None and note.has_lost(made) for note in notes)
        return noted[-1].label if has_lost else None

    clients = observed.trust.clients
    places = await gather_or_cancel(*map(where_lost, clients))
    lost = {
        client.client_id: place
        for client, place in zip(clients, places, strict=True)
        if place is not None
    }
    return replace(observed, missing_secrets=lost)


async def open_stores(
    session: "Session", request: "Request", observed: ObservedState
) -> tuple[dict[str, Store], ObservedState]:
    """A store for each client that may get something secret, by its name in the request; and what
    they remember.

    Where a rotation is about all clients that expire, a place that cannot be read stops its own
    client alone.
    """

    async def opened(name: str, known: ClientApplication, is_key: bool) -> tuple[Store, SecretNote]:
        store = await _store(session, request, observed, name, known, is_key)
        return store, await store.note()

    wanted, desired = _wanted(request, observed), request.desired
    is_each_alone = isinstance(desired, Rotation) and desired.expiring_within is not None
    found = await gather_or_cancel(
        *(
            outcome_of(opened(name, *one)) if is_each_alone else opened(name, *one)
            for name, one in wanted.items()
        )
    )
    stores, notes, unreadable = dict[str, Store](), dict[str, SecretNote](), dict[str, S2SError]()
    for name, one in zip(wanted, found, strict=True):
        if isinstance(one, S2SError):
            unreadable[name] = one
        else:
            stores[name], notes[name] = one
    return stores, replace(observed, secrets=notes, unreadable_stores=unreadable)


async def stored_credentials(
    session: "Session", request: "Request", observed: ObservedState
) -> list[ClientSignIn]:
    """What the places of a trust file's clients hold, as far as the caller can read them."""

    async def stored(name: str, known: ClientApplication, is_key: bool) -> ClientSignIn | None:
        store = await _store(session, request, observed, name, known, is_key)
        return await store.read()

    found = [or_unknown(stored(name, *one)) for name, one in _wanted(request, observed).items()]
    return [one for one in await gather_or_cancel(*found) if one is not None]


async def vault_credentials(
    session: "Session", clients: Iterable[ClientApplication], observed: ObservedState
) -> list[ClientSignIn]:
    """What the key vaults hold that tags of clients' registrations name, as far as the caller can
    read them.
    """

    async def read(client: ClientApplication, noted: VaultTo) -> ClientSignIn | None:
        vault = session.vault(noted.vault)
        return await vault.store(noted.secret or "", client.display_name, client.client_id).read()

    # Owners write tags, and only of a believed registration is it known who they are.
    believed = [
        client
        for client in clients
        if isinstance(client_trust(client, observed, ServiceSpec()), Belief)
    ]
    found = await gather_or_cancel(
        *(or_unknown(read(client, noted)) for client in believed for noted in noted_vaults(client))
    )
    return [one for one in found if one is not None]


def name_places(
    session: "Session", request: "Request", stores: Mapping[str, Store], observed: ObservedState
) -> tuple[tuple[str, str], ...]:
    """Each client and its place as a plan names it: of a rotation, the same on every machine unless
    asked for.
    """
    desired = request.desired
    if isinstance(desired, Rotation):
        if not desired.only_named:
            own, usual = default_folder(session, request.label, observed), SecretTo().label
            labels = (
                (
                    name,
                    usual
                    if isinstance(store, FileStore) and store.path.parent == own
                    else store.label,
                )
                for name, store in stores.items()
            )
            return tuple(
                (name, label) for name, label in labels if observed.secrets[name].vault is None
            )
        # A registration's tag may lead elsewhere than to the client's own file.
        vaults = {name: observed.note_of(name).vault for name in stores}
        usual_of = {name: request.places.of(name).label for name in desired.clients}
        return tuple(
            (name, stores[name].label if vaults.get(name) else label)
            for name, label in usual_of.items()
        )
    # A registration's tag, which its owner writes, may name another vault than was reviewed.
    asked = {name: (request.places.of(name), observed.note_of(name).vault) for name in stores}
    return tuple(
        (name, f"keyvault:{vault}" if vault and place == SecretTo() else place.label)
        for name, (place, vault) in asked.items()
    )


async def expire_dead_notes(
    session: "Session", stores: Mapping[str, Store], observed: ObservedState
) -> ObservedState:
    """The state, where no note of a credential that gives no token counts as fresh."""
    notes = await gather_or_cancel(
        *(_judged(session, name, one, observed) for name, one in stores.items())
    )
    return replace(observed, secrets=dict(zip(stores, notes, strict=True)))


async def _judged(
    session: "Session", name: str, store: Store, observed: ObservedState
) -> SecretNote:
    """A token decides whether what a store got minutes ago and the directory does not show is late
    or gone.
    """
    note = observed.secrets[name]
    client, arrived = observed.trust.client_of_id(note.client_id or ""), note.delivered_at
    if arrived is None or not note.is_fresh(note.client_id, observed.now, note.kind):
        return note
    if client is None or not client.is_registered or note.is_among(client.credentials):
        return note
    age = (observed.now - arrived).total_seconds()
    within = min(max(ARRIVES_SECONDS - age, AT_LEAST_SECONDS), ARRIVES_SECONDS)
    try:
        stored = await store.read()
        if stored is not None:
            scope, token = stored.scope or f"{observed.graph}/.default", session.tokens.token
            with activity(f"Testing the credential of {name}"):
                await token(stored, scope, everywhere=True, within=within)
    except S2SError as error:  # who cannot read it cannot test it
        if isinstance(error, ServiceError) and error.service_code in UNKNOWN:
            return replace(note, delivered_at=None)
    return note


async def _store(
    session: "Session",
    request: "Request",
    observed: ObservedState,
    name: str,
    known: ClientApplication,
    is_key: bool,
) -> Store:
    place = request.places.of(name, known.client_id)
    if place.show:
        assert request.show is not None  # a command with `--secret-to` says how
        return OutputStore(request.show)
    if place.command:
        return CommandStore(place.command_for(name), request.label, place.label)
    if place.vault is not None:
        if is_key:
            raise no_key_in_vault()
        secret, site = place.vault.secret_for(request.label, name), observed.app_service
        # Not the address that is typed: a trust file's could be another site's.
        urls = (site.url,) if site is not None else ()
        return session.vault(place.vault.vault).store(secret, name, urls=urls)
    folder = default_folder(session, request.label, observed)
    # One that is known by its appId may have a file that was made under its name, and the other way
    # round.
    names = filter(None, (name, known.client_id, known.display_name))
    files = [
        FileStore(place.file_for(called, folder), place.path is None, is_key) for called in names
    ]
    file = next((one for one in files if one.holds(known.client_id)), files[0])
    if is_key or place != SecretTo() or not _follows_tag(known, request, observed):
        return file
    return await _noted(session, observed, name, known, file)


async def _noted(
    session: "Session",
    observed: ObservedState,
    name: str,
    client: ClientApplication,
    file: FileStore,
) -> Store:
    """The key vault that a tag of the client's registration names, or its file on this machine.

    Raises Refused.
    """
    # By appId: a vault's secret of the same client's name may be another client's, and a tag may
    # point at it.
    noted = [
        session.vault(one.vault).store(one.secret or "", name, client.client_id)
        for one in noted_vaults(client)
    ]
    if not noted:
        return file
    # Also where a tag, which its owners write, says that no one has it.
    newest = newest_made(secrets_among(client.application.credentials))
    if newest is not None and (await file.note()).has_had(newest):
        return file
    return await _proved(session, noted, client, observed)


async def _proved(
    session: "Session", noted: Sequence[Store], client: ClientApplication, observed: ObservedState
) -> Store:
    """The vault whose readers can sign in as the client already, so that the new secret tells them
    nothing new.

    Owners of a registration, and those who were, write its tags; who may set a vault's secrets
    writes theirs. Raises Refused: no vault holds a secret that signs in.
    """
    code, unread = "secret-place-unproved", list[S2SError]()
    for store in noted:
        stored = await outcome_of(store.read())
        if isinstance(stored, S2SError):
            unread.append(stored)
        elif stored is not None and not same_id(stored.client_id, client.client_id):
            code = "secret-place-taken"
        elif stored is not None:
            with activity(f"Testing the secret in {store.label}"):
                token = session.tokens.token(stored, f"{observed.graph}/.default", is_new=False)
                if await or_unknown(token) is not None:
                    return store
    if unread and len(unread) == len(noted):
        unread[0].mention(
            [f"The registration of '{client.display_name}' names it as the place of its secret."]
        )
        raise unread[0]
    place, name = noted[-1].label, client.display_name
    raise Refused(
        code,
        f"A tag of '{name}' says that its secret is in {place}, and no secret there signs in as "
        "it. Its owners, also earlier ones, can write that tag.",
        remedy=_naming(place, observed),
    )


def _naming(place: str, observed: ObservedState) -> str:
    told = option("--secret-to", place)
    if observed.file is not None:
        told = f'secret-to = "{place}", in the trust file'
    return f"If it is right, name the place: {told}"


def _wanted(
    request: "Request", observed: ObservedState
) -> dict[str, tuple[ClientApplication, bool]]:
    """By name: the client, empty where there is none, and whether what is stored is a key."""
    desired = request.desired
    if isinstance(desired, Rotation):
        rotated = clients_to_rotate(desired, observed)
        kinds = {name: replaced_kind(client.credentials) for name, client in rotated.items()}
        return {
            name: (rotated[name], kind is not None and kind.is_key) for name, kind in kinds.items()
        }
    found: dict[str, tuple[ClientApplication, bool]] = {}
    for spec in desired.clients if isinstance(desired, Setup) else ():
        if isinstance(spec.credential, NewCredential):
            clients = clients_called(spec.name, observed)
            known = next(
                (client for client in clients if client.is_registered), ClientApplication()
            )
            found[spec.name] = known, spec.credential.kind.is_key
    return found


def _follows_tag(client: ClientApplication, request: "Request", observed: ObservedState) -> bool:
    """Whether a client's own tag says where its secret is, and may: others could have
    written it.
    """
    desired = request.desired
    # Only one that had a secret and has nothing good any more gets a secret again.
    has_good = any(one.is_valid_at(observed.now) for one in client.application.credentials)
    if (
        not client.is_registered
        or desired.service is None
        or (has_good and not isinstance(desired, Rotation))
    ):
        return False
    trusted = client_trust(client, observed, desired.service, desired.names)
    # One that is merely untouched may have been registered and tagged by someone who then removed
    # themselves.
    return isinstance(trusted, Belief) and trusted is not Belief.UNTOUCHED


def retire_files(session: "Session", outcome: "Outcome") -> list[Path]:
    """Delete the files in this tool's own folder whose secrets are useless now."""
    done, before, gone = outcome.done.values(), outcome.before, list[Path]()
    removed = {c.key_id for c in done if isinstance(c, RemoveCredential)}
    added = {outcome.outputs.known(c.object_id) for c in done if isinstance(c, AddCredential)}
    deleted = {c.object_id for c in done if isinstance(c, DeleteApplication)}
    for one in (client.application for client in before.trust.clients):
        left = [credential for credential in one.credentials if credential.key_id not in removed]
        is_emptied = len(left) < len(one.credentials) and not any(
            credential.is_ours for credential in left
        )
        if one.object_id in deleted or (is_emptied and one.object_id not in added):
            folder = default_folder(session, outcome.request.label, before)
            for stem in dict.fromkeys((one.display_name, one.client_id)):
                store = FileStore(SecretTo().file_for(stem, folder), is_ours=True, keeps_key=True)
                gone += [store.path] if store.retire(one.client_id) else []
    return gone
