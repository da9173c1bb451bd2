"""Durations and ends as people and services write them: `24h`, `180d`, `2y`, ISO 8601, dates."""

import re
from calendar import monthrange
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from mct_s2s.errors import UsageError, about, malformed
from mct_s2s.model.client_credentials import NEVER

LONGEST = timedelta(days=100 * 366)
"""A century: no calendar has room for all that can be written."""
LONGEST_AHEAD = timedelta(days=3660)
"""The most that `--expiring-within` and `--keep-old` take."""
LONGEST_LIFETIME = timedelta(days=730)
"""The longest typed lifetime, as in the portal.

Source: learn.microsoft.com/entra/identity-platform/how-to-add-credentials.
"""
END_OF_DAY = time(23, 59, 59)
"""What a date means as an end."""
_N = r"(\d{1,6})"
_SHORT = re.compile(r"\d{1,6}[HDWMY]", re.ASCII)
_ISO = re.compile(
    rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}(?:\.\d+)?S)?)?",
    re.ASCII,
)


class Duration(NamedTuple):
    """Calendar months, and an exact length beside them."""

    months: int
    exact: timedelta

    @property
    def length(self) -> timedelta:
        """A year counts 365 days and a month 30, as in a tenant's limits; at most `LONGEST`."""
        years, months = divmod(self.months, 12)
        return min(LONGEST, self.exact + timedelta(days=365 * years + 30 * months))

    def after(self, moment: datetime) -> datetime:
        """The moment that is this long after another one, by the calendar.

        Where the month lacks that day, it is the first of the next. Raises ValueError: no end.
        """
        year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year, month + 1, day) + timedelta(days=day < moment.day) + self.exact


def read_duration(text: str) -> Duration | None:
    """Read a number and a unit, or ISO 8601 without fractions; `None` for another text."""
    normalized = text.strip().upper()
    if _SHORT.fullmatch(normalized):  # a single `M` is months
        normalized = f"P{'T' if normalized.endswith('H') else ''}{normalized}"
    match = _ISO.fullmatch(normalized)
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (
        int(part or 0) for part in match.groups()
    )
    exact = timedelta(days=days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds)
    return Duration(12 * years + months, exact)


def duration(text: str, option: str) -> timedelta:
    """Read hours, days or weeks; `option` is named in the error. Raises UsageError."""
    length = read_duration(text)
    if length is None or length.months or length.exact > LONGEST_AHEAD:
        remedy = (
            f"Use hours, days or weeks, such as {option} 24h, 30d or 4w. The maximum is ten years."
        )
        raise malformed("malformed-duration", option, text, remedy)
    return length.exact


@about("secret-lifetime")
def expiry(text: str, now: datetime) -> datetime:
    """The end that `--secret-lifetime` means, in UTC. Raises UsageError: no end, or past.

    It takes `1y`, `180d`, `never`, and an ISO 8601 date (its last second) or time.
    """
    wanted, moment = text.strip(), None
    lifetime = read_duration(wanted)
    # The latter: beyond the calendar's ends once it is turned to UTC
    with suppress(ValueError, OverflowError):
        if wanted.lower() == "never":
            moment = NEVER
        elif lifetime is not None:
            is_allowed = timedelta(0) < lifetime.length <= LONGEST_LIFETIME
            moment = lifetime.after(now.replace(microsecond=0)) if is_allowed else None
        elif len(wanted) == len("2027-06-30"):
            moment = datetime.combine(date.fromisoformat(wanted), END_OF_DAY, UTC)
        else:
            typed_time = datetime.fromisoformat(wanted)
            moment = (
                typed_time.astimezone(UTC) if typed_time.tzinfo else typed_time.replace(tzinfo=UTC)
            )
    if moment is None or moment <= now:
        code, why = (
            ("malformed-lifetime", "")
            if moment is None
            else ("lifetime-in-the-past", ": it is in the past")
        )
        remedy = "Use 1y, 2y, 180d, never, or a date in the future such as 2027-06-30."
        raise UsageError(code, f"Invalid --secret-lifetime '{text}'{why}.", remedy=remedy)
    return min(moment, NEVER)
