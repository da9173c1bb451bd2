"""Which App Service a service application was made for: names of App Services can meet, their resource ids cannot.

Two App Services of one name are possible since default host names can be unique without it.
Source: learn.microsoft.com/azure/app-service/reference-dangling-subdomain-prevention.
"""

from __future__ import annotations

from mct_s2s.errors import Refused
from mct_s2s.model.desired import ServiceWish
from mct_s2s.model.ids import LONGEST_TAG, same_id, site_in_tag, site_tag
from mct_s2s.model.observed import Application, Observed
from mct_s2s.planning.custody import is_named


def site_tags(application: Application | None, wish: ServiceWish, observed: Observed) -> tuple[str, ...]:
    """What a service application that is found by its name alone has to remember: which App Service it is for."""
    site = observed.app_service
    if site is None or (application is not None and is_named(application, wish.adopt, site.settings)):
        return ()
    tag = site_tag(str(site.site.resource))
    marked = application is not None and any(site_in_tag(one) for one in application.tags)
    return () if marked or len(tag) > LONGEST_TAG else (tag,)


def refuse_anothers(application: Application, observed: Observed) -> None:
    """Stop before two App Services of the same name share a service application.

    Raises:
        Refused: it was made for another one.
    """
    site = observed.app_service
    for tag in application.tags:
        other = site_in_tag(tag)
        if site is not None and other is not None and not same_id(other, str(site.site.resource)):
            raise Refused(
                "registration-of-another-site",
                f"'{application.display_name}' (appId {application.client_id}) was made for another App Service of "
                f"this name, {other}. Nothing was changed.",
                remedy="If both are to share it, or the App Service has moved, name it by its appId: "
                f"--service-app {application.client_id}. To give this one its own, register it in the portal and name "
                "that.",
            )
