"""What a fault does to a request: before and after its service has processed it.

It knows neither the rules (see `faults`) nor the services; the pipeline calls it twice for each
request. A write of another administrator is made by the usual rules, but without permissions or
requests:

    {"settings": {"site": "contosolearn", "set": {"A": "1"}, "delete": ["B"]}}
    {"application": {"displayName": "MCT", "patch": {"tags": ["theirs"]}}}

`site` is a resource id or a name, the MCT site by default; an application is named by `id` (object
id), `appId`, `uniqueName` or `displayName`.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from mct_s2s.sandbox.core.wire_errors import (
    WireError,
    arm_error,
    entra_error,
    graph_error,
    vault_error,
)
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.observability.exchange import Cut, Exchange, Message
from mct_s2s.sandbox.observability.faults import Fault
from mct_s2s.sandbox.observability.issued_tokens import IssuedTokens
from mct_s2s.sandbox.state.seed import SITE
from mct_s2s.sandbox.state.state import SandboxState

_TEXTS = {
    408: "The request timed out.",
    429: "Too many requests. Please try again later.",
    500: "The server encountered an internal error. Please retry the request.",
    502: "The server, while acting as a gateway, received an invalid response.",
    503: "The service is temporarily unavailable. Please retry after some time.",
    504: "The gateway did not receive a response within the specified time period.",
}
"""Others say their name, as in `HTTPStatus`."""
_GRAPH_CODES = {
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    503: "serviceNotAvailable",
    504: "UnknownError",
}
_PAGE = (
    "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} "
    "{title}</h1></center>\r\n"
    "<hr><center>Microsoft-Azure-Application-Gateway/v2</center>\r\n</body>\r\n</html>\r\n"
)


class FaultInjection:
    """Applies faults to requests."""

    def __init__(self, state: SandboxState, tokens: IssuedTokens) -> None:
        self._state = state
        self._tokens = tokens

    async def before(self, exchange: Exchange, faults: Sequence[Fault]) -> None:
        """Apply faults before the service gets the request."""
        for fault in faults:
            if fault.type == "revokeSignIn":
                self._tokens.refuse_all("revoked")
                # otherwise refresh tokens would bring new ones
                self._state.directory.sessions.revoke_all()
            elif fault.type == "expireTokens":
                self._tokens.refuse_all("expired")
            elif fault.type == "reset" or _freezes(fault, "reset"):
                raise Cut("reset")
            elif _freezes(fault, "hang"):
                await exchange.hang()
            elif fault.when == "before":
                await self._happen(exchange, fault)

    async def after(self, exchange: Exchange, faults: Sequence[Fault]) -> None:
        """Apply faults after the service has processed the request."""
        for fault in faults:
            if fault.type == "lostAnswer":
                raise Cut("reset")
            if fault.type == "truncated":
                raise Cut("truncated")
            if fault.when == "after":
                await self._happen(exchange, fault)

    async def _happen(self, exchange: Exchange, fault: Fault) -> None:
        members = fault.members
        if fault.type == "latency":
            await self._state.clock.sleep(members["seconds"])
        elif fault.type == "hang":
            await exchange.hang()
        elif fault.type == "foreignWrite":
            exchange.scope["sandbox"]["note"] = write_as_another(self._state, members)
            exchange.scope["sandbox"]["changed"] = True
        elif fault.type == "html":
            raise Replaced(_html(members.get("status", 502)))
        elif fault.type == "status" and exchange.entry.service == "site":
            raise Replaced(_html(members["status"], members.get("retryAfter")))
        elif fault.type == "status":
            raise refusal(exchange.entry.service, fault)


class Replaced(Exception):
    """An answer in place of the service's."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__("the answer was replaced")
        self.messages = messages


def refusal(service: str, fault: Fault) -> WireError:
    status, members = fault.members["status"], fault.members
    code = _code(status)
    message = members.get("message", _TEXTS.get(status, HTTPStatus(status).phrase))
    headers = {"Retry-After": f"{members['retryAfter']:g}"} if "retryAfter" in members else {}
    if service == "graph":
        headers |= {"Cache-Control": "private"} if status == 429 else {}
        return graph_error(
            status, members.get("code") or _GRAPH_CODES.get(status, code), message, headers=headers
        )
    if service == "entra":
        number = 90055 if status == 429 else 90033
        return entra_error(
            status, members.get("code", "temporarily_unavailable"), number, message, headers=headers
        )
    if service == "vault":
        return vault_error(status, members.get("code", code), message, headers=headers)
    if status == 429:
        message = members.get("message", "The request is being throttled.")
    return arm_error(status, members.get("code", code), message, headers=headers)


def _code(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _freezes(fault: Fault, ending: str) -> bool:
    return fault.type == "freezeAfterWrites" and fault.members.get("then", "hang") == ending


def _html(status: int, retry_after: float | None = None) -> list[Message]:
    page = _PAGE.format(status=status, title=_code(status)).encode()
    headers = [(b"content-type", b"text/html"), (b"content-length", str(len(page)).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": page},
    ]


_KEYS = ("appId", "uniqueName", "displayName")


def write_as_another(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    if "settings" in wanted:
        return _write_settings(state, wanted["settings"])
    return _write_application(state, wanted["application"])


def _write_settings(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    named = str(wanted.get("site", SITE)).lower()
    key = next((k for k in state.resources.sites if named in (k, k.rsplit("/", 1)[-1])), None)
    if key is None:
        return f"no site {named}"
    site_state = state.resources.sites[key]
    deleted = set(wanted.get("delete", ()))
    merged = {**site_state.settings, **wanted.get("set", {})}
    fresh = {name: value for name, value in merged.items() if name not in deleted}
    site_state.replace_settings(
        fresh, state.resources.clock.timestamp(), state.resources.restart_seconds
    )
    return f"foreign write of settings of {named}"


def _write_application(state: SandboxState, wanted: Mapping[str, Any]) -> str:
    table = state.directory.applications
    matches = [match] if (match := table.latest(str(wanted.get("id", "")))) else []
    for key in _KEYS:
        if key in wanted and not matches:
            matches = table.latest_by(key, str(wanted[key]))
    live = [match for match in matches if not match.get("deletedDateTime")]
    if not live:
        return "no such application to write to"
    applications.update(state.directory, live[0], wanted.get("patch", {}))
    return f"foreign write of application {live[0]['id']}"
