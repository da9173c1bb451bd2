"""The clients' credentials that are available: files named by the user, the environment, the files saved by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.inputs.own_credentials import ENVIRONMENT, own_credential
from mct_s2s.inputs.secret_to import VaultTo, vault_to
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import SecretNote, newest_made
from mct_s2s.model.client_sign_in import OwnCredential
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import place_in_tag, same_id
from mct_s2s.model.secret_stores import SecretStore
from mct_s2s.planning.credentials.secret import secrets_among
from mct_s2s.stores.dotenv_file import delivered_in
from mct_s2s.stores.dotenv_text import variables_in
from mct_s2s.stores.file_store import FileStore

if TYPE_CHECKING:
    from mct_s2s.stores.key_vaults import KeyVaults


def from_files(paths: Sequence[Path]) -> list[OwnCredential]:
    """Those of `--credentials`. Raises UsageError: a file that is not there, or holds no credential."""
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
