"""Who belongs to a trust, and by what."""

from __future__ import annotations

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.app_role import wanted_role


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are part of this trust, by name: on an allow list, or holding the role.

    Graph lists them in any order, and a run that has made some knows them in another.
    """
    assigned = {assignment.principal_id.casefold() for assignment in observed.trust.assignments}
    site = observed.app_service
    found = (
        client
        for client in observed.trust.clients
        if (client.principal is not None and client.principal.id.casefold() in assigned)
        or (site is not None and is_allowed(client, site))
    )
    return tuple(sorted(found, key=lambda client: (client.display_name.casefold(), client.client_id)))


def is_consented(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether the client's tokens will have the role."""
    role = wanted_role(observed)
    return (
        role is not None and client.principal is not None and observed.trust.is_assigned(client.principal.id, role.id)
    )


def is_allowed(client: ClientApplication, site: AppService) -> bool:
    """Whether the client is on either allow list."""
    return is_allowed_by_object_id(client, site) or site.allowed_client_ids.holds(client.client_id)


def is_allowed_by_object_id(client: ClientApplication, site: AppService) -> bool:
    """Whether the client is on the list that asks for no role."""
    return client.principal is not None and site.allowed_object_ids.holds(client.principal.id)
