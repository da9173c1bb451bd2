"""The knobs: how long things take and what else can be turned while the sandbox runs, by their names on the wire.

A new one is a row of `KNOBS`, or an object with `settings` and `change` among the `panels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mct_s2s.sandbox.world.world import World


class Panel(Protocol):
    """Knobs that belong together and are kept where they act."""

    def settings(self) -> dict[str, Any]:
        """Their values, by name."""

    def change(self, sent: Mapping[str, Any]) -> None:
        """Turn some of them, all or none; ValueError for what is no knob or no value of it."""


@dataclass(frozen=True)
class Knob:
    """One knob: the attribute `attribute` of what `holder` finds in a world; `kind` is float (seconds) or bool."""

    name: str
    holder: Callable[[World], object]
    attribute: str
    kind: type[float] | type[bool] = float

    def accepts(self, value: object) -> bool:
        """Whether a value makes sense."""
        if self.kind is bool:
            return isinstance(value, bool)
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _DAY


_DAY = 86_400
KNOBS = (
    Knob("restartSeconds", lambda world: world.resources, "restart_seconds"),
    Knob("operationSeconds", lambda world: world.resources, "operation_seconds"),
    Knob("latencySeconds", lambda world: world, "latency_seconds"),
    Knob("settingsAccept202", lambda world: world.resources, "settings_accept_202", bool),
)
_BY_NAME = {knob.name: knob for knob in KNOBS}


def panels(world: World) -> list[Panel]:
    """Further knobs that keep themselves."""
    directory, resources = world.directory, world.resources
    return [
        directory.replication,
        directory.defaults,
        directory.variations,
        directory.conditional_access,
        resources.variations,
        resources.api_versions,
    ]


def values(world: World) -> dict[str, Any]:
    """Every knob's position."""
    own = {knob.name: getattr(knob.holder(world), knob.attribute) for knob in KNOBS}
    for panel in panels(world):
        own |= panel.settings()
    return own


def turn(world: World, sent: Mapping[str, Any]) -> None:
    """Turn knobs.

    Raises:
        ValueError: one is no knob, or a value not one that it takes.
    """
    elsewhere = {name: value for name, value in sent.items() if name not in _BY_NAME}
    for name in sent.keys() - elsewhere.keys():
        if not _BY_NAME[name].accepts(sent[name]):
            raise ValueError(f"Invalid value {sent[name]!r} for the knob '{name}'.")
    _turn_panels(world, elsewhere)
    for name in sent.keys() & _BY_NAME.keys():
        knob = _BY_NAME[name]
        setattr(knob.holder(world), knob.attribute, knob.kind(sent[name]))


def _turn_panels(world: World, sent: Mapping[str, Any]) -> None:
    """All or none: what was turned before one that is refused is turned back."""
    names = {name for panel in panels(world) for name in panel.settings()}
    if sent.keys() - names:
        raise ValueError(f"Unknown knob '{min(sent.keys() - names)}'. The knobs are {', '.join(values(world))}.")
    turned: list[tuple[Panel, dict[str, Any]]] = []
    try:
        for panel in panels(world):
            before = panel.settings()
            known = {name: sent[name] for name in before if name in sent}
            panel.change(known)
            turned.append((panel, {name: before[name] for name in known}))
    except ValueError:
        for panel, before in turned:
            panel.change(before)
        raise
