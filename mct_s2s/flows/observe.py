"""Look at everything that a command rests on, as much of it at once as the questions allow."""

from __future__ import annotations

import asyncio

from mct_s2s.errors import NotThere
from mct_s2s.flows.find_site import Located, find_app_service, find_subscription, find_web_app
from mct_s2s.flows.find_trust import find_trust
from mct_s2s.flows.identity_uses import find_identity_uses
from mct_s2s.flows.query import Query
from mct_s2s.model.ids import is_guid
from mct_s2s.model.observed import AppService, IdentityHolder, Observed, Tenant, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.ports import Azure
from mct_s2s.together import together


def _nobody(resource: ResourceId) -> None:
    del resource


async def observe(azure: Azure, query: Query, located: Located = _nobody) -> Observed:
    """One snapshot of the world.

    Args:
        azure: the session.
        query: what to look at.
        located: is told the id of the App Service and of each caller's resource as soon as it is known.

    Raises:
        NotThere: the site, the subscription or a caller's resource is missing or ambiguous.
        ServiceError: Azure refused to show it.
    """
    settings: asyncio.Future[AppSettings] = asyncio.get_running_loop().create_future()
    app_service, (tenant, trust), holders = await together(
        _app_service(azure, query, settings, located),
        _directory(azure, query, settings),
        _holders(azure, query, located),
    )
    uses = await find_identity_uses(azure, trust) if query.leaving or query.everything else ()
    return Observed(azure.cloud, tenant, app_service, trust, holders, identity_uses=uses, graph=azure.graph)


async def _app_service(
    azure: Azure, query: Query, settings: asyncio.Future[AppSettings], located: Located
) -> AppService | None:
    if query.target is None:
        settings.set_result({})
        return None
    app_service = await find_app_service(azure.sites, query.target, located)
    settings.set_result(app_service.settings)
    return app_service


async def _directory(azure: Azure, query: Query, settings: asyncio.Future[AppSettings]) -> tuple[Tenant | None, Trust]:
    if not query.directory:
        return None, Trust()
    return await together(azure.directory.tenant(), find_trust(azure.directory, query, settings))


async def _holders(azure: Azure, query: Query, located: Located) -> tuple[IdentityHolder, ...]:
    return await together(*(_holder(azure, query, wanted, located) for wanted in query.identities))


async def _holder(azure: Azure, query: Query, wanted: str | ResourceId, located: Located) -> IdentityHolder:
    if isinstance(wanted, str):
        subscription = query.subscription or ""
        if not is_guid(subscription):
            subscription = (await find_subscription(azure.sites, query.subscription)).id
        wanted = await find_web_app(azure.sites, subscription, wanted)
    located(wanted)
    holder = await azure.identities.holder(wanted)
    if holder is None:
        raise NotThere(
            "resource-not-found",
            f"There is no resource {wanted}, or you may not see it.",
            remedy=f"Check the id: az resource show --ids {wanted}",
        )
    return holder
