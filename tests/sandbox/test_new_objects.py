"""Objects are made as Graph documents it: secrets with the application, upserts, certificates in both forms."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from tests.sandbox.conftest import Client
from tests.sandbox.traffic.certificate import BASE64, CERTIFICATE, PEM

OWN = {"displayName": "made"}
KEY = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": BASE64, "keyId": str(uuid.UUID(int=8))}


def make(client: Client, **body: Any) -> dict[str, Any]:
    answer = client.graph("POST", "/applications", json={**OWN, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_an_application_may_be_made_with_a_secret_that_signs_in(client: Client) -> None:
    made = make(client, passwordCredentials=[{"displayName": "first"}])
    secret = made["passwordCredentials"][0]["secretText"]
    read = client.graph("GET", f"/applications/{made['id']}").json()["passwordCredentials"]
    assert [(one["displayName"], one["secretText"], one["hint"]) for one in read] == [("first", None, secret[:3])]
    client.graph("POST", "/servicePrincipals", json={"appId": made["appId"]})
    assert client.token(f"{client.addresses.graph}/.default", made["appId"], secret)


def test_a_service_principal_is_made_by_a_patch_by_its_key(client: Client) -> None:
    made, prefer = make(client), {"Prefer": "create-if-missing"}
    path = f"/servicePrincipals(appId='{made['appId']}')"
    first = client.graph("PATCH", path, json={"tags": ["a"]}, headers=prefer)
    assert (first.status_code, first.json()["appId"], first.json()["tags"]) == (201, made["appId"], ["a"])
    assert client.graph("PATCH", path, json={"tags": ["b"]}, headers=prefer).status_code == 204
    assert client.graph("GET", path).json()["tags"] == ["b"]
    assert client.graph("PATCH", f"/servicePrincipals(appId='{uuid.UUID(int=5)}')", json={}).status_code == 404


def test_roles_that_were_read_may_be_sent_back_and_are_enabled_where_nothing_is_said(client: Client) -> None:
    role = {"id": str(uuid.uuid4()), "allowedMemberTypes": ["Application"], "displayName": "r", "description": "r"}
    made = make(client, appRoles=[{**role, "value": "R"}])
    assert (made["appRoles"][0]["isEnabled"], made["appRoles"][0]["origin"]) == (True, "Application")
    sent = {"appRoles": made["appRoles"], "api": {"oauth2PermissionScopes": []}}
    assert client.graph("PATCH", f"/applications/{made['id']}", json=sent).status_code == 204


@pytest.mark.parametrize("key", [BASE64, base64.b64encode(PEM).decode()], ids=["DER", "PEM"])
def test_a_certificate_is_known_by_its_thumbprint_in_hex(client: Client, key: str) -> None:
    made = make(client, keyCredentials=[{**KEY, "key": key}])
    thumbprint = CERTIFICATE.fingerprint(SHA1()).hex().upper()
    assert made["keyCredentials"][0]["customKeyIdentifier"] == thumbprint


def test_a_certificate_survives_as_it_was_read_and_in_no_other_form(client: Client) -> None:
    made = make(client, keyCredentials=[KEY])
    path, read = f"/applications/{made['id']}", made["keyCredentials"][0]
    assert client.graph("PATCH", path, json={"keyCredentials": [read]}).status_code == 204
    for change in ({"usage": "Encrypt"}, {"endDateTime": "2040-01-01T00:00:00Z"}, {"customKeyIdentifier": None}):
        answer = client.graph("PATCH", path, json={"keyCredentials": [{**read, **change}]})
        assert answer.json()["error"]["message"].startswith("Update to existing credential with KeyId")
    whole = client.graph("GET", path, params={"$select": "keyCredentials"}).json()["keyCredentials"]
    assert whole[0]["key"] == BASE64
