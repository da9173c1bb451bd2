"""The command line's fixtures, and other people of the tenant."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from mct_s2s.sandbox.resources.role_assignments import WEBSITE_CONTRIBUTOR

from tests.cli.conftest import Ended, Program, mct, process
from tests.conftest import ANSWER_SECONDS, SITE, Json, Sandbox
from tests.render.conftest import screens
from tests.support.person import sign_in_as
from tests.support.spared import collected

__all__ = ["mct", "process", "screens"]


NOTHING: Mapping[str, str] = MappingProxyType({})
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Member:
    """Somebody who may register applications, as anybody may where nobody forbids it."""

    def __init__(self, azure: Sandbox, name: str, **more: Any) -> None:
        self._azure = azure
        self.graph_url = azure.graph_url
        self.address = azure.person(name, **more)
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=azure.ca_file),
            trust_env=False,
            timeout=ANSWER_SECONDS,
            event_hooks={"response": [azure.remember_own]},
        )
        self._token = self._sign_in()
        self.id: str = self.graph("GET", "/me")["id"]

    def close(self) -> None:
        self._http.close()

    def graph(self, method: str, path: str, **options: Any) -> Any:
        """Ask Graph, which must not refuse."""
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        answer = self._http.request(
            method, f"{self.graph_url}/v1.0{path}", headers=headers, **options
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
        application: Json = self.graph(
            "PATCH",
            f"/applications(uniqueName='{unique_name}')",
            headers={"Prefer": "create-if-missing"},
            json={"displayName": display_name, **more},
        )
        application["principal"] = self.graph(
            "POST", "/servicePrincipals", json={"appId": application["appId"]}
        )["id"]
        return application

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


class Contributor:
    """May write the settings of App Service A, and nothing else."""

    def __init__(self, azure: Sandbox) -> None:
        self._azure = azure
        self._caller = azure.caller(arm=[(WEBSITE_CONTRIBUTOR, SITE)])

    def write(self, **settings: str) -> None:
        caller = self._caller
        there = self._azure.settings()
        token = self._azure.token(
            f"{self._azure.origin}/.default",
            caller["AZURE_CLIENT_ID"],
            caller["AZURE_CLIENT_SECRET"],
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        self._azure.arm(
            "PUT",
            f"{SITE}/config/appsettings",
            json={"properties": {**there, **settings}},
            headers=headers,
        )

    def lists(self, client_id: str) -> None:
        listed = self._azure.settings().get("ServiceApplicationIds") or ""
        self.write(ServiceApplicationIds=f"{listed};{client_id}".strip(";"))


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


@pytest.fixture(params=["person", "program"])
def admin(
    request: pytest.FixtureRequest, mct: Program, azure: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """The program as an administrator runs it: signed in as a person, or as an application."""
    if request.param == "program":
        return lambda *words, env=NOTHING, **options: mct(
            *words, env={**azure.administrator, **env}, **options
        )
    address = azure.person("admin", arm=[("Owner", f"/subscriptions/{azure.subscription_id}")])
    azure.give_directory_role(address, "Cloud Application Administrator")

    def run(*words: str, **options: Any) -> Ended:
        sign_in_as(monkeypatch, azure, address)
        return mct(*words, "--auth", "device-code", **options)

    return run


@pytest.fixture
def rob(member: Callable[[str], Member]) -> Member:
    return member("rob")


@pytest.fixture
def adele(member: Callable[[str], Member]) -> Member:
    """Another team."""
    return member("adele")


@pytest.fixture
def contributor(azure: Sandbox) -> Contributor:
    return Contributor(azure)


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """No test of the others' garbage."""
    with collected():
        yield
