"""Resource Manager: settings and identity of a site, locks, and what is refused."""

import uuid
from typing import Any

from mct_s2s.sandbox.resources.role_assignments import READER
from mct_s2s.sandbox.state import seed

from tests.sandbox.traffic.story import Story

_WEB = "2022-03-01"
_LOCKS = "/providers/Microsoft.Authorization/locks"


def _asked(story: Story, method: str, path: str, version: str, body: Any = None) -> Any:
    answer = story.ask("arm", method, path, query={"api-version": version}, body=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def web_config(story: Story) -> None:
    """az webapp config, of 2022."""
    site = story.site(settings={"WEBSITE_NODE_DEFAULT_VERSION": "~14"})
    for number in range(1, 6):
        story.send(f"app-settings/0{number}")
    story.send("app-settings/06")
    story.send("app-settings/07")
    others = {name: {"value": "v", "type": "MySql"} for name in ("c1", "c3")}
    _asked(story, "PUT", f"{site}/config/connectionstrings", _WEB, {"properties": others})
    story.send("app-settings/08")
    story.send("app-settings/09")
    story.send("app-settings/10")


def system_identity(story: Story) -> None:
    """az functionapp identity assign, of 2022: a PUT of the whole site; and a role for it
    at once.
    """
    story.site(kind="functionapp")
    sub, plan = story.names["sub"], story.names["plan"]
    story.send("site-identity/01")
    server_farm = (
        f"/subscriptions/{sub}/resourceGroups/traffic/providers/Microsoft.Web/serverfarms/{plan}"
    )
    whole = {"/location": seed.LOCATION, "/properties/serverFarmId": server_farm}
    story.send("site-identity/02", change=whole)
    story.send("site-identity/03")
    story.names |= {"assignmentId": str(uuid.uuid4()), "roleId": READER}
    known = story.names["principalId"]
    unknown = str(uuid.uuid4())
    story.send("site-identity/04", principalId=unknown)
    story.send(
        "errors/arm-12", id=str(uuid.uuid4()), objectId=unknown, body=_assignment(story, unknown)
    )
    story.send("site-identity/05", principalId=known)
    story.send("site-identity/06")


def _assignment(story: Story, principal: str) -> Any:
    role = (
        f"/subscriptions/{story.names['sub']}/providers/Microsoft.Authorization/roleDefinitions/"
        f"{READER}"
    )
    return {"properties": {"roleDefinitionId": role, "principalId": principal}}


def user_identity(story: Story) -> None:
    """az functionapp identity assign with a user-assigned identity, and its removal, of 2022."""
    site = story.site(kind="functionapp")
    group = f"/subscriptions/{story.names['sub']}/resourcegroups/traffic"
    identity = (
        f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/traffic-identity"
    )
    identity_properties = _asked(story, "PUT", identity, "2023-01-31", {"location": "westeurope"})[
        "properties"
    ]
    story.names |= {
        "uami": "traffic-identity",
        "uamiPrincipalId": identity_properties["principalId"],
    }
    story.names["uamiClientId"] = identity_properties["clientId"]
    system_assigned = {"type": "SystemAssigned"}
    body = {"kind": "functionapp", "location": seed.LOCATION, "properties": {}}
    known = _asked(story, "PUT", site, _WEB, {**body, "identity": system_assigned})["identity"][
        "principalId"
    ]
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {identity: {}}}
    story.send("site-identity/07", body={**body, "identity": both}, principalId=known)
    story.send("site-identity/08", body={**body, "identity": system_assigned})


def locks(story: Story) -> None:
    """az lock, of 2021: locks of a subscription, of a resource and of a group."""
    site = story.site()
    group = f"/subscriptions/{story.names['sub']}/resourcegroups/Integrations"
    lock = {"properties": {"level": "CanNotDelete"}}
    _asked(story, "PUT", f"{site}{_LOCKS}/l2", "2016-09-01", lock)
    noted = {"properties": {"level": "CanNotDelete", "notes": "n"}}
    _asked(story, "PUT", f"{group}{_LOCKS}/l3", "2016-09-01", noted)
    story.send("locks/01", lock="l1")
    story.send("locks/02", lock2="l2", lock3="l3", rg3="Integrations")
    story.send("locks/03")


def refusals(story: Story) -> None:
    """What the gateway and the authorization of Resource Manager refuse."""
    site = story.site()
    story.send("errors/arm-03", path=f"/subscriptions/{story.names['sub']}/resources")
    story.send("errors/arm-04", missing="no-site", version="2022-09-01")
    story.names["unknown sub"] = str(uuid.uuid4())
    story.send("errors/arm-05")
    story.send("errors/arm-05b", missing="no-group", version="2022-09-01")
    story.names |= {"scope": f"{site}", "action": "Microsoft.Web/sites/restart/action"}
    deny = {"actions": ["Microsoft.Web/sites/restart/action"], "scope": site}
    story.client.request("POST", "/_sandbox/deny-assignments", json=deny).raise_for_status()
    principal_id = _principal_of(story)
    story.send("errors/arm-07", objectId=principal_id, path="{scope}/restart", version=_WEB)
    lock = {"properties": {"level": "CanNotDelete"}}
    _asked(story, "PUT", f"{site}{_LOCKS}/l", "2020-05-01", lock)
    story.names |= {"asked id, its own casing": site, "asked id": site, "locked scope": site}
    story.send("errors/arm-08", path="{scope}", version=_WEB)
    story.names |= {"objectId": story.caller("arm"), "action": "Microsoft.Web/sites/read"}
    story.send("errors/arm-06", path="{scope}", version=_WEB)


def _principal_of(story: Story) -> str:
    administrator = story.state.directory.service_principals.latest_by(
        "appId", seed.ADMINISTRATOR_ID
    )
    return str(administrator[0]["id"])


def older_clouds(story: Story) -> None:
    """Api-versions that a cloud has not: of a provider, of Resource Manager itself."""
    story.site()
    story.client.vary(api_versions={"Microsoft.Web": ["2023-12-01", "2024-04-01"]})
    story.send("errors/arm-01")
    story.send("errors/arm-02")


def second_factor(story: Story) -> None:
    """A person who signed in without one writes."""
    site = story.site()
    story.client.vary(sign_in_with_mfa=False)
    person = next(story.state.directory.users.seen_all())
    story.bearer["arm"] = story.signed_in(person["userPrincipalName"], "arm")
    body = {"location": seed.LOCATION, "properties": {}}
    story.send("errors/arm-09", path=site, body=body, version=_WEB)


def throttled(story: Story) -> None:
    """Too many requests."""
    fault = {
        "fault": {"type": "status", "status": 429, "retryAfter": 5},
        "match": {"service": "ARM"},
    }
    story.client.request("PUT", "/_sandbox/faults", json=[fault]).raise_for_status()
    story.send("errors/arm-10", path="/subscriptions")


STORIES = (
    web_config,
    system_identity,
    user_identity,
    locks,
    refusals,
    older_clouds,
    second_factor,
    throttled,
)
