"""What Graph keeps, gives back and refuses: writes that follow the rules, read again in every way
that clients use.
"""

import base64
import json
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from mct_s2s.sandbox.state import seed

from tests.sandbox.bearers import bearer_with
from tests.sandbox.conftest import EVENTUAL, OWN, PREFER, ROLE, Client, make_app, make_service
from tests.sandbox.sign_ins import KEY, certificate, with_certificate
from tests.sandbox.traffic.story import BASE64, CERTIFICATE, PEM

ENTRY = {
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
    "key": BASE64,
    "keyId": str(uuid.UUID(int=8)),
}


def names(client: Client, path: str, **options: Any) -> list[str]:
    answer = client.graph("GET", path, **options)
    assert answer.status_code == 200, answer.text
    return sorted(item["displayName"] for item in answer.json()["value"])


def test_upsert_creates_once_and_updates_then(client: Client) -> None:
    path = "/applications(uniqueName='mct-s2s-x')"
    first = client.graph("PATCH", path, json=OWN, headers=PREFER)
    assert (first.status_code, first.json()["uniqueName"]) == (201, "mct-s2s-x")
    second = client.graph("PATCH", path, json={"displayName": "renamed"}, headers=PREFER)
    assert (second.status_code, second.content) == (204, b"")
    assert client.graph("GET", path).json()["displayName"] == "renamed"
    taken = client.graph("POST", "/applications", json={**OWN, "uniqueName": "MCT-S2S-X"})
    assert taken.json()["error"]["message"].endswith("for property uniqueName already exists.")


def test_a_patch_merges_complex_properties_and_replaces_arrays(client: Client) -> None:
    application = make_app(client, tags=["a", "b"], web={"homePageUrl": "https://a.example"})
    path = f"/applications/{application['id']}"
    change = {
        "tags": ["c"],
        "web": {"logoutUrl": "https://b.example"},
        "api": {"acceptMappedClaims": True},
    }
    assert client.graph("PATCH", path, json=change).status_code == 204
    read = client.graph("GET", path).json()
    assert read["tags"] == ["c"]
    assert (read["web"]["homePageUrl"], read["web"]["logoutUrl"]) == (
        "https://a.example",
        "https://b.example",
    )
    assert (read["api"]["acceptMappedClaims"], read["api"]["knownClientApplications"]) == (True, [])


def test_a_service_principal_mirrors_its_application(client: Client) -> None:
    service = make_service(client)
    principal = client.graph("GET", f"/servicePrincipals/{service['principal']}").json()
    assert set(principal["servicePrincipalNames"]) == {
        service["appId"],
        f"api://{service['appId']}",
    }
    assert [role["value"] for role in principal["appRoles"]] == ["S2SAppRole"]
    client.graph("PATCH", f"/applications/{service['id']}", json={"displayName": "renamed"})
    assert (
        client.graph("GET", f"/servicePrincipals/{service['principal']}").json()["displayName"]
        == "renamed"
    )


def test_a_secret_is_shown_once(client: Client) -> None:
    application = make_app(client)
    path = f"/applications/{application['id']}"
    answer = client.graph(
        "POST", f"{path}/addPassword", json={"passwordCredential": {"displayName": "one"}}
    )
    secret = answer.json()["secretText"]
    assert (answer.status_code, len(secret), answer.json()["hint"]) == (200, 40, secret[:3])
    read = client.graph("GET", path)
    assert [credential["secretText"] for credential in read.json()["passwordCredentials"]] == [None]
    assert secret not in read.text
    assert secret not in json.dumps(client.state.to_dict())
    start, end = (answer.json()[name] for name in ("startDateTime", "endDateTime"))
    assert int(end[:4]) == int(start[:4]) + 2


def test_credentials_come_back_as_they_were_read(client: Client) -> None:
    application = with_certificate(client, certificate(KEY))
    path = f"/applications/{application['id']}"
    client.graph("POST", f"{path}/addPassword", json={})
    read = client.graph("GET", path).json()
    assert read["keyCredentials"][0]["key"] is None
    again = {name: read[name] for name in ("keyCredentials", "passwordCredentials")}
    assert client.graph("PATCH", path, json=again).status_code == 204
    assert client.graph("GET", f"{path}?$select=keyCredentials").json()["keyCredentials"][0]["key"]
    assert (
        client.graph(
            "PATCH", path, json={"keyCredentials": [], "passwordCredentials": []}
        ).status_code
        == 204
    )
    assert client.graph("GET", path).json()["keyCredentials"] == []


