"""Which vault a name means in which cloud, and that nothing else ever gets a token for one."""

from __future__ import annotations

import asyncio

import pytest
from mct_s2s.azure.clouds import BY_NAME, CHINA, PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, Cloud
from mct_s2s.errors import UsageError
from mct_s2s.inputs.secret_to import vault_to
from mct_s2s.model.ids import secret_name

from tests.azure.raw import Answer, Wire


@pytest.mark.parametrize(
    ("cloud", "url", "scope"),
    [
        (PUBLIC, "https://contoso.vault.azure.net", "https://vault.azure.net/.default"),
        (US_GOVERNMENT, "https://contoso.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net/.default"),
        (US_GOVERNMENT_DOD, "https://contoso.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net/.default"),
        (CHINA, "https://contoso.vault.azure.cn", "https://vault.azure.cn/.default"),
    ],
)
def test_each_cloud_has_vaults_of_its_own(cloud: Cloud, url: str, scope: str) -> None:
    assert cloud.vault("contoso") == ("contoso", url)
    assert cloud.vault(url) == ("contoso", url)
    assert cloud.key_vault_scope == scope
    for other in BY_NAME.values():
        if other.key_vault != cloud.key_vault:
            with pytest.raises(UsageError, match="Invalid key vault"):
                other.vault(url)


@pytest.mark.parametrize(
    "address",
    [
        "https://vault.azure.net",
        "https://.vault.azure.net",
        "https://contoso.vault.azure.net.example.com",
        "https://contoso.example.com",
        "https://contoso.vault.azure.net:8443",
        "https://a.b.vault.azure.net",
    ],
)
def test_an_address_outside_of_the_cloud_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        PUBLIC.vault(address)
    assert refused.value.code == "foreign-vault"


def test_a_cloud_that_names_no_vaults_has_none() -> None:
    private = Cloud("stack", "https://login.example", "https://graph.example", "https://arm.example", "x")
    with pytest.raises(UsageError) as refused:
        private.vault("contoso")
    assert refused.value.code == "cloud-without-vaults"


@pytest.mark.parametrize(
    ("text", "vault", "secret"),
    [
        ("contoso", "contoso", None),
        ("contoso/", "contoso", None),
        ("contoso/A-1", "contoso", "A-1"),
        ("https://Contoso.vault.azure.net", "https://contoso.vault.azure.net", None),
        ("https://contoso.vault.azure.net/", "https://contoso.vault.azure.net", None),
        ("https://contoso.vault.azure.net/A-1", "https://contoso.vault.azure.net", "A-1"),
        ("https://contoso.vault.azure.net/secrets/A-1/", "https://contoso.vault.azure.net", "A-1"),
    ],
)
def test_a_vault_can_be_given_in_several_ways(text: str, vault: str, secret: str | None) -> None:
    read = vault_to(text)
    assert (read.vault, read.secret) == (vault, secret)


@pytest.mark.parametrize(
    "text",
    ["", "/name", "ab", "1abc", "a-", "a--b", "a" * 25, "a.b", "a b", "https://", "https://user@contoso.vault.azure.net",
     "https://a.vault.azure.net/x?y=1", "contoso/a/b", "contoso/a_b"],
)  # fmt: skip
def test_what_can_be_no_vault_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        vault_to(text)
    is_name = "contoso/a" in text or "?" in text
    assert refused.value.code == ("malformed-secret-name" if is_name else "malformed-vault")


def test_names_that_look_alike_never_meet() -> None:
    labels = ["contosolearn", "contosolearn/staging", "contosolearn-staging", "c" * 60 + "/" + "s" * 59]
    clients = ["Reports", "reports", "REPORTS ", "Репорты", "r" * 120, "R" * 119 + "x"]
    names = [secret_name(label, client) for label in labels for client in clients]
    assert len({name.lower() for name in names}) == len(names), "a vault compares names without case"
    assert all(len(name) <= 127 and name.replace("-", "").isalnum() and name.isascii() for name in names)


def test_names_below_localhost_lead_to_this_machine() -> None:
    """Whatever the system's resolver thinks of them; the certificate and the answer are those of the name."""
    wire = Wire(Answer(200))
    answer = asyncio.run(wire.get("https://a.vault.localhost:8443/x"))
    assert wire.asked == ["GET https://localhost:8443/x"]
    assert answer.request.headers["host"] == "a.vault.localhost:8443"
    assert answer.request.extensions["sni_hostname"] == "a.vault.localhost"
