"""What a command needs to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_target import SiteTarget


@dataclass(frozen=True)
class Query:
    """The questions of one command, all asked as early as their answers' ids are known."""

    now: datetime
    unique_name: str
    """The key of the service application that belongs to this App Service."""
    target: SiteTarget | None
    adopt: str | None = None
    clients: tuple[str, ...] = ()
    """Names and appIds that were asked for."""
    federated: bool = False
    """Whether those clients' federated credentials are asked for even where another credential is good."""
    identities: tuple[str | ResourceId, ...] = ()
    """Resource ids, and bare names of web or function apps."""
    wire: str | ResourceId | None = None
    """The app whose settings are to be filled in: its resource id or bare name."""
    subscription: str | None = None
    leaving: tuple[str, ...] = ()
    """Names and ids of clients that are to be removed."""
    everything: bool = False
    """Whether every client that was ever made for this service application is looked for."""
    wired: bool = False
    """Whether the apps that were wired for this trust are looked at."""
    directory: bool = True
    """Whether Entra ID is asked at all."""