def test_filters_select_as_clients_expect(client: Client) -> None:
    service = make_service(client, tags=["mct"])
    client.graph("POST", "/applications", json={**OWN, "displayName": "it's"})
    other = client.graph("GET", f"/applications(appId='{seed.ADMINISTRATOR_ID}')").json()
    cases = {
        f"appId eq '{service['appId'].upper()}'": ["made"],
        "displayName eq 'LIBRARY KIOSK'": ["Library kiosk", "Library kiosk"],
        "displayName eq 'it''s'": ["it's"],
        "startswith(displayName,'lib') or displayName eq 'made'": [
            "Library kiosk",
            "Library kiosk",
            "made",
        ],
        f"identifierUris/any(u:u eq 'api://{service['appId']}')": ["made"],
        "identifierUris/any(s:startswith(s, 'api://'))": ["made"],
        "tags/any(t: t eq 'mct') and displayName eq 'made'": ["made"],
        "tags/any(t: t eq 'mct') and displayName eq 'other'": [],
        f"appId in ('{service['appId']}', '{seed.ADMINISTRATOR_ID}')": [
            "Deployment pipeline",
            "made",
        ],
        f"id in ('{service['id']}','{other['id']}')": ["Deployment pipeline", "made"],
        "(displayName eq 'made')": ["made"],
    }
    for text, expected in cases.items():
        assert names(client, "/applications", params={"$filter": text}) == expected, text
    advanced = {
        "$filter": "displayName ne 'made' and not startswith(displayName,'L')",
        "$count": "true",
    }
    assert names(client, "/applications", params=advanced, headers=EVENTUAL) == [
        "Deployment pipeline",
        "Grafana",
        "Payroll export",
        "it's",
    ]


def test_pages_are_followed_to_the_end(client: Client) -> None:
    for number in range(5):
        client.graph("POST", "/applications", json={**OWN, "displayName": f"n{number}"})
    options = {
        "$filter": "startswith(displayName,'n')",
        "$top": "2",
        "$select": "displayName",
        "$count": "true",
    }
    page = client.graph("GET", "/applications", params=options, headers=EVENTUAL).json()
    assert page["@odata.count"] == 5
    assert page["value"][0] == {"displayName": "n0"}
    seen = [item["displayName"] for item in page["value"]]
    while "@odata.nextLink" in page:
        path = page["@odata.nextLink"].removeprefix("https://localhost:8444/v1.0")
        page = client.graph("GET", path, headers=EVENTUAL).json()
        seen += [item["displayName"] for item in page["value"]]
    assert seen == [f"n{number}" for number in range(5)]


def test_a_deleted_application_takes_its_principal_along_and_comes_back_without_it(
    client: Client,
) -> None:
    application = make_app(client, uniqueName="kept")
    assert (
        client.graph("DELETE", f"/applications(appId='{application['appId']}')").status_code == 204
    )
    for path in (
        f"/applications/{application['id']}",
        f"/servicePrincipals/{application['principal']}",
    ):
        assert client.graph("GET", path).status_code == 404
    listed = client.graph("GET", "/directory/deletedItems/microsoft.graph.application").json()[
        "value"
    ]
    assert [item["id"] for item in listed] == [application["id"]]
    assert (
        client.graph("POST", "/applications", json={**OWN, "uniqueName": "kept"}).status_code == 400
    )
    restored = client.graph("POST", f"/directory/deletedItems/{application['id']}/restore")
    assert (restored.status_code, restored.json()["deletedDateTime"]) == (200, None)
    assert client.graph("GET", f"/applications/{application['id']}").status_code == 200
    assert client.graph("GET", f"/servicePrincipals/{application['principal']}").status_code == 404
    assert (
        client.graph(
            "POST", f"/directory/deletedItems/{application['principal']}/restore"
        ).status_code
        == 200
    )
    assert client.graph("GET", f"/servicePrincipals/{application['principal']}").status_code == 200


def test_federated_credentials_are_found_by_id_and_by_name(client: Client) -> None:
    application = make_app(client)
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    body = {"issuer": "https://i", "subject": "s", "audiences": ["api://AzureADTokenExchange"]}
    assert (
        client.graph("PATCH", f"{path}(name='main')", json=body, headers=PREFER).status_code == 201
    )
    assert (
        client.graph(
            "PATCH", f"{path}(name='main')", json={"subject": "t"}, headers=PREFER
        ).status_code
        == 204
    )
    listed = client.graph("GET", path).json()["value"]
    assert [
        (credential["name"], credential["subject"], credential["description"])
        for credential in listed
    ] == [("main", "t", None)]
    assert client.graph("DELETE", f"{path}/{listed[0]['id']}").status_code == 204
    assert client.graph("GET", path).json()["value"] == []


