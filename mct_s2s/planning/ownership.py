"""Whose a registration is, and who is a client: everything that writes, grants, delivers or removes asks here.

None of these is an administrator of the directory: who may write an App Service's settings; the owner of a
registration, who writes its tags, notes and display name; any member of the tenant, who may register an application
under a name that can be computed (learn.microsoft.com/entra/fundamentals/users-default-permissions).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.client_credentials import (
    Certificate,
    Credential,
    CredentialSpec,
    Federation,
    SecretNote,
)
from mct_s2s.model.commands import command, option
from mct_s2s.model.desired import Desired, Removal, Rotation, ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole, Custody, Owner, ServicePrincipal
from mct_s2s.model.ids import (
    DEFAULT_ROLE,
    ApplicationIdUri,
    PrincipalId,
    api_uri,
    client_id_in,
    client_unique_name,
    new_app_role_id,
    same_id,
    site_in_note,
    site_in_unique_name,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import LOGIC_APPS
from mct_s2s.model.site_settings import APPLICATION_IDS, AUDIENCE, LISTS, OBJECT_IDS, ROLE, AppSettings, Setting
from mct_s2s.plain_text import counted

SERVICE_NOT_OURS = "service-application-not-ours"
SERVICE, CLIENT = "service application", "client application"
SERVICE_OPTION = "--service-app"
Client = ClientApplication | ServicePrincipal
"""The service principal is a managed identity's."""


# The service application's names and its role


def is_called(application: Application, named: str) -> bool:
    """By its appId, `api://<appId>` or another Application ID URI."""
    return application.client_id == client_id_in(named) or named in application.identifier_uris


def is_named(application: Application, spec: ServiceSpec) -> bool:
    return spec.adopt is not None and is_called(application, spec.adopt.strip())


def is_in_settings(application: Application, observed: ObservedState) -> bool:
    audience = (AUDIENCE.value_in(observed.settings) or "").strip()
    return bool(audience) and is_called(application, audience)


def uri_of(application: Application, settings: AppSettings, adopt: str | None = None) -> ApplicationIdUri:
    """As typed, or as the site expects, where the application has it; else the default, which it may lack."""
    there = (one for one in (adopt, AUDIENCE.value_in(settings)) if one and one in application.identifier_uris)
    return ApplicationIdUri(next(there, api_uri(application.client_id)))


def uri_shown(observed: ObservedState) -> str | None:
    """Another one where none is in use."""
    service = observed.trust.service
    if service is None:
        return None
    uris = (uri_of(service, observed.settings), *service.identifier_uris)
    return next((uri for uri in uris if uri in service.identifier_uris), None)


def wanted_role_value(observed: ObservedState) -> str:
    """The one that the site is set to, unless clients hold only another one: the directory's word decides."""
    service, trust = observed.trust.service, observed.trust
    usable = [role for role in service.app_roles if role.value and role.is_for_applications] if service else []
    held = [role for role in usable if role.id in trust.held_roles]
    values = [role.value for role in held or usable]
    candidates = (ROLE.value_in(observed.settings), DEFAULT_ROLE, *(values if len(held) == 1 else ()))
    return next((value for value in candidates if value and value in values), DEFAULT_ROLE)


def wanted_role(observed: ObservedState) -> AppRole | None:
    service = observed.trust.service
    return service.role(wanted_role_value(observed)) if service is not None else None


def trusted_role(observed: ObservedState, spec: ServiceSpec) -> AppRole | None:
    """The role that may be granted, and that counts where it was: typed, the document's, or one that we created."""
    service = observed.trust.service
    role = service.role(spec.role or wanted_role_value(observed)) if service is not None else None
    if service is None or role is None or spec.role is not None or role.value == DEFAULT_ROLE:
        return role
    names = filter(None, (service.unique_name, service.client_id))
    is_made_by_us = any(role.id == new_role(observed, name, role.value).id for name in names)
    return role if is_made_by_us else service.role(DEFAULT_ROLE)


