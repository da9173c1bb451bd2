"""Which vault a name means in which cloud, that nothing else ever gets a token for one, and what no
answer means.
"""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from mct_s2s.azure.clouds import BY_NAME, CHINA, PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, Cloud
from mct_s2s.errors import ServiceError, SignInFailed, UsageError
from mct_s2s.inputs.secret_to import vault_to
from mct_s2s.model.ids import secret_name
from mct_s2s.stores.vaults import MAKER

from tests.azure.raw import MADE, Answer, SignedIn, Wire, key_vault, refusal, vault_told


@pytest.mark.parametrize(
    ("cloud", "url", "scope"),
    [
        (PUBLIC, "https://contoso.vault.azure.net", "https://vault.azure.net/.default"),
        (
            US_GOVERNMENT,
            "https://contoso.vault.usgovcloudapi.net",
            "https://vault.usgovcloudapi.net/.default",
        ),
        (
            US_GOVERNMENT_DOD,
            "https://contoso.vault.usgovcloudapi.net",
            "https://vault.usgovcloudapi.net/.default",
        ),
        (CHINA, "https://contoso.vault.azure.cn", "https://vault.azure.cn/.default"),
    ],
)
def test_each_cloud_has_its_own_domain_of_vaults(cloud: Cloud, url: str, scope: str) -> None:
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
        "https://vault.azure.net", "https://.vault.azure.net", "https://contoso.vault.azure.net.example.com",
        "https://contoso.example.com", "https://contoso.vault.azure.net:8443", "https://a.b.vault.azure.net",
    ],
)  # fmt: skip
def test_an_address_outside_of_the_cloud_is_refused(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        PUBLIC.vault(address)
    assert refused.value.code == "foreign-vault"


def test_a_cloud_that_names_no_vaults_has_none() -> None:
    private = Cloud(
        "stack", "https://login.example", "https://graph.example", "https://arm.example", "x"
    )
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
def test_a_name_or_address_that_cannot_be_a_vault_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        vault_to(text)
    is_name = "contoso/a" in text or "?" in text
    assert refused.value.code == ("malformed-secret-name" if is_name else "malformed-vault")


def test_client_names_that_look_alike_have_different_secret_names() -> None:
    labels = [
        "contosolearn",
        "contosolearn/staging",
        "contosolearn-staging",
        "c" * 60 + "/" + "s" * 59,
    ]
    clients = ["Reports", "reports", "REPORTS ", "Репорты", "r" * 120, "R" * 119 + "x"]
    names = [secret_name(label, client) for label in labels for client in clients]
    assert len({name.lower() for name in names}) == len(names), (
        "a vault compares names without case"
    )
    assert all(
        len(name) <= 127 and name.replace("-", "").isalnum() and name.isascii() for name in names
    )


def test_names_below_localhost_lead_to_this_machine() -> None:
    """Whatever the system's resolver thinks of them; the certificate and the answer are those of
    the name.
    """
    wire = Wire(Answer(200))
    answer = asyncio.run(wire.get("https://a.vault.localhost:8443/x"))
    assert wire.asked == ["GET https://localhost:8443/x"]
    assert answer.request.headers["host"] == "a.vault.localhost:8443"
    assert answer.request.extensions["sni_hostname"] == "a.vault.localhost"


# --- its answers ---

DNS, CERTIFICATE = (
    httpx.ConnectError("Name or service not known"),
    httpx.ConnectError("certificate verify failed"),
)
DNS.__cause__ = socket.gaierror(-2, "Name or service not known")
CERTIFICATE.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed")


def test_a_vault_that_no_name_server_knows_does_not_exist() -> None:
    error = vault_told(DNS)
    assert (error.code, error.exit_code) == ("vault-not-found", 2)
    assert "az keyvault list" in error.remedy


@pytest.mark.parametrize(
    ("failure", "lost"),
    [
        (httpx.RemoteProtocolError("closed"), True),
        (httpx.ReadTimeout(""), True),
        (CERTIFICATE, False),
    ],
    ids=["closed without a word", "no answer in time", "a certificate that nobody trusts"],
)
def test_a_vault_that_does_not_answer_is_told_as_such(failure: Exception, lost: bool) -> None:
    """Repeating is for answers that were lost; no repetition mends a certificate."""
    error = vault_told(failure)
    assert (error.code, error.answer_lost) == ("vault-unreachable", lost)
    assert "to resume" in error.remedy


def test_a_vault_that_asks_for_another_services_token_gets_none() -> None:
    """Whoever answers in the vault's place would otherwise hold a token for the directory."""
    header = 'Bearer authorization="https://login/t", resource="https://graph.microsoft.com"'
    scopes: list[str] = []

    class Asked(SignedIn):
        async def get_token(self, *asked: str, **options: Any) -> AccessToken:
            scopes.extend(asked)
            return await super().get_token(*asked, **options)

    with pytest.raises(SignInFailed):
        asyncio.run(
            key_vault(Answer(401, b"", {"WWW-Authenticate": header}), credential=Asked()).deliver(
                MADE
            )
        )
    assert set(scopes) == {"https://vault.azure.net/.default"}


@pytest.mark.parametrize(
    "answer",
    [
        refusal(
            404, "SecretNotFound", "A secret with (name/id) import was not found in this key vault."
        ),
        refusal(
            403, "Forbidden", "Operation get is not allowed.", innererror={"code": "SecretDisabled"}
        ),
    ],
)
def test_a_secret_that_cannot_be_read_is_none(answer: Answer) -> None:
    assert asyncio.run(key_vault(answer).read()) is None


def test_a_secret_that_a_vault_fails_to_give_is_not_taken_for_none() -> None:
    """A rotation would look for the new secret elsewhere, and tell that it is not there."""
    with pytest.raises(ServiceError) as raised:
        asyncio.run(key_vault(refusal(500, "InternalError", "Unexpected.")).read())
    assert raised.value.status == 500


def version(name: str, created: datetime, **tags: str) -> dict[str, Any]:
    """A version as a vault lists it."""
    address = f"https://contoso.vault.azure.net/secrets/import/{name}"
    attributes = {"enabled": True, "created": int(created.timestamp())}
    return {
        "id": address,
        "attributes": attributes,
        "tags": {"made-by": MAKER, "keyId": name, "appId": "app", **tags},
    }


def test_the_newest_version_is_the_one_that_was_delivered_at_the_time_that_the_vault_says() -> None:
    """A secret of minutes ago counts although no replica shows it: without its time, a second one
    would be made.
    """
    before, now = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    # By its id, and by the clock of the machine that made it, the other one would be the newest.
    rows = [version("a", now, made="2026-10-01"), version("b", before, made="2026-12-01")]
    note = asyncio.run(key_vault(Answer(200, {"value": rows})).note())
    assert (note.delivered, note.delivered_at, note.held) == ("a", now, ("b", "a"))


def test_a_dry_run_refuses_a_taken_place_by_what_its_note_showed() -> None:
    rows = [version("a", datetime(2026, 11, 1, tzinfo=UTC), client="Other")]
    # A second request would end in an error of another kind.
    store = key_vault(Answer(200, {"value": rows}), refusal(500, "InternalError", "Unexpected."))

    async def rehearse() -> None:
        await store.note()
        await store.rehearse(None)

    with pytest.raises(UsageError) as refused:
        asyncio.run(rehearse())
    assert refused.value.code == "secret-place-taken"


def test_a_caller_who_may_not_list_deleted_secrets_goes_on_without() -> None:
    missing = refusal(
        404, "SecretNotFound", "A secret with (name/id) import was not found in this key vault."
    )
    denied = refusal(403, "Forbidden", "No.", innererror={"code": "ForbiddenByRbac"})
    asyncio.run(key_vault(missing, denied, missing).check(None))
