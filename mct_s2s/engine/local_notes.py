"""What files on this machine say of clients' credentials."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.errors import UsageError
from mct_s2s.inputs.secret_to import SecretTo
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.desired import Look, Rotation
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.ownership import clients_called
from mct_s2s.stores.files import FileStore

if TYPE_CHECKING:
    from mct_s2s.engine.request import Request, Session


def default_folder(session: "Session", label: str, observed: ObservedState) -> Path:
    from platformdirs import user_data_path  # noqa: PLC0415  # only commands that make a secret need it

    tenant = observed.tenant.id if observed.tenant else "unknown-tenant"
    folder = (
        user_data_path("mct-s2s", appauthor=False)
        / "secrets"
        / session.connection.cloud.label
        / tenant
    )
    return folder / label.lower().replace("/", "/slots/")


async def local_notes(
    session: "Session", request: "Request", observed: ObservedState
) -> dict[str, tuple[SecretNote, ...]]:
    """By appId: what files on this machine say of the clients whose credentials decide something.

    A vault's tags are others' to write.
    """
    counts_credentials = isinstance(request.desired, Look | Rotation)
    folder, notes = (
        default_folder(session, request.label, observed),
        dict[str, tuple[SecretNote, ...]](),
    )
    names = {
        client.client_id: name
        for name in request.desired.names
        for client in clients_called(name, observed)
    }
    for client in observed.trust.clients:
        is_in_question = client.client_id in observed.custody or client.application.undelivered
        if not counts_credentials and not is_in_question:
            continue
        place = request.places.of(
            names.get(client.client_id, client.display_name), client.client_id
        )
        found = list[SecretNote]()
        for called in filter(
            None, (names.get(client.client_id), client.client_id, client.display_name)
        ):
            for path in {SecretTo().file_for(called, folder), place.file_for(called, folder)}:
                for keeps_key in (False, True):
                    # One that another user may have written says nothing here
                    with suppress(UsageError):
                        found.append(await FileStore(path, keeps_key=keeps_key).note())
        notes[client.client_id] = tuple(found)
    return notes
