"""A site among several: what it is called in the file, how it is reached, and what its session is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Needs
from mct_s2s.model.resource_id import SiteTarget


@dataclass(frozen=True)
class FleetSite:
    """One App Service of a command that is about several."""

    key: str
    """What the file calls it."""
    target: SiteTarget
    options: AzureOptions
    """As if the command were about this site alone: also those of its profile."""
    needs: Needs
    client_id: str | None = None
    """The appId of who signs in, where the profile says it."""

    @property
    def sign_in(self) -> SignIn:
        """What it shares a session by."""
        one = self.options
        return SignIn(one.cloud, one.tenant, one.subscription, one.auth.value, self.client_id)


@dataclass(frozen=True)
class SignIn:
    """A way to sign in: sites that agree in all of it need one session."""

    cloud: str
    tenant: str | None
    subscription: str | None
    """Where no tenant is given, it is the subscription's."""
    auth: str
    client_id: str | None


def all_needs(sites: Iterable[FleetSite]) -> Needs:
    """What a session has to be good for that several sites share; the App Service is each one's own."""
    together = replace(Needs(directory=False, arm=False), target=False)
    for site in sites:
        needs = site.needs
        together = replace(
            together,
            directory=together.directory or needs.directory,
            arm=together.arm or needs.arm,
            key_vault=together.key_vault or needs.key_vault,
        )
    return together
