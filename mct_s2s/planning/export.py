"""What a trust file has to say so that applying it changes nothing; and what no file can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.azure_resources import AppService
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import DEFAULT_ROLE, client_unique_name, is_guid, service_unique_name
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AUDIENCE, LISTS, Fact, is_enabled
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.credentials import Forms, export_credential
from mct_s2s.planning.registrations.app_role import wanted_role_value
from mct_s2s.planning.registrations.membership import is_allowed_by_object_id, is_consented, members
from mct_s2s.planning.registrations.ownership import another_site

LONGEST_NAME = 120
"""Of a registration. Source: learn.microsoft.com/entra/identity-platform/supported-accounts-validation."""


@dataclass(frozen=True)
class ExportedTable:
    """A client or a managed identity, as its table says it."""

    options: Mapping[str, str | bool]
    """By key, in the order in which they are written."""
    remarks: tuple[str, ...] = ()
    """What a reader has to know, as comments above it."""


@dataclass(frozen=True)
class ExportedSite:
    """An App Service, as its table says it."""

    resource: ResourceId
    profile: Mapping[str, str]
    """How its tenant is reached, by key."""
    options: Mapping[str, str]
    clients: tuple[ExportedTable, ...] = ()
    identities: tuple[ExportedTable, ...] = ()
    left_out: tuple[str, ...] = ()
    """What is there and cannot be said, one sentence each."""


def export_site(observed: ObservedState, now: datetime, forms: Forms, cloud: str) -> ExportedSite:
    """One site as a trust file says it.

    Args:
        observed: the state; its `identity_resources` are those that belong to the identities of the trust.
    """
    site, tenant = observed.app_service, observed.tenant
    assert site is not None and tenant is not None  # noqa: S101, PT018  # an export is about App Services
    clients, left_clients = _clients(observed, site, now, forms)
    identities, left_identities = _identities(observed, site)
    left = (*_left_out_clients(left_clients, site), *_left_out_identities(left_identities, site))
    profile = {"tenant": tenant.name, "subscription": site.site.resource.subscription_id}
    profile |= {"cloud": cloud} if cloud != "public" else {}
    options = _site_options(observed, site, clients)
    return ExportedSite(site.site.resource, profile, options, clients, identities, (*left, *_unknown(observed, site)))


def _site_options(observed: ObservedState, site: AppService, clients: tuple[ExportedTable, ...]) -> dict[str, str]:
    resource, service = site.site.resource, observed.trust.service
    options = {"resource-group": resource.resource_group} | ({"slot": resource.slot} if resource.slot else {})
    if service is None:
        return options
    if service.unique_name != service_unique_name(site.site.name, resource.slot):
        options["service-app"] = service.client_id
    elif service.display_name != f"MCT service ({site.site.label})" and is_name(service.display_name):
        options["service-name"] = service.display_name
    if (role := wanted_role_value(observed)) != DEFAULT_ROLE:
        options["role"] = role
    reference = service.management_reference
    if reference and is_name(reference) and all("service-management-reference" in one.options for one in clients):
        options["service-management-reference"] = reference
    return options


def is_name(text: str) -> bool:
    """Whether a file can say it as it is: no option takes blanks around a name, or characters that are not shown."""
    return bool(text) and text == text.strip() and text.isprintable() and len(text) <= LONGEST_NAME


def _clients(
    observed: ObservedState, site: AppService, now: datetime, forms: Forms
) -> tuple[tuple[ExportedTable, ...], list[ClientApplication]]:
    found: list[ExportedTable] = []
    left: list[ClientApplication] = []
    names: set[str] = set()
    for client in members(observed):
        if client.application is None or not site.allowed_client_ids.holds(client.client_id):
            left.append(client)
            continue
        name = _name(client, observed, site)
        if name.casefold() in names:
            name = client.client_id
        names.add(name.casefold())
        application = client.application
        options, remarks = export_credential(name, application, now, observed.cloud, forms)
        if not is_consented(client, observed):
            options["no-consent"] = True
            remarks = (*remarks, "Admin consent has not been granted.")
        if application.management_reference and is_name(application.management_reference):
            options["service-management-reference"] = application.management_reference
        if name != client.display_name:
            remarks = (client.display_name, *remarks)
        found.append(ExportedTable({"name": name, **options}, remarks))
    return tuple(found), left


def _name(client: ClientApplication, observed: ObservedState, site: AppService) -> str:
    """The name by which the same registration is found again: its own only where it was made for it."""
    service, name = observed.trust.service, client.display_name
    base = (service.unique_name if service else None) or service_unique_name(site.site.name, site.site.resource.slot)
    is_ours = client.application is not None and client.application.unique_name == client_unique_name(base, name)
    return name if is_ours and is_name(name) and not is_guid(name) else client.client_id


def _identities(observed: ObservedState, site: AppService) -> tuple[tuple[ExportedTable, ...], list[ServicePrincipal]]:
    found: list[ExportedTable] = []
    left: list[ServicePrincipal] = []
    resources = {(one.principal_id or "").casefold(): one.resource for one in observed.identity_resources}
    for identity in sorted(observed.trust.identities, key=lambda one: (one.resource_id or "", one.id)):
        resource = resources.get(identity.id.casefold())
        if resource is None or not site.allowed_object_ids.holds(identity.id):
            left.append(identity)
            continue
        found.append(ExportedTable({"resource": str(resource)}))
    return tuple(found), left


def _left_out_clients(clients: list[ClientApplication], site: AppService) -> Iterator[str]:
    for client in clients:
        who = f"'{client.display_name}' ({client.client_id})"
        if client.application is None:
            yield f"{who}: its app registration is not in this tenant."
        elif is_allowed_by_object_id(client, site):
            yield f"{who}: it is allowed by its service principal's object ID, not by its appId."
        else:
            yield f"{who}: it has the app role, but is not on the allow list."


def _left_out_identities(identities: list[ServicePrincipal], site: AppService) -> Iterator[str]:
    for identity in identities:
        who = f"Managed identity '{identity.display_name}' ({identity.id})"
        if site.allowed_object_ids.holds(identity.id):
            yield f"{who}: its resource was not found, or you can't read it."
        else:
            yield f"{who}: it has the app role or is on the list of application IDs, but its object ID is not allowed."


def _unknown(observed: ObservedState, site: AppService) -> Iterator[str]:
    """What is allowed without a client of this tenant behind it, and what applying the file would change."""
    trust = observed.trust
    principals = {one.id.casefold() for one in trust.identities}
    principals |= {one.principal.id.casefold() for one in trust.clients if one.principal is not None}
    client_ids = {one.client_id.casefold() for one in trust.clients}
    client_ids |= {one.client_id.casefold() for one in trust.identities}
    known = {Fact.CLIENT_IDS: client_ids, Fact.OBJECT_IDS: principals}
    for setting in LISTS:
        for entry in setting.list_in(site.settings).ids:
            if entry.casefold() not in known[setting.holds]:
                yield f"{entry} in {setting}: no client of this tenant has that ID."
    service = trust.service
    own = service_unique_name(site.site.name, site.site.resource.slot)
    if service is not None and service.unique_name != own:
        made_for = another_site(service, observed, own)
        whose = f"it was created for {made_for}" if made_for else "no one else assigned it to this App Service"
        yield (
            f"only {AUDIENCE} names '{service.display_name}' ({service.client_id}), and {whose}. Applying "
            "the file adopts it."
        )
    others = {one.principal_id.casefold() for one in trust.assignments} - principals
    if others:
        yield f"The app role is also assigned to {len(others)} users, groups or other principals."
    if not is_enabled(site.settings):
        yield "Service-to-service authentication is switched off. Applying the file switches it on."
