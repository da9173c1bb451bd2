"""The apps that `--wire` filled in the settings of: found again by the service application's tags."""

from __future__ import annotations

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.app_service_lookup import Located
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.azure_resources import WiredApp
from mct_s2s.model.ids import wired_resource_in_tag
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.trust import Trust
from mct_s2s.ports.signed_in_cloud import Azure


async def find_wired(
    azure: Azure, trust: Trust, located: Located
) -> tuple[tuple[WiredApp, ...], tuple[ResourceId, ...]]:
    """Those that are there, and those that may not be looked at. A tag says where to look, and nothing more.

    Raises:
        S2SError: Azure does not answer: what is not known to be undone must not be forgotten.
    """
    tags = trust.service.tags if trust.service is not None else ()
    resources = [resource for tag in tags if (resource := _site_in(tag)) is not None]
    for resource in resources:
        located(resource)
    found = await gather_or_cancel(*(_look(azure, resource) for resource in resources))
    apps = tuple(one for one in found if isinstance(one, WiredApp))
    return apps, tuple(one for one in found if isinstance(one, ResourceId))


def _site_in(tag: str) -> ResourceId | None:
    text = wired_resource_in_tag(tag)
    try:
        resource = ResourceId.parse(text) if text is not None else None
    except S2SError:
        return None
    return resource if resource is not None and resource.is_site else None


async def _look(azure: Azure, resource: ResourceId) -> WiredApp | ResourceId | None:
    try:
        site = await azure.sites.site(resource)
        if site is None:
            return None
        settings, identity_resource = await gather_or_cancel(
            azure.sites.settings(resource), azure.identities.identity_resource(resource)
        )
    except NotThere:
        return None
    except PermissionMissing:
        return resource
    except ServiceError as error:
        if error.code != "locked":  # a read-only lock forbids listing settings, too
            raise
        return resource
    return WiredApp(site, settings, identity_resource)
