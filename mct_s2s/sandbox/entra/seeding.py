"""Objects that exist in a directory before anybody signs in."""

import uuid
from collections.abc import Iterable

from mct_s2s.sandbox.core.clock import Clock
from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.directory import Directory, ObjectIds
from mct_s2s.sandbox.entra.registrations import (
    applications,
    password_credentials,
    service_principals,
)
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.tenant.organization import Tenant
from mct_s2s.sandbox.entra.types import (
    DIRECTORY_ROLES,
    GRAPH_APP_ID,
    GRAPH_OFFERS,
    GRAPH_ROLES,
    MICROSOFT_TENANT_ID,
    NAMES,
    URIS,
    blank,
)
from mct_s2s.sandbox.entra.validation import timestamp

SEED_CREDENTIAL = "sandbox"


def seeded(
    clock: Clock,
    *,
    tenant_id: str,
    display_name: str,
    initial_domain: str,
    verified_domains: Iterable[str],
) -> Directory:
    """Create a tenant that holds Microsoft's own service principals and two people, and nothing
    else yet.

    Until `ids.be_random`, ids follow from names, so that the same seed makes the same objects. The
    first of `verified_domains` is the default one.
    """
    directory = Directory(clock)
    directory.ids = ObjectIds(tenant_id)
    others = [domain for domain in verified_domains if domain != initial_domain]
    directory.tenant = Tenant(
        tenant_id.lower(), display_name, (initial_domain, *others), timestamp(clock.now())
    )
    _add_microsoft(directory)
    add_person(
        directory, "admin", "Ada Admin", {"@roles": [DIRECTORY_ROLES["Global Administrator"]]}
    )
    add_person(directory, "lee", "Lee Learner", {"@roles": []})
    return directory


def add_person(directory: Directory, local: str, display_name: str, held: Object) -> Object:
    """Add a person who can sign in with a device code.

    Args:
        held: template ids of directory roles, the person's own in `@roles`, those of groups in
            `@groupRoles`.
    """
    return directory.users.put(
        blank("user")
        | {
            "id": _stable_id(directory, local),
            "accountEnabled": True,
            "displayName": display_name,
            "userPrincipalName": f"{local}@{directory.tenant.initial_domain}",
            "userType": "Member",
            **held,
        }
    )


def add_application(
    directory: Directory,
    display_name: str,
    *,
    app_id: str | None = None,
    secret: str | None = None,
    graph_roles: Iterable[str] = (),
) -> tuple[Object, Object]:
    """Add an application and its service principal, past all permissions; return both.

    Args:
        secret: becomes its credential named "sandbox"; only its hash is kept.
        graph_roles: app roles of Microsoft Graph that it is granted, e.g.
            `Application.ReadWrite.All`.
    """
    fixed = {"appId": app_id.lower()} if app_id else {}
    body = {"displayName": display_name, "signInAudience": "AzureADMyOrg"}
    application = applications.create(directory, body, **fixed)
    principal = service_principals.create(directory, {"appId": application["appId"]})
    graph = directory.service_principals.latest_by("appId", GRAPH_APP_ID)[0]
    for value in graph_roles:
        grant = {
            "principalId": principal["id"],
            "resourceId": graph["id"],
            "appRoleId": GRAPH_ROLES[value],
        }
        app_role_assignments.create(directory, grant)
    if secret is not None:
        set_secret(directory, application["appId"], secret)
    return application, principal


def set_secret(directory: Directory, app_id: str, secret: str) -> None:
    application = directory.applications.latest_by("appId", app_id)[0]
    password_credentials.put_known_password(directory, application, SEED_CREDENTIAL, secret)


def _add_microsoft(directory: Directory) -> None:
    graph_roles = [
        document("graphAppRole", value=value, id=role_id) for value, role_id in GRAPH_ROLES.items()
    ]
    for app_id, name in NAMES.items():
        directory.service_principals.put(
            blank("servicePrincipal")
            | {
                "id": _stable_id(directory, app_id),
                "accountEnabled": True,
                "appDisplayName": name,
                "appId": app_id,
                "appOwnerOrganizationId": MICROSOFT_TENANT_ID,
                "appRoles": graph_roles if app_id == GRAPH_APP_ID else [],
                "createdDateTime": None,
                "displayName": name,
                **(GRAPH_OFFERS if app_id == GRAPH_APP_ID else {}),
                "servicePrincipalNames": [app_id, *URIS.get(app_id, ())],
                "servicePrincipalType": "Application",
                "signInAudience": "AzureADMultipleOrgs",
                "@owners": [],
            }
        )


def _stable_id(directory: Directory, name: str) -> str:
    # The same ids in the same tenant, so that scripts find after a reset what they found before.
    return str(uuid.uuid5(uuid.UUID(directory.tenant_id), name))
