"""Replication that lags: what a client sees between a write and the moment when everybody knows of
it.
"""

import base64
import json
import uuid
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.sandbox.conftest import OWN, ROLE, Client, client_of, seeded
from tests.sandbox.sign_ins import KEY, ask, ask_with, assertion, certificate

LAG = 5.0


def lag(client: Client, **knobs: Any) -> None:
    client.control("PATCH", "knobs", {"lagSeconds": LAG, "lagJitter": 0, **knobs})
    client.token(client.addresses.graph + "/.default")
    client.token(client.addresses.arm + "/.default")


def catch_up(client: Client) -> None:
    client.state.clock.advance(LAG * 2)


def make_app(client: Client, **body: Any) -> dict[str, Any]:
    return client.create("/applications", **(OWN | body))


def make_principal(client: Client, app: dict[str, Any]) -> str:
    return str(client.create("/servicePrincipals", appId=app["appId"])["id"])


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """The status, and what a client goes by: Graph's message, or Entra's number."""
    body = answer.json() if answer.content else {}
    error = body.get("error")
    if isinstance(error, str):
        return answer.status_code, str(body["error_codes"][0])
    return answer.status_code, error["message"] if error else ""


class Step:
    """One request that must fail in one way while replication lags, and work afterwards."""

    def __init__(self, client: Client, method: str, path: str, body: Any = None) -> None:
        self.client, self.method, self.path, self.body = client, method, path, body

    def __call__(self) -> tuple[int, str]:
        return code_of(self.client.graph(self.method, self.path, json=self.body))


def missing(name: str) -> tuple[int, str]:
    text = (
        f"Resource '{name}' does not exist or one of its queried reference-property objects are "
        "not present."
    )
    return 404, text


def test_a_new_application_is_known_to_nobody_at_first(client: Client) -> None:
    lag(client)
    app = make_app(client, uniqueName="mct-s2s")
    by_id = f"/applications/{app['id']}"
    credential = {"name": "ci-1", "issuer": "https://i", "subject": "s", "audiences": ["a"]}
    steps = {
        Step(client, "GET", by_id): missing(app["id"]),
        Step(client, "GET", f"/applications(appId='{app['appId']}')"): missing(app["appId"]),
        Step(client, "GET", "/applications(uniqueName='mct-s2s')"): missing("mct-s2s"),
        Step(client, "PATCH", by_id, {"notes": "x"}): missing(app["id"]),
        Step(client, "POST", f"{by_id}/addPassword", {}): missing(app["id"]),
        Step(client, "POST", f"{by_id}/federatedIdentityCredentials", credential): missing(
            app["id"]
        ),
        Step(client, "POST", "/servicePrincipals", {"appId": app["appId"]}): (
            400,
            (
                f"The appId '{app['appId']}' of the service principal does not reference a valid "
                "application object."
            ),
        ),
    }
    listed = {"$filter": f"appId eq '{app['appId']}'"}
    assert {step.path: step() for step in steps} == {
        step.path: refusal for step, refusal in steps.items()
    }
    assert client.graph("GET", "/applications", params=listed).json()["value"] == []
    catch_up(client)
    assert [step()[0] for step in steps] == [200, 200, 200, 204, 200, 201, 201]
    assert len(client.graph("GET", "/applications", params=listed).json()["value"]) == 1


def test_keys_are_judged_by_the_newest_state(client: Client) -> None:
    lag(client)
    create = {"headers": {"Prefer": "create-if-missing"}, "json": OWN}
    statuses = [
        client.graph("PATCH", "/applications(uniqueName='one')", **create).status_code
        for _ in range(3)
    ]
    assert statuses == [201, 204, 204]
    catch_up(client)
    app = client.graph("GET", "/applications(uniqueName='one')").json()
    make_principal(client, app)
    again = client.graph("POST", "/servicePrincipals", json={"appId": app["appId"]})
    assert again.status_code == 409
    assert (
        client.graph("POST", "/applications", json={**OWN, "uniqueName": "one"}).status_code == 400
    )


def ready(client: Client) -> dict[str, Any]:
    """A service with a role and a principal, a client with a principal; known everywhere."""
    service, caller = make_app(client, appRoles=[ROLE]), make_app(client)
    catch_up(client)
    body = {"identifierUris": [f"api://{service['appId']}"]}
    assert client.graph("PATCH", f"/applications/{service['id']}", json=body).status_code == 204
    return {"service": service, "caller": caller, "uri": body["identifierUris"][0]}


