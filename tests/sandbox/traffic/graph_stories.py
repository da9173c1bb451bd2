"""Graph: applications and what belongs to them, in the order of the recordings."""

import uuid
from dataclasses import replace

from mct_s2s.sandbox.entra.types import GRAPH_APP_ID

from tests.sandbox.traffic.story import BASE64, Story

START, END = "2026-01-02T03:04:05Z", "2100-12-31T11:59:59Z"
YOUNGEST = ("createdByAppId",)
"""Members of an application that are younger than all recordings: docs/azure-contract.md, section
3.2.
"""
YOUNGER = (
    *YOUNGEST,
    "serviceManagementReference", "nativeAuthenticationApisEnabled", "uniqueName",
    "samlMetadataUrl",
    "servicePrincipalLockConfiguration", "requestSignatureVerification", "web/redirectUriSettings",
)  # fmt: skip
"""Members of an application that recordings of 2021 and 2022 have not; those of 2025 have all but
the first.
"""


def younger(where: str = "") -> list[str]:
    """Where an older recording's application may have what it had not yet."""
    return [f"{where}/{name}" for name in YOUNGER]


def youngest(where: str = "") -> list[str]:
    """Where an application of 2025 may have what none had then."""
    return [f"{where}/{name}" for name in YOUNGEST]


def create_for_rbac(story: Story) -> None:
    """az ad sp create-for-rbac, of April 2025: today's defaults."""
    story.send("applications/01")
    story.send("applications/02", may_have=youngest(), aGuid=str(uuid.UUID(int=9)))
    secret = {
        "passwordCredential": {"displayName": "rbac", "startDateTime": START, "endDateTime": END}
    }
    story.graph("POST", f"/applications/{story.names['appObjectId']}/addPassword", secret)
    story.send("applications/03", may_have=youngest("/value/0"))
    story.send("applications/04", may_have=youngest())
    story.send("service-principals/06")
    story.send("service-principals/01")
    story.send("applications/05")


def app_credential(story: Story) -> None:
    """az ad app credential, of 2022, when the default audience was another one (a knob of the
    sandbox).
    """
    story.client.vary(default_sign_in_audience="AzureADandPersonalMicrosoftAccount")
    story.send("applications/06", may_have=younger())
    story.send("credentials/01", start="2026-01-02T03:04:05Z", end="2099-01-02T03:04:05Z")
    first = story.graph("GET", f"/applications/{story.names['appObjectId']}")[
        "passwordCredentials"
    ][0]["keyId"]
    story.graph(
        "POST",
        f"/applications/{story.names['appObjectId']}/addPassword",
        {"passwordCredential": {"displayName": "key2", "startDateTime": START, "endDateTime": END}},
    )
    story.send("credentials/02", may_have=younger("/value/0"), keyId1=first)
    story.send("credentials/03")
    story.send("credentials/04", start="2026-01-02T03:04:05Z")


def powershell_application(story: Story) -> None:
    """New-AzADAppCredential, of 2021."""
    story.application(signInAudience="AzureADMyOrg")
    story.send(
        "credentials/05",
        clientKeyId=str(uuid.uuid4()),
        path="/v1.0/applications/{appObjectId}/addPassword",
    )
    story.send("credentials/06", may_have=younger())
    story.send("credentials/07")


def app_scenario(story: Story) -> None:
    """az ad app create, update, show and delete, of 2022: every member set."""
    ids = {
        name: str(uuid.uuid4())
        for name in ("keyId", "roleIdA", "roleIdB", "scopeId1", "scopeId2", "roleId3")
    }
    story.names |= {**ids, "otherAppId": str(uuid.uuid4()), "certificate": BASE64}
    # Of a name of one's own, an identifier URI must hold the tenant's id since 2025.
    story.names |= {
        "name": f"{story.names['tenantId']}/a",
        "start": START,
        "end": "2027-01-02T03:04:05Z",
    }
    story.send("applications/07", may_have=younger())
    story.send("applications/08", may_have=younger("/value/0"))
    story.send("applications/11")
    story.graph("DELETE", f"/applications/{story.names['appObjectId']}")
    story.send("applications/12", deletedAppId=story.names["appId"])
    story.send("applications/13")
    story.send("errors/graph-02")


