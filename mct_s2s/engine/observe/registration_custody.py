"""In whose hands a registration is: asked only where that decides, or has to be said."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Azure
from mct_s2s.errors import ServiceError
from mct_s2s.model.directory_objects import Application, Custody, ServicePrincipal
from mct_s2s.model.ids import PrincipalId, client_id_in
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.registrations.ownership import in_question


async def with_custody(azure: Azure, request: Request, observed: ObservedState) -> ObservedState:
    """The observed state, with the custody of whatever is in question.

    Raises:
        ServiceError: it could not be read, so that no one knows.
    """
    asked = [
        (client.application, client.principal)
        for client in in_question(observed, request.desired)
        if client.application is not None
    ]
    if not asked:
        return observed
    caller, found = await gather_or_cancel(
        caller_of(azure), gather_or_cancel(*(_find_or_gone(azure, request, *one) for one in asked))
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
    azure: Azure, request: Request, application: Application, principal: ServicePrincipal | None
) -> Custody | None:
    """The custody, or `None` for a registration that one replica shows and another has not heard of, or not any more.

    That one is taken for gone: whether it is, its creation under the same name finds out, and looks at its custody.
    """
    is_named = {application.client_id.lower(), *application.identifier_uris} & {
        *map(str.lower, request.desired.names),
        client_id_in(request.desired.adopt or "") or request.desired.adopt,
    }
    is_expected = bool(is_named)
    try:
        return await find_custody(azure, application, principal, is_new=is_expected)
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


async def find_custody(
    azure: Azure, application: Application, principal: ServicePrincipal | None, *, is_new: bool
) -> Custody:
    """Owners and credentials of a registration and of its service principal."""
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
    caller = await azure.directory_access.caller()
    return caller.id if caller is not None else None
