"""One write at a time to an application and its service principal, three at once to the assignments of a resource.

Source: docs/azure-contract.md, section 3.1.
"""

from __future__ import annotations

from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import GraphCall, GraphOperation

_CONSENTS_AT_ONCE = 3


def in_turn(call: GraphCall, operation: GraphOperation) -> Answer:
    """Answer a call, unless it writes what was written a moment ago and this tenant locks that."""
    seconds = call.directory.variations.directory_write_seconds
    if not seconds or call.method == "GET":
        return operation.run(call)
    recent, consents = call.directory.recent_writes, "approleassign" in call.path.casefold()
    written = _resource(call) if consents else _app_id(call)
    if written:
        recent.check(written, _CONSENTS_AT_ONCE if consents else 1)
    answer = operation.run(call)
    made = answer.body.get("appId", "") if isinstance(answer.body, dict) else ""
    recent.note(written or str(made), seconds)
    return answer


def _resource(call: GraphCall) -> str:
    """Return whose assignments are written; those that a principal gives up by its own list are not counted."""
    if "approleassignedto" in call.path.casefold():
        return f"assignments to {call.params.get('id') or call.params.get('value', '')}"
    return f"assignments to {call.body['resourceId']}" if call.method == "POST" else ""


def _app_id(call: GraphCall) -> str:
    """Return the appId that an application and its service principal share; empty where nothing is there yet."""
    if call.path.casefold() == "serviceprincipals":
        return str(call.body.get("appId", ""))
    named = call.params.get("id") or call.params.get("object") or call.params.get("value", "")
    applications, principals = call.directory.applications, call.directory.service_principals
    found = [applications.latest(named), principals.latest(named), *applications.latest_by("uniqueName", named)]
    return next((one["appId"] for one in found if one is not None), named if call.key == "appId" else "")
