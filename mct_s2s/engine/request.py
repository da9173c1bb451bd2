"""What one command is asked for, and its way to everything outside it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from mct_s2s.inputs.secret_to import ClientPlaces
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import OUR_CREDENTIALS
from mct_s2s.model.desired import Desired, Setup
from mct_s2s.model.observed import SiteOfFile
from mct_s2s.model.resource_id import ResourceId, SiteTarget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.graph.client import GraphClient
    from mct_s2s.azure.resource_manager import ResourceManager
    from mct_s2s.azure.site_api import EntraTokens, SiteApi
    from mct_s2s.inputs.user_files import SettingsFile
    from mct_s2s.model.azure_resources import Site
    from mct_s2s.stores.store import Show
    from mct_s2s.stores.vaults import KeyVault


@dataclass(frozen=True)
class Request:
    """What one command asks for at one App Service, built before anyone signs in."""

    desired: Desired
    now: datetime
    target: SiteTarget | None = None
    api: Api = field(kw_only=True)
    credential_suffix: str = ""
    """A word unique to this run, part of the names of the credentials that it creates."""
    label: str = ""
    """What a person calls the App Service, slot included; without one, the service application."""
    unique_name: str = ""
    """The name of the App Service's own service application, whether or not there is one."""
    identities: tuple[str | ResourceId, ...] = ()
    """Clients by their managed identity: resource ids, or bare names of web or function apps."""
    without_settings: bool = False
    """Whether the command goes on without settings that cannot be read."""
    places: ClientPlaces = field(default_factory=ClientPlaces)
    show: "Show | None" = None
    backup: "SettingsFile | None" = None
    handoff: "Path | None" = None
    """Where the values for `configure-appservice --from` go."""
    preflight: bool = True
    dry_run: bool = False
    """Whether nothing is written. A missing right is marked in the plan, and stops nothing."""
    verify: bool = False
    """Whether the clients are tested once everything is done.

    `AddCredential.verify` is another test: of a credential that replaces one, by a token.
    """
    where: "Callable[[Site | None], str]" = lambda _: ""
    """Gives the options that name the App Service, once it is known, on a command line."""
    file: SiteOfFile | None = None
    """What a trust file says of the App Service; `None` where none named it."""

    @property
    def setup(self) -> Setup:
        """The desired state of a request that sets up: `setup`, `add-client` and trust files."""
        assert isinstance(self.desired, Setup)
        return self.desired

    @property
    def credential_name(self) -> str:
        """The name of this run's credentials, by which the next run finds one that was lost."""
        return f"{OUR_CREDENTIALS}{self.now:%Y-%m-%d} {self.credential_suffix}"


@dataclass(frozen=True)
class Session:
    """One cloud, as one caller. Its services raise `ServiceError` and other S2SErrors only."""

    connection: "Connection"
    graph: "GraphClient"
    arm: "ResourceManager"
    tokens: "EntraTokens"
    vault: "Callable[[str], KeyVault]"
    """Opens a key vault by its name or URL; once, so that all its users share its Retry-After."""
    target: SiteTarget | None = None
    subscription: str | None = None
    """An id or a name, where there is no target; `None` where there is no default."""

    def site_api(self, url: str, path: str, api: Api) -> "SiteApi":
        from mct_s2s.azure.site_api import SiteApi  # noqa: PLC0415  # with httpx

        return SiteApi(self.connection, url, path, api)
