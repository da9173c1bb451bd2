"""The query of a changing command, from its options and its wishes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.wiring import Session
from mct_s2s.engine.observe.query import Query
from mct_s2s.inputs.target import site_target
from mct_s2s.model.desired import ClientSpec, ServiceSpec
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget


def named_target(options: AzureOptions) -> SiteTarget | None:
    """The App Service that only gives its name to the service application, and is not contacted."""
    if not options.app_service:
        return None
    return site_target(options.app_service, options.resource_group, options.subscription, options.slot)


def query_for(
    session: Session,
    service: ServiceSpec,
    now: datetime,
    clients: Sequence[ClientSpec] = (),
    identities: Sequence[str | ResourceId] = (),
    wire: str | ResourceId | None = None,
) -> Query:
    """Everything that has to be looked at for these wishes."""
    target = session.target
    return Query(
        now=now,
        unique_name=service.unique_name,
        target=target,
        adopt=service.adopt,
        clients=tuple(client.name for client in clients),
        federated=any(client.credential is not None and client.credential.listed_apart for client in clients),
        identities=tuple(identities),
        wire=wire,
        subscription=target.subscription if target else session.subscription,
    )
