"""Azure Resource Manager: find the operation, check the caller, run the operation, send its answer
or a page of it.

Checks are in the service's order: subscription, token, tenant, api-version, permission, lock, rate.
`/metadata/endpoints` has the addresses of the cloud, for clients that know Resource Manager's only;
services that the sandbox does not have point at it, too. Source: ARM: resource-manager api
contracts ("Paging", too); role-based-access-control; management/lock-resources; metadata/endpoints
2022-09-01 (one object) and earlier (a list of clouds); docs/azure-contract.md, section 4.1.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.core.operation import Answer, below
from mct_s2s.sandbox.core.wire_errors import WireError, arm_error, service_error
from mct_s2s.sandbox.entra.directory import Caller
from mct_s2s.sandbox.entra.tenant import policies
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.tokens.access_tokens import TokenRejected
from mct_s2s.sandbox.resources import generic, providers, sites
from mct_s2s.sandbox.resources.role_assignments import ResourceId
from mct_s2s.sandbox.services.arm import any_resource, app_service, authorization, manager
from mct_s2s.sandbox.services.arm.call import ArmCall, ArmOperation
from mct_s2s.sandbox.state.state import SandboxState

_TOKEN = "$skiptoken"  # noqa: S105  # the option's name


def page(answer: Answer, address: str, query: Mapping[str, str], size: int) -> Answer:
    """Return the requested page of a list, with the address of the next one.

    Args:
        size: entries of a page; 0: all.
    """
    body = answer.body
    if not size or not isinstance(body, dict) or not isinstance(body.get("value"), list):
        return answer
    token = query.get(_TOKEN, "0")
    if not token.isdecimal():
        raise arm_error(400, "InvalidSkipToken", f"The skip token '{token}' is invalid.")
    begin = int(token)
    shown = {**body, "value": body["value"][begin : begin + size]}
    if begin + size < len(body["value"]):
        shown["nextLink"] = f"{address}?{urlencode({**query, _TOKEN: str(begin + size)}, safe='$')}"
    return replace(answer, body=shown)


# The first match counts, so that the rows for any resource come last.
OPERATIONS: tuple[ArmOperation, ...] = (
    *authorization.OPERATIONS,
    *manager.OPERATIONS,
    *app_service.OPERATIONS,
    *any_resource.OPERATIONS,
)
_WRONG_AUDIENCE = (
    "The access token has been obtained for wrong audience or resource. It should exactly match "
    "(including forward slash) with one of the allowed audiences '{}'."
)


def routes(
    state: SandboxState, addresses: Addresses, open_port: Callable[[str], int]
) -> list[Route]:
    """Return the route of all paths that no other service answers; they are compared
    without case.

    `open_port` lets a site answer, by its resource id.
    """

    async def answer(request: Request) -> Response:
        operation, params = find(request.method, request.url.path)
        request.scope["sandbox"]["changed"] = generic.apply_due(state.resources)
        caller = authenticate(state, addresses, request)
        request.scope["sandbox"]["caller"] = caller.object_id
        kind = _check_version(state, operation, params, request.query_params)
        headers = _authorize(state, addresses, operation, params, caller, request, kind)
        raw_body = await request.body()
        named = request.headers.get("content-type", "<null>").partition(";")[0].strip()
        if raw_body and named.lower() != "application/json":
            raise service_error("UnsupportedMediaType", named=named)
        call = ArmCall(
            state=state,
            addresses=addresses,
            open_port=open_port,
            method=request.method,
            path=request.url.path,
            params=params,
            query=request.query_params,
            raw_body=raw_body,
            caller=caller,
        )
        site = _changed_site(call, operation)
        try:
            if site is not None:
                site.check_free(state.clock.timestamp())
            outcome = operation.run(call)
            result = await outcome if inspect.isawaitable(outcome) else outcome
        except WireError as refused:
            refused.headers = {**headers, **refused.headers}
            raise
        lasts = state.directory.variations.site_write_seconds
        if site is not None and request.method != "POST" and lasts:
            site.busy_until = max(site.busy_until, state.clock.timestamp() + lasts)
        if request.method == "GET":
            address = f"{addresses.arm}{request.url.path}"
            result = page(
                result, address, request.query_params, state.directory.variations.arm_page_size
            )
        return _response(result, headers, kind)

    return [below("/", answer)]


def find(method: str, path: str) -> tuple[ArmOperation, dict[str, str]]:
    fitting = [(row, match) for row in OPERATIONS if (match := row.pattern.fullmatch(path))]
    of_site = fitting and fitting[0][0].template.startswith("{site}/")
    if of_site:
        fitting = [
            candidate for candidate in fitting if candidate[0].template.startswith("{site}/")
        ]
    for row, match in fitting:
        if row.method == method or (method == "HEAD" and row.method == "GET"):
            return row, match.groupdict()
    if not of_site:
        raise arm_error(
            501, "SandboxNotImplemented", f"The sandbox does not support {method} {path}."
        )

    def refuse(call: ArmCall) -> Answer:
        raise sites.wrong_method(call.method)

    row, match = fitting[0]
    return replace(row, method=method, action="", run=refuse), match.groupdict()


def authenticate(state: SandboxState, addresses: Addresses, request: Request) -> Caller:
    """Return the caller. A missing subscription is reported even without a token."""
    subscription = _subscription_in(request.url.path)
    if subscription is not None:
        state.resources.subscription(subscription)
    try:
        caller = access_tokens.verify(
            state.directory, request.headers.get("authorization"), audiences=addresses.arm_audiences
        )
    except TokenRejected as rejected:
        raise _unauthorized(state, addresses, rejected) from rejected
    if caller.tenant_id != state.directory.tenant_id:
        raise _wrong_tenant(state, addresses, caller)
    return caller


def _subscription_in(path: str) -> str | None:
    parts = path.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "subscriptions" else None


def _unauthorized(state: SandboxState, addresses: Addresses, rejected: TokenRejected) -> WireError:
    codes = {
        "missing": (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ),
        "expired": (
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
        ),
        "audience": (
            "InvalidAuthenticationTokenAudience",
            _WRONG_AUDIENCE.format("','".join(addresses.arm_audiences)),
        ),
    }
    code, message = codes.get(
        rejected.kind, ("InvalidAuthenticationToken", "The access token is invalid.")
    )
    return arm_error(401, code, message, headers=_challenge(state, addresses, message))


def _wrong_tenant(state: SandboxState, addresses: Addresses, caller: Caller) -> WireError:
    home = state.directory.tenant_id
    message = (
        "The access token is from the wrong issuer "
        f"'https://sts.windows.net/{caller.tenant_id}/'. It must match the tenant "
        f"'https://sts.windows.net/{home}/' associated with this subscription. Please use the "
        "authority (URL) "
        f"'{addresses.login}/{home}' to get the token. Note, if the subscription is transferred to "
        "another tenant there is no impact to the services, but information about new tenant could "
        "take time to propagate (up to an hour). If you just transferred your subscription and see "
        "this error message, please try back later."
    )
    return arm_error(
        401,
        "InvalidAuthenticationTokenTenant",
        message,
        headers=_challenge(state, addresses, message),
    )


def _challenge(state: SandboxState, addresses: Addresses, why: str) -> dict[str, str]:
    where = f"{addresses.login}/{state.directory.subscription_tenant.tenant_id}"
    return {
        "WWW-Authenticate": (
            f'Bearer authorization_uri="{where}", error="invalid_token", error_description="{why}"'
        )
    }


def _check_version(
    state: SandboxState,
    operation: ArmOperation,
    params: Mapping[str, str],
    query: Mapping[str, str],
) -> str:
    about = _type_of(params)
    named = next((value for name, value in query.items() if name.lower() == "api-version"), None)
    version = providers.require_version(named)
    if not operation.versions:
        return about
    kind = providers.find(operation.versions.format(type=about))
    kind.check_version(version, state.resources.api_versions)
    return about


def _type_of(params: Mapping[str, str]) -> str:
    if "id" in params:
        return ResourceId.parse(params["id"]).type
    return f"{params['namespace']}/{params['type']}" if "type" in params else ""


def _authorize(
    state: SandboxState,
    addresses: Addresses,
    operation: ArmOperation,
    params: Mapping[str, str],
    caller: Caller,
    request: Request,
    about: str,
) -> dict[str, str]:
    scope = params.get("id") or params.get("scope") or _asked_about(request.url.path, params)
    action = operation.action.format(type=about, **{k: v for k, v in params.items() if k != "type"})
    if action:
        state.resources.access.check(caller, action, scope)
    if request.method in {"PUT", "PATCH", "DELETE"}:
        _check_second_factor(state, addresses, caller)
    if request.method in {"POST", "PUT", "PATCH", "DELETE"}:
        state.resources.locks.check(_changed(request), deleting=request.method == "DELETE")
    subscription = _subscription_in(request.url.path)
    if subscription is None:
        return {}
    # App Service has its own count of actions, and of writes of a whole site:
    # docs/azure-contract.md, section 4.1.
    of_site = about.lower().startswith("microsoft.web/") and (
        request.method == "POST" or (request.method == "PUT" and operation.template == "{id}")
    )
    kind = "resource-requests" if of_site else _COUNTS.get(request.method, "writes")
    return {f"x-ms-ratelimit-remaining-subscription-{kind}": "199"}


def _asked_about(path: str, params: Mapping[str, str]) -> str:
    """Return the scope that a refusal names: of a subscription's own lists it is the
    subscription.
    """
    if "subscription" not in params:
        return path.rstrip("/")
    group = f"/resourceGroups/{params['group']}" if "group" in params else ""
    return f"/subscriptions/{params['subscription']}{group}"


_COUNTS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
"""Nothing is used up here: a fault refuses as where it is.

