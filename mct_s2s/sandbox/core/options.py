"""Options of a running sandbox: how long things take, and in what clouds, tenants and plans differ.

The control interface calls them knobs. An option is an attribute of the object that it affects, and a row in the
`OPTIONS` of its class; on the wire it has the attribute's name in camel case. The default is what most users meet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

Check = Callable[[object], bool]
"""Return whether a value is valid."""

DAY_SECONDS = 86_400


class Tunable:
    """An object with options that can be read and changed while the sandbox runs."""

    OPTIONS: ClassVar[Mapping[str, Check]]

    def settings(self) -> dict[str, Any]:
        return {wire_name(name): getattr(self, name) for name in self.OPTIONS}

    def change(self, sent: Mapping[str, Any]) -> None:
        """Change some options, all of them or none.

        Raises:
            ValueError: an option is unknown, or its value is invalid.
        """
        self.check(sent)
        for name in self.OPTIONS:
            if wire_name(name) in sent:
                setattr(self, name, sent[wire_name(name)])

    def check(self, sent: Mapping[str, Any]) -> None:
        """Check a change without making it. Raises ValueError: as `change`."""
        checks = {wire_name(name): accepts for name, accepts in self.OPTIONS.items()}
        for name, value in sent.items():
            if name not in checks:
                raise ValueError(f"Unknown knob '{name}'. Known knobs: {', '.join(checks)}.")
            if not checks[name](value):
                raise ValueError(f"Invalid value {value!r} of the knob '{name}'.")


def wire_name(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def switch(value: object) -> bool:
    return isinstance(value, bool)


def choice(*values: object) -> Check:
    """Accept one of some values; true is not 1 here."""
    return lambda value: any(type(value) is type(one) and value == one for one in values)


def number(most: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def whole(least: int, most: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


seconds = number(DAY_SECONDS)
"""Accept a duration of up to a day."""
