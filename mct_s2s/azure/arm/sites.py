"""App Service by azure-mgmt-web, for production sites and slots alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx

from mct_s2s.azure.answers import guid, members, optional, text, texts
from mct_s2s.azure.arm.session import RESOURCES, SUBSCRIPTIONS, WEB, ArmSession, versioned
from mct_s2s.concurrency import ReadOnce, gather_or_cancel
from mct_s2s.errors import NotThere, PermissionMissing, ServiceError
from mct_s2s.model.azure_resources import Site, SlotConfig, Subscription
from mct_s2s.model.ids import TenantId
from mct_s2s.model.resource_id import ResourceId

if TYPE_CHECKING:
    from azure.mgmt.web.aio import WebSiteManagementClient


class ArmSites:
    """Azure Resource Manager: subscriptions and App Service."""

    def __init__(self, session: ArmSession) -> None:
        self._session = session
        self._clients: dict[str, WebSiteManagementClient] = {}
        self._all: ReadOnce[list[Subscription]] = ReadOnce()
        self._known: ReadOnce[Subscription] = ReadOnce()

    async def subscriptions(self) -> list[Subscription]:
        """GET /subscriptions, once: several App Services ask for it."""
        path = versioned("/subscriptions", SUBSCRIPTIONS)
        return await self._all.get("", lambda: self._session.rows(path, "list the subscriptions", _subscription))

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """GET /subscriptions/{id}, once."""
        path = versioned(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS)
        try:
            return await self._known.get(
                path.casefold(), lambda: self._session.read(path, "read the subscription", _subscription)
            )
        except NotThere:
            return None

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        """GET …/providers/Microsoft.Web/sites: web and function apps, without slots."""
        apps: Any = self.client(subscription_id).web_apps

        async def read() -> list[Site]:
            return [_site(row) async for row in (apps.list_by_resource_group(group) if group else apps.list())]

        return await self._session.call(read, "list the web apps")

    async def sites_named(self, subscription_id: str, name: str) -> list[ResourceId]:
        """GET /subscriptions/{id}/resources?$filter=resourceType eq 'Microsoft.Web/sites' and name eq '…'.

        One question, however many sites there are. New ones may be missing.
        """
        quoted = name.replace("'", "''")
        wanted = f"resourceType eq 'Microsoft.Web/sites' and name eq '{quoted}'"
        path = versioned(f"/subscriptions/{subscription_id}/resources", RESOURCES, filter=wanted)
        return await self._session.rows(path, "find the web app", lambda row: ResourceId.parse(text(row["id"])))

    async def site(self, resource: ResourceId) -> Site | None:
        """GET …/sites/{name}[/slots/{slot}]."""

        async def read() -> Site:
            return _site(members(await self._on(resource, "get")))

        try:
            return await self._session.call(read, "read the App Service")
        except NotThere:
            return None

    async def settings(
        self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None
    ) -> dict[str, str | None]:
        """POST …/config/appsettings/list: secrets among them.

        `leaves` is called whenever the request is sent, so that what it is waited for is not taken for its duration.
        """

        async def read() -> dict[str, str | None]:
            leaves()
            settings = members(await self._on(resource, "list_application_settings")).get("properties")
            if not isinstance(settings, Mapping):
                # Never "no settings": a write replaces them all, and would erase the site's own.
                raise ValueError("there are no settings")
            return {name: optional(value) for name, value in settings.items()}

        return await self._session.call(read, "read the application settings")

    async def slot_config(self, resource: ResourceId) -> SlotConfig | None:
        """GET …/slots and GET …/config/slotConfigNames: both belong to the production site.

        `None` where it has none, or they cannot be read.
        """
        apps: Any = self.client(resource.subscription_id).web_apps
        group, name = resource.resource_group, resource.names[0]

        async def names() -> list[str]:
            return [text(row["name"]).rpartition("/")[2] async for row in apps.list_slots(group, name)]

        async def sticky() -> tuple[str, ...]:
            answer = members(await apps.list_slot_configuration_names(group, name))
            return texts(members(answer.get("properties")).get("appSettingNames"))

        try:
            slots, kept = await gather_or_cancel(
                self._session.call(names, "list the slots"), self._session.call(sticky, "read the slot settings")
            )
        except (NotThere, PermissionMissing, ServiceError):
            return None  # it only serves a warning: a caller who can't read the slots can still do the job
        return SlotConfig(tuple(sorted(slots)), frozenset(entry.lower() for entry in kept)) if slots else None

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], Mapping[str, str | None] | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        """PUT …/config/appsettings: replaces them all, so that each repetition needs a new reading, by `read_again`.

        `merged` is asked for what to send whenever the request is sent; `None`: there is nothing to send any more.
        """

        async def put() -> httpx.Response | None:
            settings, path = merged(), versioned(f"{resource}/config/appsettings", WEB)
            if settings is None:
                return None
            body = {"properties": dict(settings)}
            return (await self._session.exchange("PUT", self._session.base + path, body, {})).raise_for_status()

        step = "write the application settings"
        async with self._session.writing(resource):
            accepted = await self._session.call(put, step, before_repeating=read_again)
            await self._session.finish(accepted, step)  # Flex Consumption and Container Apps carry it out later

    async def restart(self, resource: ResourceId) -> None:
        """POST …/restart. An answer that was lost is not asked for again: the write has recycled the site already."""
        async with self._session.writing(resource):
            await self._session.call(lambda: self._on(resource, "restart"), "restart the App Service", repeatable=False)

    def client(self, subscription_id: str) -> WebSiteManagementClient:
        """azure-mgmt-web's client for one subscription. Imported late: it takes a quarter of a second."""
        if subscription_id not in self._clients:
            from azure.mgmt.web.aio import WebSiteManagementClient  # noqa: PLC0415

            self._clients[subscription_id] = WebSiteManagementClient(
                self._session.credential, subscription_id, **self._session.client_options()
            )
        return self._clients[subscription_id]

    async def _on(self, resource: ResourceId, operation: str) -> Any:
        """An operation of azure-mgmt-web on a site, or its twin on a slot."""
        apps = self.client(resource.subscription_id).web_apps
        where = (resource.resource_group, resource.names[0], *([resource.slot] if resource.slot else []))
        return await getattr(apps, f"{operation}_slot" if resource.slot else operation)(*where)


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(guid(row["subscriptionId"]), text(row.get("displayName")), TenantId(guid(row["tenantId"])))


def _site(row: Mapping[str, Any]) -> Site:
    properties, resource = members(row.get("properties")), ResourceId.parse(text(row["id"]))
    guid(resource.subscription_id)
    default = text(properties.get("defaultHostName"))
    others = sorted(name for name in texts(properties.get("hostNames")) if name != default)
    return Site(resource, text(row.get("kind")) or "app", text(properties.get("state")), (default, *others))