def test_an_assignment_waits_for_both_principals(client: Client) -> None:
    lag(client)
    pair = ready(client)
    resource = make_principal(client, pair["service"])
    path = f"/servicePrincipals/{resource}/appRoleAssignedTo"
    principal = make_principal(client, pair["caller"])
    body = {"principalId": principal, "resourceId": resource, "appRoleId": ROLE["id"]}
    step = Step(client, "POST", path, body)
    assert step() == missing(resource)
    client.state.clock.advance(LAG * 2)
    late = Step(
        client,
        "POST",
        path,
        {**body, "principalId": make_principal(client, ready(client)["caller"])},
    )
    assert late() == (400, "Not a valid reference update.")
    assert step()[0] == 201
    assert step() == (400, "Permission being assigned already exists on the object")
    assert client.graph("GET", path).json()["value"] == []
    catch_up(client)
    assert late()[0] == 201
    catch_up(client)
    assert len(client.graph("GET", path).json()["value"]) == 2


def test_a_principal_takes_over_new_roles_late(client: Client) -> None:
    app = make_app(client)
    principal = make_principal(client, app)
    lag(client)
    assert (
        client.graph("PATCH", f"/applications/{app['id']}", json={"appRoles": [ROLE]}).status_code
        == 204
    )
    body = {"principalId": principal, "resourceId": principal, "appRoleId": ROLE["id"]}
    step = Step(client, "POST", f"/servicePrincipals/{principal}/appRoleAssignedTo", body)
    assert client.graph("GET", f"/servicePrincipals/{principal}").json()["appRoles"] == []
    assert step() == (400, "Not a valid reference update.")
    catch_up(client)
    assert step()[0] == 201


def test_a_disabled_role_counts_as_enabled_until_that_is_known(client: Client) -> None:
    app = make_app(client, appRoles=[ROLE])
    lag(client)
    path = f"/applications/{app['id']}"
    assert Step(client, "PATCH", path, {"appRoles": [{**ROLE, "isEnabled": False}]})()[0] == 204
    remove = Step(client, "PATCH", path, {"appRoles": []})
    assert remove() == (
        400,
        "Permission (scope or role) cannot be deleted or updated unless disabled first.",
    )
    catch_up(client)
    assert remove()[0] == 204


def seen_over_time(client: Client, step: Any, *, steps: int = 200) -> list[tuple[int, str]]:
    statuses = []
    for _ in range(steps):
        statuses.append(step())
        client.state.clock.advance(LAG * 2 / steps)
    return statuses


def test_a_uri_may_be_refused_while_only_some_know_the_application(client: Client) -> None:
    lag(client, lagJitter=0.9, lagSeed=3)
    app = make_app(client)
    uri = f"api://{app['appId']}"
    text = (
        "Values of identifierUris property must use a verified domain of the organization or its "
        "subdomain"
    )
    refused = (400, f"{text}: '{uri}'")
    answers = seen_over_time(
        client, Step(client, "PATCH", f"/applications/{app['id']}", {"identifierUris": [uri]})
    )
    assert set(answers) == {missing(app["id"]), refused, (204, "")}
    assert answers[-1] == (204, "")


def test_an_application_for_personal_accounts_is_unknown_to_them_at_first(client: Client) -> None:
    lag(client, lagJitter=0.9, lagSeed=3)
    app = make_app(client, signInAudience="AzureADandPersonalMicrosoftAccount")
    answers = seen_over_time(
        client, Step(client, "PATCH", f"/applications/{app['id']}", {"notes": "x"})
    )
    assert (409, "The corresponding MSA application does not exist.") in answers
    assert answers[-1] == (204, "")


def test_replicas_differ_until_all_have_it(client: Client) -> None:
    lag(client, lagJitter=0.5, replicas=3)
    app = make_app(client)
    statuses = [
        status
        for status, _ in seen_over_time(client, Step(client, "GET", f"/applications/{app['id']}"))
    ]
    assert statuses[:50] == [404] * 50
    assert statuses[150:] == [200] * 50
    between = "".join(str(status)[0] for status in statuses[50:150])
    assert "24" in between, "one success is no proof"


