"""A trust file's `secret-lifetime` that is no longer than the time for which secrets are to last.

A secret of it is reported as soon as it is made, and no scheduled rotation takes it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mct_s2s.errors import UsageError
from mct_s2s.model.commands import option
from mct_s2s.model.duration import expiry, read_duration

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class ShortLifetime:
    """The lifetime, as the file says it, and what would fit it."""

    text: str
    within: timedelta
    """That within which a secret counts as expiring."""
    fitting: timedelta | None
    """Half of the lifetime; `None` where none would fit: the file has a date, or an hour."""

    @classmethod
    def of(cls, text: str | None, now: datetime, within: timedelta) -> "ShortLifetime | None":
        """A file's lifetime; `None` where it is longer, or the file says none."""
        lifetime = _lifetime(text, now) if text is not None else None
        if text is None or lifetime is None or lifetime > within:
            return None
        is_date = read_duration(text) is None
        return cls(text, within, None if is_date or lifetime < 2 * _HOUR else lifetime / 2)

    @property
    def advice(self) -> str:
        """Say what the file could say, or what else would fit it."""
        longer = "Set a longer one in the file"
        if self.fitting is None:
            return f"{longer}."
        return f"{longer}, or use {option('--expiring-within', typed(self.fitting))}."


def _lifetime(text: str, now: datetime) -> timedelta | None:
    now = now.replace(microsecond=0)  # as an end is; 20 days are no 19
    try:
        return expiry(text, now) - now
    except UsageError:  # a date that has passed since the file was read
        return None


def typed(length: timedelta) -> str:
    """A length of time as an option to type, in whole days, or else hours."""
    return f"{length.days}d" if length.days else f"{length // _HOUR or 1}h"
