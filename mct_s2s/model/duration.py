"""Durations as people and services write them: `24h`, `180d`, `6m`, `2y`, and ISO 8601's `P180D`, `P1Y6M`, `PT24H`."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, time, timedelta
from typing import NamedTuple

LONGEST = timedelta(days=100 * 366)
"""A century: neither a policy nor a person means more, and no calendar has room for all that can be written."""
END_OF_DAY = time(23, 59, 59)
"""What a date means as the end of something: its last second."""
_N = r"(\d{1,6})"
_SHORT = re.compile(r"\d{1,6}[HDWMY]", re.ASCII)
_ISO = re.compile(rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}(?:\.\d+)?S)?)?", re.ASCII)


class Duration(NamedTuple):
    """Months of the calendar, and an exact length beside them."""

    months: int
    exact: timedelta

    @property
    def length(self) -> timedelta:
        """Without a calendar, at most `LONGEST`: a year counts 365 days and a month 30, as in a tenant's limits."""
        years, months = divmod(self.months, 12)
        return min(LONGEST, self.exact + timedelta(days=365 * years + 30 * months))

    def after(self, moment: datetime) -> datetime:
        """The end by the calendar; where the month lacks that day, the first of the next. Raises ValueError: no end."""
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year, month + 1, day) + timedelta(days=day < moment.day) + self.exact


def typed_duration(text: str) -> Duration | None:
    """A number and a unit, or ISO 8601, of either case; `None` for another text. `m` is months."""
    wanted = text.strip().upper()
    if _SHORT.fullmatch(wanted):
        wanted = f"P{'T' if wanted.endswith('H') else ''}{wanted}"
    return iso_duration(wanted)


def iso_duration(text: str) -> Duration | None:
    """An ISO 8601 duration, fractions of a second left out; `None` for anything else."""
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    exact = timedelta(days=days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds)
    return Duration(12 * years + months, exact)
