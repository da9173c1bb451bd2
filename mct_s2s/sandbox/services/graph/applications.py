"""Graph's operations on applications.

Source: graph: resources/application and the pages of its methods.
"""

from __future__ import annotations

from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.registrations import applications, federated_credentials, password_credentials
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, json_object, password_not_generated, precise_timestamp
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of, not_found
from mct_s2s.sandbox.services.graph.owners import bound_owners, owner_operations


def _list(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.listed("application", "applications", call.directory.applications)


def _count(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.counted("application", call.directory.applications)


def _get(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.single("application", "applications", call.found(call.directory.applications))


def _post(call: GraphCall) -> Answer:
    call.require("application.create")
    bound = bound_owners(call)
    if bound and permissions.only_owns(call.caller) and bound != [call.caller.object_id]:
        raise permissions.denied()
    return _created(call, applications.create(call.directory, call.body, owners=bound or [call.caller.object_id]))


def _created(call: GraphCall, made: Object) -> Answer:
    # The answer to a creation has its time in 100 ns; later reads have seconds.
    shown = {**made, "createdDateTime": precise_timestamp(call.directory.clock.now())}
    return call.single(
        "application", "applications", shown, status=201, headers=call.location("Application", made["id"])
    )


def _patch(call: GraphCall) -> Answer:
    if call.key == "uniqueName" and call.creates_if_missing:
        return _upserted(call)
    return _updated(call, call.found(call.directory.applications))


def _updated(call: GraphCall, seen: Object) -> Answer:
    call.require("application.write", seen)
    applications.update(call.directory, _latest(call, seen), call.body, seen=seen)
    return NO_CONTENT


def _upserted(call: GraphCall) -> Answer:
    name = call.params["value"].replace("''", "'")
    # By the newest state, or one name could be used twice.
    for existing in call.directory.applications.latest_by("uniqueName", name):
        if not existing["deletedDateTime"]:
            return _updated(call, existing)
    call.require("application.upsert")
    body = json_object(call.body)
    if body.get("uniqueName", name) != name:
        raise bad_request("The value of property 'uniqueName' does not match the key in the address.")
    if body.get("passwordCredentials"):
        raise password_not_generated()
    # Whether a caller with `OwnedBy` owns what it upserts differs between tenants: docs/azure-contract.md, 9.
    unowned = call.directory.variations.upsert_without_owner and permissions.only_owns(call.caller)
    owners = [] if unowned else [call.caller.object_id]
    made = applications.create(call.directory, {**body, "uniqueName": name}, owners=owners)
    return _created(call, made)


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.delete", target)
    applications.delete(call.directory, _latest(call, target))
    return NO_CONTENT


def _latest(call: GraphCall, target: Object) -> Object:
    return latest_of(call.directory.applications, target)


def _add_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    made = password_credentials.add_password(call.directory, _latest(call, target), call.body)
    return call.new_password(made)


def _remove_password(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    password_credentials.remove_password(call.directory, _latest(call, target), call.body)
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
    return _created_federated(call, target, federated_credentials.create(call.directory, target, call.body))


def _created_federated(call: GraphCall, target: Object, made: Object) -> Answer:
    headers = call.location("federatedIdentityCredentials", made["id"])
    return call.single("federatedIdentityCredential", _federated_context(target), made, status=201, headers=headers)


def _credential(call: GraphCall, target: Object) -> Object:
    found = _named(call, call.directory.federated.seen_by("application", target["id"]))
    if found is None:
        raise not_found(call.params.get("credential") or call.params.get("name") or "")
    return found


def _named(call: GraphCall, held: list[Object]) -> Object | None:
    named, name = call.params.get("credential"), call.params.get("name")
    # Graph accepts the name in place of the id.
    fitting = (one for one in held if (named and named in {one["id"], one["name"]}) or (name and name == one["name"]))
    return next(fitting, None)


def _get_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.read")
    return call.single("federatedIdentityCredential", _federated_context(target), _credential(call, target))


def _patch_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    if call.params.get("name") and call.creates_if_missing:
        return _upserted_federated(call, target)
    federated_credentials.update(
        call.directory, latest_of(call.directory.federated, _credential(call, target)), call.body
    )
    return NO_CONTENT


def _upserted_federated(call: GraphCall, target: Object) -> Answer:
    held = _named(call, call.directory.federated.latest_by("application", target["id"]))
    if held is not None:
        federated_credentials.update(call.directory, held, call.body)
        return NO_CONTENT
    body = json_object(call.body)
    return _created_federated(
        call, target, federated_credentials.create(call.directory, target, {**body, "name": call.params["name"]})
    )


def _delete_federated(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    call.directory.federated.drop(_credential(call, target)["id"])
    return NO_CONTENT


OPERATIONS = (
    GraphOperation("GET", "applications", _list, "api/application-list"),
    GraphOperation("GET", "applications/$count", _count, "concepts/aad-advanced-queries"),
    GraphOperation("POST", "applications", _post, "api/application-post-applications"),
    GraphOperation("GET", "{application}", _get, "api/application-get"),
    GraphOperation("PATCH", "{application}", _patch, "api/application-update, api/application-upsert"),
    GraphOperation("DELETE", "{application}", _delete, "api/application-delete"),
    *(
        # An action has a qualified name as well: docs/azure-contract.md, section 3.5.
        GraphOperation("POST", f"{{application}}/{prefix}{action}", run, f"api/application-{action.lower()}")
        for prefix in ("", "microsoft.graph.")
        for action, run in (("addPassword", _add_password), ("removePassword", _remove_password))
    ),
    GraphOperation("GET", "{application}/appManagementPolicies", _policies, "resources/appmanagementpolicy", "stub"),
    GraphOperation(
        "GET",
        "{application}/federatedIdentityCredentials",
        _list_federated,
        "api/application-list-federatedidentitycredentials",
    ),
    GraphOperation(
        "POST",
        "{application}/federatedIdentityCredentials",
        _post_federated,
        "api/application-post-federatedidentitycredentials",
    ),
    GraphOperation("GET", "{application}/{credential}", _get_federated, "api/federatedidentitycredential-get"),
    GraphOperation("PATCH", "{application}/{credential}", _patch_federated, "api/federatedidentitycredential-update"),
    GraphOperation("DELETE", "{application}/{credential}", _delete_federated, "api/federatedidentitycredential-delete"),
    *owner_operations("{application}", "application"),
)
