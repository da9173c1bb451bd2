"""Service principals of managed identities, which appear and disappear with a resource of Azure.

Source: graph: resources/serviceprincipal; entra: managed-identities-azure-resources.
"""

from __future__ import annotations

from mct_s2s.sandbox.core.wire_errors import graph_error
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import blank
from mct_s2s.sandbox.entra.validation import timestamp


def create(directory: Directory, display_name: str, *, resource_id: str) -> Object:
    """Create the service principal of a managed identity, as Azure does when one is enabled. It has no application.

    Args:
        directory: the tenant.
        display_name: the resource's name, which Azure gives the service principal as well.
        resource_id: ARM id of the resource (system-assigned) or of the user-assigned identity itself.
    """
    explicit = "/microsoft.managedidentity/userassignedidentities/" in resource_id.lower()
    app_id = directory.ids.new(f"clientId/{resource_id}")
    return directory.service_principals.put(
        blank("servicePrincipal")
        | {
            "id": directory.ids.new(f"principalId/{resource_id}"),
            "accountEnabled": True,
            "alternativeNames": [f"isExplicit={explicit}", resource_id],
            "appDisplayName": None,
            "appId": app_id,
            "appOwnerOrganizationId": None,
            "appRoleAssignmentRequired": False,
            "createdDateTime": timestamp(directory.clock.now()),
            "displayName": display_name,
            "servicePrincipalNames": [app_id],
            "servicePrincipalType": "ManagedIdentity",
            "@owners": [],
        }
    )


def delete(directory: Directory, principal_id: str) -> None:
    """Remove a managed identity's service principal; no error when it is gone already."""
    app_role_assignments.forget(directory, principal_id)
    directory.service_principals.drop(principal_id)


def refuse_deletion(principal: Object) -> None:
    """Refuse a deletion through Graph of what only Azure may delete."""
    if principal["servicePrincipalType"] == "ManagedIdentity":
        raise graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
