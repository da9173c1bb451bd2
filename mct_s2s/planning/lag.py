"""Which changes touch objects so young that replicas may not know them yet.

The same refusal about anything older is an error at once. Source: learn.microsoft.com/graph/best-practices-concept and
the answers that terraform-provider-azuread waits out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.changes import (
    AnyChange,
    AssignAppRole,
    EnableIdentity,
    UpdateApplication,
)
from mct_s2s.planning.plan import Plan, references


def expects_lag(
    change: AnyChange, plan: Plan, observed: ObservedState, now: datetime, restored: frozenset[str] = frozenset()
) -> bool:
    """Whether *not there* may mean *not there yet*: the object was made by this run, or minutes ago."""
    if next(references(change), None) is not None:
        return True
    if isinstance(change, AssignAppRole) and any(
        isinstance(other, UpdateApplication | EnableIdentity) for other in plan.changes
    ):
        return True  # a role that was just added or switched on reaches the service principal's copy later
    return not _young_ids(observed, now, restored).isdisjoint(_ids(change))


def _young_ids(observed: ObservedState, now: datetime, restored: frozenset[str]) -> frozenset[str]:
    trust, young = observed.trust, set[str]()
    if _is_young(trust.service, now, restored) and trust.service is not None:
        young |= {trust.service.object_id, trust.service.client_id}
        young |= {trust.principal.id} if trust.principal else set()
    for client in trust.clients:
        if client.application is not None and _is_young(client.application, now, restored):
            young |= {client.application.object_id, client.application.client_id}
            young |= {client.principal.id} if client.principal else set()
    return frozenset(young)


def _is_young(application: Application | None, now: datetime, restored: frozenset[str]) -> bool:
    if application is None:
        return False
    return application.client_id in restored or (application.created is not None and now - application.created < YOUNG)


def _ids(change: AnyChange) -> Iterator[str]:
    for name in ("object_id", "client_id", "principal", "service"):
        value = getattr(change, name, None)
        if isinstance(value, str):
            yield value
