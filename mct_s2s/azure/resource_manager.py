"""Azure Resource Manager: subscriptions, App Service by azure-mgmt-web, and any resource's
identity, rights and locks.

`identity.type` is not merged by a PATCH, so the union of what is there and what is wanted is sent.
Sources: learn.microsoft.com/entra/identity/managed-identities-azure-resources/qs-configure-rest-vm;
learn.microsoft.com/rest/api/authorization/permissions/list-for-resource;
learn.microsoft.com/rest/api/resources/management-locks/list-by-scope.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from mct_s2s import clock
from mct_s2s.activity import CARRYING_OUT, waiting
from mct_s2s.azure.answers import (
    ARM,
    Json,
    check_address,
    guid,
    members,
    optional,
    parse_json,
    parse_retry_after,
    read_refusal,
    rows,
    text,
    texts,
)
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import Transport
from mct_s2s.azure.refusals import error_of_refusal
from mct_s2s.azure.retry import AGAIN, ONCE, Sending
from mct_s2s.azure.service_client import ServiceClient
from mct_s2s.azure.sign_in.methods import CallerCredential, challenged_tenant
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, or_none
from mct_s2s.model.azure_resources import IdentityResource, Site, Subscription
from mct_s2s.model.caller_rights import Permission
from mct_s2s.model.commands import command, webapp_command
from mct_s2s.model.ids import PrincipalId, TenantId, is_guid, same_id
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.site_settings import AppSettings

if TYPE_CHECKING:
    from azure.mgmt.web.aio import WebSiteManagementClient

T = TypeVar("T")
WEB = "2023-12-01"
"""The first one that knows Flex Consumption plans.

Of each service it is the oldest api-version that suffices, as clouds learn new ones months apart:
docs/azure-contract.md, section 4.9.
"""
SUBSCRIPTIONS, RESOURCES, AUTHORIZATION, LOCKS = (
    "2020-01-01",
    "2021-04-01",
    "2022-04-01",
    "2016-09-01",
)
POLL_SECONDS = 1
"""Where Azure names no time."""
OPERATION_SECONDS = 180.0
"""An accepted write is followed for so long; what came of it is then read."""
READ = "read the resource"
READ_RIGHTS = "check your permissions"
PROVIDER = "/providers/Microsoft.Authorization"
STATIC_SITES = "microsoft.web/staticsites"
"""Takes a PATCH of `identity` and ignores it: docs/azure-contract.md, section 4.4."""
LOOKS = 5
"""At an identity that was accepted and does not show yet, 5 s in all."""
LOOKS_WITHOUT_OPERATION = 27
"""Where the operation may not be followed, so that nothing else tells when it is done: 175 s in
all.
"""
PAUSE = 0.5
"""Seconds, times the look's number."""


def versioned(path: str, api_version: str, *, filter: str = "") -> str:  # noqa: A002  # the option's name
    return f"{path}?api-version={api_version}" + (
        f"&$filter={quote(filter, safe='')}" if filter else ""
    )


