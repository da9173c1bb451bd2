"""Graph's operations on applications.

Source: graph: resources/application and the pages of its methods.
"""

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.entra.access import permissions
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import (
    bad_request,
    json_object,
    password_not_generated,
    precise_timestamp,
)
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, latest_of, operations
from mct_s2s.sandbox.services.graph.objects import bound_owners, object_operations


def _post(call: GraphCall) -> Answer:
    call.require("application.create")
    bound = bound_owners(call)
    if bound and permissions.only_owns(call.caller) and bound != [call.caller.object_id]:
        raise permissions.denied()
    owners, program = bound or [call.caller.object_id], call.caller.app_id
    return _created(
        call, applications.create(call.directory, call.body, owners=owners, created_by=program)
    )


def _created(call: GraphCall, application: Object) -> Answer:
    # The answer to a creation has its time in 100 ns; later reads have seconds.
    shown = {**application, "createdDateTime": precise_timestamp(call.directory.clock.now())}
    return call.single(
        "application",
        "applications",
        shown,
        status=201,
        headers=call.location("Application", application["id"]),
    )


def _patch(call: GraphCall) -> Answer:
    if call.key == "uniqueName" and call.creates_if_missing:
        return _upserted(call)
    return _updated(call, call.found(call.directory.applications))


def _updated(call: GraphCall, seen: Object) -> Answer:
    call.require("application.write", seen)
    applications.update(
        call.directory, latest_of(call.directory.applications, seen), call.body, seen=seen
    )
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
        raise bad_request(
            "The value of property 'uniqueName' does not match the key in the address."
        )
    if body.get("passwordCredentials"):
        raise password_not_generated()
    # Whether who may change only its own owns what it upserts differs between tenants:
    # docs/azure-contract.md, 3.10.
    by_owner = not permissions.may(call.directory, call.caller, "application.write")
    unowned = call.directory.variations.upsert_without_owner and by_owner
    owners = [] if unowned else [call.caller.object_id]
    named, program = {**body, "uniqueName": name}, call.caller.app_id
    return _created(
        call, applications.create(call.directory, named, owners=owners, created_by=program)
    )


def _delete(call: GraphCall) -> Answer:
    applications.delete(
        call.directory, call.to_change(call.directory.applications, "application.delete")
    )
    return NO_CONTENT


def _policies(call: GraphCall) -> Answer:
    call.require("policy.read")
    call.found(call.directory.applications)
    return Answer(
        200, {"@odata.context": f"{call.root}/$metadata#appManagementPolicies", "value": []}
    )


OPERATIONS = object_operations("{application}", "application", "appRoles") + operations(
    ("POST", "applications", _post, "api/application-post-applications"),
    ("PATCH", "{application}", _patch, "api/application-update, api/application-upsert"),
    ("DELETE", "{application}", _delete, "api/application-delete"),
    (
        "GET",
        "{application}/appManagementPolicies",
        _policies,
        "resources/appmanagementpolicy",
        "stub",
    ),
)
