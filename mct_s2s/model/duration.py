"""Durations as people and services write them: `24h`, `180d`, `6m`, `2y`, and ISO 8601's `P180D`, `P1Y6M`, `PT24H`."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, time, timedelta

LONGEST = timedelta(days=100 * 366)
"""A century: neither a policy nor a person means more, and no calendar has room for all that can be written."""

END_OF_DAY = time(23, 59, 59)
"""What a date means as the end of something: its last second."""

_N = r"(\d{1,6})"
_SHORT = re.compile(rf"{_N}([hdwmy])", re.ASCII)
_ISO = re.compile(rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}(?:\.\d+)?S)?)?", re.ASCII)


@dataclass(frozen=True)
class Duration:
    """Months of the calendar, and an exact length beside them."""

    months: int = 0
    exact: timedelta = timedelta(0)

    @property
    def length(self) -> timedelta:
        """Without a calendar, at most `LONGEST`: a year counts 365 days and a month 30."""
        years, months = divmod(self.months, 12)
        return min(LONGEST, self.exact + timedelta(days=365 * years + 30 * months))

    def after(self, moment: datetime) -> datetime:
        """The end of this duration by the calendar; where the month lacks that day, the first day of the next month.

        Raises:
            OverflowError: it ends after the year 9999.
        """
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        if year > MAXYEAR:
            raise OverflowError(year)
        day = min(moment.day, monthrange(year, month + 1)[1])
        beyond = timedelta(days=1 if day < moment.day else 0)
        return moment.replace(year=year, month=month + 1, day=day) + beyond + self.exact


def short_duration(text: str) -> Duration | None:
    """A number and a unit, of either case; `None` for anything else. `m` is months: nothing here lasts minutes."""
    match = _SHORT.fullmatch(text.lower())
    if match is None:
        return None
    count = int(match[1])
    units = {
        "h": Duration(exact=timedelta(hours=count)),
        "d": Duration(exact=timedelta(days=count)),
        "w": Duration(exact=timedelta(weeks=count)),
        "m": Duration(months=count),
        "y": Duration(months=12 * count),
    }
    return units[match[2]]


def iso_duration(text: str) -> Duration | None:
    """An ISO 8601 duration, fractions of a second left out; `None` for anything else."""
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    exact = timedelta(days=days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds)
    return Duration(12 * years + months, exact)
