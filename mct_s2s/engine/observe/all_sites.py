"""Every MCT App Service of a subscription, read side by side: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import find_subscription
from mct_s2s.engine.observe.site_survey import survey
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import ours
from mct_s2s.planning.app_service.site_recognition import SiteSurvey

if TYPE_CHECKING:
    from mct_s2s.azure.arm.app_services import ArmSites

T = TypeVar("T")


async def find_mct_sites(sites: ArmSites, subscription: str | None) -> SiteSurvey:
    """All web apps of a subscription, told apart by their settings or by MCT's function app beside them; no slots.

    Args:
        sites: App Service.
        subscription: its id or name; `None` for the only one that there is.

    Raises:
        NotThere: no such subscription, or more than one.
        ServiceError: the sites cannot be listed.
    """
    where = await find_subscription(sites, subscription)
    return await survey(sites, where.id, most=None)


@dataclass(frozen=True)
class Slots:
    """The deployment slots of an MCT site that may be sites of their own."""

    set_up: tuple[ResourceId, ...] = ()
    """Those that have some of the document's settings."""
    unread: tuple[ResourceId, ...] = ()
    """Those whose settings could not be read."""


async def find_slots(sites: ArmSites, app_service: AppService) -> Slots:
    """Which of a site's slots have settings of the document, one request for each slot that there is.

    A site is looked at together with the names of its slots, so that one without slots costs nothing.
    """
    config, site = app_service.slot_config, app_service.site.resource
    if config is None or site.slot is not None:
        return Slots()
    slots = [ResourceId.site(site.subscription_id, site.resource_group, site.names[0], name) for name in config.slots]
    read = await gather_or_cancel(*(outcome_of(sites.settings(slot)) for slot in slots))
    found = list(zip(slots, read, strict=True))
    return Slots(
        tuple(slot for slot, settings in found if not isinstance(settings, S2SError) and ours(settings)),
        tuple(slot for slot, settings in found if isinstance(settings, S2SError)),
    )


async def outcome_of(work: Awaitable[T]) -> T | S2SError:
    """What comes of it, or the error in which it ends: the work beside it goes on."""
    try:
        return await work
    except S2SError as error:
        return error


async def read_each(
    apps: tuple[ResourceId, ...], read: Callable[[ResourceId], Awaitable[T]]
) -> tuple[tuple[ResourceId, T | S2SError], ...]:
    """The state of each site, or why it could not be read. How many requests are sent at once the session decides."""
    outcomes = await gather_or_cancel(*(outcome_of(read(app)) for app in apps))
    return tuple(zip(apps, outcomes, strict=True))
