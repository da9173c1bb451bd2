"""`--expiring-within`, `--keep-old`: a length of time as people type it."""

from __future__ import annotations

import re
from datetime import timedelta

from mct_s2s.errors import UsageError

LONGEST = timedelta(days=3660)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_FORM = re.compile(r"(\d{1,6})([hdw])", re.IGNORECASE | re.ASCII)


def duration(text: str, option: str) -> timedelta:
    """A whole number of hours, days or weeks: `24h`, `30d`, `4w`; ten years at most.

    Args:
        text: as typed.
        option: the option's name, for the message.

    Raises:
        UsageError: none of these.
    """
    match = _FORM.fullmatch(text.strip())
    length = int(match[1]) * _UNITS[match[2].lower()] if match else None
    if length is None or length > LONGEST:
        raise UsageError(
            "malformed-duration",
            f"Invalid {option} '{text}'.",
            remedy=f"Use hours, days or weeks, such as {option} 24h, {option} 30d or {option} 4w. The maximum is "
            "ten years.",
        )
    return length
