"""What an export rests on: the state of a site, and of each managed identity whose resource it is, if that is there."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure
from mct_s2s.errors import NotThere, PermissionMissing, UsageError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId


async def observe_for_export(azure: Azure, request: Request) -> ObservedState:
    """The state, with everything that a trust file can say of it.

    Raises:
        S2SError: the App Service or its settings cannot be read.
    """
    observed = await observe(azure, request)
    found = await gather_or_cancel(*(_resource_of(azure, one) for one in observed.trust.identities))
    return replace(observed, identity_resources=tuple(one for one in found if one is not None))


async def _resource_of(azure: Azure, identity: ServicePrincipal) -> IdentityResource | None:
    """The resource that a managed identity belongs to; `None` where the caller does not find it."""
    try:
        return await azure.identities.identity_resource(ResourceId.parse(identity.resource_id or ""))
    except (NotThere, PermissionMissing, UsageError):
        return None
