"""A registration is created under its key; or restored, where one was deleted under that key a moment ago."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from mct_s2s.activity import waiting
from mct_s2s.engine.apply.ownership import create_as_owner
from mct_s2s.engine.apply.restoration import check_faster, restore
from mct_s2s.engine.session import Azure
from mct_s2s.errors import ServiceError
from mct_s2s.model.commands import option
from mct_s2s.model.directory_objects import Application
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.edits import ApplicationPatch
from mct_s2s.planning.registrations.application_uri import holder_of_uri, taken_uri

APPEARS_WITHIN = 10
"""Looks, one second apart: a registration that was deleted a moment ago comes into the recycle bin late
(docs/azure-contract.md, section 3.8)."""


async def create_or_restore(
    azure: Azure, change: CreateApplication, since: datetime, *, as_owner: bool = False
) -> tuple[Application, str]:
    """Create a registration; one that was deleted under its name a moment ago is restored instead.

    Args:
        azure: the session.
        change: what is to be made.
        since: when this run began to look.
        as_owner: whether the caller may change only what it owns.

    Raises:
        ServiceError: `name-taken`, where the recycle bin does not show who holds the name.
        Refused: someone else was faster, and it is in their hands.
    """
    directory = azure.directory
    try:
        if as_owner:
            application, is_made = await create_as_owner(azure, change)
        else:
            application, is_made = await directory.create_application(change.new)
    except ServiceError as error:
        if error.code != "name-taken":
            raise
        with waiting("waiting for the deleted one to appear in the recycle bin"):
            for _ in range(APPEARS_WITHIN):
                for row in await directory.deleted_applications():
                    if row.unique_name == change.new.unique_name:
                        back = replace(row, credentials=(), deleted=None)
                        await restore(azure, back, (), change.option)
                        return back, "restored: it had just been deleted"
                await asyncio.sleep(1)
        error.advise(
            f"A registration that was just deleted still has the name '{change.new.unique_name}'. Run the same command "
            "again in a minute to restore it."
        )
        raise
    if not is_made:
        await check_faster(azure, application, change, since)
    return application, ""


async def explain_taken_uri(
    azure: Azure, application: Application, patch: ApplicationPatch, error: ServiceError
) -> None:
    """Say who holds a URI that was refused, where that can be found out."""
    if error.code != "uri-taken":
        return
    for uri in patch.identifier_uris or ():
        if uri in application.identifier_uris:
            continue
        holder = holder_of_uri(uri, await azure.directory.deleted_applications(), but=application.client_id)
        if holder is not None:
            error.explain(*taken_uri(uri, holder, azure.graph))
            return
        for other in await azure.directory.applications_with_uri(uri):
            error.explain(
                f"The Application ID URI '{uri}' is already in use by '{other.display_name}' (appId "
                f"{other.client_id}).",
                f"To use that one as the service application, add {option('--service-app', other.client_id)}. Or "
                "remove the URI from it in the portal (Expose an API), then run the same command again.",
            )
            return