def role_to_use(application: Application, typed: str | None, observed: ObservedState) -> tuple[AppRole, AppRole | None]:
    """The app role for clients, and what has to be written for it, if anything. Raises Refused."""
    value = typed or wanted_role_value(observed)
    role = application.role(value)
    if role is None:
        role = new_role(observed, application.unique_name or application.client_id, value)
        return role, role
    if not role.is_for_applications:
        raise Refused(
            "app-role-not-for-applications",
            f"The app role '{value}' of '{application.display_name}' is for users and groups, not for applications.",
            remedy="Choose another role value: --role S2SApplications",
        )
    return role, None if role.enabled else replace(role, enabled=True)


def new_role(observed: ObservedState, application: str, value: str) -> AppRole:
    """Its id is the same for the same tenant, application and value, whichever run creates it."""
    role_id = new_app_role_id(observed.tenant.id if observed.tenant else "", application, value)
    return AppRole(role_id, value, value, "Apps in this role can consume the web api.", True, ("Application",))


# Who is a client, and whom a name means


def members(observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that are on an allow list or hold the role, by name: Graph lists them in any order."""
    assigned = {assignment.principal_id for assignment in observed.trust.assignments}
    found = (
        client for client in observed.trust.clients if client.principal_id in assigned or is_allowed(client, observed)
    )
    return tuple(sorted(found, key=lambda client: (client.display_name.casefold(), client.client_id)))


def everyone(observed: ObservedState, base: str) -> tuple[ClientApplication, ...]:
    """Members, and those made for `base`. A tag alone counts for nothing: the registration's owner can write it."""
    made = (one for one in observed.trust.clients if is_below(one.application, base))
    return tuple(dict.fromkeys((*members(observed), *made)))


def strangers(observed: ObservedState) -> Iterator[tuple[Setting, str]]:
    """The entries of the allow lists that no client of this tenant has."""
    trust = observed.trust
    known: dict[Setting, set[str]] = {
        APPLICATION_IDS: {client.client_id for client in trust.clients},
        OBJECT_IDS: {one.id for one in trust.identities} | {client.principal_id for client in trust.clients},
    }
    for setting in LISTS:
        for entry in setting.list_in(observed.settings).ids:
            if entry.casefold() not in known[setting]:
                yield setting, entry


def ids_of(client: ClientApplication) -> frozenset[str]:
    return frozenset(filter(None, (client.client_id, client.principal_id)))


def is_consented(client: ClientApplication, observed: ObservedState) -> bool:
    return observed.trust.holds(client.principal_id, wanted_role(observed))


def is_consented_to(client: ClientApplication, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether an administrator gave the client the role; one that only the settings name is not the role."""
    return observed.trust.holds(client.principal_id, trusted_role(observed, spec))


def is_allowed(client: ClientApplication, observed: ObservedState) -> bool:
    """False where no settings were read."""
    return is_allowed_by_object_id(client, observed) or observed.allowed_client_ids.holds(client.client_id)


def is_allowed_by_object_id(client: ClientApplication, observed: ObservedState) -> bool:
    """That list asks for no role."""
    return observed.allowed_object_ids.holds(client.principal_id)


def clients_called(name: str, observed: ObservedState) -> tuple[ClientApplication, ...]:
    """The client applications that a name means, for every command: one, or several that nothing tells apart.

    In this order: by appId or object id; the registration that was made for this name; members with this display name,
    exactly, or else in any case. A registration outside the trust that has the same display name is never meant.
    """
    trust, word = observed.trust, name.strip().casefold()
    by_id = tuple(client for client in trust.clients if word in ids_of(client))
    if by_id:
        return by_id
    made_for_it = trust.client_of_unique_name(client_unique_name(trust.base, name))
    if made_for_it is not None:
        return (made_for_it,)
    namesakes = [client for client in members(observed) if client.display_name.casefold() == word]
    return tuple([client for client in namesakes if client.display_name == name] or namesakes)


def identities_called(name: str, identities: Iterable[ServicePrincipal]) -> tuple[ServicePrincipal, ...]:
    """By display name, object ID, client ID or resource ID."""
    word = name.strip().casefold()
    words = {one: (one.id, one.client_id, one.display_name, one.resource_id or "") for one in identities}
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
        ids = ", ".join(one.id if isinstance(one, ServicePrincipal) else one.client_id for one in found)
        raise NotThere(
            "client-ambiguous",
            f"'{name}' matches several clients of this App Service: {ids}.",
            remedy="Use the ID instead of the name.",
        )


def unknown(name: str, observed: ObservedState, also: str = "", *, what: str = "client") -> NotThere:
    clients: tuple[Client, ...] = (*members(observed), *(observed.trust.identities if what == "client" else ()))
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


# Whose a registration is


def is_own(application: Application, observed: ObservedState) -> bool:
    """Whether it is this very App Service's, by its `uniqueName` and by the settings, even if someone else owns it."""
    is_ours = application.unique_name == observed.trust.unique_name and not another_site(application, observed)
    return is_ours and is_in_settings(application, observed)


def another_site(application: Application, observed: ObservedState) -> str | None:
    """The other App Service that a service application was created for, by its note or its `uniqueName`."""
    site, noted = observed.app_service, site_in_note(application.notes)
    if site is not None and noted is not None and not same_id(noted, str(site.resource)):
        return noted
    name = application.unique_name
    return site_in_unique_name(name) if name is not None and name != observed.trust.unique_name else None


def is_another_sites(client: ClientApplication, observed: ObservedState) -> bool:
    """Whether it was created for another App Service, and is not on this one's lists: both may adopt one API."""
    base, trust = (client.application.unique_name or "").partition(".")[0], observed.trust
    is_elsewhere = site_in_unique_name(base) is not None and base not in {trust.unique_name, trust.base}
    return is_elsewhere and not is_allowed(client, observed)


def is_below(application: Application, base: str) -> bool:
    """Whether a client's registration was created for the service application of that `uniqueName`."""
    return application.unique_name is not None and application.unique_name.startswith(f"{base}.")


def foreign_service(application: Application, observed: ObservedState, spec: ServiceSpec) -> str:
    """Why nothing may be written to a service application, for people; empty where it is ours.

    What only the settings name is never ours. Who owns what is deleted shows once it is restored.
    """
    if is_named(application, spec) or is_own(application, observed):
        return ""
    other = another_site(application, observed)
    if other:
        return f"it was created for another App Service, {other}"
    why = others_control(observed.custody_of(application), observed.caller)
    if application.unique_name != observed.trust.unique_name:
        return why or "no administrator of the directory has assigned it to this App Service"
    return "" if application.deleted else why


def foreign_client(
    client: ClientApplication,
    observed: ObservedState,
    spec: ServiceSpec,
    named: Collection[str] = (),
    note: SecretNote | None = None,
    credential: CredentialSpec | None = None,
) -> str:
    """Why nothing may be written to a client's registration, for people; empty where it is ours.

    The consent of an administrator counts; an entry on an allow list, a tag or a display name never does. Of what the
    operator `named` clients by, only their appIds count. The credentials that the client's store remembers (`note`) may
    be there, and the one that is asked for.
    """
    service, application = observed.trust.service, client.application
    if client.client_id in {name.strip().casefold() for name in named}:
        return ""
    if not client.is_registered or (service is not None and foreign_service(service, observed, spec)):
        return "its service application is not this App Service's"
    if is_consented_to(client, observed, spec):
        return ""
    known = [note.knows] if note else []
    known += [credential.describes] if isinstance(credential, Certificate | Federation) else []
    why = others_control(observed.custody_of(application), observed.caller, *known)
    if not is_below(application, observed.trust.base):
        return why or "it has no admin consent for this App Service"
    return why


def in_question(observed: ObservedState, desired: Desired) -> Iterator[ClientApplication]:
    """The registrations whose custody has to be read."""
    spec, trust = desired.service, observed.trust
    if spec is None:
        return
    if trust.service is not None and (is_named(trust.service, spec) or not is_own(trust.service, observed)):
        yield ClientApplication(trust.service, trust.principal)
    asked = {one.client_id for name in desired.names for one in clients_called(name, observed)}
    rotates = isinstance(desired, Rotation)
    for client in () if isinstance(desired, Removal) else trust.clients:
        is_asked = client.client_id in asked or (rotates and is_below(client.application, trust.base))
        if is_asked and client.is_registered and not is_consented_to(client, observed, spec):
            yield client


def foreign_owners(owners: Iterable[Owner], caller: PrincipalId | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for owner, name in owners if owner != caller))


def others_control(custody: Custody | None, caller: PrincipalId | None, *known: Callable[[Credential], bool]) -> str:
    """Who else controls a registration, beside the caller and who holds `known` credentials; empty for no one."""
    if custody is None:
        return "it is not known who owns it"
    owners = foreign_owners(custody.owners, caller)
    credentials = _counted(one for one in custody.credentials if not any(knows(one) for knows in known))
    owned = f"it is owned by {', '.join(owners)}" if owners else ""
    held = f"it has {credentials} that this machine did not create" if credentials else ""
    return ", and ".join(part for part in (owned, held) if part)


def _counted(credentials: Iterable[Credential]) -> str:
    """`2 secrets and 1 federated credential`."""
    counts = Counter(credential.kind for credential in credentials)
    return " and ".join(counted(count, kind.noun) for kind, count in counts.items())


def adoption(application: Application, observed: ObservedState, about: str) -> str:
    custody = observed.custody_of(application) or Custody()
    owners = ", ".join(dict.fromkeys(name for _, name in custody.owners)) or "no one"
    held = _counted(custody.credentials)
    signs_in = f"; {held} can sign in as it" if held else ""
    return f"adopt {about} '{application.display_name}' (appId {application.client_id}), owned by {owners}{signs_in}."


# What is said of one that is not ours


class NotOurs(Refused):
    """Only a name speaks for a registration."""

    page = "SECURITY.md#what-others-can-write-and-what-it-never-causes"


def service_not_ours(application: Application, observed: ObservedState, why: str) -> NotOurs:
    client_id, trust, is_set = application.client_id, observed.trust, is_in_settings(application, observed)
    if not is_set and application.unique_name == trust.unique_name and not site_in_note(application.notes):
        return not_ours(application, why, SERVICE)
    by = f"{AUDIENCE} names" if is_set else "The service application is"
    ways = f"Run the same command with {option(SERVICE_OPTION, client_id)} if it is right"
    if trust.own is not None:
        own = option(SERVICE_OPTION, trust.own.client_id)
        ways += f", or with {own} for the one that was created for this App Service"
    return NotOurs(
        SERVICE_NOT_OURS,
        f"{by} '{application.display_name}' (appId {client_id}), which is not this App Service's own: {why}. Nothing "
        "was changed.",
        remedy=f"{ways}. In a trust file, use the key service-app.",
    )


def not_ours(application: Application, why: str, kind: str, graph: str = "") -> NotOurs:
    """With `graph`'s address: of one that was restored to see who owns it, and deleted again."""
    since = f", registered on {application.created:%Y-%m-%d}" if application.created else ""
    client_id, done, restored = application.client_id, "Nothing was changed.", ""
    delete, remove = "delete", command("az", "ad", "app", "delete", "--id", client_id)
    if graph:
        done, restored = "It was restored to check, and deleted again.", f"run {restoring(application, graph)} and "
        url = f"{graph}/v1.0/directory/deletedItems/{application.object_id}"
        delete, remove = "purge", command("az", "rest", "--method", "DELETE", "--url", url)
    adopt = f"run the same command with {option(SERVICE_OPTION, client_id)}"
    if kind != SERVICE:
        adopt = f"use its appId {client_id} instead of its name (setup: {option('--client', client_id)})"
    return NotOurs(
        "registration-not-ours",
        f"'{application.display_name}' (appId {client_id}{since}) has the name of this registration, but mct-s2s may "
        f"not have created it: {why}. Its owner could sign in as it. {done}",
        remedy=f"If it is the right one, {restored}{adopt}. If not, {delete} it and run the same command again:",
        command=remove,
    )


def restoring(deleted: Application, graph: str) -> str:
    url = f"{graph}/v1.0/directory/deletedItems/{deleted.object_id}/restore"
    return command("az", "rest", "--method", "POST", "--url", url)
