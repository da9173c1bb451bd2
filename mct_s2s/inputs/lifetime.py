"""`--secret-lifetime`: how long a client secret is good for. Implements the document's step 2.6."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from mct_s2s.errors import UsageError
from mct_s2s.model.client_credentials import NEVER


def expiry(text: str, now: datetime) -> datetime:
    """When a secret made at `now` ends: `1y`, `2y`, `never`, or an ISO 8601 date (its end) or time. UTC.

    Raises:
        UsageError: none of these, or in the past.
    """
    wanted = text.strip().lower()
    if wanted == "never":
        return NEVER
    if wanted in {"1y", "2y"}:
        return _years_after(now, int(wanted[0]))
    moment = _moment(text.strip())
    if moment <= now:
        raise UsageError(
            "lifetime-in-the-past",
            f"A secret cannot expire on {text}: that is past.",
            remedy="Use 1y, 2y, never, or a date in the future: --secret-lifetime 2027-12-31",
        )
    if moment > NEVER:
        return NEVER
    return moment


def _moment(text: str) -> datetime:
    try:
        if len(text) == len("2027-12-31"):
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # the latter: beyond the calendar's ends once it is turned to UTC
        raise UsageError(
            "malformed-lifetime",
            f"'{text}' is no lifetime.",
            remedy="Use 1y, 2y, never, or an ISO 8601 date: --secret-lifetime 2027-12-31",
        ) from error


def _years_after(now: datetime, years: int) -> datetime:
    whole = now.replace(microsecond=0)
    try:
        return whole.replace(year=whole.year + years)
    except ValueError:  # 29 February
        return whole.replace(year=whole.year + years, day=28) + timedelta(days=1)