def test_the_same_seed_gives_the_same_story() -> None:
    def story() -> list[int]:
        state = seeded()
        client = client_of(state)
        lag(client, lagJitter=0.5, lagSeed=11)
        state.clock.offset -= state.clock.now() - state.clock.now().replace(microsecond=0)
        app = make_app(client)
        step = Step(client, "GET", f"/applications/{app['id']}")
        return [status for status, _ in seen_over_time(client, step, steps=20)]

    assert story() == story()


def test_an_adversary_shows_old_and_new_in_turn(client: Client) -> None:
    lag(client, lagMode="adversarial")
    app = make_app(client)
    step = Step(client, "GET", f"/applications/{app['id']}")
    assert [step()[0] for _ in range(6)] == [404, 200, 404, 200, 404, 200]
    catch_up(client)
    assert [step()[0] for _ in range(3)] == [200, 200, 200]


def test_a_deleted_object_stays_readable_and_comes_late_to_the_deleted_ones(client: Client) -> None:
    app = make_app(client)
    lag(client)
    path, deleted = f"/applications/{app['id']}", f"/directory/deletedItems/{app['id']}"
    assert Step(client, "DELETE", path)()[0] == 204
    assert Step(client, "GET", path)()[0] == 200
    assert Step(client, "PATCH", path, {"notes": "x"})() == missing(app["id"])
    assert Step(client, "GET", deleted)() == missing(app["id"])
    catch_up(client)
    assert Step(client, "GET", path)() == missing(app["id"])
    assert Step(client, "GET", deleted)()[0] == 200
    assert Step(client, "DELETE", deleted)()[0] == 204
    assert Step(client, "POST", f"{deleted}/restore")() == missing(app["id"])


@pytest.mark.parametrize("end", ["appRoleAssignedTo", "federatedIdentityCredentials"])
def test_a_removed_assignment_or_credential_is_listed_for_a_while(client: Client, end: str) -> None:
    app = make_app(client, appRoles=[ROLE])
    principal = make_principal(client, app)
    body: dict[str, Any] = {
        "principalId": principal,
        "resourceId": principal,
        "appRoleId": ROLE["id"],
    }
    path = f"/servicePrincipals/{principal}/{end}"
    if end != "appRoleAssignedTo":
        path = f"/applications/{app['id']}/{end}"
        body = {"name": "ci-1", "issuer": "https://i", "subject": "s", "audiences": ["a"]}
    entry = client.graph("POST", path, json=body).json()
    lag(client)
    for _ in range(2):
        assert client.graph("DELETE", f"{path}/{entry['id']}").status_code == 204
    assert [row["id"] for row in client.graph("GET", path).json()["value"]] == [entry["id"]]
    if end != "appRoleAssignedTo":
        assert (
            client.graph("PATCH", f"{path}/{entry['id']}", json={"description": "x"}).status_code
            == 404
        )
    catch_up(client)
    assert client.graph("GET", path).json()["value"] == []


def sign_in(client: Client, **form: str) -> tuple[int, int]:
    status, body = ask(client, **form)
    return status, (body.get("error_codes") or [0])[0]


def test_a_sign_in_learns_of_client_principal_and_secret_one_after_the_other(
    client: Client,
) -> None:
    client.vary(refused_tokens=0)  # of so many tries, none is to be answered by a throttle
    lag(client)
    app = make_app(client)
    asked = {"client_id": app["appId"], "client_secret": "none yet"}
    assert sign_in(client, **asked) == (400, 700016)
    catch_up(client)
    secret = client.graph("POST", f"/applications/{app['id']}/addPassword", json={}).json()
    asked["client_secret"] = secret["secretText"]
    answers = {sign_in(client, **asked) for _ in range(60)}
    assert answers == {(401, 7000215), (401, 7000222)}
    catch_up(client)
    assert sign_in(client, **asked) == (401, 7000229)
    make_principal(client, app)
    assert sign_in(client, **asked) == (401, 7000229)
    catch_up(client)
    assert sign_in(client, **asked) == (200, 0)
    removed = client.graph(
        "POST", f"/applications/{app['id']}/removePassword", json={"keyId": secret["keyId"]}
    )
    assert removed.status_code == 204
    assert sign_in(client, **asked) == (200, 0)
    catch_up(client)
    assert sign_in(client, **asked) == (401, 7000215)


