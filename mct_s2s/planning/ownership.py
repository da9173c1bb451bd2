"""The service application's names and its role; who is a client, and whom a name means.

Whether a registration is believed is another question: `planning/belief.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, ServicePrincipal
from mct_s2s.model.ids import (
    ApplicationIdUri,
    Tag,
    api_uri,
    client_id_in,
    client_unique_name,
    new_app_role_id,
    site_in_unique_name,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import LOGIC_APPS
from mct_s2s.model.site_settings import Holds, Setting

SERVICE, CLIENT = "service application", "client application"
SERVICE_OPTION = "--service-app"
Client = ClientApplication | ServicePrincipal
"""The service principal is a managed identity's."""


# The service application's names and its role


def has_identifier(application: Application, named: str) -> bool:
    """By its appId, `api://<appId>` or another Application ID URI."""
    return application.client_id == client_id_in(named) or named in application.identifier_uris


def is_named(application: Application, spec: ServiceSpec) -> bool:
    return spec.adopt is not None and has_identifier(application, spec.adopt.strip())


def is_in_settings(application: Application, observed: ObservedState) -> bool:
    named = observed.service_in_settings
    return bool(named) and has_identifier(application, named)


def other_users(service: Application, observed: ObservedState) -> tuple[str, ...]:
    """The other App Services that a tag of the service application names: `NAME` or `NAME/SLOT`.

    Its owner can write that tag, too: it is a reason to keep the registration, and for nothing
    else.
    """
    names = (name for name in Tag.USED.values(service.tags) if name != observed.trust.unique_name)
    return tuple(
        sorted({site for name in names if (site := site_in_unique_name(name)) is not None})
    )


def is_noted_use(service: Application, observed: ObservedState) -> bool:
    """Whether a tag of another service application says that this App Service adopted it."""
    return Tag.USED.of(observed.trust.unique_name) in service.tags


def is_created_for_this_site(observed: ObservedState) -> bool:
    """Whether the service application was created for this App Service, and not adopted.

    Then all that it grants is this trust's.
    """
    service, name = observed.trust.service, observed.trust.unique_name
    if service is None or service.unique_name != name:
        return False
    return Tag.ADOPTED.of(name) not in service.tags


def audience_of(
    application: Application, observed: ObservedState, adopt: str | None = None
) -> ApplicationIdUri:
    """As typed, or as the site expects, where the application has it; else the default, which it
    may lack.
    """
    there = (
        one
        for one in (adopt, observed.service_in_settings)
        if one and one in application.identifier_uris
    )
    return ApplicationIdUri(next(there, api_uri(application.client_id)))


def known_audience(observed: ObservedState) -> str | None:
    """Another one where none is in use."""
    service = observed.trust.service
    if service is None:
        return None
    uris = (audience_of(service, observed), *service.identifier_uris)
    return next((uri for uri in uris if uri in service.identifier_uris), None)


def wanted_role_value(observed: ObservedState) -> str:
    """The one that the site is set to, unless clients hold only another one: the directory's word
    decides.
    """
    service, trust = observed.trust.service, observed.trust
    usable = (
        [role for role in service.app_roles if role.value and role.is_for_applications]
        if service
        else []
    )
    held = [role for role in usable if role.id in trust.held_roles]
    values = [role.value for role in held or usable]
    default = observed.api.role
    candidates = (observed.setting(Holds.ROLE), default, *(values if len(held) == 1 else ()))
    return next((value for value in candidates if value and value in values), default)


def wanted_role(observed: ObservedState) -> AppRole | None:
    service = observed.trust.service
    return service.role(wanted_role_value(observed)) if service is not None else None


def trusted_role(observed: ObservedState, spec: ServiceSpec) -> AppRole | None:
    """The role that may be granted, and that counts where it was: typed, the document's, or one
    that we created.
    """
    service = observed.trust.service
    role = service.role(spec.role or wanted_role_value(observed)) if service is not None else None
    if service is None or role is None or spec.role is not None or role.value == observed.api.role:
        return role
    names = filter(None, (service.unique_name, service.client_id))
    is_made_by_us = any(role.id == new_role(observed, name, role.value).id for name in names)
    return role if is_made_by_us else service.role(observed.api.role)


def role_to_use(
    application: Application, typed: str | None, observed: ObservedState
) -> tuple[AppRole, AppRole | None]:
    """The app role for clients, and what has to be written for it, if anything. Raises Refused."""
    value = typed or wanted_role_value(observed)
    role = application.role(value)
    if role is None:
        role = new_role(observed, application.unique_name or application.client_id, value)
        return role, role
    if not role.is_for_applications:
        raise Refused(
            "app-role-not-for-applications",
            f"The app role '{value}' of '{application.display_name}' is for users and groups, not "
            "for applications.",
            remedy="Choose another role value: --role S2SApplications",
        )
    return role, None if role.enabled else replace(role, enabled=True)


def new_role(observed: ObservedState, application: str, value: str) -> AppRole:
    """Its id is the same for the same tenant, application and value, whichever run creates it."""
    role_id = new_app_role_id(observed.tenant.id if observed.tenant else "", application, value)
    return AppRole(
        role_id, value, value, "Apps in this role can consume the web api.", True, ("Application",)
    )


