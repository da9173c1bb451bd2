"""Graph's operations on the federated credentials of an application.

Source: graph: resources/federatedidentitycredential and the pages of its methods.
"""

from __future__ import annotations

from mct_s2s.sandbox.entra.registrations import federated_credentials
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import json_object
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of, not_found


def _context(target: Object) -> str:
    return f"applications('{target['id']}')/federatedIdentityCredentials"


def _list(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.read")
    held = call.directory.federated.seen_by("application", target["id"])
    return call.listed("federatedIdentityCredential", _context(target), held)


def _post(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    return _created(call, target, federated_credentials.create(call.directory, target, call.body))


def _created(call: GraphCall, target: Object, made: Object) -> Answer:
    headers = call.location("federatedIdentityCredentials", made["id"])
    return call.single("federatedIdentityCredential", _context(target), made, status=201, headers=headers)


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


def _get(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.read")
    return call.single("federatedIdentityCredential", _context(target), _credential(call, target))


def _patch(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    if call.params.get("name") and call.creates_if_missing:
        return _upserted(call, target)
    federated_credentials.update(
        call.directory, latest_of(call.directory.federated, _credential(call, target)), call.body
    )
    return NO_CONTENT


def _upserted(call: GraphCall, target: Object) -> Answer:
    held = _named(call, call.directory.federated.latest_by("application", target["id"]))
    if held is not None:
        federated_credentials.update(call.directory, held, call.body)
        return NO_CONTENT
    body = json_object(call.body)
    return _created(
        call, target, federated_credentials.create(call.directory, target, {**body, "name": call.params["name"]})
    )


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    call.directory.federated.drop(_credential(call, target)["id"])
    return NO_CONTENT


OPERATIONS = (
    GraphOperation(
        "GET", "{application}/federatedIdentityCredentials", _list, "api/application-list-federatedidentitycredentials"
    ),
    GraphOperation(
        "POST", "{application}/federatedIdentityCredentials", _post, "api/application-post-federatedidentitycredentials"
    ),
    GraphOperation("GET", "{application}/{credential}", _get, "api/federatedidentitycredential-get"),
    GraphOperation("PATCH", "{application}/{credential}", _patch, "api/federatedidentitycredential-update"),
    GraphOperation("DELETE", "{application}/{credential}", _delete, "api/federatedidentitycredential-delete"),
)
