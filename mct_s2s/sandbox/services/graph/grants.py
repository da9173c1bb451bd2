"""Graph's operations on delegated permission grants: people's consent to an application.

Source: graph: resources/oauth2permissiongrant and the pages of its methods; docs/azure-contract.md, section 3.6.
"""

from __future__ import annotations

from mct_s2s.sandbox.entra.access import delegated_grants
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of, not_found

_TYPE = "oAuth2PermissionGrant"
_CONTEXT = "oauth2PermissionGrants"


def _list(call: GraphCall) -> Answer:
    call.require("grant.read")
    return call.listed(_TYPE, _CONTEXT, call.directory.grants)


def _of_principal(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("grant.read")
    return call.listed(_TYPE, _CONTEXT, call.directory.grants.seen_by("clientId", target["id"]))


def _get(call: GraphCall) -> Answer:
    call.require("grant.read")
    return call.single(_TYPE, _CONTEXT, _found(call))


def _post(call: GraphCall) -> Answer:
    call.require("grant.write")
    made = delegated_grants.create(call.directory, call.body)
    headers = call.location("oauth2PermissionGrants", made["id"])
    return call.single(_TYPE, _CONTEXT, made, status=201, headers=headers)


def _patch(call: GraphCall) -> Answer:
    call.require("grant.write")
    delegated_grants.update(call.directory, latest_of(call.directory.grants, _found(call)), call.body)
    return NO_CONTENT


def _delete(call: GraphCall) -> Answer:
    call.require("grant.write")
    call.directory.grants.drop(_found(call)["id"])
    return NO_CONTENT


def _found(call: GraphCall) -> Object:
    # Ids are case-sensitive texts here, not GUIDs.
    for one in call.directory.grants.seen_all():
        if one["id"] == call.params["grant"]:
            return one
    raise not_found(call.params["grant"])


OPERATIONS = (
    GraphOperation("GET", "oauth2PermissionGrants", _list, "api/oauth2permissiongrant-list"),
    GraphOperation("POST", "oauth2PermissionGrants", _post, "api/oauth2permissiongrant-post"),
    GraphOperation("GET", "oauth2PermissionGrants/{grant}", _get, "api/oauth2permissiongrant-get"),
    GraphOperation("PATCH", "oauth2PermissionGrants/{grant}", _patch, "api/oauth2permissiongrant-update"),
    GraphOperation("DELETE", "oauth2PermissionGrants/{grant}", _delete, "api/oauth2permissiongrant-delete"),
    GraphOperation(
        "GET", "{principal}/oauth2PermissionGrants", _of_principal, "api/serviceprincipal-list-oauth2permissiongrants"
    ),
)
