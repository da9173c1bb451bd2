"""Who belongs to a trust and by what, and whom a name means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from mct_s2s.errors import NotThere
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import client_unique_name
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import LOGIC_APPS
from mct_s2s.model.site_settings import APPLICATION_IDS, LISTS, OBJECT_IDS, Setting
from mct_s2s.planning.registrations.exposed import wanted_role


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are part of this trust, by name: on an allow list, or holding the role.

    Graph lists them in any order, and a run that has made some knows them in another.
    """
    assigned = {assignment.principal_id.casefold() for assignment in observed.trust.assignments}
    site = observed.app_service
    found = (
        client
        for client in observed.trust.clients
        if (client.principal is not None and client.principal.id.casefold() in assigned)
        or (site is not None and is_allowed(client, site))
    )
    return tuple(sorted(found, key=lambda client: (client.display_name.casefold(), client.client_id)))


def clients_called(name: str, observed: ObservedState, unique_name: str) -> tuple[ClientApplication, ...]:
    """The client applications that a name means, for every command: one, or several that nothing tells apart.

    In this order: whose appId or object id it is; the registration that was made for this very name; the members of the
    trust with this display name, exactly, or else whatever its case. A registration outside the trust that merely has
    the same display name is never meant.
    """
    trust, word = observed.trust, name.strip().casefold()
    by_id = tuple(client for client in trust.clients if word in ids_of(client))
    if by_id:
        return by_id
    made_for_it = trust.client_of_unique_name(client_unique_name(trust.base(unique_name), name))
    if made_for_it is not None:
        return (made_for_it,)
    namesakes = [client for client in members(observed) if client.display_name.casefold() == word]
    return tuple([client for client in namesakes if client.display_name == name] or namesakes)


def ids_of(client: ClientApplication) -> frozenset[str]:
    """The appId and the service principal's object id, in lower case."""
    return frozenset({client.client_id.casefold(), *([client.principal.id.casefold()] if client.principal else [])})


def is_consented(client: ClientApplication, observed: ObservedState) -> bool:
    role = wanted_role(observed)
    return observed.trust.holds(client.principal, role.id if role else None)


def is_allowed(client: ClientApplication, site: AppService) -> bool:
    """Whether the client is on either allow list."""
    return is_allowed_by_object_id(client, site) or site.allowed_client_ids.holds(client.client_id)


def is_allowed_by_object_id(client: ClientApplication, site: AppService) -> bool:
    """Whether the client is on the list that asks for no role."""
    return client.principal is not None and site.allowed_object_ids.holds(client.principal.id)


Client = ClientApplication | ServicePrincipal
"""A client application, or the service principal of a managed identity."""


def client_called(name: str, observed: ObservedState, unique_name: str) -> Client:
    """The client application or managed identity of that name or ID.

    Args:
        name: a display name, appId, object ID or resource ID, as it was typed.
    """
    applications = clients_called(name, observed, unique_name)
    identities = identities_called(name, observed.trust.identities)
    found: tuple[Client, ...] = (*applications, *identities)
    if not found:
        raise unknown(name, observed)
    refuse_several(name, found)
    return found[0]


def refuse_several(name: str, found: Sequence[Client]) -> None:
    """Never a guess between two. Raises NotThere."""
    if len(found) > 1:
        ids = ", ".join(one.id if isinstance(one, ServicePrincipal) else one.client_id for one in found)
        raise NotThere(
            "client-ambiguous",
            f"'{name}' matches several clients of this App Service: {ids}.",
            remedy="Use the ID instead of the name.",
        )


def identities_called(name: str, identities: Iterable[ServicePrincipal]) -> tuple[ServicePrincipal, ...]:
    """The managed identities of that display name, object ID, client ID or resource ID."""
    word = name.strip().casefold()
    words = {one: (one.id, one.client_id, one.display_name, one.resource_id or "") for one in identities}
    return tuple(one for one, called in words.items() if word and word in map(str.casefold, called))


def is_logic_app(client: Client) -> bool:
    """Whether it is the identity of a Logic App, which runs no program of the user's."""
    resource = (client.resource_id or "") if isinstance(client, ServicePrincipal) else ""
    return f"/providers/{LOGIC_APPS}/" in resource.casefold()


def unknown(name: str, observed: ObservedState, also: str = "", *, what: str = "client") -> NotThere:
    """What is said of a name that no client has, or no `client application`; `also` is another way on."""
    clients: tuple[Client, ...] = (*members(observed), *(observed.trust.identities if what == "client" else ()))
    there = [client.display_name for client in clients]
    listed = f"The {what}s are: {', '.join(there)}." if there else "There are none."
    return NotThere(
        "client-unknown",
        f"'{name}' is not a {what} of this App Service. {listed}",
        remedy=f"{did_you_mean(name, there, 'To list them, run mct-s2s status.')} {also}".rstrip(),
    )


def strangers(observed: ObservedState) -> Iterator[tuple[Setting, str]]:
    """The entries of the allow lists that no client of this tenant has."""
    trust = observed.trust
    principals = [*trust.identities, *(client.principal for client in trust.clients if client.principal is not None)]
    known = {
        APPLICATION_IDS: {client.client_id.casefold() for client in trust.clients},
        OBJECT_IDS: {principal.id.casefold() for principal in principals},
    }
    for setting in LISTS:
        for entry in setting.list_in(observed.settings).ids:
            if entry.casefold() not in known[setting]:
                yield setting, entry


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """The question that names the nearest of `names`, or else what to say `otherwise`."""
    by_word = {one.casefold(): one for one in names}
    near = get_close_matches(name.strip().casefold(), by_word, n=1, cutoff=0.5)
    return f"Did you mean '{by_word[near[0]]}'?" if near else otherwise
