"""Key Vault's refusals: each raw answer becomes one error, with the service's words and the command that helps."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest
from azure.core.credentials import AccessToken
from mct_s2s.azure.refusals import DELETED
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.stores.vaults import KeyVault

from tests.azure.raw import REQUEST_ID, Answer, Case, SignedIn, connection

VAULT, SCOPE = "contoso", "https://vault.azure.net/.default"
OBJECT_ID = "6d2f7a55-5b61-4c5f-9a4f-1d7f0b7b6c11"
RBAC = (
    "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
    "definitions were changed recently, please observe propagation time.\r\n"
    f"Caller: appid={OBJECT_ID};oid={OBJECT_ID};iss=https://sts.windows.net/t/\r\n"
    "Action: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'\r\nAssignment: (not found)\r\n"
    "DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: contoso;location=westeurope\r\n"
)


def refusal(status: int, code: str, message: str, inner: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in the envelope that Key Vault uses."""
    error: dict[str, object] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    sent = {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": REQUEST_ID, **(headers or {})}
    return Answer(status, {"error": error}, sent)


def vault(*answers: Answer | Exception) -> KeyVault:
    return KeyVault(VAULT, connection(*answers), cast("Any", SignedIn()))


def told(*answers: Answer | Exception) -> S2SError:
    """What the user is told when a secret is to be stored and the vault gives that answer."""
    with pytest.raises(S2SError) as raised:
        asyncio.run(vault(*answers).set("import", "value", {}))
    return raised.value


REFUSALS = {
    "no role": Case(
        refusal(403, "Forbidden", RBAC, "ForbiddenByRbac"),
        "permission-missing", f"--role 'Key Vault Secrets Officer' --assignee-object-id {OBJECT_ID}",
        PermissionMissing,
    ),
    "no access policy": Case(
        refusal(
            403, "Forbidden",
            f"The user, group or application 'appid={OBJECT_ID};oid={OBJECT_ID};iss=x' does not have secrets set "
            "permission on key vault 'contoso;location=westeurope'.",
            "AccessDenied",
        ),
        "permission-missing", f"az keyvault set-policy --name contoso --object-id {OBJECT_ID}", PermissionMissing,
    ),
    "another network": Case(
        refusal(403, "Forbidden", "Client address is not authorized and caller is not a trusted service.",
                "ForbiddenByFirewall"),
        "vault-network", "az keyvault network-rule add --name contoso", PermissionMissing,
    ),
    "only private links": Case(
        refusal(403, "Forbidden", "Public network access is disabled.", "ForbiddenByConnection"),
        "vault-network", "az keyvault network-rule add", PermissionMissing,
    ),
    "a disabled secret": Case(
        refusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled"),
        "vault-refused", "--verbose", service_code="SecretDisabled",
    ),
    "a secret that was deleted": Case(
        refusal(
            409, "Conflict", "Secret import is currently in a deleted but recoverable state, and its name cannot be "
            "reused; in this state, the secret can only be recovered or purged.", DELETED,
        ),
        "vault-refused", "to resume", service_code=DELETED,
    ),
    "a deletion under way": Case(
        refusal(409, "Conflict", "Secret import is currently being deleted.", "ObjectIsBeingDeleted"),
        "vault-refused", "to resume", service_code="ObjectIsBeingDeleted",
    ),
    "a secret that is not there": Case(
        refusal(404, "SecretNotFound", "A secret with (name/id) import was not found in this key vault."),
        "not-found", "Check the name", NotThere,
    ),
    "an api-version that the vault does not know": Case(
        refusal(400, "BadParameter", "The specified version (7.6) is not recognized."),
        "vault-refused", "--verbose", service_code="BadParameter",
    ),
    "too many requests": Case(
        refusal(429, "Throttled", "Too many requests.", headers={"Retry-After": "3"}),
        "vault-refused", "to resume", service_code="Throttled",
    ),
    "the service stumbles": Case(
        refusal(500, "InternalError", "Unexpected."), "vault-refused", "to resume", service_code="InternalError"
    ),
    "a token of another tenant": Case(
        refusal(401, "Unauthorized", "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/t/."),
        "vault-sign-in", "--tenant ID", SignInFailed,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_each_refusal_has_its_code_the_services_words_and_a_way_out(case: Case) -> None:
    error = told(case.answer)
    assert (type(error), error.code) == (case.kind, case.code)
    said = case.answer.body["error"]
    assert " ".join(said["message"].split()) in error.message, "the service's words, on one line"
    assert said.get("innererror", said)["code"] in error.message
    assert VAULT in error.message or "store a secret" in error.message
    assert case.remedy in error.remedy
    assert error.request_id == REQUEST_ID
    if isinstance(error, ServiceError):
        assert (error.status, error.service_code) == (case.answer.status, case.service_code)


def test_the_least_role_is_named_also_where_the_vault_does_not_say_who_asked() -> None:
    remedy = told(refusal(403, "Forbidden", "No.", "ForbiddenByRbac")).remedy
    assert "Key Vault Secrets Officer" in remedy
    assert "YOUR-OBJECT-ID" in remedy


DNS, CERTIFICATE = httpx.ConnectError("Name or service not known"), httpx.ConnectError("certificate verify failed")
DNS.__cause__ = socket.gaierror(-2, "Name or service not known")
CERTIFICATE.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed")


def test_a_vault_that_no_name_server_knows_does_not_exist() -> None:
    error = told(DNS)
    assert (error.code, error.exit_code) == ("vault-not-found", 2)
    assert "az keyvault list" in error.remedy


@pytest.mark.parametrize(
    ("failure", "lost"),
    [(httpx.RemoteProtocolError("closed"), True), (httpx.ReadTimeout(""), True), (CERTIFICATE, False)],
    ids=["closed without a word", "no answer in time", "a certificate that nobody trusts"],
)
def test_no_answer_is_told_as_such(failure: Exception, lost: bool) -> None:
    """Repeating is for answers that were lost; no repetition mends a certificate."""
    error = told(failure)
    assert isinstance(error, ServiceError)
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

    vault = KeyVault(VAULT, connection(Answer(401, b"", {"WWW-Authenticate": header})), cast("Any", Asked()))
    with pytest.raises(SignInFailed):
        asyncio.run(vault.set("import", "value", {}))
    assert scopes == [SCOPE, SCOPE]


@pytest.mark.parametrize(
    "answer", [REFUSALS["a secret that is not there"].answer, REFUSALS["a disabled secret"].answer]
)
def test_a_secret_that_cannot_be_read_is_none(answer: Answer) -> None:
    assert asyncio.run(vault(answer).value("import")) is None


def test_whoever_may_not_see_deleted_secrets_goes_on_without() -> None:
    assert asyncio.run(vault(REFUSALS["no role"].answer).deleted("import")) is None
