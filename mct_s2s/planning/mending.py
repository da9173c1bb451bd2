"""What `doctor --fix` mends about clients: those that mct-s2s made and the App Service allows already."""

from __future__ import annotations

from mct_s2s.model.desired import ClientSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import trust_tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.registrations.membership import clients_called, is_consented, members


def clients_to_mend(observed: ObservedState, unique_name: str) -> tuple[ClientSpec, ...]:
    """The clients that lack admin consent, or the service principal that it is given to.

    Only registrations that were made for this service application, and only those on the allow list of appIds: no one
    gets access who has none, and a registration of someone else's is left alone. One that is allowed by its object id
    needs no consent.

    Args:
        observed: the state.
        unique_name: the service application's, if it has none of its own.
    """
    site, service = observed.app_service, observed.trust.service
    if site is None or service is None:
        return ()
    base = service.unique_name or unique_name
    tag = trust_tag(base)
    return tuple(
        ClientSpec(_name_of(client, observed, base), credential=None)
        for client in members(observed)
        if _is_made_for(client.application, tag)
        and site.allowed_client_ids.holds(client.client_id)
        and not is_consented(client, observed)
    )


def _name_of(client: ClientApplication, observed: ObservedState, unique_name: str) -> str:
    """Its display name, where that means no one else."""
    is_clear = clients_called(client.display_name, observed, unique_name) == (client,)
    return client.display_name if is_clear else client.client_id


def _is_made_for(application: Application | None, tag: str) -> bool:
    return application is not None and tag in application.tags
