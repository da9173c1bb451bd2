"""Which values an option takes: the knobs of a sandbox (see `state`), and the members of a fault."""

from __future__ import annotations

from collections.abc import Callable

Check = Callable[[object], bool]
"""Return whether a value is valid."""

DAY_SECONDS = 86_400


def choice(*values: object) -> Check:
    """Accept one of some values; true is not 1 here."""
    return lambda value: any(type(value) is type(one) and value == one for one in values)


def number(most: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def whole(least: int, most: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


seconds = number(DAY_SECONDS)
"""Accept a duration of up to a day."""
