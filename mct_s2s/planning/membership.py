"""Who belongs to a trust."""

from __future__ import annotations

from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are part of this trust, by name: on the allow list, or holding the role.

    Graph lists them in any order, and a run that has made some knows them in another.
    """
    assigned = {assignment.principal_id.casefold() for assignment in observed.trust.assignments}
    site = observed.app_service
    found = (
        client
        for client in observed.trust.clients
        if (client.principal is not None and client.principal.id.casefold() in assigned)
        or (site is not None and site.allowed_client_ids.holds(client.client_id))
        or (site is not None and client.principal is not None and site.allowed_object_ids.holds(client.principal.id))
    )
    return tuple(sorted(found, key=lambda client: (client.display_name.casefold(), client.client_id)))
