"""May this caller do the job? Everything that can be seen is looked at; what may not be seen is an answer, too."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.access import AccessLook
from mct_s2s.engine.observe.app_service_lookup import find_site
from mct_s2s.engine.observe.observe import find_identity_resource
from mct_s2s.engine.request import Request
from mct_s2s.errors import PermissionMissing, S2SError
from mct_s2s.model.azure_resources import Site
from mct_s2s.model.ids import TenantId
from mct_s2s.planning.doctor import Seen
from mct_s2s.ports.apply_progress import activity
from mct_s2s.ports.signed_in_cloud import Azure

T = TypeVar("T")
LOCKED = "locked"
UNSEEN = frozenset({"subscription-not-found", "site-not-found"})
"""What may as well be hidden from this caller."""


async def examine(azure: Azure, request: Request) -> Seen:
    """Look at all of it; nothing is written.

    Raises:
        NotThere: two sites of that name, or a caller's resource that is missing or ambiguous.
        ServiceError: Azure did not answer.
    """
    with activity(f"Checking permissions{f' for {request.label}' if request.target else ''}"):
        return await _examined(azure, request)


async def _examined(azure: Azure, request: Request) -> Seen:
    async with AccessLook(azure, directory=True) as look:
        (site, site_tenant_id, site_refusal), directory, identity_resources = await gather_or_cancel(
            _site(azure, request, look),
            _or_refusal(
                gather_or_cancel(
                    azure.directory.tenant(), azure.directory.application_by_unique_name(request.unique_name)
                )
            ),
            gather_or_cancel(
                *(find_identity_resource(azure, request, wanted, look.at) for wanted in request.identities)
            ),
        )
        found, refusal = directory
        tenant = found[0] if found is not None else None
        return Seen(
            await look.found(),
            tenant,
            refusal,
            site,
            site_tenant_id,
            site_refusal,
            identity_resources,
            azure.write_refusal,
        )


async def _site(
    azure: Azure, request: Request, look: AccessLook
) -> tuple[Site | None, TenantId | None, S2SError | None]:
    """The site, the tenant that its subscription trusts, and why one of them or the settings could not be read."""
    if request.target is None:
        return None, None, None
    try:
        site, tenant_id = await find_site(azure.sites, request.target, look.at)
    except S2SError as error:
        if not isinstance(error, PermissionMissing) and error.code not in UNSEEN:
            raise
        return None, None, error
    _, refusal = await _or_refusal(azure.sites.settings(site.resource))
    return site, tenant_id, refusal


async def _or_refusal(question: Coroutine[Any, Any, T]) -> tuple[T | None, S2SError | None]:
    try:
        return await question, None
    except S2SError as error:
        if isinstance(error, PermissionMissing) or error.code == LOCKED:
            return None, error
        raise
