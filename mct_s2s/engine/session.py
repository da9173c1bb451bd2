"""One command's way to everything outside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.graph.directory import GraphDirectory
    from mct_s2s.azure.mct_api import EntraTokens, MctApi
    from mct_s2s.azure.resource_manager import ResourceManager
    from mct_s2s.model.resource_id import SiteTarget
    from mct_s2s.stores.vaults import KeyVault


@dataclass(frozen=True)
class Session:
    """One cloud, as one caller. Its services raise `ServiceError` and its kin only."""

    connection: "Connection"
    directory: "GraphDirectory"
    arm: "ResourceManager"
    tokens: "EntraTokens"
    vault: "Callable[[str], KeyVault]"
    """By name or address, each opened once: what it asks for in patience, it asks of all its users."""
    target: "SiteTarget | None" = None
    subscription: str | None = None
    """An id or a name, where there is no target; `None` where there is no default."""

    def api(self, url: str, path: str) -> "MctApi":
        from mct_s2s.azure.mct_api import MctApi  # noqa: PLC0415  # with httpx

        return MctApi(self.connection, url, path)
