"""The refusal of a command that names no App Service, where no one can be asked: with those that there are."""

from __future__ import annotations

import asyncio
import os

from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.completion.seen import remember_sites
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Needs, connect
from mct_s2s.engine.observe.site_survey import survey
from mct_s2s.errors import Item, S2SError, UsageError
from mct_s2s.model.commands import command
from mct_s2s.render.console import Terminal

LOOK_SECONDS = 10.0
"""For so long a refusal may be held up by what would make it more useful."""
MOST_SUBSCRIPTIONS = 5
MOST_SITES = 20
_PERSON = {Method.BROWSER, Method.DEVICE_CODE}


async def with_sites(options: AzureOptions, terminal: Terminal, refusal: UsageError) -> UsageError:
    """The refusal with the MCT sites that the caller can read; as it is where they cannot be found out."""
    try:
        if choose(options.auth, os.environ, on_terminal=False) in _PERSON:
            return refusal  # no one signs in for the sake of a message
        async with asyncio.timeout(min(LOOK_SECONDS, options.timeout)):
            items = await _found(options, terminal)
    except (S2SError, TimeoutError):
        return refusal
    if not items:
        return refusal
    return UsageError(refusal.code, f"{refusal.headline} MCT sites found:", remedy=refusal.advice, items=items)


async def _found(options: AzureOptions, terminal: Terminal) -> list[Item]:
    async with connect(options, Needs(directory=False, target=False), terminal) as session:
        sites, wanted = session.azure.sites, session.subscription
        seen = await sites.subscriptions()
        named = [one for one in seen if wanted in {one.id, one.name}]
        looked_at = named or seen[:MOST_SUBSCRIPTIONS]
        items: list[Item] = []
        for subscription in looked_at:
            found = await survey(sites, subscription.id)
            remember_sites(options, subscription, found)
            for one in found.mct:
                where = ["-a", one.site.name, "-g", one.site.resource.resource_group]
                where += [] if named else ["-s", subscription.id]
                items.append((one.site.name, command(*where)))
        return items[:MOST_SITES]
