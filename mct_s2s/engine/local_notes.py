"""What files on this machine say of clients' credentials."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.azure.clouds import is_label_on_this_machine, is_on_this_machine
from mct_s2s.errors import UsageError
from mct_s2s.inputs.secret_to import SecretTo
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import Look, Rotation
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.clients import clients_called
from mct_s2s.stores.dotenv import available
from mct_s2s.stores.files import FileStore

if TYPE_CHECKING:
    from mct_s2s.engine.request import Request, Session


def default_folder(session: "Session", label: str, observed: ObservedState) -> Path:
    """The folder of this tool's own files for the secrets of one App Service, named by `label`."""
    return _folder_of_clouds() / session.connection.cloud.label / _folder_of_site(label, observed)


def _folder_of_clouds() -> Path:
    from platformdirs import user_data_path  # noqa: PLC0415  # only commands that make a secret need it

    return user_data_path("mct-s2s", appauthor=False) / "secrets"


def _folder_of_site(label: str, observed: ObservedState) -> Path:
    tenant = observed.tenant.id if observed.tenant else "unknown-tenant"
    return Path(tenant) / label.lower().replace("/", "/slots/")


def usual_file(client: ClientApplication, folder: Path, observed: ObservedState) -> Path:
    """The file in `default_folder` where a rotation puts a client's first secret on this machine.

    It is called as the trust file names the client, else by the client's display name.
    """
    name = observed.file.name_of(client) if observed.file is not None else None
    return SecretTo().file_for(name or client.display_name, folder)


def files_by_other_addresses(
    session: "Session", label: str, observed: ObservedState
) -> dict[str, Path]:
    """Clients' files that were saved by another address of a sandbox, by their appIds' lower case.

    Its name and its address are the same cloud. A cloud of another machine is given no secret that
    was not made in it.
    """
    folder, cloud = _folder_of_clouds(), session.connection.cloud
    if not is_on_this_machine(cloud.arm) or not folder.is_dir():
        return {}
    files: dict[str, Path] = {}
    for other in sorted(folder.iterdir()):
        if is_label_on_this_machine(other.name) and other.name != cloud.label:
            for sign_in in available((), {}, other / _folder_of_site(label, observed)):
                if isinstance(sign_in.source, SecretPlace):
                    files.setdefault(sign_in.client_id.casefold(), Path(sign_in.source.name))
    return files


async def read_local_notes(
    session: "Session", request: "Request", observed: ObservedState
) -> dict[str, tuple[SecretNote, ...]]:
    """Read what files on this machine say of the clients whose credentials decide something.

    The notes are by appId. Those of key vaults do not count here: others write their tags.
    """
    # A look and a rotation judge every client by its credentials.
    reads_all = isinstance(request.desired, Look | Rotation)
    folder = default_folder(session, request.label, observed)
    names = {
        client.client_id: name
        for name in request.desired.names
        for client in clients_called(name, observed)
    }
    notes: dict[str, tuple[SecretNote, ...]] = {}
    for client in observed.trust.clients:
        is_in_question = client.client_id in observed.custody or client.application.undelivered
        if reads_all or is_in_question:
            name = names.get(client.client_id)
            place = request.places.of(name or client.display_name, client.client_id)
            # The file may be called by the name in the request, the appId or the display name.
            stems = filter(None, (name, client.client_id, client.display_name))
            notes[client.client_id] = await _read_notes(stems, place, folder)
    return notes


async def _read_notes(
    stems: Iterable[str], place: SecretTo, folder: Path
) -> tuple[SecretNote, ...]:
    notes: list[SecretNote] = []
    for stem in stems:
        for path in {SecretTo().file_for(stem, folder), place.file_for(stem, folder)}:
            for keeps_key in (False, True):
                # A file that another user may have written says nothing here.
                with suppress(UsageError):
                    notes.append(await FileStore(path, keeps_key=keeps_key).note())
    return tuple(notes)
