"""What Graph keeps and gives back: writes that follow the rules, read again in every way that clients use."""

from __future__ import annotations

import json
import uuid
from typing import Any

from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import OWN, Client
from tests.sandbox.test_sign_in import KEY, certificate, make_app, make_service, with_certificate

EVENTUAL = {"ConsistencyLevel": "eventual"}


def names(client: Client, path: str, **options: Any) -> list[str]:
    answer = client.graph("GET", path, **options)
    assert answer.status_code == 200, answer.text
    return sorted(one["displayName"] for one in answer.json()["value"])


def test_upsert_creates_once_and_updates_then(client: Client) -> None:
    path, prefer = "/applications(uniqueName='mct-s2s-x')", {"Prefer": "create-if-missing"}
    first = client.graph("PATCH", path, json=OWN, headers=prefer)
    assert (first.status_code, first.json()["uniqueName"]) == (201, "mct-s2s-x")
    second = client.graph("PATCH", path, json={"displayName": "renamed"}, headers=prefer)
    assert (second.status_code, second.content) == (204, b"")
    assert client.graph("GET", path).json()["displayName"] == "renamed"
    taken = client.graph("POST", "/applications", json={**OWN, "uniqueName": "MCT-S2S-X"})
    assert taken.json()["error"]["message"].endswith("for property uniqueName already exists.")


def test_a_patch_merges_complex_properties_and_replaces_arrays(client: Client) -> None:
    made = make_app(client, tags=["a", "b"], web={"homePageUrl": "https://a.example"})
    path = f"/applications/{made['id']}"
    change = {"tags": ["c"], "web": {"logoutUrl": "https://b.example"}, "api": {"acceptMappedClaims": True}}
    assert client.graph("PATCH", path, json=change).status_code == 204
    read = client.graph("GET", path).json()
    assert read["tags"] == ["c"]
    assert (read["web"]["homePageUrl"], read["web"]["logoutUrl"]) == ("https://a.example", "https://b.example")
    assert (read["api"]["acceptMappedClaims"], read["api"]["knownClientApplications"]) == (True, [])


def test_a_service_principal_mirrors_its_application(client: Client) -> None:
    service = make_service(client)
    principal = client.graph("GET", f"/servicePrincipals/{service['principal']}").json()
    assert set(principal["servicePrincipalNames"]) == {service["appId"], f"api://{service['appId']}"}
    assert [role["value"] for role in principal["appRoles"]] == ["S2SAppRole"]
    client.graph("PATCH", f"/applications/{service['id']}", json={"displayName": "renamed"})
    assert client.graph("GET", f"/servicePrincipals/{service['principal']}").json()["displayName"] == "renamed"


def test_a_secret_is_shown_once(client: Client) -> None:
    made = make_app(client)
    path = f"/applications/{made['id']}"
    answer = client.graph("POST", f"{path}/addPassword", json={"passwordCredential": {"displayName": "one"}})
    secret = answer.json()["secretText"]
    assert (answer.status_code, len(secret), answer.json()["hint"]) == (200, 40, secret[:3])
    read = client.graph("GET", path)
    assert [one["secretText"] for one in read.json()["passwordCredentials"]] == [None]
    assert secret not in read.text
    assert secret not in json.dumps(client.state.to_dict())
    start, end = (answer.json()[name] for name in ("startDateTime", "endDateTime"))
    assert int(end[:4]) == int(start[:4]) + 2


def test_credentials_come_back_as_they_were_read(client: Client) -> None:
    made = with_certificate(client, certificate(KEY))
    path = f"/applications/{made['id']}"
    client.graph("POST", f"{path}/addPassword", json={})
    read = client.graph("GET", path).json()
    assert read["keyCredentials"][0]["key"] is None
    again = {name: read[name] for name in ("keyCredentials", "passwordCredentials")}
    assert client.graph("PATCH", path, json=again).status_code == 204
    assert client.graph("GET", f"{path}?$select=keyCredentials").json()["keyCredentials"][0]["key"]
    assert client.graph("PATCH", path, json={"keyCredentials": [], "passwordCredentials": []}).status_code == 204
    assert client.graph("GET", path).json()["keyCredentials"] == []


def test_filters_as_clients_send_them(client: Client) -> None:
    service = make_service(client, tags=["mct"])
    client.graph("POST", "/applications", json={**OWN, "displayName": "it's"})
    other = client.graph("GET", f"/applications(appId='{seed.ADMINISTRATOR_ID}')").json()
    cases = {
        f"appId eq '{service['appId'].upper()}'": ["made"],
        "displayName eq 'LIBRARY KIOSK'": ["Library kiosk", "Library kiosk"],
        "displayName eq 'it''s'": ["it's"],
        "startswith(displayName,'lib') or displayName eq 'made'": ["Library kiosk", "Library kiosk", "made"],
        f"identifierUris/any(u:u eq 'api://{service['appId']}')": ["made"],
        "identifierUris/any(s:startswith(s, 'api://'))": ["made"],
        "tags/any(t: t eq 'mct') and displayName eq 'made'": ["made"],
        "tags/any(t: t eq 'mct') and displayName eq 'other'": [],
        f"appId in ('{service['appId']}', '{seed.ADMINISTRATOR_ID}')": ["Deployment pipeline", "made"],
        f"id in ('{service['id']}','{other['id']}')": ["Deployment pipeline", "made"],
        "(displayName eq 'made')": ["made"],
    }
    for text, expected in cases.items():
        assert names(client, "/applications", params={"$filter": text}) == expected, text
    advanced = {"$filter": "displayName ne 'made' and not startswith(displayName,'L')", "$count": "true"}
    assert names(client, "/applications", params=advanced, headers=EVENTUAL) == [
        "Deployment pipeline",
        "Grafana",
        "Payroll export",
        "it's",
    ]