def test_objects_of_several_types_are_found_by_their_ids(client: Client) -> None:
    application = make_app(client)
    ids = [application["id"], application["principal"], str(uuid.UUID(int=3))]
    objects = client.graph("POST", "/directoryObjects/getByIds", json={"ids": ids}).json()["value"]
    assert {entity["@odata.type"] for entity in objects} == {
        "#microsoft.graph.application",
        "#microsoft.graph.servicePrincipal",
    }
    body = {"ids": ids, "types": ["servicePrincipal"]}
    only = client.graph("POST", "/directoryObjects/getByIds", json=body).json()["value"]
    assert [entity["id"] for entity in only] == [application["principal"]]


def test_a_batch_answers_each_item_by_itself(client: Client) -> None:
    json_type = {"Content-Type": "application/json"}
    requests = [
        {"id": "1", "method": "POST", "url": "/applications", "headers": json_type, "body": OWN},
        {"id": "2", "method": "GET", "url": f"/applications/{uuid.UUID(int=1)}"},
        {"id": "3", "method": "GET", "url": "/organization?$select=id", "dependsOn": ["2"]},
        {
            "id": "4",
            "method": "GET",
            "url": f"/applications%28appId%3D%27{seed.ADMINISTRATOR_ID}%27%29",
            "dependsOn": ["1"],
        },
    ]
    answer = client.graph("POST", "/$batch", json={"requests": requests})
    assert answer.status_code == 200
    statuses = {response["id"]: response["status"] for response in answer.json()["responses"]}
    assert statuses == {"1": 201, "2": 404, "3": 424, "4": 200}


def test_arrays_come_in_another_order_at_each_reading(client: Client) -> None:
    """They are sets; the answer to a creation alone shows them as they were sent:
    azure-contract.md, section 3.11.
    """
    uris = [
        "api://00000000-0000-0000-0000-00000000000a/x",
        "api://00000000-0000-0000-0000-00000000000a/y",
    ]
    sent = {"displayName": "order", "signInAudience": "AzureADMyOrg", "tags": ["a", "b", "c"]}
    application = client.graph("POST", "/applications", json=sent).json()
    assert application["tags"] == ["a", "b", "c"]
    client.graph(
        "PATCH", f"/applications/{application['id']}", json={"web": {"redirectUris": uris}}
    )
    reads = [client.graph("GET", f"/applications/{application['id']}").json() for _ in range(3)]
    assert len({tuple(read["tags"]) for read in reads}) > 1
    assert {frozenset(read["tags"]) for read in reads} == {frozenset("abc")}
    assert {frozenset(read["web"]["redirectUris"]) for read in reads} == {frozenset(uris)}


# New objects


def test_an_application_may_be_made_with_a_secret_that_signs_in(client: Client) -> None:
    application = client.create(
        "/applications", **OWN, passwordCredentials=[{"displayName": "first"}]
    )
    secret = application["passwordCredentials"][0]["secretText"]
    read = client.graph("GET", f"/applications/{application['id']}").json()["passwordCredentials"]
    assert [
        (credential["displayName"], credential["secretText"], credential["hint"])
        for credential in read
    ] == [("first", None, secret[:3])]
    client.graph("POST", "/servicePrincipals", json={"appId": application["appId"]})
    assert client.token(f"{client.addresses.graph}/.default", application["appId"], secret)


def test_a_service_principal_is_made_by_a_patch_by_its_key(client: Client) -> None:
    application = client.create("/applications", **OWN)
    path = f"/servicePrincipals(appId='{application['appId']}')"
    first = client.graph("PATCH", path, json={"tags": ["a"]}, headers=PREFER)
    assert (first.status_code, first.json()["appId"], first.json()["tags"]) == (
        201,
        application["appId"],
        ["a"],
    )
    assert client.graph("PATCH", path, json={"tags": ["b"]}, headers=PREFER).status_code == 204
    assert client.graph("GET", path).json()["tags"] == ["b"]
    assert (
        client.graph(
            "PATCH", f"/servicePrincipals(appId='{uuid.UUID(int=5)}')", json={}
        ).status_code
        == 404
    )


