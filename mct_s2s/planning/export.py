"""A trust file that changes nothing where it is applied, and what no file can say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mct_s2s.errors import UsageError
from mct_s2s.model.api import DEFAULT_API
from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.client_credentials import Credential, CredentialKind, Federation, secrets_among
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.ids import (
    LONGEST_NAME,
    Tag,
    client_unique_name,
    is_guid,
    secret_name,
)
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.belief import Doubted, client_trust, service_trust
from mct_s2s.planning.clients import (
    has_wanted_role,
    is_allowed_by_object_id,
    is_identity_allowed,
    members,
    unmatched_entries,
)
from mct_s2s.planning.credential_plan import exchange_audience
from mct_s2s.planning.federation import federated_spec
from mct_s2s.planning.not_ours import why_doubted
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.planning.service_facts import (
    confirmed_role,
    is_named_as_service,
    wanted_role_value,
)
from mct_s2s.planning.unnamed_credentials import named_credentials

FROM_TAG = (
    "secret-to is what a tag of the registration says, which its owners, also earlier ones, can "
    "write. Check it."
)
OF_SEVERAL = (
    "It has several federated credentials, which its owners, also earlier ones, can add. This is "
    "one of them. Check issuer and subject."
)
IF_RIGHT = "If it is right, uncomment its lines in the file."
Keys = Mapping[str, str | bool]
"""A table, in the order in which its keys are written."""


@dataclass(frozen=True)
class ClientTable:
    """The table of a client application."""

    keys: Keys
    remarks: tuple[str, ...] = ()
    """What others could have written."""
    display_name: str = ""
    """Where it is named by its appId."""


@dataclass(frozen=True)
class DoubtedKeys:
    """Keys of a registration that is doubted: comments, until a person uncomments them."""

    keys: Keys
    display_name: str
    """Of the registration; empty where there is none."""
    sentence: str
    """What is doubted, and why."""


@dataclass(frozen=True)
class ExportedSite:
    """The tables of a trust file for one App Service."""

    resource: ResourceId
    profile: Keys
    options: Keys
    clients: tuple[ClientTable, ...] = ()
    identities: tuple[Keys, ...] = ()
    left_out: tuple[str, ...] = ()
    """What no file can say, as sentences."""
    doubted_options: tuple[DoubtedKeys, ...] = ()
    doubted_clients: tuple[DoubtedKeys, ...] = ()
    api: str = field(kw_only=True)
    """Its name."""
    service_name: str = ""
    """Display name of the service application, where a file names it by `service-app`."""
    key: str | None = None
    """What a trust file calls it already."""
    profile_name: str = ""
    """The same of its profile."""

    @property
    def unsaid(self) -> tuple[str, ...]:
        """What the file does not say, or only in comments, as sentences."""
        doubted = (*self.doubted_clients, *self.doubted_options)
        return (*self.left_out, *(each.sentence for each in doubted))


@dataclass(frozen=True)
class Export:
    """A trust file of what exists, and what it does not say."""

    text: str
    sites: Sequence[ExportedSite]
    not_set_up: Sequence[ResourceId] = ()
    failed: Sequence[UnreadSite] = ()
    unchecked: Sequence[ResourceId] = ()
    """Web apps whose settings the caller cannot read."""


def export_site(
    observed: ObservedState,
    cloud: str,
    api: str = DEFAULT_API,
    spec: ServiceSpec = ServiceSpec(),  # noqa: B008  # frozen
    named: Collection[str] = (),
) -> ExportedSite:
    """Describe an App Service and its clients as tables of a trust file.

    `identity_resources` of the state are those of the trust's identities. `api`: how the operator
    named it. `spec`, `named`: the service application and the clients that a file names already,
    which is the operator's word for those that it names by an ID.
    """
    site, tenant, service = observed.app_service, observed.tenant, observed.trust.service
    assert site is not None and tenant is not None and service is not None  # noqa: PT018  # there is a trust
    resource = site.resource
    left_out = list[str]()
    clients, doubted_clients = _clients(observed, site, left_out, spec, named)
    identities = _identities(observed, left_out)
    profile = {"tenant": tenant.name, "subscription": resource.subscription_id}
    if cloud != "public":
        profile["cloud"] = cloud
    options: dict[str, str | bool] = {"resource-group": resource.resource_group}
    if resource.slot:
        options["slot"] = resource.slot
    if observed.typed_url is not None:
        options["url"] = observed.typed_url
    if api != DEFAULT_API:
        options["api"] = api
    name = service.display_name
    if name != observed.api.service_name(site.label) and is_name(name):
        options["service-name"] = name
    role_option, doubted_role = _role_option(observed, spec)
    options |= role_option
    reference, key = service.management_reference, "service-management-reference"
    # Clients without one of their own would get the site's: then it is left out.
    if reference and is_name(reference) and all(key in client.keys for client in clients):
        options[key] = reference
    if spec.adopt is not None and is_named_as_service(service, spec):
        options["service-app"] = spec.adopt
    left_out += _unknown(observed, site)
    return ExportedSite(
        resource,
        profile,
        options,
        clients,
        tuple(identities),
        tuple(left_out),
        doubted_options=(*_doubted_service(observed, service, spec), *doubted_role),
        doubted_clients=doubted_clients,
        api=observed.api.name,
        service_name=name,
    )


def _doubted_service(
    observed: ObservedState, service: Application, spec: ServiceSpec
) -> tuple[DoubtedKeys, ...]:
    """The key of a service application that only the settings name."""
    decision = service_trust(service, observed, spec)
    if not isinstance(decision, Doubted):
        return ()
    sentence = (
        f"service application '{service.display_name}' ({service.client_id}), which "
        f"{observed.api.names_service} names: {why_doubted(decision)}. {IF_RIGHT}"
    )
    return (DoubtedKeys({"service-app": service.client_id}, service.display_name, sentence),)


def _identities(observed: ObservedState, left_out: list[str]) -> list[Keys]:
    """The tables of managed identities; adds to `left_out` why others have none."""
    identities = list[Keys]()
    resources = {source.principal_id: source.resource for source in observed.identity_resources}
    for identity in sorted(
        observed.trust.identities, key=lambda identity: (identity.resource_id or "", identity.id)
    ):
        resource = resources.get(identity.id)
        is_allowed = is_identity_allowed(identity, observed)
        if resource is not None and is_allowed:
            identities.append({"resource": str(resource)})
            continue
        why = "its resource was not found, or you can't read it"
        if not is_allowed:
            why = (
                "it has the app role or is on the list of application IDs, but its object ID is "
                "not allowed"
            )
        left_out.append(f"Managed identity '{identity.display_name}' ({identity.id}): {why}.")
    return identities


def _role_option(
    observed: ObservedState, spec: ServiceSpec
) -> tuple[dict[str, str | bool], tuple[DoubtedKeys, ...]]:
    """The key of another role than the API's own; else the same key, doubted."""
    role = wanted_role_value(observed)
    if role == observed.api.role:
        return {}, ()
    confirmed = confirmed_role(observed, spec)
    if confirmed is not None and confirmed.value == role:
        return {"role": role}, ()
    # The settings alone name it: in the file, it would be the operator's own word.
    named_by = observed.api.name_of(Holds.ROLE)
    sentence = f"the app role '{role}', which {named_by} names. {IF_RIGHT}"
    return {}, (DoubtedKeys({"role": role}, "", sentence),)


