"""Which of a subscription's sites are MCT App Services."""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.model.azure_resources import Site
from mct_s2s.model.site_settings import AppSettings, ours

_FUNCTION_KINDS = frozenset({"functionapp", "workflowapp"})
_BESIDE = "-fa-"
"""In the name of the function app that an MCT deployment puts beside its App Service: `contosolearn-fa-x7k2q`."""


def is_function_app(site: Site) -> bool:
    """Whether a site is a function or logic app by kind, or by the name that an MCT deployment gives it."""
    kinds = {token.strip().casefold() for token in site.kind.split(",")}
    return bool(kinds & _FUNCTION_KINDS) or _BESIDE in site.name.casefold()


def with_function_app(sites: Iterable[Site]) -> frozenset[str]:
    """The resource IDs, in lower case, of the App Services that have MCT's function app in their resource group."""
    everything = tuple(sites)
    beside = {
        (site.resource.resource_group.casefold(), site.name.casefold().partition(_BESIDE)[0])
        for site in everything
        if _BESIDE in site.name.casefold()
    }
    return frozenset(
        str(site.resource).lower()
        for site in everything
        if not is_function_app(site) and (site.resource.resource_group.casefold(), site.name.casefold()) in beside
    )


def has_our_settings(settings: AppSettings) -> bool:
    """Whether a site's settings speak of service-to-service authentication, however little of it."""
    return bool(ours(settings))
