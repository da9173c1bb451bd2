"""Which clients are this App Service's, where others use its API, too."""

from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import Doubt, Doubted, client_trust
from mct_s2s.planning.clients import is_allowed, is_listed, members
from mct_s2s.planning.service_facts import confirmed_role


def is_elsewhere(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether a holder of the role is no client of this App Service, which does not list it.

    It may be one of another App Service that uses the API, or the API's owner assigned the role.
    """
    has_lists = observed.app_service is not None and bool(observed.api.lists)
    if not has_lists or observed.settings_unread or is_listed(client, observed):
        return False
    decision = client_trust(client, observed, ServiceSpec())
    return isinstance(decision, Doubted) and decision.has(Doubt.NOT_BELOW)


def members_here(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The members, without those of an API that this App Service shares."""
    return tuple(client for client in members(observed) if not is_elsewhere(client, observed))


def has_confirmed_role(
    client: ClientApplication, observed: ObservedState, spec: ServiceSpec
) -> bool:
    """Whether it holds the role that counts: not one that only the settings name."""
    return observed.trust.has_role(client.principal_id, confirmed_role(observed, spec))


def is_client_already(
    client: ClientApplication, observed: ObservedState, spec: ServiceSpec
) -> bool:
    """Whether a setup of it gives no one access: it holds the role, and is on the allow list.

    The role alone may be the doing of the API's owner: a setup that allows it is an adoption.
    """
    is_unlisted = observed.app_service is not None and not is_allowed(client, observed)
    return has_confirmed_role(client, observed, spec) and not is_unlisted
