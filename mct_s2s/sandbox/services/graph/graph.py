"""Microsoft Graph: one table of operations, how a request finds its row, and which writes have to
wait for others.

A tenant may allow one write at a time to an application and its service principal, three at once to
the assignments of a resource. Sources: graph: concepts/use-the-api; `$batch`: graph:
concepts/json-batching; docs/azure-contract.md, section 3.1.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.operation import Answer, below
from mct_s2s.sandbox.core.wire_errors import WireError, graph_error
from mct_s2s.sandbox.entra.directory import Caller, Directory
from mct_s2s.sandbox.entra.tenant import policies
from mct_s2s.sandbox.entra.tokens import access_tokens
from mct_s2s.sandbox.entra.tokens.access_tokens import TokenRejected
from mct_s2s.sandbox.services.graph import (
    applications,
    assignments,
    batch,
    federated,
    principals,
    tenant,
)
from mct_s2s.sandbox.services.graph.call import GraphCall, GraphOperation
from mct_s2s.sandbox.state.state import SandboxState

_CONSENTS_AT_ONCE = 3


def in_turn(call: GraphCall, operation: GraphOperation) -> Answer:
    """Answer a call, unless it writes what was written a moment ago and this tenant locks that."""
    variations = call.directory.variations
    seconds = variations.directory_write_seconds
    if operation.method in {"PATCH", "POST", "PUT", "DELETE"}:
        call.directory.graph_writes.draw(call.caller.app_id, variations.graph_writes)
    if not seconds or call.method == "GET":
        return operation.run(call)
    recent, consents = call.directory.recent_writes, "approleassign" in call.path.casefold()
    written = _resource(call) if consents else _app_id(call)
    if written:
        recent.check(written, _CONSENTS_AT_ONCE if consents else 1)
    answer = operation.run(call)
    created = answer.body.get("appId", "") if isinstance(answer.body, dict) else ""
    recent.note(written or str(created), seconds)
    return answer


def _resource(call: GraphCall) -> str:
    """Return whose assignments are written; those that a principal gives up by its own list are not
    counted.
    """
    if "approleassignedto" in call.path.casefold():
        return f"assignments to {call.params.get('id') or call.params.get('value', '')}"
    return f"assignments to {call.body['resourceId']}" if call.method == "POST" else ""


def _app_id(call: GraphCall) -> str:
    """Return the appId that an application and its service principal share; empty where nothing is
    there yet.
    """
    if call.path.casefold() == "serviceprincipals":
        return str(call.body.get("appId", ""))
    named = call.params.get("id") or call.params.get("object") or call.params.get("value", "")
    applications, principals = call.directory.applications, call.directory.service_principals
    matches = [
        applications.latest(named),
        principals.latest(named),
        *applications.latest_by("uniqueName", named),
    ]
    return next(
        (match["appId"] for match in matches if match is not None),
        named if call.key == "appId" else "",
    )


OPERATIONS: tuple[GraphOperation, ...] = (
    *applications.OPERATIONS,
    *federated.OPERATIONS,
    *principals.OPERATIONS,
    *assignments.OPERATIONS,
    *federated.GRANTS,
    *tenant.OPERATIONS,
)
"""All operations; any other path is answered 501."""
BETA_OPERATIONS: tuple[GraphOperation, ...] = tenant.BETA_OPERATIONS
"""Operations of the beta version only."""

_OWN_TENANT = re.compile(r"\Amyorganization/", re.IGNORECASE)
"""A prefix that many clients use and that changes nothing: see docs/azure-contract.md, 3.11."""


def routes(state: SandboxState, addresses: Addresses) -> list[Route]:
    return [
        below(f"/{version}/", _Graph(state, addresses, version, operations).answer)
        for version, operations in (("v1.0", OPERATIONS), ("beta", (*BETA_OPERATIONS, *OPERATIONS)))
    ]


class _Graph:
    def __init__(
        self,
        state: SandboxState,
        addresses: Addresses,
        version: str,
        operations: tuple[GraphOperation, ...],
    ) -> None:
        self._state = state
        self._addresses = addresses
        self._version = version
        self._operations = operations

    async def answer(self, request: Request) -> Response:
        directory = self._state.directory
        caller = _caller(directory, request.headers.get("authorization"))
        request.scope.setdefault("sandbox", {})["caller"] = caller.object_id
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = _OWN_TENANT.sub("", request.path_params["path"].strip("/"))

        def run(
            method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
        ) -> Answer:
            directory.replication.begin_request()
            root = f"{self._addresses.graph}/{self._version}"
            options = dict(parse_qsl(query, keep_blank_values=True))
            call = GraphCall(directory, root, method, path, {}, options, headers, body, caller)
            return answered(call, self._operations)

        if path == "$batch" and request.method == "POST":
            return _response(Answer(200, batch.answered(body, lambda item: run(*_unpacked(item)))))
        return _response(run(request.method, path, request.url.query, headers, body))


def answered(call: GraphCall, operations: tuple[GraphOperation, ...] = OPERATIONS) -> Answer:
    known = False
    for operation in operations:
        match = operation.pattern.fullmatch(call.path)
        if match is None:
            continue
        known = True
        if operation.method == call.method:
            params = {name: value for name, value in match.groupdict().items() if value is not None}
            return in_turn(replace(call, params=params), operation)
    if known:
        raise graph_error(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    raise graph_error(
        501,
        "NotImplemented",
        f"The sandbox does not support {call.method} {_below(call)} of Graph.",
    )


def _below(call: GraphCall) -> str:
    return f"/{call.root.rpartition('/')[2]}/{call.path}"


def _caller(directory: Directory, authorization: str | None) -> Caller:
    origin = directory.addresses.graph
    try:
        caller = access_tokens.verify(directory, authorization, audiences=(origin, f"{origin}/"))
    except TokenRejected as rejected:
        raise _unauthorized(directory, rejected.reason) from rejected
    if policies.lacks_location(directory.variations, caller.claims):
        why = (
            "Continuous access evaluation resulted in challenge with result: InteractionRequired "
            "and code: LocationConditionEvaluationSatisfied"
        )
        asked = policies.location_claims(directory.clock.timestamp())
        more = f'error_description="{why}", error="insufficient_claims", claims="{asked}"'
        raise _unauthorized(
            directory, why, f', {more}, PoP realm="", {_client(directory)}, nonce="sandbox"'
        )
    return caller


def _unauthorized(directory: Directory, why: str, more: str = "") -> WireError:
    headers = {"WWW-Authenticate": f'Bearer realm="", {_client(directory)}{more}'}
    return graph_error(401, "InvalidAuthenticationToken", why, headers=headers)


def _client(directory: Directory) -> str:
    where = f"{directory.addresses.login}/common/oauth2/authorize"
    return f'authorization_uri="{where}", client_id="00000003-0000-0000-c000-000000000000"'


def _unpacked(item: batch.Item) -> tuple[str, str, str, Mapping[str, str], bytes]:
    parts = urlsplit(item.url)
    path = _OWN_TENANT.sub("", unquote(parts.path).strip("/"))
    return item.method, path, parts.query, item.headers, item.body


def _response(answer: Answer) -> Response:
    headers = {"Cache-Control": "no-cache", "x-ms-resource-unit": "1", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    headers["OData-Version"] = "4.0"
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, headers, "text/plain")
    content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    media = (
        "application/"
        "json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    )
    return Response(content, answer.status, headers, media)
