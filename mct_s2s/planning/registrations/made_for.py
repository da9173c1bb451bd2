"""Which App Service a service application was made for: names of App Services can meet, their resource ids cannot.

Two App Services of one name are possible since default host names can be unique without it.
Source: learn.microsoft.com/azure/app-service/reference-dangling-subdomain-prevention.
"""

from __future__ import annotations

from mct_s2s.errors import Refused
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import same_id, site_in_note, site_note
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.registrations.custody import SERVICE_OPTION


def note_for(observed: ObservedState) -> str | None:
    """What a new service application has to remember: which App Service it is for, where that is known."""
    site = observed.app_service
    return site_note(str(site.site.resource)) if site is not None else None


def refuse_anothers(application: Application, observed: ObservedState) -> None:
    """Stop before two App Services of the same name share a service application.

    Raises:
        Refused: it was made for another one.
    """
    site, other = observed.app_service, site_in_note(application.notes)
    if site is None or other is None or same_id(other, str(site.site.resource)):
        return
    raise Refused(
        "registration-of-another-site",
        f"'{application.display_name}' (appId {application.client_id}) was created for another App Service of this "
        f"name, {other}. Nothing was changed.",
        remedy="To give this App Service its own, create a registration in the portal and use its appId. If both share "
        "it, or the App Service has moved, adopt it by its appId:",
        command=own_command("setup", SERVICE_OPTION, application.client_id),
    )
