"""What every request of one command shares: the cloud's addresses, the sockets, the deadline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.azure.retry import RetryPolicy

if TYPE_CHECKING:
    from mct_s2s.azure.clouds import Cloud
    from mct_s2s.azure.http import Http
    from mct_s2s.model.client_sign_in import Method


@dataclass(frozen=True)
class Connection:
    """The connection of one command, for one event loop."""

    cloud: "Cloud"
    http: "Http"
    environ: Mapping[str, str]
    deadline: float
    """When the command ends, on the loop's clock."""
    say: Callable[[str], None]
    """Tells a person what to do: open a page, type a code."""
    auth: "Method | None" = None
    """How to sign in, where the cloud brings an account along."""
    tenant: str | None = None
    subscription: str | None = None
    """The subscription that is meant: the Azure CLI may have an account of its own for it."""
    reopened_by: str = ""
    """The command that brings the cloud's addresses back, where they end with this process."""

    def remaining(self, reserve: float = 0.0) -> float:
        """Seconds until the deadline, less those for what comes after."""
        return self.deadline - clock.seconds() - reserve

    def retry_policy(self, reserve: float = 0.0, service: str = "") -> RetryPolicy:
        return RetryPolicy(lambda: self.remaining(reserve), service)
