"""Graph's operations on federated credentials of an application, and on people's consent to it
(delegated grants).

Source: graph: resources/federatedidentitycredential, resources/oauth2permissiongrant and the pages
of their methods; docs/azure-contract.md, section 3.6.
"""

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.registrations import federated_credentials
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.validation import json_object
from mct_s2s.sandbox.services.graph.call import (
    NO_CONTENT,
    GraphCall,
    latest_of,
    not_found,
    operations,
)


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


def _created(call: GraphCall, target: Object, credential: Object) -> Answer:
    headers = call.location("federatedIdentityCredentials", credential["id"])
    return call.single(
        "federatedIdentityCredential", _context(target), credential, status=201, headers=headers
    )


def _credential(call: GraphCall, target: Object) -> Object:
    credential = _named(call, call.directory.federated.seen_by("application", target["id"]))
    if credential is None:
        raise not_found(call.params.get("credential") or call.params.get("name") or "")
    return credential


def _named(call: GraphCall, held: list[Object]) -> Object | None:
    named, name = call.params.get("credential"), call.params.get("name")
    # Graph accepts the name in place of the id.
    fitting = (
        credential
        for credential in held
        if (named and named in {credential["id"], credential["name"]})
        or (name and name == credential["name"])
    )
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
        call,
        target,
        federated_credentials.create(call.directory, target, {**body, "name": call.params["name"]}),
    )


def _delete(call: GraphCall) -> Answer:
    target = call.found(call.directory.applications)
    call.require("application.write", target)
    call.directory.federated.drop(_credential(call, target)["id"])
    return NO_CONTENT


OPERATIONS = operations(
    (
        "GET",
        "{application}/federatedIdentityCredentials",
        _list,
        "api/application-list-federatedidentitycredentials",
    ),
    (
        "POST",
        "{application}/federatedIdentityCredentials",
        _post,
        "api/application-post-federatedidentitycredentials",
    ),
    ("GET", "{application}/{credential}", _get, "api/federatedidentitycredential-get"),
    ("PATCH", "{application}/{credential}", _patch, "api/federatedidentitycredential-update"),
    ("DELETE", "{application}/{credential}", _delete, "api/federatedidentitycredential-delete"),
)


_TYPE = "oAuth2PermissionGrant"
_CONTEXT = "oauth2PermissionGrants"


def _list_grants(call: GraphCall) -> Answer:
    call.require("grant.read")
    return call.listed(_TYPE, _CONTEXT, call.directory.grants)


def _of_principal(call: GraphCall) -> Answer:
    target = call.found(call.directory.service_principals)
    call.require("grant.read")
    return call.listed(_TYPE, _CONTEXT, call.directory.grants.seen_by("clientId", target["id"]))


def _get_grant(call: GraphCall) -> Answer:
    call.require("grant.read")
    return call.single(_TYPE, _CONTEXT, _found(call))


def _post_grant(call: GraphCall) -> Answer:
    call.require("grant.write")
    grant = app_role_assignments.create_grant(call.directory, call.body)
    headers = call.location("oauth2PermissionGrants", grant["id"])
    return call.single(_TYPE, _CONTEXT, grant, status=201, headers=headers)


def _patch_grant(call: GraphCall) -> Answer:
    call.require("grant.write")
    app_role_assignments.update_grant(
        call.directory, latest_of(call.directory.grants, _found(call)), call.body
    )
    return NO_CONTENT


def _delete_grant(call: GraphCall) -> Answer:
    call.require("grant.write")
    call.directory.grants.drop(_found(call)["id"])
    return NO_CONTENT


def _found(call: GraphCall) -> Object:
    # Ids are case-sensitive texts here, not GUIDs.
    for grant in call.directory.grants.seen_all():
        if grant["id"] == call.params["grant"]:
            return grant
    raise not_found(call.params["grant"])


GRANTS = operations(
    ("GET", "oauth2PermissionGrants", _list_grants, "api/oauth2permissiongrant-list"),
    ("POST", "oauth2PermissionGrants", _post_grant, "api/oauth2permissiongrant-post"),
    ("GET", "oauth2PermissionGrants/{grant}", _get_grant, "api/oauth2permissiongrant-get"),
    ("PATCH", "oauth2PermissionGrants/{grant}", _patch_grant, "api/oauth2permissiongrant-update"),
    ("DELETE", "oauth2PermissionGrants/{grant}", _delete_grant, "api/oauth2permissiongrant-delete"),
    (
        "GET",
        "{principal}/oauth2PermissionGrants",
        _of_principal,
        "api/serviceprincipal-list-oauth2permissiongrants",
    ),
)
