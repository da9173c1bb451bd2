"""Azure Resource Manager: subscriptions, App Service, managed identities, and what the caller may do to a resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mct_s2s.model.azure_resources import IdentityResource, Site, SlotConfig
from mct_s2s.model.caller_rights import Permission, ResourceLock
from mct_s2s.model.ids import PrincipalId, TenantId
from mct_s2s.model.resource_id import ResourceId


@dataclass(frozen=True)
class Subscription:
    """An Azure subscription and the tenant that it trusts."""

    id: str
    name: str
    tenant_id: TenantId


class Sites(Protocol):
    """Azure Resource Manager: subscriptions and App Service."""

    async def subscriptions(self) -> list[Subscription]:
        """Those that the caller sees."""

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """One by id."""

    async def sites(self, subscription_id: str, group: str | None = None) -> list[Site]:
        """Web and function apps, without slots."""

    async def sites_named(self, subscription_id: str, name: str) -> list[ResourceId]:
        """Web and function apps of that name: one question, however many sites there are. New ones may be missing."""

    async def site(self, resource: ResourceId) -> Site | None:
        """One site or slot."""

    async def settings(
        self, resource: ResourceId, *, leaves: Callable[[], None] = lambda: None
    ) -> dict[str, str | None]:
        """All application settings: secrets among them.

        Args:
            leaves: called whenever the request is sent, so that what it is waited for is not taken for its duration.
        """

    async def slot_config(self, resource: ResourceId) -> SlotConfig | None:
        """The App Service's slots and slot settings; `None` where it has none, or they cannot be read."""

    async def write_settings(
        self,
        resource: ResourceId,
        merged: Callable[[], Mapping[str, str | None] | None],
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        """Replace all application settings.

        Args:
            merged: what to send, asked whenever the request is sent; `None` where there is nothing to send any more.
            read_again: called before a repetition, so that it does not write back what was read before the first
                attempt: `merged` is then asked anew.
        """

    async def restart(self, resource: ResourceId) -> None:
        """Restart the site."""


class Identities(Protocol):
    """Managed identities on whatever type of Azure resource."""

    async def identity_resource(self, resource: ResourceId) -> IdentityResource | None:
        """The resource with the identities that it has."""

    async def enable(self, caller: IdentityResource) -> PrincipalId:
        """Switch the system-assigned identity on, keeping the identities that are there."""

    async def disable(self, caller: IdentityResource) -> None:
        """Switch the system-assigned identity off, keeping the identities that users assigned."""

    async def roles_of(self, caller: IdentityResource) -> list[str]:
        """The scopes at which the identity holds an Azure role, in its own subscription."""


class ResourceAccess(Protocol):
    """What the caller may do to an Azure resource, found out by asking Azure Resource Manager."""

    async def permissions(self, resource: ResourceId) -> tuple[Permission, ...]:
        """What the caller's roles allow there."""

    async def locks(self, resource: ResourceId) -> tuple[ResourceLock, ...]:
        """The locks on it and on what contains it."""