def personal_app(story: Story) -> None:
    """The same, where the application was made by the defaults of 2022: for personal accounts, with
    roles.
    """
    story.client.vary(default_sign_in_audience="AzureADandPersonalMicrosoftAccount")
    ids = {
        name: str(uuid.uuid4())
        for name in ("keyId", "roleIdA", "roleIdB", "scopeId1", "scopeId2", "roleId3")
    }
    tenant = story.names["tenantId"]
    story.names |= {
        **ids,
        "otherAppId": str(uuid.uuid4()),
        "certificate": BASE64,
        "name2": f"{tenant}/b",
    }
    story.application()
    story.names |= {"start": START, "end": "2027-01-02T03:04:05Z"}
    story.send("applications/09")
    story.send("applications/10", may_have=younger())


def refused_listing(story: Story) -> None:
    """A caller without rights in the directory."""
    story.caller("graph")
    story.send("applications/14")
    story.send("errors/graph-01")


def federated_credentials(story: Story) -> None:
    """az ad app federated-credential, of 2022."""
    story.application()
    for number in range(1, 8):
        story.send(f"federated-credentials/0{number}")
    story.graph("DELETE", f"/applications/{story.names['appObjectId']}")
    story.send("applications/15")


def service_principals(story: Story) -> None:
    """az ad sp, of 2022."""
    story.client.vary(default_sign_in_audience="AzureADandPersonalMicrosoftAccount")
    story.application()
    story.names["identifierUri"] = f"api://{story.names['appId']}"
    address = f"/applications/{story.names['appObjectId']}"
    story.graph("PATCH", address, {"identifierUris": [story.names["identifierUri"]]})
    for number in range(2, 6):
        story.send(f"service-principals/0{number}")
    story.send("service-principals/07")
    story.graph("DELETE", address)
    story.send("service-principals/08")


def principal_credential(story: Story) -> None:
    """az ad sp credential, of 2022."""
    story.client.vary(default_sign_in_audience="AzureADandPersonalMicrosoftAccount")
    story.application()
    story.principal()
    story.names["identifierUri"] = f"api://{story.names['appId']}"
    address = f"/applications/{story.names['appObjectId']}"
    story.graph("PATCH", address, {"identifierUris": [story.names["identifierUri"]]})
    story.send("credentials/08", start=START, end="2100-01-01T00:00:00Z")
    story.send("credentials/09")


def permissions(story: Story) -> None:
    """az ad app permission add, grant and delete, of 2022."""
    story.client.vary(default_sign_in_audience="AzureADandPersonalMicrosoftAccount")
    story.application()
    scope, role = str(uuid.uuid4()), str(uuid.uuid4())
    wanted = {
        "resourceAppId": GRAPH_APP_ID,
        "resourceAccess": [{"id": scope, "type": "Scope"}, {"id": role, "type": "Role"}],
    }
    story.graph(
        "PATCH", f"/applications/{story.names['appObjectId']}", {"requiredResourceAccess": [wanted]}
    )
    story.send("permissions-and-consent/01", may_have=younger(), scopeId=scope, roleId=role)
    client = story.principal()
    graph = story.graph("GET", f"/servicePrincipals(appId='{GRAPH_APP_ID}')")["id"]
    story.names |= {
        "clientSpObjectId": client,
        "resourceSpObjectId": graph,
        "clientAppId": story.names["appId"],
    }
    story.bearer["graph"] = story.signed_in(
        next(story.state.directory.users.seen_all())["userPrincipalName"]
    )
    grant = {
        "clientId": client,
        "consentType": "AllPrincipals",
        "principalId": None,
        "resourceId": graph,
    }
    story.graph("POST", "/oauth2PermissionGrants", {**grant, "scope": "A.Read"})
    for number in range(2, 7):
        story.send(f"permissions-and-consent/0{number}")
    story.send("permissions-and-consent/07", microsoftGraphSpObjectId=graph)
    secret = {"passwordCredential": {"displayName": "not mirrored"}}
    story.graph("POST", f"/applications/{story.names['appObjectId']}/addPassword", secret)
    story.send("permissions-and-consent/08")


