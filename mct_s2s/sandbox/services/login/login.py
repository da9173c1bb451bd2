"""The Entra token service's routes: discovery, keys, tokens, device codes.

Sources: entra: identity-platform/v2-protocols-oidc,
identity-platform/v2-oauth2-client-creds-grant-flow, identity-platform/v2-oauth2-device-code.
"""

import base64
import html
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.operation import Operation
from mct_s2s.sandbox.core.wire_errors import entra_error
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.tokens import access_tokens, delegated, token_endpoint
from mct_s2s.sandbox.services.login import issuer
from mct_s2s.sandbox.state.state import SandboxState

_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class LoginCall(NamedTuple):
    """A request to the token service; `tenant` in its path is an id, a domain, `common` or
    `organizations`.
    """

    state: SandboxState
    addresses: Addresses
    request: Request


def routes(state: SandboxState, addresses: Addresses) -> list[Route]:
    def answering(operation: LoginOperation) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await operation.run(LoginCall(state, addresses, request))

        return answer

    rows = [Route(row.template, answering(row), methods=[row.method]) for row in OPERATIONS]
    return [*issuer.routes(state, addresses), *rows]


LoginOperation = Operation[LoginCall, Awaitable[Response]]


async def _instance(call: LoginCall) -> Response:
    asked = urlsplit(call.request.query_params.get("authorization_endpoint", ""))
    hosts = call.addresses.login_hosts
    if not asked.path or asked.netloc.lower() not in hosts:
        text = "The authorization_endpoint is not a known instance."
        raise entra_error(400, "invalid_instance", 50049, text)
    tenant = asked.path.split("/")[1]
    cached = hosts[1] if len(hosts) > 1 else hosts[0]
    return JSONResponse(
        {
            "tenant_discovery_endpoint": (
                f"{call.addresses.login}/{tenant}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [
                {"preferred_network": hosts[0], "preferred_cache": cached, "aliases": list(hosts)}
            ],
        }
    )


async def _discovery(version: int, call: LoginCall) -> Response:
    directory, name = call.state.directory, call.request.path_params["tenant"]
    tenant = token_endpoint.tenant_named(directory, name, error="invalid_tenant")
    infix = "v2.0/" if version == 2 else ""
    # Entra keeps the authority's own segment in the endpoints: a domain stays a domain.
    anywhere = name.lower() in token_endpoint.ANY_TENANT
    base = f"{call.addresses.login}/{name if anywhere else tenant.tenant_id}"
    by = access_tokens.issuer(directory, version, tenant)
    shown = document(
        "openidConfiguration",
        at=call.addresses,
        base=base,
        infix=infix,
        # All tenants together have no issuer: docs/azure-contract.md, section 2.1.
        issuer=by.replace(tenant.tenant_id, "{tenantid}") if anywhere else by,
        cloud=urlsplit(call.addresses.login).netloc.removeprefix("login."),
        graph=urlsplit(call.addresses.graph).netloc,
    )
    return JSONResponse(shown)


async def _keys(call: LoginCall) -> Response:
    directory = call.state.directory
    tenant = token_endpoint.tenant_named(
        directory, call.request.path_params["tenant"], error="invalid_tenant"
    )
    issuer = access_tokens.issuer(directory, 2, tenant)
    return JSONResponse({"keys": [directory.signing_key.jwk(issuer)]})


async def _token(version: int, call: LoginCall) -> Response:
    form, directory = await _form(call.request), call.state.directory
    directory.replication.begin_request()
    answer = token_endpoint.token(
        directory, call.request.path_params["tenant"], form, version=version
    )
    return JSONResponse(answer, headers=_NO_STORE)


async def _device_code(call: LoginCall) -> Response:
    directory = call.state.directory
    token_endpoint.tenant_named(directory, call.request.path_params["tenant"])
    return JSONResponse(
        delegated.device_code(directory, await _form(call.request)), headers=_NO_STORE
    )


async def _device_login(call: LoginCall) -> Response:
    form = await _form(call.request) if call.request.method == "POST" else {}
    directory = call.state.directory
    message = ""
    if form.get("action") == "decline":
        message = (
            "Declined."
            if delegated.decline(directory, form.get("user_code", ""))
            else "No such code."
        )
    elif form:
        done = delegated.approve(directory, form.get("user_code", ""), form.get("user", ""))
        message = "You have signed in." if done else "No such code, or no such person."
    status = 400 if message.startswith("No ") else 200
    return HTMLResponse(_page(directory, message), status)


_OIDC = "identity-platform/v2-protocols-oidc"
_GRANTS = (
    "identity-platform/v2-oauth2-client-creds-grant-flow, identity-platform/v2-oauth2-device-code"
)
_GRANT_V1 = "azuread-dev/v1-oauth2-client-creds-grant-flow"

OPERATIONS: tuple[LoginOperation, ...] = (
    LoginOperation("GET", "/common/discovery/instance", _instance, "msal: authority.py"),
    LoginOperation(
        "GET", "/{tenant}/v2.0/.well-known/openid-configuration", partial(_discovery, 2), _OIDC
    ),
    LoginOperation(
        "GET", "/{tenant}/.well-known/openid-configuration", partial(_discovery, 1), _OIDC
    ),
    LoginOperation(
        "GET", "/{tenant}/discovery/v2.0/keys", _keys, "identity-platform/access-tokens"
    ),
    LoginOperation("GET", "/{tenant}/discovery/keys", _keys, "identity-platform/access-tokens"),
    LoginOperation("POST", "/{tenant}/oauth2/v2.0/token", partial(_token, 2), _GRANTS),
    LoginOperation("POST", "/{tenant}/oauth2/token", partial(_token, 1), _GRANT_V1),
    LoginOperation(
        "POST",
        "/{tenant}/oauth2/v2.0/devicecode",
        _device_code,
        "identity-platform/v2-oauth2-device-code",
    ),
    LoginOperation(
        "GET", "/devicelogin", _device_login, "identity-platform/v2-oauth2-device-code", "stub"
    ),
    LoginOperation(
        "POST", "/devicelogin", _device_login, "identity-platform/v2-oauth2-device-code", "stub"
    ),
)
"""All operations; any other path is answered 501."""


async def _form(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    form = {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic" and "client_id" not in form:
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return form
        form |= {"client_id": unquote(client_id), "client_secret": unquote(secret)}
    return form


def _page(directory: Directory, message: str) -> str:
    people = "".join(
        f"<option>{html.escape(user['userPrincipalName'])}</option>"
        for user in directory.users.seen_all()
    )
    return (
        f"<!doctype html><title>Sign in</title><p>{html.escape(message)}</p><form method=post>"
        f"<input name=user_code placeholder=Code> <select name=user>{people}</select> <button "
        "name=action value=approve>Sign in</button> <button name=action "
        "value=decline>Cancel</button></form>"
    )
