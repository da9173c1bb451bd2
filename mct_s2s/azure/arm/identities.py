"""Managed identities on web apps, and on any other resource.

`identity.type` is not merged by a PATCH: it says what the resource has afterwards. So the union of what is there and
what is wanted is sent, and the read-only ids never are. Source: learn.microsoft.com/entra/identity/
managed-identities-azure-resources/qs-configure-rest-vm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from mct_s2s.activity import waiting
from mct_s2s.azure.answers import guid, members, optional, parse_json, rows, text, texts
from mct_s2s.azure.arm.session import AUTHORIZATION, CARRYING_OUT, RESOURCES, WEB, ArmSession, versioned
from mct_s2s.azure.arm.sites import ArmSites
from mct_s2s.errors import NotThere, ServiceError
from mct_s2s.model.azure_resources import IdentityResource
from mct_s2s.model.commands import command, webapp_command
from mct_s2s.model.ids import PrincipalId, same_id
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId

READ = "read the resource"
ENABLE = "enable the managed identity"
DISABLE = "disable the managed identity"
ROLES = "read the identity's roles"
STATIC_SITES = "microsoft.web/staticsites"
"""Takes a PATCH of `identity` and ignores it: docs/azure-contract.md, section 4.4."""
LOOKS = 5
"""Looks at an identity that was accepted and does not show yet, 5 s in all."""
PAUSE = 0.5
"""Seconds, times the look's number: some kinds of hosting accept a change first and carry it out later."""


class ArmIdentities:
    """Managed identities on whatever type of Azure resource."""

    def __init__(self, session: ArmSession, sites: ArmSites) -> None:
        self._session = session
        self._sites = sites

    async def identity_resource(self, resource: ResourceId) -> IdentityResource | None:
        """GET the resource; for types beyond App Service with the api-version that its provider names."""
        try:
            if resource.is_site:
                return await self._sites.read_site(resource, lambda row: _parsed(resource, row, None))
            version = await self._api_version(resource)
            path = versioned(str(resource), version)
            return await self._session.read(path, READ, lambda row: _parsed(resource, row, version))
        except NotThere:
            return None

    async def enable(self, caller: IdentityResource) -> PrincipalId:
        """Switch `identity` on; the answer shows the principal that Azure made, or a reading does a moment later.

        Raises:
            ServiceError: refused, or the type of resource carries no identity.
        """
        made = await self._change(caller, ENABLE, system_assigned=True)
        if made is not None:
            return made
        raise ServiceError(
            "identity-not-made",
            f"Azure accepted the managed identity of '{caller.display_name}' but returned no principal ID. The "
            f"resource type {caller.resource.type} may need another way. Nothing else was changed.",
            remedy="Enable it yourself on the resource's Identity page in the portal or with the Azure CLI, then "
            "run the same command again:",
            command=_by_hand(caller, "identity assign", system_assigned=True),
        )

    async def disable(self, caller: IdentityResource) -> None:
        """Switch `identity` off, so that only the identities which users assigned are left.

        Raises:
            ServiceError: refused, or the type of resource takes no such change.
        """
        if await self._change(caller, DISABLE, system_assigned=False) is None:
            return
        raise ServiceError(
            "identity-not-removed",
            f"Azure accepted the request to disable the managed identity of '{caller.display_name}', but it is "
            f"still enabled. The resource type {caller.resource.type} may need another way.",
            remedy="Disable it yourself on the resource's Identity page in the portal or with the Azure CLI, then "
            "run the same command again:",
            command=_by_hand(caller, "identity remove", system_assigned=False),
        )

    async def roles_of(self, caller: IdentityResource) -> list[str]:
        """GET /subscriptions/{id}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId eq …."""
        if caller.principal_id is None:
            return []
        path = f"/subscriptions/{caller.resource.subscription_id}/providers/Microsoft.Authorization/roleAssignments"
        wanted = f"principalId eq '{caller.principal_id}'"
        path = versioned(path, AUTHORIZATION, filter=wanted)
        return await self._session.rows(
            path, ROLES, lambda row: text(members(row.get("properties")).get("scope")) or text(row["id"])
        )

    async def _change(self, caller: IdentityResource, step: str, *, system_assigned: bool) -> PrincipalId | None:
        """Send the change; the principal that the resource has afterwards.

        Before it is sent again the resource is read: a lost answer may have been a success, and someone else may have
        assigned an identity meanwhile. A resource that is gone has none.
        """
        resource, shown = caller, False

        async def look() -> None:
            nonlocal resource, shown
            found = await self.identity_resource(caller.resource)
            resource, shown = found or replace(caller, principal_id=None), True

        def is_done() -> bool:
            return shown and (resource.principal_id is not None) == system_assigned

        async def send() -> httpx.Response | None:
            nonlocal resource, shown
            if is_done():
                return None
            shown = False
            answer = await self._send(resource, system_assigned=system_assigned)
            row = members(parse_json(answer.content) if answer.content else None)
            if same_id(str(row.get("id")), str(caller.resource)):  # or of the operation's own
                resource, shown = _parsed(caller.resource, row, caller.api_version), True
            return answer

        async with self._session.writing(caller.resource):
            try:
                accepted = await self._session.call(send, step, before_repeating=look)
                await self._session.finish(accepted, step)
            except NotThere:
                await look()
                if not is_done():
                    raise
            for number in range(LOOKS):
                if is_done():
                    break
                with waiting(CARRYING_OUT):
                    await asyncio.sleep(number * PAUSE)
                await look()
        return resource.principal_id

    async def _send(self, resource: IdentityResource, *, system_assigned: bool) -> httpx.Response:
        """PATCH the resource; PUT it whole where it takes no such change."""
        session, version = self._session, resource.api_version or WEB
        url = session.base + versioned(str(resource.resource), version)
        if resource.resource.type != STATIC_SITES:
            body = {"identity": _identity(resource, system_assigned=system_assigned)}
            answer = await session.exchange("PATCH", url, body, {})
            if answer.status_code != 405:
                return answer.raise_for_status()
        whole = members(parse_json((await session.exchange("GET", url, None, {})).raise_for_status().content))
        identity = _identity(_parsed(resource.resource, whole, version), system_assigned=system_assigned)
        return (await session.exchange("PUT", url, {**_writable(whole), "identity": identity}, {})).raise_for_status()

    async def _api_version(self, resource: ResourceId) -> str:
        """The newest stable api-version of a resource type, from its provider."""
        path = f"/subscriptions/{resource.subscription_id}/providers/{resource.namespace}"
        wanted = "/".join(resource.types).lower()

        def versions_of(provider: Mapping[str, Any]) -> list[str]:
            types = rows(provider["resourceTypes"])
            return [
                one
                for row in types
                if text(row["resourceType"]).lower() == wanted
                for one in texts(row.get("apiVersions"))
            ]

        versions = sorted(await self._session.read(versioned(path, RESOURCES), READ, versions_of), reverse=True)
        stable = [version for version in versions if not version.endswith("-preview")]
        if stable or versions:
            return (stable or versions)[0]
        raise NotThere(
            "resource-type-unknown",
            f"The resource type '{resource.namespace}/{wanted}' does not exist in Azure.",
            remedy="Check the resource ID:",
            command="az resource show --ids ID",
        )


