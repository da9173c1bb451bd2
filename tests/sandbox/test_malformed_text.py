"""Text that is no Unicode, and JSON that is none, is refused as the real services refuse what they cannot read."""

from __future__ import annotations

import pytest
from mct_s2s.sandbox.state import seed

from tests.sandbox.conftest import Client

JSON = {"Content-Type": "application/json"}
ODD = {
    "half of a pair": b'"\\ud800"',
    "half of a pair, in capitals": b'"\\uDFFF"',
    "half of a pair in bytes": b'"\xed\xa0\x80"',
    "half of a pair as a name": b'{"\\ud800": 1}',
    "not UTF-8": b'"\xff"',
    "no number": b"NaN",
    "nested too deeply": b"[" * 100_000,
}
"""What stands where a text belongs."""


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_every_service_refuses_what_is_no_text(client: Client, odd: bytes) -> None:
    vault = {"Authorization": f"Bearer {client.token(client.addresses.vault + '/.default')}", **JSON}
    arm = {"Authorization": f"Bearer {client.token(client.addresses.arm + '/.default')}", **JSON}
    settings, secret = f"{seed.SITE}/config/appsettings", f"{client.addresses.of_vault(seed.VAULT)}/secrets/x"
    item = b'{"requests": [{"id": "1", "method": "POST", "url": "/applications", "headers": {"Content-Type": '
    batch = item + b'"application/json"}, "body": {"displayName": ' + odd + b"}}]}"
    answers = {
        "graph": client.graph("POST", "/applications", headers=JSON, content=b'{"displayName": ' + odd + b"}"),
        "batch": client.graph("POST", "/$batch", headers=JSON, content=batch),
        "arm": client.arm("PUT", settings, headers=arm, content=b'{"properties": {"A": ' + odd + b"}}"),
        "vault": client.request(
            "PUT", secret, params={"api-version": "7.4"}, headers=vault, content=b'{"value": ' + odd + b"}"
        ),
        "control": client.request(
            "POST", "/_sandbox/callers", headers=JSON, content=b'{"displayName": ' + odd + b', "roles": []}'
        ),
        "issuer": client.request(
            "POST",
            "/_sandbox/issuer/ci/token",
            headers=JSON,
            content=b'{"audience": "api://AzureADTokenExchange", "subject": ' + odd + b"}",
        ),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 400)
    assert all("error" in answer.json() for answer in answers.values())


def test_a_pair_of_halves_is_a_character(client: Client) -> None:
    made = client.graph("POST", "/applications", headers=JSON, content=b'{"displayName": "\\ud83d\\ude00"}')
    assert (made.status_code, made.json()["displayName"]) == (201, "\U0001f600")
