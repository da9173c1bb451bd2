"""What one running sandbox observes and disturbs its requests with: log, faults, tokens that are out, secret watch."""

from __future__ import annotations

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.observability.issued_tokens import TokensOut
from mct_s2s.sandbox.observability.request_log import Journal
from mct_s2s.sandbox.observability.secret_watch import Watch


class Instruments:
    """The four of them together; none is part of the world, and so none is saved with it."""

    def __init__(self, addresses: Addresses, journal: Journal | None = None) -> None:
        self.journal = journal or Journal()
        self.faults = Faults()
        self.tokens = TokensOut(addresses)
        self.watch = Watch(self.tokens)
