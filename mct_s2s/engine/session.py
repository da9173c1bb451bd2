"""What one command has to do with: Azure, this machine, and its user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mct_s2s.engine.outcome import Outcome
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.ports.apply_progress import Progress
from mct_s2s.ports.client_side import Api, Tokens
from mct_s2s.ports.secret_stores import SecretStore, StoredSecrets
from mct_s2s.ports.signed_in_cloud import Azure


class Vaults(StoredSecrets, Protocol):
    """Key vaults, each by its name or its https address."""

    def address(self, given: str) -> tuple[str, str]:
        """The name and the https address of a vault.

        Raises:
            UsageError: it is none of this cloud's vaults.
        """
        ...

    def store(self, given: str, secret: str, client: str, owner: ClientId | None = None) -> SecretStore:
        """Where a client's secret is kept: in a vault, under a name.

        Args:
            given: the vault's name or address.
            secret: its name in the vault.
            client: whose it is, by name.
            owner: whose it is, by appId, where the name alone does not speak for what is there.

        Raises:
            UsageError: it is none of this cloud's vaults, or what talks to vaults is not installed.
        """
        ...


@dataclass(frozen=True)
class Session:
    """One command's way to everything outside it."""

    azure: Azure
    tokens: Tokens
    api: Callable[[str], Api]
    """The MCT API of the site at an https address."""
    vaults: Vaults
    exclusive: Callable[[str, float], AbstractAsyncContextManager[bool]]
    """Takes what is to be changed and since when it is known (seconds since the epoch); holds it against other runs on
    this machine, and yields whether one of them has held it since."""
    remaining: Callable[[], float]
    """Seconds until the command's deadline, less what is needed to say what was found."""
    login: str
    """The login service's address."""
    label: str
    """A word for the cloud that is safe in a file name."""
    environ: Mapping[str, str]
    """The variables that a client's own credential may be in."""
    target: SiteTarget | None
    subscription: str | None
    """An id or a name; `None` where there is no default."""
    reopened_by: str = ""
    """The command that brings the cloud's addresses back, where they end with this process."""


class Interface(Protocol):
    """The user of a change: is shown the plan, agrees to it, and watches."""

    @property
    def takes_time(self) -> bool:
        """Whether a person reads the plan: meanwhile, the state may change."""
        ...

    async def confirm(self, outcome: Outcome) -> bool:
        """Show the plan and ask; never yes to an empty plan or in a dry run.

        Raises:
            Cancelled: the answer is no.
            UsageError: no one is there to ask.
        """
        ...

    def applying(self, outcome: Outcome) -> AbstractContextManager[Progress]:
        """Watch the changes. From now on `outcome` is what a failure or an interruption is told by."""
        ...

    def options(self, observed: ObservedState) -> str:
        """The options that name the App Service on a command line."""
        ...
