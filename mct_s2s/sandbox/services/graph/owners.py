"""What applications and service principals have alike: owners, secrets, and lists that are read on their own.

Source: graph: api/application-list-owners, api/application-post-owners, api/application-delete-owners,
api/application-addpassword, api/application-removepassword, and those of service principals; docs/azure-contract.md,
3.11 (`GET /applications/{id}/appRoles`).
"""

from __future__ import annotations

import re

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import service_error
from mct_s2s.sandbox.entra.registrations import password_credentials
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import bad_request
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation, latest_of, not_found
from mct_s2s.sandbox.services.graph.odata import shown

_REFERENCE = re.compile(r".*/(?:directoryObjects|users|servicePrincipals)/([0-9a-fA-F-]{36})")


def typed(value: Object, select: tuple[str, ...] = ()) -> Object:
    """Return an object with the annotation of its type, and with the members that `$select` names."""
    if "userPrincipalName" in value:
        name = "user"
    else:
        name = "servicePrincipal" if "servicePrincipalType" in value else "application"
    return {"@odata.type": f"#microsoft.graph.{name}", **shown(name, value, select)}


def owned_by(table: Table, owner_id: str) -> list[Object]:
    """Return the objects that somebody owns, as a replica has them."""
    return [one for one in table.seen_all() if owner_id in one["@owners"]]


def owner_operations(template: str, kind: str) -> tuple[GraphOperation, ...]:
    """Return the operations on the owners of one kind of object: `application` or `servicePrincipal`."""

    def list_owners(call: GraphCall) -> Answer:
        target = call.found(call.table(kind))
        call.require("application.read")
        owners = [call.directory.principal(one) for one in target["@owners"]]
        select = tuple(name.strip() for name in call.query.get("$select", "").split(",") if name.strip())
        found = [typed(owner, select) for owner in owners if owner is not None]
        fields = f"({','.join(select)})" if select else ""
        return Answer(200, {"@odata.context": f"{call.root}/$metadata#directoryObjects{fields}", "value": found})

    def add_owner(call: GraphCall) -> Answer:
        target = call.found(call.table(kind))
        call.require(f"{kind}.write", target)
        owner = _referenced(call)
        target = latest_of(call.table(kind), target)
        if owner["id"] in target["@owners"]:
            raise service_error("Request_BadRequest owner exists")
        call.table(kind).put({**target, "@owners": [*target["@owners"], owner["id"]]})
        return NO_CONTENT

    def remove_owner(call: GraphCall) -> Answer:
        target = call.to_change(call.table(kind), f"{kind}.write")
        if call.params["owner"] not in target["@owners"]:
            raise not_found(call.params["owner"])
        kept = [one for one in target["@owners"] if one != call.params["owner"]]
        call.table(kind).put({**target, "@owners": kept})
        return NO_CONTENT

    page = kind.lower()
    return (
        GraphOperation("GET", f"{template}/owners", list_owners, f"api/{page}-list-owners"),
        GraphOperation("POST", f"{template}/owners/$ref", add_owner, f"api/{page}-post-owners"),
        GraphOperation("DELETE", f"{template}/owners/{{owner}}/$ref", remove_owner, f"api/{page}-delete-owners"),
    )


def bound_owners(call: GraphCall) -> list[str]:
    """Return the object ids in `owners@odata.bind` of a creation."""
    bound = call.body.get("owners@odata.bind") if isinstance(call.body, dict) else None
    if bound is None:
        return []
    if not isinstance(bound, list):
        raise bad_request("Property 'owners@odata.bind': an array of Edm.String is expected.")
    return [_referred_to(call, reference)["id"] for reference in bound]


def _referenced(call: GraphCall) -> Object:
    return _referred_to(call, call.body.get("@odata.id") if isinstance(call.body, dict) else None)


def _referred_to(call: GraphCall, reference: object) -> Object:
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None:
        raise bad_request("Invalid object identifier in '@odata.id'.")
    owner = call.directory.principal(match.group(1))
    if owner is None:
        raise not_found(match.group(1))
    return owner


def _read(template: str, kind: str, name: str) -> GraphOperation:
    def read(call: GraphCall) -> Answer:
        call.require("application.read")
        found = call.found(call.table(kind))
        context = f"{call.root}/$metadata#{kind}s('{found['id']}')/{name}"
        return Answer(200, {"@odata.context": context, "value": found[name]})

    return GraphOperation("GET", f"{template}/{name}", read, "docs/azure-contract.md, 3.11")


MEMBER_OPERATIONS = (
    _read("{application}", "application", "appRoles"),
    _read("{principal}", "servicePrincipal", "appRoles"),
    _read("{principal}", "servicePrincipal", "oauth2PermissionScopes"),
)


def password_operations(template: str, kind: str) -> tuple[GraphOperation, ...]:
    """Return the actions on the secrets of one kind of object: `application` or `servicePrincipal`."""

    def add(call: GraphCall) -> Answer:
        owner = call.to_change(call.table(kind), f"{kind}.write")
        return call.new_password(password_credentials.add_password(call.directory, owner, call.body))

    def remove(call: GraphCall) -> Answer:
        owner = call.to_change(call.table(kind), f"{kind}.write")
        password_credentials.remove_password(call.directory, owner, call.body)
        return NO_CONTENT

    return tuple(
        # An action has a qualified name as well: docs/azure-contract.md, section 3.5.
        GraphOperation("POST", f"{template}/{prefix}{action}", run, f"api/{kind.lower()}-{action.lower()}")
        for prefix in ("", "microsoft.graph.")
        for action, run in (("addPassword", add), ("removePassword", remove))
    )
