"""The one client that a name means, for commands that are about one: never a guess between two."""

from __future__ import annotations

from collections.abc import Iterable

from mct_s2s.errors import NotThere
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import LOGIC_APPS
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.nearest import did_you_mean
from mct_s2s.planning.registrations.membership import clients_called, members

Client = ClientApplication | ServicePrincipal
"""A client application, or the service principal of a managed identity."""


def client_called(name: str, observed: ObservedState, unique_name: str, where: str) -> Client:
    """The client application or managed identity of that name or ID.

    Args:
        name: a display name, appId, object ID or resource ID, as it was typed.

    Raises:
        NotThere: `client-unknown` or `client-ambiguous`.
    """
    applications = clients_called(name, observed, unique_name)
    identities = identities_called(name, observed.trust.identities)
    found: tuple[Client, ...] = (*applications, *identities)
    if not found:
        asked = did_you_mean(name, names(observed), "")
        raise NotThere(
            "client-unknown",
            f"'{name}' is not a client of this App Service. {listed(observed)}",
            remedy=asked or "List the clients:",
            command="" if asked else own_command("status", where=where),
        )
    if len(found) > 1:
        ids = ", ".join([*(client.client_id for client in applications), *(identity.id for identity in identities)])
        raise NotThere(
            "client-ambiguous",
            f"'{name}' matches several clients of this App Service: {ids}.",
            remedy="Use the ID instead of the name.",
        )
    return found[0]


def identities_called(name: str, identities: Iterable[ServicePrincipal]) -> tuple[ServicePrincipal, ...]:
    """The managed identities of that display name, object ID, client ID or resource ID."""
    word = name.strip().casefold()
    return tuple(identity for identity in identities if word in _names_of(identity))


def is_logic_app(client: Client) -> bool:
    """Whether it is the identity of a Logic App, which runs no program of the user's."""
    resource = (client.resource_id or "") if isinstance(client, ServicePrincipal) else ""
    return f"/providers/{LOGIC_APPS}/" in resource.casefold()


def listed(observed: ObservedState) -> str:
    """Which clients there are, as a sentence."""
    there = names(observed)
    return f"The clients are: {', '.join(there)}." if there else "There are none."


def names(observed: ObservedState) -> list[str]:
    """The display names of all clients."""
    clients: tuple[Client, ...] = (*members(observed), *observed.trust.identities)
    return [client.display_name for client in clients]


def _names_of(identity: ServicePrincipal) -> set[str]:
    resource = (identity.resource_id or "").casefold()
    return {identity.id.casefold(), identity.client_id.casefold(), identity.display_name.casefold(), resource} - {""}
