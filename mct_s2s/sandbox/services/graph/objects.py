"""What applications and service principals have alike: reading them and their lists, secrets,
owners, `$expand`.

Source: graph: resources/application, resources/serviceprincipal and the pages of their methods on
owners and passwords; concepts/query-parameters ("expand": at most 20 objects of a collection are
returned).
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mct_s2s.sandbox.core.operation import Answer
from mct_s2s.sandbox.core.wire_errors import service_error
from mct_s2s.sandbox.entra.access import app_role_assignments
from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.registrations import password_credentials
from mct_s2s.sandbox.entra.table import Object, Table
from mct_s2s.sandbox.entra.validation import bad_request
from mct_s2s.sandbox.services.graph.call import (
    NO_CONTENT,
    GraphCall,
    GraphOperation,
    latest_of,
    not_found,
)
from mct_s2s.sandbox.services.graph.odata import shown

_REFERENCE = re.compile(r".*/(?:directoryObjects|users|servicePrincipals)/([0-9a-fA-F-]{36})")


def kind_of(value: Object) -> str:
    if "userPrincipalName" in value:
        return "user"
    return "servicePrincipal" if "servicePrincipalType" in value else "application"


def typed(value: Object, select: tuple[str, ...] = ()) -> Object:
    name = kind_of(value)
    return {"@odata.type": f"#microsoft.graph.{name}", **shown(name, value, select)}


def owned_by(table: Table, owner_id: str) -> list[Object]:
    return [item for item in table.seen_all() if owner_id in item["@owners"]]


Collections = Mapping[str, Callable[[Directory, str], list[Object]]]
_MOST_EXPANDED = 20
_EXPANDED: Mapping[str, Collections] = {
    "servicePrincipal": {
        "appRoleAssignments": app_role_assignments.of_principal,
        "appRoleAssignedTo": app_role_assignments.to_resource,
    }
}
"""What can be expanded: by type and name, a function that finds the objects of an object id."""


def _expanding(call: GraphCall) -> tuple[GraphCall, Callable[[Answer], Answer]]:
    """Return the call without its `$expand`, and a function that adds the collection to its answer.

    An unknown collection stays in the call, which is then answered 501; so does a `$select` without
    the id.
    """
    name, known = call.query.get("$expand", ""), _EXPANDED.get(call.kind, {})
    selected = [item.strip() for item in call.query.get("$select", "id").split(",")]
    if name not in known or "id" not in selected:
        return call, lambda answer: answer

    def expand(answer: Answer) -> Answer:
        body: Any = answer.body
        for item in body.get("value", [body]):
            held = known[name](call.directory, item["id"])[:_MOST_EXPANDED]
            item[name] = [
                {key: inner for key, inner in each.items() if not key.startswith("@")}
                for each in held
            ]
        return answer

    options = {option: value for option, value in call.query.items() if option != "$expand"}
    return dataclasses.replace(call, query=options), expand


def _list(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = _expanding(call)
    return expand(plain.listed(call.kind, f"{call.kind}s", call.table))


def _count(call: GraphCall) -> Answer:
    call.require("application.read")
    return call.counted(call.kind, call.table)


def _get(call: GraphCall) -> Answer:
    call.require("application.read")
    plain, expand = _expanding(call)
    return expand(plain.single(call.kind, f"{call.kind}s", call.found(call.table)))


def _read_list(name: str, call: GraphCall) -> Answer:
    call.require("application.read")
    target = call.found(call.table)
    context = f"{call.root}/$metadata#{call.kind}s('{target['id']}')/{name}"
    return Answer(200, {"@odata.context": context, "value": target[name]})


def _add_password(call: GraphCall) -> Answer:
    owner = call.to_change(call.table, f"{call.kind}.write")
    return call.new_password(password_credentials.add_password(call.directory, owner, call.body))


def _remove_password(call: GraphCall) -> Answer:
    owner = call.to_change(call.table, f"{call.kind}.write")
    password_credentials.remove_password(call.directory, owner, call.body)
    return NO_CONTENT


def _list_owners(call: GraphCall) -> Answer:
    target = call.found(call.table)
    call.require("application.read")
    owners = [call.directory.principal(owner_id) for owner_id in target["@owners"]]
    select = tuple(
        name.strip() for name in call.query.get("$select", "").split(",") if name.strip()
    )
    shown_owners = [typed(owner, select) for owner in owners if owner is not None]
    fields = f"({','.join(select)})" if select else ""
    return Answer(
        200,
        {
            "@odata.context": f"{call.root}/$metadata#directoryObjects{fields}",
            "value": shown_owners,
        },
    )


def _add_owner(call: GraphCall) -> Answer:
    target = call.found(call.table)
    call.require(f"{call.kind}.write", target)
    owner = _referenced(call)
    target = latest_of(call.table, target)
    if owner["id"] in target["@owners"]:
        raise service_error("Request_BadRequest owner exists")
    call.table.put({**target, "@owners": [*target["@owners"], owner["id"]]})
    return NO_CONTENT


def _remove_owner(call: GraphCall) -> Answer:
    target = call.to_change(call.table, f"{call.kind}.write")
    if call.params["owner"] not in target["@owners"]:
        raise not_found(call.params["owner"])
    kept = [owner_id for owner_id in target["@owners"] if owner_id != call.params["owner"]]
    call.table.put({**target, "@owners": kept})
    return NO_CONTENT


def object_operations(template: str, kind: str, *lists: str) -> tuple[GraphOperation, ...]:
    """Return the operations of one kind of object; `lists` are its members that can be read on
    their own.
    """
    page = kind.lower()
    return (
        GraphOperation("GET", f"{kind}s", _list, f"api/{page}-list"),
        GraphOperation("GET", f"{kind}s/$count", _count, "concepts/aad-advanced-queries"),
        GraphOperation("GET", template, _get, f"api/{page}-get"),
        *(
            GraphOperation(
                "GET",
                f"{template}/{name}",
                partial(_read_list, name),
                "docs/azure-contract.md, 3.11",
            )
            for name in lists
        ),
        *(
            # An action has a qualified name as well: docs/azure-contract.md, section 3.5.
            GraphOperation(
                "POST", f"{template}/{prefix}{action}", run, f"api/{page}-{action.lower()}"
            )
            for prefix in ("", "microsoft.graph.")
            for action, run in (
                ("addPassword", _add_password),
                ("removePassword", _remove_password),
            )
        ),
        GraphOperation("GET", f"{template}/owners", _list_owners, f"api/{page}-list-owners"),
        GraphOperation("POST", f"{template}/owners/$ref", _add_owner, f"api/{page}-post-owners"),
        GraphOperation(
            "DELETE",
            f"{template}/owners/{{owner}}/$ref",
            _remove_owner,
            f"api/{page}-delete-owners",
        ),
    )


def bound_owners(call: GraphCall) -> list[str]:
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
