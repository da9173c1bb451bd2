"""Which registration is the service application, its audience, its role, and who else uses it.

Whether it may be written to is another question: `planning/belief.py`.
"""

from dataclasses import replace

from mct_s2s.errors import Refused
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import (
    ApplicationIdUri,
    Tag,
    api_uri,
    client_id_in,
    new_app_role_id,
    site_group,
    site_in_unique_name,
)
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import Holds

SERVICE, CLIENT = "service application", "client application"
SERVICE_OPTION = "--service-app"


def has_identifier(application: Application, named: str) -> bool:
    """Whether text names it: its appId, `api://<appId>` or another Application ID URI."""
    return application.client_id == client_id_in(named) or named in application.identifier_uris


def is_named_as_service(application: Application, spec: ServiceSpec) -> bool:
    """Whether the operator or the trust file names it."""
    return spec.adopt is not None and has_identifier(application, spec.adopt.strip())


def is_in_settings(application: Application, observed: ObservedState) -> bool:
    """Whether the App Service's settings name it."""
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


def site_tags(observed: ObservedState) -> tuple[str, ...]:
    """The tag of what is created for this App Service: another one may have its name."""
    if observed.app_service is None:
        return ()
    site = observed.app_service.resource
    return (Tag.SITE.of(site_group(site.subscription_id, site.resource_group)),)


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
    """The Application ID URI of the API: as typed or set, else the default, which it may lack."""
    for uri in (adopt, observed.service_in_settings):
        if uri and uri in application.identifier_uris:
            return ApplicationIdUri(uri)
    return api_uri(application.client_id)


def known_audience(observed: ObservedState) -> str | None:
    """The audience in the settings, else the first URI of the service application, if any."""
    service = observed.trust.service
    if service is None:
        return None
    uris = (audience_of(service, observed), *service.identifier_uris)
    return next((uri for uri in uris if uri in service.identifier_uris), None)


def wanted_role_value(observed: ObservedState) -> str:
    """The value of the app role for clients.

    It is that of the settings, unless clients hold only another one: the directory's word decides.
    """
    service = observed.trust.service
    default = observed.api.role
    if service is None:
        return default
    usable = [role for role in service.app_roles if role.value and role.is_for_applications]
    held_roles = [role for role in usable if role.id in observed.trust.held_roles]
    values = [role.value for role in held_roles or usable]
    candidates = [observed.setting(Holds.ROLE), default]
    # Where clients hold several other roles, nothing tells which one is meant.
    if len(held_roles) == 1:
        candidates.append(held_roles[0].value)
    return next((value for value in candidates if value and value in values), default)


def wanted_role(observed: ObservedState) -> AppRole | None:
    """The app role for clients, also where the settings alone name it.

    `None` where the service application does not have it.
    """
    service = observed.trust.service
    return service.role(wanted_role_value(observed)) if service is not None else None


def confirmed_role(observed: ObservedState, spec: ServiceSpec) -> AppRole | None:
    """The app role that is no word of the settings alone, so that it counts and may be granted.

    It is typed, the API's own, or one that this tool created.
    """
    service = observed.trust.service
    if service is None:
        return None
    role = service.role(spec.role or wanted_role_value(observed))
    if role is None or spec.role is not None or role.value == observed.api.role:
        return role
    # The settings alone name it: it counts if its id shows that this tool created it.
    for name in filter(None, (service.unique_name, service.client_id)):
        if role.id == new_role(observed, name, role.value).id:
            return role
    return service.role(observed.api.role)


def role_to_use(
    application: Application, typed: str | None, observed: ObservedState
) -> tuple[AppRole, AppRole | None]:
    """The app role for clients, and what has to be written for it, if anything. Raises Refused."""
    value = typed or wanted_role_value(observed)
    role = application.role(value)
    if role is None:
        name = application.unique_name or application.client_id
        role = new_role(observed, name, value)
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
    """The app role as this tool creates it.

    Its id is the same for the same tenant, application and value, whichever run creates it.
    """
    role_id = new_app_role_id(observed.tenant.id if observed.tenant else "", application, value)
    return AppRole(
        role_id, value, value, "Apps in this role can consume the web api.", True, ("Application",)
    )
