"""Key vault references: an app is to read the new version of a secret now, not within a day.

Source: learn.microsoft.com/azure/app-service/app-service-key-vault-references, "Understand rotation".
"""

from __future__ import annotations

import asyncio

from mct_s2s import clock
from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.errors import S2SError
from mct_s2s.planning.app_service.wire import CLIENT_SECRET
from mct_s2s.planning.changes import Part, RefreshReference
from mct_s2s.ports.apply_progress import waiting

SECONDS_TO_REFRESH = 60.0
"""For so long a reference may show the old version after a refresh was asked for."""
REFRESH_PAUSE = 2.0
"""Seconds between two looks at a reference: some thirty within `SECONDS_TO_REFRESH`."""
SECONDS_TO_RECYCLE = 30.0
"""The app's old process, with the old secret, goes on until the new one is there."""


async def refresh(work: Work, change: RefreshReference) -> Done:
    """Have an app read the new version, and wait until App Service says that it does.

    Whatever comes in between is no failure: within a day the app reads it anyway, and the old secret stays so long.
    """
    resource = str(change.site.resource)
    try:
        version = await _refreshed(work, change)
    except S2SError as error:
        return resource, f"not confirmed: {error.message}"
    if version is None:
        return resource, "requested; App Service has not confirmed it yet"
    work.results.record(change.key, Part.REFRESHED, version)
    return resource, "reads the new secret"


async def _refreshed(work: Work, change: RefreshReference) -> str | None:
    """The version that the app reads, once that is the one that its store holds."""
    stored = await work.context.stores[change.client].read()
    if stored is None or stored.version is None:
        return None
    sites, resource = work.context.azure.sites, change.site.resource
    if await sites.active_version(resource, CLIENT_SECRET) != stored.version:
        await sites.refresh_references(resource)
        until = clock.seconds() + SECONDS_TO_REFRESH
        with waiting("waiting for App Service to read the new secret", gives_up_at=until):
            while await sites.active_version(resource, CLIENT_SECRET) != stored.version:
                if clock.seconds() >= until:
                    return None
                await asyncio.sleep(REFRESH_PAUSE)
        with waiting("waiting for its old process to end", seconds=SECONDS_TO_RECYCLE):
            await asyncio.sleep(SECONDS_TO_RECYCLE)
    return stored.version