def assignment(story: Story) -> None:
    """Consent to an application permission, as documentation prints it; and what follows a
    repetition.
    """
    role = {
        "allowedMemberTypes": ["Application"],
        "displayName": "r",
        "description": "r",
        "value": "R",
    }
    story.application("service", appRoles=[{**role, "id": str(uuid.uuid4()), "isEnabled": True}])
    roles = story.graph("GET", f"/applications/{story.names['appObjectId']}")["appRoles"]
    story.names |= {"resourceSpObjectId": story.principal(), "appRoleId": roles[0]["id"]}
    story.application("client")
    story.names |= {"clientSpObjectId": story.principal(), "id": story.names["resourceSpObjectId"]}
    story.send("permissions-and-consent/09")
    sent = {name: story.names[bound] for name, bound in _ENDS.items()}
    story.send("errors/graph-08", body=sent)
    story.client.vary(duplicate_consent_as_grant=True)
    story.send("errors/graph-08b", body=sent)
    story.send("errors/graph-09", body={**sent, "principalId": story.names["missing"]})
    story.caller("graph", "AppRoleAssignment.ReadWrite.All")
    story.send("errors/graph-10", body=sent)


_ENDS = {
    "principalId": "clientSpObjectId",
    "resourceId": "resourceSpObjectId",
    "appRoleId": "appRoleId",
}


def owners(story: Story) -> None:
    """az ad app owner, of 2022: by a person, who owns what they create."""
    directory = story.state.directory
    person = next(directory.users.seen_all())
    story.bearer["graph"] = story.signed_in(person["userPrincipalName"])
    story.application()
    story.names["userId"] = person["id"]
    for number in range(1, 4):
        story.send(f"owners/0{number}")


def organization(story: Story) -> None:
    """Get-AzADOrganization, of 2022: of a tenant with a domain that nobody uses."""
    tenant = story.state.directory.tenant
    story.state.directory.tenant = replace(tenant, domains=(*tenant.domains, "unused.example"))
    story.send("organization/01")


def policies(story: Story) -> None:
    """What an app management policy refuses."""
    story.application()
    story.state.directory.policies.change(
        {
            "applicationRestrictions": {
                "passwordCredentials": [{"restrictionType": "passwordAddition"}]
            }
        }
    )
    story.names["policyId"] = story.state.directory.policies.document["id"]
    story.send("errors/graph-03")
    rule = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D"}
    story.state.directory.policies.change(
        {"applicationRestrictions": {"passwordCredentials": [rule]}}
    )
    story.send("errors/graph-04")
    story.send("errors/graph-05")


def taken_names(story: Story) -> None:
    """A uniqueName is taken for as long as the application can be restored; a key id does not
    change its content.
    """
    story.application(uniqueName="taken")
    story.graph("DELETE", f"/applications/{story.names['appObjectId']}")
    story.send("errors/graph-07", path="/v1.0/applications(uniqueName='taken')")
    story.application()
    key = {
        "keyId": str(uuid.uuid4()),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": BASE64,
    }
    story.graph("PATCH", f"/applications/{story.names['appObjectId']}", {"keyCredentials": [key]})
    changed = {"keyCredentials": [{**key, "key": None, "usage": "Encrypt"}]}
    story.send("errors/graph-11", body=changed, keyId=key["keyId"])
    story.send("errors/graph-14", headers={"Authorization": ""})


def challenged(story: Story) -> None:
    """A token that was got from another address than the one that Graph sees."""
    story.bearer["graph"] = story.signed_in(
        next(story.state.directory.users.seen_all())["userPrincipalName"]
    )
    story.client.vary(location_challenges=True)
    story.send("errors/graph-15", path="/v1.0/organization")


def throttled(story: Story) -> None:
    """Too many requests."""
    fault = {
        "fault": {"type": "status", "status": 429, "retryAfter": 1},
        "match": {"service": "Graph"},
    }
    story.client.request("PUT", "/_sandbox/faults", json=[fault]).raise_for_status()
    story.send("errors/graph-16", path="/v1.0/organization")


STORIES = (
    create_for_rbac, app_credential, powershell_application, app_scenario, personal_app,
    refused_listing,
    federated_credentials, service_principals, principal_credential, permissions, assignment,
    owners, organization,
    policies, taken_names, challenged, throttled,
)  # fmt: skip
