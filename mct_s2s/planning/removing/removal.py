"""Removal: some clients, or the whole trust.

Access is revoked first, by one write of the settings and one restart. Then the directory is cleaned of what this trust
owns: consent, secrets, registrations. What was there before is only left, never deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mct_s2s.errors import Item
from mct_s2s.model.desired import Removal, ServiceSpec
from mct_s2s.model.ids import identity_tag
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import NAMES
from mct_s2s.planning.app_service.site import plan_site
from mct_s2s.planning.changes import (
    AnyChange,
    ApplicationEdits,
    SettingsSpec,
    UpdateApplication,
)
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.registrations.ownership import of_service, service_not_ours
from mct_s2s.planning.registrations.service import ABOUT as SERVICE
from mct_s2s.planning.removing.identity_removal import identity_key, switched_off_or_kept, switching_off_note
from mct_s2s.planning.removing.registration_removal import AS_ASKED, RegistrationRemoval
from mct_s2s.planning.removing.removal_targets import RemovalTargets, removal_targets
from mct_s2s.planning.removing.stored_secrets import kept_secret_notes


def plan_removal(removal: Removal, observed: ObservedState, spec: ServiceSpec, *, restart: bool) -> Plan:
    """What is removed, in the order in which it is.

    Raises:
        NotThere: a name that means no one, or two clients.
        Refused: the service application, named as a client; or one that is not this App Service's.
    """
    targets = removal_targets(removal, observed, spec)
    rest = after_access(removal, targets, observed, spec)
    plan = replace(rest, steps=(*_revoked_access(removal, targets, observed, restart=restart), *rest.steps))
    service = observed.trust.service
    ownership = of_service(service, observed, spec) if service is not None and plan.changes else None
    if service is not None and ownership is not None and ownership.is_foreign:
        raise service_not_ours(service, observed, spec, ownership.reason)
    return plan


def after_access(removal: Removal, targets: RemovalTargets, observed: ObservedState, spec: ServiceSpec) -> Plan:
    """What is removed once the App Service no longer allows the targets."""
    service = observed.trust.service
    registrations = RegistrationRemoval(removal, observed, spec)
    steps: list[AnyChange] = []
    for client in targets.clients:
        steps += registrations.client(client)
    for identity in targets.identities:
        steps += registrations.consent_revoked(identity, identity_key(identity.id), identity.display_name)
        steps.append(switched_off_or_kept(identity, observed))
    for row in targets.deleted:
        steps.append(registrations.deleted_before(row))
    why_kept = registrations.why_service_kept() if removal.everything else AS_ASKED
    if why_kept:
        steps += _forgotten(targets, observed)
    if removal.everything and service is not None:
        steps += registrations.service(service, why_kept, after=[step.key for step in steps])
    notes: tuple[Item, ...] = (*switching_off_note(steps), *kept_secret_notes(steps, removal))
    return Plan(tuple(steps), notes=notes)


def _revoked_access(
    removal: Removal, targets: RemovalTargets, observed: ObservedState, *, restart: bool
) -> tuple[AnyChange, ...]:
    if observed.app_service is None:
        return ()
    if removal.everything:
        spec = SettingsSpec(without_names=NAMES, tidy=False)
    else:
        spec = SettingsSpec(without=frozenset(entry.casefold() for entry in targets.entries), tidy=False)
    return plan_site(observed, spec, restart=restart, first=True)


def _forgotten(targets: RemovalTargets, observed: ObservedState) -> Iterator[UpdateApplication]:
    """The service application's tags for identities that are not this trust's any more."""
    service = observed.trust.service
    ids = {identity.id.casefold() for identity in targets.identities}
    gone = {
        identity_tag(str(use.identity_resource.resource)): identity_key(use.identity_resource.principal_id)
        for use in observed.identity_uses
        if use.identity_resource in targets.off or (use.identity_resource.principal_id or "").casefold() in ids
    }
    if service is not None and gone:
        yield UpdateApplication(
            key="service-application:forget",
            resource=SERVICE,
            name=service.display_name,
            detail="removes the tag of the enabled identity",
            object_id=service.object_id,
            edits=ApplicationEdits(forget=tuple(gone)),
            after=tuple(gone.values()),
        )
