"""Control routes that add callers, people, sites, roles, deny assignments and locks, past all permissions.

    POST callers           {"name", "graphRoles": ["Application.ReadWrite.OwnedBy"], "armRoles": [{"role", "scope"}]}
    POST people            {"name", "armRoles"}, who sign in with a device code; `name` is the part before the @
    POST sites             {"name", "group", "subscription"?, "kind"?, "slot"?, "settings"?}
    POST role-assignments  {"principalId", "role", "scope"}      DELETE {"principalId"} removes all of its roles
    POST deny-assignments  {"scope", "actions", "notActions"?, "name"?}    DELETE removes all
    POST locks             {"scope", "level", "name"?}                     DELETE removes all

Callers and people also take "directoryRoles" and, for roles that come through a group, "groupRoles": names of roles;
"scopedRoles": [{"role", "scope"}] for built-in roles at one object, "/{object id}", and "customRoles": [{"name",
"actions": ["microsoft.directory/applications/create"], "scope"?}].
A role is the name or id of a built-in one, or `{"name", "actions", "notActions"?}`, which makes a custom one.
`scope` is a path; the subscription of the seed where it is left out.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.entra import seeding
from mct_s2s.sandbox.entra.access.directory_roles import assigned
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.entra.well_known import DIRECTORY_ROLES, GRAPH_ROLES
from mct_s2s.sandbox.observability.observability import Observability
from mct_s2s.sandbox.services.control.request_body import json_object, member, refused
from mct_s2s.sandbox.state import seed
from mct_s2s.sandbox.state.state import SandboxState


class Provisioning:
    """Routes that add to the state."""

    def __init__(
        self,
        state: SandboxState,
        addresses: Addresses,
        observability: Observability,
        open_port: Callable[[str], Awaitable[int]],
    ) -> None:
        self._state = state
        self._addresses = addresses
        self._watch = observability.watch
        self._open_port = open_port

    async def callers(self, request: Request) -> Response:
        """Add a service principal with exactly these roles; its secret is shown once."""
        sent = await json_object(request)
        graph_roles = member(sent, "graphRoles", list, [])
        unknown = [role for role in graph_roles if not isinstance(role, str) or role not in GRAPH_ROLES]
        if unknown:
            raise arm_error(400, "InvalidRole", f"The sandbox's Graph has no app role '{unknown[0]}'.")
        grants, held = self._grants(sent), _directory_roles(sent)
        secret = secrets.token_urlsafe(30)
        directory = self._state.directory
        name = member(sent, "name", str)
        made, principal = seeding.add_application(directory, name, secret=secret, graph_roles=graph_roles)
        self._watch.record(secret)
        directory.service_principals.put({**principal, **held})
        self._assign(principal["id"], grants)
        shown = {
            "tenantId": directory.tenant_id,
            "clientId": made["appId"],
            "clientSecret": secret,
            "applicationId": made["id"],
            "principalId": principal["id"],
        }
        return JSONResponse(shown, 201)

    async def people(self, request: Request) -> Response:
        """Add a person with exactly these roles."""
        sent = await json_object(request)
        grants, held = self._grants(sent), _directory_roles(sent)
        name = member(sent, "name", str)
        made = seeding.add_person(self._state.directory, name.lower(), name, held)
        self._assign(made["id"], grants)
        return JSONResponse({"principalId": made["id"], "userPrincipalName": made["userPrincipalName"]}, 201)

    async def sites(self, request: Request) -> Response:
        """Add a site, or a slot of one; subscription and group are created if necessary."""
        sent = await json_object(request)
        name, slot = member(sent, "name", str), member(sent, "slot", str, "")
        body = seed.add_site(
            self._state.resources,
            subscription=member(sent, "subscription", str, seed.SUBSCRIPTION_ID),
            group=member(sent, "group", str, seed.RESOURCE_GROUP),
            name=f"{name}/{slot}" if slot else name,
            kind=member(sent, "kind", str, "app"),
            settings=member(sent, "settings", dict, {}),
            owner_app_id=seed.ADMINISTRATOR_ID,
        )
        key = body["id"].lower()
        port = self._addresses.sites.get(key) or await self._open_port(key)
        return JSONResponse({"id": body["id"], "url": f"https://{self._addresses.of_site(key)}", "port": port}, 201)

    async def role_assignments(self, request: Request) -> Response:
        """Assign a role to a principal, or remove all of its roles."""
        sent, access = await json_object(request), self._state.resources.access
        principal = member(sent, "principalId", str)
        if request.method == "DELETE":
            access.assignments = [a for a in access.assignments if a["principalId"] != principal]
            return Response(status_code=204)
        return JSONResponse(access.assign(principal, self._role(sent), _scope(sent)), 201)

    async def deny_assignments(self, request: Request) -> Response:
        """Deny actions at a scope, as a managed application does; DELETE removes all deny assignments."""
        access = self._state.resources.access
        if request.method == "DELETE":
            access.denials = []
            return Response(status_code=204)
        sent = await json_object(request)
        actions, spared = member(sent, "actions", list), member(sent, "notActions", list, [])
        name = member(sent, "name", str, "System deny assignment of a managed application")
        return JSONResponse({"name": access.deny(name, actions, spared, _scope(sent))}, 201)

    async def locks(self, request: Request) -> Response:
        """Lock a scope; DELETE removes all locks."""
        locks = self._state.resources.locks
        if request.method == "DELETE":
            locks.all = []
            return Response(status_code=204)
        sent = await json_object(request)
        lock, _ = locks.put(_scope(sent), member(sent, "name", str, "sandbox"), member(sent, "level", str))
        return JSONResponse(lock, 201)

    def _grants(self, sent: Mapping[str, Any]) -> list[tuple[str, str]]:
        return [(self._role(row), _scope(row)) for row in member(sent, "armRoles", list, [])]

    def _assign(self, principal: str, grants: list[tuple[str, str]]) -> None:
        for role, scope in grants:
            self._state.resources.access.assign(principal, role, scope)

    def _role(self, row: object) -> str:
        if not isinstance(row, Mapping):
            raise arm_error(400, "InvalidRole", "A role must be an object with 'role' and 'scope'.")
        with refused("InvalidRole"):
            return self._state.resources.access.role_named(row.get("role"))


def _scope(sent: Mapping[str, Any]) -> str:
    scope: str = member(sent, "scope", str, seed.SUBSCRIPTION)
    return scope.rstrip("/") or "/"


def _directory_roles(sent: Mapping[str, Any]) -> Object:
    held: Object = {}
    for name, kept in (("directoryRoles", "@roles"), ("groupRoles", "@groupRoles")):
        wanted = member(sent, name, list, [])
        unknown = [role for role in wanted if not isinstance(role, str) or role not in DIRECTORY_ROLES]
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
    made = [
        assigned(member(row, "name", str), None, member(row, "scope", str, "/"), member(row, "actions", list))
        for row in custom
    ]
    for row in scoped:
        role = member(row, "role", str)
        if role not in DIRECTORY_ROLES:
            raise arm_error(400, "InvalidRole", f"Unknown directory role {role!r}.")
        made.append(assigned(role, DIRECTORY_ROLES[role], member(row, "scope", str), ()))
    return made