def _parsed(resource: ResourceId, row: Mapping[str, Any], api_version: str | None) -> IdentityResource:
    if resource.type == USER_ASSIGNED_IDENTITIES:
        principal = PrincipalId(guid(members(row.get("properties"))["principalId"]))
        return IdentityResource(resource, principal, "UserAssigned", api_version=api_version)
    identity = members(row.get("identity"))
    return IdentityResource(
        resource=resource,
        principal_id=PrincipalId(guid(identity["principalId"])) if identity.get("principalId") else None,
        identity_type=text(identity.get("type")) or "None",
        user_assigned=tuple(sorted(members(identity.get("userAssignedIdentities")))),
        api_version=api_version,
        location=optional(row.get("location")),
    )


def _identity(resource: IdentityResource, *, system_assigned: bool) -> dict[str, Any]:
    """What `identity` is to be: the identities that users assigned stay."""
    kinds = ["SystemAssigned"] * system_assigned + ["UserAssigned"] * bool(resource.user_assigned)
    users: dict[str, Any] = {"userAssignedIdentities": {identity: {} for identity in resource.user_assigned}}
    return {"type": ", ".join(kinds) or "None", **(users if resource.user_assigned else {})}


def _by_hand(caller: IdentityResource, verb: str, *, system_assigned: bool) -> str:
    """The Azure CLI's way, which reads the resource and puts it whole."""
    if caller.resource.is_site:
        return webapp_command(verb, caller.resource)
    setting = f"identity.type={_identity(caller, system_assigned=system_assigned)['type']}"
    return command("az", "resource", "update", "--ids", str(caller.resource), "--set", setting)


def _writable(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource as a PUT may carry it: without what ARM alone sets."""
    read_only = {"id", "name", "type", "identity", "systemData", "etag"}
    return {key: value for key, value in resource.items() if key not in read_only}
