"""`/_sandbox/*`: what no real cloud has. No token is needed, but see `pipeline`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.entra.tenant.variations import TENANTS, Variations
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.resources import vault_references
from mct_s2s.sandbox.services.control import provisioning
from mct_s2s.sandbox.services.control.provisioning import ControlCall, refused
from mct_s2s.sandbox.services.login import managed_identity
from mct_s2s.sandbox.state.state import SandboxState

_CENTURY = 100 * 366 * 86_400


def routes(
    state: SandboxState,
    addresses: Addresses,
    observability: Observability,
    open_port: Callable[[str], int],
    fresh: Callable[[], SandboxState] | None = None,
) -> list[Route]:
    def answering(
        run: Callable[[ControlCall], Any], status: int
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            sent = await request.body()
            body = run(
                ControlCall(
                    state, addresses, observability, open_port, fresh, request.query_params, sent
                )
            )
            return Response(status_code=204) if body is None else JSONResponse(body, status)

        return answer

    fixed = [
        Route(f"/_sandbox/{path}", answering(run, 200), methods=[method])
        for method, path, run in _ROWS
    ]
    adding = provisioning.ROWS
    return fixed + [
        Route(f"/_sandbox/{path}", answering(run, 201), methods=[method])
        for method, path, run in adding
    ]


def _health(call: ControlCall) -> Any:
    addresses = call.addresses
    return {
        "status": "ready",
        "login": addresses.login,
        "arm": addresses.arm,
        "graph": addresses.graph,
        "sites": dict(addresses.sites),
    }


def _put_state(call: ControlCall) -> None:
    try:
        other = SandboxState.from_dict(call.body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise arm_error(400, "InvalidWorld", f"Invalid state: {error}") from error
    _become(call, other)


def _reset(call: ControlCall) -> None:
    """Reset the state to the seed, with the same ports, without faults and with all options at
    their defaults.

    Issued tokens become useless: their principals do not exist any more, apart from the
    administrator. The log and the leaks stay.
    """
    if call.fresh is None:
        raise arm_error(
            409, "NoSeed", "This sandbox was started without a seed, so it cannot be reset."
        )
    _no_faults(call)
    _become(call, call.fresh())


def _become(call: ControlCall, other: SandboxState) -> None:
    call.state.replace_with(other)
    for site_id in call.state.resources.sites:
        call.open_port(site_id)


def _advance(call: ControlCall) -> Any:
    seconds = call.body.get("advanceSeconds")
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _CENTURY:
        raise arm_error(
            400, "InvalidClock", "advanceSeconds must be a number of seconds, at most 100 years."
        )
    call.state.clock.advance(seconds)
    service_principals.expire(call.state.directory)
    return _now(call)


def _now(call: ControlCall) -> Any:
    return {"now": call.state.clock.now().isoformat()}


def _turn(call: ControlCall) -> Any:
    with refused("InvalidKnob"):
        call.state.turn(call.body)
    return call.state.knobs()


def _put_tenant(call: ControlCall) -> Any:
    directory, sent = call.state.directory, call.body
    name = sent.pop("name", None)
    if name is not None and (not isinstance(name, str) or name not in TENANTS):
        raise arm_error(
            400, "InvalidTenant", f"There is no tenant {name!r}, but {', '.join(TENANTS)}."
        )
    try:
        directory.variations = Variations.of(
            {**asdict(TENANTS[name] if name else directory.variations), **sent}
        )
    except TypeError as error:
        raise arm_error(400, "InvalidTenant", str(error)) from error
    return asdict(directory.variations)


def _requests(call: ControlCall) -> Any:
    since = call.query.get("since", "0")
    if not since.isdigit():
        raise arm_error(400, "InvalidNumber", f"'{since}' is not a request number.")
    return {
        "value": call.observability.log.to_list(since=int(since), service=call.query.get("service"))
    }


def _faults(call: ControlCall) -> Any:
    return {"value": call.observability.faults.to_list()}


def _put_faults(call: ControlCall) -> Any:
    with refused("InvalidFault"):
        call.observability.faults.replace(call.value)
    return _faults(call)


def _no_faults(call: ControlCall) -> Any:
    """Remove all rules, and accept tokens again that a fault revoked or expired."""
    call.observability.faults.replace([])
    call.observability.tokens.forget_refusals()
    return _faults(call)


def _app_environment(call: ControlCall) -> Any:
    key, resources = call.query.get("resource", "").lower(), call.state.resources
    site, site_state = resources.resources.get(key), resources.sites.get(key)
    if site is None or site_state is None:
        raise arm_error(404, "ResourceNotFound", f"The site '{key}' does not exist.")
    return vault_references.environment(resources, site, site_state)


_ROWS: tuple[tuple[str, str, Callable[[ControlCall], Any]], ...] = (
    ("GET", "health", _health),
    ("GET", "requests", _requests),
    ("DELETE", "requests", lambda call: call.observability.log.clear()),
    ("GET", "leaks", lambda call: {"value": call.observability.watch.to_list()}),
    ("DELETE", "leaks", lambda call: call.observability.watch.leaks.clear()),
    ("GET", "faults", _faults),
    ("PUT", "faults", _put_faults),
    ("DELETE", "faults", _no_faults),
    ("GET", "world", lambda call: call.state.to_dict()),
    ("PUT", "world", _put_state),
    ("POST", "reset", _reset),
    ("GET", "clock", _now),
    ("POST", "clock", _advance),
    ("GET", "knobs", lambda call: call.state.knobs()),
    ("PATCH", "knobs", _turn),
    ("GET", "tenant", lambda call: asdict(call.state.directory.variations)),
    ("PUT", "tenant", _put_tenant),
    (
        "GET",
        "identity-environment",
        lambda call: managed_identity.environment(call.addresses, call.query.get("resource", "")),
    ),
    ("GET", "app-environment", _app_environment),
)
"""All routes, with `provisioning.ROWS`: method, path below `/_sandbox/`, and what returns the JSON
(None: 204).
"""
