"""What attackers stage, and how a test sees that it did no harm."""

import re
from collections.abc import Callable
from typing import Any

from mct_s2s.model.ids import new_app_role_id, service_unique_name

from tests.cli.conftest import Ended
from tests.conftest import SITE, Json, Sandbox
from tests.security.conftest import Member

A, B = ("-a", "contosolearn"), ("-a", "site-b", "-g", "rg-b")
SITE_B = SITE.replace("mct-prod", "rg-b").replace("contosolearn", "site-b")
OWN = service_unique_name("contosolearn")
ROLE_ID = "4b9b2f5c-0d0c-4d1e-9a6e-0d5f6a1c2b3d"


def role(role_id: str = ROLE_ID) -> Json:
    return {
        "allowedMemberTypes": ["Application"],
        "description": "MCT",
        "displayName": "S2SAppRole",
        "id": role_id,
        "isEnabled": True,
        "value": "S2SAppRole",
    }


GRAPH_ACCESS = {
    "resourceAppId": "00000003-0000-0000-c000-000000000000",
    "resourceAccess": [{"id": "19dbc75e-c2e2-444c-a770-ec69d8559fc7", "type": "Role"}],
}


def register(who: Member, name: str, *, days: int | None = None, **more: Any) -> Json:
    """A registration with a service principal, perhaps with a secret that ends soon."""
    application: Json = who.graph(
        "POST",
        "/applications",
        json={"displayName": name, "signInAudience": "AzureADMyOrg", **more},
    )
    application["principal"] = who.graph(
        "POST", "/servicePrincipals", json={"appId": application["appId"]}
    )["id"]
    if days is not None:
        credential = {"displayName": "theirs", "endDateTime": who.in_days(days)}
        application["secret"] = who.graph(
            "POST",
            f"/applications/{application['id']}/addPassword",
            json={"passwordCredential": credential},
        )["secretText"]
    return application


def assign(who: Sandbox | Member, service: Json, client: Json, role: str = ROLE_ID) -> None:
    body = {
        "principalId": client["principal"],
        "resourceId": service["principal"],
        "appRoleId": role,
    }
    who.graph("POST", f"/servicePrincipals/{service['principal']}/appRoleAssignedTo", json=body)


def disown(who: Member, application: Json) -> None:
    for half in (
        f"applications/{application['id']}",
        f"servicePrincipals/{application['principal']}",
    ):
        for owner in who.graph("GET", f"/{half}/owners")["value"]:
            if owner["id"] == who.id:
                who.graph("DELETE", f"/{half}/owners/{who.id}/$ref")


def planted_service(azure: Sandbox, who: Member, *clients: Json) -> Json:
    """Just as `setup` would make it, with its role assigned to whom he likes."""
    role_id = new_app_role_id(azure.tenant_id, OWN, "S2SAppRole")
    application = who.squat(
        OWN, "MCT service (contosolearn)", signInAudience="AzureADMyOrg", appRoles=[role(role_id)]
    )
    for client in clients:
        assign(who, application, client, role_id)
    return application


def secrets(azure: Sandbox, app: Json) -> int:
    return len(azure.graph("GET", f"/applications/{app['id']}")["passwordCredentials"])


def listed(azure: Sandbox, site: str = SITE) -> str:
    return azure.settings(site).get("ServiceApplicationIds") or ""


def is_refused(ended: Ended, azure: Sandbox, *codes: str) -> Json:
    """The error of a run that wrote nothing."""
    error: Json = ended.document["error"]
    assert (ended.code, error["code"] in codes, azure.writes()) == (2, True, []), ended.out
    return error


def as_printed(azure: Sandbox, error: Json) -> None:
    """An administrator purges a deleted registration by the command that a refusal prints."""
    purging = re.search(r"az rest --method DELETE --url \S+/v1\.0([^\s)]+)", error["remedy"])
    assert purging is not None, error
    azure.graph("DELETE", purging[1])


def add_owner(who: Sandbox | Member, half: str, owner: Member) -> None:
    """Make someone an owner of `applications/{id}` or `servicePrincipals/{id}`."""
    body = {"@odata.id": f"{who.graph_url}/v1.0/directoryObjects/{owner.id}"}
    who.graph("POST", f"/{half}/owners/$ref", json=body)


def once_owned(azure: Sandbox, rob: Member, app: Json, change: Callable[[], object]) -> None:
    """Rob owns a registration and its service principal for a while, and does something to them."""
    principal = azure.graph("GET", f"/servicePrincipals(appId='{app['appId']}')")["id"]
    halves = f"applications/{app['id']}", f"servicePrincipals/{principal}"
    for half in halves:
        add_owner(azure, half, rob)
    change()
    for half in halves:
        azure.graph("DELETE", f"/{half}/owners/{rob.id}/$ref")
