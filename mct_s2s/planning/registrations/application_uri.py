"""The service application's Application ID URI: which one callers know, and who else may hold it."""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.errors import Refused
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import api_uri, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE, AppSettings
from mct_s2s.planning.registrations.restoring import purging


def uri_in_use(application: Application, settings: AppSettings, adopt: str | None = None) -> str | None:
    """The URI that callers know, if the application has it: as typed, as the site expects, or the default."""
    for candidate in (adopt, AUDIENCE.value_in(settings), api_uri(application.client_id)):
        if candidate in application.identifier_uris:
            return candidate
    return None


def uri_shown(application: Application, observed: ObservedState) -> str | None:
    """The one URI to speak of: the one in use, or whatever there is."""
    return uri_in_use(application, observed.settings) or next(iter(application.identifier_uris), None)


def refuse_taken_uri(application: Application, observed: ObservedState) -> None:
    """Do not ask for a URI that a deleted registration still holds.

    Raises:
        Refused: `uri-taken`.
    """
    uri = api_uri(application.client_id)
    other = holder_of_uri(uri, observed.trust.deleted, but=application.client_id)
    if other is not None:
        message, remedy = taken_uri(uri, other, observed.graph)
        raise Refused("uri-taken", f"{message} Nothing was changed.", remedy=remedy)


def holder_of_uri(uri: str, deleted: Iterable[Application], but: str | None = None) -> Application | None:
    """Another registration in the recycle bin that still holds a URI."""
    return next((row for row in deleted if uri in row.identifier_uris and not same_id(row.client_id, but)), None)


def taken_uri(uri: str, holder: Application, graph: str) -> tuple[str, str]:
    """The message about a URI that a deleted registration holds, and the command that frees it.

    Args:
        uri: the Application ID URI.
        holder: the deleted registration.
        graph: Microsoft Graph's address in this cloud.
    """
    since = f", deleted on {holder.deleted:%Y-%m-%d}," if holder.deleted else ""
    message = (
        f"The Application ID URI '{uri}' is already in use: the registration '{holder.display_name}' (appId "
        f"{holder.client_id}){since} keeps it in the recycle bin for 30 days."
    )
    return message, purging(holder, graph)
