"""Where the MCT API is reached: at the App Service's host names, or at another address such as Azure Front Door's.

A token is sent only to host names that Azure lists for the App Service, or that are typed. What a setup noted at the
service application, its owners can write, also earlier ones: clients are told of it, and no token is sent there.
"""

from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.ids import Tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.belief import Belief, service_trust


def kept_url(observed: ObservedState) -> str | None:
    """The address that a setup noted; `None` where the service application is not known to be this App Service's."""
    service = observed.trust.service
    if service is None or service_trust(service, observed, ServiceSpec()) is not Belief.OWN_SERVICE:
        return None
    urls = Tag.URL.values(service.tags)
    return urls[0] if len(urls) == 1 else None


def api_url(observed: ObservedState) -> str | None:
    """What clients call; `None` where no App Service was looked at."""
    site = observed.app_service
    return observed.typed_url or kept_url(observed) or (site.url if site is not None else None)


def tested_url(observed: ObservedState) -> str | None:
    """Where this program sends a client's token; `None` where no App Service was looked at."""
    site, kept = observed.app_service, kept_url(observed)
    if observed.typed_url is not None or site is None:
        return observed.typed_url
    return kept if kept is not None and site.is_at(kept) else site.url


def is_api_of(observed: ObservedState, url: str) -> bool:
    """Whether a client that calls this address calls this App Service."""
    site, own = observed.app_service, api_url(observed)
    return (site is not None and site.is_at(url)) or (own is not None and same_origin(url, own))
