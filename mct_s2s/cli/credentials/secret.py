"""`--credential secret`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mct_s2s.cli.credentials.base import LifetimeOptions

if TYPE_CHECKING:
    from mct_s2s.planning.credentials.secret import SecretSpec


def read(options: LifetimeOptions, now: datetime) -> SecretSpec:
    """A secret of that lifetime."""
    from mct_s2s.inputs.lifetime import DEFAULT, expiry  # noqa: PLC0415  # the help has no need of it
    from mct_s2s.planning.credentials.secret import SecretSpec  # noqa: PLC0415

    return SecretSpec(expiry(options.secret_lifetime or DEFAULT, now), shorten=options.auto_lifetime)
