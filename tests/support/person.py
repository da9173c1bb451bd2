"""A person at the program's sign-in, within the test's own process: the tokens are those of a
device code.

The real device code waits on a thread, in real time; `tests/cli/test_sign_in.py` shows that one.
"""

from typing import Any

import pytest
from azure.core.credentials import AccessToken
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.sign_in import methods
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.client_sign_in import Method

from tests.conftest import Sandbox

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def sign_in_as(patch: pytest.MonkeyPatch, azure: Sandbox, address: str) -> None:
    """From now on, whoever signs in with a device code is this person."""
    tokens = tokens_of(azure, address)

    async def ask(scope: str, /, *, claims: str | None = None) -> AccessToken:
        del claims
        return AccessToken(
            tokens[scope.removesuffix("/.default")], int(azure.time.timestamp()) + 3600
        )

    def person(method: Method, connection: Connection) -> CallerCredential:
        del method
        return CallerCredential(
            ask, SignedIn("your account (device code)", is_person=True), connection
        )

    patch.setattr(methods, "person", person)


def tokens_of(azure: Sandbox, address: str) -> dict[str, str]:
    """A person's tokens of this moment, by resource."""
    vaults = f"https://vault.localhost:{azure.origin.rsplit(':', 1)[1]}"
    return {
        resource: _token(azure, address, resource)
        for resource in (azure.graph_url, azure.origin, vaults)
    }


def _token(azure: Sandbox, address: str, resource: str) -> str:
    login = f"{azure.origin}/{azure.tenant_id}/oauth2/v2.0"
    http = azure._http
    wanted = {"client_id": AZURE_CLI, "scope": f"{resource}/.default"}
    begun: dict[str, Any] = http.post(f"{login}/devicecode", data=wanted).json()
    approved = {"user_code": begun["user_code"], "user": address, "action": "approve"}
    assert http.post(begun["verification_uri"], data=approved).is_success
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    form = {"grant_type": grant, "client_id": AZURE_CLI, "device_code": begun["device_code"]}
    return str(http.post(f"{login}/token", data=form).json()["access_token"])