def test_roles_that_were_read_may_be_sent_back_and_are_enabled_where_nothing_is_said(
    client: Client,
) -> None:
    role = {name: value for name, value in ROLE.items() if name != "isEnabled"}
    application = client.create("/applications", **OWN, appRoles=[role])
    assert (application["appRoles"][0]["isEnabled"], application["appRoles"][0]["origin"]) == (
        True,
        "Application",
    )
    sent = {"appRoles": application["appRoles"], "api": {"oauth2PermissionScopes": []}}
    assert client.graph("PATCH", f"/applications/{application['id']}", json=sent).status_code == 204


@pytest.mark.parametrize("key", [BASE64, base64.b64encode(PEM).decode()], ids=["DER", "PEM"])
def test_a_certificate_is_known_by_its_thumbprint_in_hex(client: Client, key: str) -> None:
    application = client.create("/applications", **OWN, keyCredentials=[{**ENTRY, "key": key}])
    thumbprint = CERTIFICATE.fingerprint(SHA1()).hex().upper()
    assert application["keyCredentials"][0]["customKeyIdentifier"] == thumbprint


def test_a_certificate_survives_as_it_was_read_and_in_no_other_form(client: Client) -> None:
    application = client.create("/applications", **OWN, keyCredentials=[ENTRY])
    path = f"/applications/{application['id']}"
    read = application["keyCredentials"][0]
    assert client.graph("PATCH", path, json={"keyCredentials": [read]}).status_code == 204
    for change in (
        {"usage": "Encrypt"},
        {"endDateTime": "2040-01-01T00:00:00Z"},
        {"customKeyIdentifier": None},
    ):
        answer = client.graph("PATCH", path, json={"keyCredentials": [{**read, **change}]})
        assert answer.json()["error"]["message"].startswith(
            "Update to existing credential with KeyId"
        )
    whole = client.graph("GET", path, params={"$select": "keyCredentials"}).json()["keyCredentials"]
    assert whole[0]["key"] == BASE64


# Query options


def test_a_count_is_given_to_those_who_accept_an_old_one(client: Client) -> None:
    path = "/applications/$count"
    assert (
        client.graph("GET", path).json()["error"]["message"] == "$count is not currently supported."
    )
    counted = client.graph("GET", path, headers=EVENTUAL)
    assert (counted.headers["content-type"], counted.text) == ("text/plain; charset=utf-8", "5")
    some = client.graph(
        "GET", path, headers=EVENTUAL, params={"$filter": "startswith(displayName,'lib')"}
    )
    assert some.text == "2"
    assert client.graph("GET", "/servicePrincipals/$count", headers=EVENTUAL).text.isdecimal()


def test_a_count_without_the_header_is_left_out_in_silence(client: Client) -> None:
    answer = client.graph("GET", "/applications", params={"$count": "true"})
    assert (answer.status_code, "@odata.count" in answer.json()) == (200, False)
    answer = client.graph("GET", "/applications", params={"$count": "true"}, headers=EVENTUAL)
    assert answer.json()["@odata.count"] == 5


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("createdDateTime ge 2020-01-01T00:00:00Z", 5),
        ("createdDateTime le 2020-01-01T00:00:00Z", 0),
        ("createdDateTime ge 2020-01-01T00:00:00+02:00", 5),
    ],
)
def test_moments_are_compared_without_quotes_and_an_advanced_query(
    client: Client, text: str, count: int
) -> None:
    assert (
        len(client.graph("GET", "/applications", params={"$filter": text}).json()["value"]) == count
    )


def test_names_of_members_and_segments_have_no_case(client: Client) -> None:
    applications = client.graph("GET", "/Applications", params={"$select": "Id,DISPLAYNAME"}).json()
    assert applications["@odata.context"].endswith("#applications(id,displayName)")
    assert set(applications["value"][0]) == {"id", "displayName"}
    app_id = client.graph("GET", "/applications").json()["value"][0]["appId"]
    assert client.graph("GET", f"/applications(APPID='{app_id}')").json()["appId"] == app_id


def test_owners_are_shown_as_far_as_they_are_selected(client: Client) -> None:
    application = client.create("/applications", **OWN)
    owners = client.graph(
        "GET", f"/applications/{application['id']}/owners", params={"$select": "id"}
    ).json()
    assert owners["@odata.context"].endswith("#directoryObjects(id)")
    assert [set(owner) for owner in owners["value"]] == [{"@odata.type", "id"}]


