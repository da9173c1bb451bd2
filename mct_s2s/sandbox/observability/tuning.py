"""All options of a running sandbox together, as `/_sandbox/knobs` shows and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mct_s2s.sandbox.core.options import Tunable
from mct_s2s.sandbox.state.state import SandboxState


def tunables(state: SandboxState) -> list[Tunable]:
    """Return every object with options; a new one is a line here."""
    directory, resources = state.directory, state.resources
    return [resources, state, directory.replication]


def values(state: SandboxState) -> dict[str, Any]:
    return {name: value for tunable in tunables(state) for name, value in tunable.settings().items()}


def change(state: SandboxState, sent: Mapping[str, Any]) -> None:
    """Change options, all of them or none.

    Raises:
        ValueError: an option is unknown, or its value is invalid.
    """
    known = values(state)
    if unknown := sent.keys() - known.keys():
        raise ValueError(f"Unknown knob '{min(unknown)}'. Known knobs: {', '.join(known)}.")
    parts = [(each, {name: sent[name] for name in each.settings() if name in sent}) for each in tunables(state)]
    for tunable, part in parts:
        tunable.check(part)
    for tunable, part in parts:
        tunable.change(part)