def _clients(
    observed: ObservedState,
    site: AppService,
    left_out: list[str],
    spec: ServiceSpec,
    named: Collection[str],
) -> tuple[tuple[ClientTable, ...], tuple[DoubtedKeys, ...]]:
    """The tables of client applications, and those that are doubted."""
    clients: dict[str, ClientTable] = {}
    doubted = list[DoubtedKeys]()
    for client in members(observed):
        name, application = client.display_name, client.application
        why = _why_left_out(client, observed)
        if why:
            left_out.append(f"'{name}' ({client.client_id}): {why}")
            continue
        decision = client_trust(client, observed, spec, named)
        if isinstance(decision, Doubted):
            # In the file, its appId would be the operator's own word for it.
            sentence = f"'{name}' ({client.client_id}): {why_doubted(decision)}. {IF_RIGHT}"
            keys = _doubted_client(client, observed)
            if _is_one_of_several(keys, application):
                sentence = f"{sentence} {OF_SEVERAL}"
            doubted.append(DoubtedKeys(keys, name, sentence))
            continue
        remarks: tuple[str, ...] = ()
        display_name = ""
        # By its name the same registration is found again only where it was made for it.
        is_ours = application.unique_name == client_unique_name(observed.trust.unique_name, name)
        if not is_ours or not is_name(name) or is_guid(name) or name.casefold() in clients:
            name, display_name = client.client_id, name
        options = _credential(name, site.label, client, observed)
        if not has_wanted_role(client, observed):
            options["no-consent"] = True
        if application.management_reference and is_name(application.management_reference):
            options["service-management-reference"] = application.management_reference
        if "secret-to" in options:
            remarks = (*remarks, FROM_TAG)
        if _is_one_of_several(options, application):
            remarks = (*remarks, OF_SEVERAL)
        keys = {"name": name, **options}
        clients[name.casefold()] = ClientTable(keys, remarks, display_name)
    return tuple(clients.values()), tuple(doubted)


def _is_one_of_several(keys: Keys, application: Application) -> bool:
    """Whether the keys describe one of several federated credentials."""
    federated = [each for each in application.credentials if each.federation is not None]
    return "federated-issuer" in keys and len(federated) > 1


