"""The web apps: the MCT site, which checks a call against its settings, and others that only
answer.

The reason of a refusal goes to the sandbox's request log only: the real site answers just 401. It
has the documented paths of the MCT API, without case, and no others; what they hold is made up.
Sources: service-to-service authentication, step 3 and the note on `ClientType`; community-training:
rest-api-management; which paths give lists: docs/azure-contract.md, section 8.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.operation import Operation, below
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.tokens.access_tokens import TokenRejected
from mct_s2s.sandbox.resources.sites import Settings
from mct_s2s.sandbox.services.hosted_app import HostedApp
from mct_s2s.sandbox.state.state import SandboxState


def _organizations(settings: Settings) -> Any:
    return [{"id": 1, "name": settings.get("OrganizationName"), "isDefault": True}]


def _profile(settings: Settings) -> Any:
    return {"organizationName": settings.get("OrganizationName"), "userType": "Service"}


_API = "community-training: rest-api-management"
PATHS: tuple[Operation[Settings, Any], ...] = (
    Operation("GET", "/api/v1/organization", _organizations, _API),
    Operation("GET", "/api/v1/Courses", lambda _: [], _API),
    Operation("GET", "/api/v1/Groups", lambda _: [], _API),
    Operation("GET", "/api/v1/users", lambda _: [], _API),
    Operation("PUT", "/api/v1/user/organization", lambda _: {"isSuccess": True}, _API),
    Operation(
        "PUT", "/api/v1/Course/{id}/Lesson/ImportProgress", lambda _: {"isSuccess": True}, _API
    ),
    Operation(
        "PUT", "/api/v1/Course/{id}/Quiz/ImportProgress", lambda _: {"isSuccess": True}, _API
    ),
    Operation("GET", "/api/v2/Profile", _profile, _API),
    Operation("POST", "/api/v4/Courses/{id}/Content", lambda _: {"isSuccess": True}, _API),
)


def is_api(path: str) -> bool:
    return path.lower() == "/api" or path.lower().startswith("/api/")


def open_page(path: str) -> Response:
    if path.lower().rstrip("/") in {"", "/swagger", "/swagger/index.html"}:
        return PlainTextResponse("Microsoft Community Training")
    return Response(status_code=404)


def api_answer(method: str, path: str, settings: Settings) -> Response:
    """Answer an accepted caller: 404 for an unknown path, 405 for another method."""
    fitting = [row for row in PATHS if row.pattern.fullmatch(path)]
    for row in fitting:
        if method == row.method or (method == "HEAD" and row.method == "GET"):
            return JSONResponse(row.run(settings))
    allowed = ", ".join(row.method for row in fitting)
    return (
        Response(status_code=405, headers={"Allow": allowed})
        if fitting
        else Response(status_code=404)
    )


class CallRejected(Exception):
    """A call that the site does not accept; the text is the reason for the sandbox's log."""


def routes(
    state: SandboxState,
    addresses: Addresses,
    site_id: str,
    apps: Mapping[str, HostedApp],
    identity: Mapping[str, str],
) -> list[Route]:
    """`apps`: the programs that answer in place of MCT, by the resource ID of the site; `identity`:
    the variables by which one of this site gets tokens of its managed identity, if it has one.
    """

    async def answer(request: Request) -> Response:
        site_state = state.resources.sites.get(site_id)
        body = state.resources.find(site_id)
        if site_state is None or body is None:
            return PlainTextResponse("404 Web Site not found.", 404)
        settings = site_state.running_settings(state.clock.timestamp())
        if settings is None:
            return PlainTextResponse("Service Unavailable", 503)
        if body["properties"].get("state") == "Stopped":
            return PlainTextResponse("Error 403 - This web app is stopped.", 403)
        refusal = _refused_before(state, addresses, site_id, request.url.netloc)
        if refusal is not None:
            return refusal
        app = apps.get(site_id)  # it may have come after the site
        if app is not None:
            inside = {**settings, **identity} if body.get("identity") else settings
            return await app.answer(request, inside, (site_state.recycles, site_state.restarts))
        return _answer_call(state, addresses, settings, request, body["kind"])

    return [below("/", answer)]


