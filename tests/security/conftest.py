"""The command line's fixtures, and other people of the tenant."""

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.cli.conftest import mct, process
from tests.conftest import Json, Sandbox
from tests.render.conftest import screens
from tests.support.spared import collected

__all__ = ["mct", "process", "screens"]


AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Member:
    """Somebody who may register applications, as anybody may where nobody forbids it."""

    def __init__(self, azure: Sandbox, name: str, **more: Any) -> None:
        self._azure = azure
        self.address = azure.person(name, **more)
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=azure.ca_file), trust_env=False
        )
        self._token = self._sign_in()
        self.id: str = self.graph("GET", "/me")["id"]

    def close(self) -> None:
        self._http.close()

    def graph(self, method: str, path: str, **options: Any) -> Any:
        """Ask Graph, which must not refuse."""
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        answer = self._http.request(
            method, f"{self._azure.graph_url}/v1.0{path}", headers=headers, **options
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def in_days(self, days: int) -> str:
        """A moment as Graph takes it."""
        return (self._azure.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def squat(self, unique_name: str, display_name: str, **more: Any) -> Json:
        """Register an application under a name that somebody else is going to want, with a service
        principal.
        """
        made: Json = self.graph(
            "PATCH",
            f"/applications(uniqueName='{unique_name}')",
            headers={"Prefer": "create-if-missing"},
            json={"displayName": display_name, **more},
        )
        made["principal"] = self.graph("POST", "/servicePrincipals", json={"appId": made["appId"]})[
            "id"
        ]
        return made

    def _sign_in(self) -> str:
        origin, tenant = self._azure.origin, self._azure.tenant_id
        begun = self._http.post(
            f"{origin}/{tenant}/oauth2/v2.0/devicecode",
            data={"client_id": AZURE_CLI, "scope": f"{self._azure.graph_url}/.default"},
        ).json()
        approved = {"user_code": begun["user_code"], "user": self.address, "action": "approve"}
        assert self._http.post(begun["verification_uri"], data=approved).is_success
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": AZURE_CLI,
            "device_code": begun["device_code"],
        }
        answer = self._http.post(f"{origin}/{tenant}/oauth2/v2.0/token", data=form)
        assert answer.is_success, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
def member(azure: Sandbox) -> Iterator[Callable[[str], Member]]:
    """Makes people of the tenant who hold no role, signed in."""
    signed_in: list[Member] = []

    def sign_in(name: str) -> Member:
        signed_in.append(Member(azure, name))
        return signed_in[-1]

    yield sign_in
    for one in signed_in:
        one.close()


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """No test of the others' garbage."""
    with collected():
        yield
