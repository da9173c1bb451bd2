"""Who a removal means: never a guess between two."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.desired import Removal
from mct_s2s.model.ids import client_unique_name
from mct_s2s.model.observed import Application, ClientApplication, Observed, ServicePrincipal
from mct_s2s.planning.membership import members


@dataclass(frozen=True)
class Leaving:
    """Whoever a removal is about, as far as they are there."""

    clients: tuple[ClientApplication, ...] = ()
    identities: tuple[ServicePrincipal, ...] = ()
    entries: tuple[str, ...] = ()
    """Entries of the allow lists, as they stand."""


def who_leaves(removal: Removal, observed: Observed) -> Leaving:
    """The clients that a removal means: by name, appId, object id, resource id, or as an allow list has them.

    Raises:
        NotThere: a name that means two of them.
        Refused: the service application itself.
    """
    if removal.everything:
        site = observed.app_service
        lists = (site.allowed_client_ids.ids + site.allowed_object_ids.ids) if site else ()
        service = observed.trust.service
        everybody = [c for c in observed.trust.clients if service is None or c.client_id != service.client_id]
        return Leaving(tuple(everybody), _identities(observed), lists)
    found = [_found(name, observed) for name in removal.clients]
    return Leaving(
        tuple(dict.fromkeys(client for one in found for client in one.clients)),
        tuple(dict.fromkeys(identity for one in found for identity in one.identities)),
        tuple(dict.fromkeys(entry for one in found for entry in one.entries)),
    )


def _found(name: str, observed: Observed) -> Leaving:
    trust, site, word = observed.trust, observed.app_service, name.strip().casefold()
    service = trust.service
    if service is not None and word in {service.client_id.casefold(), f"api://{service.client_id}".casefold()}:
        raise Refused(
            "not-a-client",
            f"{name} is the service application itself, not one of its clients.",
            remedy="To undo the whole trust: mct-s2s teardown, with the same options.",
        )
    by_id = [client for client in trust.clients if word in _ids_of(client)]
    by_name = [client for client in members(observed) if client.display_name.casefold() == word]
    made = [client for client in trust.clients if _is_named(client, name, service)]
    clients = by_id or made or by_name
    identities = [identity for identity in _identities(observed) if word in _names_of(identity)]
    if len(clients) + len(identities) > 1:
        ids = ", ".join([*(client.client_id for client in clients), *(identity.id for identity in identities)])
        raise NotThere(
            "client-ambiguous",
            f"'{name}' means several clients of this App Service: {ids}.",
            remedy="Give the id of the one you mean instead of the name.",
        )
    listed = (site.allowed_client_ids.ids + site.allowed_object_ids.ids) if site else ()
    meant = {word}.union(*(_ids_of(client) for client in clients), (i.id.casefold() for i in identities))
    return Leaving(tuple(clients), tuple(identities), tuple(entry for entry in listed if entry.casefold() in meant))


def _identities(observed: Observed) -> tuple[ServicePrincipal, ...]:
    """Those that are let in, and those that were switched on for this trust although they are let in no more."""
    return observed.trust.identities_with(use.holder for use in observed.identity_uses)


def _ids_of(client: ClientApplication) -> set[str]:
    principal = {client.principal.id.casefold()} if client.principal else set()
    return {client.client_id.casefold(), *principal}


def _names_of(identity: ServicePrincipal) -> set[str]:
    resource = (identity.resource_id or "").casefold()
    return {identity.id.casefold(), identity.client_id.casefold(), identity.display_name.casefold(), resource} - {""}


def _is_named(client: ClientApplication, name: str, service: Application | None) -> bool:
    application = client.application
    if application is None or application.unique_name is None:
        return False
    base, _, _ = application.unique_name.rpartition(".")
    return application.unique_name == client_unique_name(base, name) and (
        service is None or service.unique_name in {None, base}
    )
