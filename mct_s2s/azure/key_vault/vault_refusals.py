"""Key Vault's refusals, translated once.

Source: learn.microsoft.com/azure/key-vault/general/rest-error-codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from azure.core.exceptions import DecodeError, DeserializationError, HttpResponseError

from mct_s2s.azure.answer_limits import OddAnswer, parse_json
from mct_s2s.azure.clouds import NEVER_CONNECTED
from mct_s2s.azure.json_values import members
from mct_s2s.azure.services import LATER, Refusal, RemoteService, causes, odd_answer
from mct_s2s.errors import MissingRight, NotThere, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import command, grant_on_vault

OFFICER = "Key Vault Secrets Officer"
BUSY = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
"""A deletion or a recovery is under way: wait a moment."""
DELETED = "ObjectIsDeletedButRecoverable"
DISABLED = "SecretDisabled"
UNREADABLE = (DeserializationError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What the SDK raises where it looks into an answer without asking what it is."""
_NETWORK = frozenset({"ForbiddenByFirewall", "ForbiddenByConnection"})
_OBJECT_ID = re.compile(r"oid=([0-9a-fA-F-]{36})")


def translate(error: Exception, service: RemoteService, vault: str, step: str) -> S2SError:
    """The error for a failed request.

    Args:
        error: what the SDK raised; a ValueError where the vault's challenge names a foreign resource.
        service: the vault.
        vault: its name.
        step: the step, as a verb phrase: `store a secret`.
    """
    # An answer that was cut short, or is none of the service's, says as little as no answer.
    if not isinstance(error, HttpResponseError) or isinstance(error, DecodeError) or error.response is None:
        return _unanswered(error, vault, service, step)
    outer, refusal = _refusal(error)
    if outer == "VaultNotFound":
        return _no_vault(vault)
    if refusal.status == 401:
        remedy = "Sign in to the key vault's tenant: --tenant ID, or az login --tenant ID."
        return service.sign_in_refused(refusal, step, "vault-sign-in", remedy)
    if refusal.status == 403 and refusal.code != DISABLED:
        return _forbidden(vault, step, refusal)
    if refusal.status == 404:
        return NotThere(
            "not-found",
            f"Could not {step}.",
            answer=refusal.said,
            remedy="Check the name.",
            request_id=refusal.request_id,
        )
    passing = refusal.status >= 500 or refusal.status in {409, 429}
    report = "Run the same command again with --verbose and report its output."
    return service.refused(refusal, step, "vault-refused", LATER if passing else report)


def _forbidden(vault: str, step: str, refusal: Refusal) -> S2SError:
    if refusal.code in _NETWORK:
        return PermissionMissing(
            "vault-network",
            f"The key vault '{vault}' does not allow requests from this network.",
            answer=refusal.said,
            remedy="Run it from a network that the key vault allows, or allow this one:",
            command=command("az", "keyvault", "network-rule", "add", "--name", vault, "--ip-address", "ADDRESS"),
            request_id=refusal.request_id,
        )
    advice, grant = _who_grants(refusal, vault)
    right = "an access policy for secrets" if refusal.code == "AccessDenied" else OFFICER
    return PermissionMissing(
        "permission-missing",
        f"You can't {step} in the key vault '{vault}'.",
        answer=refusal.said,
        remedy=advice,
        command=grant,
        request_id=refusal.request_id,
        missing=(MissingRight(f"{step} in the key vault '{vault}'", right, "an Owner of the key vault", grant),),
    )


def _unanswered(error: Exception, vault: str, service: RemoteService, step: str) -> S2SError:
    if isinstance(error, UNREADABLE) and odd_answer(error) is None:
        return service.unreadable(step)
    if any(isinstance(cause, aiohttp.ClientConnectorDNSError) for cause in causes(error)):
        return _no_vault(vault)
    if isinstance(error, ValueError) and odd_answer(error) is None:
        return ServiceError(
            "vault-untrusted",
            f"The server at the address of the key vault '{vault}' requested a token for another service. None was "
            f"sent. {error}",
            remedy="Check the key vault's address, the proxy and --cloud.",
            status=NEVER_CONNECTED,
        )
    return service.unanswered(error, step)


def _no_vault(vault: str) -> NotThere:
    return NotThere(
        "vault-not-found",
        f"The key vault '{vault}' does not exist in this cloud.",
        remedy="Check the name (az keyvault list --query '[].name') and --cloud, or choose another place: "
        "--secret-to PLACE",
    )


def _who_grants(refusal: Refusal, vault: str) -> tuple[str, str]:
    """Whom to ask, and the command that they run."""
    found = _OBJECT_ID.search(refusal.message)
    you = found[1] if found else "YOUR-OBJECT-ID"
    if refusal.code == "AccessDenied":
        where, rights = ["--name", vault, "--object-id", you], ["get", "list", "set", "recover"]
        grant = command("az", "keyvault", "set-policy", *where, "--secret-permissions", *rights)
        return "The key vault uses access policies. Ask its administrator to run:", grant
    advice = (
        f"Run the same command again a few minutes after an Owner or User Access Administrator of the key vault has "
        f"assigned you the role {OFFICER}. They run:"
    )
    return advice, grant_on_vault(vault, OFFICER, you)


def _refusal(error: HttpResponseError) -> tuple[str, Refusal]:
    """The outer code, and the refusal with the inner one, where there is one."""
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(key).lower(): str(value) for key, value in response.headers.items()}
    try:
        said = members(members(parse_json(response.text())).get("error"))
    except (ValueError, LookupError, OddAnswer):
        said = {}
    inner = said.get("innererror") or said.get("innerError")
    code = str(inner.get("code") or "") if isinstance(inner, Mapping) else ""
    outer, message = str(said.get("code") or ""), " ".join(str(said.get("message") or "")[:900].split())
    return outer, Refusal(error.status_code or 0, code or outer, message, headers)
