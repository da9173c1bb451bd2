"""The endpoint inside a resource that issues tokens of its managed identity.

Sources: app-service/overview-managed-identity (2019-08-01 with X-IDENTITY-HEADER, and 2017-09-01
with secret); entra: managed-identities-azure-resources/how-to-use-vm-token (2018-02-01 with
Metadata: true); docs/azure-contract.md, section 2.5.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import WireError
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.state.state import SandboxState

OLD_VERSION = "2017-09-01"
_SEVERAL = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
    "identity in the token request"
)
# A forwarded or proxied request gets no token.
_FORWARDED = """<?xml version="1.0" encoding="utf-8"?>
<Error xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
    <Code>InvalidHeaderValue</Code>
    <Message>The value provided for one of the HTTP headers was not in the correct format.</Message>
    <Details>Header contains 'X-Forwarded-For' are not supported.</Details>
</Error>
"""
_SELECTORS = ("client_id", "object_id", "principal_id", "mi_res_id", "msi_res_id")


def environment(addresses: Addresses, resource_id: str) -> dict[str, str]:
    where, header = (
        f"{addresses.origin}/_sandbox/identity{resource_id}/msi/token",
        identity_header(resource_id),
    )
    older = {"MSI_ENDPOINT": where, "MSI_SECRET": header}
    return {"IDENTITY_ENDPOINT": where, "IDENTITY_HEADER": header, **older}


def identity_header(resource_id: str) -> str:
    """Return the header value that shows that a request comes from inside the app."""
    return hashlib.sha256(f"inside {resource_id.lower()}".encode()).hexdigest()[:32].upper()


def routes(state: SandboxState) -> list[Route]:
    base = "/_sandbox/identity/{resource:path}"
    return [
        Route(base + "/msi/token", partial(_app_service, state)),
        Route(base + "/metadata/identity/oauth2/token", partial(_machine, state)),
    ]


async def _app_service(state: SandboxState, request: Request) -> Response:
    resource_id = "/" + request.path_params["resource"]
    version = request.query_params.get("api-version")
    header = "secret" if version == OLD_VERSION else "x-identity-header"
    if request.headers.get(header) != identity_header(resource_id):
        return _app_service_error(403, "The X-IDENTITY-HEADER is not the one of this app.")
    if version not in {"2019-08-01", OLD_VERSION}:
        return _app_service_error(400, "The api-version is not supported.")
    query = dict(request.query_params)
    if version == OLD_VERSION and "clientid" in query:
        query["client_id"] = query.pop("clientid")
    try:
        token = _token(state, resource_id, query, only_one_is_meant=False)
    except (LookupError, WireError) as error:
        return _app_service_error(400, _why(error))
    if version == OLD_VERSION:
        shown = {name: token[name] for name in ("access_token", "resource", "token_type")}
        return JSONResponse({**shown, "expires_on": _as_written_in_2017(int(token["expires_on"]))})
    named = ("access_token", "expires_on", "resource", "token_type", "client_id")
    return JSONResponse({name: token[name] for name in named})


async def _machine(state: SandboxState, request: Request) -> Response:
    if "x-forwarded-for" in request.headers:
        return Response(_FORWARDED, 400, media_type="application/xml")
    if request.headers.get("metadata", "").lower() != "true":
        return _machine_error("Required metadata header not specified")
    try:
        return JSONResponse(
            _token(state, "/" + request.path_params["resource"], request.query_params)
        )
    except WireError as error:
        return _machine_error(_why(error), str(error.body.get("error", "invalid_request")))
    except LookupError as error:
        return _machine_error(_why(error))


def _as_written_in_2017(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p} +00:00"


def _token(
    state: SandboxState,
    resource_id: str,
    query: Mapping[str, str],
    *,
    only_one_is_meant: bool = True,
) -> dict[str, str]:
    audience = query.get("resource")
    if not audience:
        raise LookupError("The parameter resource is missing.")
    state.directory.replication.begin_request()
    principal_id, client_id = _identity(state, resource_id, query, only_one_is_meant)
    issued = access_tokens.issue_for_managed_identity(state.directory, principal_id, audience)
    now = int(state.clock.timestamp())
    return {
        "access_token": issued.access_token,
        "client_id": client_id,
        "expires_in": str(issued.expires_at - now),
        "expires_on": str(issued.expires_at),
        "ext_expires_in": str(issued.expires_at - now),
        "not_before": str(now - 300),
        "resource": audience,
        "token_type": "Bearer",
    }


def _identity(
    state: SandboxState, resource_id: str, query: Mapping[str, str], only_one_is_meant: bool
) -> tuple[str, str]:
    """Find the requested identity: by default the resource's system-assigned one.

    Without a system-assigned one, a machine uses its only user-assigned one; an app does not.
    """
    body = state.resources.find(resource_id)
    identity: dict[str, Any] = (body or {}).get("identity") or {}
    entries: dict[str, dict[str, str]] = identity.get("userAssignedIdentities") or {}
    wanted = next((query[name].lower() for name in _SELECTORS if name in query), None)
    if wanted is None:
        if identity.get("principalId"):
            return identity["principalId"], _client_id(state, identity["principalId"])
        if not only_one_is_meant:
            raise LookupError("Unable to load the proper Managed Identity.")
        if len(entries) > 1:
            raise LookupError(_SEVERAL)
    for entry_id, ids in entries.items():
        if wanted in (None, entry_id.lower(), ids["clientId"].lower(), ids["principalId"].lower()):
            return ids["principalId"], ids["clientId"]
    raise LookupError("Identity not found")


def _client_id(state: SandboxState, principal_id: str) -> str:
    principal = state.directory.principal(principal_id)
    if principal is None:
        raise LookupError("The identity is not in the directory yet.")
    return str(principal["appId"])


def _why(error: LookupError | WireError) -> str:
    if isinstance(error, WireError):
        return str(error.body.get("error_description") or error.body)
    return str(error.args[0])


def _app_service_error(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _machine_error(message: str, error: str = "invalid_request") -> Response:
    return JSONResponse({"error": error, "error_description": message}, 400)
