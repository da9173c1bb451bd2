"""What else a managed identity is good for: asked before one is switched off that was switched on for this trust."""

from __future__ import annotations

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.session import Azure
from mct_s2s.errors import S2SError
from mct_s2s.model.azure_resources import IdentityUse
from mct_s2s.model.ids import resource_in_tag, same_id
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.trust import Trust


async def find_identity_uses(azure: Azure, trust: Trust) -> tuple[IdentityUse, ...]:
    """One for each identity that this trust's service application remembers to have switched on, and that is there."""
    tags = trust.service.tags if trust.service is not None else ()
    resources = [resource for tag in tags if (resource := resource_in_tag(tag)) is not None]
    found = await gather_or_cancel(*(_use(azure, trust, resource) for resource in resources))
    return tuple(use for use in found if use is not None)


async def _use(azure: Azure, trust: Trust, resource: str) -> IdentityUse | None:
    try:
        identity_resource = await azure.identities.identity_resource(ResourceId.parse(resource))
    except S2SError:
        return None
    if identity_resource is None:
        return None
    if identity_resource.principal_id is None:
        return IdentityUse(identity_resource, ())
    try:
        roles, assignments = await gather_or_cancel(
            azure.identities.roles_of(identity_resource), azure.directory.assignments_of(identity_resource.principal_id)
        )
    except S2SError:
        return IdentityUse(identity_resource, None)
    service = trust.principal.id if trust.principal is not None else None
    apps = [f"app role of {a.resource_id}" for a in assignments if not same_id(a.resource_id, service)]
    return IdentityUse(identity_resource, (*(f"Azure role at {scope}" for scope in roles), *apps))
