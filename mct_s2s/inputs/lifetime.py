"""`--secret-lifetime`, `--expiring-within` and `--keep-old`: how long something is valid, as people type it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from mct_s2s.errors import UsageError, about
from mct_s2s.model.client_credentials import NEVER
from mct_s2s.model.duration import END_OF_DAY, typed_duration

DEFAULT = "1y"
"""Of a new credential."""
LONGEST = timedelta(days=3660)
"""Of a duration that is looked ahead, or that an old secret is kept: ten years."""
LONGEST_LIFETIME = timedelta(days=730)
"""Of a lifetime that is typed as a duration, as in the portal; a later end is typed as a date.

Source: learn.microsoft.com/entra/identity-platform/how-to-add-credentials.
"""


def duration(text: str, option: str) -> timedelta:
    """Hours, days or weeks, such as `24h`, `30d`, `4w`, or ISO 8601; ten years at most. Raises UsageError: another."""
    found = typed_duration(text)
    if found is None or found.months or found.exact > LONGEST:
        raise UsageError(
            "malformed-duration",
            f"Invalid {option} '{text}'.",
            remedy=f"Use hours, days or weeks, such as {option} 24h, {option} 30d or {option} 4w. The maximum is "
            "ten years.",
        )
    return found.exact


@about("secret-lifetime")
def expiry(text: str, now: datetime) -> datetime:
    """When a credential made at `now` expires, in UTC. Raises UsageError: none of these, or in the past.

    Args:
        text: a duration of two years at most (`1y`, `6m`, `180d`, `P180D`), `never`, an ISO 8601 date, whose last
            second is meant, or an ISO 8601 time.
    """
    wanted = text.strip()
    if wanted.lower() == "never":
        return NEVER
    lifetime, moment = typed_duration(wanted), None
    try:
        if lifetime is not None:
            if timedelta(0) < lifetime.length <= LONGEST_LIFETIME:
                moment = lifetime.after(now.replace(microsecond=0))
        elif len(wanted) == len("2027-06-30"):
            moment = datetime.combine(date.fromisoformat(wanted), END_OF_DAY, UTC)
        else:
            moment = datetime.fromisoformat(wanted)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: beyond the calendar's ends once it is turned to UTC
        moment = None
    if moment is None:
        raise UsageError(
            "malformed-lifetime",
            f"Invalid --secret-lifetime '{text}'.",
            remedy="Use 1y, 2y, 180d, never, or a date such as 2027-06-30.",
        )
    if moment <= now:
        raise UsageError(
            "lifetime-in-the-past",
            f"Invalid --secret-lifetime '{text}': it is in the past.",
            remedy="Use 1y, 2y, 180d, never, or a date in the future such as 2027-06-30.",
        )
    return min(moment, NEVER)