def _doubted_client(client: ClientApplication, observed: ObservedState) -> dict[str, str | bool]:
    """The keys by which a file names a client and changes nothing: neither role nor credential.

    No place of its secret: a tag of a registration that is doubted may name any.
    """
    keys = dict[str, str | bool](name=client.client_id)
    keys |= _credential_kind(client, observed)
    if not has_wanted_role(client, observed):
        keys["no-consent"] = True
    return keys


def _why_left_out(client: ClientApplication, observed: ObservedState) -> str:
    """Why a file cannot name a client, as sentences; empty where it can."""
    if not client.is_registered_here:
        return "its app registration is not in this tenant."
    if not _has_own_entry(client, observed):
        if is_allowed_by_object_id(client, observed):
            return "it is allowed by its service principal's object ID, not by its appId."
        if not observed.api.lists:
            return "it does not have the app role."
        return "it has the app role, but is not on the allow list."
    return ""


def _has_own_entry(client: ClientApplication, observed: ObservedState) -> bool:
    if observed.api.lists:
        return observed.allowed_client_ids.contains(client.client_id)
    return has_wanted_role(client, observed)


def is_name(text: str) -> bool:
    """Whether a text can be a name: no option takes blanks around it, or control characters."""
    return bool(text) and text == text.strip() and text.isprintable() and len(text) <= LONGEST_NAME


def _credential(
    name: str, label: str, client: ClientApplication, observed: ObservedState
) -> dict[str, str | bool]:
    """The keys of a client's credential, and of the place of its secret."""
    keys = _credential_kind(client, observed)
    if keys["credential"] == "secret":
        keys |= _secret_place(name, label, client.application)
    return keys


def _credential_kind(client: ClientApplication, observed: ObservedState) -> dict[str, str | bool]:
    """The keys of a client's credential: of the one that a file names already, else its best valid
    one.
    """
    valid = named_credentials(client, observed) or [
        credential
        for credential in client.application.credentials
        if credential.is_valid_at(observed.now)
    ]
    if secrets_among(valid):
        return {"credential": "secret"}
    certificates = [
        credential for credential in valid if credential.kind is CredentialKind.CERTIFICATE
    ]
    if certificates:
        # One that was made elsewhere is renewed by no one but who has the key.
        is_replaceable = any(certificate.is_replaceable for certificate in certificates)
        return {"credential": "certificate" if is_replaceable else "none"}
    # Ours first, whose name is made of issuer and subject, then in a fixed order.
    valid.sort(key=lambda credential: (not _is_named_by_us(credential), credential.name or ""))
    for credential in valid:
        keys = _federation_keys(credential.federation, observed)
        if keys is not None:
            return keys
    return {"credential": "none"}


def _is_named_by_us(credential: Credential) -> bool:
    federation = credential.federation
    return federation is not None and credential.name == federation.name


def _secret_place(name: str, label: str, application: Application) -> dict[str, str | bool]:
    """The key vault that a tag names: the only place that leaves a trace in Azure."""
    places = Tag.VAULT.values(application.tags)
    if not places:
        return {}
    place = SecretPlace(PlaceKind.KEY_VAULT, places[-1])
    vault, secret = place.vault_and_secret
    if secret == secret_name(label, name):  # the name that it gets where none is typed
        place = replace(place, name=vault)
    return {"secret-to": str(place)}


def _federation_keys(
    federation: Federation | None, observed: ObservedState
) -> dict[str, str | bool] | None:
    """The keys of a federated credential; `None` for one that cannot be asked for."""
    if federation is None:
        return None
    try:
        federated_spec(federation.issuer, federation.subject, federation.audience, None)
    except UsageError:
        return None
    keys: dict[str, str | bool] = {
        "credential": "federated",
        "federated-issuer": federation.issuer,
        "federated-subject": federation.subject,
    }
    if federation.audience != exchange_audience(observed.cloud):
        keys["federated-audience"] = federation.audience
    return keys


def _unknown(observed: ObservedState, site: AppService) -> Iterator[str]:
    """Ids without a client of this tenant, and what applying the file would change."""
    trust = observed.trust
    principals: set[str] = {identity.id for identity in trust.identities}
    principals |= {client.principal_id for client in trust.clients}
    identities = {identity.client_id for identity in trust.identities}
    for setting, entry in unmatched_entries(observed):
        if entry.casefold() not in identities:
            yield f"{entry} in {setting}: no client of this tenant has that ID."
    others = {assignment.principal_id for assignment in trust.assignments} - principals
    if others:
        yield f"The app role is also assigned to {len(others)} users, groups or other principals."
    if not observed.api.is_enabled(site.settings):
        yield "Service-to-service authentication is switched off. Applying the file switches it on."
