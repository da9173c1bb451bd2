"""Azure Resource Manager's refusals, translated once.

Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from mct_s2s.azure.answer_limits import OddAnswer, parse_json
from mct_s2s.azure.json_values import seconds
from mct_s2s.azure.services import ARM, odd_answer
from mct_s2s.azure.sign_in.claims import Challenge, challenge_in
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, SignInFailed

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


def challenge_of(error: AzureError) -> Challenge | None:
    """What a refusal asks of the sign-in, mostly a second factor: its code is a policy's, its status 401 or 403."""
    if not isinstance(error, HttpResponseError) or error.response is None or error.status_code not in {401, 403}:
        return None
    return challenge_in(_headers(error).get("www-authenticate", ""), _text(error))


def words_of(error: AzureError) -> tuple[str, str | None]:
    """What a refusal says, code first, and its request id."""
    assert isinstance(error, HttpResponseError)  # noqa: S101  # the caller has looked
    code, message = _body(error)
    return f"{code}: {message}" if code else f"HTTP {error.status_code}", _request_id(_headers(error))


def translate(error: AzureError, doing: str) -> S2SError:
    """What the user is told of a failed request to Azure Resource Manager.

    Args:
        error: what the SDK raised.
        doing: the step, as a verb phrase: `restart the App Service`.
    """
    if not isinstance(error, HttpResponseError) or error.response is None:
        return _unanswered(error, doing)
    headers, status = _headers(error), error.status_code or 0
    code, message = _body(error)
    said, request_id = words_of(error)
    if status == 401:
        return SignInFailed(
            "arm-sign-in",
            f"Azure Resource Manager refused the sign-in while trying to {doing}.",
            answer=said,
            remedy="Sign in to the tenant of the subscription: --tenant ID, or az login --tenant ID.",
            request_id=request_id,
        )
    if status == 403:
        return PermissionMissing(
            "permission-missing", f"You can't {doing}.", answer=said, remedy=_who_grants(code), request_id=request_id
        )
    if status == 404:
        return NotThere(
            "not-found", f"Could not {doing}.", answer=said, remedy=_where_else(code), request_id=request_id
        )
    name = refused_setting(message) if status == 400 else None
    return ServiceError(
        _code(code, name),
        f"Azure Resource Manager refused to {doing}.",
        answer=said,
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
        f"The name of the setting '{name}' blocks every write of settings. Rename it in the portal (Environment "
        "variables, Advanced edit) to letters, digits, periods and underscores (on Linux, two underscores for a "
        "colon), and change the code that reads it. Then run the same command again to resume."
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
        f"Azure Resource Manager did not respond to the request to {doing}: {_first_line(error)}",
        remedy="Check the network and the proxy, then run the same command again to resume."
        if lost
        else "Run the same command again with --verbose and report its output.",
    )


def _body(error: HttpResponseError) -> tuple[str, str]:
    """Code and message, in either of the two envelopes that App Service uses."""
    try:
        document: Any = parse_json(_text(error))
    except (ValueError, OddAnswer):
        return "", ""
    lowered = _lowered(document)
    inner = _lowered(lowered.get("error") or document)
    return str(inner.get("code") or ""), str(inner.get("message") or "")[:600]


def _text(error: HttpResponseError) -> str:
    """The whole answer: a policy's reasons come after its identifiers, which are long."""
    assert error.response is not None  # noqa: S101  # the caller has looked
    try:
        return str(error.response.text())
    except (ValueError, LookupError):  # in no encoding that is known
        return ""


def _headers(error: HttpResponseError) -> dict[str, str]:
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    return {str(name).lower(): str(value) for name, value in response.headers.items()}


def _request_id(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id")


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


def _remedy(code: str, status: int) -> str:
    if code == "ScopeLocked":
        return "Ask the owner of the lock to remove it (az lock list), then run the same command again."
    if code in {"NoRegisteredProviderFound", "InvalidApiVersionParameter"}:
        return "This cloud supports none of the API versions of this mct-s2s. Update it: pip install -U mct-s2s"
    if status >= 500 or status == 429:
        return "Run the same command again to resume."
    return "Run the same command again. If it fails again, send the request id to Azure support."


def _first_line(error: AzureError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
