"""Key Vault's refusals, translated once.

Source: learn.microsoft.com/azure/key-vault/general/rest-error-codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError, DecodeError, DeserializationError, HttpResponseError

from mct_s2s.azure.answers import OddAnswer, Service, odd_answer, parse_json, seconds
from mct_s2s.azure.clouds import NEVER_CONNECTED
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, SignInFailed
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


def translate(error: Exception, vault: str, doing: str) -> S2SError:
    """What the user is told of a failed request.

    Args:
        error: what the SDK raised; a ValueError where the vault's challenge names a foreign resource.
        vault: the vault's name.
        doing: the step, as a verb phrase: `store a secret`.
    """
    # An answer that was cut short, or is none of the service's, says as little as no answer.
    if not isinstance(error, HttpResponseError) or isinstance(error, DecodeError) or error.response is None:
        return _unanswered(error, vault, doing)
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(key).lower(): str(value) for key, value in response.headers.items()}
    status, request_id = error.status_code or 0, headers.get("x-ms-request-id")
    code, inner, message = _body(response)
    said = f"{inner or code}: {' '.join(message.split())}" if code else f"HTTP {status}"
    if code == "VaultNotFound":
        return _no_vault(vault)
    if status == 401:
        return SignInFailed(
            "vault-sign-in",
            f"The key vault '{vault}' refused the sign-in while trying to {doing}.",
            answer=said,
            remedy="Sign in to the key vault's tenant: --tenant ID, or az login --tenant ID.",
            request_id=request_id,
        )
    if status == 403 and inner != DISABLED:
        return _forbidden(vault, doing, (inner, message, said), request_id)
    if status == 404:
        return NotThere(
            "not-found", f"Could not {doing}.", answer=said, remedy="Check the name.", request_id=request_id
        )
    return ServiceError(
        "vault-refused",
        f"The key vault '{vault}' refused to {doing}.",
        answer=said,
        remedy="Run the same command again to resume."
        if status >= 500 or status in {409, 429}
        else "Run the same command again with --verbose and report its output.",
        request_id=request_id,
        status=status,
        service_code=inner or code,
        service_message=message,
        retry_after=seconds(headers.get("retry-after")),
        headers=headers,
    )


def _forbidden(vault: str, doing: str, why: tuple[str, str, str], request_id: str | None) -> S2SError:
    inner, message, said = why
    if inner in _NETWORK:
        return PermissionMissing(
            "vault-network",
            f"The key vault '{vault}' does not allow requests from this network.",
            answer=said,
            remedy="Run it from a network that the key vault allows, or allow this one:",
            command=command("az", "keyvault", "network-rule", "add", "--name", vault, "--ip-address", "ADDRESS"),
            request_id=request_id,
        )
    advice, grant = _who_grants(inner, message, vault)
    return PermissionMissing(
        "permission-missing",
        f"You can't {doing} in the key vault '{vault}'.",
        answer=said,
        remedy=advice,
        command=grant,
        request_id=request_id,
    )


def _unanswered(error: Exception, vault: str, doing: str) -> S2SError:
    odd = odd_answer(error)
    if odd is not None:
        return Service(f"The key vault '{vault}'", "vault-unreachable").refused(odd, doing)
    if isinstance(error, UNREADABLE):
        return Service(f"The key vault '{vault}'", "vault-unreachable").unreadable(doing)
    cause = error.__cause__ or getattr(error, "inner_exception", None)
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return _no_vault(vault)
    if isinstance(error, ValueError):
        return ServiceError(
            "vault-untrusted",
            f"The server at the address of the key vault '{vault}' requested a token for another service. None was "
            f"sent. {error}",
            remedy="Check the key vault's address, the proxy and --cloud.",
            status=NEVER_CONNECTED,
        )
    first = (str(error).splitlines() or [type(error).__name__])[0][:300]
    never = isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError)
    return ServiceError(
        "vault-unreachable",
        f"The key vault '{vault}' did not respond to the request to {doing}: {first}",
        remedy="Check the network and the proxy, then run the same command again to resume.",
        status=NEVER_CONNECTED if never or not isinstance(error, AzureError) else 0,
    )


def _no_vault(vault: str) -> NotThere:
    return NotThere(
        "vault-not-found",
        f"The key vault '{vault}' does not exist in this cloud.",
        remedy="Check the name (az keyvault list --query '[].name') and --cloud.",
    )


def _who_grants(inner: str, message: str, vault: str) -> tuple[str, str]:
    """Whom to ask, and the command that they run."""
    found = _OBJECT_ID.search(message)
    you = found[1] if found else "YOUR-OBJECT-ID"
    if inner == "AccessDenied":
        return "The key vault uses access policies. Ask its administrator to run:", command(
            "az",
            "keyvault",
            "set-policy",
            "--name",
            vault,
            "--object-id",
            you,
            "--secret-permissions",
            "get",
            "list",
            "set",
            "recover",
        )
    advice = (
        f"Run the same command again a few minutes after an Owner or User Access Administrator of the key vault has "
        f"assigned you the role {OFFICER}. They run:"
    )
    return advice, grant_on_vault(vault, OFFICER, you)


def _body(response: Any) -> tuple[str, str, str]:
    """Code, inner code and message."""
    try:
        document: Any = parse_json(response.text())
    except (ValueError, LookupError, OddAnswer):
        return "", "", ""
    error = document.get("error") if isinstance(document, Mapping) else None
    if not isinstance(error, Mapping):
        return "", "", ""
    inner = error.get("innererror") or error.get("innerError") or {}
    code = inner.get("code") if isinstance(inner, Mapping) else ""
    return str(error.get("code") or ""), str(code or ""), str(error.get("message") or "")[:900]