def test_some_members_are_shown_on_request_only(client: Client) -> None:
    path = "/users"
    headers = bearer_with(client, "User.Read.All")
    plain = client.graph("GET", path, headers=headers).json()["value"][0]
    assert {"jobTitle", "businessPhones"} <= set(plain)
    assert "accountEnabled" not in plain
    asked = client.graph("GET", path, headers=headers, params={"$select": "accountEnabled"}).json()[
        "value"
    ][0]
    assert asked == {"accountEnabled": True}


# What other clients ask, and this program does not; scripts/clients has some of them ask it


def test_a_path_below_myorganization_is_the_same_one(client: Client) -> None:
    application = client.create("/myorganization/applications", **OWN)
    again = client.graph("GET", f"/myOrganization/applications/{application['id']}").json()
    assert again == client.graph("GET", f"/applications/{application['id']}").json()
    item = {"id": "1", "method": "GET", "url": f"/myorganization/applications/{application['id']}"}
    batch = client.graph("POST", "/myorganization/$batch", json={"requests": [item]}).json()
    assert batch["responses"][0]["body"]["id"] == application["id"]


def test_a_list_of_an_application_can_be_read_alone(client: Client) -> None:
    application = client.create("/applications", **OWN, appRoles=[ROLE])
    roles = client.graph("GET", f"/applications(appId='{application['appId']}')/appRoles").json()
    assert roles["value"] == application["appRoles"]
    assert roles["@odata.context"].endswith(
        f"/$metadata#applications('{application['id']}')/appRoles"
    )
    principal = client.create("/servicePrincipals", appId=application["appId"])
    for name in ("appRoles", "oauth2PermissionScopes"):
        path = f"/servicePrincipals/{principal['id']}/{name}"
        assert client.graph("GET", path).json()["value"] == principal[name]


def test_the_assignments_of_a_principal_can_be_expanded(client: Client) -> None:
    """The CLI for Microsoft 365 lists consents that way."""
    query = {"$filter": f"appId eq '{seed.ADMINISTRATOR_ID}'", "$expand": "appRoleAssignments"}
    (listed,) = client.graph("GET", "/servicePrincipals", params=query).json()["value"]
    alone = client.graph(
        "GET", f"/servicePrincipals/{listed['id']}?$expand=appRoleAssignments&$select=id"
    ).json()
    apart = client.graph("GET", f"/servicePrincipals/{listed['id']}/appRoleAssignments").json()[
        "value"
    ]
    assert listed["appRoleAssignments"] == alone["appRoleAssignments"] == apart != []
    assert (
        client.graph("GET", f"/servicePrincipals/{listed['id']}?$expand=owners").status_code == 501
    )


NOBODY = str(uuid.UUID(int=5))


@pytest.fixture
def application(client: Client) -> dict[str, Any]:
    return make_app(client, appRoles=[ROLE])


def refusal(client: Client, method: str, path: str, body: Any) -> tuple[int, str, str]:
    answer = client.graph(method, path, json=body)
    error = answer.json()["error"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, error["code"], error["message"]


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("api://{app}", 204),
        ("api://{tenant}/{app}", 204),
        ("api://{tenant}/name", 204),
        ("api://name/{app}", 204),
        ("https://contosolearning.com/name", 204),
        ("https://a.contosolearning.onmicrosoft.com", 204),
        ("api://a.contosolearning.com/name", 204),
        ("api://notcontosolearning.com/name", 400),
        ("api://{tenant}", 400),
        ("urn:name", 400),
    ],
)
def test_identifier_uris_follow_the_tenants_policy(
    client: Client, application: dict[str, Any], uri: str, status: int
) -> None:
    full = uri.format(app=application["appId"], tenant=seed.TENANT_ID)
    answer = client.graph(
        "PATCH", f"/applications/{application['id']}", json={"identifierUris": [full]}
    )
    assert answer.status_code == status, answer.text


def test_an_enabled_role_stays_until_it_is_disabled(
    client: Client, application: dict[str, Any]
) -> None:
    path = f"/applications/{application['id']}"
    other = {**ROLE, "id": NOBODY, "value": "Other"}
    for roles in ([], [other], [{**ROLE, "description": "Changed."}]):
        assert refusal(client, "PATCH", path, {"appRoles": roles})[:2] == (
            400,
            "CannotDeleteOrUpdateEnabledEntitlement",
        )
    for roles in ([ROLE, other], [{**ROLE, "isEnabled": False}, other], [other]):
        assert client.graph("PATCH", path, json={"appRoles": roles}).status_code == 204
    assert [role["value"] for role in client.graph("GET", path).json()["appRoles"]] == ["Other"]


