"""The endpoint inside a resource that gives out tokens of its managed identity.

Source: app-service/overview-managed-identity (2019-08-01 with X-IDENTITY-HEADER);
entra: managed-identities-azure-resources/how-to-use-vm-token (2018-02-01 with Metadata: true).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.addresses import Addresses
from mct_s2s.sandbox.wire_errors import WireError
from mct_s2s.sandbox.world import World

_SELECTORS = ("client_id", "object_id", "principal_id", "mi_res_id", "msi_res_id")


def environment(addresses: Addresses, resource_id: str) -> dict[str, str]:
    """What the code inside a web or function app finds in its environment."""
    return {
        "IDENTITY_ENDPOINT": f"{addresses.origin}/_sandbox/identity{resource_id}/msi/token",
        "IDENTITY_HEADER": identity_header(resource_id),
    }


def identity_header(resource_id: str) -> str:
    """The value that proves a request comes from inside: known to whoever may ask the sandbox for it."""
    return hashlib.sha256(f"inside {resource_id.lower()}".encode()).hexdigest()[:32].upper()


def routes(world: World, addresses: Addresses) -> list[Route]:
    """The App Service form and the virtual machine form, for any resource."""
    del addresses

    async def app_service(request: Request) -> Response:
        resource_id = "/" + request.path_params["resource"]
        if request.headers.get("x-identity-header") != identity_header(resource_id):
            return _app_service_error(403, "The X-IDENTITY-HEADER is not the one of this app.")
        if request.query_params.get("api-version") != "2019-08-01":
            return _app_service_error(400, "The api-version is not supported.")
        try:
            token = _token(world, resource_id, request.query_params)
        except (LookupError, WireError) as error:
            return _app_service_error(400, _why(error))
        shown = ("access_token", "expires_on", "resource", "token_type", "client_id")
        return JSONResponse({name: token[name] for name in shown})

    async def machine(request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true":
            return _machine_error("Required metadata header not specified")
        try:
            return JSONResponse(_token(world, "/" + request.path_params["resource"], request.query_params))
        except (LookupError, WireError) as error:
            return _machine_error(_why(error))

    base = "/_sandbox/identity/{resource:path}"
    return [
        Route(base + "/msi/token", app_service),
        Route(base + "/metadata/identity/oauth2/token", machine),
    ]


def _token(world: World, resource_id: str, query: Mapping[str, str]) -> dict[str, str]:
    audience = query.get("resource")
    if not audience:
        raise LookupError("The parameter resource is missing.")
    world.directory.replication.begin_request()
    principal_id, client_id = _identity(world, resource_id, query)
    issued = world.directory.tokens.issue_for_managed_identity(principal_id, audience)
    now = int(world.clock.timestamp())
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


def _identity(world: World, resource_id: str, query: Mapping[str, str]) -> tuple[str, str]:
    body = world.resources.find(resource_id)
    identity: dict[str, Any] = (body or {}).get("identity") or {}
    entries: dict[str, dict[str, str]] = identity.get("userAssignedIdentities") or {}
    wanted = next((query[name].lower() for name in _SELECTORS if name in query), None)
    if wanted is None:
        if identity.get("principalId"):
            return identity["principalId"], _client_id(world, identity["principalId"])
        if len(entries) != 1:
            raise LookupError("No managed identity is assigned, or several are and none was named.")
    for entry_id, ids in entries.items():
        if wanted in (None, entry_id.lower(), ids["clientId"].lower(), ids["principalId"].lower()):
            return ids["principalId"], ids["clientId"]
    raise LookupError("Identity not found")


def _client_id(world: World, principal_id: str) -> str:
    principal = world.directory.principal(principal_id)
    if principal is None:
        raise LookupError("The identity is not in the directory yet.")
    return str(principal["appId"])


def _why(error: LookupError | WireError) -> str:
    if isinstance(error, WireError):
        return str(error.body.get("error_description") or error.body)
    return str(error.args[0])


def _app_service_error(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _machine_error(message: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": message}, 400)