Source: ARM: request-limits-and-throttling.
"""


def _check_second_factor(state: SandboxState, addresses: Addresses, caller: Caller) -> None:
    """Refuse writes of a person without a second factor; applications are exempt.

    Source: docs/azure-contract.md, section 4.10.
    """
    mode = state.directory.variations.mfa_for_writes
    if mode == "off" or not caller.scopes or "p1" in caller.claims.get("acrs", ()):
        return
    where = f"{addresses.login}/{state.directory.tenant_id}"
    challenge = (
        f'Bearer realm="", authorization_uri="{where}/oauth2/authorize", '
        'error="insufficient_claims", '
        f'claims="{policies.encoded(policies.MFA_CLAIMS)}"'
    )
    raise arm_error(
        403 if mode == "policy" else 401,
        "RequestDisallowedByPolicy",
        "Resource was disallowed by policy. Reasons: MFA is required. Users must use MFA for "
        "Create/Update operations. Users must authenticate with multi-factor authentication to "
        "create or update resources.",
        headers={} if mode == "policy" else {"WWW-Authenticate": challenge},
    )


def _changed_site(call: ArmCall, operation: ArmOperation) -> sites.SiteState | None:
    reads = operation.method == "GET" or operation.template.endswith(("/list", "/publishxml"))
    return (
        None if reads or "id" not in call.params else call.resources.sites.get(call.resource_id.key)
    )


def _changed(request: Request) -> str:
    path = request.url.path.rstrip("/")
    return path.rsplit("/", 1)[0] if request.method == "POST" else path


_EVERY = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


def _response(answer: Answer, headers: Mapping[str, str], about: str) -> Response:
    every = {**_EVERY, **headers, **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=every)
    if isinstance(answer.body, str):
        return Response(
            answer.body, status_code=answer.status, headers=every, media_type=answer.media_type
        )
    # App Service leaves the charset out, Resource Manager does not: docs/azure-contract.md, section
    # 4.1.
    media = "application/json" if about.lower().startswith("microsoft.web/") else answer.media_type
    return JSONResponse(answer.body, status_code=answer.status, headers=every, media_type=media)


def metadata_routes(addresses: Addresses) -> list[Route]:
    async def endpoints(request: Request) -> Response:
        version = providers.require_version(request.query_params.get("api-version"))
        described = document("cloud", at=addresses)
        described["suffixes"] |= {
            name: addresses.suffix_elsewhere(suffix)
            for name, suffix in described["suffixes"].items()
            if name != "keyVaultDns"
        }
        described["authentication"]["audiences"] = [
            name for name in addresses.arm_audiences if name.endswith("/")
        ]
        return JSONResponse(described if version >= "2022-09-01" else [described])

    return [Route("/metadata/endpoints", endpoints)]