class ResourceManager(ServiceClient):
    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        super().__init__(
            ARM, connection.cloud.arm, connection.cloud.arm_scope, connection, credential
        )
        self._clients: dict[str, WebSiteManagementClient] = {}

    async def subscriptions(self) -> list[Subscription]:
        path = versioned("/subscriptions", SUBSCRIPTIONS)
        read = partial(self.rows, path, "list the subscriptions", _subscription)
        found: list[Subscription] = await self.once.get(path, read)
        return found

    async def subscription(self, subscription_id: str) -> Subscription | None:
        path = versioned(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS)
        read = partial(self.read, path, "read the subscription", _subscription)
        return await or_none(self.once.get(path.casefold(), read))

    async def tenant_of(self, subscription_id: str) -> TenantId | None:
        """Ask without a token: Resource Manager's challenge names the tenant that the subscription
        trusts.

        It takes no right. Source:
        learn.microsoft.com/entra/msal/dotnet/advanced/extract-authentication-parameters.
        """
        url = self.base + versioned(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS)

        async def ask() -> httpx.Response:
            return await self.http.request("GET", url, extensions={"service": self.service.label})

        tenant_id = challenged_tenant((await self.call(ask, "read the subscription")).headers)
        return TenantId(tenant_id) if tenant_id is not None and is_guid(tenant_id) else None

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        """Web and function apps, without slots."""
        apps: Any = self.client(subscription_id).web_apps

        async def read() -> list[Site]:
            return [
                _site(row)
                async for row in (apps.list_by_resource_group(group) if group else apps.list())
            ]

        return await self.call(read, "list the web apps")

    async def sites_named(self, subscription_id: str, name: str) -> list[ResourceId]:
        """One question, however many sites there are. New ones may be missing."""
        quoted = name.replace("'", "''")
        wanted = f"resourceType eq 'Microsoft.Web/sites' and name eq '{quoted}'"
        path = versioned(f"/subscriptions/{subscription_id}/resources", RESOURCES, filter=wanted)
        return await self.rows(
            path, "find the web app", lambda row: ResourceId.parse(text(row["id"]))
        )

    async def site(self, resource: ResourceId) -> Site | None:
        async def read() -> Site:
            return _site(members(await self._on(resource, "get")))

        return await or_none(self.call(read, "read the App Service"))

    async def settings(
        self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None
    ) -> AppSettings:
        """Secrets among them.

        `leaves` is called when the request is sent, so that a wait for it is not counted.
        """

        async def read() -> AppSettings:
            leaves()
            settings = members(await self._on(resource, "list_application_settings")).get(
                "properties"
            )
            if not isinstance(settings, Mapping):
                # Never "no settings": a write replaces them all, and would erase the site's own.
                raise ValueError("there are no settings")
            return {name: optional(value) for name, value in settings.items()}

        return await self.call(read, "read the application settings")

    async def slots(self, resource: ResourceId) -> tuple[list[str], frozenset[str]]:
        """The production site's slots, and its slot settings' names in lower case; none where they
        cannot be read.
        """
        apps: Any = self.client(resource.subscription_id).web_apps
        group, name = resource.resource_group, resource.names[0]

        async def names() -> list[str]:
            return [
                text(row["name"]).rpartition("/")[2] async for row in apps.list_slots(group, name)
            ]

        async def sticky() -> tuple[str, ...]:
            answer = members(await apps.list_slot_configuration_names(group, name))
            return texts(members(answer.get("properties")).get("appSettingNames"))

        try:
            slots, kept = await gather_or_cancel(
                self.call(names, "list the slots"), self.call(sticky, "read the slot settings")
            )
        except (NotThere, PermissionMissing, ServiceError):
            return [], frozenset()
        return sorted(slots), frozenset(map(str.lower, kept))

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], AppSettings | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        """PUT replaces all, so `merged` says what to send (`None`: nothing) after each reading by
        `read_again`.
        """

        async def put() -> httpx.Response | None:
            settings, path = merged(), versioned(f"{resource}/config/appsettings", WEB)
            if settings is None:
                return None
            body = {"properties": dict(settings)}
            return (await self.exchange("PUT", self.base + path, body, {})).raise_for_status()

        step = "write the application settings"
        async with self.turn(str(resource)):
            accepted = await self.call(put, step, Sending(before_repeating=read_again))
            # Flex Consumption and Container Apps carry it out later
            await self.finish(accepted, step)

    async def restart(self, resource: ResourceId) -> None:
        """A lost answer is not asked for again: the write has recycled the site already."""
        async with self.turn(str(resource)):
            await self.call(lambda: self._on(resource, "restart"), "restart the App Service", ONCE)

    def client(self, subscription_id: str) -> "WebSiteManagementClient":
        """Imported late: a quarter of a second."""
        if subscription_id not in self._clients:
            from azure.mgmt.web.aio import WebSiteManagementClient  # noqa: PLC0415

            self._clients[subscription_id] = WebSiteManagementClient(
                self.credential,
                subscription_id,
                api_version=WEB,
                base_url=self.base,
                credential_scopes=[self.scope],
                transport=Transport(self.http, self.service.label),
                policies=[_Bearer(self)],
            )
        return self._clients[subscription_id]

    async def _on(self, resource: ResourceId, operation: str) -> Any:
        """An operation of azure-mgmt-web on a site, or its twin on a slot."""
        apps = self.client(resource.subscription_id).web_apps
        where = (
            resource.resource_group,
            resource.names[0],
            *([resource.slot] if resource.slot else []),
        )
        return await getattr(apps, f"{operation}_slot" if resource.slot else operation)(*where)

    # Any resource

    async def identity_resource(self, resource: ResourceId) -> IdentityResource | None:
        """For types beyond App Service with the api-version that the provider names."""
        version = WEB if resource.is_site else await or_none(self._api_version(resource))
        if not version:
            return None
        path = versioned(str(resource), version)
        return await or_none(self.read(path, READ, lambda row: _parsed(resource, row, version)))

    async def enable_identity(self, identity: IdentityResource) -> PrincipalId:
        """Enable the system-assigned identity, and return its principal. None is ever disabled.

        The resource is read before the change is sent again: a lost answer may have been a success,
        and others may have assigned one.
        """
        resource, step = identity.resource, "enable the managed identity"
        seen: IdentityResource | None = None  # since the last change was sent

        def is_done() -> bool:
            return seen is not None and seen.principal_id is not None

        async def look() -> None:
            nonlocal seen
            seen = await self.identity_resource(resource) or replace(identity, principal_id=None)

        async def send() -> httpx.Response | None:
            nonlocal seen
            if is_done():
                return None
            before, seen = seen or identity, None
            answer = await self._send(before)
            row = members(parse_json(answer.content) if answer.content else None)
            if same_id(str(row.get("id")), str(resource)):  # or of the operation's own
                seen = _parsed(resource, row, identity.api_version)
            return answer

        async with self.turn(str(resource)):
            accepted = await self.call(send, step, Sending(before_repeating=look))
            was_followed = await self.finish(accepted, step)
            for number in range(LOOKS if was_followed else LOOKS_WITHOUT_OPERATION):
                if is_done():
                    break
                with waiting(CARRYING_OUT):
                    await asyncio.sleep(number * PAUSE)
                await look()
        if seen is not None and seen.principal_id is not None:
            return seen.principal_id
        # The Azure CLI reads the resource and puts it whole.
        setting = f"identity.type={_with_identity(seen or identity)['type']}"
        by_hand = command("az", "resource", "update", "--ids", str(resource), "--set", setting)
        if resource.is_site:
            by_hand = webapp_command("identity assign", resource)
        raise ServiceError(
            "identity-unchanged",
            "Azure accepted the request to enable the managed identity of "
            f"'{identity.display_name}', but did not enable it. The resource type "
            f"{resource.type} may need another way.",
            remedy="Enable it yourself on the resource's Identity page in the portal or with the "
            "Azure CLI, then run the same command again:",
            command=by_hand,
        )

    async def _send(self, resource: IdentityResource) -> httpx.Response:
        """PATCH the resource; PUT it whole where it takes no such change."""
        version = resource.api_version or WEB
        url = self.base + versioned(str(resource.resource), version)
        if resource.resource.type != STATIC_SITES:
            answer = await self.exchange("PATCH", url, {"identity": _with_identity(resource)}, {})
            if answer.status_code != 405:
                return answer.raise_for_status()
        whole = members(
            parse_json((await self.exchange("GET", url, None, {})).raise_for_status().content)
        )
        read_only = {"id", "name", "type", "systemData", "etag"}
        body = {key: value for key, value in whole.items() if key not in read_only}
        body["identity"] = _with_identity(_parsed(resource.resource, whole, version))
        return (await self.exchange("PUT", url, body, {})).raise_for_status()

    async def _api_version(self, resource: ResourceId) -> str:
        """The newest stable one, from the provider; empty where it has no such type.

        A caller with a role on the resource alone may not ask at the subscription, but may in the
        tenant.
        """
        provider = f"/providers/{resource.namespace}"
        wanted = "/".join(resource.types).lower()

        def versions_of(provider: Json) -> list[str]:
            types = [
                row
                for row in rows(provider["resourceTypes"])
                if text(row["resourceType"]).lower() == wanted
            ]
            return [version for row in types for version in texts(row.get("apiVersions"))]

        try:
            in_subscription = versioned(
                f"/subscriptions/{resource.subscription_id}{provider}", RESOURCES
            )
            versions = await self.read(in_subscription, READ, versions_of)
        except PermissionMissing:
            versions = await self.read(versioned(provider, RESOURCES), READ, versions_of)
        return max(
            versions, key=lambda version: (not version.endswith("-preview"), version), default=""
        )

    async def permissions(self, scope: ResourceId | str) -> tuple[Permission, ...]:
        """The caller's own at a resource, or the path of a group."""

        def read(row: Json) -> Permission:
            allowed, excepted = texts(row.get("actions")), texts(row.get("notActions"))
            return Permission(allowed, excepted, is_conditional=bool(row.get("condition")))

        path = versioned(f"{scope}{PROVIDER}/permissions", AUTHORIZATION)
        return tuple(await self.rows(path, READ_RIGHTS, read))

    async def locks(self, resource: ResourceId) -> tuple[str, ...]:
        """Read-only ones that hold here; a subscription's are not documented to be in the list of a
        resource.
        """

        async def of_subscription() -> list[str]:
            try:
                return await self._locks(subscription)
            except S2SError:
                return []

        subscription = f"/subscriptions/{resource.subscription_id}"
        locks = await gather_or_cancel(
            self._locks(str(resource)), self.once.get(subscription.lower(), of_subscription)
        )
        here, level = f"{str(resource).lower()}/", f"{PROVIDER}/locks/".lower()
        above = (
            lock
            for some in locks
            for lock in some
            if here.startswith(f"{lock.lower().partition(level)[0]}/")
        )
        return tuple({lock.lower(): lock for lock in above}.values())

    async def _locks(self, scope: str) -> list[str]:
        path = versioned(f"{scope}{PROVIDER}/locks", LOCKS)
        found = await self.rows(
            path, READ_RIGHTS, lambda one: (text(one["id"]), text(one["properties"]["level"]))
        )
        return [identifier for identifier, level in found if level.lower() == "readonly"]

    # How it is asked

    async def call(
        self, send: Callable[[], Awaitable[T]], step: str, sending: Sending = AGAIN
    ) -> T:
        """azure-mgmt-web's client looks into answers without asking what they are."""

        async def readable() -> T:
            with ARM.readable(step):
                return await send()

        return await super().call(readable, step, sending)

    async def finish(self, accepted: httpx.Response | None, step: str) -> bool:
        """Follow an accepted write to its end; false where the caller may not: it takes a right at
        the subscription.

        Sources: learn.microsoft.com/azure/azure-resource-manager/management/async-operations;
        microsoft/azure-container-apps#215.
        """
        if accepted is None:
            return True
        until, state_at = (
            clock.seconds() + OPERATION_SECONDS,
            accepted.headers.get("azure-asyncoperation"),
        )
        location = state_at or (
            accepted.headers.get("location") if accepted.status_code == 202 else None
        )
        with waiting(CARRYING_OUT, gives_up_at=until):
            while location and clock.seconds() < until:
                try:
                    answer, document = await self.answer("GET", location, step)
                except NotThere:  # the operation is no longer remembered
                    return True
                except PermissionMissing:
                    return False
                state = str(members(document).get("status")).lower() if state_at else ""
                if state in {"failed", "canceled"}:
                    raise error_of_refusal(ARM, read_refusal(answer), step)
                if answer.status_code != 202 and state in {"succeeded", "none", ""}:
                    return True
                location = state_at or answer.headers.get("location", location)
                pause = parse_retry_after(answer.headers.get("retry-after")) or POLL_SECONDS
                await asyncio.sleep(min(pause, until - clock.seconds()))
        return True