def _refused_before(
    state: SandboxState, addresses: Addresses, site_id: str, host: str
) -> Response | None:
    """Return the answer of what stands before the app, where it lets no call pass."""
    front, is_at_door = (
        state.directory.variations.site_front,
        host.lower() == addresses.of_front_door(site_id),
    )
    if is_at_door and front != "front-door":
        return PlainTextResponse(
            "Oops! We weren't able to find your Azure Front Door Service configuration.", 404
        )
    # The origin admits its own Front Door alone, by X-Azure-FDID
    match front:
        case "front-door" if not is_at_door:
            return PlainTextResponse("Error 403 - Forbidden", 403)
        case "network":
            return PlainTextResponse(
                "Error 403 - Forbidden", 403, {"x-ms-forbidden-ip": "192.0.2.1"}
            )
        case "authentication":
            where = f"{addresses.login}/{state.directory.tenant_id}/oauth2/authorize"
            challenge = (
                f'Bearer realm="{host.partition(":")[0]}" authorization_uri="{where}" '
                'resource_id="sandbox"'
            )
            return Response(status_code=401, headers={"WWW-Authenticate": challenge})
    return None


def _answer_call(
    state: SandboxState, addresses: Addresses, settings: Settings, request: Request, kind: str
) -> Response:
    if "functionapp" in kind:
        return PlainTextResponse("Your Functions 4.0 app is up and running")
    if not is_api(request.url.path):
        return open_page(request.url.path)
    try:
        caller = check_call(state.directory, addresses, settings, request.headers)
    except CallRejected as refused:
        request.scope["sandbox"]["note"] = str(refused)
        is_named = state.directory.variations.site_front == "bearer"
        return Response(
            status_code=401, headers={"WWW-Authenticate": "Bearer"} if is_named else None
        )
    request.scope["sandbox"]["note"] = f"accepted as {caller}"
    return api_answer(request.method, request.url.path, settings)


def check_call(
    directory: Directory, addresses: Addresses, settings: Settings, headers: Mapping[str, str]
) -> str:
    """Check that a call comes from a service on an allow list; return the name of the list."""
    site_settings = {name.lower(): value or "" for name, value in settings.items()}
    _require(
        site_settings.get("serviceauthenabled", "").strip().lower() == "true",
        "ServiceAuthEnabled is not true",
    )
    _require(
        headers.get("clienttype", "").lower() == "service", "the header ClientType is not Service"
    )
    _check_tenant_name(directory, site_settings)
    claims = _claims(directory, headers)
    tenant = site_settings.get("serviceauthtenantid", "").strip().lower()
    _require(
        str(claims.get("tid", "")).lower() == tenant,
        f"tid is {claims.get('tid')}, not ServiceAuthTenantId",
    )
    issuers = (f"https://sts.windows.net/{tenant}/", f"{addresses.login}/{tenant}/v2.0")
    _require(claims.get("iss") in issuers, f"iss is {claims.get('iss')}")
    audience = site_settings.get("serviceauthaudience", "")
    _require(
        bool(audience) and claims.get("aud") == audience,
        f"aud is {claims.get('aud')}, not {audience!r}",
    )
    return _allowed(site_settings, claims)


def _require(fact: bool, why_not: str) -> None:
    if not fact:
        raise CallRejected(why_not)


def _check_tenant_name(directory: Directory, site_settings: Mapping[str, str]) -> None:
    name = site_settings.get("serviceauthtenantname", "").strip().lower()
    _require(
        name in directory.tenant.domains,
        f"ServiceAuthTenantName {name!r} is no domain of the tenant",
    )


def _claims(directory: Directory, headers: Mapping[str, str]) -> dict[str, Any]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    _require(scheme.lower() == "bearer" and bool(token.strip()), "there is no bearer token")
    try:
        return access_tokens.decode(directory, token.strip())
    except TokenRejected as rejected:
        raise CallRejected(rejected.reason) from rejected


def _allowed(site_settings: Mapping[str, str], claims: Mapping[str, Any]) -> str:
    if str(claims.get("oid", "")).lower() in _ids(site_settings.get("serviceobjectids", "")):
        return "ServiceObjectIds"
    client = str(claims.get("appid") or claims.get("azp") or "").lower()
    _require(
        client in _ids(site_settings.get("serviceapplicationids", "")),
        f"neither the object id {claims.get('oid')} nor the application id {client} is on an allow "
        "list",
    )
    role = site_settings.get("serviceauthrole", "")
    _require(
        bool(role) and role in claims.get("roles", ()),
        f"the token does not carry the role {role!r}",
    )
    return "ServiceApplicationIds"


def _ids(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(";")} - {""}
