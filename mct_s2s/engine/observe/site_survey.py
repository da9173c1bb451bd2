"""Looks at every web app of a subscription, to tell which of them are Microsoft Community Training sites."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.app_service.site_recognition import SiteSurvey, by_likelihood, survey_of

if TYPE_CHECKING:
    from mct_s2s.azure.arm.app_services import ArmSites

MOST_READ = 40
"""Web apps whose settings are read. In a subscription with more, the rest is recognised by its function app alone."""
AT_ONCE = 8
"""Settings read at a time: the survey must not use up what Azure Resource Manager allows for the work after it."""


async def survey(sites: ArmSites, subscription_id: str, *, most: int | None = MOST_READ) -> SiteSurvey:
    """The web and function apps of a subscription. Of their settings, only the document's own are kept.

    Args:
        sites: App Service.
        subscription_id: whose apps are looked at.
        most: of how many web apps the settings are read; `None` for all.

    Raises:
        S2SError: the apps cannot be listed. Settings that cannot be read are no error.
    """
    found = await sites.sites(subscription_id)
    gate = asyncio.Semaphore(AT_ONCE)

    async def settings_of(site: Site) -> tuple[ResourceId, AppSettings | None]:
        async with gate:
            try:
                return site.resource, await sites.settings(site.resource)
            except S2SError:
                return site.resource, None

    read = await gather_or_cancel(*(settings_of(site) for site in by_likelihood(found)[:most]))
    return survey_of(found, dict(read))
