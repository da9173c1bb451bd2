"""Graph's operations on service principals, and `$expand` of one collection that belongs to them.

Source: graph: resources/serviceprincipal and the pages of its methods; concepts/query-parameters ("expand": at most 20
objects of a collection are returned).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.entra.access import app_role_assignments, permissions
from mct_s2s.sandbox.entra.access.directory_roles import roles_of
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import service_principals
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import bad_request, json_object
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of
from mct_s2s.sandbox.services.graph.owners import owned_by, owner_operations, password_operations, typed
from mct_s2s.sandbox.services.graph.roles import listed_roles

MOST = 20

Collections = Mapping[str, Callable[[Directory, str], list[Object]]]
"""What can be expanded: by name, a function that finds the objects of an object id."""


def expanding(call: GraphCall, known: Collections) -> tuple[GraphCall, Callable[[Answer], Answer]]:
    """Return the call without its `$expand`, and a function that adds the collection to its answer.

    An unknown collection stays in the call, which is then answered 501; so does a `$select` without the id.
    """
    name = call.query.get("$expand", "")
    selected = [one.strip() for one in call.query.get("$select", "id").split(",")]
    if name not in known or "id" not in selected:
        return call, lambda answer: answer

    def expand(answer: Answer) -> Answer:
        body: Any = answer.body
        for one in body.get("value", [body]):
            one[name] = [_visible(each) for each in known[name](call.directory, one["id"])[:MOST]]
        return answer

    options = {option: value for option, value in call.query.items() if option != "$expand"}
    return dataclasses.replace(call, query=options), expand


def _visible(value: Object) -> Object:
    return {name: inner for name, inner in value.items() if not name.startswith("@")}


def _list(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = expanding(call, _EXPANDED)
    answer = plain.listed("servicePrincipal", "servicePrincipals", call.directory.service_principals)
    return expand(answer)


def _count(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.counted("servicePrincipal", call.directory.service_principals)


def _get(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = expanding(call, _EXPANDED)
    return expand(plain.single("servicePrincipal", "servicePrincipals", call.found(call.directory.service_principals)))


_EXPANDED = {
    "appRoleAssignments": app_role_assignments.of_principal,
    "appRoleAssignedTo": app_role_assignments.to_resource,
}


def _post(call: GraphCall) -> Answer:
    return _posted(call, call.body)


def _posted(call: GraphCall, body: object) -> Answer:
    app_id = str(body.get("appId", "")) if isinstance(body, dict) else ""
    application = call.directory.applications.first_seen_by("appId", app_id)
    is_allowed = permissions.may(call.directory, call.caller, "servicePrincipal.create", application)
    if permissions.only_owns(call.caller) and not is_allowed:
        raise service_principals.not_local()
    call.require("servicePrincipal.create", application)
    made = service_principals.create(call.directory, body, owner=call.caller.object_id)
    return _created(call, made)


def _created(call: GraphCall, made: Object) -> Answer:
    headers = call.location("ServicePrincipal", made["id"])
    return call.single("servicePrincipal", "servicePrincipals", made, status=201, headers=headers)


def _patch(call: GraphCall) -> Answer:
    if call.key == "appId" and call.creates_if_missing:
        return _upserted(call)
    return _updated(call, call.found(call.directory.service_principals))


def _upserted(call: GraphCall) -> Answer:
    app_id = call.params["value"]
    for existing in call.directory.service_principals.latest_by("appId", app_id):
        if not existing["deletedDateTime"]:
            return _updated(call, existing)
    body = json_object(call.body)
    if str(body.get("appId", app_id)).lower() != app_id.lower():
        raise bad_request("The value of property 'appId' does not match the key in the address.")
    return _posted(call, {**body, "appId": app_id})


def _updated(call: GraphCall, target: Object) -> Answer:
    call.require("servicePrincipal.write", target)
    service_principals.update(call.directory, latest_of(call.directory.service_principals, target), call.body)
    return NO_CONTENT


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("servicePrincipal.write", target)
    service_principals.refuse_deletion(target)
    service_principals.delete(call.directory, latest_of(call.directory.service_principals, target))
    return NO_CONTENT


def _member_of(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("directory.read")
    return listed_roles(call, roles_of(call.directory, target, transitive="transitive" in call.path))


def _owned(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    tables = (call.directory.applications, call.directory.service_principals)
    held = [typed(one) for table in tables for one in owned_by(table, target["id"])]
    return Answer(200, {"@odata.context": f"{call.root}/$metadata#directoryObjects", "value": held})


def _owned_applications(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("application.read")
    return call.listed("application", "applications", owned_by(call.directory.applications, target["id"]))


OPERATIONS = (
    GraphOperation("GET", "servicePrincipals", _list, "api/serviceprincipal-list"),
    GraphOperation("GET", "servicePrincipals/$count", _count, "concepts/aad-advanced-queries"),
    GraphOperation("POST", "servicePrincipals", _post, "api/serviceprincipal-post-serviceprincipals"),
    GraphOperation("GET", "{principal}", _get, "api/serviceprincipal-get"),
    GraphOperation("PATCH", "{principal}", _patch, "api/serviceprincipal-update, api/serviceprincipal-upsert"),
    GraphOperation("DELETE", "{principal}", _delete, "api/serviceprincipal-delete"),
    *password_operations("{principal}", "servicePrincipal"),
    GraphOperation("GET", "{principal}/memberOf", _member_of, "api/serviceprincipal-list-memberof"),
    GraphOperation("GET", "{principal}/transitiveMemberOf", _member_of, "api/serviceprincipal-list-transitivememberof"),
    GraphOperation(
        "GET",
        "{principal}/transitiveMemberOf/microsoft.graph.directoryRole",
        _member_of,
        "api/serviceprincipal-list-transitivememberof",
    ),
    GraphOperation("GET", "{principal}/ownedObjects", _owned, "api/serviceprincipal-list-ownedobjects"),
    GraphOperation(
        "GET",
        "{principal}/ownedObjects/microsoft.graph.application",
        _owned_applications,
        "api/serviceprincipal-list-ownedobjects",
    ),
    *owner_operations("{principal}", "servicePrincipal"),
)
