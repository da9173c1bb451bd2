"""What comes out of the recycle bin, or was made by someone else meanwhile, is looked at before it is used."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.registration_custody import caller_of, find_custody
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, KeyId
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.registrations.custody import back_in_the_bin, foreign_owners, not_ours, refuse_faster
from mct_s2s.ports.signed_in_cloud import Azure


async def check_faster(azure: Azure, application: Application, change: CreateApplication, since: datetime) -> None:
    """Look at a registration that someone made while this run was about to.

    Raises:
        Refused: it is in someone else's hands.
    """
    directory = azure.directory
    caller, principal = await gather_or_cancel(caller_of(azure), directory.principal(application.client_id))
    custody = await find_custody(azure, application, principal, is_new=True)
    refuse_faster(application, custody, caller, since, change.option)


async def restore(azure: Azure, application: Application, keep: Collection[KeyId], option: str | None) -> None:
    """Take a registration out of the recycle bin, without the credentials that no one knows the holders of.

    The recycle bin shows no owners. So where nothing but its name speaks for it, it is looked at as soon as it is back,
    and put back where it is someone else's.

    Args:
        azure: the session.
        application: what is to come back.
        keep: the credentials that stay on it.
        option: how it is adopted by its appId, where nothing but its name speaks for it.

    Raises:
        Refused: it is in someone else's hands.
    """
    directory = azure.directory
    await directory.restore_application(application.object_id)
    if option is not None:
        caller, owners = await gather_or_cancel(caller_of(azure), directory.owners(application.object_id, is_new=True))
        foreign = foreign_owners(owners, caller)
        if foreign:
            await directory.delete_application(application.object_id)
            raise back_in_the_bin(application, foreign, option, azure.graph)
    await directory.remove_credentials(application.object_id, keep)


async def check_restored(azure: Azure, principal: ServicePrincipal, option: str | None) -> None:
    """Look at a service principal that just came out of the recycle bin, and take off it what signs in as it.

    Raises:
        Refused: its application has nothing but its name for it, and the service principal is in someone else's hands.
            Both go back into the recycle bin.
    """
    directory = azure.directory
    if option is not None:
        caller, owners = await gather_or_cancel(caller_of(azure), directory.principal_owners(principal.id, is_new=True))
        foreign = foreign_owners(owners, caller)
        if foreign:
            application = await directory.application_by_client_id(principal.client_id)
            if application is None:  # a replica that has not heard of it; it is refused at the next look, too
                named = Application(ApplicationObjectId(""), principal.client_id, principal.display_name)
                raise not_ours(named, f"it is owned by {', '.join(foreign)}", option)
            await directory.delete_application(application.object_id)
            raise back_in_the_bin(application, foreign, option, azure.graph)
    await directory.remove_principal_credentials(principal.id)
