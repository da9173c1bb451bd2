"""Control routes that add callers, people, sites, roles and locks, past all permissions.

    POST callers           {"name", "graphRoles": ["Application.ReadWrite.OwnedBy"],
                            "armRoles": [{"role", "scope"}]}
    POST people            {"name", "armRoles"}, who sign in with a device code; `name` is the part
                           before the @
    POST sites             {"name", "group", "subscription"?, "kind"?, "slot"?, "settings"?}
    POST role-assignments  {"principalId", "role", "scope"}
                           DELETE {"principalId"} removes all of its roles
    POST directory-roles   {"user", "role"}, by address: tokens that were issued before do not
                           show the role
    POST deny-assignments  {"scope", "actions", "notActions"?, "name"?}    DELETE removes all
    POST locks             {"scope", "level", "name"?}                     DELETE removes all

Callers and people also take "directoryRoles" and, for roles that come through a group,
"groupRoles": names of roles; "scopedRoles": [{"role", "scope"}] for built-in roles at one object,
"/{object id}", and "customRoles": [{"name", "actions": ["microsoft.directory/applications/create"],
"scope"?}]. A role is the name or id of a built-in one, or `{"name", "actions", "notActions"?,
"dataActions"?}`, which makes a custom one. `scope` is a path; the subscription of the seed where it
is left out.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.encoding import json_of, object_of
from mct_s2s.sandbox.core.wire_errors import WireError, arm_error
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.access.permissions import assigned
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.types import DIRECTORY_ROLES, GRAPH_ROLES
from mct_s2s.sandbox.observability.secret_watch import Observability
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState


@dataclass(frozen=True)
class ControlCall:
    """A request; `open_port` lets a site answer, by its resource id, `fresh` makes the state of a
    reset.
    """

    state: SandboxState
    addresses: Addresses
    observability: Observability
    open_port: Callable[[str], int]
    fresh: Callable[[], SandboxState] | None
    query: Mapping[str, str]
    raw_body: bytes = field(repr=False)

    @property
    def value(self) -> Any:
        try:
            return json_of(self.raw_body)
        except ValueError as error:
            raise _unreadable(str(error)) from error

    @property
    def body(self) -> dict[str, Any]:
        return object_of(self.raw_body, _unreadable)


def _unreadable(why: str) -> WireError:
    return arm_error(400, "InvalidRequestContent", f"Invalid JSON: {why}")


def member(
    sent: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None
) -> Any:
    """Return a member of an object; without a default it is required."""
    value = sent.get(name, default)
    if not isinstance(value, kind):
        raise arm_error(400, "InvalidRequestContent", f"'{name}' is missing or has the wrong type.")
    return value


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise arm_error(400, code, str(error)) from error


def _add_caller(call: ControlCall) -> Any:
    """Add a service principal with exactly these roles; its secret is shown once."""
    sent = call.body
    graph_roles = member(sent, "graphRoles", list, [])
    unknown = [role for role in graph_roles if not isinstance(role, str) or role not in GRAPH_ROLES]
    if unknown:
        raise arm_error(400, "InvalidRole", f"The sandbox's Graph has no app role '{unknown[0]}'.")
    grants, held = _grants(call, sent), _directory_roles(sent)
    secret = secrets.token_urlsafe(30)
    directory = call.state.directory
    name = member(sent, "name", str)
    application, principal = seeding.add_application(
        directory, name, secret=secret, graph_roles=graph_roles
    )
    call.observability.watch.record(secret)
    directory.service_principals.put({**principal, **held})
    _assign(call, principal["id"], grants)
    return {
        "tenantId": directory.tenant_id,
        "clientId": application["appId"],
        "clientSecret": secret,
        "applicationId": application["id"],
        "principalId": principal["id"],
    }


def _add_person(call: ControlCall) -> Any:
    sent = call.body
    grants, held = _grants(call, sent), _directory_roles(sent)
    name = member(sent, "name", str)
    person = seeding.add_person(call.state.directory, name.lower(), name, held)
    _assign(call, person["id"], grants)
    return {"principalId": person["id"], "userPrincipalName": person["userPrincipalName"]}


def _add_site(call: ControlCall) -> Any:
    """Add a site, or a slot of one; subscription and group are created if necessary.

    One that is there stays as it is, unless its settings are sent.
    """
    sent, resources = call.body, call.state.resources
    name, slot = member(sent, "name", str), member(sent, "slot", str, "")
    subscription = member(sent, "subscription", str, seed.SUBSCRIPTION_ID)
    group = member(sent, "group", str, seed.RESOURCE_GROUP)
    site_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/"
    site_id += f"{name}/slots/{slot}" if slot else name
    body = None if "settings" in sent else resources.find(site_id.lower())
    if body is None:
        body = seed.add_site(
            resources,
            subscription=subscription,
            group=group,
            name=f"{name}/{slot}" if slot else name,
            kind=member(sent, "kind", str, "app"),
            settings=member(sent, "settings", dict, {}),
            owner_app_id=seed.ADMINISTRATOR_ID,
        )
    key = body["id"].lower()
    port = call.open_port(key)
    return {"id": body["id"], "url": f"https://{call.addresses.of_site(key)}", "port": port}


def _assign_role(call: ControlCall) -> Any:
    sent = call.body
    principal = member(sent, "principalId", str)
    return call.state.resources.access.assign(principal, _role(call, sent), _scope(sent))


def _unassign(call: ControlCall) -> None:
    access, principal = call.state.resources.access, member(call.body, "principalId", str)
    access.assignments = [a for a in access.assignments if a["principalId"] != principal]


def _give_directory_role(call: ControlCall) -> None:
    sent, users = call.body, call.state.directory.users
    (template,) = _directory_roles({"directoryRoles": [member(sent, "role", str)]})["@roles"]
    held = users.first_seen_by("userPrincipalName", member(sent, "user", str))
    if held is None:
        raise arm_error(404, "NotFound", "No such person.")
    users.put({**held, "@roles": [*held["@roles"], template]})


def _deny(call: ControlCall) -> Any:
    """Deny actions at a scope, as a managed application does."""
    sent = call.body
    actions, spared = member(sent, "actions", list), member(sent, "notActions", list, [])
    name = member(sent, "name", str, "System deny assignment of a managed application")
    return {"name": call.state.resources.access.deny(name, actions, spared, _scope(sent))}


def _lock(call: ControlCall) -> Any:
    sent, locks = call.body, call.state.resources.locks
    return locks.put(
        _scope(sent), member(sent, "name", str, "sandbox"), member(sent, "level", str)
    )[0]


def _grants(call: ControlCall, sent: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(_role(call, row), _scope(row)) for row in member(sent, "armRoles", list, [])]


def _assign(call: ControlCall, principal: str, grants: list[tuple[str, str]]) -> None:
    for role, scope in grants:
        call.state.resources.access.assign(principal, role, scope)


def _role(call: ControlCall, row: object) -> str:
    if not isinstance(row, Mapping):
        raise arm_error(400, "InvalidRole", "A role must be an object with 'role' and 'scope'.")
    with refused("InvalidRole"):
        return call.state.resources.access.role_named(row.get("role"))


def _scope(sent: Mapping[str, Any]) -> str:
    scope: str = member(sent, "scope", str, seed.SUBSCRIPTION)
    return scope.rstrip("/") or "/"


def _directory_roles(sent: Mapping[str, Any]) -> Object:
    held: Object = {}
    for name, kept in (("directoryRoles", "@roles"), ("groupRoles", "@groupRoles")):
        wanted = member(sent, name, list, [])
        unknown = [
            role for role in wanted if not isinstance(role, str) or role not in DIRECTORY_ROLES
        ]
        if unknown:
            raise arm_error(400, "InvalidRole", f"Unknown directory role {unknown[0]!r}.")
        held[kept] = [DIRECTORY_ROLES[role] for role in wanted]
    held["@assigned"] = _assigned(sent)
    return held


def _assigned(sent: Mapping[str, Any]) -> list[Object]:
    custom, scoped = member(sent, "customRoles", list, []), member(sent, "scopedRoles", list, [])
    for row in (*custom, *scoped):
        if not isinstance(row, Mapping):
            raise arm_error(400, "InvalidRole", "A directory role must be an object.")
    assignments = [
        assigned(
            member(row, "name", str),
            None,
            member(row, "scope", str, "/"),
            member(row, "actions", list),
        )
        for row in custom
    ]
    for row in scoped:
        role = member(row, "role", str)
        if role not in DIRECTORY_ROLES:
            raise arm_error(400, "InvalidRole", f"Unknown directory role {role!r}.")
        assignments.append(assigned(role, DIRECTORY_ROLES[role], member(row, "scope", str), ()))
    return assignments


ROWS: tuple[tuple[str, str, Callable[[ControlCall], Any]], ...] = (
    ("POST", "callers", _add_caller),
    ("POST", "people", _add_person),
    ("POST", "sites", _add_site),
    ("POST", "role-assignments", _assign_role),
    ("DELETE", "role-assignments", _unassign),
    ("POST", "directory-roles", _give_directory_role),
    ("POST", "deny-assignments", _deny),
    ("DELETE", "deny-assignments", lambda call: call.state.resources.access.denials.clear()),
    ("POST", "locks", _lock),
    ("DELETE", "locks", lambda call: call.state.resources.locks.all.clear()),
)
