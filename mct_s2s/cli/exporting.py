"""What `export` reads: one App Service or every one of the subscription, each as a trust file says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mct_s2s import clock
from mct_s2s.cli.options.export import ExportOptions
from mct_s2s.cli.requests import request_for, service_spec
from mct_s2s.cli.trust_file_merge import Found
from mct_s2s.engine.observe.all_sites import find_mct_sites, read_each
from mct_s2s.engine.observe.for_export import observe_for_export
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, S2SError, UsageError
from mct_s2s.inputs.federation import federated_spec
from mct_s2s.inputs.vault import secret_name
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.desired import Desired
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.planning.app_service import guards
from mct_s2s.planning.export import export_site
from mct_s2s.planning.exported_credential import Forms
from mct_s2s.ports.apply_progress import activity

NOT_SET_UP = "service-application-missing"


@dataclass(frozen=True)
class Export:
    """Sites, and those that are not among them."""

    found: tuple[Found, ...]
    not_set_up: tuple[ResourceId, ...] = ()
    """Sites without service-to-service authentication: a table would set it up."""
    failed: tuple[tuple[ResourceId, S2SError], ...] = ()
    unread: tuple[ResourceId, ...] = ()
    """Web apps of which it is not known whether they are sites of MCT."""


async def read_sites(options: ExportOptions, session: Session) -> Export:
    """The one site that is named, or all.

    Raises:
        S2SError: the one that is named cannot be read or is not set up; or the sites cannot be listed.
    """
    now = clock.now()
    if not options.all_sites:
        assert session.target is not None  # noqa: S101  # the command needs one
        return Export((await _site(options, session, session.target, now),))
    with activity("Reading every MCT site of the subscription"):
        sites = await find_mct_sites(session.azure.sites, session.subscription)

        async def read(app: ResourceId) -> Found:
            return await _site(options, session, SiteTarget(app.name, app.resource_group, app.subscription_id), now)

        outcomes = await read_each(tuple(one.site.resource for one in sites.mct), read)
    errors = tuple((app, one) for app, one in outcomes if isinstance(one, S2SError))
    return Export(
        tuple(one for _, one in outcomes if isinstance(one, Found)),
        tuple(app for app, error in errors if error.code == NOT_SET_UP),
        tuple((app, error) for app, error in errors if error.code != NOT_SET_UP),
        tuple(site.resource for site in sites.unread),
    )


async def _site(options: ExportOptions, session: Session, target: SiteTarget, now: datetime) -> Found:
    desired = Desired(service_spec(target, None, may_create=False))
    observed = await observe_for_export(session.azure, request_for(session, desired, now, target))
    guards.check(observed)
    assert observed.app_service is not None  # noqa: S101  # it was looked at
    if observed.trust.service is None or observed.tenant is None:
        raise NotThere(
            NOT_SET_UP,
            f"'{observed.app_service.site.label}' has no service application yet: there is nothing to export.",
            remedy="Create it first: run mct-s2s setup with the same options.",
        )
    label = observed.app_service.site.label
    forms = Forms(lambda client: secret_name(label, client), _is_taken)
    return Found(export_site(observed, now, forms), observed.tenant, options.cloud)


def _is_taken(federation: Federation) -> bool:
    """Whether the options of a federated credential take these values."""
    try:
        federated_spec(federation.issuer, federation.subject, federation.audience, None)
    except UsageError:
        return False
    return True
