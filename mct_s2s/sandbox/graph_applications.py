"""Graph's operations on applications: unpack, ask the directory, pack.

Source: graph: resources/application and the pages of its methods.
"""

from __future__ import annotations

from mct_s2s.sandbox.directory import applications, credentials, federated
from mct_s2s.sandbox.directory.table import Object
from mct_s2s.sandbox.directory.validation import bad_request
from mct_s2s.sandbox.graph_call import NO_CONTENT, Answer, GraphCall, Operation, not_found
from mct_s2s.sandbox.graph_owners import owner_operations
from mct_s2s.sandbox.wire_errors import WireError


def _list(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.listed("application", "applications", call.directory.applications)


def _get(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.single("application", "applications", call.found(call.directory.applications))


def _post(call: GraphCall) -> Answer:
    call.require("application.create")
    return _created(call, applications.create(call.directory, call.body, owner=call.caller.object_id))


def _created(call: GraphCall, made: Object) -> Answer:
    # The answer to a creation shows its time to the hundred nanoseconds; later reads show seconds.
    precise = made["createdDateTime"].replace("Z", f".{call.directory.clock.now().microsecond:06d}0Z")
    answer = call.single("application", "applications", {**made, "createdDateTime": precise}, status=201)
    return Answer(201, answer.body, {"Location": f"{call.root}/applications/{made['id']}"})


def _patch(call: GraphCall) -> Answer:
    try:
        target = call.found(call.directory.applications)
    except WireError as missing:
        if missing.status == 404 and call.params.get("key") == "uniqueName" and call.creates_if_missing:
            return _upserted(call)
        raise
    call.require("application.write", target)
    applications.update(call.directory, _latest(call, target), call.body)
    return NO_CONTENT


def _upserted(call: GraphCall) -> Answer:
    call.require("application.create")
    name = call.params["value"].replace("''", "'")
    body = call.body
    if not isinstance(body, dict):
        raise bad_request("Invalid request body: a JSON object is expected.")
    if body.get("uniqueName", name) != name:
        raise bad_request("The value of property 'uniqueName' does not match the key in the address.")
    made = applications.create(call.directory, {**body, "uniqueName": name}, owner=call.caller.object_id)
    return _created(call, made)


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    applications.delete(call.directory, _latest(call, target))
    return NO_CONTENT


def _latest(call: GraphCall, target: Object) -> Object:
    """Change what was written last, not what the replica that answered happens to know."""
    return call.directory.applications.latest(target["id"]) or target


def _add_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    made = credentials.add_password(call.directory, call.directory.applications, _latest(call, target), call.body)
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#microsoft.graph.passwordCredential", **made})


def _remove_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    credentials.remove_password(call.directory, call.directory.applications, _latest(call, target), call.body)
    return NO_CONTENT


def _policies(call: GraphCall) -> Answer:
    call.require("policy.read")
    call.found(call.directory.applications)
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#appManagementPolicies", "value": []})


def _federated_context(target: Object) -> str:
    return f"applications('{target['id']}')/federatedIdentityCredentials"


def _list_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.read")
    held = call.directory.federated.seen_by("application", target["id"])
    return call.listed("federatedIdentityCredential", _federated_context(target), held)


def _post_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    made = federated.create(call.directory, target, call.body)
    return call.single("federatedIdentityCredential", _federated_context(target), made, status=201)


def _credential(call: GraphCall, target: Object) -> Object:
    named, name = call.params.get("credential"), call.params.get("name")
    for held in call.directory.federated.seen_by("application", target["id"]):
        # Graph takes the name in place of the id as well.
        if (named and named in {held["id"], held["name"]}) or (name and name == held["name"]):
            return held
    raise not_found(named or name or "")


def _get_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.read")
    return call.single("federatedIdentityCredential", _federated_context(target), _credential(call, target))


def _patch_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    try:
        held = _credential(call, target)
    except WireError:
        if not (call.params.get("name") and call.creates_if_missing):
            raise
        body = call.body
        if not isinstance(body, dict):
            raise bad_request("Invalid request body: a JSON object is expected.") from None
        made = federated.create(call.directory, target, {**body, "name": call.params["name"]})
        return call.single("federatedIdentityCredential", _federated_context(target), made, status=201)
    federated.update(call.directory, held, call.body)
    return NO_CONTENT


def _delete_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    call.directory.federated.drop(_credential(call, target)["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", "applications", _list, "api/application-list"),
    Operation("POST", "applications", _post, "api/application-post-applications"),
    Operation("GET", "{application}", _get, "api/application-get"),
    Operation("PATCH", "{application}", _patch, "api/application-update, api/application-upsert"),
    Operation("DELETE", "{application}", _delete, "api/application-delete"),
    Operation("POST", "{application}/addPassword", _add_password, "api/application-addpassword"),
    Operation("POST", "{application}/removePassword", _remove_password, "api/application-removepassword"),
    Operation("GET", "{application}/appManagementPolicies", _policies, "resources/appmanagementpolicy", "stub"),
    Operation(
        "GET",
        "{application}/federatedIdentityCredentials",
        _list_federated,
        "api/application-list-federatedidentitycredentials",
    ),
    Operation(
        "POST",
        "{application}/federatedIdentityCredentials",
        _post_federated,
        "api/application-post-federatedidentitycredentials",
    ),
    Operation("GET", "{application}/{credential}", _get_federated, "api/federatedidentitycredential-get"),
    Operation("PATCH", "{application}/{credential}", _patch_federated, "api/federatedidentitycredential-update"),
    Operation("DELETE", "{application}/{credential}", _delete_federated, "api/federatedidentitycredential-delete"),
    *owner_operations("{application}", "application"),
)
