"""What a running sandbox observes and injects: request log, faults, issued tokens, secret watch."""

from __future__ import annotations

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.observability.issued_tokens import IssuedTokens
from mct_s2s.sandbox.observability.request_log import RequestLog
from mct_s2s.sandbox.observability.secret_watch import SecretWatch


class Observability:
    """All four; none is part of the state, and none is saved."""

    def __init__(self, addresses: Addresses, log: RequestLog | None = None) -> None:
        self.log = log or RequestLog()
        self.faults = Faults()
        self.tokens = IssuedTokens(addresses)
        self.watch = SecretWatch(self.tokens)
