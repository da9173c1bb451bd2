"""Who is a client of this App Service, and which client a name means.

Whether its registration may be written to is another question: `planning/belief.py`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches

from mct_s2s.errors import NotThere
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import ClientId, client_unique_name, same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import LOGIC_APPS
from mct_s2s.model.site_settings import Holds, Setting
from mct_s2s.planning.service_facts import wanted_role

Client = ClientApplication | ServicePrincipal
"""The service principal is a managed identity's."""


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are on an allow list or hold the role, by name."""
    assigned = {assignment.principal_id for assignment in observed.trust.assignments}
    clients = list[ClientApplication]()
    for client in observed.trust.clients:
        # Without lists, no setting remembers a client whose role was taken away: its name does.
        is_remembered = not observed.api.lists and has_unique_name_below(
            client.application, observed.trust.unique_name
        )
        if client.principal_id in assigned or is_allowed(client, observed) or is_remembered:
            clients.append(client)
    # Graph lists them in any order.
    clients.sort(key=lambda client: (client.display_name.casefold(), client.client_id))
    return tuple(clients)


def members_and_created_clients(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """Members, and the clients that were created for this App Service."""
    base = observed.trust.unique_name
    # A tag alone counts for nothing: its owner writes it.
    created = [
        client
        for client in observed.trust.clients
        if has_unique_name_below(client.application, base)
    ]
    return tuple(dict.fromkeys((*members(observed), *created)))


def unmatched_entries(observed: ObservedState) -> Iterator[tuple[Setting, str]]:
    """The entries of the allow lists that no client of this tenant has."""
    trust = observed.trust
    principal_ids: set[str] = {identity.id for identity in trust.identities}
    principal_ids |= {client.principal_id for client in trust.clients}
    known_ids: dict[Holds, set[str]] = {
        Holds.APPLICATION_IDS: {client.client_id for client in trust.clients},
        Holds.OBJECT_IDS: principal_ids,
    }
    for setting in observed.api.lists:
        for entry in setting.list_in(observed.settings).ids:
            if entry.casefold() not in known_ids[setting.holds]:
                yield setting, entry


def ids_of(client: ClientApplication) -> frozenset[str]:
    """The ids by which an allow list or a person names it."""
    return frozenset(filter(None, (client.client_id, client.principal_id)))


def names_client(names: Iterable[str], client_id: ClientId) -> bool:
    """Whether one of these typed names is this appId, which is kept in lower case."""
    return client_id in {name.strip().casefold() for name in names}


def has_wanted_role(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it holds the role that the settings name."""
    return observed.trust.has_role(client.principal_id, wanted_role(observed))


