"""Azure Resource Manager's refusals, translated once.

Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from mct_s2s.adapters.answers import ARM, OddAnswer, odd_answer, parse_json, seconds
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, SignInFailed
from mct_s2s.model.commands import command

LEAST_ROLE = "Website Contributor"
SETTING_NAME_REFUSED = "setting-name-refused"

_REFUSED_NAME = re.compile(
    r"appsetting with name '(?P<name>.+)' is not allowed"
    r"|app setting \((?:site\.siteconfig\.appsettings\.)?(?P<flex>[^)]+)\) .*is invalid",
    re.IGNORECASE | re.DOTALL,
)
"""App Service's words, and those of the Flex Consumption plan: docs/azure-contract.md, section 4.3."""


class UnreadableAnswer(AzureError):
    """A success whose body is not the JSON object that Azure Resource Manager sends."""


def translate(error: AzureError, doing: str, scope: str = "") -> S2SError:
    """What the user is told of a failed request to Azure Resource Manager.

    Args:
        error: what the SDK raised.
        doing: the step, as a verb phrase: `restart the App Service`.
        scope: of the tokens that the request was sent with.
    """
    if not isinstance(error, HttpResponseError) or error.response is None:
        return _unanswered(error, doing)
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(k).lower(): str(v) for k, v in response.headers.items()}
    status = error.status_code or 0
    code, message = _body(error)
    request_id = headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id")
    said = f"{code}: {message}" if code else f"HTTP {status}"
    challenge = _challenge(headers.get("www-authenticate", ""), scope) if status in {401, 403} else ""
    if status == 401 or challenge:
        return SignInFailed(
            "arm-sign-in",
            f"Azure Resource Manager did not accept the sign-in while trying to {doing}: {said}",
            remedy=challenge or "Sign in to the tenant of the subscription: --tenant ID, or az login --tenant ID.",
            request_id=request_id,
        )
    if status == 403:
        return PermissionMissing(
            "permission-missing", f"You may not {doing}: {said}", remedy=_who_grants(code), request_id=request_id
        )
    if status == 404:
        return NotThere("not-found", f"Could not {doing}: {said}", remedy=_where_else(code), request_id=request_id)
    name = refused_setting(message) if status == 400 else None
    return ServiceError(
        _code(code, name),
        f"Azure Resource Manager refused to {doing}: {said}",
        remedy=_remedy(code, status) if name is None else _rename(name),
        request_id=request_id,
        status=status,
        service_code=code,
        service_message=message,
        retry_after=seconds(headers.get("retry-after")),
        headers=headers,
    )


def refused_setting(message: str) -> str | None:
    """The name of the application setting that a write was refused for."""
    match = _REFUSED_NAME.search(message)
    return (match["name"] or match["flex"]) if match else None


def _code(code: str, refused_name: str | None) -> str:
    if refused_name is not None:
        return SETTING_NAME_REFUSED
    return "locked" if code == "ScopeLocked" else "arm-refused"


def _rename(name: str) -> str:
    return (
        f"App Service writes no setting at all as long as there is one called '{name}'. Rename it, and have what reads "
        "it use the new name (letters, digits, periods and underscores; on Linux, two underscores stand for a colon), "
        "in one step: Azure portal, Environment variables, Advanced edit. Then run the same command again: it resumes."
    )


def _unanswered(error: AzureError, doing: str) -> ServiceError:
    odd = odd_answer(error)
    if odd is not None:
        return ARM.refused(odd, doing)
    if isinstance(error, UnreadableAnswer):
        return ARM.unreadable(doing)
    lost = isinstance(error, ServiceRequestError | ServiceResponseError)
    return ServiceError(
        "arm-unreachable",
        f"Azure Resource Manager did not answer while trying to {doing}: {_first_line(error)}",
        remedy="Check the network and the proxy, then run the same command again: it resumes."
        if lost
        else "Run the same command again with --verbose, and report what it prints.",
    )


def _body(error: HttpResponseError) -> tuple[str, str]:
    """Code and message, in either of the two envelopes that App Service uses."""
    try:
        assert error.response is not None  # noqa: S101  # the caller has looked
        document: Any = parse_json(error.response.text())
    except (ValueError, LookupError, OddAnswer):
        return "", ""
    lowered = _lowered(document)
    inner = _lowered(lowered.get("error") or document)
    return str(inner.get("code") or ""), str(inner.get("message") or "")[:600]


def _challenge(header: str, scope: str) -> str:
    """The way out of a claims challenge, such as for a second factor: `az login` without it gets the same token again.

    Source: learn.microsoft.com/entra/identity-platform/claims-challenge. What goes into a command is matched strictly:
    the header may come from a proxy.
    """
    claims = re.search(r'\bclaims="([A-Za-z0-9+/_=-]+)"', header)
    if claims is None or "insufficient_claims" not in header:
        return ""
    tenant = re.search(r'\bauthorization_uri="https://[^/"]+/([0-9A-Za-z-]{36})[/"]', header)
    options = ["--tenant", tenant[1] if tenant else "ID", *(["--scope", scope] if scope else [])]
    login = command("az", "login", *options, "--claims-challenge", claims[1])
    return f"Sign in again with the second factor. With the Azure CLI: {login}"


def _lowered(document: object) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in document.items()} if isinstance(document, Mapping) else {}


def _where_else(code: str) -> str:
    if code == "SubscriptionNotFound":  # said before the token is looked at, so that it tells nothing of rights
        return "Check the subscription's id, and the cloud that it belongs to (--cloud)."
    return "Check the name and the group."


def _who_grants(code: str) -> str:
    if code == "DenyAssignmentAuthorizationFailed":
        return (
            "The App Service belongs to a managed application, whose publisher denies changes. Send the values to "
            "whoever operates it: mct-s2s setup --no-app-service --handoff handoff.json"
        )
    if code == "RequestDisallowedByPolicy":
        return "An Azure Policy forbids it: ask whoever owns the policy for an exemption."
    return (
        f"Ask an Owner or User Access Administrator for the role {LEAST_ROLE} on the resource, wait a few minutes, "
        "then run the same command again."
    )


def _remedy(code: str, status: int) -> str:
    if code == "ScopeLocked":
        return "Ask whoever set the lock to remove it (az lock list), then run the same command again."
    if status >= 500 or status == 429:
        return "Run the same command again: it resumes where this one stopped."
    return "Run the same command again; if it persists, give the request id to Azure support."


def _first_line(error: AzureError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
