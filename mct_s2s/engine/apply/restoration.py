"""What comes out of the recycle bin, or was made by someone else meanwhile, is looked at before it is used."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import chain

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.registration_custody import caller_of, find_custody
from mct_s2s.engine.session import Azure
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import KeyId
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.registrations.ownership import back_in_the_bin, foreign_owners, refuse_faster


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
    """Take a registration and its service principal out of the recycle bin, without what no one knows the holders of.

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
    directory, object_id = azure.directory, application.object_id
    await directory.restore_application(object_id)
    principals = await directory.deleted_principals([application.client_id])
    back = [one.id for one in principals if await directory.restore_principal(one.id)]
    if option is not None:
        principal_owners = (directory.principal_owners(one, is_new=True) for one in back)
        caller, owners = await gather_or_cancel(
            caller_of(azure), gather_or_cancel(directory.owners(object_id, is_new=True), *principal_owners)
        )
        foreign = foreign_owners(chain.from_iterable(owners), caller)
        if foreign:
            await directory.delete_application(object_id)
            raise back_in_the_bin(application, foreign, option, azure.graph)
    await gather_or_cancel(
        directory.remove_credentials(object_id, keep), *(directory.remove_principal_credentials(one) for one in back)
    )
