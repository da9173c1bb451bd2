"""Azure Resource Manager: subscriptions, App Service by azure-mgmt-web, and any resource's
identity, rights and locks.

`identity.type` is not merged by a PATCH, so the union of what is there and what is wanted is sent.
Sources: learn.microsoft.com/entra/identity/managed-identities-azure-resources/qs-configure-rest-vm;
learn.microsoft.com/rest/api/authorization/permissions/list-for-resource;
learn.microsoft.com/rest/api/resources/management-locks/list-by-scope.
"""

import asyncio
import re
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
    Refusal,
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
from mct_s2s.model.commands import role_assignment
from mct_s2s.model.ids import PrincipalId, TenantId, is_guid, same_id
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.site_settings import AppSettings
from mct_s2s.planning.permissions.rights import READER, least_role
from mct_s2s.waits import (
    IDENTITY_LOOK_PAUSE,
    IDENTITY_LOOKS,
    LOOKS_WITHOUT_OPERATION,
    OPERATION_PAUSE,
    OPERATION_SECONDS,
)

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
READ_RIGHTS = "check your permissions"
PROVIDER = "/providers/Microsoft.Authorization"
_REFUSED_CALLER = re.compile(r"with object id '([0-9a-fA-F-]{36})'")
"""The caller's object ID in the words of a refusal: docs/azure-contract.md, section 4.7."""
_SUBSCRIPTION_PATH = re.compile(r"/subscriptions/[^/]+(?=/|$)")
STATIC_SITES = "microsoft.web/staticsites"
"""Takes a PATCH of `identity` and ignores it: docs/azure-contract.md, section 4.4."""


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
        subscriptions: list[Subscription] = await self.once.get(path, read)
        return subscriptions

    async def subscription(self, subscription_id: str) -> Subscription | None:
        path = versioned(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS)
        read = partial(self.read, path, "read the subscription", _subscription)
        return await or_none(self.once.get(path.casefold(), read))

    async def tenant_of(self, subscription_id: str) -> TenantId | None:
        """Ask without a token: Resource Manager's challenge names the subscription's tenant.

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
        """Find the sites of a name by one request. New ones may be missing."""
        quoted = name.replace("'", "''")
        condition = f"resourceType eq 'Microsoft.Web/sites' and name eq '{quoted}'"
        path = versioned(f"/subscriptions/{subscription_id}/resources", RESOURCES, filter=condition)
        return await self.rows(
            path, "find the web app", lambda row: ResourceId.parse(text(row["id"]))
        )

    async def vault_names(self, subscription_id: str) -> list[str]:
        """Name the key vaults that the caller can read."""
        condition = "resourceType eq 'Microsoft.KeyVault/vaults'"
        path = versioned(f"/subscriptions/{subscription_id}/resources", RESOURCES, filter=condition)
        return await self.rows(path, "list the key vaults", lambda row: text(row["name"]))

    async def site(self, resource: ResourceId) -> Site | None:
        apps = self._web_apps(resource)

        async def read() -> Site:
            return _site(members(await self._on(resource, apps.get, apps.get_slot)))

        return await or_none(self.call(read, "read the App Service"))

    async def settings(
        self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None
    ) -> AppSettings:
        """Read the application settings, secrets among them.

        `leaves` is called when the request is sent, so that a wait before it is not counted.
        """
        apps = self._web_apps(resource)
        listings = (apps.list_application_settings, apps.list_application_settings_slot)

        async def read() -> AppSettings:
            leaves()
            settings = members(await self._on(resource, *listings)).get("properties")
            if not isinstance(settings, Mapping):
                # Never "no settings": a write replaces them all, and would erase the site's own.
                raise ValueError("there are no settings")
            return {name: optional(value) for name, value in settings.items()}

        return await self.call(read, "read the application settings")

    async def slots(self, resource: ResourceId) -> tuple[list[str], frozenset[str]]:
        """The production site's slots, and the names of its slot settings in lower case.

        Both are empty where they cannot be read.
        """
        apps = self._web_apps(resource)
        group = resource.resource_group
        name = resource.names[0]

        async def read_names() -> list[str]:
            return [
                text(row["name"]).rpartition("/")[2] async for row in apps.list_slots(group, name)
            ]

        async def read_slot_settings() -> tuple[str, ...]:
            answer = members(await apps.list_slot_configuration_names(group, name))
            return texts(members(answer.get("properties")).get("appSettingNames"))

        try:
            slots, slot_settings = await gather_or_cancel(
                self.call(read_names, "list the slots"),
                self.call(read_slot_settings, "read the slot settings"),
            )
        except (NotThere, PermissionMissing, ServiceError):
            return [], frozenset()
        return sorted(slots), frozenset(map(str.lower, slot_settings))

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], AppSettings | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        """PUT the settings, which replaces them all.

        `merged` says what to send, after each reading by `read_again`; `None`: nothing.
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
        """Restart the site.

        After a lost answer, it is not asked for again: the write has recycled the site already.
        """
        async with self.turn(str(resource)):
            apps = self._web_apps(resource)
            await self.call(
                lambda: self._on(resource, apps.restart, apps.restart_slot),
                "restart the App Service",
                ONCE,
            )

    def client(self, subscription_id: str) -> "WebSiteManagementClient":
        """The client of azure-mgmt-web, which takes a quarter of a second to import."""
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

    def _web_apps(self, resource: ResourceId) -> Any:
        return self.client(resource.subscription_id).web_apps

    async def _on(
        self, resource: ResourceId, on_site: Callable[..., Any], on_slot: Callable[..., Any]
    ) -> Any:
        """Call an operation of azure-mgmt-web on a site, or that for a slot."""
        group = resource.resource_group
        name = resource.names[0]
        if resource.slot:
            return await on_slot(group, name, resource.slot)
        return await on_site(group, name)

    # Any resource

    async def identity_resource(self, resource: ResourceId) -> IdentityResource | None:
        """Read a resource with its identity; `None` if it does not exist, or has no such type.

        For types beyond App Service, the provider names the api-version.
        """
        version = WEB if resource.is_site else await or_none(self._api_version(resource))
        if not version:
            return None
        path = versioned(str(resource), version)
        return await or_none(
            self.read(path, _reading(resource), lambda row: parse_identity(resource, row, version))
        )

    async def enable_identity(self, identity: IdentityResource) -> PrincipalId:
        """Enable the system-assigned identity, and return its principal. None is ever disabled.

        Raises ServiceError: `identity-unchanged`.
        """
        resource = identity.resource
        step = "enable the managed identity"
        change = _IdentityChange(self, identity)
        async with self.turn(str(resource)):
            # A lost answer may have been a success, and others may have assigned an identity: the
            # resource is read before the change is sent again.
            accepted = await self.call(change.send, step, Sending(before_repeating=change.look))
            was_followed = await self.finish(accepted, step)
            for number in range(IDENTITY_LOOKS if was_followed else LOOKS_WITHOUT_OPERATION):
                if change.principal_id is not None:
                    break
                with waiting(CARRYING_OUT):
                    await asyncio.sleep(number * IDENTITY_LOOK_PAUSE)
                await change.look()
        if change.principal_id is not None:
            return change.principal_id
        raise ServiceError(
            "identity-unchanged",
            "Azure accepted the request to enable the managed identity of "
            f"'{identity.display_name}', but did not enable it. The resource type "
            f"{resource.type} may need another way.",
            remedy="Enable it yourself on the resource's Identity page in the portal or with the "
            "Azure CLI, then run the same command again:",
            command=(change.latest or identity).enabling,
        )

    async def send_identity(self, resource: IdentityResource) -> httpx.Response:
        """PATCH the resource; PUT it whole where it takes no such change."""
        version = resource.api_version or WEB
        url = self.base + versioned(str(resource.resource), version)
        if resource.resource.type != STATIC_SITES:
            answer = await self.exchange("PATCH", url, {"identity": _with_identity(resource)}, {})
            if answer.status_code != 405:
                return answer.raise_for_status()
        current = (await self.exchange("GET", url, None, {})).raise_for_status()
        whole = members(parse_json(current.content))
        read_only = {"id", "name", "type", "systemData", "etag"}
        body = {key: value for key, value in whole.items() if key not in read_only}
        body["identity"] = _with_identity(parse_identity(resource.resource, whole, version))
        return (await self.exchange("PUT", url, body, {})).raise_for_status()

    async def _api_version(self, resource: ResourceId) -> str:
        """The newest stable api-version, from the provider; empty where it has no such type.

        A caller with a role on the resource alone may not ask at the subscription, but may in the
        tenant.
        """
        provider = f"/providers/{resource.namespace}"
        type_name = "/".join(resource.types).lower()

        def parse_versions(provider: Json) -> list[str]:
            versions: list[str] = []
            for row in rows(provider["resourceTypes"]):
                if text(row["resourceType"]).lower() == type_name:
                    versions += texts(row.get("apiVersions"))
            return versions

        try:
            in_subscription = versioned(
                f"/subscriptions/{resource.subscription_id}{provider}", RESOURCES
            )
            versions = await self.read(in_subscription, _reading(resource), parse_versions)
        except PermissionMissing:
            in_tenant = versioned(provider, RESOURCES)
            versions = await self.read(in_tenant, _reading(resource), parse_versions)
        return max(
            versions, key=lambda version: (not version.endswith("-preview"), version), default=""
        )

    async def permissions(self, scope: ResourceId | str) -> tuple[Permission, ...]:
        """The caller's permissions at a resource, or at the path of a group."""

        def read(row: Json) -> Permission:
            allowed, excepted = texts(row.get("actions")), texts(row.get("notActions"))
            return Permission(allowed, excepted, is_conditional=bool(row.get("condition")))

        path = versioned(f"{scope}{PROVIDER}/permissions", AUTHORIZATION)
        return tuple(await self.rows(path, READ_RIGHTS, read))

    async def locks(self, resource: ResourceId) -> tuple[str, ...]:
        """The ids of the read-only locks that hold at a resource.

        It is not documented that the list of a resource has its subscription's locks.
        """
        subscription = f"/subscriptions/{resource.subscription_id}"
        at_resource, at_subscription = await gather_or_cancel(
            self._read_only_locks(str(resource)),
            self.once.get(
                subscription.lower(), lambda: self._read_only_locks_or_none(subscription)
            ),
        )
        path = f"{str(resource).lower()}/"
        suffix = f"{PROVIDER}/locks/".lower()
        above: dict[str, str] = {}
        for lock in (*at_resource, *at_subscription):
            scope, _, _ = lock.lower().partition(suffix)
            if path.startswith(f"{scope}/"):
                above[lock.lower()] = lock
        return tuple(above.values())

    async def _read_only_locks_or_none(self, scope: str) -> list[str]:
        try:
            return await self._read_only_locks(scope)
        except S2SError:
            return []

    async def _read_only_locks(self, scope: str) -> list[str]:
        def parse(row: Json) -> tuple[str, str]:
            return text(row["id"]), text(row["properties"]["level"])

        path = versioned(f"{scope}{PROVIDER}/locks", LOCKS)
        levels = await self.rows(path, READ_RIGHTS, parse)
        return [lock for lock, level in levels if level.lower() == "readonly"]

    # How requests are sent

    async def call(
        self, send: Callable[[], Awaitable[T]], step: str, sending: Sending = AGAIN
    ) -> T:
        """azure-mgmt-web's client looks into answers without asking what they are."""

        async def readable() -> T:
            with ARM.readable(step):
                return await send()

        return await super().call(readable, step, sending)

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        """Say an SDK's error in our words, a missing role with the command that assigns it."""
        if refusal is None:
            return self.service.unanswered(error, step)
        about = refusal.path
        who = _REFUSED_CALLER.search(refusal.message)
        caller = self.credential.signed_in
        if who is not None:
            caller = replace(caller, id=PrincipalId(who[1]))

        def assignment(role: str) -> str:
            """The command that assigns a role where the request was refused; "" where the path
            does not tell the scope that this role is least at.
            """
            resource = ResourceId.in_path(about)
            if resource is not None and role == least_role(resource):
                return role_assignment(role, caller.assignee, str(resource))
            subscription = _SUBSCRIPTION_PATH.match(about)
            if role == READER and subscription is not None:
                return role_assignment(role, caller.assignee, subscription[0])
            return ""

        refused = error_of_refusal(self.service, refusal, step, assignment)
        if isinstance(refused, PermissionMissing):
            refused.caller_id = caller.id
        return refused

    async def finish(self, accepted: httpx.Response | None, step: str) -> bool:
        """Follow an accepted write to its end; return false where the caller may not.

        Following takes a right at the subscription. Sources:
        learn.microsoft.com/azure/azure-resource-manager/management/async-operations;
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
                pause = parse_retry_after(answer.headers.get("retry-after")) or OPERATION_PAUSE
                await asyncio.sleep(min(pause, until - clock.seconds()))
        return True


class _IdentityChange:
    """A change that enables a resource's identity, and what Azure has shown since it was sent."""

    def __init__(self, arm: ResourceManager, identity: IdentityResource) -> None:
        self._arm = arm
        self._identity = identity
        self.latest: IdentityResource | None = None

    @property
    def principal_id(self) -> PrincipalId | None:
        return self.latest.principal_id if self.latest is not None else None

    async def look(self) -> None:
        resource = await self._arm.identity_resource(self._identity.resource)
        self.latest = resource or replace(self._identity, principal_id=None)

    async def send(self) -> httpx.Response | None:
        """Send it; `None` where the identity is enabled by now."""
        if self.principal_id is not None:
            return None
        before = self.latest or self._identity
        self.latest = None
        answer = await self._arm.send_identity(before)
        row = members(parse_json(answer.content) if answer.content else None)
        # The answer may be the resource, or the operation.
        if same_id(str(row.get("id")), str(self._identity.resource)):
            self.latest = parse_identity(self._identity.resource, row, self._identity.api_version)
        return answer


