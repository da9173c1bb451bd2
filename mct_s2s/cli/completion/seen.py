"""What a command has seen, kept for the completion of the next one."""

from __future__ import annotations

from mct_s2s.cli.completion.known_names import remember
from mct_s2s.cli.options import AzureOptions
from mct_s2s.engine.session import Session
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.registrations.membership import members


def remember_seen(options: AzureOptions, session: Session, observed: ObservedState) -> None:
    """Keep the names of an App Service and its clients for a minute."""
    site, tenant = observed.app_service, observed.tenant
    if site is None:
        return
    resource = site.site.resource
    subscriptions = {resource.subscription_id, session.subscription, options.subscription}
    tenants = {options.tenant, *((tenant.id, tenant.name) if tenant is not None else ())}
    remember(
        cloud=options.cloud,
        tenant=sorted(name for name in tenants if name),
        subscription=sorted(name for name in subscriptions if name),
        sites=[(site.site.name, resource.resource_group)],
        clients=[client.display_name for client in members(observed)],
    )