def test_a_sign_in_learns_of_resource_and_roles_late(client: Client) -> None:
    lag(client)
    pair = ready(client)
    scope = f"{pair['uri']}/.default"
    resource = make_principal(client, pair["service"])
    assert sign_in(client, scope=scope) == (400, 500011)
    catch_up(client)
    assert sign_in(client, scope=scope) == (200, 0)
    principal = client.graph("GET", f"/servicePrincipals(appId='{seed.ADMINISTRATOR_ID}')").json()[
        "id"
    ]
    body = {"principalId": principal, "resourceId": resource, "appRoleId": ROLE["id"]}
    assert (
        client.graph(
            "POST", f"/servicePrincipals/{resource}/appRoleAssignedTo", json=body
        ).status_code
        == 201
    )

    def claims() -> dict[str, Any]:
        token = ask(client, scope=scope)[1]["access_token"]
        return access_tokens.decode(client.state.directory, token)

    assert "roles" not in claims()
    catch_up(client)
    assert claims()["roles"] == ["S2SAppRole"]


def test_a_sign_in_learns_of_certificates_and_federated_credentials_late(client: Client) -> None:
    app = make_app(client)
    make_principal(client, app)
    lag(client)
    der = certificate(KEY)
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    assert (
        client.graph(
            "PATCH", f"/applications/{app['id']}", json={"keyCredentials": [key]}
        ).status_code
        == 204
    )
    own = assertion(app["appId"], der)
    assert ask_with(client, app["appId"], own)[1]["error_codes"] == [700027]
    issuer = f"{client.addresses.login}/_sandbox/issuer/ci"
    credential = {
        "name": "ci-1",
        "issuer": issuer,
        "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    }
    path = f"/applications/{app['id']}/federatedIdentityCredentials"
    assert client.graph("POST", path, json=credential).status_code == 201
    wanted = {"subject": "s", "audience": "api://AzureADTokenExchange"}
    foreign = client.request("POST", "/_sandbox/issuer/ci/token", json=wanted).json()["token"]
    assert ask_with(client, app["appId"], foreign)[1]["error_codes"] == [70025]
    catch_up(client)
    for signed in (assertion(app["appId"], der), foreign):
        assert ask_with(client, app["appId"], signed)[0] == 200


def test_a_managed_identity_comes_to_the_directory_late(client: Client) -> None:
    lag(client)
    site = (
        f"{seed.SUBSCRIPTION}/resourceGroups/integrations/providers/Microsoft.Web/sites/"
        "reports-func"
    )
    answer = client.arm("PATCH", site, json={"identity": {"type": "SystemAssigned"}})
    principal = answer.json()["identity"]["principalId"]
    service = make_app(client, appRoles=[ROLE])
    read = Step(client, "GET", f"/servicePrincipals/{principal}")
    assert read() == missing(principal)
    path = f"{seed.SITE}/providers/Microsoft.Authorization/roleAssignments/{uuid.UUID(int=8)}"
    role = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    body = {"properties": {"roleDefinitionId": role, "principalId": principal}}
    assigned = client.arm("PUT", path, version="2022-04-01", json=body)
    assert (assigned.status_code, assigned.json()["error"]["code"]) == (400, "PrincipalNotFound")
    assert " does not exist in the directory " in assigned.json()["error"]["message"]
    catch_up(client)
    resource = make_principal(client, service)
    catch_up(client)
    assert read()[0] == 200
    assert client.arm("PUT", path, version="2022-04-01", json=body).status_code == 201
    grant = {"principalId": principal, "resourceId": resource, "appRoleId": ROLE["id"]}
    assert (
        client.graph(
            "POST", f"/servicePrincipals/{resource}/appRoleAssignedTo", json=grant
        ).status_code
        == 201
    )


def test_replication_on_its_way_is_kept_with_the_state(client: Client) -> None:
    lag(client, lagJitter=0.5)
    app = make_app(client)
    path = f"/applications/{app['id']}"
    assert client.graph("GET", path).status_code == 404
    kept = SandboxState.from_dict(json.loads(json.dumps(client.state.to_dict())))
    kept.directory.signing_key = client.state.directory.signing_key
    again = client_of(kept)
    assert again.control("GET", "knobs")["lagSeconds"] == LAG
    assert again.graph("GET", path).status_code == 404
    catch_up(again)
    assert again.graph("GET", path).status_code == 200
