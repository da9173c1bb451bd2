"""Whether what a plan takes for existing is still there: replicas show a deleted registration for a while.

A read is answered by a replica, a write by the newest state. So a registration that only a read speaks for is written
before anything rests on it. Sources: docs/azure-contract.md, sections 3.8 and 3.13; terraform-provider-azuread
(`WaitForDeletion`, `applicationResourceCreate`).
"""

from __future__ import annotations

import asyncio

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.apply.registrations import explained
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import PermissionMissing, ServiceError
from mct_s2s.model.desired import Desired, Removal
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.ownership import clients_called, is_allowed, is_in_settings
from mct_s2s.planning.permissions.rights import relies_on_ownership

AGREEING = 3
"""Reads in a row that have to find it gone: each may be answered by another replica. Terraform demands five."""
PAUSE = 1.0
"""Seconds from one of them to the next."""
LONGEST = 300.0
"""Seconds: replication that takes longer is an outage."""


async def wait_for_deletions(session: Session, outcome: Outcome) -> bool:
    """Write, without a change, what nothing but a read speaks for; wait until reads agree on what is gone.

    Where something is, the plan has to be made again. Raises ServiceError, PermissionMissing.
    """
    doubtful = _found_by_name_alone(outcome.before, outcome.request.desired)
    if not doubtful:
        return False
    with activity("Checking the app registrations"):
        there = await gather_or_cancel(*(_accepts_writes(session, one, outcome) for one in doubtful))
        missing = [one for one, is_there in zip(doubtful, there, strict=True) if not is_there]
        limit = min(LONGEST, session.connection.remaining(RESERVE))
        return any(await gather_or_cancel(*(_is_gone(session, one, outcome, limit) for one in missing)))


async def _accepts_writes(session: Session, application: Application, outcome: Outcome) -> bool:
    """Whether it is there. One that the plan would change and the caller may not is found out before anything is."""
    try:
        return await session.directory.accepts_writes(application)
    except PermissionMissing as refused:
        if all(getattr(change, "object_id", None) != application.object_id for change in outcome.plan.changes):
            return True
        if not relies_on_ownership(outcome.access):
            raise
        raise await explained(session, application.object_id, refused) from refused


def _found_by_name_alone(observed: ObservedState, desired: Desired) -> list[Application]:
    """The service application and the named clients, as far as the App Service's settings name none of them.

    The settings show at once what was changed; the directory shows what was deleted, and consents to it, for a while.
    """
    if isinstance(desired, Removal):
        return []
    service, site = observed.trust.service, observed.app_service
    found = [] if service is None or is_in_settings(service, observed) else [service]
    for name in desired.names:
        clients = clients_called(name, observed, desired.unique_name)
        unlisted = (one for one in clients if site is None or not is_allowed(one, site))
        found += [one.application for one in unlisted if one.application is not None]
    return list({one.object_id: one for one in found}.values())


async def _is_gone(session: Session, application: Application, outcome: Outcome, limit: float) -> bool:
    """Whether a registration that could not be written is deleted, and not merely young."""
    gives_up_at, agreeing = clock.seconds() + limit, 0
    with waiting(REPLICATION):
        while agreeing < AGREEING:
            if clock.seconds() + PAUSE > gives_up_at:
                raise ServiceError(
                    "registration-in-doubt",
                    f"Microsoft Graph shows the app registration '{application.display_name}' (appId "
                    f"{application.client_id}), but refuses changes to it as if it were deleted. Nothing was changed.",
                    remedy="Run the same command again in a few minutes.",
                    status=404,
                )
            await asyncio.sleep(PAUSE)
            shown, can_be_written = await gather_or_cancel(
                session.directory.application_by_client_id(application.client_id),
                _accepts_writes(session, application, outcome),
            )
            if can_be_written:
                return False
            agreeing = agreeing + 1 if shown is None else 0
    return True
