"""What a running sandbox observes, injects and lets change: request log, faults, tokens, secret watch, options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.options import Tunable
from mct_s2s.sandbox.observability.faults import Faults
from mct_s2s.sandbox.observability.issued_tokens import IssuedTokens
from mct_s2s.sandbox.observability.request_log import RequestLog
from mct_s2s.sandbox.observability.secret_watch import SecretWatch
from mct_s2s.sandbox.state.state import SandboxState


class Observability:
    """All four; none is part of the state, and none is saved."""

    def __init__(self, addresses: Addresses, log: RequestLog | None = None) -> None:
        self.log = log or RequestLog()
        self.faults = Faults()
        self.tokens = IssuedTokens(addresses)
        self.watch = SecretWatch(self.tokens)


def tunables(state: SandboxState) -> list[Tunable]:
    """Return every object with options; a new one is a line here."""
    directory, resources = state.directory, state.resources
    return [resources, state, directory.replication]


def values(state: SandboxState) -> dict[str, Any]:
    return {name: value for tunable in tunables(state) for name, value in tunable.settings().items()}


def change(state: SandboxState, sent: Mapping[str, Any]) -> None:
    """Change options, all of them or none. Raises ValueError: an option is unknown, or its value is invalid."""
    known = values(state)
    if unknown := sent.keys() - known.keys():
        raise ValueError(f"Unknown knob '{min(unknown)}'. Known knobs: {', '.join(known)}.")
    parts = [(each, {name: sent[name] for name in each.settings() if name in sent}) for each in tunables(state)]
    for tunable, part in parts:
        tunable.check(part)
    for tunable, part in parts:
        tunable.change(part)
