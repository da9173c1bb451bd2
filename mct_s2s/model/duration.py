"""Durations as people and services write them: `24h`, `180d`, `6m`, `2y`, and ISO 8601's `P180D`, `P1Y6M`, `PT24H`.

They know no calendar: a year has 365 days and a month 30, as in the limits that tenants set.
"""

from __future__ import annotations

import re
from datetime import time, timedelta

LONGEST = timedelta(days=100 * 366)
"""A century: neither a policy nor a person means more, and no calendar has room for all that can be written."""
END_OF_DAY = time(23, 59, 59)
"""What a date means as the end of something: its last second."""
UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}
_N = r"(\d{1,6})"
_ISO = re.compile(rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}(?:\.\d+)?S)?)?", re.ASCII)


def typed_duration(text: str, units: str = "hdwmy") -> timedelta | None:
    """A number and one of the units, or ISO 8601, of either case; `None` for another text. `m` is months."""
    match = re.fullmatch(rf"{_N}([{units}])", text.strip().lower(), re.ASCII)
    return iso_duration(text) if match is None else min(LONGEST, int(match[1]) * UNITS[match[2]])


def iso_duration(text: str) -> timedelta | None:
    """An ISO 8601 duration, fractions of a second left out; `None` for anything else."""
    match = _ISO.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    exact = timedelta(days=365 * years + 30 * months + days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds)
    return min(LONGEST, exact)
