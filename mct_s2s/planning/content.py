"""What is in a registration that this tool does not put there: someone else may rely on it.

Properties are named as Microsoft Graph does.
"""

from collections.abc import Iterator

from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import Tag, api_uri
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import Holds
from mct_s2s.planning.service_facts import confirmed_role, new_role


def service_content(application: Application, observed: ObservedState) -> Iterator[str]:
    """The properties of a service application that are not as this tool sets them."""
    name = application.unique_name or application.client_id
    yield from application.extras
    if any(role != _as_created(role, observed, name) for role in application.app_roles):
        yield "appRoles"
    if set(application.identifier_uris) - {api_uri(application.client_id)}:
        yield "identifierUris"
    if application.required_access:
        yield "requiredResourceAccess"
    if (application.token_version or 1) != (observed.api.token_version or 2):
        yield "api.requestedAccessTokenVersion"


def foreign_service_content(application: Application, observed: ObservedState) -> Iterator[str]:
    """What no run of this tool has put into a service application, nor anyone taken from it."""
    name = application.unique_name or application.client_id
    yield from application.extras
    if any(role.id != new_role(observed, name, role.value).id for role in application.app_roles):
        yield "appRoles"
    if application.required_access:
        yield "requiredResourceAccess"
    if application.credentials:
        yield "credentials"


def _as_created(role: AppRole, observed: ObservedState, name: str) -> AppRole:
    """The role of that value as this tool creates it; its words may be changed."""
    new = new_role(observed, name, role.value)
    return AppRole(new.id, role.value, role.display_name, role.description, True, new.member_types)


def client_content(
    application: Application, observed: ObservedState, spec: ServiceSpec
) -> Iterator[str]:
    """The properties of a client's registration that are not as this tool sets them."""
    yield from application.extras
    if application.app_roles:
        yield "appRoles"
    if application.identifier_uris:
        yield "identifierUris"
    # A tag of a key vault would say where secrets go, once the registration is believed.
    if Tag.VAULT.values(application.tags):
        yield "tags"
    if asks_for_more(application, observed, spec):
        yield "requiredResourceAccess"


def asks_for_more(application: Application, observed: ObservedState, spec: ServiceSpec) -> bool:
    """Whether a client requests more than the app role of this API, or of one before it."""
    service = observed.trust.service
    role = confirmed_role(observed, spec)
    earlier = created_role_ids(observed, spec.role)
    for access in application.required_access:
        granted = set(earlier)
        is_this_api = service is not None and access.resource_client_id == service.client_id
        if is_this_api and role is not None:
            granted.add(role.id)
        for permission, kind in access.permissions:
            if kind != "Role" or permission not in granted:
                return True
    return False


def created_role_ids(observed: ObservedState, typed: str | None = None) -> frozenset[str]:
    """Ids of roles that this tool would create for this App Service; `typed`: the role's value.

    An API that is gone is known by them: they are made of the App Service's name and the value.
    """
    default = observed.api.role
    values = {default, typed or default, observed.setting(Holds.ROLE) or default}
    name = observed.trust.unique_name
    return frozenset(new_role(observed, name, value).id for value in values)