class _Bearer(AsyncHTTPPolicy[Any, Any]):
    """Signs requests to the session's own address; none goes to another."""

    def __init__(self, session: ResourceManager) -> None:
        self._session = session

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        check_address(request.http_request.url, self._session.base)
        token = await self._session.credential.get_token(self._session.scope)
        request.http_request.headers["Authorization"] = f"Bearer {token.token}"
        return await self.next.send(request)


def _reading(resource: ResourceId) -> str:
    return f"read the resource '{resource.name}'"


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


def parse_identity(resource: ResourceId, row: Json, api_version: str | None) -> IdentityResource:
    identity = members(row.get("identity"))
    principal = identity.get("principalId")
    if resource.type == USER_ASSIGNED_IDENTITIES:
        principal = members(row.get("properties"))["principalId"]
    users = tuple(sorted(members(identity.get("userAssignedIdentities"))))
    return IdentityResource(
        resource, PrincipalId(guid(principal)) if principal else None, users, api_version
    )


def _with_identity(resource: IdentityResource) -> dict[str, Any]:
    """Its `identity` with the system-assigned one; those that users assigned stay."""
    enabled: dict[str, Any] = {"type": resource.enabled_type}
    if resource.user_assigned:
        enabled["userAssignedIdentities"] = {identity: {} for identity in resource.user_assigned}
    return enabled
