"""Deleted registrations that this trust takes up again: only those that its own keys, or the operator, name.

A deleted registration keeps its `uniqueName` and its URIs for 30 days, so a new one could not be made in its place.
Source: learn.microsoft.com/graph/api/directory-deleteditems-list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.commands import command
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import client_id_in, client_unique_name, is_guid, same_id
from mct_s2s.model.site_settings import AUDIENCE, AppSettings
from mct_s2s.model.trust import ClientApplication


def is_called(application: Application, named: str) -> bool:
    """Whether an appId, `api://<appId>` or another Application ID URI means this registration."""
    return same_id(application.client_id, client_id_in(named)) or named in application.identifier_uris


def deleted_service(
    adopt: str | None, unique_name: str, settings: AppSettings, deleted: Iterable[Application]
) -> Application | None:
    """The service application in the recycle bin, in the order in which living ones are looked for.

    Args:
        adopt: what the operator named.
        unique_name: the key of the service application that belongs to this App Service.
        settings: the App Service's: its audience names the registration that callers know.
        deleted: the recycle bin.
    """
    rows = list(deleted)
    for named in (adopt, AUDIENCE.value_in(settings)):
        if named and named.strip():
            found = next((row for row in rows if is_called(row, named.strip())), None)
            if found is not None:
                return found
    return next((row for row in rows if row.unique_name == unique_name), None)


def deleted_client(name: str, service_unique_name: str, deleted: Iterable[Application]) -> Application | None:
    """The client application in the recycle bin that a name means: an appId, or what was made for that name."""
    if is_guid(name):
        return next((row for row in deleted if same_id(row.client_id, name)), None)
    unique_name = client_unique_name(service_unique_name, name)
    return next((row for row in deleted if row.unique_name == unique_name), None)


def as_restored(application: Application, note: SecretNote) -> tuple[ClientApplication, SecretNote]:
    """A client as it comes back, and what is then to be thought of its stored credential.

    Its old credentials come back with it, but no one knows who has them: only the one in its store counts.
    """
    held = tuple(credential for credential in application.credentials if same_id(credential.key_id, note.delivered))
    usable = note if held else replace(note, delivered_at=None)
    return ClientApplication(replace(application, credentials=held), None), usable


def purging(application: Application, graph: str) -> str:
    """The command that takes a deleted registration out of the recycle bin permanently."""
    address = f"{graph}/v1.0/directory/deletedItems/{application.object_id}"
    return command("az", "rest", "--method", "DELETE", "--url", address)