# Who is a client, and whom a name means


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are on an allow list or hold the role, by name: Graph lists them
    in any order.
    """
    assigned, base = (
        {one.principal_id for one in observed.trust.assignments},
        observed.trust.unique_name,
    )
    # Without lists, no setting remembers a client whose role was taken away: its name does.
    found = (
        client
        for client in observed.trust.clients
        if client.principal_id in assigned
        or is_allowed(client, observed)
        or (not observed.api.lists and has_unique_name_below(client.application, base))
    )
    return tuple(
        sorted(found, key=lambda client: (client.display_name.casefold(), client.client_id))
    )


def members_and_created_clients(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """Members, and those made for this App Service.

    A tag alone counts for nothing: its owner writes it.
    """
    made = (
        one
        for one in observed.trust.clients
        if has_unique_name_below(one.application, observed.trust.unique_name)
    )
    return tuple(dict.fromkeys((*members(observed), *made)))


def unmatched_entries(observed: ObservedState) -> Iterator[tuple[Setting, str]]:
    """The entries of the allow lists that no client of this tenant has."""
    trust = observed.trust
    known: dict[Holds, set[str]] = {
        Holds.APPLICATION_IDS: {client.client_id for client in trust.clients},
        Holds.OBJECT_IDS: {one.id for one in trust.identities}
        | {client.principal_id for client in trust.clients},
    }
    for setting in observed.api.lists:
        for entry in setting.list_in(observed.settings).ids:
            if entry.casefold() not in known[setting.holds]:
                yield setting, entry


def ids_of(client: ClientApplication) -> frozenset[str]:
    return frozenset(filter(None, (client.client_id, client.principal_id)))


def is_consented(client: ClientApplication, observed: ObservedState) -> bool:
    return observed.trust.holds(client.principal_id, wanted_role(observed))


def is_allowed(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it may call: listed, or where the API has no lists, holding the role.

    False where none were read.
    """
    return is_listed(client, observed) if observed.api.lists else is_consented(client, observed)


def is_identity_allowed(identity: ServicePrincipal, observed: ObservedState) -> bool:
    """The same of a managed identity, which needs the role only where there are no lists."""
    if observed.api.lists:
        return observed.allowed_object_ids.holds(identity.id)
    return observed.trust.holds(identity.id, wanted_role(observed))


def is_listed(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether this App Service claims it by lists of its own.

    Where the API has none, it claims no one: several App Services may share a registration, and a
    holder of its role is then a client of all of them.
    """
    return is_allowed_by_object_id(client, observed) or observed.allowed_client_ids.holds(
        client.client_id
    )


def is_allowed_by_object_id(client: ClientApplication, observed: ObservedState) -> bool:
    """That list asks for no role."""
    return observed.allowed_object_ids.holds(client.principal_id)


def clients_called(name: str, observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that a name means, for every command: one, or several that nothing
    tells apart.

    In this order: by appId or object id; the registration that was made for this name; members with
    this display name, exactly, or else in any case. A registration outside the trust that has the
    same display name is never meant, and neither is one that was made for another App Service,
    unless this one lists it. Whether it may be written to is another question: a display name never
    answers it.
    """
    trust, word = observed.trust, name.strip().casefold()
    by_id = tuple(client for client in trust.clients if word in ids_of(client))
    if by_id:
        return by_id
    made_for_it = trust.client_of_unique_name(client_unique_name(trust.unique_name, name))
    if made_for_it is not None:
        return (made_for_it,)
    namesakes = [
        client
        for client in members(observed)
        if client.display_name.casefold() == word
        and (client.application.unique_name is None or is_listed(client, observed))
    ]
    return tuple([client for client in namesakes if client.display_name == name] or namesakes)


def identities_called(
    name: str, identities: Iterable[ServicePrincipal]
) -> tuple[ServicePrincipal, ...]:
    """By display name, object ID, client ID or resource ID."""
    word = name.strip().casefold()
    words = {
        one: (one.id, one.client_id, one.display_name, one.resource_id or "") for one in identities
    }
    return tuple(one for one, called in words.items() if word and word in map(str.casefold, called))


def client_called(name: str, observed: ObservedState) -> Client:
    """Of an App Service: by display name, appId, object ID or resource ID. Raises NotThere."""
    applications = clients_called(name, observed)
    found: tuple[Client, ...] = (*applications, *identities_called(name, observed.trust.identities))
    if not found:
        raise unknown(name, observed)
    refuse_several(name, found)
    return found[0]


def refuse_several(name: str, found: Sequence[Client]) -> None:
    """Never a guess between two. Raises NotThere."""
    if len(found) > 1:
        ids = ", ".join(
            one.id if isinstance(one, ServicePrincipal) else one.client_id for one in found
        )
        raise NotThere(
            "client-ambiguous",
            f"'{name}' matches several clients of this App Service: {ids}.",
            remedy="Use the ID instead of the name.",
        )


def unknown(
    name: str, observed: ObservedState, also: str = "", *, what: str = "client"
) -> NotThere:
    clients: tuple[Client, ...] = (
        *members(observed),
        *(observed.trust.identities if what == "client" else ()),
    )
    there = [client.display_name for client in clients]
    listed = f"The {what}s are: {', '.join(there)}." if there else "There are none."
    return NotThere(
        "client-unknown",
        f"'{name}' is not a {what} of this App Service. {listed}",
        remedy=" ".join(filter(None, (did_you_mean(name, there), also, "To list them, run:"))),
        command=observed.command("status"),
    )


def did_you_mean(name: str, names: Iterable[str], otherwise: str = "") -> str:
    by_word = {one.casefold(): one for one in names}
    near = get_close_matches(name.strip().casefold(), by_word, n=1, cutoff=0.5)
    return f"Did you mean '{by_word[near[0]]}'?" if near else otherwise


def is_logic_app(client: Client) -> bool:
    """A Logic App runs no program of the user's."""
    resource = (client.resource_id or "") if isinstance(client, ServicePrincipal) else ""
    return f"/providers/{LOGIC_APPS}/" in resource.casefold()


def has_unique_name_below(application: Application, base: str) -> bool:
    """Whether a client's registration was created for the service application of that
    `uniqueName`.
    """
    return application.unique_name is not None and application.unique_name.startswith(f"{base}.")
