"""The service application's Application ID URI: which one callers know, and who else may hold it."""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.errors import Refused
from mct_s2s.model.commands import command
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import ApplicationIdUri, api_uri, client_id_in, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE, AppSettings


def is_called(application: Application, named: str) -> bool:
    """Whether an appId, `api://<appId>` or another Application ID URI means this registration."""
    return same_id(application.client_id, client_id_in(named)) or named in application.identifier_uris


def uri_in_use(application: Application, settings: AppSettings, adopt: str | None = None) -> ApplicationIdUri | None:
    """The URI that callers know, if the application has it: as typed, as the site expects, or the default."""
    for candidate in (adopt, AUDIENCE.value_in(settings), api_uri(application.client_id)):
        if candidate and candidate in application.identifier_uris:
            return ApplicationIdUri(candidate)
    return None


def uri_shown(application: Application, observed: ObservedState) -> str | None:
    """The one URI to speak of: the one in use, or whatever there is."""
    return uri_in_use(application, observed.settings) or next(iter(application.identifier_uris), None)


def refuse_taken_uri(application: Application, observed: ObservedState) -> None:
    """Do not ask for a URI that a deleted registration still holds. Raises Refused: `uri-taken`."""
    uri = api_uri(application.client_id)
    other = holder_of_uri(uri, observed.trust.deleted, but=application.client_id)
    if other is not None:
        message, remedy = taken_uri(uri, other, observed.graph)
        raise Refused("uri-taken", f"{message} Nothing was changed.", remedy=remedy)


def holder_of_uri(uri: str, deleted: Iterable[Application], but: str | None = None) -> Application | None:
    """Another registration in the recycle bin that still holds a URI."""
    return next((row for row in deleted if uri in row.identifier_uris and not same_id(row.client_id, but)), None)


def taken_uri(uri: str, holder: Application, graph: str) -> tuple[str, str]:
    """The message about a URI that a deleted registration holds, and the command that frees it."""
    since = f", deleted on {holder.deleted:%Y-%m-%d}," if holder.deleted else ""
    message = (
        f"The Application ID URI '{uri}' is already in use: the registration '{holder.display_name}' (appId "
        f"{holder.client_id}){since} keeps it in the recycle bin for 30 days."
    )
    return message, purging(holder, graph)


def purging(deleted: Application, graph: str) -> str:
    """The command that takes a deleted registration out of the recycle bin permanently."""
    return command("az", "rest", "--method", "DELETE", "--url", _in_recycle_bin(deleted, graph))


def restoring(deleted: Application, graph: str) -> str:
    """The command that brings a deleted registration back."""
    return command("az", "rest", "--method", "POST", "--url", f"{_in_recycle_bin(deleted, graph)}/restore")


def _in_recycle_bin(deleted: Application, graph: str) -> str:
    return f"{graph}/v1.0/directory/deletedItems/{deleted.object_id}"
