"""Whose owners and credentials have to be read before it can be decided who is believed.

Each takes requests of its own, so that only those are read that decide something, or are shown.
"""

from collections.abc import Iterator

from mct_s2s.model.desired import Desired, Look, Removal, Rotation, ServiceSpec, Setup
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning.belief import (
    Belief,
    Doubt,
    Doubted,
    TrustDecision,
    client_trust,
    service_trust,
)
from mct_s2s.planning.clients import (
    clients_called,
    has_wanted_role,
    is_adopted_by_file,
    is_allowed,
    members,
)
from mct_s2s.planning.membership import is_client_already

MOST_SHOWN = 20
"""Registrations of others whose owners are read only to be shown.

A list may name thousands: then none is.
"""


def registrations_to_inspect(
    observed: ObservedState, desired: Desired
) -> Iterator[ClientApplication]:
    """The registrations whose owners and credentials decide what is done, or are shown."""
    spec, trust = desired.service, observed.trust
    if spec is None:
        return
    # A report needs to know of clients alone whose they are.
    is_report = isinstance(desired, Look)
    service = trust.service
    if service is not None and not is_report and _decides_service(service, observed, desired, spec):
        yield ClientApplication(service, trust.principal)
    named_ids = {
        client.client_id for name in desired.names for client in clients_called(name, observed)
    }
    shown = list[ClientApplication]()
    for client in trust.clients:
        if not client.is_registered_here:
            continue
        decision = client_trust(client, observed, spec, desired.names)
        is_named = client.client_id in named_ids
        if _decides_client(client, decision, observed, desired, is_named=is_named):
            yield client
        elif isinstance(decision, Doubted) and _is_shown(client, observed, desired):
            shown.append(client)
    if len(shown) <= MOST_SHOWN:
        yield from shown


def _decides_service(
    service: Application, observed: ObservedState, desired: Desired, spec: ServiceSpec
) -> bool:
    """Whether owners and credentials of the service application decide, or are shown."""
    decision = service_trust(service, observed, spec)
    if isinstance(decision, Doubted):
        return decision.has(Doubt.UNREAD)
    # One that is adopted is shown with its owners.
    if decision is Belief.NAMED:
        return True
    # Before it is deleted: another team's, named like ours by someone who once owned it, has
    # credentials.
    is_deleted = isinstance(desired, Removal) and desired.everything
    return is_deleted and decision is Belief.OWN_SERVICE


def _decides_client(
    client: ClientApplication,
    decision: TrustDecision,
    observed: ObservedState,
    desired: Desired,
    *,
    is_named: bool,
) -> bool:
    """Whether owners and credentials of a client decide; `is_named`: by the operator."""
    if isinstance(decision, Doubted):
        is_report = isinstance(desired, Look)
        return is_named or (decision.has(Doubt.UNREAD) and not is_report)
    if decision is Belief.NAMED:
        # One that a setup adopts is shown with its owners.
        if not isinstance(desired, Setup) or desired.service is None:
            return False
        is_new_client = not is_client_already(client, observed, desired.service)
        return is_new_client or is_adopted_by_file(client, observed)
    may_be_deleted = isinstance(desired, Removal) if is_named else desired.removes_unnamed
    return decision is Belief.OWN_CLIENT and may_be_deleted


def _is_shown(client: ClientApplication, observed: ObservedState, desired: Desired) -> bool:
    """Whether a command that is not about this client says whose it is."""
    match desired:
        case Look(all_federated=True):
            return client in members(observed)
        case Look():
            return is_allowed(client, observed) and not has_wanted_role(client, observed)
        case Removal(everything=True) | Rotation():
            return is_allowed(client, observed)
        case Setup(pruning=pruning):
            return pruning is not None and is_allowed(client, observed)
    return False