def is_allowed(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it may call: listed, or where the API has no lists, holding the role.

    False where none were read.
    """
    return is_listed(client, observed) if observed.api.lists else has_wanted_role(client, observed)


def is_identity_allowed(identity: ServicePrincipal, observed: ObservedState) -> bool:
    """Whether a managed identity may call: it needs the role only where there are no lists."""
    if observed.api.lists:
        return observed.allowed_object_ids.contains(identity.id)
    return observed.trust.has_role(identity.id, wanted_role(observed))


def is_listed(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether a list of this App Service has it.

    An API without lists claims no one: several App Services may share a registration, and a holder
    of its role is then a client of all of them.
    """
    return is_allowed_by_object_id(client, observed) or observed.allowed_client_ids.contains(
        client.client_id
    )


def is_allowed_by_object_id(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether the list of object IDs has it: then it needs no role."""
    return observed.allowed_object_ids.contains(client.principal_id)


def clients_called(name: str, observed: ObservedState) -> tuple[ClientApplication, ...]:
    """Find the client applications that a name means: one, or several that nothing tells apart.

    In this order: by appId or object id; the registration that was created for this name; members
    with this display name, exactly, or else in any case. A registration outside the trust that has
    the same display name is never meant, and neither is one that was created for another App
    Service, unless this one lists it. Whether it may be written to is another question: a display
    name never answers it.

    Anyone may register the name that is computed for a client. Where such a registration may not
    call, and one of the same display name may, nothing tells which of them is meant.
    """
    trust, word = observed.trust, name.strip().casefold()
    by_id = tuple(client for client in trust.clients if word in ids_of(client))
    if by_id:
        return by_id
    made_for_it = trust.client_of_unique_name(client_unique_name(trust.unique_name, name))
    with_that_name = [
        client
        for client in members(observed)
        if client.display_name.casefold() == word and not _is_anothers(client, observed)
    ]
    if made_for_it is not None:
        if is_allowed(made_for_it, observed):
            return (made_for_it,)
        callers = [client for client in with_that_name if is_allowed(client, observed)]
        return (made_for_it, *callers)
    exactly = [client for client in with_that_name if client.display_name == name]
    return tuple(exactly or with_that_name)


def _is_anothers(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it was created under a name, and this App Service does not list it.

    It holds the role, as a client of another App Service that uses the API does.
    """
    return client.application.unique_name is not None and not is_listed(client, observed)


def identities_called(
    name: str, identities: Iterable[ServicePrincipal]
) -> tuple[ServicePrincipal, ...]:
    """Find identities by display name, object ID, client ID or resource ID, in any case."""
    word = name.strip().casefold()
    return tuple(identity for identity in identities if word and word in _words_for(identity))


def _words_for(identity: ServicePrincipal) -> frozenset[str]:
    words = (identity.id, identity.client_id, identity.display_name, identity.resource_id or "")
    return frozenset(map(str.casefold, words))


def client_called(name: str, observed: ObservedState) -> Client:
    """Find one client or identity of an App Service by its name or ID. Raises NotThere."""
    applications = clients_called(name, observed)
    identities = identities_called(name, observed.trust.identities)
    clients: tuple[Client, ...] = (*applications, *identities)
    if not clients:
        raise unknown(name, observed)
    refuse_several(name, clients)
    return clients[0]


def find_registered_client(name: str, observed: ObservedState) -> ClientApplication | None:
    """Find the one registration of this tenant that a name means. Raises NotThere: several."""
    clients = [client for client in clients_called(name, observed) if client.is_registered_here]
    refuse_several(name, clients)
    return clients[0] if clients else None


def refuse_several(name: str, clients: Sequence[Client]) -> None:
    """Refuse a name that means several clients: never a guess between two. Raises NotThere."""
    if len(clients) <= 1:
        return
    ids = [
        client.id if isinstance(client, ServicePrincipal) else client.client_id
        for client in clients
    ]
    raise NotThere(
        "client-ambiguous",
        f"'{name}' matches several clients of this App Service: {', '.join(ids)}.",
        remedy="Use the ID instead of the name.",
    )


def unknown(
    name: str, observed: ObservedState, also: str = "", *, what: str = "client"
) -> NotThere:
    """The error about a name that means no client; `also`: a sentence for its remedy."""
    base, word = observed.trust.unique_name, name.strip().casefold()
    others = [
        client
        for client in members(observed)
        if _is_anothers(client, observed) and not has_unique_name_below(client.application, base)
    ]
    clients: list[Client] = [client for client in members(observed) if client not in others]
    if what == "client":
        clients += observed.trust.identities
    names = [client.display_name for client in clients]
    listed = f"The {what}s are: {', '.join(names)}." if names else "There are none."
    message = f"'{name}' is not a {what} of this App Service. {listed}"
    if any(client.display_name.casefold() == word for client in others):
        message += (
            " Another one of that name holds the app role, and was created for something else."
        )
    nearest = did_you_mean(name, names)
    if nearest:
        remedy = " ".join(filter(None, (nearest, also)))
        return NotThere("client-unknown", message, remedy=remedy)
    return NotThere(
        "client-unknown",
        message,
        remedy=" ".join(filter(None, (also, "To see what is set up, run:"))),
        command=observed.command("status"),
    )


_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_NUMBER = re.compile(r"\d+")


def did_you_mean(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """Ask whether the nearest of `names` was meant; `otherwise`: the text where none is near."""
    # `learn-1` is `learn-01` rather than `learn-18`
    by_word = {_LEADING_ZEROS.sub("", known.casefold()): known for known in names}
    word = _LEADING_ZEROS.sub("", name.strip().casefold())
    near = get_close_matches(word, without_other_numbers(word, by_word), n=1, cutoff=0.65)
    return f"Did you mean '{by_word[near[0]]}'?" if near else otherwise


def without_other_numbers(word: str, names: Collection[str]) -> list[str]:
    """The names that may be meant by a mistyped word.

    Among names that only their numbers tell apart, another number is no typing error.
    """
    siblings = Counter(_NUMBER.sub("0", name) for name in names)
    numbers = _NUMBER.findall(word)
    return [
        name
        for name in names
        if siblings[_NUMBER.sub("0", name)] == 1 or _NUMBER.findall(name) == numbers
    ]


def is_logic_app(client: Client) -> bool:
    """Whether it is a Logic App's identity: that runs no program of the user's."""
    resource = (client.resource_id or "") if isinstance(client, ServicePrincipal) else ""
    return f"/providers/{LOGIC_APPS}/" in resource.casefold()


def is_adopted_by_file(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether a trust file names the appId of a client that others created."""
    file = observed.file
    if file is None or has_unique_name_below(client.application, observed.trust.unique_name):
        return False
    return any(same_id(name, client.client_id) for name in file.clients)


def has_unique_name_below(application: Application, base: str) -> bool:
    """Whether it was created for the service application of that `uniqueName`, as its name says."""
    return application.unique_name is not None and application.unique_name.startswith(f"{base}.")
