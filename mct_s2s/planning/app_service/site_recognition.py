"""Which web apps are Microsoft Community Training sites, by what Azure Resource Manager shows of them.

A deployment of MCT is a web app and, in the same resource group, a function app whose name is the web app's with `-fa-`
and a suffix. A site that has been set up also has the settings of the document's step 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mct_s2s.model.azure_resources import Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings, ours


@dataclass(frozen=True)
class SiteSurvey:
    """The web and function apps of a subscription, each kind by name."""

    mct: tuple[Site, ...]
    others: tuple[Site, ...]
    """Web apps that nothing shows to be an MCT site."""
    function_apps: tuple[Site, ...]
    """Never the site that is configured: the document warns of them."""
    unread: tuple[Site, ...] = ()
    """Of the others, those whose settings could not be read: they may be MCT sites."""


def survey_of(sites: Iterable[Site], settings: Mapping[ResourceId, AppSettings | None]) -> SiteSurvey:
    """Tell the sites apart.

    Args:
        sites: every web and function app of a subscription, without slots.
        settings: the application settings of those whose settings were asked for; `None`: not readable.
    """
    ordered = sorted(sites, key=_by_name)
    web_apps = [site for site in ordered if not site.is_function_app]
    beside = _with_function_app(ordered)
    mct = [s for s in web_apps if ours(settings.get(s.resource) or {}) or _place(s, s.name) in beside]
    others = tuple(site for site in web_apps if site not in mct)
    return SiteSurvey(
        tuple(mct),
        others,
        tuple(site for site in ordered if site.is_function_app),
        tuple(site for site in others if settings.get(site.resource, {}) is None),
    )


def by_likelihood(sites: Iterable[Site]) -> list[Site]:
    """The web apps whose settings are worth reading, those beside an MCT function app first."""
    ordered = sorted(sites, key=_by_name)
    beside = _with_function_app(ordered)
    web_apps = (site for site in ordered if not site.is_function_app)
    return sorted(web_apps, key=lambda site: _place(site, site.name) not in beside)


def _with_function_app(sites: Iterable[Site]) -> set[tuple[str, str]]:
    return {_place(site, site.website) for site in sites if site.website}


def _place(site: Site, name: str) -> tuple[str, str]:
    return site.resource.resource_group.casefold(), name.casefold()


def _by_name(site: Site) -> tuple[str, str]:
    return _place(site, site.name)[::-1]
