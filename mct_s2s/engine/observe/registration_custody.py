"""In whose hands a registration is: asked only where nothing but its name speaks for it, or where it is adopted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.observe.query import Query
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, Custody, ServicePrincipal
from mct_s2s.model.ids import ApplicationObjectId, KeyId, PrincipalId, client_id_in
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import CreateApplication
from mct_s2s.planning.custody import back_in_the_bin, foreign_owners, in_question, not_ours, refuse_faster
from mct_s2s.ports.signed_in_cloud import Azure


async def with_custody(azure: Azure, query: Query, observed: ObservedState) -> ObservedState:
    """The same world, with the custody of whatever is in question.

    Raises:
        ServiceError: it could not be read, so that nobody knows.
    """
    if query.leaving or query.everything:
        return observed
    asked = [
        (client.application, client.principal)
        for client in in_question(observed, query.clients)
        if client.application is not None
    ]
    if not asked:
        return observed
    caller, found = await gather_or_cancel(
        caller_of(azure), gather_or_cancel(*(_find_or_gone(azure, query, *one) for one in asked))
    )
    custody: dict[str, Custody] = {}
    trust = observed.trust
    for (application, _), one in zip(asked, found, strict=True):
        if one is None:
            trust = trust.without(application.client_id)
        else:
            custody[application.client_id.lower()] = one
    return replace(observed, trust=trust, caller=caller, custody=custody)


async def _find_or_gone(
    azure: Azure, query: Query, application: Application, principal: ServicePrincipal | None
) -> Custody | None:
    """The custody, or `None` for a registration that one replica shows and another has not heard of, or not any more.

    That one is taken for gone: whether it is, its creation under the same name finds out, and looks at its custody.
    """
    is_named = {application.client_id.lower(), *application.identifier_uris} & {
        *map(str.lower, query.clients),
        client_id_in(query.adopt or "") or query.adopt,
    }
    try:
        return await _find(azure, application, principal, is_new=bool(is_named))
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


async def check_faster(azure: Azure, application: Application, change: CreateApplication, since: datetime) -> None:
    """Look at a registration that somebody made while this run was about to.

    Raises:
        Refused: it is in somebody else's hands.
    """
    directory = azure.directory
    caller, principal = await gather_or_cancel(caller_of(azure), directory.principal(application.client_id))
    custody = await _find(azure, application, principal, is_new=True)
    refuse_faster(application, custody, caller, since, change.option)


async def restore(azure: Azure, application: Application, keep: Collection[KeyId], option: str | None) -> None:
    """Take a registration out of the recycle bin, without the credentials that nobody knows the holders of.

    The recycle bin shows no owners. So where nothing but its name speaks for it, it is looked at as soon as it is back,
    and put back where it is somebody else's.

    Args:
        azure: the session.
        application: what is to come back.
        keep: the credentials that stay on it.
        option: how it is adopted by its appId, where nothing but its name speaks for it.

    Raises:
        Refused: it is in somebody else's hands.
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
        Refused: its application has nothing but its name for it, and the service principal is in somebody else's hands.
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


async def _find(azure: Azure, application: Application, principal: ServicePrincipal | None, *, is_new: bool) -> Custody:
    directory, object_id = azure.directory, application.object_id
    mine, theirs = await gather_or_cancel(
        gather_or_cancel(directory.owners(object_id, is_new=is_new), directory.credentials(object_id, is_new=is_new)),
        _of_principal(azure, principal, is_new=is_new),
    )
    return Custody((*mine[0], *theirs.owners), (*mine[1], *theirs.credentials))


async def _of_principal(azure: Azure, principal: ServicePrincipal | None, *, is_new: bool) -> Custody:
    if principal is None:
        return Custody()
    directory = azure.directory
    return Custody(
        *await gather_or_cancel(
            directory.principal_owners(principal.id, is_new=is_new),
            directory.principal_credentials(principal.id, is_new=is_new),
        )
    )


async def caller_of(azure: Azure) -> PrincipalId | None:
    """Who signed in, as far as the directory tells."""
    access = azure.directory_access
    person, principal = await gather_or_cancel(access.person(), access.principal())
    if person is not None:
        return person.id
    return principal.id if principal is not None else None
