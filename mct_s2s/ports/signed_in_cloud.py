"""One signed-in session with one cloud."""

from __future__ import annotations

from dataclasses import dataclass

from mct_s2s.ports.graph import Directory, DirectoryAccess
from mct_s2s.ports.resource_manager import Identities, ResourceAccess, Sites


@dataclass(frozen=True)
class Azure:
    """One signed-in session with one cloud."""

    cloud: str
    authority_host: str | None
    """The login host where it is not the public cloud's."""
    graph: str
    """Microsoft Graph's address."""
    directory: Directory
    sites: Sites
    identities: Identities
    directory_access: DirectoryAccess
    resource_access: ResourceAccess
