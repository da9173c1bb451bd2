"""What is written to Graph, as msgraph-sdk's own models. Always fresh ones: a fetched object sent back is refused.

Importing these models takes a third of a second, so this module is imported by what writes, or ahead of time.
"""

from __future__ import annotations

from uuid import UUID

from msgraph.generated.models.api_application import ApiApplication
from msgraph.generated.models.app_role import AppRole as AppRoleModel
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.required_resource_access import RequiredResourceAccess
from msgraph.generated.models.resource_access import ResourceAccess
from msgraph.generated.models.service_principal import ServicePrincipal

from mct_s2s.model.directory_objects import AppRole, NewApplication, RequiredAccess
from mct_s2s.model.ids import AppRoleId, ClientId, PrincipalId
from mct_s2s.planning.edits import ApplicationPatch

THIS_DIRECTORY_ONLY = "AzureADMyOrg"
"""*Accounts in this organizational directory only*. Source: learn.microsoft.com/entra/identity-platform/
supported-accounts-validation."""


def new_application(new: NewApplication) -> Application:
    """A registration for this directory only. Its v1 tokens carry the URI that was asked for as their audience."""
    return Application(
        display_name=new.display_name,
        sign_in_audience=THIS_DIRECTORY_ONLY,
        api=ApiApplication(requested_access_token_version=1),
        tags=list(new.tags) or None,
        notes=new.notes,
        service_management_reference=new.management_reference,
        required_resource_access=[_required_access(new.access)] if new.access is not None else None,
    )


def application_patch(patch: ApplicationPatch) -> Application:
    """Whole lists, or nothing."""
    return Application(
        identifier_uris=None if patch.identifier_uris is None else list(patch.identifier_uris),
        app_roles=None if patch.app_roles is None else [_app_role(role) for role in patch.app_roles],
        api=None if patch.token_version is None else ApiApplication(requested_access_token_version=patch.token_version),
        required_resource_access=None
        if patch.required_access is None
        else [_required_access(entry) for entry in patch.required_access],
        tags=None if patch.tags is None else list(patch.tags),
        service_management_reference=patch.management_reference,
        unique_name=patch.unique_name,
        notes=patch.notes,
    )


def new_principal(client_id: ClientId) -> ServicePrincipal:
    """A service principal for an application of this tenant.

    The tag is what the portal sets: without it the principal is missing from its list of enterprise applications.
    """
    return ServicePrincipal(app_id=client_id, tags=["WindowsAzureActiveDirectoryIntegratedApp"])


def new_assignment(principal: PrincipalId, service: PrincipalId, role: AppRoleId) -> AppRoleAssignment:
    """Admin consent: all three are object ids or the role's id, never appIds."""
    return AppRoleAssignment(principal_id=UUID(principal), resource_id=UUID(service), app_role_id=UUID(role))


def _app_role(role: AppRole) -> AppRoleModel:
    """Without `origin`, which must not be sent back: learn.microsoft.com/graph/api/resources/approle."""
    return AppRoleModel(
        id=UUID(role.id),
        value=role.value,
        display_name=role.display_name,
        description=role.description,
        is_enabled=role.enabled,
        allowed_member_types=list(role.member_types),
    )


def _required_access(entry: RequiredAccess) -> RequiredResourceAccess:
    return RequiredResourceAccess(
        resource_app_id=entry.resource_client_id,
        resource_access=[ResourceAccess(id=UUID(identifier), type=kind) for identifier, kind in entry.permissions],
    )
