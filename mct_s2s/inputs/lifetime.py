"""`--secret-lifetime`, `--expiring-within` and `--keep-old`: how long something is valid, as people type it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mct_s2s.errors import UsageError, about
from mct_s2s.model.client_credentials import NEVER
from mct_s2s.model.duration import END_OF_DAY, Duration, iso_duration, short_duration

DEFAULT = "1y"
"""Of a new credential."""
LONGEST = timedelta(days=3660)
"""Of a duration that is looked ahead, or that an old secret is kept: ten years."""
LONGEST_LIFETIME = timedelta(days=730)
"""Of a lifetime that is typed as a duration, as in the portal; a later end is typed as a date.

Source: learn.microsoft.com/entra/identity-platform/how-to-add-credentials.
"""


def duration(text: str, option: str) -> timedelta:
    """Hours, days or weeks, such as `24h`, `30d`, `4w`, or an ISO 8601 duration of days and hours; ten years at most.

    Raises:
        UsageError: none of these.
    """
    found = _parsed(text)
    if found is None or found.months or found.length > LONGEST:
        raise UsageError(
            "malformed-duration",
            f"Invalid {option} '{text}'.",
            remedy=f"Use hours, days or weeks, such as {option} 24h, {option} 30d or {option} 4w. The maximum is "
            "ten years.",
        )
    return found.length


@about("secret-lifetime")
def expiry(text: str, now: datetime) -> datetime:
    """When a credential made at `now` expires, in UTC.

    Args:
        text: a duration of two years at most (`1y`, `6m`, `180d`, `P180D`), `never`, an ISO 8601 date, whose last
            second is meant, or an ISO 8601 time.
        now: aware.

    Raises:
        UsageError: none of these, or in the past.
    """
    wanted = text.strip()
    if wanted.lower() == "never":
        return NEVER
    lifetime, whole = _parsed(wanted), now.replace(microsecond=0)
    if lifetime is not None:
        if not timedelta(0) < lifetime.length <= LONGEST_LIFETIME:
            raise _malformed(text)
        return lifetime.after(whole)
    moment = _moment(wanted)
    if moment is None:
        raise _malformed(text)
    if moment <= now:
        raise UsageError(
            "lifetime-in-the-past",
            f"Invalid --secret-lifetime '{text}': it is in the past.",
            remedy="Use 1y, 2y, 180d, never, or a date in the future such as 2027-06-30.",
        )
    return min(moment, NEVER)


def _parsed(text: str) -> Duration | None:
    wanted = text.strip()
    return short_duration(wanted) or iso_duration(wanted.upper())


def _moment(text: str) -> datetime | None:
    try:
        if len(text) == len("2027-06-30"):
            return datetime.combine(date.fromisoformat(text), END_OF_DAY, UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: beyond the calendar's ends once it is turned to UTC
        return None


def _malformed(text: str) -> UsageError:
    return UsageError(
        "malformed-lifetime",
        f"Invalid --secret-lifetime '{text}'.",
        remedy="Use 1y, 2y, 180d, never, or a date such as 2027-06-30.",
    )
