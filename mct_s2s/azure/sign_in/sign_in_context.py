"""Everything that a sign-in needs to know beside the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from azure.core.pipeline.transport import AioHttpTransport

from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.sdk_trace import hooks
from mct_s2s.azure.trace import Trace


@dataclass(frozen=True)
class SignInContext:
    """Where and how a caller signs in."""

    cloud: Cloud
    tenant: str | None
    environ: Mapping[str, str]
    transport: AioHttpTransport
    """Of asynchronous credentials."""
    tls: SSLContext
    """Of a person's sign-in, which has a connection of its own."""
    retry_policy: RetryPolicy
    remaining: Callable[[], float]
    """Seconds until the command's deadline."""
    say: Callable[[str], None]
    """Tells a person what to do: open a page, type a code."""
    trace: Trace

    @property
    def pipeline(self) -> dict[str, Any]:
        """Options of azure-identity's asynchronous credentials: our connection and trace, and no retries but ours."""
        return {
            "authority": self.cloud.login,
            "transport": self.transport,
            "retry_total": 0,
            **hooks("Entra", self.trace),
        }
