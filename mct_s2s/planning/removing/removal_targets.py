"""Whom and what a removal is about: never a guess between two."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.desired import Removal, ServiceSpec
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import client_unique_name, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import LISTS
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.nearest import did_you_mean
from mct_s2s.planning.registrations.membership import clients_called, identities_called, ids_of, listed, members, names
from mct_s2s.planning.registrations.ownership import is_below


@dataclass(frozen=True)
class RemovalTargets:
    """Everything that a removal is about, as far as it is there."""

    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    entries: tuple[str, ...] = ()
    """Entries of the allow lists, as they are written there."""
    off: tuple[IdentityResource, ...] = ()
    """Resources whose identity was switched on for this trust and is off by now."""
    deleted: tuple[Application, ...] = ()
    """Registrations of clients that are in the recycle bin already."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing of what was named is there, or was until lately."""
        return self == RemovalTargets()


def clients_of(observed: ObservedState, spec: ServiceSpec) -> tuple[ClientApplication, ...]:
    """The client applications of this App Service: by consent, by its allow lists, or created for it.

    A registration that merely carries this trust's tag is none of them: its owner can write that.
    """
    service, of_trust = observed.trust.service, members(observed)
    made = (one for one in observed.trust.clients if one.application and is_below(one.application, spec.unique_name))
    others = dict.fromkeys((*of_trust, *made))
    return tuple(client for client in others if service is None or client.client_id != service.client_id)


def removal_targets(removal: Removal, observed: ObservedState, spec: ServiceSpec) -> RemovalTargets:
    """The clients that a removal means: by name, appId, object id, resource id, or as an allow list has them.

    Raises:
        NotThere: a name that means no one, or two of them.
        Refused: the service application itself.
    """
    if removal.everything:
        clients = clients_of(observed, spec)
        return RemovalTargets(clients, known_identities(observed), listed_entries(observed), _off(observed))
    service = observed.trust.service
    base = (service.unique_name if service is not None else None) or spec.unique_name
    found = [_named(name, observed, base) for name in removal.clients]
    unknown = [name for name, one in zip(removal.clients, found, strict=True) if one.is_empty]
    if unknown and not removal.ignore_missing:
        raise _nobody(unknown[0], observed)
    return RemovalTargets(
        tuple(dict.fromkeys(client for one in found for client in one.clients)),
        tuple(dict.fromkeys(identity for one in found for identity in one.identities)),
        tuple(dict.fromkeys(entry for one in found for entry in one.entries)),
        tuple(dict.fromkeys(identity_resource for one in found for identity_resource in one.off)),
        tuple(dict.fromkeys(row for one in found for row in one.deleted)),
    )


def _named(name: str, observed: ObservedState, base: str) -> RemovalTargets:
    trust, word = observed.trust, name.strip().casefold()
    service = trust.service
    if service is not None and word in {service.client_id.casefold(), f"api://{service.client_id}".casefold()}:
        raise Refused(
            "not-a-client",
            f"'{name}' is the service application, not a client.",
            remedy="To remove everything, run mct-s2s teardown with the same options.",
        )
    clients = clients_called(name, observed, base)
    identities = identities_called(name, known_identities(observed))
    if len(clients) + len(identities) > 1:
        ids = ", ".join([*(client.client_id for client in clients), *(identity.id for identity in identities)])
        raise NotThere(
            "client-ambiguous",
            f"'{name}' matches several clients of this App Service: {ids}.",
            remedy="Use the ID instead of the name.",
        )
    meant = {word}.union(*(ids_of(client) for client in clients), (i.id.casefold() for i in identities))
    entries = tuple(entry for entry in listed_entries(observed) if entry.casefold() in meant)
    off = tuple(h for h in _off(observed) if word in {h.display_name.casefold(), str(h.resource).casefold()})
    deleted = (row for row in trust.deleted if is_below(row, base) and _was_called(row, name, base))
    gone = () if clients else tuple(deleted)
    return RemovalTargets(clients, identities, entries, off, gone)


def listed_entries(observed: ObservedState) -> tuple[str, ...]:
    """The entries of the allow lists, as they are written there."""
    return tuple(entry for setting in LISTS for entry in setting.list_in(observed.settings).ids)


def known_identities(observed: ObservedState) -> tuple[ServicePrincipal, ...]:
    """Those that are allowed, and those that were switched on for this trust and are no longer allowed."""
    return observed.trust.identities_with(use.identity_resource for use in observed.identity_uses)


def _off(observed: ObservedState) -> tuple[IdentityResource, ...]:
    return tuple(use.identity_resource for use in observed.identity_uses if use.identity_resource.principal_id is None)


def _was_called(row: Application, name: str, base: str) -> bool:
    return same_id(row.client_id, name.strip()) or row.unique_name == client_unique_name(base, name)


def _nobody(name: str, observed: ObservedState) -> NotThere:
    nearest = did_you_mean(name, names(observed), "To list them, run mct-s2s status.")
    return NotThere(
        "client-unknown",
        f"'{name}' is not a client of this App Service. {listed(observed)} Nothing was changed.",
        remedy=f"{nearest} If it may already be removed, add --ignore-missing.",
    )
