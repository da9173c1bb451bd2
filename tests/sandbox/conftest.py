"""One fresh state for each test, asked in-process; and a sandbox on real ports for tests that need
sockets.
"""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.entra.sessions import SigningKey
from mct_s2s.sandbox.hosting.application import build
from mct_s2s.sandbox.hosting.embedded import Running, start
from mct_s2s.sandbox.observability.exchange import RequestLog
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState

from tests.conftest import ANSWER_SECONDS

SECRET = "the-administrators-secret"
GROUP = f"{seed.SUBSCRIPTION}/resourceGroups/integrations"
ETL = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/etl-identity"
SETTINGS = f"{seed.SITE}/config/appsettings"
CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
EVENTUAL = {"ConsistencyLevel": "eventual"}
PREFER = {"Prefer": "create-if-missing"}
OWN = {"displayName": "made", "signInAudience": "AzureADMyOrg"}
ROLE = {
    "id": "7b5e1f8e-1111-4c3d-9a6e-000000000001",
    "allowedMemberTypes": ["Application"],
    "displayName": "Role",
    "description": "May call.",
    "isEnabled": True,
    "value": "S2SAppRole",
}


@cache
def signing_key() -> SigningKey:
    return SigningKey()


class Client:
    """Sends requests to the services of one state, without sockets."""

    def __init__(self, state: SandboxState, addresses: Addresses) -> None:
        self.state = state
        self.addresses = addresses
        self.log = RequestLog()
        self.app, _ = build(state, addresses, self.log, fresh=lambda: seed.seed(SECRET))
        self._tokens: dict[tuple[str, str], str] = {}

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; a path goes to Resource Manager's origin."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url=self.addresses.origin
            ) as client:
                return await client.request(method, url, **options)

        return asyncio.run(send())

    def vary(self, **values: Any) -> None:
        """Let the tenant differ from most."""
        directory = self.state.directory
        directory.variations = replace(directory.variations, **values)

    def token(
        self, scope: str, client_id: str = seed.ADMINISTRATOR_ID, secret: str = SECRET
    ) -> str:
        """Sign in with a client secret; kept for the next time."""
        key = (scope, client_id)
        if key not in self._tokens:
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": scope,
            }
            answer = self.request(
                "POST", f"{self.addresses.login}/{seed.TENANT_ID}/oauth2/v2.0/token", data=form
            )
            assert answer.status_code == 200, answer.text
            self._tokens[key] = answer.json()["access_token"]
        return self._tokens[key]

    def forget_tokens(self) -> None:
        """Sign in again the next time."""
        self._tokens.clear()

    def arm(
        self, method: str, path: str, *, version: str | None = "2025-05-01", **options: Any
    ) -> httpx.Response:
        """Ask Resource Manager as the administrator, unless `headers` say otherwise."""
        options.setdefault(
            "headers", {"Authorization": f"Bearer {self.token(self.addresses.arm + '/.default')}"}
        )
        options.setdefault("params", {})
        if version is not None:
            options["params"] = {"api-version": version, **options["params"]}
        return self.request(method, self.addresses.arm + path, **options)

    def graph(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask Graph as the administrator, unless `headers` say otherwise; `path` is below
        `/v1.0`.
        """
        bearer = {"Authorization": f"Bearer {self.token(self.addresses.graph + '/.default')}"}
        options["headers"] = {**bearer, **options.get("headers", {})}
        return self.request(method, f"{self.addresses.graph}/v1.0{path}", **options)

    def create(self, path: str, **body: Any) -> dict[str, Any]:
        """What Graph has made of this."""
        answer = self.graph("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        entity: dict[str, Any] = answer.json()
        return entity

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Arrange the state from outside."""
        answer = self.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def make_app(client: Client, **body: Any) -> dict[str, Any]:
    """An application with its service principal."""
    application = client.create("/applications", **(OWN | body))
    return {
        **application,
        "principal": client.create("/servicePrincipals", appId=application["appId"])["id"],
    }


def make_service(client: Client, **body: Any) -> dict[str, Any]:
    """One with a role and a URI."""
    service = make_app(client, appRoles=[ROLE], **body)
    client.graph(
        "PATCH",
        f"/applications/{service['id']}",
        json={"identifierUris": [f"api://{service['appId']}"]},
    )
    return service


def grant(client: Client, service: dict[str, Any], principal: str) -> None:
    """Let a principal have the service's role."""
    body = {"principalId": principal, "resourceId": service["principal"], "appRoleId": ROLE["id"]}
    client.create(f"/servicePrincipals/{service['principal']}/appRoleAssignedTo", **body)


def seeded() -> SandboxState:
    """The seed, in which nothing takes time."""
    state = seed.seed(SECRET)
    state.directory.signing_key = signing_key()
    state.resources.restart_seconds = state.resources.operation_seconds = 0.0
    return state


def client_of(state: SandboxState) -> Client:
    """Asks its services at the usual ports."""
    sites = {site: 8445 + offset for offset, site in enumerate(state.resources.sites)}
    return Client(state, Addresses(8443, 8444, sites))


state = pytest.fixture(seeded)


@pytest.fixture
def client(state: SandboxState) -> Client:
    return client_of(state)


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates are made once for all tests that listen."""
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture
def running(state_dir: Path) -> Iterator[Running]:
    """A sandbox on real ports, its state fresh from the seed."""
    (state_dir / "world.json").unlink(missing_ok=True)
    sandbox = start(state_dir)
    yield sandbox
    sandbox.close()


class Wire:
    """A running sandbox asked over real connections, by its administrator."""

    def __init__(self, running: Running) -> None:
        self.origin = running.resource_manager
        trusted = ssl.create_default_context(cafile=str(running.ca_file))
        self.http = httpx.Client(verify=trusted, timeout=ANSWER_SECONDS)
        form = {
            "grant_type": "client_credentials",
            "client_id": running.client_id,
            "client_secret": running.client_secret,
            "scope": f"{self.origin}/.default",
        }
        token = self.http.post(
            f"{self.origin}/{running.tenant_id}/oauth2/v2.0/token", data=form
        ).json()
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def arm(
        self, method: str, path: str, version: str = "2025-05-01", **options: Any
    ) -> httpx.Response:
        """Ask Resource Manager."""
        params = {"api-version": version}
        return self.http.request(
            method, self.origin + path, params=params, headers=self.headers, **options
        )

    def get(self) -> httpx.Response:
        return self.arm("GET", seed.SITE)

    def put(self, properties: dict[str, str]) -> httpx.Response:
        return self.arm("PUT", SETTINGS, json={"properties": properties})

    def settings(self) -> Any:
        return self.arm("POST", f"{SETTINGS}/list").json()["properties"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Arrange the state from outside."""
        answer = self.http.request(method, f"{self.origin}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def wire(running: Running) -> Iterator[Wire]:
    with Wire(running) as connection:
        yield connection