def test_pages_are_followed_to_the_end(client: Client) -> None:
    for number in range(5):
        client.graph("POST", "/applications", json={**OWN, "displayName": f"n{number}"})
    options = {"$filter": "startswith(displayName,'n')", "$top": "2", "$select": "displayName", "$count": "true"}
    page = client.graph("GET", "/applications", params=options, headers=EVENTUAL).json()
    assert page["@odata.count"] == 5
    assert page["value"][0] == {"displayName": "n0"}
    seen = [one["displayName"] for one in page["value"]]
    while "@odata.nextLink" in page:
        path = page["@odata.nextLink"].removeprefix("https://localhost:8444/v1.0")
        page = client.graph("GET", path, headers=EVENTUAL).json()
        seen += [one["displayName"] for one in page["value"]]
    assert seen == [f"n{number}" for number in range(5)]


def test_a_deleted_application_takes_its_principal_along_and_comes_back_without_it(client: Client) -> None:
    made = make_app(client, uniqueName="kept")
    assert client.graph("DELETE", f"/applications(appId='{made['appId']}')").status_code == 204
    for path in (f"/applications/{made['id']}", f"/servicePrincipals/{made['principal']}"):
        assert client.graph("GET", path).status_code == 404
    listed = client.graph("GET", "/directory/deletedItems/microsoft.graph.application").json()["value"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert client.graph("POST", "/applications", json={**OWN, "uniqueName": "kept"}).status_code == 400
    restored = client.graph("POST", f"/directory/deletedItems/{made['id']}/restore")
    assert (restored.status_code, restored.json()["deletedDateTime"]) == (200, None)
    assert client.graph("GET", f"/applications/{made['id']}").status_code == 200
    assert client.graph("GET", f"/servicePrincipals/{made['principal']}").status_code == 404
    assert client.graph("POST", f"/directory/deletedItems/{made['principal']}/restore").status_code == 200
    assert client.graph("GET", f"/servicePrincipals/{made['principal']}").status_code == 200


def test_federated_credentials_by_id_and_by_name(client: Client) -> None:
    made = make_app(client)
    path = f"/applications/{made['id']}/federatedIdentityCredentials"
    body = {"issuer": "https://i", "subject": "s", "audiences": ["api://AzureADTokenExchange"]}
    prefer = {"Prefer": "create-if-missing"}
    assert client.graph("PATCH", f"{path}(name='main')", json=body, headers=prefer).status_code == 201
    assert client.graph("PATCH", f"{path}(name='main')", json={"subject": "t"}, headers=prefer).status_code == 204
    listed = client.graph("GET", path).json()["value"]
    assert [(one["name"], one["subject"], one["description"]) for one in listed] == [("main", "t", None)]
    assert client.graph("DELETE", f"{path}/{listed[0]['id']}").status_code == 204
    assert client.graph("GET", path).json()["value"] == []


def test_objects_of_several_types_by_their_ids(client: Client) -> None:
    made = make_app(client)
    ids = [made["id"], made["principal"], str(uuid.UUID(int=3))]
    found = client.graph("POST", "/directoryObjects/getByIds", json={"ids": ids}).json()["value"]
    assert {one["@odata.type"] for one in found} == {
        "#microsoft.graph.application",
        "#microsoft.graph.servicePrincipal",
    }
    body = {"ids": ids, "types": ["servicePrincipal"]}
    only = client.graph("POST", "/directoryObjects/getByIds", json=body).json()["value"]
    assert [one["id"] for one in only] == [made["principal"]]


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
    statuses = {one["id"]: one["status"] for one in answer.json()["responses"]}
    assert statuses == {"1": 201, "2": 404, "3": 424, "4": 200}


def test_arrays_come_in_another_order_at_each_reading(client: Client) -> None:
    """They are sets; the answer to a creation alone shows them as they were sent: azure-contract.md, section 3.11."""
    uris = ["api://00000000-0000-0000-0000-00000000000a/x", "api://00000000-0000-0000-0000-00000000000a/y"]
    sent = {"displayName": "order", "signInAudience": "AzureADMyOrg", "tags": ["a", "b", "c"]}
    made = client.graph("POST", "/applications", json=sent).json()
    assert made["tags"] == ["a", "b", "c"]
    client.graph("PATCH", f"/applications/{made['id']}", json={"web": {"redirectUris": uris}})
    reads = [client.graph("GET", f"/applications/{made['id']}").json() for _ in range(3)]
    assert len({tuple(read["tags"]) for read in reads}) > 1
    assert {frozenset(read["tags"]) for read in reads} == {frozenset("abc")}
    assert {frozenset(read["web"]["redirectUris"]) for read in reads} == {frozenset(uris)}