class _Bearer(AsyncHTTPPolicy[Any, Any]):
    """Signs requests to the session's own address; none goes to another."""

    def __init__(self, session: ResourceManager) -> None:
        self._session = session

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        check_address(request.http_request.url, self._session.base)
        token = await self._session.credential.get_token(self._session.scope)
        request.http_request.headers["Authorization"] = f"Bearer {token.token}"
        return await self.next.send(request)


def _subscription(row: Json) -> Subscription:
    return Subscription(
        guid(row["subscriptionId"]), text(row.get("displayName")), TenantId(guid(row["tenantId"]))
    )


def _site(row: Json) -> Site:
    properties, resource = members(row.get("properties")), ResourceId.parse(text(row["id"]))
    guid(resource.subscription_id)
    default = text(properties.get("defaultHostName"))
    others = sorted(name for name in texts(properties.get("hostNames")) if name != default)
    return Site(
        resource, text(row.get("kind")) or "app", text(properties.get("state")), (default, *others)
    )


def _parsed(resource: ResourceId, row: Json, api_version: str | None) -> IdentityResource:
    identity = members(row.get("identity"))
    principal = identity.get("principalId")
    if resource.type == USER_ASSIGNED_IDENTITIES:
        principal = members(row.get("properties"))["principalId"]
    users = tuple(sorted(members(identity.get("userAssignedIdentities"))))
    return IdentityResource(
        resource, PrincipalId(guid(principal)) if principal else None, users, api_version
    )


def _with_identity(resource: IdentityResource) -> dict[str, Any]:
    """Its `identity` with the system-assigned one; the identities that users assigned stay."""
    if not resource.user_assigned:
        return {"type": "SystemAssigned"}
    users: dict[str, Any] = {identity: {} for identity in resource.user_assigned}
    return {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": users}
