"""`--credential secret`."""

from __future__ import annotations

from datetime import datetime

from mct_s2s.cli.credentials.base import LifetimeOptions
from mct_s2s.inputs.lifetime import expiry
from mct_s2s.planning.credentials.secret import SecretSpec


def read(options: LifetimeOptions, now: datetime) -> SecretSpec:
    """A secret of that lifetime."""
    return SecretSpec(expiry(options.secret_lifetime, now), shorten=options.auto_lifetime)
