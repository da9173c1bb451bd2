"""Azure Resource Manager's refusals, translated once.

Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from mct_s2s.azure.answer_limits import OddAnswer, parse_json
from mct_s2s.azure.services import ARM, LATER, RESUME, Refusal
from mct_s2s.errors import Contention, MissingRight, NotThere, PermissionMissing, S2SError

LEAST_ROLE = "Website Contributor"
SETTING_NAME_REFUSED = "setting-name-refused"

_REFUSED_NAME = re.compile(
    r"appsetting with name '(?P<name>.+)' is not allowed"
    r"|app setting \((?:site\.siteconfig\.appsettings\.)?(?P<flex>[^)]+)\) .*is invalid",
    re.IGNORECASE | re.DOTALL,
)
"""App Service's words, and those of the Flex Consumption plan: docs/azure-contract.md, section 4.3."""


_BUSY = re.compile(
    r"operation ?in ?progress|another operation .*in progress|conflict with a concurrent request"
    r'|"ExtendedCode": ?"?(59203|59205)\b',
    re.IGNORECASE | re.DOTALL,
)
"""The codes and words of App Service, Container Apps and Compute: docs/azure-contract.md, section 4.1."""
_CONTENTION = Contention("waiting for Azure to finish another operation on it", 180.0)


class UnreadableAnswer(AzureError):
    """A success whose body is not the JSON object that Azure Resource Manager sends."""


def refusal_of(error: AzureError) -> Refusal | None:
    """The answer that an error was made from; its message in either of the two envelopes that App Service uses."""
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return None
    if error.response is None:
        return Refusal(error.status_code, "", "")
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    try:
        body = str(response.text())
    except (ValueError, LookupError):  # in no encoding that is known
        body = ""
    try:
        document = _lowered(parse_json(body))
    except (ValueError, OddAnswer, RecursionError):
        document = {}
    inner = _lowered(document.get("error") or document)
    code, message = str(inner.get("code") or ""), str(inner.get("message") or "")[:600]
    return Refusal(error.status_code, code, message, headers, body)


def translate(error: AzureError, step: str) -> S2SError:
    """The error for a failed request to Azure Resource Manager.

    Args:
        error: what the SDK raised.
        step: the step, as a verb phrase: `restart the App Service`.
    """
    refusal = refusal_of(error)
    if refusal is None:
        return _unanswered(error, step)
    said, request_id = refusal.said, refusal.request_id
    match refusal.status:
        case 401:
            remedy = "Sign in to the tenant of the subscription: --tenant ID, or az login --tenant ID."
            return ARM.sign_in_refused(refusal, step, "arm-sign-in", remedy)
        case 403:
            remedy = _who_grants(refusal.code)
            return PermissionMissing(
                "permission-missing",
                f"You can't {step}.",
                answer=said,
                remedy=remedy,
                request_id=request_id,
                missing=_missing(refusal.code, step),
            )
        case 404:
            remedy = _where_else(refusal.code)
            return NotThere("not-found", f"Could not {step}.", answer=said, remedy=remedy, request_id=request_id)
        case 400 if (name := refused_setting(refusal.message)) is not None:
            return ARM.refused(refusal, step, SETTING_NAME_REFUSED, _rename(name))
        case _:
            code = "locked" if refusal.code == "ScopeLocked" else "arm-refused"
            contention = _CONTENTION if _is_busy(refusal) else None
            return ARM.refused(refusal, step, code, _remedy(refusal), contention=contention)


def refused_setting(message: str) -> str | None:
    """The name of the application setting that a write was refused for."""
    match = _REFUSED_NAME.search(message)
    return (match["name"] or match["flex"]) if match else None


def _rename(name: str) -> str:
    return (
        f"The name of the setting '{name}' blocks every write of settings. Rename it in the portal (Environment "
        "variables, Advanced edit) to letters, digits, periods and underscores (on Linux, two underscores for a "
        "colon), and change the code that reads it. Then run the same command again to resume."
    )


def _unanswered(error: AzureError, step: str) -> S2SError:
    if isinstance(error, UnreadableAnswer):
        return ARM.unreadable(step)
    lost = isinstance(error, ServiceRequestError | ServiceResponseError)
    report = "Run the same command again with --verbose and report its output."
    return ARM.unanswered(error, step, RESUME if lost else report)


def _lowered(document: object) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in document.items()} if isinstance(document, Mapping) else {}


def _where_else(code: str) -> str:
    if code == "SubscriptionNotFound":  # said before the token is looked at, so that it tells nothing of rights
        return "Check the subscription's ID and its cloud (--cloud)."
    return "Check the name and the resource group."


def _who_grants(code: str) -> str:
    if code == "DenyAssignmentAuthorizationFailed":
        return (
            "The App Service belongs to a managed application whose publisher denies changes. Send the values to "
            "the publisher: mct-s2s setup --no-app-service --handoff handoff.json"
        )
    if code == "RequestDisallowedByPolicy":
        return "An Azure Policy forbids it. Ask the policy's owner for an exemption."
    return (
        f"Ask an Owner or User Access Administrator for the role {LEAST_ROLE} on the resource, wait a few minutes, "
        "then run the same command again."
    )


def _missing(code: str, step: str) -> tuple[MissingRight, ...]:
    if code in {"DenyAssignmentAuthorizationFailed", "RequestDisallowedByPolicy"}:
        return ()  # no role helps
    return (MissingRight(step, LEAST_ROLE, "an Owner or User Access Administrator"),)


def _is_busy(refusal: Refusal) -> bool:
    return refusal.status in {409, 429} and _BUSY.search(f"{refusal.said} {refusal.body}") is not None


def _remedy(refusal: Refusal) -> str:
    if _is_busy(refusal):
        return "Wait until the other operation has finished (the resource's Activity log shows it). " + LATER
    if refusal.code == "ScopeLocked":
        return "Ask the owner of the lock to remove it (az lock list), then run the same command again."
    if refusal.code in {"NoRegisteredProviderFound", "InvalidApiVersionParameter"}:
        return "This cloud supports none of the API versions of this mct-s2s. Update it: pip install -U mct-s2s"
    if refusal.status >= 500 or refusal.status == 429:
        return LATER
    return "Run the same command again. If it fails again, send the request id to Azure support."
