"""A site among several: what it is called in the file, how it is reached, and what is asked there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.session import Needs
from mct_s2s.errors import UsageError
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.planning.nearest import did_you_mean


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


class Named(Protocol):
    """What has a key in the file."""

    @property
    def key(self) -> str:
        """What the file calls it."""
        ...


Site = TypeVar("Site", bound=Named)


def chosen(sites: Sequence[Site], only: Collection[str]) -> tuple[Site, ...]:
    """The sites that `--only` names, in the file's order; all of them where it was not typed.

    Raises:
        UsageError: the file has no site of that name.
    """
    known = [site.key for site in sites]
    for key in only:
        if key not in known:
            raise UsageError(
                "site-unknown",
                f"The file has no site '{key}'.",
                remedy=did_you_mean(key, known, f"Its sites are: {', '.join(known)}."),
            )
    return tuple(site for site in sites if not only or site.key in only)


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