def test_a_tenant_may_demand_a_service_management_reference(
    client: Client, application: dict[str, Any]
) -> None:
    """For what is made, and for what is changed and has none: azure-contract.md, section 3.2."""
    client.vary(service_management_reference_required=True)
    new = {"displayName": "x", "signInAudience": "AzureADMyOrg"}
    path = f"/applications/{application['id']}"
    reference = {"serviceManagementReference": NOBODY}
    for method, where, body, operation in (
        ("POST", "/applications", new, "Create"),
        ("PATCH", path, {"notes": "n"}, "Update"),
    ):
        status, code, message = refusal(client, method, where, body)
        assert (status, code) == (400, "ServiceTreeValueMissing")
        assert message.startswith(
            f"ServiceManagementReference field is required for {operation}, but is missing"
        )
    assert client.graph("POST", "/applications", json={**new, **reference}).status_code == 201
    assert client.graph("PATCH", path, json={"notes": "n", **reference}).status_code == 204
    assert client.graph("PATCH", path, json={"notes": "m"}).status_code == 204


def test_federated_credentials_are_few(client: Client, application: dict[str, Any]) -> None:
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    body = {"name": "ci-19", "issuer": "https://i", "subject": "19", "audiences": ["a"]}
    for number in range(20):
        sent = {**body, "name": f"ci-{number}", "subject": str(number)}
        assert client.graph("POST", path, json=sent).status_code == 201
    assert refusal(client, "POST", path, {**body, "name": "new", "subject": "new"})[0] == 400


# --- writes that follow one another too closely ---


def busy(client: Client, method: str, path: str, body: Any) -> bool:
    """Whether another write is in the way; three statuses say so."""
    answer = client.graph(method, path, **({"json": body} if body is not None else {}))
    if answer.is_success:
        return False
    assert answer.status_code in {400, 409, 503}
    assert "retry-after" not in answer.headers
    return bool(answer.json()["error"]["code"] == "Directory_ConcurrencyViolation")


def test_an_application_and_its_principal_are_locked_by_a_write_briefly(
    client: Client, application: dict[str, Any]
) -> None:
    app, principal = (
        f"/applications/{application['id']}",
        f"/servicePrincipals/{application['principal']}",
    )
    writes = [
        ("POST", f"{app}/addPassword", {}),
        ("PATCH", app, {"tags": ["x"]}),
        ("PATCH", principal, {"tags": ["x"]}),
        (
            "POST",
            f"{app}/owners/$ref",
            {"@odata.id": f"{client.addresses.graph}/v1.0/directoryObjects/{NOBODY}"},
        ),
        ("DELETE", app, None),
        ("POST", f"/directory/deletedItems/{application['id']}/restore", None),
    ]
    client.vary(directory_write_seconds=0.3)
    assert [busy(client, *write) for write in writes[:2]] == [False, True]
    assert [busy(client, *write) for write in writes[2:5]] == [True] * 3
    client.state.clock.advance(1)
    assert not busy(client, *writes[4])
    assert busy(client, *writes[5])
    client.state.clock.advance(1)
    assert not busy(client, *writes[5])


def test_a_resource_takes_three_consents_at_once(
    client: Client, application: dict[str, Any]
) -> None:
    ids = [make_app(client)["principal"] for _ in range(4)]
    client.vary(directory_write_seconds=0.3)
    path = f"/servicePrincipals/{application['principal']}/appRoleAssignedTo"
    bodies = [
        {
            "principalId": principal_id,
            "resourceId": application["principal"],
            "appRoleId": ROLE["id"],
        }
        for principal_id in ids
    ]
    assert [busy(client, "POST", path, body) for body in bodies] == [False, False, False, True]
    client.state.clock.advance(1)
    assert not busy(client, "POST", path, bodies[3])


def test_a_v2_application_with_a_uri_that_the_policy_forbids_stays_one(client: Client) -> None:
    v2 = {**OWN, "api": {"requestedAccessTokenVersion": 2}, "identifierUris": ["api://plain-name"]}
    app = f"/applications/{client.graph('POST', '/applications', json=v2).json()['id']}"
    back = {"api": {"requestedAccessTokenVersion": 1}}
    assert refusal(client, "PATCH", app, back)[:2] == (
        400,
        "InvalidUniqueTenantIdentifierAsPerAppPolicy",
    )
    assert client.graph("PATCH", app, json={**back, "identifierUris": []}).status_code == 204
