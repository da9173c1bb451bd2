"""What the service application offers its callers: its Application ID URI, and the app role that clients need."""

from __future__ import annotations

from dataclasses import replace

from mct_s2s.errors import Refused
from mct_s2s.model.commands import command
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import Application, AppRole
from mct_s2s.model.ids import DEFAULT_ROLE, ApplicationIdUri, api_uri, client_id_in, new_app_role_id, same_id
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import AUDIENCE, ROLE, AppSettings


def is_called(application: Application, named: str) -> bool:
    """Whether an appId, `api://<appId>` or another Application ID URI means this registration."""
    return same_id(application.client_id, client_id_in(named)) or named in application.identifier_uris


def uri_in_use(application: Application, settings: AppSettings, adopt: str | None = None) -> ApplicationIdUri | None:
    """The URI that callers know, if the application has it: as typed, as the site expects, or the default."""
    for candidate in (adopt, AUDIENCE.value_in(settings), api_uri(application.client_id)):
        if candidate and candidate in application.identifier_uris:
            return ApplicationIdUri(candidate)
    return None


def uri_shown(application: Application, observed: ObservedState) -> str | None:
    """The one URI to speak of: the one in use, or whatever there is."""
    return uri_in_use(application, observed.settings) or next(iter(application.identifier_uris), None)


def purging(deleted: Application, graph: str) -> str:
    return command("az", "rest", "--method", "DELETE", "--url", _in_recycle_bin(deleted, graph))


def restoring(deleted: Application, graph: str) -> str:
    return command("az", "rest", "--method", "POST", "--url", f"{_in_recycle_bin(deleted, graph)}/restore")


def _in_recycle_bin(deleted: Application, graph: str) -> str:
    return f"{graph}/v1.0/directory/deletedItems/{deleted.object_id}"


ROLE_DESCRIPTION = "Apps in this role can consume the web api."
"""The document's."""


def wanted_role_value(observed: ObservedState) -> str:
    """The value of the role that clients need: the one that the site is set to, unless clients hold only another one.

    Whatever the settings say, the directory's word decides; where nothing is held or set, it is the document's role.
    """
    service, trust = observed.trust.service, observed.trust
    usable = [role for role in service.app_roles if role.value and role.is_for_applications] if service else []
    held = [role for role in usable if role.id.casefold() in trust.held_roles]
    values = [role.value for role in held or usable]
    candidates = (ROLE.value_in(observed.settings), DEFAULT_ROLE, *(values if len(held) == 1 else ()))
    return next((value for value in candidates if value and value in values), DEFAULT_ROLE)


def wanted_role(observed: ObservedState) -> AppRole | None:
    service = observed.trust.service
    return service.role(wanted_role_value(observed)) if service is not None else None


def trusted_role(observed: ObservedState, spec: ServiceSpec) -> AppRole | None:
    """The role that may be granted, and that counts where it was: typed, the document's, or one that we created."""
    service = observed.trust.service
    if service is None:
        return None
    role = service.role(spec.role or wanted_role_value(observed))
    if role is not None and spec.role is None and role.value != DEFAULT_ROLE and not _is_made_by_us(role, observed):
        role = service.role(DEFAULT_ROLE)
    return role


def _is_made_by_us(role: AppRole, observed: ObservedState) -> bool:
    service = observed.trust.service
    assert service is not None  # it has the role
    names = filter(None, (service.unique_name, service.client_id))
    return any(same_id(role.id, new_role(observed, name, role.value or "").id) for name in names)


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
    """The document's app role; the same id for the same tenant, application and value, whichever run creates it."""
    tenant_id = observed.tenant.id if observed.tenant else ""
    return AppRole(
        id=new_app_role_id(tenant_id, application, value),
        value=value,
        display_name=value,
        description=ROLE_DESCRIPTION,
        enabled=True,
        member_types=("Application",),
    )
